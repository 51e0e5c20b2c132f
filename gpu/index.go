//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var indexes = table{on(pickTake), on(pickTakeGrad), on(pickPutRows), on(pickConcat)}

var (
	gathers     = sizes("index", "gather_rows_b%d")
	scatters    = sizes("index", "scatter_rows_b%d")
	scatterSums = entries("index", "scatter_sum_%v", reals...)
)

// warps is the grid of kernels that give a row to each warp and stride over the grid.
func (s *stream) warps(rows int) dim { return dim{min(ceil(rows, 8), 8*s.sms), 1, 1} }

// turned is a contiguous [outer, n, inner] seen as [n, outer, inner], and the contiguous type of that shape.
func turned(d op.DType, outer, n, inner int) (seen, plain op.Type) {
	seen = op.Type{DType: d, Rank: 3, Dims: [op.MaxRank]int{n, outer, inner}, Strides: [op.MaxRank]int{inner, n * inner, 1}}
	return seen, seen.With(d)
}

// pickTake wants room for x and the result with the axis in front, unless it is there already.
func pickTake(p *op.Take, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	outer, n, _ := split(&in[0], p.Axis)
	return alongAxis(p, take, outer, n, &in[0], &out[0])
}

// alongAxis is a kernel along an axis of n elements, with outer things before it.
func alongAxis(o op.Op, run func(op.Stream, *op.Node) error, outer, n int, x, y *op.Type) (op.Kernel, error) {
	k := op.Kernel{Run: run}
	if n > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes axes of at most 2³¹-1 elements", o.Name())
	}
	if outer > 1 {
		if err := indexed(o, max(x.Elems(), y.Elems())); err != nil {
			return op.Kernel{}, err
		}
		k.Work = room(x) + room(y)
	}
	return k, nil
}

func take(st op.Stream, n *op.Node) error {
	s, p, x, idx, y := st.(*stream), n.Op.(*op.Take), &n.In[0], &n.In[1], &n.Out[0]
	if y.Elems() == 0 {
		return nil
	}
	outer, rows, inner := split(&x.Type, p.Axis)
	count, k := idx.Elems(), gathers[x.DType.Size()]
	return s.inFront(n, x, y, outer, rows, count, inner, func(to, from uint64) error {
		return s.launch(k, s.warps(count), threads, to, from, at(idx), uint64(count), uint64(outer*inner), uint64(rows))
	})
}

// inFront runs f from x [outer, rows, inner] to y [outer, count, inner] with the middle axis moved to the front.
func (s *stream) inFront(n *op.Node, x, y *op.View, outer, rows, count, inner int, f func(to, from uint64) error) error {
	if outer == 1 {
		return f(at(y), at(x))
	}
	from := at(&n.Work)
	to := from + uint64(room(&x.Type))
	seen, plain := turned(x.DType, outer, rows, inner)
	if err := s.move(from, &plain, at(x), &seen); err != nil {
		return err
	}
	if err := f(to, from); err != nil {
		return err
	}
	seen, plain = turned(y.DType, outer, count, inner)
	return s.move(at(y), &seen, to, &plain)
}

func pickTakeGrad(p *op.TakeGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	if in[1].Elems() > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most 2³¹-1 indices", p.Name())
	}
	outer, n, _ := split(&out[0], p.Axis)
	return alongAxis(p, takeGrad, outer, n, &in[0], &out[0])
}

func takeGrad(st op.Stream, n *op.Node) error {
	s, p, dy, idx, dx := st.(*stream), n.Op.(*op.TakeGrad), &n.In[0], &n.In[1], &n.Out[0]
	if dx.Elems() == 0 {
		return nil
	}
	if dy.Elems() == 0 {
		return s.fill(dx, 0)
	}
	outer, rows, inner := split(&dx.Type, p.Axis)
	count, width, k := idx.Elems(), outer*inner, scatterSums[dy.DType]
	return s.inFront(n, dy, dx, outer, count, rows, inner, func(to, from uint64) error {
		return s.launch(k, dim{rows, ceil(width, 1024), 1}, threads, to, from, at(idx), uint64(count), uint64(width))
	})
}

func pickPutRows(p *op.PutRows, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].Dims[0] > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most 2³¹-1 rows", p.Name())
	}
	return kernel(putRows)
}

func putRows(st op.Stream, n *op.Node) error {
	s, dst, idx, src, y := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.Out[0]
	if at(y) != at(dst) {
		if err := s.move(at(y), &y.Type, at(dst), &dst.Type); err != nil {
			return err
		}
	}
	if src.Elems() == 0 || y.Elems() == 0 {
		return nil
	}
	count := idx.Elems()
	return s.launch(scatters[y.DType.Size()], s.warps(count), threads, at(y), at(src), at(idx), uint64(count), uint64(src.Elems()/count), uint64(dst.Dims[0]))
}

// pickConcat takes any strides: each operand is copied to its part of the result.
func pickConcat(p *op.Concat, in, out []op.Type) (op.Kernel, error) {
	if err := indexed(p, out[0].Elems()); err != nil {
		return op.Kernel{}, err
	}
	return kernel(concat)
}

func concat(st op.Stream, n *op.Node) error {
	s, y, axis := st.(*stream), &n.Out[0], n.Op.(*op.Concat).Axis
	if axis < 0 {
		axis += int(y.Rank)
	}
	to := at(y)
	for i := range n.In {
		x, part := &n.In[i], y.Type
		part.Dims = x.Dims
		if err := s.move(to, &part, at(x), &x.Type); err != nil {
			return err
		}
		to += uint64(x.Dims[axis] * y.Strides[axis] * y.DType.Size())
	}
	return nil
}
