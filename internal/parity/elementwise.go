package parity

import "github.com/tandem-compute/tandem/internal/op"

func elementwise() []Case {
	var cs []Case
	for _, f := range []func() []Case{unaries, unaryGrads, binaries, scalars, compares, selects, fused, copies, casts} {
		cs = append(cs, f()...)
	}
	return cs
}

// domain is the inputs on which a function is well conditioned.
func domain(f op.UnaryFn) Gen {
	switch f {
	case op.Sqrt, op.Rsqrt, op.Log, op.Log2, op.Log1p, op.Reciprocal:
		return Positive
	}
	return Normal
}

// exactFn are functions whose result needs no rounding or is rounded correctly by every device.
func exactFn(f op.UnaryFn) bool {
	return f <= op.Square || f == op.ReLU || f == op.Not || f >= op.Floor && f <= op.Trunc
}

func unaries() []Case {
	var cs []Case
	for f := range op.NumUnaryFns {
		o := &op.Unary{Fn: f}
		class := Function()
		switch {
		case exactFn(f):
			class = Tag("exact")
		case f == op.GELU || f == op.GELUTanh:
			class = func(c *Case) { c.Class, c.Scale, c.Terms = Real, ByInput, 1 }
		}
		if f == op.Not {
			for _, d := range append([]op.DType{op.Bool}, integers...) {
				cs = append(cs, New(o, []Operand{Of(Normal, d, 3, 45)}))
			}
			continue
		}
		for _, d := range floats {
			cs = append(cs, New(o, []Operand{Of(domain(f), d, 3, 45)}, class))
		}
		for _, shape := range [][]int{{1}, {0}, {8191}, {2, 3, 1000}} {
			cs = append(cs, New(o, []Operand{Of(domain(f), op.F32, shape...)}, class))
		}
		cs = append(cs,
			New(o, []Operand{Of(domain(f), op.F32, 5, 33).Strided()}, class),
			New(o, []Operand{Of(domain(f), op.F32, 5, 33).Turned()}, class),
			New(o, []Operand{Of(domain(f), op.F16, 5, 33).Turned()}, class),
			New(o, []Operand{Of(Wide, op.F32, 700)}, class, Tag("wide")))
		switch f {
		case op.Exp, op.Exp2, op.Expm1, op.Sigmoid, op.Tanh, op.Softplus, op.SiLU:
			cs = append(cs, New(o, []Operand{Of(Far, op.F32, 700)}, class, Tag("far")))
		case op.Sin, op.Cos:
			cs = append(cs, New(o, []Operand{Of(Wide, op.F64, 700)}, class, Tag("wide")))
		}
		if f <= op.Square || f == op.ReLU {
			for _, d := range integers {
				cs = append(cs, New(o, []Operand{Of(Normal, d, 3, 45)}))
			}
		}
	}
	return cs
}

func unaryGrads() []Case {
	var cs []Case
	for f := range op.NumUnaryFns {
		if !f.Differentiable() {
			continue
		}
		g := domain(f)
		if f == op.Tanh {
			g = Tiny
		} else if f == op.Sigmoid {
			g = Unit
		} else if f == op.Exp || f == op.Exp2 {
			g = Positive
		}
		zero := f >= op.Floor && f <= op.Trunc || f == op.Sign
		for _, d := range floats {
			for _, shape := range [][]int{{3, 45}, {1}, {2500}} {
				if zero && shape[0] != 1 {
					continue // the gradient is zero, which a kernel that writes zeros shows on one element as well
				}
				cs = append(cs, New(&op.UnaryGrad{Fn: f}, []Operand{Of(g, d, shape...), Of(Normal, d, shape...)}, Rowwise(1), Loosely(8)))
			}
			if f == op.Sin || f == op.Cos {
				cs = append(cs, New(&op.UnaryGrad{Fn: f}, []Operand{Of(Wide, d, 700), Of(Normal, d, 700)}, Function(), Loosely(8), Tag("wide")))
			}
		}
	}
	return cs
}

func binaries() []Case {
	var cs []Case
	for f := range op.NumBinaryFns {
		o := &op.Binary{Fn: f}
		switch f {
		case op.And, op.Or, op.Xor:
			for _, d := range append([]op.DType{op.Bool}, integers...) {
				cs = append(cs, New(o, []Operand{Of(Normal, d, 3, 45), Of(Normal, d, 3, 45)}), New(o, []Operand{Of(Normal, d, 3, 45), Of(Normal, d, 45)}))
			}
		case op.Shl, op.Shr:
			for _, d := range integers {
				cs = append(cs, New(o, []Operand{Of(Normal, d, 3, 45), Of(SmallInt, d, 3, 45)}), New(o, []Operand{Of(Normal, d, 600), {Type: op.Make(d, 600), Gen: Index, Limit: 70}}))
			}
		default:
			cs = append(cs, arithmetic(o)...)
		}
	}
	return cs
}

func arithmetic(o *op.Binary) []Case {
	var cs []Case
	g, class := Normal, Function()
	if o.Fn == op.Pow {
		g, class = Positive, func(c *Case) { Function()(c); Loosely(8)(c) } // pow of float64 is itself rounded, and its result again
	}
	pair := func(d op.DType, a, b []int) []Operand { return []Operand{Of(g, d, a...), Of(g, d, b...)} }
	for _, d := range floats {
		cs = append(cs, New(o, pair(d, []int{3, 45}, []int{3, 45}), class))
	}
	for _, s := range [][2][]int{
		{{1}, {1}}, {{0, 3}, {0, 3}}, {{9000}, {9000}}, {{4, 5, 6}, {6}}, {{4, 5, 6}, {5, 1}}, {{4, 1, 6}, {1, 5, 1}},
		{{7}, {}}, {{}, {7}}, {{2, 3, 2, 3, 2, 5}, {3, 1, 3, 1, 5}}, {{33, 65}, {33, 1}},
	} {
		cs = append(cs, New(o, pair(op.F32, s[0], s[1]), class))
	}
	cs = append(cs,
		New(o, []Operand{Of(g, op.F32, 5, 33).Strided(), Of(g, op.F32, 5, 33)}, class),
		New(o, []Operand{Of(g, op.F32, 5, 33), Of(g, op.F32, 5, 33).Turned()}, class),
		New(o, []Operand{Of(g, op.BF16, 5, 33).Turned(), Of(g, op.BF16, 33)}, class),
		New(o, []Operand{Of(g, op.F16, 5, 33).Strided(), Of(g, op.F16, 5, 1)}, class),
		New(o, []Operand{Of(Wide, op.F32, 700), Of(Wide, op.F32, 700)}, class, Tag("wide")))
	if o.Fn == op.Pow {
		return cs
	}
	for _, d := range integers {
		cs = append(cs, New(o, pair(d, []int{3, 45}, []int{3, 45})), New(o, []Operand{Of(Normal, d, 3, 45), Of(SmallInt, d, 45)}))
	}
	return cs
}

func scalars() []Case {
	var cs []Case
	for f := range op.NumBinaryFns {
		for _, flip := range []bool{false, true} {
			o := &op.Scalar{Fn: f, Value: 1.75, Flip: flip}
			tag := Tag("flip=%v", flip)
			class, g := Function(), Normal
			switch f {
			case op.Pow:
				class, g = func(c *Case) { Function()(c); Loosely(8)(c) }, Positive
			case op.And, op.Or, op.Xor, op.Shl, op.Shr:
				o.Value = 3
				for _, d := range integers {
					cs = append(cs, New(o, []Operand{Of(SmallInt, d, 3, 45)}, tag))
				}
				if f == op.Shl || f == op.Shr {
					continue
				}
				for _, v := range []float64{0, 1} {
					cs = append(cs, New(&op.Scalar{Fn: f, Value: v, Flip: flip}, []Operand{Of(Chances, op.Bool, 3, 45)}, tag, Tag("%v", v)))
				}
				continue
			}
			for _, d := range floats {
				cs = append(cs, New(o, []Operand{Of(g, d, 3, 45)}, class, tag))
			}
			cs = append(cs, New(o, []Operand{Of(g, op.F32, 5, 33).Turned()}, class, tag), New(o, []Operand{Of(g, op.F32, 9001)}, class, tag))
			if f == op.Pow {
				continue
			}
			for _, d := range integers {
				cs = append(cs, New(&op.Scalar{Fn: f, Value: 3, Flip: flip}, []Operand{Of(SmallInt, d, 3, 45)}, tag))
			}
		}
	}
	return cs
}

func compares() []Case {
	var cs []Case
	for f := range op.NumCompareFns {
		o := &op.Compare{Fn: f}
		for _, d := range append(append([]op.DType{}, floats...), integers...) {
			cs = append(cs, New(o, []Operand{Of(SmallInt, d, 3, 45), Of(SmallInt, d, 45)}), New(o, []Operand{Of(SmallInt, d, 1), Of(SmallInt, d, 4000)}))
		}
		if f <= op.Ne {
			cs = append(cs, New(o, []Operand{Of(Chances, op.Bool, 99), Of(Chances, op.Bool, 99)}))
		}
		cs = append(cs,
			New(o, []Operand{Of(SmallInt, op.F32, 5, 33).Turned(), Of(SmallInt, op.F32, 5, 33)}),
			New(o, []Operand{Of(Wide, op.F32, 300), Of(Wide, op.F32, 300)}, Tag("wide")))
	}
	return cs
}

func selects() []Case {
	var cs []Case
	for _, d := range op.DTypes {
		cs = append(cs,
			New(&op.Where{}, []Operand{Of(Chances, op.Bool, 3, 45), Of(Normal, d, 3, 45), Of(Normal, d, 3, 45)}),
			New(&op.Where{}, []Operand{Of(Chances, op.Bool, 3, 1), Of(Normal, d, 45), Of(Normal, d)}))
		if d == op.Bool {
			continue
		}
		cs = append(cs,
			New(&op.Clamp{Lo: -0.5, Hi: 1.25}, []Operand{Of(Normal, d, 3, 45)}),
			New(&op.Clamp{Lo: 2, Hi: 3}, []Operand{Of(SmallInt, d, 3000)}, Tag("2..3")))
	}
	return append(cs,
		New(&op.Where{}, []Operand{Of(Chances, op.Bool, 5, 33).Turned(), Of(Normal, op.F32, 5, 33).Strided(), Of(Normal, op.F32, 5, 33)}),
		New(&op.Clamp{Lo: -1, Hi: 1}, []Operand{Of(Wide, op.F32, 300)}, Tag("wide")))
}

func fused() []Case {
	var cs []Case
	acts := []op.UnaryFn{op.ReLU, op.SiLU, op.GELU, op.GELUTanh, op.Sigmoid, op.Tanh}
	for _, d := range floats {
		for _, shape := range [][]int{{3, 45}, {1}, {5000}} {
			two := []Operand{Of(Normal, d, shape...), Of(Normal, d, shape...)}
			three := append(two[:2:2], Of(Normal, d, shape...))
			cs = append(cs,
				New(&op.SwiGLU{}, two, Function(), Loosely(8)), // two roundings more than silu alone
				New(&op.SwiGLU{Limit: 0.5}, two, Function(), Loosely(8), Tag("limit")),
				New(&op.SwiGLUGrad{}, three, Rowwise(1), Loosely(8)),
				New(&op.SwiGLUGrad{Limit: 0.5}, three, Rowwise(1), Loosely(8), Tag("limit")))
		}
		for _, act := range acts {
			cs = append(cs, New(&op.BiasAct{Act: act}, []Operand{Of(Normal, d, 3, 45), Of(Normal, d, 45)}, Rowwise(1), Tag("%v", act)))
		}
		for _, shape := range [][]int{{3, 45}, {1}, {3000}} {
			for _, sign := range []float32{1, -1} {
				cs = append(cs, New(&op.AddScaled{Sign: sign}, []Operand{Of(Normal, d, shape...), Of(Normal, d, shape...), Of(Normal, d)}, Rowwise(1), Tag("sign=%v", sign)))
			}
		}
	}
	return cs
}

func copies() []Case {
	var cs []Case
	for _, d := range op.DTypes {
		cs = append(cs,
			New(&op.Copy{}, []Operand{Of(Normal, d, 3, 45)}),
			New(&op.Copy{}, []Operand{Of(Normal, d, 37, 45).Turned()}),
			New(&op.Copy{}, []Operand{Of(Normal, d, 3, 4, 45).Strided()}),
			New(&op.Copy{}, []Operand{Of(Normal, d, 3, 1, 45).Stretched(0)}),
			New(&op.Fill{Dims: op.DimsOf(3, 45), Value: 2.7, DType: d}, nil),
			New(&op.Fill{Dims: op.DimsOf(), Value: 1, DType: d}, nil, Tag("scalar")),
			New(&op.Fill{Dims: op.DimsOf(9001), Value: 1, DType: d}, nil, Tag("9001")))
		if d != op.Bool {
			cs = append(cs, New(&op.Iota{Start: 1, Step: 2, N: 100, DType: d}, nil), New(&op.Iota{Start: 5, Step: -1, N: 8200, DType: d}, nil, Tag("down")))
		}
	}
	return cs
}

func casts() []Case {
	var cs []Case
	for _, from := range op.DTypes {
		for _, to := range op.DTypes {
			o := &op.Cast{To: to}
			tag := Tag("%v-%v", from, to)
			cs = append(cs, New(o, []Operand{Of(Normal, from, 3, 45)}, tag), New(o, []Operand{Of(SmallInt, from, 5, 33).Turned()}, tag))
			if from.Float() {
				cs = append(cs, New(o, []Operand{Of(Wide, from, 1500)}, tag, Tag("wide")))
			}
		}
	}
	for to, digits := range [...]int{op.F32: 24, op.F16: 11, op.BF16: 8} {
		to := op.DType(to)
		for _, from := range []op.DType{op.F64, op.F32, op.I64} {
			x := Of(Ties, from, 200)
			x.Limit = digits
			if digits > 0 && from != to && (from != op.I64 || to != op.F16) { // f16 holds no number of 62 bits
				cs = append(cs, New(&op.Cast{To: to}, []Operand{x}, Tag("%v-%v", from, to), Tag("ties")))
			}
		}
	}
	return cs
}
