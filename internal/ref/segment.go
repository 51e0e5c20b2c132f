package ref

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var segmentOps = table{on(segment), on(segmentGrad), on(segmentSoftmax), on(segmentSoftmaxGrad), on(segmentExpand)}

// bounds is the rows of group i, cut to 0…n.
func bounds(offsets *Array, i, n int) (lo, hi int) {
	lo = min(max(0, int(offsets.I[i])), n)
	return lo, max(lo, min(int(offsets.I[i+1]), n))
}

// eachColumn calls f with the elements of every group and column: indices into x, and the index of the group's result.
func eachColumn(x, offsets *Array, f func(column []int, o int)) {
	n := x.Dims[0]
	cols := 1
	for _, d := range x.Dims[1:x.Rank] {
		cols *= d
	}
	for g := range offsets.Dims[0] - 1 {
		lo, hi := bounds(offsets, g, n)
		for c := range cols {
			var column []int
			for r := lo; r < hi; r++ {
				column = append(column, r*cols+c)
			}
			f(column, g*cols+c)
		}
	}
}

func segment(p *op.Segment, in, out []Array) error {
	x := in[0].F
	eachColumn(&in[0], &in[1], func(column []int, o int) {
		var s sum
		top := math.Inf(-1)
		for _, i := range column {
			s.add(x[i])
			top = max(top, x[i])
		}
		n := float64(len(column))
		switch {
		case p.Fn == op.SegmentMax:
			out[0].F[o] = top
		case p.Fn == op.SegmentSum:
			out[0].F[o] = s.total()
		case p.Fn == op.SegmentMean && n > 0:
			out[0].F[o] = s.total() / n
		case p.Fn == op.SegmentStd:
			out[0].F[o] = deviation(x, column, s.total()/n, p.Sample)
		}
	})
	return nil
}

func deviation(x []float64, column []int, mean float64, sample bool) float64 {
	var s sum
	for _, i := range column {
		s.addProduct(x[i]-mean, x[i]-mean)
	}
	n := float64(len(column))
	if sample {
		n--
	}
	if n <= 0 {
		return 0
	}
	return math.Sqrt(s.total() / n)
}

func segmentGrad(p *op.SegmentGrad, in, out []Array) error {
	x, y, dy, dx := in[0].F, in[1].F, in[3].F, out[0].F
	eachColumn(&in[0], &in[2], func(column []int, o int) {
		var s sum
		for _, i := range column {
			s.add(x[i])
		}
		n := float64(len(column))
		mean := s.total() / n
		if p.Sample {
			n--
		}
		for _, i := range column {
			switch p.Fn {
			case op.SegmentSum:
				dx[i] = dy[o]
			case op.SegmentMean:
				dx[i] = dy[o] / float64(len(column))
			case op.SegmentStd:
				if y[o] > 0 && n > 0 {
					dx[i] = dy[o] * (x[i] - mean) / (n * y[o])
				}
			case op.SegmentMax:
				if x[i] == y[o] {
					dx[i] = dy[o]
					return
				}
			}
		}
	})
	return nil
}

func segmentSoftmax(_ *op.SegmentSoftmax, in, out []Array) error {
	x := in[0].F
	eachColumn(&in[0], &in[1], func(column []int, _ int) {
		top, total := math.Inf(-1), sum{}
		for _, i := range column {
			top = max(top, x[i])
		}
		for _, i := range column {
			out[0].F[i] = math.Exp(x[i] - top)
			total.add(out[0].F[i])
		}
		for _, i := range column {
			out[0].F[i] /= total.total()
		}
	})
	return nil
}

func segmentSoftmaxGrad(_ *op.SegmentSoftmaxGrad, in, out []Array) error {
	y, dy := in[0].F, in[2].F
	eachColumn(&in[0], &in[1], func(column []int, _ int) {
		var dot sum
		for _, i := range column {
			dot.addProduct(y[i], dy[i])
		}
		for _, i := range column {
			out[0].F[i] = y[i] * (dy[i] - dot.total())
		}
	})
	return nil
}

func segmentExpand(p *op.SegmentExpand, in, out []Array) error {
	cols := out[0].Elems() / max(1, p.Rows)
	for g := range in[1].Dims[0] - 1 {
		lo, hi := bounds(&in[1], g, p.Rows)
		for i := lo * cols; i < hi*cols; i++ {
			out[0].set(i, &in[0], g*cols+i%cols)
		}
	}
	return nil
}
