package tandem

import (
	"slices"

	"github.com/tandem-compute/tandem/internal/op"
)

// Take is the elements of x that idx (i32) names along an axis: the axis is replaced by the dimensions of idx. Indices
// outside the axis give 0.
func (s *Scope) Take(x Tensor, axis int, idx Tensor) Tensor {
	return emit(s, op.Take{Axis: axis}, args(x, idx))
}

// Embedding is the rows of table [n, ...] that ids (i32[...]) name: [ids..., row...]. It is Take along the first axis.
func (s *Scope) Embedding(table, ids Tensor) Tensor { return s.Take(table, 0, ids) }

// TakeAlong is one element of x for each index: out[i][j] = x[i][idx[i][j]] along an axis, where x and idx (i32) agree
// in all other dimensions. Indices outside the axis give 0.
func (s *Scope) TakeAlong(x Tensor, axis int, idx Tensor) Tensor {
	return emit(s, op.TakeAlong{Axis: axis}, args(x, idx))
}

// ScatterAdd is dst [n, ...] with the rows of src [m, ...] added at the places that idx (i32[m]) names, in that order;
// rows for places outside are left out. s.Into(dst).ScatterAdd(dst, idx, src) adds in place.
func (s *Scope) ScatterAdd(dst, idx, src Tensor) Tensor {
	return emit(s, op.ScatterAdd{}, args(dst, idx, src))
}

// PutRows is dst [n, ...] with the rows of src [m, ...] in the places that idx (i32[m]) names; of several rows for one
// place the last stays, and rows for places outside are left out. A key-value cache is written in place, at the cost
// of the new rows alone, by s.Into(cache).PutRows(cache, positions, rows).
func (s *Scope) PutRows(dst, idx, src Tensor) Tensor {
	return emit(s, op.PutRows{}, args(dst, idx, src))
}

// Concat joins any number of tensors along an axis. They agree in dtype and in all other dimensions.
func (s *Scope) Concat(axis int, xs ...Tensor) Tensor {
	if len(xs) <= op.MaxConcat {
		return emitAll(s, op.Concat{Axis: axis}, xs...)
	}
	into, mark := s.aside(), s.mark
	var parts []Tensor
	for some := range slices.Chunk(xs, op.MaxConcat) {
		parts = append(parts, s.Concat(axis, some...))
	}
	s.into = into
	y := s.Concat(axis, parts...)
	for _, p := range parts {
		if p.ok() {
			s.release(p, mark)
		}
	}
	return y
}

// Split is views of x: consecutive pieces of the given sizes along an axis, which together fill it.
func (s *Scope) Split(x Tensor, axis int, sizes ...int) []Tensor {
	t, sum := x.Type(), 0
	if s.into.slot != nil && len(sizes) > 1 {
		s.fail("split", t.String(), op.UnsupportedErr("one destination does not take %d pieces", len(sizes)))
	}
	for _, n := range sizes {
		sum += n
	}
	if a, err := t.Axis(axis); err != nil {
		s.fail("split", t.String(), err)
	} else if sum != t.Dims[a] {
		s.fail("split", t.String(), op.ShapeErr("the sizes %v add up to %d, axis %d has %d", sizes, sum, a, t.Dims[a]))
	}
	parts, at := make([]Tensor, len(sizes)), 0
	for i, n := range sizes {
		parts[i] = s.Slice(x, axis, at, at+n)
		at += n
	}
	return parts
}

// Compact moves the rows of x [n, ...] whose keep (bool[n]) is true to the front, in order, and fills the rest with
// zeros; count (i32[1]) is how many there are. y keeps x's capacity and carries the count: row-wise ops that follow
// compute those rows alone, and others refuse y until Full. Written with Into, y carries no count.
func (s *Scope) Compact(x, keep Tensor) (y, count Tensor) {
	into := s.into.slot != nil
	y, count = emit2(s, op.Compact{}, args(x, keep))
	if s.err == nil && !into {
		s.counted(y.slot, count.slot.view)
	}
	return y, count
}

// Nonzero is the flat indices (i32) of the elements of mask (bool) that are true, in order, and how many they are. Like
// Compact's the result has room for all and carries the count.
func (s *Scope) Nonzero(mask Tensor) (idx, count Tensor) {
	into := s.aside()
	all, keep := s.Iota(I32, mask.Elems(), 0, 1), s.Flatten(mask)
	s.into = into
	return s.Compact(all, keep)
}

// Full is x without its device count: all rows, those behind the count included. They are zeros after Compact, and
// whatever the memory held after an op that has left them out.
func (s *Scope) Full(x Tensor) Tensor {
	s.live("full")
	if err := s.check(x); err != nil {
		s.fail("full", "", err)
	}
	if s.err != nil {
		return x
	}
	s.mention(x)
	y := s.slot(x.slot.view)
	if s.tape != nil {
		y.slot.id = s.tape.id(x) // the same value: gradients arrive at x
	}
	return y
}

// Sort is the rows of x along the last axis in ascending order, and the index (i32) that each element had. Equals stay
// in order; NaN comes last.
func (s *Scope) Sort(x Tensor) (values, indices Tensor) {
	return emit2(s, op.Sort{}, args(x))
}

// SortDescending is Sort from the largest to the smallest; NaN still comes last.
func (s *Scope) SortDescending(x Tensor) (values, indices Tensor) {
	return emit2(s, op.Sort{Descending: true}, args(x))
}

// ArgSort is the indices (i32) that would sort the rows of x in ascending order: x.TakeAlong of them is sorted.
func (s *Scope) ArgSort(x Tensor) Tensor {
	into := s.aside()
	_, i := s.Sort(x)
	if into.slot == nil {
		return i
	}
	s.into = into
	return s.Copy(i)
}

// TopK is the k largest elements of each row along the last axis, the largest first, and their indices (i32); of equals
// the lowest index comes first. NaN counts as less than all numbers.
func (s *Scope) TopK(x Tensor, k int) (values, indices Tensor) {
	return emit2(s, op.TopK{K: k}, args(x))
}

// BottomK is the k smallest elements of each row along the last axis, the smallest first, and their indices (i32); of
// equals the lowest index comes first. NaN counts as more than all numbers.
func (s *Scope) BottomK(x Tensor, k int) (values, indices Tensor) {
	return emit2(s, op.TopK{K: k, Least: true}, args(x))
}

// KthValue is the k-th smallest element of each row along the last axis, counted from 1; NaN counts as more than all
// numbers.
func (s *Scope) KthValue(x Tensor, k int) Tensor { return emit(s, op.KthValue{K: k}, args(x)) }

// Quantile is the q-quantile of each row along the last axis, interpolated linearly between the two nearest elements
// in order, at q (n-1). x is f32 or f64; a row with a NaN gives NaN.
func (s *Scope) Quantile(x Tensor, q float64) Tensor { return emit(s, op.Quantile{Q: q}, args(x)) }

func init() {
	gradient(ins(1), func(g *Grad, p *op.Take) {
		x := g.InType(0)
		a, _ := x.Axis(p.Axis) // checked by Infer
		g.To(0, emit(g.Scope, op.TakeGrad{Axis: a, N: x.Dims[a]}, args(g.D(0), g.In(1))))
	})
	gradient(ins(1), func(g *Grad, p *op.TakeAlong) {
		x := g.InType(0)
		a, _ := x.Axis(p.Axis) // checked by Infer
		g.To(0, g.spread(g.D(0), a, x.Dims[a], g.In(1)))
	})
	gradient(ins(1), func(g *Grad, _ *op.ScatterAdd) {
		g.To(0, g.D(0))
		if g.Needs(2) {
			g.To(2, g.Take(g.D(0), 0, g.In(1)))
		}
	})
	gradient(ins(1), putRowsGrad)
	gradient(0, func(g *Grad, p *op.Concat) {
		at := 0
		for i := range g.n.in {
			x := g.InType(i)
			a, _ := x.Axis(p.Axis) // checked by Infer
			if g.Needs(i) {
				g.To(i, g.Slice(g.D(0), a, at, at+x.Dims[a]))
			}
			at += x.Dims[a]
		}
	})
	gradient(ins(1), func(g *Grad, _ *op.Compact) { // each row back where it came from
		n := g.InType(0).Dims[0]
		rows, _ := g.Compact(g.Iota(I32, n, 1, 1), g.In(1))
		from := g.SubScalar(g.Full(rows), 1) // -1, nowhere, behind the count
		g.To(0, emit(g.Scope, op.TakeGrad{N: n}, args(g.D(0), from)))
	})
	gradient(outs(1), func(g *Grad, _ *op.Sort) { g.To(0, g.spreadLast(g.D(0), g.Out(1))) })
	gradient(outs(1), func(g *Grad, _ *op.TopK) { g.To(0, g.spreadLast(g.D(0), g.Out(1))) })
	gradient(ins(0), func(g *Grad, p *op.KthValue) {
		_, idx := g.BottomK(g.In(0), p.K)
		at := g.Slice(idx, -1, p.K-1, p.K)
		g.To(0, g.spreadLast(g.Reshape(g.D(0), at.Shape()...), at))
	})
	gradient(ins(0), quantileGrad)
}

// spread adds d to the places that idx names along an axis of n, in a tensor of zeros.
func (g *Grad) spread(d Tensor, axis, n int, idx Tensor) Tensor {
	return emit(g.Scope, op.TakeAlongGrad{Axis: axis, N: n}, args(d, idx))
}

// spreadLast is spread along the last axis of input 0.
func (g *Grad) spreadLast(d, idx Tensor) Tensor {
	x := g.InType(0)
	return g.spread(d, int(x.Rank)-1, x.Last(), idx)
}

// putRowsGrad: rows of dst that were overwritten have no gradient, nor have rows of src that a later one replaced.
func putRowsGrad(g *Grad, _ *op.PutRows) {
	idx, src := g.In(1), g.InType(2)
	if g.Needs(0) {
		g.To(0, g.PutRows(g.D(0), idx, g.Fill(src.DType, 0, src.Shape()...)))
	}
	if !g.Needs(2) {
		return
	}
	none, rows := g.Fill(I32, -1), g.Iota(I32, src.Dims[0], 0, 1)
	stayed := g.PutRows(g.Fill(I32, -1, g.InType(0).Dims[0]), idx, rows) // the row in each place
	mine := g.Where(g.Eq(g.Take(stayed, 0, idx), rows), idx, none)
	g.To(2, g.Take(g.D(0), 0, mine))
}

// quantileGrad shares the gradient between the two elements that were interpolated.
func quantileGrad(g *Grad, p *op.Quantile) {
	x := g.InType(0)
	h := p.Q * float64(x.Last()-1)
	lo := int(h)
	part := h - float64(lo)
	_, idx := g.BottomK(g.In(0), min(lo+2, x.Last()))
	first := g.Slice(idx, -1, lo, lo+1)
	d := g.Reshape(g.D(0), first.Shape()...)
	if part == 0 {
		g.To(0, g.spreadLast(d, first))
		return
	}
	both := g.Concat(-1, g.MulScalar(d, 1-part), g.MulScalar(d, part))
	g.To(0, g.spreadLast(both, g.Slice(idx, -1, lo, lo+2)))
}
