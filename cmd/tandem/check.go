package main

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tandem-compute/tandem/cpu"
	"github.com/tandem-compute/tandem/internal/device"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

type checkFlags struct {
	device, variant, op, json string
	quick                     bool
	threads                   int
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use: "check", Short: "Hold a device to the float64 oracle: the parity suite as a self-test", Args: cobra.NoArgs,
		Long: `Hold a device to the float64 oracle.

Every case of the parity suite runs on the device, behind guard bytes and on poisoned outputs, twice, and is compared
with the oracle. On the CPU every variant that this machine can run is checked, unless --variant names one.`,
		Example: `  tandem check --quick
  tandem check --variant generic --op '^softmax/'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := positive(cmd, "threads", f.threads); err != nil {
				return err
			}
			return a.check(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&f.device, "device", "", "device: auto, cpu, cuda:N or sim (default TANDEM_DEVICE, else auto)")
	cmd.Flags().StringVar(&f.variant, "variant", "", "CPU variant: generic, avx2 or avx512 (default each that runs here)")
	cmd.Flags().StringVar(&f.op, "op", "", "check only the cases whose name matches this regular expression")
	cmd.Flags().BoolVar(&f.quick, "quick", false, "check one case of each op and dtype")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "threads of the CPU (default what the process may use)")
	cmd.Flags().StringVar(&f.json, "json", "", "write the outcome as JSON to a file, - for standard output")
	return cmd
}

func (a *app) check(ctx context.Context, f checkFlags) error {
	cases, err := f.cases()
	if err != nil {
		return err
	}
	backends, err := a.backends(f)
	defer func() {
		for _, b := range backends {
			_ = b.Close() // the process ends here
		}
	}()
	if err != nil {
		return err
	}
	out := a.newOutputs()
	js, err := out.create("json", f.json)
	if err != nil {
		return err
	}
	report := newCheckReport(len(cases))
	for _, b := range backends {
		run := a.checkBackend(ctx, b, cases, f)
		report.Runs = append(report.Runs, run)
		run.write(out.text)
		if ctx.Err() != nil {
			report.Interrupted = true
			break
		}
	}
	err = report.verdict() // sets what is written next
	return out.close(errors.Join(err, writeJSON(js, report)))
}

// cases are those that the flags choose.
func (f checkFlags) cases() ([]parity.Case, error) {
	re, err := regexp.Compile(f.op)
	if err != nil {
		return nil, misusef("--op: %w", err)
	}
	cases := slices.DeleteFunc(parity.Cases(), func(c parity.Case) bool {
		return !re.MatchString(c.Name) || f.quick && !c.Quick
	})
	if len(cases) == 0 {
		return nil, misusef("--op %q: no case has such a name", f.op)
	}
	return cases, nil
}

// backends opens the device, once for every variant that is to be checked. What is open comes back beside an error.
func (a *app) backends(f checkFlags) (all []op.Backend, err error) {
	add := func(name, variant string) (b op.Backend) {
		if err == nil {
			b, _, err = a.openBackend(name, device.Options{Variant: variant, Threads: f.threads})
		}
		if err == nil {
			all = append(all, b)
		}
		return b
	}
	first := add(f.device, f.variant)
	if err != nil {
		return all, err
	}
	switch has := variantOf(first); {
	case first.Name() == "null":
		err = misusef("the device null computes nothing that could be checked")
	case has == "" && f.variant != "":
		err = misusef("--variant %s: %s has no variants", f.variant, first.Name())
	case has != "" && f.variant == "":
		for _, v := range cpu.Variants() {
			if v != has {
				add(first.Name(), v)
			}
		}
	}
	return all, err
}

// variantOf is the name of a CPU backend's kernels, empty for another backend.
func variantOf(b op.Backend) string {
	if c, ok := b.(interface{ Variant() string }); ok {
		return c.Variant()
	}
	return ""
}

// threadsOf is how many threads a CPU backend uses, 0 for another backend.
func threadsOf(b op.Backend) int {
	if c, ok := b.(interface{ Threads() int }); ok {
		return c.Threads()
	}
	return 0
}

// checkBackend runs the cases on one backend, until the context ends.
func (a *app) checkBackend(ctx context.Context, b op.Backend, cases []parity.Case, f checkFlags) checkRun {
	run := checkRun{
		Device: b.Name(), Variant: variantOf(b), Threads: threadsOf(b), Families: []checkTally{}, Failures: []checkResult{}, Unsupported: []checkResult{},
	}
	bar := a.newProgress(ctx, run.title(), len(cases))
	defer bar.done()
	for i := range cases {
		res := parity.Run(ctx, b, &cases[i])
		if ctx.Err() != nil { // it may have been cut short
			break
		}
		run.add(res, f)
		bar.step()
	}
	return run
}
