//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var (
	scatterAdds    = entries("scatter", "scatter_add_%v", numbers...)
	takeAlongGrads = entries("scatter", "take_along_grad_%v", reals...)
)

// rectangle is the grid and block of kernels whose threads stand in columns and rows.
func rectangle(columns, rows int) (grid, block dim) {
	block = dim{1, threads[0], 1}
	for block[0] < min(columns, threads[0]) {
		block[0], block[1] = block[0]*2, block[1]/2
	}
	return dim{ceil(rows, block[1]), min(ceil(columns, block[0]), maxGridYZ), 1}, block
}

// indexRoom is the scratch memory for sorting rows of n indices.
func indexRoom(rows, n int) int { return winners(rows*n, 4) + sortRoom(rows, n, 4) }

// sortIndices sorts rows of n indices, those that are no places last, and says where each came from.
func (s *stream) sortIndices(idx uint64, all, n int, work uint64) (keys, from uint64, err error) {
	keys, from = work, work+uint64(aligned(4*all*n))
	r := sorting{values: keys, indices: from, x: idx, rows: rows{all: all, per: uint64(all)}, n: n, keep: n, size: 4} // as unsigned numbers
	return keys, from, s.sort(r, work+uint64(winners(all*n, 4)))
}

// addRows adds count rows of x to the places that idx names, in order.
func (s *stream) addRows(to, x, idx uint64, d op.DType, count, width, places int, work uint64) error {
	keys, from, err := s.sortIndices(idx, 1, count, work)
	if err != nil {
		return err
	}
	grid, block := rectangle(ceil(width, 4), count)
	return s.launch(scatterAdds[d], grid, block, to, x, keys, from, uint64(count), uint64(width), uint64(places))
}

func pickTakeGrad(p *op.TakeGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	if in[1].Elems() > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most 2³¹-1 indices", p.Name())
	}
	outer, n, _ := split(&out[0], p.Axis)
	k, err := alongAxis(p, takeGrad, outer, n, &in[0], &out[0])
	k.Work += indexRoom(1, in[1].Elems())
	return k, err
}

func takeGrad(st op.Stream, n *op.Node) error {
	s, p, dy, idx, dx := st.(*stream), n.Op.(*op.TakeGrad), &n.In[0], &n.In[1], &n.Out[0]
	if dx.Elems() == 0 {
		return nil
	}
	if dy.Elems() == 0 {
		return s.fill(dx, 0)
	}
	outer, places, inner := split(&dx.Type, p.Axis)
	count, d, work := idx.Elems(), dy.DType, at(&n.Work)
	if outer > 1 {
		work += uint64(room(&dy.Type) + room(&dx.Type))
	}
	return s.inFront(n, dy, dx, outer, count, places, inner, func(to, from uint64) error {
		elems := dx.Elems()
		if err := s.launch(fills[d.Size()], s.flat(elems), threads, to, uint64(elems), 0); err != nil {
			return err
		}
		return s.addRows(to, from, at(idx), d, count, outer*inner, places, work)
	})
}

func pickScatterAdd(p *op.ScatterAdd, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	if max(in[0].Dims[0], in[1].Dims[0]) > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most 2³¹-1 rows", p.Name())
	}
	return op.Kernel{Run: scatterAdd, Work: indexRoom(1, in[1].Dims[0])}, nil
}

func scatterAdd(st op.Stream, n *op.Node) error {
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
	return s.addRows(at(y), at(src), at(idx), y.DType, count, src.Elems()/count, y.Dims[0], at(&n.Work))
}

// lanes is a gradient along an axis as kernels see it: dy [outer, m, inner], of which the sum goes to [outer, n, inner].
// A lane is what has its outer and inner index.
type lanes struct{ outer, m, n, inner int }

func lanesOf(p *op.TakeAlongGrad, dy *op.Type) lanes {
	outer, m, inner := split(dy, p.Axis)
	return lanes{outer, m, p.N, inner}
}

// idxRoom is the bytes of the indices with the axis last, unless it is.
func (l lanes) idxRoom() int {
	if l.inner == 1 {
		return 0
	}
	return aligned(4 * l.outer * l.m * l.inner)
}

func pickTakeAlongGrad(p *op.TakeAlongGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	if err := indexed(p, in[0].Elems()); err != nil {
		return op.Kernel{}, err
	}
	l := lanesOf(p, &in[0])
	return op.Kernel{Run: takeAlongGrad, Work: l.idxRoom() + indexRoom(l.outer*l.inner, l.m)}, sortable(p, l.outer*l.inner, l.m)
}

func takeAlongGrad(st op.Stream, n *op.Node) error {
	s, dy, idx, dx := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	if err := s.fill(dx, 0); err != nil || dx.Elems() == 0 || dy.Elems() == 0 {
		return err
	}
	l := lanesOf(n.Op.(*op.TakeAlongGrad), &dy.Type)
	x, all := at(idx), l.outer*l.inner
	if l.inner > 1 {
		seen := op.Type{DType: op.I32, Rank: 3, Dims: [op.MaxRank]int{l.outer, l.inner, l.m}, Strides: [op.MaxRank]int{l.m * l.inner, 1, l.inner}}
		plain := seen.With(op.I32)
		x = at(&n.Work)
		if err := s.move(x, &plain, at(idx), &seen); err != nil {
			return err
		}
	}
	keys, from, err := s.sortIndices(x, all, l.m, at(&n.Work)+uint64(l.idxRoom()))
	if err != nil {
		return err
	}
	grid, block := rectangle(l.m, all)
	return s.launch(takeAlongGrads[dy.DType], grid, block, at(dx), at(dy), keys, from, uint64(all), uint64(l.n), uint64(l.m), uint64(l.inner))
}
