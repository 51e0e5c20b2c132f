package parity

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref"
)

// llama3 is how Llama 3.1 stretches its frequencies.
var llama3 = op.RopeScale{Factor: 8, Low: 1, High: 4, Original: 8192}

func ropes() []Case {
	var cs []Case
	for _, d := range floats {
		add := func(p op.Rope, x Operand, tag string, extra ...Operand) {
			in := append([]Operand{x}, extra...)
			opts := []Option{Spreading(ropeSpread), Tag("%s", tag)}
			if d == op.F64 { // sines and cosines are f32
				opts = append(opts, Loosely(DefaultFactor*0x1p29))
			}
			cs = append(cs, New(&p, in, opts...))
		}
		positions := func(limit int, dims ...int) Operand { return indices(limit, dims...) }
		for _, interleaved := range []bool{false, true} {
			p := op.Rope{Theta: 10000, Width: 64, Interleaved: interleaved}
			form := map[bool]string{false: "halves", true: "interleaved"}[interleaved]
			add(p, Of(Normal, d, 2, 5, 3, 64), form, positions(100, 5))
			add(p, Of(Normal, d, 2, 5, 3, 64), form, positions(100, 2, 5))
			add(p, Of(Normal, d, 7, 2, 80), form+"/part", positions(4000, 7))
			add(p, Of(Normal, d, 7, 2, 80).Padded(), form+"/part", positions(4000, 7))
			add(p, Of(Normal, d, 3, 2, 64).Strided(), form, positions(4000, 3).Strided())
			add(p, Of(Normal, d, 2, 3, 4, 64).Turned(), form, positions(4000, 3))
			add(op.Rope{Theta: 1e6, Width: 2, Interleaved: interleaved}, Of(Normal, d, 1, 1, 2), form, positions(9, 1))
			add(op.Rope{Theta: 5e5, Width: 6, Interleaved: interleaved, Inverse: true}, Of(Normal, d, 9, 1, 7), form+"/inverse", positions(1<<30, 9))
			add(op.Rope{Theta: 5e5, Width: 128, Interleaved: interleaved, Scale: llama3}, Of(Normal, d, 9, 2, 128), form+"/llama3", positions(100000, 9))
			add(op.Rope{Theta: 5e5, Width: 66, Interleaved: interleaved, HasFactors: true}, Of(Normal, d, 9, 2, 66), form+"/factors", positions(100000, 9), Of(Positive, op.F32, 33))
			add(op.Rope{Theta: 5e5, Width: 66, Interleaved: interleaved, HasFactors: true, Scale: llama3}, Of(Normal, d, 9, 2, 66), form+"/both", positions(100000, 9), Of(Positive, op.F32, 33))
		}
		add(op.Rope{Theta: 1e4, Width: 16}, Of(Normal, d, 300, 2, 16), "long", positions(5000, 300))
		add(op.Rope{Theta: 1e4, Width: 16}, Of(Normal, d, 3, 5, 2, 16), "negative", Of(SmallInt, op.I32, 5))
		add(op.Rope{Theta: 1e4, Width: 16}, Of(Normal, d, 0, 2, 16), "empty", positions(9, 0))
		add(op.Rope{Theta: 1e4, Width: 16}, Of(Normal, d, 2, 0, 3, 16), "empty", positions(9, 0))
	}
	return cs
}

// ropeSpread: a turned element is a sum of two products with numbers below 1. The angle itself is good to an ulp of
// f64, which is 2⁻²⁴ of a turn for positions below 2³⁰.
func ropeSpread(in, want []ref.Array) []ref.Array {
	s, d := ref.NewArray(want[0].Type), in[0].Last()
	for i := range s.F {
		head := in[0].F[i/d*d : i/d*d+d]
		top := 0.0
		for _, v := range head {
			top = math.Max(top, math.Abs(v))
		}
		s.F[i] = top
	}
	return []ref.Array{s}
}
