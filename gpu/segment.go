//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var segments = table{on(pickSegment), on(pickSegmentGrad), on(pickSegmentSoftmax), on(pickSegmentSoftmaxGrad), on(pickSegmentExpand)}

var (
	segmentFolds        = entries("segment", "segment_%v", reals...)
	segmentGrads        = entries("segment", "segment_grad_%v", reals...)
	segmentSoftmaxes    = entries("segment", "segment_softmax_%v", reals...)
	segmentSoftmaxGrads = entries("segment", "segment_softmax_grad_%v", reals...)
	segmentExpands      = sizes("segment", "segment_expand_b%d")
)

// groups is the grid of one thread for each group and column, and the sizes that all kernels take.
func groups(offsets, x *op.Type) (grid dim, count, rows, inner uint64) {
	g, n, width := offsets.Dims[0]-1, x.Dims[0], 1
	for _, d := range x.Dims[1:x.Rank] {
		width *= d
	}
	return dim{ceil(g*width, 256), 1, 1}, uint64(g), uint64(n), uint64(width)
}

func pickSegment(_ *op.Segment, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, segment)
}
func pickSegmentGrad(_ *op.SegmentGrad, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, segmentGrad)
}
func pickSegmentSoftmax(_ *op.SegmentSoftmax, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, segmentSoftmax)
}
func pickSegmentSoftmaxGrad(_ *op.SegmentSoftmaxGrad, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, segmentSoftmaxGrad)
}
func pickSegmentExpand(_ *op.SegmentExpand, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, segmentExpand)
}

func segment(st op.Stream, n *op.Node) error {
	s, p, x, offsets, y := st.(*stream), n.Op.(*op.Segment), &n.In[0], &n.In[1], &n.Out[0]
	if y.Elems() == 0 {
		return nil
	}
	grid, g, rows, inner := groups(&offsets.Type, &x.Type)
	return s.launch(segmentFolds[x.DType], grid, threads, at(y), at(x), at(offsets), g, rows, inner, uint64(p.Fn), bit(p.Sample))
}

// Rows of no group are not written by the kernels below, so the outputs are cleared first.

func segmentGrad(st op.Stream, n *op.Node) error {
	s, p, x, y, offsets, dy, dx := st.(*stream), n.Op.(*op.SegmentGrad), &n.In[0], &n.In[1], &n.In[2], &n.In[3], &n.Out[0]
	if err := s.fill(dx, 0); err != nil || y.Elems() == 0 {
		return err
	}
	grid, g, rows, inner := groups(&offsets.Type, &x.Type)
	return s.launch(segmentGrads[x.DType], grid, threads, at(dx), at(x), at(y), at(offsets), at(dy), g, rows, inner, uint64(p.Fn), bit(p.Sample))
}

func segmentSoftmax(st op.Stream, n *op.Node) error {
	s, x, offsets, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	grid, g, rows, inner := groups(&offsets.Type, &x.Type)
	if err := s.fill(y, 0); err != nil || grid[0] == 0 {
		return err
	}
	return s.launch(segmentSoftmaxes[x.DType], grid, threads, at(y), at(x), at(offsets), g, rows, inner)
}

func segmentSoftmaxGrad(st op.Stream, n *op.Node) error {
	s, y, offsets, dy, dx := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.Out[0]
	grid, g, rows, inner := groups(&offsets.Type, &y.Type)
	if err := s.fill(dx, 0); err != nil || grid[0] == 0 {
		return err
	}
	return s.launch(segmentSoftmaxGrads[y.DType], grid, threads, at(dx), at(y), at(offsets), at(dy), g, rows, inner)
}

func segmentExpand(st op.Stream, n *op.Node) error {
	s, v, offsets, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	grid, g, rows, inner := groups(&offsets.Type, &y.Type)
	if err := s.fill(y, 0); err != nil || grid[0] == 0 {
		return err
	}
	return s.launch(segmentExpands[y.DType.Size()], grid, threads, at(y), at(v), at(offsets), g, rows, inner)
}
