package gemm_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/cpu/internal/gemm"
	"github.com/tandem-compute/tandem/cpu/internal/isa"
	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

func ExampleEngine_Multiply() {
	e := gemm.New(isa.Detect())
	p := pool.Acquire()
	defer p.Release()
	a := []float32{1, 2, 3, 4, 5, 6} // [2, 3]
	b := []float32{1, 0, 0, 1, 1, 1} // [3, 2]
	c := make([]float32, 4)
	var ws gemm.Workspace
	e.Multiply(&ws, p, 1, &gemm.Call{
		M: 2, N: 2, K: 3, Alpha: 1,
		A: gemm.Of(a, 3, 1), B: gemm.Of(b, 2, 1), C: gemm.Of(c, 2, 1),
	})
	fmt.Println(c)
	// Output: [4 5 10 11]
}
