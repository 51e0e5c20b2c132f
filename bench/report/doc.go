// Package report writes the results of package bench: [Table] for people, [JSONLines] for programs, [Benchstat] for
// golang.org/x/perf/cmd/benchstat, and [HTML], one self-contained page with rooflines and ratios. All are
// [bench.Sink]s; combine them with [bench.Sinks].
package report
