//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var indexes = table{on(pickTake), on(pickTakeGrad), on(pickTakeAlong), on(pickTakeAlongGrad), on(pickScatterAdd), on(pickPutRows), on(pickConcat), on(pickCompact),
	on(pickSort), on(pickTopK), on(pickKthValue), on(pickQuantile)}

var (
	gathers    = sizes("index", "gather_rows_b%d")
	scatters   = sizes("index", "scatter_rows_b%d")
	sorteds    = sizes("index", "scatter_sorted_rows_b%d")
	takeAlongs = sizes("index", "take_along_b%d")
	keepCount  = entry("index", "keep_count")
	keepList   = entry("index", "keep_list")
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
	count, size := idx.Elems(), x.DType.Size()
	return s.inFront(n, x, y, outer, rows, count, inner, func(to, from uint64) error {
		return s.gather(to, from, at(idx), count, outer*inner, rows, size)
	})
}

// gather takes count of a table's rows. Rows of one element have a thread each, others a warp.
func (s *stream) gather(to, from, idx uint64, count, width, rows, size int) error {
	if width == 1 && count <= maxIndex {
		return s.launch(takeAlongs[size], s.flat(count), threads, to, from, idx, uint64(count), uint64(rows), uint64(count), 1)
	}
	return s.launch(gathers[size], s.warps(count), threads, to, from, idx, uint64(count), uint64(width), uint64(rows))
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

func pickTakeAlong(p *op.TakeAlong, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	if _, n, _ := split(&in[0], p.Axis); max(n, out[0].Elems()) > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most 2³¹-1 indices", p.Name())
	}
	return kernel(takeAlong)
}

func takeAlong(st op.Stream, n *op.Node) error {
	s, x, idx, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	count, axis := y.Elems(), n.Op.(*op.TakeAlong).Axis
	if count == 0 {
		return nil
	}
	_, length, inner := split(&x.Type, axis)
	_, m, _ := split(&idx.Type, axis)
	return s.launch(takeAlongs[x.DType.Size()], s.flat(count), threads, at(y), at(x), at(idx), uint64(count), uint64(length), uint64(m), uint64(inner))
}

func pickPutRows(p *op.PutRows, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].Dims[0] > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most 2³¹-1 rows", p.Name())
	}
	k := op.Kernel{Run: putRows}
	if count := in[1].Elems(); count > fewRows {
		k.Work = indexRoom(1, count)
	}
	return k, nil
}

// fewRows is how many rows are put in place by looking for later ones that go there too; more are sorted.
const fewRows = 1024

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
	count, size, places := idx.Elems(), y.DType.Size(), uint64(dst.Dims[0])
	rows, width := uint64(count), uint64(src.Elems()/count)
	if count <= fewRows {
		return s.launch(scatters[size], s.warps(count), threads, at(y), at(src), at(idx), rows, width, places)
	}
	keys, from, err := s.sortIndices(at(idx), 1, count, at(&n.Work))
	if err != nil {
		return err
	}
	return s.launch(sorteds[size], s.warps(count), threads, at(y), at(src), keys, from, rows, width, places)
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

// keepTile is the rows of a block that counts and lists those that stay.
const keepTile = 2048

// pickCompact wants room for the list of rows that stay and the counts of each block.
func pickCompact(p *op.Compact, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	n := in[0].Dims[0]
	if n > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most 2³¹-1 rows", p.Name())
	}
	return op.Kernel{Run: compact, Work: aligned(4*n) + 4*ceil(n, keepTile)}, nil
}

func compact(st op.Stream, n *op.Node) error {
	s, x, keep, y, count := st.(*stream), &n.In[0], &n.In[1], &n.Out[0], &n.Out[1]
	rows, list := x.Dims[0], at(&n.Work)
	if rows == 0 {
		return s.fill(count, 0)
	}
	counts, grid := list+uint64(aligned(4*rows)), dim{ceil(rows, keepTile), 1, 1}
	if err := s.launch(keepCount, grid, threads, counts, at(keep), uint64(rows)); err != nil {
		return err
	}
	if err := s.launch(keepList, grid, threads, list, at(count), counts, at(keep), uint64(rows)); err != nil || x.Elems() == 0 {
		return err
	}
	return s.gather(at(y), at(x), list, rows, x.Elems()/rows, rows, x.DType.Size())
}
