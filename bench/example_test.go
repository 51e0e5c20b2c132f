package bench_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tandem-compute/tandem/bench"
	"github.com/tandem-compute/tandem/bench/report"
)

// steady is an implementation whose every iteration takes the same time, so that the example's output is fixed. One
// of yours would allocate in Prepare and take the time of real work in Run.
type steady struct {
	name string
	iter time.Duration
}

func (s steady) Name() string { return s.name }
func (s steady) Close()       {}

func (s steady) Prepare(c bench.Case, threads int) (bench.Runner, error) {
	if _, ok := c.Spec.(bench.GEMM); !ok {
		return nil, fmt.Errorf("%s: %w", c.Family, bench.ErrUnsupported)
	}
	return steadyRunner(s), nil
}

type steadyRunner steady

func (r steadyRunner) Run(n int) (time.Duration, error) { return time.Duration(n) * r.iter, nil }
func (r steadyRunner) Close()                           {}

func Example() {
	c, err := bench.ParseCase("gemm/f32/1000x1000x500/nt")
	if err != nil {
		fmt.Println(err)
		return
	}
	impls := []bench.Impl{steady{"tandem", 10 * time.Millisecond}, steady{"mine", 15 * time.Millisecond}}
	err = bench.Run(context.Background(), []bench.Case{c}, impls, bench.Options{Threads: 1}, report.NewJSONLines(os.Stdout))
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"case":"gemm/f32/1000x1000x500/nt","impl":"tandem","threads":1,"ns":10000000,"gflops":100,"gbps":0.8}
	// {"case":"gemm/f32/1000x1000x500/nt","impl":"mine","threads":1,"ns":15000000,"gflops":66.66666666666667,"gbps":0.5333333333333333,"ratio":1.5,"lo":1.5,"hi":1.5}
}
