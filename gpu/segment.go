//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var segments = table{on(pickSegment), on(pickSegmentGrad), on(pickSegmentSoftmax), on(pickSegmentSoftmaxGrad), on(pickSegmentExpand)}

var (
	segmentFolds        = entries("segment", "segment_%v", reals...)
	segmentGrads        = entries("segment", "segment_grad_%v", reals...)
	segmentSoftmaxes    = entries("segment", "segment_softmax_%v", shorts...)
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

// pickSegments is for kernels over contiguous operands of the types that symbols has.
func pickSegments(o op.Op, known bool, in, out []op.Type, run func(op.Stream, *op.Node) error) (op.Kernel, error) {
	if !known {
		return no(o, in[0].DType)
	}
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(run)
}

func pickSegment(p *op.Segment, in, out []op.Type) (op.Kernel, error) {
	return pickSegments(p, true, in, out, segment)
}
func pickSegmentGrad(p *op.SegmentGrad, in, out []op.Type) (op.Kernel, error) {
	return pickSegments(p, true, in, out, segmentGrad)
}
func pickSegmentSoftmax(p *op.SegmentSoftmax, in, out []op.Type) (op.Kernel, error) {
	return pickSegments(p, segmentSoftmaxes.has(in[0].DType), in, out, segmentSoftmax)
}
func pickSegmentSoftmaxGrad(p *op.SegmentSoftmaxGrad, in, out []op.Type) (op.Kernel, error) {
	return pickSegments(p, true, in, out, segmentSoftmaxGrad)
}
func pickSegmentExpand(p *op.SegmentExpand, in, out []op.Type) (op.Kernel, error) {
	return pickSegments(p, true, in, out, segmentExpand)
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
