//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var reduces = table{on(pickReduce), on(pickArgReduce), on(pickCumSum), on(pickDot)}

var (
	reduceRows      = byRow{entries("reduce", "reduce_rows_warp_%v", numbers...), entries("reduce", "reduce_rows_%v", numbers...), 1024}
	reduceParts     = entries("reduce", "reduce_parts_%v", numbers...)
	reduceFinish    = entries("reduce", "reduce_rows_finish_%v", numbers...)
	reduceColumns   = entries("reduce", "reduce_columns_%v", numbers...)
	columnParts     = entries("reduce", "reduce_columns_parts_%v", numbers...)
	columnFinish    = entries("reduce", "reduce_columns_finish_%v", numbers...)
	logSumExps      = byRow{entries("reduce", "logsumexp_warp_%v", reals...), entries("reduce", "logsumexp_%v", reals...), 1024}
	dots            = byRow{entries("fused", "dot_warp_%v", reals...), entries("fused", "dot_%v", reals...), 1024}
	argMaxs         = entries("reduce", "argmax_%v", numbers...)
	argMins         = entries("reduce", "argmin_%v", numbers...)
	reduceCodes     = [op.NumReduceFns]op.ReduceFn{op.Sum, op.Mean, op.Prod, op.MaxOf, op.MinOf, op.LogSumExp, op.Norm1, op.Norm2, op.SumSquares, op.MinOf, op.MaxOf}
	reduceOfNothing = [op.NumReduceFns]float64{op.Mean: math.NaN(), op.Prod: 1, op.MaxOf: math.Inf(-1), op.MinOf: math.Inf(1), op.LogSumExp: math.Inf(-1), op.AllOf: 1}
)

const (
	longestRow    = 16384 // longer rows are reduced in parts
	longestColumn = 256   // so are longer columns, by rowsPerPart
)

// fold is a reduction as kernels see it: x is [outer, n, inner] and n is what goes. Where the reduced axes do not lie
// together, or with strides, x is copied first, so that they come last.
type fold struct {
	outer, n, inner int
	copied          bool
	moved           op.Type // x with the reduced axes last, for the copy
}

func foldOf(x *op.Type, axes uint8, rowsOnly bool) (f fold) {
	f = fold{outer: 1, n: 1, inner: 1, copied: !x.Contiguous()}
	f.moved = op.Type{DType: x.DType, Rank: x.Rank}
	kept, last := 0, int(x.Rank)
	for i := range int(x.Rank) {
		if axes>>i&1 != 0 {
			last--
		}
	}
	for i, size := range x.Dims[:x.Rank] {
		at := &kept
		if axes>>i&1 != 0 {
			at = &last
		}
		f.moved.Dims[*at], f.moved.Strides[*at] = size, x.Strides[i]
		*at++
		switch reduced := axes>>i&1 != 0; {
		case size == 1:
		case reduced && f.inner == 1:
			f.n *= size
		case reduced:
			f.copied = true
			f.n *= size
		case f.n == 1:
			f.outer *= size
		default:
			f.inner *= size
		}
	}
	if f.inner > 1 && (rowsOnly || f.copied) {
		f.copied = true
	}
	if f.copied {
		f.outer, f.inner = f.outer*f.inner, 1
	}
	return f
}

// copyRoom is the bytes of the copy, aligned for what follows.
func (f *fold) copyRoom() int {
	if !f.copied {
		return 0
	}
	return ceil(f.moved.Bytes(), 16) * 16
}

// parts is how many pieces a row or column is cut into.
func (f *fold) parts() int {
	switch {
	case f.inner == 1 && f.n > longestRow:
		return ceil(f.n, longestRow)
	case f.inner > 1 && f.n > longestColumn:
		return ceil(f.n, rowsPerPart)
	}
	return 1
}

// source is where the kernels read x, after a copy if there must be one.
func (s *stream) source(f *fold, x *op.View, n *op.Node) (uint64, error) {
	if !f.copied {
		return at(x), nil
	}
	to, room := f.moved.With(x.DType), at(&n.Work)
	return room, s.move(room, &to, at(x), &f.moved)
}

func pickReduce(p *op.Reduce, in, out []op.Type) (op.Kernel, error) {
	x, d := &in[0], stored(in[0].DType)
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	f := foldOf(x, p.Axes, p.Fn == op.LogSumExp)
	if f.copied || f.n > maxIndex {
		if err := indexed(p, x.Elems()); err != nil {
			return op.Kernel{}, err
		}
	}
	if f.inner > 1 && f.parts() > maxGridYZ {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes columns of at most %d elements", p.Name(), maxGridYZ*rowsPerPart)
	}
	work := f.copyRoom()
	if parts := f.parts(); parts > 1 {
		work += parts * f.outer * f.inner * computeSize(d)
	}
	return op.Kernel{Run: reduce, Work: work}, nil
}

func reduce(st op.Stream, n *op.Node) error {
	s, p, x, y := st.(*stream), n.Op.(*op.Reduce), &n.In[0], &n.Out[0]
	if y.Elems() == 0 {
		return nil
	}
	if x.Elems() == 0 {
		return s.fill(y, reduceOfNothing[p.Fn])
	}
	f := foldOf(&x.Type, p.Axes, p.Fn == op.LogSumExp)
	from, err := s.source(&f, x, n)
	if err != nil {
		return err
	}
	d, parts := stored(x.DType), at(&n.Work)+uint64(f.copyRoom())
	switch code := uint64(reduceCodes[p.Fn]); {
	case p.Fn == op.LogSumExp:
		k, grid := logSumExps.pick(d, f.outer, f.n)
		return s.launch(k, grid, threads, at(y), from, uint64(f.outer), uint64(f.n))
	case f.inner > 1:
		return s.reduceColumns(&f, d, at(y), from, parts, code)
	case f.n > longestRow:
		return s.reduceLong(&f, d, at(y), from, parts, code)
	default:
		k, grid := reduceRows.pick(d, f.outer, f.n)
		return s.launch(k, grid, threads, at(y), from, uint64(f.outer), uint64(f.n), code)
	}
}

// reduceLong reduces rows in parts, and the parts like short rows.
func (s *stream) reduceLong(f *fold, d op.DType, to, from, parts, code uint64) error {
	count := f.parts()
	for lo := 0; lo < f.outer; lo += maxGridYZ {
		rows := min(f.outer-lo, maxGridYZ)
		err := s.launch(reduceParts[d], dim{count, rows, 1}, threads, parts+uint64(lo*count*computeSize(d)), from+uint64(lo*f.n*d.Size()), uint64(f.n), code)
		if err != nil {
			return err
		}
	}
	return s.launch(reduceFinish[d], dim{f.outer, 1, 1}, threads, to, parts, uint64(f.outer), uint64(count), uint64(f.n), code)
}

// reduceColumns reduces down the middle axis, in parts where it is long.
func (s *stream) reduceColumns(f *fold, d op.DType, to, from, parts, code uint64) error {
	count, blocks, size := f.parts(), ceil(f.inner, 256), d.Size()
	for lo := 0; lo < f.outer; lo += maxGridYZ {
		batch := min(f.outer-lo, maxGridYZ)
		out, x := to+uint64(lo*f.inner*size), from+uint64(lo*f.n*f.inner*size)
		if count == 1 {
			if err := s.launch(reduceColumns[d], dim{blocks, 1, batch}, threads, out, x, uint64(f.n), uint64(f.inner), code); err != nil {
				return err
			}
			continue
		}
		part := parts + uint64(lo*count*f.inner*computeSize(d))
		err := s.launch(columnParts[d], dim{blocks, count, batch}, threads, part, x, uint64(f.n), uint64(f.inner), code)
		if err != nil {
			return err
		}
		err = s.launch(columnFinish[d], dim{blocks, 1, batch}, threads, out, part, uint64(count), uint64(f.inner), uint64(f.n), code)
		if err != nil {
			return err
		}
	}
	return nil
}

func pickArgReduce(p *op.ArgReduce, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	f := argFold(p, &in[0])
	if f.copied {
		if err := indexed(p, in[0].Elems()); err != nil {
			return op.Kernel{}, err
		}
	}
	return op.Kernel{Run: argReduce, Work: f.copyRoom()}, nil
}

// argFold is the fold of the axis; Infer has found it valid.
func argFold(p *op.ArgReduce, x *op.Type) fold {
	axis := p.Axis
	if axis < 0 {
		axis += int(x.Rank)
	}
	return foldOf(x, 1<<axis, true)
}

func argReduce(st op.Stream, n *op.Node) error {
	s, p, x, y := st.(*stream), n.Op.(*op.ArgReduce), &n.In[0], &n.Out[0]
	if y.Elems() == 0 {
		return nil
	}
	f := argFold(p, &x.Type)
	from, err := s.source(&f, x, n)
	if err != nil {
		return err
	}
	k := argMaxs[x.DType]
	if p.Least {
		k = argMins[x.DType]
	}
	return s.launch(k, dim{f.outer, 1, 1}, threads, at(y), from, uint64(f.outer), uint64(f.n))
}

// split is t as [outer, n, inner] around an axis, which Infer has found valid.
func split(t *op.Type, axis int) (outer, n, inner int) {
	if axis < 0 {
		axis += int(t.Rank)
	}
	outer, inner = 1, 1
	for i, d := range t.Dims[:t.Rank] {
		switch {
		case i < axis:
			outer *= d
		case i > axis:
			inner *= d
		}
	}
	return outer, t.Dims[axis], inner
}

func pickDot(_ *op.Dot, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, dot)
}

func dot(st op.Stream, n *op.Node) error {
	s, a, b, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	if a.Elems() == 0 {
		return s.fill(y, 0)
	}
	rows, length := a.Rows(), a.Last()
	k, grid := dots.pick(a.DType, rows, length)
	return s.launch(k, grid, threads, at(y), at(a), at(b), uint64(rows), uint64(length))
}
