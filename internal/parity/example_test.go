package parity_test

import (
	"context"
	"fmt"

	"github.com/tandem-compute/tandem/cpu"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

// A case of one's own: rows of 33 numbers, held to the largest of each result.
func Example() {
	b, _, err := cpu.Open(cpu.Options{Variant: "generic", Threads: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	c := parity.New(&op.Softmax{Scale: 1}, []parity.Operand{parity.Of(parity.Normal, op.F32, 4, 33)}, parity.Rowwise(33))
	fmt.Println(c.Name, parity.Run(context.Background(), b, &c).Status == parity.Passed)
	// Output: softmax/f32/4x33 true
}
