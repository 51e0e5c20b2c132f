package cpu

import "github.com/tandem-compute/tandem/internal/op"

// pickPutRows reads and writes rows as they lie: a key-value cache is written where it is.
func pickPutRows(_ *Backend, _ *op.PutRows, in, _ []op.Type) (op.Kernel, error) {
	return op.Kernel{Run: putRows, Work: 4 * in[0].Dims[0]}, nil
}

var putRowsBodies = sized{putRowsBody[uint8], putRowsBody[uint16], putRowsBody[int32], putRowsBody[int64]}

// putRows notes the last row for each place, the one that stays. Places without a row are not touched.
func putRows(st op.Stream, n *op.Node) error {
	s, dst, ix := st.(*stream), &n.In[0], &n.In[1]
	if !sameView(dst, &n.Out[0]) {
		if err := s.copyInto(&n.Out[0], dst); err != nil {
			return err
		}
	}
	idx, last := op.Data[int32](ix), workspace[int32](n, 0, dst.Dims[0])
	for j := range ix.Dims[0] {
		if k := idx[j*ix.Strides[0]]; uint(k) < uint(len(last)) {
			last[k] = int32(j)
		}
	}
	return s.split(n, ix.Dims[0], rowGrain(inner(&dst.Type, 0)), putRowsBodies.of(dst.DType))
}

func putRowsBody[T op.Elem](_ *worker, n *op.Node, lo, hi int) {
	ix, src, y := &n.In[1], &n.In[2], &n.Out[0]
	idx, last := op.Data[int32](ix), workspace[int32](n, 0, y.Dims[0])
	from, to := op.Data[T](src), op.Data[T](y)
	c := behind(&y.Type, 0, &src.Type, 0)
	if c.count() == 0 {
		return
	}
	for j := lo; j < hi; j++ {
		k := int(idx[j*ix.Strides[0]])
		if uint(k) < uint(len(last)) && int(last[k]) == j {
			move(&c, to[k*y.Strides[0]:], from[j*src.Strides[0]:], 0)
		}
	}
}

func pickCompact(_ *Backend, _ *op.Compact, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	return op.Kernel{Run: compact, Work: 4 * in[0].Dims[0]}, nil
}

var compactBodies = sized{compactBody[uint8], compactBody[uint16], compactBody[int32], compactBody[int64]}

// compact lists the rows to keep, then moves them in parallel.
func compact(st op.Stream, n *op.Node) error {
	keep, rows := &n.In[1], workspace[int32](n, 0, n.In[0].Dims[0])
	flags, count := op.Data[uint8](keep), 0
	for r := range rows {
		rows[count] = int32(r)
		if flags[r*keep.Strides[0]] != 0 {
			count++
		}
	}
	op.Data[int32](&n.Out[1])[0] = int32(count)
	return st.(*stream).split(n, len(rows), rowGrain(inner(&n.In[0].Type, 0)), compactBodies.of(n.In[0].DType))
}

func compactBody[T op.Elem](_ *worker, n *op.Node, lo, hi int) {
	x, y := &n.In[0], &n.Out[0]
	rows, count := workspace[int32](n, 0, x.Dims[0]), int(op.Data[int32](&n.Out[1])[0])
	src, dst := op.Data[T](x), op.Data[T](y)
	c := behind(&y.Type, 0, &x.Type, 0)
	size := c.count()
	if size == 0 {
		return
	}
	for i := lo; i < min(hi, count); i++ {
		move(&c, dst[i*size:][:size], src[int(rows[i])*x.Strides[0]:], 0)
	}
	if tail := max(lo, count); tail < hi {
		clear(dst[tail*size : hi*size])
	}
}
