package parity

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref"
)

func norms() []Case {
	var cs []Case
	for _, d := range floats {
		for _, s := range rowShapes {
			n := s[len(s)-1]
			x, w := Of(Normal, d, s...), Of(Normal, d, n)
			for _, offset := range []float32{0, 1} {
				tag := Tag("offset=%v", offset)
				cs = append(cs, New(&op.RMSNorm{Eps: 1e-6, Offset: offset}, []Operand{x, w}, Rowwise(n), tag))
				if n < 1000 {
					cs = append(cs, New(&op.RMSNormGrad{Eps: 1e-6, Offset: offset}, []Operand{x, w, Of(Normal, d, s...)}, Spreading(rmsGradSpread), Loosely(LinearFactor), tag, func(c *Case) { c.Zero = s[0] == 0 }))
				}
			}
		}
		cs = append(cs,
			New(&op.RMSNorm{Eps: 1e-5}, []Operand{Of(Normal, d, 3, 33).Padded(), Of(Normal, d, 33)}, Rowwise(33)),
			New(&op.RMSNorm{Eps: 1e-5}, []Operand{Of(Normal, d, 3, 33).Turned(), Of(Normal, d, 33)}, Rowwise(33)),
			New(&op.RMSNorm{Eps: 0.5}, []Operand{Of(Tiny, d, 9, 8), Of(Normal, d, 8)}, Rowwise(8), Tag("eps")))
	}
	return cs
}

// rmsGradSpread: dx is a difference of s g and a term no larger than the row's largest s g times √n; dw a sum of dy x s.
func rmsGradSpread(in, want []ref.Array) []ref.Array {
	x, w, dy, n := in[0].F, in[1].F, in[2].F, in[0].Last()
	dx, dw := ref.NewArray(want[0].Type), ref.NewArray(want[1].Type)
	for r := 0; r < len(x); r += n {
		sum, top := 0.0, 0.0
		for i := range n {
			sum += x[r+i] * x[r+i]
			top = max(top, math.Abs(dy[r+i]*w[i])+math.Abs(dy[r+i]))
		}
		s := 1 / math.Sqrt(sum/float64(n)+1e-6)
		for i := range n {
			dx.F[r+i] = s * top
			dw.F[i] += math.Abs(dy[r+i] * x[r+i] * s)
		}
	}
	return []ref.Array{dx, dw}
}
