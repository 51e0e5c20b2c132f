package cpu

import (
	"math/bits"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/op"
)

var indexes = table{on(pickTake), on(pickTakeGrad), on(pickTakeAlong), on(pickTakeAlongGrad), on(pickScatterAdd), on(pickPutRows), on(pickConcat), on(pickCompact),
	on(pickSort), on(pickTopK), on(pickKthValue), on(pickQuantile)}

// sized is one body for each size of an element: for kernels that move bits, whatever they mean.
type sized [4]body

func (b *sized) of(d op.DType) body { return b[bits.TrailingZeros(uint(d.Size()))] }

// cells is how the elements behind an axis lie in two tensors: what moves with one index. Neighbouring dimensions are
// merged where both allow it.
type cells struct {
	rank     int
	dims     [op.MaxRank]int
	to, from [op.MaxRank]int // strides
}

// behind describes the dimensions of dst after axis da and those of src after axis sa, which are equal.
func behind(dst *op.Type, da int, src *op.Type, sa int) (c cells) {
	for i := range int(dst.Rank) - da - 1 {
		n, to, from := dst.Dims[da+1+i], dst.Strides[da+1+i], src.Strides[sa+1+i]
		if n == 1 {
			continue
		}
		if k := c.rank - 1; k >= 0 && c.to[k] == to*n && c.from[k] == from*n {
			c.dims[k], c.to[k], c.from[k] = c.dims[k]*n, to, from
		} else {
			c.dims[c.rank], c.to[c.rank], c.from[c.rank] = n, to, from
			c.rank++
		}
	}
	return c
}

// count is the number of elements.
func (c *cells) count() int {
	n := 1
	for _, d := range c.dims[:c.rank] {
		n *= d
	}
	return n
}

// move copies the elements of dimensions d and on. Both slices begin at the first of them.
func move[T op.Elem](c *cells, dst, src []T, d int) {
	last := c.rank - 1
	switch {
	case last < 0:
		dst[0] = src[0]
	case d < last:
		for i := range c.dims[d] {
			move(c, dst[i*c.to[d]:], src[i*c.from[d]:], d+1)
		}
	case c.to[d] == 1 && c.from[d] == 1:
		copy(dst[:c.dims[d]], src[:c.dims[d]])
	default:
		for i := range c.dims[d] {
			dst[i*c.to[d]] = src[i*c.from[d]]
		}
	}
}

// leadOffset is where the elements begin that flat index i over the first dims dimensions of t leads to.
func leadOffset(t *op.Type, dims, i int) (off int) {
	for d := dims - 1; d >= 0; d-- {
		off += i % t.Dims[d] * t.Strides[d]
		i /= t.Dims[d]
	}
	return off
}

// workspace is count elements of a node's scratch memory, from byte at on.
func workspace[T any](n *op.Node, at, count int) []T {
	if count == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&n.Work.Block.Bytes[n.Work.Off+at])), count)
}

// sameView reports whether an op runs in place.
func sameView(a, b *op.View) bool { return a.Block == b.Block && a.Off == b.Off }

// copyInto copies src to dst, of one shape, on behalf of the node that runs.
func (s *stream) copyInto(dst, src *op.View) error {
	n := &s.inner
	n.Set(nil, 1, 1)
	n.In[0], n.Out[0] = *src, *dst
	return s.split(n, dst.Elems(), elementGrain, copyIntoBodies.of(dst.DType))
}

var copyIntoBodies = sized{copyIntoBody[uint8], copyIntoBody[uint16], copyIntoBody[int32], copyIntoBody[int64]}

// copyIntoBody copies elements lo..hi-1 in runs along the innermost dimension that is left after merging.
func copyIntoBody[T op.Elem](_ *worker, n *op.Node, lo, hi int) {
	c := behind(&n.Out[0].Type, -1, &n.In[0].Type, -1)
	dst, src := op.Data[T](&n.Out[0]), op.Data[T](&n.In[0])
	if c.rank == 0 {
		dst[0] = src[0]
		return
	}
	last := c.rank - 1
	for run := c; lo < hi; lo += run.dims[last] {
		row, col := lo/c.dims[last], lo%c.dims[last]
		to, from := col*c.to[last], col*c.from[last]
		for d := last - 1; d >= 0; d-- {
			to, from = to+row%c.dims[d]*c.to[d], from+row%c.dims[d]*c.from[d]
			row /= c.dims[d]
		}
		run.dims[last] = min(c.dims[last]-col, hi-lo)
		move(&run, dst[to:], src[from:], last)
	}
}

// pickTake reads x as it lies: a table is not copied because its rows are padded.
func pickTake(_ *Backend, _ *op.Take, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in[1:], out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(take)
}

var takeBodies = sized{takeBody[uint8], takeBody[uint16], takeBody[int32], takeBody[int64]}

func take(st op.Stream, n *op.Node) error {
	size := n.Out[0].Elems() / max(1, takeItems(n))
	return st.(*stream).split(n, takeItems(n), rowGrain(size), takeBodies.of(n.In[0].DType))
}

// takeAxis is the axis of x that is replaced, takeItems the number of cells of x that the result is made of.
func takeAxis(n *op.Node) int {
	a, _ := n.In[0].Axis(n.Op.(*op.Take).Axis) // checked by Infer
	return a
}

func takeItems(n *op.Node) int {
	items := n.In[1].Elems()
	for _, d := range n.In[0].Dims[:takeAxis(n)] {
		items *= d
	}
	return items
}

func takeBody[T op.Elem](_ *worker, n *op.Node, lo, hi int) {
	x, y, a := &n.In[0], &n.Out[0], takeAxis(n)
	src, idx, dst := op.Data[T](x), op.Data[int32](&n.In[1]), op.Data[T](y)
	c := behind(&y.Type, a+int(n.In[1].Rank)-1, &x.Type, a)
	size := c.count()
	if size == 0 {
		return
	}
	for i := lo; i < hi; {
		o := i / len(idx)
		from, end := leadOffset(&x.Type, a, o), min(hi, (o+1)*len(idx))
		for ; i < end; i++ {
			cell, k := dst[i*size:][:size], int(idx[i-o*len(idx)])
			if uint(k) >= uint(x.Dims[a]) {
				clear(cell)
			} else {
				move(&c, cell, src[from+k*x.Strides[a]:], 0)
			}
		}
	}
}

func pickTakeAlong(*Backend, *op.TakeAlong, []op.Type, []op.Type) (op.Kernel, error) {
	return kernel(takeAlong)
}

var takeAlongBodies = sized{takeAlongBody[uint8], takeAlongBody[uint16], takeAlongBody[int32], takeAlongBody[int64]}

func takeAlong(st op.Stream, n *op.Node) error {
	return st.(*stream).split(n, n.Out[0].Elems(), elementGrain, takeAlongBodies.of(n.In[0].DType))
}

// takeAlongBody walks the result in runs along its last dimension, in which x advances by step and by its index.
func takeAlongBody[T op.Elem](_ *worker, n *op.Node, lo, hi int) {
	x, ix, y := &n.In[0], &n.In[1], &n.Out[0]
	a, _ := x.Axis(n.Op.(*op.TakeAlong).Axis) // checked by Infer
	last := int(y.Rank) - 1
	lead := x.Type // without the axis, which the index decides
	lead.Dims, lead.Strides[a] = y.Dims, 0
	step := lead.Strides[last]
	src, idx, dst := op.Data[T](x), op.Data[int32](ix), op.Data[T](y)
	for lo < hi {
		row, col := lo/y.Dims[last], lo%y.Dims[last]
		xs := leadOffset(&lead, last, row) + col*step
		is := leadOffset(&ix.Type, last, row) + col*ix.Strides[last]
		ys := leadOffset(&y.Type, last, row) + col*y.Strides[last]
		run := min(y.Dims[last]-col, hi-lo)
		for range run {
			v := T(0)
			if k := int(idx[is]); uint(k) < uint(x.Dims[a]) {
				v = src[xs+k*x.Strides[a]]
			}
			dst[ys] = v
			xs, is, ys = xs+step, is+ix.Strides[last], ys+y.Strides[last]
		}
		lo += run
	}
}

func pickConcat(*Backend, *op.Concat, []op.Type, []op.Type) (op.Kernel, error) {
	return kernel(concat)
}

// concat copies each tensor into its part of the result.
func concat(st op.Stream, n *op.Node) error {
	s, part := st.(*stream), n.Out[0]
	a, _ := part.Axis(n.Op.(*op.Concat).Axis) // checked by Infer
	for i := range n.In {
		x := &n.In[i]
		part.Dims[a] = x.Dims[a]
		if err := s.copyInto(&part, x); err != nil {
			return err
		}
		part.Off += x.Dims[a] * part.Strides[a] * part.DType.Size()
	}
	return nil
}
