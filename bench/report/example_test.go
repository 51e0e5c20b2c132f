package report_test

import (
	"fmt"
	"os"

	"github.com/tandem-compute/tandem/bench"
	"github.com/tandem-compute/tandem/bench/report"
)

func ExampleNewJSONLines() {
	c, err := bench.ParseCase("gemm/f32/64x64x64")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := bench.Result{Case: c, Threads: 1, Rows: []bench.Row{{Impl: "tandem", NS: 6000, GFlops: 87.4, GBps: 8.2}}}
	if err := report.NewJSONLines(os.Stdout).Write(r); err != nil {
		fmt.Println(err)
	}
	// Output: {"case":"gemm/f32/64x64x64","impl":"tandem","threads":1,"ns":6000,"gflops":87.4,"gbps":8.2}
}
