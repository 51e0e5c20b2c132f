package parity

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref"
)

// offsets is an operand that cuts limit rows into g ragged groups, empty ones among them.
func offsets(g, limit int) Operand {
	return Operand{Type: op.Make(op.I32, g+1), Gen: Cuts, Limit: limit}
}

// segmentShapes are rows, their shape, and a number of groups.
var segmentShapes = []struct {
	dims   []int
	groups int
}{{[]int{40, 7}, 6}, {[]int{1}, 1}, {[]int{33}, 4}, {[]int{50, 2, 3}, 3}, {[]int{9, 130}, 12}, {[]int{0, 3}, 2}, {[]int{700, 5}, 2}}

func segments() []Case {
	var cs []Case
	for _, d := range []op.DType{op.F32, op.F64, op.F16, op.BF16} {
		for _, s := range segmentShapes {
			n := s.dims[0]
			x, cut := Of(Normal, d, s.dims...), offsets(s.groups, n)
			y := append([]int{s.groups}, s.dims[1:]...)
			for f := range op.NumSegmentFns {
				o := &op.Segment{Fn: f}
				in := []Operand{x, cut}
				dy := []Operand{x, Of(Positive, d, y...), cut, Of(Normal, d, y...)}
				switch f {
				case op.SegmentSum:
					cs = append(cs, New(o, in, Linear(n), ZeroAllowed()), New(&op.SegmentGrad{Fn: f}, dy, ZeroAllowed()))
				case op.SegmentMean:
					cs = append(cs, New(o, in, Rowwise(1), ZeroAllowed(), Loosely(16)), New(&op.SegmentGrad{Fn: f}, dy, Function(), ZeroAllowed())) // a mean of few may be a difference of larger terms
				case op.SegmentMax:
					cs = append(cs, New(o, in))
					dy[1].Gen, dy[0].Gen = SmallInt, SmallInt // equal often enough
					cs = append(cs, New(&op.SegmentGrad{Fn: f}, dy, ZeroAllowed()))
				case op.SegmentStd:
					for _, sample := range []bool{false, true} {
						tag := Tag("sample=%v", sample)
						cs = append(cs, New(&op.Segment{Fn: f, Sample: sample}, in, Rowwise(1), Loosely(8), ZeroAllowed(), tag),
							New(&op.SegmentGrad{Fn: f, Sample: sample}, dy, Rowwise(1), Loosely(16), ZeroAllowed(), tag))
					}
				}
			}
			cs = append(cs,
				New(&op.SegmentSoftmax{}, []Operand{x, cut}, Rowwise(1), Loosely(8), ZeroAllowed()),
				New(&op.SegmentSoftmaxGrad{}, []Operand{Of(Unit, d, s.dims...), cut, x}, Spreading(softmaxSpread), Loosely(8), ZeroAllowed()))
		}
	}
	for _, d := range op.DTypes {
		cs = append(cs,
			New(&op.SegmentExpand{Rows: 40}, []Operand{Of(Normal, d, 6, 7), offsets(6, 40)}, ZeroAllowed()),
			New(&op.SegmentExpand{Rows: 40}, []Operand{Of(Normal, d, 6), offsets(6, 40)}, ZeroAllowed()),
			New(&op.SegmentExpand{Rows: 3}, []Operand{Of(Normal, d, 5), offsets(5, 6)}, ZeroAllowed()))
	}
	return cs
}

// softmaxSpread: y (dy - Σ y dy) over a group is a difference whose terms are bounded by the sum of |y dy| of all rows.
func softmaxSpread(in, want []ref.Array) []ref.Array {
	s, total := ref.NewArray(want[0].Type), 0.0
	for i, y := range in[0].F {
		total += math.Abs(y * in[2].F[i])
	}
	for i, y := range in[0].F {
		s.F[i] = math.Abs(y) * (math.Abs(in[2].F[i]) + total)
	}
	return []ref.Array{s}
}
