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
	// Rows that threads cut within a block of four.
	for _, k := range []op.Random{{Dist: op.Bits, DType: op.I32}, {Dist: op.Uniform, DType: op.F32, B: 1}} {
		k.Dims = op.DimsOf(400, 45)
		cs = append(cs, New(&k, []Operand{Of(Key, op.I64, 400, 3)}, Tag("cut")))
	}
	for _, dims := range [][]int{{3, 45}, {1}, {9001}} {
		for _, d := range []op.DType{op.F32, op.F64} {
			o := &op.Random{Dims: op.DimsOf(dims...), A: 1, B: 2, Dist: op.Normal, DType: d}
			// A handful of roundings of numbers up to six, and the angle's.
			cs = append(cs, New(o, []Operand{Of(Key, op.I64, 3)}, Rowwise(1), Loosely(8), Tag("%v/%v", dims, d), asF32))
			if len(dims) == 2 {
				cs = append(cs, New(o, []Operand{Of(Key, op.I64, dims[0], 3)}, Rowwise(1), Loosely(8), Tag("%v/%v", dims, d), asF32))
			}
		}
		for _, d := range floats {
			x := Of(Normal, d, dims...)
			cs = append(cs, New(&op.Dropout{P: 0.25}, []Operand{x, Of(Key, op.I64, 3)}, Function()),
				New(&op.Dropout{}, []Operand{x, Of(Key, op.I64, 3)}, Tag("p=0")))
			if len(dims) == 2 {
				cs = append(cs, New(&op.Dropout{P: 0.5}, []Operand{x, Of(Key, op.I64, dims[0], 3)}, Function()))
			}
		}
	}
	return append(cs, categoricals()...)
}

// asF32 holds f64 results to f32's rounding: the numbers are made in f32.
func asF32(c *Case) { c.Unit = unit(op.F32) }

func categoricals() []Case {
	var cs []Case
	for _, d := range floats {
		params := Operand{Type: op.Make(op.F32, 9, 4), Gen: Rows, Row: [4]float64{1, 0, 1, 0}}
		cs = append(cs, New(&op.Categorical{}, []Operand{Of(Masked, d, 9, 1), params, Of(Key, op.I64, 3)}, Spreading(rowSpread), Loosely(8), Tag("masked"), ZeroAllowed(), asF32))
		for _, n := range []int{1, 7, 100, 5000} {
			for i, p := range [][4]float64{{0, 0, 1, 0}, {1, 0, 1, 0}, {0.7, 5, 1, 0}, {1.3, 0, 0.6, 0}, {1, 0, 1, 0.2}, {0.9, 40, 0.8, 0.05}, {1, 1, 1, 0}, {1, 0, 0, 0}} {
				params := Operand{Type: op.Make(op.F32, 9, 4), Gen: Rows, Row: p}
				for _, key := range []Operand{Of(Key, op.I64, 3), Of(Key, op.I64, 9, 3)} {
					if d != op.F32 && (n == 5000 || i > 3) {
						continue
					}
					cs = append(cs, New(&op.Categorical{}, []Operand{Of(Normal, d, 9, n), params, key}, Spreading(rowSpread), Loosely(8), Tag("%v", p), ZeroAllowed(), asF32))
				}
			}
		}
	}
	return cs
}
