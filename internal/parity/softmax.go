package parity

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref"
)

func softmaxes() []Case {
	var cs []Case
	for _, d := range floats {
		for _, s := range rowShapes {
			n := s[len(s)-1]
			for _, scale := range []float32{1, 0.125} {
				tag := Tag("scale=%v", scale)
				cs = append(cs,
					New(&op.Softmax{Scale: scale}, []Operand{Of(Normal, d, s...)}, Rowwise(n), tag),
					New(&op.SoftmaxGrad{Scale: scale}, []Operand{Of(Unit, d, s...), Of(Normal, d, s...)}, Spreading(softmaxGradSpread(scale)), Loosely(LinearFactor), tag))
			}
		}
		cs = append(cs,
			// The rounding of Scale x is an absolute error of the exponent, of up to 60 units here.
			New(&op.Softmax{Scale: 30}, []Operand{Of(Normal, d, 4, 50)}, Rowwise(50), Loosely(64), Tag("steep")),
			New(&op.Softmax{Scale: -2}, []Operand{Of(Normal, d, 4, 50)}, Rowwise(50), Tag("negative")),
			New(&op.Softmax{Scale: 1}, []Operand{Of(Normal, d, 3, 33).Padded()}, Rowwise(33)),
			New(&op.Softmax{Scale: 1}, []Operand{Of(Normal, d, 3, 33).Turned()}, Rowwise(33)))
	}
	return append(cs, losses()...)
}

// softmaxGradSpread: scale y (dy - Σ y dy), with the sum's rounding.
func softmaxGradSpread(scale float32) Spread {
	return func(in, want []ref.Array) []ref.Array {
		s, n := ref.NewArray(want[0].Type), in[0].Last()
		for r := 0; r < len(s.F); r += n {
			total := 0.0
			for i := range n {
				total += math.Abs(in[0].F[r+i] * in[1].F[r+i])
			}
			for i := range n {
				s.F[r+i] = float64(scale) * math.Abs(in[0].F[r+i]) * (math.Abs(in[1].F[r+i]) + total)
			}
		}
		return []ref.Array{s}
	}
}

func losses() []Case {
	var cs []Case
	for _, d := range floats {
		for _, s := range append(rowShapes, []int{3, 50000}) {
			n, lead := s[len(s)-1], s[:len(s)-1]
			if n > 5000 && d != op.F32 {
				continue
			}
			x, b, dy := Of(Normal, d, s...), Of(Normal, d, s...), Of(Normal, d, lead...)
			one := func(c *Case) { c.Zero = n == 1 || s[0] == 0 } // a single class has no entropy
			loss := d
			if d != op.F64 {
				loss = op.F32
			}
			target := Operand{Type: op.Make(op.I32, lead...), Gen: Index, Limit: n + 1} // n is out of range: ignored
			cs = append(cs,
				New(&op.LogSoftmax{Scale: 1}, []Operand{x}, Rowwise(1), Loosely(8), one),
				New(&op.LogSoftmax{Scale: 0.5}, []Operand{x}, Rowwise(1), Loosely(8), one, Tag("scale")),
				New(&op.LogSoftmaxGrad{Scale: 2}, []Operand{Of(LogProb, d, s...), x}, Spreading(logSoftmaxSpread), Loosely(LinearFactor), one),
				New(&op.Entropy{}, []Operand{x}, Spreading(rowSpread), Loosely(8), one),
				New(&op.EntropyGrad{}, []Operand{x, dy}, Spreading(rowSpread), Loosely(16), one),
				New(&op.KL{}, []Operand{x, b}, Spreading(rowSpread), Loosely(16), one),
				New(&op.KLGrad{}, []Operand{x, b, dy}, Spreading(rowSpread), Loosely(32), one),
				New(&op.CrossEntropy{}, []Operand{x, target}, Spreading(rowSpread), Loosely(8), one),
				New(&op.CrossEntropyGrad{}, []Operand{x, target, Of(Positive, loss, lead...), Of(Normal, loss, lead...)}, Spreading(crossSpread), Loosely(16), one))
		}
		cs = append(cs,
			New(&op.LogSoftmax{Scale: 1}, []Operand{Of(Normal, d, 5, 33).Padded()}, Rowwise(1), Loosely(8)),
			New(&op.LogSoftmax{Scale: 1}, []Operand{Of(Normal, d, 5, 33).Turned()}, Rowwise(1), Loosely(8)),
			New(&op.Entropy{}, []Operand{Of(Masked, d, 5, 33)}, Spreading(rowSpread), Loosely(8), Tag("masked")),
			New(&op.KL{}, []Operand{Of(Masked, d, 5, 33), Of(Normal, d, 5, 33)}, Spreading(rowSpread), Loosely(16), Tag("masked")))
	}
	return cs
}

// rowSpread: a number of a row of logits of moderate size is made of terms that add up to about its logarithm.
func rowSpread(in, want []ref.Array) []ref.Array {
	s := make([]ref.Array, len(want))
	top := 4 + math.Log(float64(1+in[0].Last()))
	for i := range want {
		s[i] = ref.NewArray(want[i].Type)
		most := top * maxAbs(want[i].F)
		for j, v := range want[i].F {
			s[i].F[j] = max(math.Abs(v), top)
			if want[i].Rank == in[0].Rank { // a gradient: probabilities times such a number
				s[i].F[j] = most
			}
		}
	}
	return s
}

func maxAbs(x []float64) (top float64) {
	for _, v := range x {
		top = max(top, math.Abs(v))
	}
	return top
}

// logSoftmaxSpread: dy - exp(y) Σ dy, with the sum's rounding.
func logSoftmaxSpread(in, want []ref.Array) []ref.Array {
	s, n := ref.NewArray(want[0].Type), in[0].Last()
	for r := 0; r < len(s.F); r += n {
		total := 0.0
		for i := range n {
			total += math.Abs(in[1].F[r+i])
		}
		for i := range n {
			s.F[r+i] = 2 * (math.Abs(in[1].F[r+i]) + math.Exp(in[0].F[r+i])*total)
		}
	}
	return []ref.Array{s}
}

// crossSpread: exp(x - lse) carries the rounding of its exponent, and then 1 is taken from one of them.
func crossSpread(in, want []ref.Array) []ref.Array {
	s, n := ref.NewArray(want[0].Type), in[0].Last()
	for i, x := range in[0].F {
		r := i / n
		s.F[i] = math.Abs(in[3].F[r]) * (1 + (1+math.Abs(x))*math.Exp(x-in[2].F[r]))
	}
	return []ref.Array{s}
}
