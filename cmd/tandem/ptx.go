package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-compute/tandem/internal/npy"
	"github.com/tandem-compute/tandem/internal/ptx"
)

type ptxFlags struct {
	entry, grid, block, json string
	args, outs               []string
	shared                   int
	seed                     uint64
	budget                   int64
}

// ptxMemory is the global memory of the machine that kernels run on.
const ptxMemory int64 = 4 << 30

func (a *app) ptxCommand() *cobra.Command {
	var f ptxFlags
	cmd := &cobra.Command{
		Use: "ptx FILE", Short: "Run a kernel of a PTX file without a GPU: sanitizer, meter, coverage", Args: cobra.ExactArgs(1),
		Long: `Run a kernel of a PTX file on the interpreter, which needs no GPU.

The sanitizer stops the kernel at its first out-of-bounds or misaligned access, read of memory that nobody wrote, race
in shared memory, race between blocks, barrier in divergent code or deadlock, and names instruction and line. The meter
counts warp instructions, sectors of global memory and passes through the banks of shared memory. Blocks run in order,
one after the other; --seed mixes the order of blocks and warps, which may uncover another race.

Each --arg gives one parameter, in order:

  i32=5 u64=0x7 f32=0.5     a scalar; types are i8 to i64, u8 to u64, f16, bf16, f32 and f64
  x.npy                     the address of a buffer with a file's elements
  zeros:f32:1024            the address of a buffer of zeros; its shape may be like 32x32, too
  empty:f32:1024            the same, of memory that nobody wrote: to read it before it is written is a finding
  uniform:f32:1024:SEED     the same, of numbers drawn from [0, 1), or, for integers, from all there are
  value:x.npy               a struct by value: the bytes of a file's elements

--out K=FILE writes the buffer of the K-th --arg, counted from 0, as a run without findings leaves it. bf16 has no name in
.npy files: its elements are written as <V2, and .view(ml_dtypes.bfloat16) makes numbers of them.`,
		Example: `  tandem ptx saxpy.ptx --entry saxpy --grid 4 --block 256 --arg y.npy --arg x.npy --arg f32=2 --arg u32=1000 --out 0=y.npy
  tandem ptx gemm.ptx --entry gemm --grid 2,2 --block 16,16 --arg empty:f32:32x32 --arg uniform:f32:32x32:1 --arg uniform:f32:32x32:2`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.ptx(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringVar(&f.entry, "entry", "", "name of the kernel (default the only one of the file)")
	cmd.Flags().StringVar(&f.grid, "grid", "1", "blocks along x, y and z, such as 4,2,1")
	cmd.Flags().StringVar(&f.block, "block", "1", "threads of a block along x, y and z, such as 16,16,1")
	cmd.Flags().IntVar(&f.shared, "shared", 0, "bytes of dynamic shared memory")
	cmd.Flags().StringArrayVar(&f.args, "arg", nil, "a parameter, once for each, in order")
	cmd.Flags().StringArrayVar(&f.outs, "out", nil, "K=FILE.npy: write the K-th buffer after the run, - for standard output")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "run blocks and warps in an order drawn from this number (default in order)")
	cmd.Flags().Int64Var(&f.budget, "budget", 0, "end a kernel that takes more warp instructions (default no limit)")
	cmd.Flags().StringVar(&f.json, "json", "", "write the outcome as JSON to a file, - for standard output")
	return cmd
}

func (a *app) ptx(ctx context.Context, path string, f ptxFlags) error {
	grid, gridErr := parseDims("grid", f.grid)
	block, blockErr := parseDims("block", f.block)
	args, argsErr := parseArguments(f.args)
	if err := errors.Join(gridErr, blockErr, argsErr); err != nil {
		return misuse{err}
	}
	module, kernel, err := loadKernel(path, f.entry)
	if err != nil {
		return err
	}
	mem := ptx.NewMemory(ptxMemory)
	params, err := bind(kernel, args, mem)
	if err != nil {
		return misuse{err}
	}
	out := a.newOutputs()
	js, err := out.create("json", f.json)
	if err != nil {
		return err
	}
	saves, err := createSaves(out, f.outs, args)
	if err != nil {
		return out.close(err)
	}
	r := newPTXReport(path, module, kernel, args, grid, block, f)
	err = r.run(&ptx.Launch{Grid: grid, Block: block, Shared: f.shared, Params: params, Memory: mem,
		Options: ptx.Options{Seed: f.seed, Budget: f.budget, Ctx: ctx}}, kernel)
	if errors.As(err, new(misuse)) {
		return out.close(err)
	}
	r.write(out.text)
	if err == nil { // what a faulting kernel leaves behind is nobody's result
		err = save(saves, mem)
	}
	return out.close(errors.Join(err, writeJSON(js, r)))
}

// loadKernel finds the entry in a file. A file that is wrong has failed; one that is not there, or has no such entry, is
// a misuse.
func loadKernel(path, entry string) (*ptx.Module, *ptx.Kernel, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, misuse{err}
	}
	module, err := ptx.Parse(string(text))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	entries := module.Entries()
	switch {
	case len(entries) == 0:
		return nil, nil, misusef("%s has no entries", path)
	case entry == "" && len(entries) == 1:
		entry = entries[0]
	case !slices.Contains(entries, entry):
		return nil, nil, misusef("--entry %s: %s has these entries:\n  %s", entry, path, strings.Join(entries, "\n  "))
	}
	kernel, err := module.Entry(entry)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %s: %w", path, entry, err)
	}
	return module, kernel, nil
}

// parseDims reads one to three positive numbers.
func parseDims(flag, text string) (dims [3]int, err error) {
	dims = [3]int{1, 1, 1}
	parts := strings.Split(text, ",")
	for i, part := range parts {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || len(parts) > len(dims) {
			return dims, fmt.Errorf("--%s %s: want one to three positive numbers, such as 4,2,1", flag, text)
		}
		dims[i] = n
	}
	return dims, nil
}

// saving is one --out.
type saving struct {
	arg *argument
	w   io.Writer
}

// createSaves opens the files of --out.
func createSaves(out *outputs, specs []string, args []*argument) (list []saving, err error) {
	for _, spec := range specs {
		number, path, ok := strings.Cut(spec, "=")
		k, err := strconv.Atoi(number)
		switch {
		case !ok || err != nil || path == "":
			return nil, misusef("--out %s: want K=FILE.npy", spec)
		case k < 0 || k >= len(args):
			return nil, misusef("--out %s: there are %d arguments, counted from 0", spec, len(args))
		case args[k].buffer == nil:
			return nil, misusef("--out %s: argument %d, %s, is no buffer", spec, k, args[k].spec)
		}
		w, err := out.create("out", path)
		if err != nil {
			return nil, err
		}
		list = append(list, saving{args[k], w})
	}
	return list, nil
}

func save(list []saving, mem *ptx.Memory) error {
	for _, s := range list {
		b := *s.arg.buffer
		b.Data = make([]byte, len(b.Data))
		if err := mem.Read(s.arg.addr, b.Data); err != nil {
			return err
		}
		if err := npy.Write(s.w, &b); err != nil {
			return err
		}
	}
	return nil
}
