package cpu_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/cpu"
	"github.com/tandem-compute/tandem/internal/op"
)

// A node is an op with the views of its operands; the backend says by which kernel it runs it.
func Example() {
	b, why, err := cpu.Open(cpu.Options{Variant: "generic", Threads: 1})
	if err != nil {
		fmt.Println(why, err)
		return
	}
	defer b.Close()
	s, err := b.Stream()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	t := op.Make(op.F32, 3)
	x, err := b.Alloc(t.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Free(x)

	v, n := op.View{Type: t, Block: x}, new(op.Node)
	n.Set(&op.Iota{N: 3, DType: op.F32, Start: 5, Step: 2}, 0, 1)
	n.Out[0] = v
	if n.Kernel, err = b.Supports(n.Op, nil, []op.Type{t}); err == nil {
		err = s.Exec(n)
	}
	fmt.Println(op.Data[float32](&v), err)
	// Output: [5 7 9] <nil>
}
