package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-compute/tandem"
	"github.com/tandem-compute/tandem/bench"
	"github.com/tandem-compute/tandem/bench/peers"
	"github.com/tandem-compute/tandem/bench/report"
)

type benchFlags struct {
	filter                string
	peers                 []string
	threads, rounds       int
	json, benchstat, html string
}

func (a *app) benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure the library beside its peers", Args: cobra.NoArgs,
		Long: `Measure the library beside its peers.

Each round times every implementation once, in a random order; a ratio is a peer's time over Tandem's, as the
median over the rounds with its 95% bootstrap interval. A case ends after 9 to 51 rounds, when its intervals are narrow.
Peers: ` + strings.Join(peers.Names(), ", ") + `.`,
		Example: `  tandem bench --filter '^gemm/f32/1024' --peer gonum,openblas
  tandem bench --filter gemm --json results.jsonl --html results.html`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(positive(cmd, "threads", f.threads), positive(cmd, "rounds", f.rounds)); err != nil {
				return err
			}
			return a.bench(cmd.Context(), f, cmd.Flags().Changed("peer"))
		},
	}
	cmd.Flags().StringVar(&f.filter, "filter", "", "measure only the cases whose name matches this regular expression")
	cmd.Flags().StringSliceVar(&f.peers, "peer", nil, "peers, separated by commas; empty for none (default all that are here)")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "threads of every implementation (default GOMAXPROCS)")
	cmd.Flags().IntVar(&f.rounds, "rounds", 0, "rounds at most (default 51)")
	cmd.Flags().StringVar(&f.json, "json", "", "write JSON lines to a file, - for standard output")
	cmd.Flags().StringVar(&f.benchstat, "benchstat", "", "write benchstat text to a file, - for standard output")
	cmd.Flags().StringVar(&f.html, "html", "", "write an HTML page to a file")
	return cmd
}

func (a *app) bench(ctx context.Context, f benchFlags, named bool) error {
	cases, err := bench.Filter(bench.Suite(), f.filter)
	if err != nil {
		return misuse{err}
	}
	if len(cases) == 0 {
		return misusef("--filter %q: no case has such a name", f.filter)
	}
	if f.threads == 0 {
		f.threads = runtime.GOMAXPROCS(0)
	}
	if most := 4 * runtime.NumCPU(); f.threads > most {
		return misusef("--threads %d: at most %d on this machine", f.threads, most)
	}
	impls, err := a.impls(f, named)
	for _, impl := range impls {
		defer impl.Close()
	}
	if err != nil {
		return err
	}
	out := a.newOutputs()
	return out.close(a.measure(ctx, f, cases, impls, out))
}

// impls are Tandem and the peers: those named, or else all that this machine has.
func (a *app) impls(f benchFlags, named bool) ([]bench.Impl, error) {
	dev, err := tandem.Open(tandem.Threads(f.threads))
	if err != nil {
		if errors.Is(err, tandem.ErrDevice) {
			err = misuse{err}
		}
		return nil, err
	}
	fmt.Fprintf(a.stderr, "tandem: %s\n", strings.ReplaceAll(dev.Why(), "\n", "; "))
	name := dev.Name()
	if err := dev.Close(); err != nil {
		return nil, err
	}
	if name == "null" {
		return nil, misusef("the device null computes nothing that could be measured")
	}
	impls := []bench.Impl{bench.NewTandem()}
	names := f.peers
	if !named {
		names = peers.Names()
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		peer, err := peers.Open(name)
		switch {
		case err == nil:
			impls = append(impls, peer)
		case named:
			return impls, misuse{err}
		default:
			fmt.Fprintf(a.stderr, "tandem: without %s: %v\n", name, err)
		}
	}
	return impls, nil
}

// measure opens the outputs, measures the ceilings and then the cases.
func (a *app) measure(ctx context.Context, f benchFlags, cases []bench.Case, impls []bench.Impl, out *outputs) error {
	js, err := out.create("json", f.json)
	if err != nil {
		return err
	}
	text, err := out.create("benchstat", f.benchstat)
	if err != nil {
		return err
	}
	if f.html == "-" {
		return misusef("--html -: want a file")
	}
	page, err := out.create("html", f.html)
	if err != nil {
		return err
	}
	ceilings, err := a.ceilings(ctx, f.threads)
	if err != nil {
		return err
	}
	bar := a.newProgress(ctx, "bench", len(cases))
	sinks := bench.Sinks{report.NewTable(bar.above(out.text), ceilings)}
	if js != nil {
		sinks = append(sinks, report.NewJSONLines(js))
	}
	if text != nil {
		sinks = append(sinks, report.NewBenchstat(text))
	}
	sinks = append(sinks, stepper{bar})
	var html *report.HTML
	if page != nil {
		html = report.NewHTML(page, ceilings)
		sinks = append(sinks, html)
	}
	err = bench.Run(ctx, cases, impls, f.options(), sinks)
	bar.done()
	if html != nil { // what was measured before an error is worth a page as well
		err = errors.Join(err, html.Close())
	}
	return err
}

func (f benchFlags) options() bench.Options {
	o := bench.Options{Threads: f.threads}
	if f.rounds > 0 {
		o.MinRounds, o.MaxRounds = min(9, f.rounds), f.rounds
	}
	return o
}

// stepper moves the bar with each result.
type stepper struct{ bar *progress }

func (s stepper) Write(bench.Result) error {
	s.bar.step()
	return nil
}
