package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-compute/tandem/bench"
	"github.com/tandem-compute/tandem/internal/device"
	"github.com/tandem-compute/tandem/internal/op"
)

// Exit statuses.
const (
	good = iota
	failed
	misused
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	os.Exit(newApp(os.Stdout, os.Stderr).run(ctx, os.Args[1:]))
}

// app is one run of the command. Tests exchange what it reaches the machine through.
type app struct {
	stdout, stderr io.Writer
	open           func(name string, o device.Options) (op.Backend, []string, error)
	ceilings       func(ctx context.Context, threads int) (bench.Ceilings, error)
}

func newApp(stdout, stderr io.Writer) *app {
	return &app{stdout: stdout, stderr: stderr, open: device.Open, ceilings: bench.MeasureCeilings}
}

// misuse is an error in what was asked for, not in what was done.
type misuse struct{ error }

func (m misuse) Unwrap() error { return m.error }

func misusef(format string, a ...any) error { return misuse{fmt.Errorf(format, a...)} }

// run executes the command line and returns its exit status.
func (a *app) run(ctx context.Context, args []string) int {
	begun := false
	root := &cobra.Command{
		Use: "tandem", Short: "Accelerated compute for Go: what it finds here, whether it is right, how fast it is",
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRun: func(*cobra.Command, []string) { begun = true },
	}
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.AddCommand(a.infoCommand(), a.checkCommand(), a.benchCommand(), a.ptxCommand())
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return good
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%s: interrupted", cmd.Name())
	}
	fmt.Fprintf(a.stderr, "tandem: %s\n", strings.TrimPrefix(err.Error(), "tandem: "))
	if errors.As(err, new(misuse)) || !begun { // what cobra itself refuses comes before a command begins
		fmt.Fprintf(a.stderr, "see %s --help\n", cmd.CommandPath())
		return misused
	}
	return failed
}

// openBackend opens a device. One that does not exist, or not here, is a misuse.
func (a *app) openBackend(name string, o device.Options) (op.Backend, []string, error) {
	b, why, err := a.open(name, o)
	if errors.Is(err, op.ErrDevice) {
		err = misuse{err}
	}
	return b, why, err
}

// positive refuses a flag that was set to less than one.
func positive(cmd *cobra.Command, flag string, value int) error {
	if cmd.Flags().Changed(flag) && value < 1 {
		return misusef("--%s %d: want at least 1", flag, value)
	}
	return nil
}
