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
	return append(cs, layerNorms()...)
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

func layerNorms() []Case {
	var cs []Case
	for _, d := range floats {
		for _, s := range rowShapes {
			n := s[len(s)-1]
			zero := func(c *Case) { c.Zero = n == 1 || s[0] == 0 } // one element is its own mean
			x, w, b, dy := Of(Normal, d, s...), Of(Normal, d, n), Of(Normal, d, n), Of(Normal, d, s...)
			cs = append(cs,
				New(&op.LayerNorm{Eps: 1e-5}, []Operand{x}, Rowwise(n), zero),
				New(&op.LayerNorm{Eps: 1e-5, Affine: true}, []Operand{x, w, b}, Rowwise(n), zero),
				New(&op.LayerNorm{Eps: 1e-5, Modulate: true}, []Operand{x, Of(Normal, d, s...), Of(Normal, d, s...)}, Rowwise(n), zero))
			if n > 1000 || n == 1 {
				continue
			}
			cs = append(cs,
				New(&op.LayerNormGrad{Eps: 1e-5}, []Operand{x, dy}, Spreading(layerGradSpread), Loosely(LinearFactor), zero),
				New(&op.LayerNormGrad{Eps: 1e-5, Affine: true}, []Operand{x, w, dy}, Spreading(layerGradSpread), Loosely(LinearFactor), zero))
		}
		cs = append(cs,
			New(&op.LayerNorm{Eps: 1e-5, Modulate: true}, []Operand{Of(Normal, d, 3, 4, 20), Of(Normal, d, 3, 1, 20), Of(Normal, d, 3, 1, 20)}, Rowwise(20)),
			New(&op.LayerNorm{Eps: 1e-5, Modulate: true}, []Operand{Of(Normal, d, 5, 33), Of(Normal, d, 33), Of(Normal, d, 5, 1)}, Rowwise(33)),
			New(&op.LayerNorm{Eps: 1e-5, Affine: true}, []Operand{Of(Normal, d, 5, 33).Padded(), Of(Normal, d, 33), Of(Normal, d, 33)}, Rowwise(33)),
			New(&op.LayerNorm{Eps: 1e-5, Affine: true}, []Operand{Of(Normal, d, 5, 33).Turned(), Of(Normal, d, 33), Of(Normal, d, 33)}, Rowwise(33)))
		for _, s := range [][]int{{2, 6, 5, 5}, {1, 4}, {3, 8, 17}, {2, 6, 0}, {1, 2, 3, 3, 40}} {
			for _, groups := range []int32{1, 2} {
				c := s[1]
				x, w, b := Of(Normal, d, s...), Of(Normal, d, c), Of(Normal, d, c)
				tag := Tag("groups=%d", groups)
				if len(s) == 2 && groups == 2 {
					continue // groups of two elements: their gradient is all cancellation
				}
				empty := func(k *Case) { k.Zero = len(s) > 2 && s[2] == 0 }
				cs = append(cs,
					New(&op.GroupNorm{Eps: 1e-5, Groups: groups}, []Operand{x, w, b}, Rowwise(100), tag),
					New(&op.GroupNormGrad{Eps: 1e-5, Groups: groups}, []Operand{x, w, Of(Normal, d, s...)}, Spreading(groupGradSpread), Loosely(LinearFactor), tag, empty))
			}
		}
	}
	return cs
}

// layerGradSpread bounds dx by s times the row's largest |g|, of which it is a difference of three terms (x̂ is at most
// √n, but its mean with g is not larger than |g|'s), and dw and db by the sums of their terms' absolute values.
func layerGradSpread(in, want []ref.Array) []ref.Array {
	x, dy, n := in[0].F, in[len(in)-1].F, in[0].Last()
	out := make([]ref.Array, len(want))
	for i := range want {
		out[i] = ref.NewArray(want[i].Type)
	}
	for r := 0; r < len(x); r += n {
		mean, squares, top, most := 0.0, 0.0, 0.0, 0.0
		for i := range n {
			mean += x[r+i] / float64(n)
			g := dy[r+i]
			if len(in) == 3 {
				g *= in[1].F[i]
			}
			top = max(top, math.Abs(g))
		}
		for i := range n {
			squares += (x[r+i] - mean) * (x[r+i] - mean) / float64(n)
			most = max(most, math.Abs(x[r+i]))
		}
		s := 1 / math.Sqrt(squares+1e-5)
		for i := range n {
			out[0].F[r+i] = 2 * s * top * (1 + s*most)
			if len(out) == 3 {
				out[1].F[i] += math.Abs(dy[r+i]) * s * most * 2
				out[2].F[i] += math.Abs(dy[r+i])
			}
		}
	}
	return out
}

// groupGradSpread bounds everything by the largest terms of the whole.
func groupGradSpread(in, want []ref.Array) []ref.Array {
	top := 0.0
	for i, x := range in[0].F {
		top = max(top, math.Abs(x), math.Abs(in[2].F[i]))
	}
	out := make([]ref.Array, len(want))
	for i := range want {
		out[i] = ref.NewArray(want[i].Type)
		bound := maxAbs(want[i].F) + top*top
		if i > 0 {
			bound *= 4
		}
		for j := range out[i].F {
			out[i].F[j] = bound
		}
	}
	return out
}
