package parity

import "github.com/tandem-compute/tandem/internal/op"

func softmaxes() []Case {
	var cs []Case
	for _, d := range floats {
		for _, s := range rowShapes {
			n := s[len(s)-1]
			for _, scale := range []float32{1, 0.125} {
				tag := Tag("scale=%v", scale)
				cs = append(cs,
					New(&op.Softmax{Scale: scale}, []Operand{Of(Normal, d, s...)}, Rowwise(n), tag),
					New(&op.SoftmaxGrad{Scale: scale}, []Operand{Of(Unit, d, s...), Of(Normal, d, s...)}, Rowwise(n), tag))
			}
		}
		cs = append(cs,
			// The rounding of Scale x is an absolute error of the exponent, of up to 60 units here.
			New(&op.Softmax{Scale: 30}, []Operand{Of(Normal, d, 4, 50)}, Rowwise(50), Loosely(64), Tag("steep")),
			New(&op.Softmax{Scale: -2}, []Operand{Of(Normal, d, 4, 50)}, Rowwise(50), Tag("negative")),
			New(&op.Softmax{Scale: 1}, []Operand{Of(Normal, d, 3, 33).Padded()}, Rowwise(33)),
			New(&op.Softmax{Scale: 1}, []Operand{Of(Normal, d, 3, 33).Turned()}, Rowwise(33)))
	}
	return cs
}
