package ref_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref"
)

func Example() {
	x := ref.NewArray(op.Make(op.F32, 1, 3))
	x.F = []float64{1, 2, 3}
	out, err := ref.Eval(&op.Softmax{Scale: 1}, []ref.Array{x})
	fmt.Printf("%.4f %v\n", out[0].F, err)
	// Output: [0.0900 0.2447 0.6652] <nil>
}
