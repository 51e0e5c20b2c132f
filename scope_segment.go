package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Segments are the rows of a tensor in ragged groups: offsets is i32[g+1], not decreasing, and group i is rows
// offsets[i] to offsets[i+1]-1 of the first dimension.

// SegmentSum adds the rows of each group: x [n, ...] to [g, ...].
func (s *Scope) SegmentSum(x, offsets Tensor) Tensor {
	return emit(s, op.Segment{Fn: op.SegmentSum}, args(x, offsets))
}

// SegmentMean averages the rows of each group; 0 for an empty one.
func (s *Scope) SegmentMean(x, offsets Tensor) Tensor {
	return emit(s, op.Segment{Fn: op.SegmentMean}, args(x, offsets))
}

// SegmentStd is the standard deviation within each group, of the population, or with sample of a sample of it; 0 for
// groups that are too small.
func (s *Scope) SegmentStd(x, offsets Tensor, sample bool) Tensor {
	return emit(s, op.Segment{Fn: op.SegmentStd, Sample: sample}, args(x, offsets))
}

// SegmentMax is the largest of each group, -Inf for an empty one.
func (s *Scope) SegmentMax(x, offsets Tensor) Tensor {
	return emit(s, op.Segment{Fn: op.SegmentMax}, args(x, offsets))
}

// SegmentSoftmax is the softmax within each group.
func (s *Scope) SegmentSoftmax(x, offsets Tensor) Tensor {
	return emit(s, op.SegmentSoftmax{}, args(x, offsets))
}

// SegmentExpand gives each of n rows the row of v of its group, 0 to rows in no group.
func (s *Scope) SegmentExpand(v, offsets Tensor, n int) Tensor {
	return emit(s, op.SegmentExpand{Rows: n}, args(v, offsets))
}

// SegmentWeightedSum is Σ w x over each group: x [n, d], w [n].
func (s *Scope) SegmentWeightedSum(x, w, offsets Tensor) Tensor {
	into := s.aside()
	weighted := s.Mul(x, s.Reshape(w, -1, 1))
	s.into = into
	return s.SegmentSum(weighted, offsets)
}

func init() {
	gradient(ins(0, 1)|outs(0), func(g *Grad, p *op.Segment) {
		g.To(0, emit(g.Scope, op.SegmentGrad{Fn: p.Fn, Sample: p.Sample}, args(g.In(0), g.Out(0), g.In(1), g.D(0))))
	})
	gradient(ins(1)|outs(0), func(g *Grad, _ *op.SegmentSoftmax) {
		g.To(0, emit(g.Scope, op.SegmentSoftmaxGrad{}, args(g.Out(0), g.In(1), g.D(0))))
	})
	gradient(ins(1), func(g *Grad, _ *op.SegmentExpand) {
		if v := g.InType(0); v.DType.Float() {
			g.To(0, emit(g.Scope, op.Segment{Fn: op.SegmentSum}, args(g.D(0), g.In(1))))
		}
	})
}
