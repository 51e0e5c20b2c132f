// Ledger assembles the committed PTX for the architectures that must take it and writes what became of each kernel:
// registers, shared memory, occupancy, tensor-core and 128-bit memory instructions. It fails if a kernel spills.
//
//	go run -tags cuda ./internal/cmd/ledger -tools DIR -work DIR -out kernels/LEDGER.md kernels/ptx/*.ptx
//
// DIR of -tools holds ptxas and nvdisasm (make ptxas installs them).
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("ledger: ")
	tools := flag.String("tools", "", "directory of ptxas and nvdisasm")
	work := flag.String("work", "out/ptxas", "directory for the assembled modules")
	out := flag.String("out", "kernels/LEDGER.md", "file to write")
	flag.Parse()
	if err := run(*tools, *work, *out, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(tools, work, out string, modules []string) error {
	if len(modules) == 0 {
		return errors.New("no PTX files")
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	version, err := toolVersion(tools)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, header, version)
	var spills []string
	slices.Sort(modules)
	for _, file := range modules {
		family := strings.TrimSuffix(filepath.Base(file), ".ptx")
		byArch, err := assembleAll(tools, work, file, family)
		if err != nil {
			return err
		}
		for i, a := range architectures {
			for name, k := range byArch[i] {
				if k.stack > 0 {
					spills = append(spills, fmt.Sprintf("%s on %s: %d bytes of stack", name, a.name, k.stack))
				}
			}
		}
		writeFamily(&text, family, byArch)
	}
	if len(spills) > 0 {
		slices.Sort(spills)
		return fmt.Errorf("kernels must not use local memory:\n%s", strings.Join(spills, "\n"))
	}
	if err := writeMeasured(&text); err != nil {
		return err
	}
	return os.WriteFile(out, text.Bytes(), 0o644)
}

const header = `# Ledger of the CUDA kernels

Written by ` + "`make ptxas`" + ` with ptxas %s; do not edit. Registers and shared bytes are per thread and per block; occupancy is the share of
a multiprocessor's warps that registers, shared memory and block size admit. MMA counts tensor-core instructions in the code, loop is
their share of the main loop and that of what neither computes nor feeds them; 128 counts the memory instructions of 16 bytes per
thread. No kernel spills or uses local memory: the tool fails if one does.
`

func toolVersion(tools string) (string, error) {
	text, err := exec.Command(filepath.Join(tools, "ptxas"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ptxas: %w", err)
	}
	_, v, ok := strings.Cut(string(text), ", V")
	if !ok {
		return "", fmt.Errorf("ptxas --version says %q", text)
	}
	v, _, _ = strings.Cut(v, "\n")
	return v, nil
}

// assembleAll assembles a module for all architectures at once.
func assembleAll(tools, work, file, family string) ([]map[string]*kernel, error) {
	byArch, errs := make([]map[string]*kernel, len(architectures)), make([]error, len(architectures))
	var all sync.WaitGroup
	for i, a := range architectures {
		all.Go(func() { byArch[i], errs[i] = assemble(tools, work, file, family, a) })
	}
	all.Wait()
	return byArch, errors.Join(errs...)
}

// assemble runs ptxas and nvdisasm on one module for one architecture.
func assemble(tools, work, file, family string, a architecture) (map[string]*kernel, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cubin := filepath.Join(work, family+"."+a.name+".cubin")
	info, err := exec.Command(filepath.Join(tools, "ptxas"), "-arch="+a.name, "-v", file, "-o", cubin).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s for %s: %w\n%s", file, a.name, err, info)
	}
	sass, err := exec.Command(filepath.Join(tools, "nvdisasm"), "-c", cubin).Output()
	if err != nil {
		return nil, fmt.Errorf("nvdisasm %s: %w", cubin, err)
	}
	kernels := map[string]*kernel{}
	if err := readBlocks(kernels, string(source)); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := readResources(kernels, string(info)); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	readInstructions(kernels, string(sass))
	return kernels, nil
}

func writeFamily(w *bytes.Buffer, family string, byArch []map[string]*kernel) {
	fmt.Fprintf(w, "\n## %s\n\n| kernel | block |", family)
	for _, a := range architectures {
		fmt.Fprintf(w, " %s: registers | shared | occupancy | MMA | loop | 128 |", a.name)
	}
	fmt.Fprintf(w, "\n|---|---|%s\n", strings.Repeat("---|", 6*len(architectures)))
	names := make([]string, 0, len(byArch[0]))
	for name := range byArch[0] {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "| %s | %d |", name, byArch[0][name].threads)
		for i, a := range architectures {
			k := byArch[i][name]
			fmt.Fprintf(w, " %d | %d | %d%% | %d | %s | %d |", k.registers, k.shared, a.occupancy(k), k.mma, k.loop, k.wide)
		}
		fmt.Fprintln(w)
	}
}
