package op_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/op"
)

// An op is data: what comes out, what is wrong with its operands, and what it costs follow without a device.
func Example() {
	p := &op.MatMul{Alpha: 1}
	in := []op.Type{op.Make(op.F16, 128, 64), op.Make(op.F16, 64, 256)}
	out, err := p.Infer(nil, in)
	fmt.Println(out[0], err, p.Cost(in, out))

	_, err = p.Infer(nil, []op.Type{in[0], op.Make(op.F16, 32, 256)})
	fmt.Println(err)
	// Output:
	// f16[128,256] <nil> {4194304 114688}
	// inner dimensions 64 and 32 differ
}
