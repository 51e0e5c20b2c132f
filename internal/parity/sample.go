package parity

import "github.com/tandem-compute/tandem/internal/op"

// samples are exact: a random number is a function of its address.
func samples() []Case {
	var cs []Case
	type kind struct {
		dist op.Dist
		d    op.DType
		a, b float32
	}
	for _, k := range []kind{{op.Bits, op.I32, 0, 0}, {op.Uniform, op.F32, 0, 1}, {op.Uniform, op.F32, -2, 3}, {op.Uniform, op.F64, -2, 3}, {op.Bernoulli, op.Bool, 0.3, 0}} {
		for _, dims := range [][]int{{3, 45}, {1}, {9001}} {
			o := &op.Random{Dims: op.DimsOf(dims...), A: k.a, B: k.b, Dist: k.dist, DType: k.d}
			cs = append(cs, New(o, []Operand{Of(Key, op.I64, 3)}, Tag("%v/a=%v", dims, k.a)))
			if len(dims) == 2 {
				cs = append(cs, New(o, []Operand{Of(Key, op.I64, dims[0], 3)}, Tag("%v/a=%v", dims, k.a)))
			}
		}
	}
	return cs
}
