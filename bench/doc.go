// Package bench measures Tandem beside its peers.
//
// A [Case] is one piece of work, as data: gemm/f32/1024x1024x1024, attention/f32/b1h12s1024d64/causal. An [Impl] is
// a way to do it: Tandem, a peer from package peers, or the caller's own. [Run] gives every implementation the same
// case and the same number of threads, and interleaves them: each round times each one once, in an order drawn anew,
// so that a slow minute of the machine falls on all of them. What comes out is the ratio of a peer's time to the
// reference's, paired round by round, as a median with its 95% bootstrap interval ([Estimate]). Rounds go on until
// that interval is narrow or the limit is reached.
//
//	ceilings, err := bench.MeasureCeilings(ctx, threads)
//	table := report.NewTable(os.Stdout, ceilings)
//	err = bench.Run(ctx, bench.Suite(), impls, bench.Options{Threads: threads}, table)
//
// [MeasureCeilings] finds what the machine itself can do (FMA peak, read and copy bandwidth), against which package
// report shows each figure as a table, JSON lines, benchstat text or an HTML page.
package bench
