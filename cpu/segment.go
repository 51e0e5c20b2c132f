package cpu

import (
	"math"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// Segments are folded a group at a time, row by row: all columns of a row at once.

var segmentOps = table{on(pickSegment), on(pickSegmentGrad), on(pickSegmentSoftmax), on(pickSegmentSoftmaxGrad), on(pickSegmentExpand)}

// group is the rows of group i among n, from offsets that may be anything.
func group(offsets *op.View, i, n int) (lo, hi int) {
	o := op.Data[int32](offsets)
	lo = min(max(0, int(o[i])), n)
	return lo, max(lo, min(int(o[i+1]), n))
}

// columns is the elements of one row: all dimensions but the first.
func columns(v *op.View) int {
	n := 1
	for _, d := range v.Dims[1:max(1, int(v.Rank))] {
		n *= d
	}
	return n
}

// real chooses between the kernels of f32 (and halves) and f64.
func real(in, out []op.Type, f32, f64 func(op.Stream, *op.Node) error) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].DType == op.F64 {
		return kernel(f64)
	}
	return kernel(f32)
}

func pickSegment(_ *Backend, _ *op.Segment, in, out []op.Type) (op.Kernel, error) {
	return real(in, out, segment32, segment64)
}

func segment32(s op.Stream, n *op.Node) error { return s.(*stream).groups(n, segmentGroups[float32]) }
func segment64(s op.Stream, n *op.Node) error { return s.(*stream).groups(n, segmentGroups[float64]) }

// groups cuts a node at its groups.
func (s *stream) groups(n *op.Node, f body) error { return s.split(n, n.Out[0].Dims[0], 1, f) }

func segmentGroups[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, t, x, cols := n.Op.(*op.Segment), floats[T](w.vec), &n.In[0], columns(&n.In[0])
	acc := wide[T](w, 1, cols)
	for g := lo; g < hi; g++ {
		first, last := group(&n.In[1], g, x.Dims[0])
		switch p.Fn {
		case op.SegmentMax:
			vec.Fill(acc, T(math.Inf(-1)))
			for r := first; r < last; r++ {
				for c, v := range rowAt[T](w, x, r*cols, cols, 0) {
					acc[c] = max(acc[c], v)
				}
			}
		case op.SegmentStd:
			groupDeviation(w, t, x, acc, first, last, p.Sample)
		default:
			groupSum(w, t, x, acc, first, last)
			if p.Fn == op.SegmentMean && last > first {
				t.DivS(acc, acc, T(last-first))
			}
		}
		storeAt(w, &n.Out[0], g*cols, acc)
	}
}

// groupSum adds the rows first..last-1 in two levels, like a reduction.
func groupSum[T vec.Real](w *worker, t *vec.Float[T], x *op.View, acc []T, first, last int) {
	clear(acc)
	part := wide[T](w, 2, len(acc))
	for ; first < last; first += blockRows {
		clear(part)
		for r := first; r < min(first+blockRows, last); r++ {
			t.Add(part, part, rowAt[T](w, x, r*len(acc), len(acc), 0))
		}
		t.Add(acc, acc, part)
	}
}

// groupDeviation is √(Σ (x - mean)² / count) by column.
func groupDeviation[T vec.Real](w *worker, t *vec.Float[T], x *op.View, acc []T, first, last int, sample bool) {
	count := last - first
	groupSum(w, t, x, acc, first, last)
	mean, d := wide[T](w, 3, len(acc)), wide[T](w, 4, len(acc))
	t.DivS(mean, acc, T(max(1, count)))
	clear(acc)
	for r := first; r < last; r++ {
		t.Sub(d, rowAt[T](w, x, r*len(acc), len(acc), 0), mean)
		t.FMA(acc, d, d, acc)
	}
	if sample {
		count--
	}
	if count <= 0 {
		clear(acc)
		return
	}
	t.DivS(acc, acc, T(count))
	t.Sqrt(acc, acc)
}

func pickSegmentGrad(_ *Backend, _ *op.SegmentGrad, in, out []op.Type) (op.Kernel, error) {
	return real(in, out, segmentGrad32, segmentGrad64)
}

func segmentGrad32(s op.Stream, n *op.Node) error { return segmentGrad[float32](s.(*stream), n) }
func segmentGrad64(s op.Stream, n *op.Node) error { return segmentGrad[float64](s.(*stream), n) }

// segmentGrad clears dx first: rows in no group have no gradient.
func segmentGrad[T vec.Real](s *stream, n *op.Node) error {
	clearView(&n.Out[0])
	return s.split(n, n.In[2].Dims[0]-1, 1, bodyOf[T](&segmentGradGroupsBodies))
}

func clearView(v *op.View) { clear(v.Block.Bytes[v.Off : v.Off+v.Bytes()]) }

var segmentGradGroupsBodies = bodies{f64: segmentGradGroups[float64], f32: segmentGradGroups[float32]}

func segmentGradGroups[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, t, x, cols := n.Op.(*op.SegmentGrad), floats[T](w.vec), &n.In[0], columns(&n.In[0])
	for g := lo; g < hi; g++ {
		first, last := group(&n.In[2], g, x.Dims[0])
		if first == last {
			continue
		}
		dy, d := rowAt[T](w, &n.In[3], g*cols, cols, 5), wide[T](w, 4, cols)
		switch p.Fn {
		case op.SegmentMax:
			firstMax(w, n, g, first, last, dy)
			continue
		case op.SegmentMean:
			t.DivS(d, dy, T(last-first))
			dy = d
		case op.SegmentStd:
			deviationGrad(w, t, n, g, first, last, dy)
			continue
		}
		for r := first; r < last; r++ {
			storeAt(w, &n.Out[0], r*cols, dy)
		}
	}
}

// firstMax gives each column's gradient to the first row that holds the maximum.
func firstMax[T vec.Real](w *worker, n *op.Node, g, first, last int, dy []T) {
	cols := len(dy)
	y := rowAt[T](w, &n.In[1], g*cols, cols, 6)
	for c := range cols {
		for r := first; r < last; r++ {
			if rowAt[T](w, &n.In[0], r*cols+c, 1, 0)[0] == y[c] {
				storeAt(w, &n.Out[0], r*cols+c, dy[c:c+1])
				break
			}
		}
	}
}

// deviationGrad is dx = dy (x - mean) / (count y), 0 where y is.
func deviationGrad[T vec.Real](w *worker, t *vec.Float[T], n *op.Node, g, first, last int, dy []T) {
	cols, count := len(dy), last-first
	y, mean, k := rowAt[T](w, &n.In[1], g*cols, cols, 6), wide[T](w, 1, cols), wide[T](w, 3, cols)
	groupSum(w, t, &n.In[0], mean, first, last)
	t.DivS(mean, mean, T(count))
	if n.Op.(*op.SegmentGrad).Sample {
		count--
	}
	for c := range k {
		k[c] = 0
		if y[c] > 0 && count > 0 {
			k[c] = dy[c] / (T(count) * y[c])
		}
	}
	d := wide[T](w, 4, cols)
	for r := first; r < last; r++ {
		t.Sub(d, rowAt[T](w, &n.In[0], r*cols, cols, 0), mean)
		t.Mul(d, d, k)
		storeAt(w, &n.Out[0], r*cols, d)
	}
}

func pickSegmentSoftmax(_ *Backend, _ *op.SegmentSoftmax, in, out []op.Type) (op.Kernel, error) {
	return real(in, out, segmentSoftmax32, segmentSoftmax64)
}

func segmentSoftmax32(s op.Stream, n *op.Node) error { return segmentSoftmax[float32](s.(*stream), n) }
func segmentSoftmax64(s op.Stream, n *op.Node) error { return segmentSoftmax[float64](s.(*stream), n) }

func segmentSoftmax[T vec.Real](s *stream, n *op.Node) error {
	clearView(&n.Out[0])
	return s.split(n, n.In[1].Dims[0]-1, 1, bodyOf[T](&segmentSoftmaxGroupsBodies))
}

var segmentSoftmaxGroupsBodies = bodies{f64: segmentSoftmaxGroups[float64], f32: segmentSoftmaxGroups[float32]}

// segmentSoftmaxGroups makes each column of a group a row of its own.
func segmentSoftmaxGroups[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	t, x, cols := floats[T](w.vec), &n.In[0], columns(&n.In[0])
	for g := lo; g < hi; g++ {
		first, last := group(&n.In[1], g, x.Dims[0])
		if first == last {
			continue
		}
		for c := range cols {
			if w.ctx.Err() != nil {
				return
			}
			col := line[T](w, x, first*cols+c, last-first, cols)
			y := wide[T](w, 2, last-first)
			t.Softmax(y, col, y, 1)
			putLine(w, &n.Out[0], first*cols+c, cols, y)
		}
	}
}

// putLine stores vs at elements at, at+inner, … of v.
func putLine[T vec.Real](w *worker, v *op.View, at, inner int, vs []T) {
	if inner == 1 {
		storeAt(w, v, at, vs)
		return
	}
	for i := range vs {
		if w.stopped(i) {
			return
		}
		storeAt(w, v, at+i*inner, vs[i:i+1])
	}
}

func pickSegmentSoftmaxGrad(_ *Backend, _ *op.SegmentSoftmaxGrad, in, out []op.Type) (op.Kernel, error) {
	return real(in, out, segmentSoftmaxGrad32, segmentSoftmaxGrad64)
}

func segmentSoftmaxGrad32(s op.Stream, n *op.Node) error {
	return segmentSoftmaxGrad[float32](s.(*stream), n)
}

func segmentSoftmaxGrad64(s op.Stream, n *op.Node) error {
	return segmentSoftmaxGrad[float64](s.(*stream), n)
}

func segmentSoftmaxGrad[T vec.Real](s *stream, n *op.Node) error {
	clearView(&n.Out[0])
	return s.split(n, n.In[1].Dims[0]-1, 1, bodyOf[T](&segmentSoftmaxGradGroupsBodies))
}

var segmentSoftmaxGradGroupsBodies = bodies{f64: segmentSoftmaxGradGroups[float64], f32: segmentSoftmaxGradGroups[float32]}

func segmentSoftmaxGradGroups[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	t, y, cols := floats[T](w.vec), &n.In[0], columns(&n.In[0])
	for g := lo; g < hi; g++ {
		first, last := group(&n.In[1], g, y.Dims[0])
		k := last - first
		for c := range cols {
			if k == 0 {
				break
			}
			a, dx := wide[T](w, 2, k), wide[T](w, 3, k)
			copy(a, line[T](w, y, first*cols+c, k, cols))
			t.SoftmaxGrad(dx, a, line[T](w, &n.In[2], first*cols+c, k, cols), 1)
			putLine(w, &n.Out[0], first*cols+c, cols, dx)
		}
	}
}

func pickSegmentExpand(_ *Backend, _ *op.SegmentExpand, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(segmentExpand)
}

func segmentExpand(st op.Stream, n *op.Node) error {
	clearView(&n.Out[0])
	return st.(*stream).split(n, n.In[1].Dims[0]-1, 1, segmentExpandGroups)
}

func segmentExpandGroups(_ *worker, n *op.Node, lo, hi int) {
	v, y := &n.In[0], &n.Out[0]
	size := columns(v) * v.DType.Size()
	for g := lo; g < hi; g++ {
		first, last := group(&n.In[1], g, y.Dims[0])
		for r := first; r < last; r++ {
			copy(y.Block.Bytes[y.Off+r*size:][:size], v.Block.Bytes[v.Off+g*size:][:size])
		}
	}
}
