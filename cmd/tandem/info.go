package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/cpu"

	cpubackend "github.com/tandem-compute/tandem/cpu"
	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/device"
	"github.com/tandem-compute/tandem/internal/parity"
)

func (a *app) infoCommand() *cobra.Command {
	var jsonPath, matrixPath string
	cmd := &cobra.Command{
		Use: "info", Short: "Show devices, why they were chosen, and what runs on them", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.info(jsonPath, matrixPath) },
	}
	cmd.Flags().StringVar(&jsonPath, "json", "", "write what is shown as JSON to a file, - for standard output")
	cmd.Flags().StringVar(&matrixPath, "matrix", "", "write the support matrix as Markdown to a file, - for standard output")
	return cmd
}

// infoReport is what --json writes.
type infoReport struct {
	Go         string       `json:"go"`
	OS         string       `json:"os"`
	Arch       string       `json:"arch"`
	CPUs       int          `json:"cpus"`
	GOMAXPROCS int          `json:"gomaxprocs"`
	Features   []string     `json:"features"` // instruction sets that kernels are written for, of those the CPU has
	Variants   []string     `json:"variants"` // of the CPU kernels that run here
	Default    string       `json:"default"`  // the device that Open chooses
	Why        []string     `json:"why"`      // how it is chosen
	Devices    []infoDevice `json:"devices"`
	CUDA       infoCUDA     `json:"cuda"`
}

type infoDevice struct {
	Name    string       `json:"name"`
	Found   bool         `json:"found"`
	Reason  string       `json:"reason"` // why it is as it is, or not there
	Variant string       `json:"variant,omitempty"`
	Threads int          `json:"threads,omitempty"`
	Support *infoSupport `json:"support,omitempty"`
}

// infoSupport is the support matrix in short.
type infoSupport struct {
	Kernels int      `json:"kernels"` // pairs of op and dtype
	Pairs   int      `json:"pairs"`
	Missing []string `json:"missing"` // ops without any kernel
}

type infoCUDA struct {
	Driver  string   `json:"driver"`
	Version int      `json:"version"`
	Tried   []string `json:"tried"`
	Error   string   `json:"error"`
	Advice  string   `json:"advice"`
}

func (a *app) info(jsonPath, matrixPath string) error {
	out := a.newOutputs()
	js, err := out.create("json", jsonPath)
	if err != nil {
		return err
	}
	page, err := out.create("matrix", matrixPath)
	if err != nil {
		return out.close(err)
	}
	r := infoReport{
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0),
		Features: features(), Variants: cpubackend.Variants(), CUDA: driver(),
	}
	b, why, err := a.openBackend("", device.Options{})
	if r.Why = why; err != nil {
		return out.close(err)
	}
	r.Default = b.Name()
	err = b.Close()
	var matrices []parity.Matrix
	for _, name := range []string{"cpu", "cuda:0", "sim"} {
		d, m, failure := a.probe(name)
		err = errors.Join(err, failure)
		r.Devices = append(r.Devices, d)
		if d.Found {
			matrices = append(matrices, m)
		}
	}
	r.write(out.text)
	if page != nil {
		_, failure := io.WriteString(page, parity.Markdown(matrices))
		err = errors.Join(err, failure)
	}
	return out.close(errors.Join(err, writeJSON(js, r)))
}

// probe opens a device to describe it. One that is not here is no error.
func (a *app) probe(name string) (infoDevice, parity.Matrix, error) {
	d := infoDevice{Name: name}
	b, why, err := a.open(name, device.Options{})
	if err != nil {
		d.Reason = strings.TrimPrefix(err.Error(), name+": ")
		return d, parity.Matrix{}, nil
	}
	m := parity.Support(b)
	d.Found, d.Reason, d.Variant, d.Threads = true, why[len(why)-1], variantOf(b), threadsOf(b)
	d.Support = &infoSupport{Missing: m.Missing()}
	d.Support.Kernels, d.Support.Pairs = m.Count()
	return d, m, b.Close()
}

// features are the names of those instruction sets that this processor has.
func features() []string {
	x := &cpu.X86
	names := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx2", x.HasAVX2}, {"fma", x.HasFMA}, {"f16c", x.HasF16C}, {"bmi2", x.HasBMI2},
		{"avx512f", x.HasAVX512F}, {"avx512bw", x.HasAVX512BW}, {"avx512dq", x.HasAVX512DQ}, {"avx512vl", x.HasAVX512VL},
		{"avx512_vnni", x.HasAVX512VNNI}, {"avx512_vpopcntdq", x.HasAVX512VPOPCNTDQ}, {"avx512_bf16", x.HasAVX512BF16},
	} {
		if f.has {
			names = append(names, f.name)
		}
	}
	return names
}

// driver is what was tried for the GPU, and what to do about it.
func driver() infoCUDA {
	s := cuda.Status()
	d := infoCUDA{Driver: s.Driver, Version: s.Version, Tried: append([]string{}, s.Tried...)}
	if s.Err == nil {
		return d
	}
	d.Error = s.Err.Error()
	switch {
	case errors.Is(s.Err, cuda.ErrNotBuilt):
		d.Advice = "to use a GPU, build on Linux with cgo and -tags cuda; the package comment of internal/cuda has the command"
	case errors.Is(s.Err, cuda.ErrNoDriver):
		d.Advice = "to use a GPU, install NVIDIA's driver, which brings libcuda.so.1; TANDEM_DEVICE=sim runs the GPU's kernels without one"
	default:
		d.Advice = "a driver is there but does not work: nvidia-smi tells more"
	}
	return d
}

// write writes the report for people.
func (r *infoReport) write(w io.Writer) {
	fmt.Fprintf(w, "%s %s/%s, %d CPUs, GOMAXPROCS %d\n", r.Go, r.OS, r.Arch, r.CPUs, r.GOMAXPROCS)
	fmt.Fprintf(w, "features: %s\nvariants: %s\n\n", list(r.Features), list(r.Variants))
	fmt.Fprintf(w, "default device: %s\n", r.Default)
	for _, line := range r.Why {
		fmt.Fprintf(w, "  %s\n", line)
	}
	fmt.Fprintln(w, "\ndevices")
	for _, d := range r.Devices {
		if !d.Found {
			fmt.Fprintf(w, "  %-8s not here: %s\n", d.Name, d.Reason)
			continue
		}
		fmt.Fprintf(w, "  %-8s %s\n           kernels for %d of %d pairs of op and dtype; for no dtype of: %s\n",
			d.Name, d.Reason, d.Support.Kernels, d.Support.Pairs, list(d.Support.Missing))
	}
	fmt.Fprintln(w, "\nCUDA")
	if r.CUDA.Driver != "" {
		fmt.Fprintf(w, "  driver %s, API version %d.%d\n", r.CUDA.Driver, r.CUDA.Version/1000, r.CUDA.Version%1000/10)
	}
	if r.CUDA.Error != "" {
		fmt.Fprintf(w, "  %s\n  %s\n", r.CUDA.Error, r.CUDA.Advice)
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
