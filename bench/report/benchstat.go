package report

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/tandem-compute/tandem/bench"
)

// Benchstat writes results in Go's benchmark format, a line for each round. The implementation is a configuration
// key, so that `benchstat -col impl FILE` compares them.
type Benchstat struct {
	w    io.Writer
	impl string // of the last line
}

// NewBenchstat makes a Benchstat.
func NewBenchstat(w io.Writer) *Benchstat { return &Benchstat{w: w} }

func (s *Benchstat) Write(r bench.Result) error {
	var b strings.Builder
	if s.impl == "" {
		fmt.Fprintf(&b, "goos: %s\ngoarch: %s\n", runtime.GOOS, runtime.GOARCH)
	}
	for _, row := range r.Rows {
		if s.impl != row.Impl {
			s.impl = row.Impl
			fmt.Fprintf(&b, "impl: %s\n", row.Impl)
		}
		for _, seconds := range row.Times {
			fmt.Fprintf(&b, "Benchmark%s-%d\t%d\t%.6g ns/op", strings.ToUpper(r.Case.Name[:1])+r.Case.Name[1:], r.Threads,
				row.Iters, seconds*1e9)
			if r.Case.Flops > 0 {
				fmt.Fprintf(&b, "\t%.6g GFLOP/s", r.Case.Flops/seconds/1e9)
			}
			fmt.Fprintf(&b, "\t%.6g GB/s\n", r.Case.Bytes/seconds/1e9)
		}
	}
	_, err := io.WriteString(s.w, b.String())
	return err
}
