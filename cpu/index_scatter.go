package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// Scattering: several rows can go to one place, in the order of the indices. Chains find them. chains.head names the
// first row for a place and chains.next the following one for the same place, so places can be worked on in parallel
// and each in order: no bit depends on the threads. Heads of places without a row are not set, which spares a small
// update of a large tensor a walk over all of it.

type chains struct{ head, next []int32 }

// chainBytes is the scratch memory for the chains of rows to places.
func chainBytes(places, rows int) int { return 4 * (places + rows) }

func chainsOf(n *op.Node, places, rows int) chains {
	return chains{workspace[int32](n, 0, places), workspace[int32](n, 4*places, rows)}
}

// link builds the chains of idx. Every head is set when all is.
func (c chains) link(idx []int32, all bool) {
	if all {
		vec.Fill(c.head, -1)
	} else {
		for _, k := range idx {
			if uint(k) < uint(len(c.head)) {
				c.head[k] = -1
			}
		}
	}
	for j := len(idx) - 1; j >= 0; j-- {
		if k := idx[j]; uint(k) < uint(len(c.head)) {
			c.next[j] = c.head[k]
			c.head[k] = int32(j)
		}
	}
}

// asRows is a contiguous view as rows of cols elements.
func asRows(v *op.View, cols int) op.View {
	m := *v
	m.Rank, m.Dims, m.Strides = 2, [op.MaxRank]int{v.Elems() / max(1, cols), cols}, [op.MaxRank]int{cols, 1}
	return m
}

// inner is the elements behind axis a.
func inner(t *op.Type, a int) int {
	n := 1
	for _, d := range t.Dims[a+1 : t.Rank] {
		n *= d
	}
	return n
}

func pickScatterAdd(_ *Backend, p *op.ScatterAdd, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	if scatterAddBodies[in[0].DType] == nil {
		return no(p, in[0].DType)
	}
	return op.Kernel{Run: scatterAdd, Work: chainBytes(in[0].Dims[0], in[1].Dims[0])}, nil
}

var scatterAddBodies = [op.Bool + 1]body{
	op.F64: addRowsBody[float64], op.F32: addRowsBody[float32], op.F16: addRowsBody[float32], op.BF16: addRowsBody[float32],
	op.I64: addIntsBody[int64], op.I32: addIntsBody[int32], op.I8: addIntsBody[int8], op.U8: addIntsBody[uint8],
}

func scatterAdd(st op.Stream, n *op.Node) error {
	s, dst, idx := st.(*stream), &n.In[0], op.Data[int32](&n.In[1])
	if !sameView(dst, &n.Out[0]) {
		if err := s.copyInto(&n.Out[0], dst); err != nil {
			return err
		}
	}
	chainsOf(n, dst.Dims[0], len(idx)).link(idx, false)
	return s.split(n, len(idx), rowGrain(inner(&dst.Type, 0)), scatterAddBodies[dst.DType])
}

// addRowsBody adds the chains that begin in rows lo..hi-1 of src. Halves are added up in f32 and rounded once.
func addRowsBody[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	idx, cols := op.Data[int32](&n.In[1]), inner(&n.In[0].Type, 0)
	c := chainsOf(n, n.In[0].Dims[0], len(idx))
	y, src := asRows(&n.Out[0], cols), asRows(&n.In[2], cols)
	for j := lo; j < hi; j++ {
		k := int(idx[j])
		if uint(k) >= uint(len(c.head)) || int(c.head[k]) != j {
			continue
		}
		row := rowOf[T](w, &y, k, 0)
		addChain(w, row, &src, 0, j, c.next)
		putRow(w, &y, k, row)
	}
}

func addIntsBody[T integer](w *worker, n *op.Node, lo, hi int) {
	idx, cols := op.Data[int32](&n.In[1]), inner(&n.In[0].Type, 0)
	c := chainsOf(n, n.In[0].Dims[0], len(idx))
	y, src, add := op.Data[T](&n.Out[0]), op.Data[T](&n.In[2]), whole[T](w.vec).Add
	for j := lo; j < hi; j++ {
		k := int(idx[j])
		if uint(k) >= uint(len(c.head)) || int(c.head[k]) != j {
			continue
		}
		row := y[k*cols:][:cols]
		for j := j; j >= 0; j = int(c.next[j]) {
			add(row, row, src[j*cols:][:cols])
		}
	}
}

func pickTakeGrad(_ *Backend, p *op.TakeGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	k := op.Kernel{Run: takeGrad32, Work: chainBytes(p.N, in[1].Elems())}
	if in[0].DType == op.F64 {
		k.Run = takeGrad64
	}
	return k, nil
}

func takeGrad32(st op.Stream, n *op.Node) error {
	linkAll(n)
	return st.(*stream).split(n, takeGradRows(n), rowGrain(takeGradCols(n)), takeGradBody[float32])
}

func takeGrad64(st op.Stream, n *op.Node) error {
	linkAll(n)
	return st.(*stream).split(n, takeGradRows(n), rowGrain(takeGradCols(n)), takeGradBody[float64])
}

func linkAll(n *op.Node) {
	idx := op.Data[int32](&n.In[1])
	chainsOf(n, n.Op.(*op.TakeGrad).N, len(idx)).link(idx, true)
}

func takeGradCols(n *op.Node) int { return inner(&n.Out[0].Type, n.Op.(*op.TakeGrad).Axis) }
func takeGradRows(n *op.Node) int { return n.Out[0].Elems() / max(1, takeGradCols(n)) }

// takeGradBody makes rows lo..hi-1 of the result, each from its chain.
func takeGradBody[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	places, m, cols := n.Op.(*op.TakeGrad).N, n.In[1].Elems(), takeGradCols(n)
	c := chainsOf(n, places, m)
	y, dy := asRows(&n.Out[0], cols), asRows(&n.In[0], cols)
	for r := lo; r < hi; r++ {
		row := rowTo[T](w, &y, r, 0)
		clear(row)
		addChain(w, row, &dy, r/places*m, int(c.head[r%places]), c.next)
		putRow(w, &y, r, row)
	}
}

// addChain adds rows base + j of src to row, for j and what follows it.
func addChain[T vec.Real](w *worker, row []T, src *op.View, base, j int, next []int32) {
	for ; j >= 0; j = int(next[j]) {
		floats[T](w.vec).Add(row, row, rowOf[T](w, src, base+j, 1))
	}
}

func pickTakeAlongGrad(_ *Backend, _ *op.TakeAlongGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	switch in[0].DType {
	case op.F64:
		return kernel(takeAlongGrad64)
	case op.F32:
		return kernel(takeAlongGrad32)
	}
	return kernel(takeAlongGradHalf)
}

// lanes is a gradient along an axis cut into strips of neighbouring lanes: [outer, n, inner], width of the inner
// ones at a time. Lanes share nothing, so strips are worked on in parallel and each in the order of the indices.
type lanes struct{ n, m, inner, width, strips int }

// stripElems bounds a strip of halves, which is added up in scratch memory.
const stripElems = 16384

func lanesOf(n *op.Node) lanes {
	p, dy := n.Op.(*op.TakeAlongGrad), &n.In[0]
	a, _ := dy.Axis(p.Axis) // checked by Infer
	l := lanes{n: p.N, m: dy.Dims[a], inner: inner(&dy.Type, a)}
	l.width = min(l.inner, 64, max(1, stripElems/max(1, p.N)))
	l.strips = (l.inner + max(1, l.width) - 1) / max(1, l.width)
	return l
}

func (s *stream) splitLanes(n *op.Node, f body) error {
	l := lanesOf(n)
	outer := n.Out[0].Elems() / max(1, l.n*l.inner)
	return s.split(n, outer*l.strips, rowGrain((l.n+l.m)*l.width), f)
}

func takeAlongGrad32(st op.Stream, n *op.Node) error {
	return st.(*stream).splitLanes(n, takeAlongGradBody[float32])
}

func takeAlongGrad64(st op.Stream, n *op.Node) error {
	return st.(*stream).splitLanes(n, takeAlongGradBody[float64])
}

func takeAlongGradBody[T vec.Real](_ *worker, n *op.Node, lo, hi int) {
	l, dy, idx, dx := lanesOf(n), dataOf[T](&n.In[0]), op.Data[int32](&n.In[1]), dataOf[T](&n.Out[0])
	for it := lo; it < hi; it++ {
		o, first := it/l.strips, it%l.strips*l.width
		width := min(l.width, l.inner-first)
		out := dx[o*l.n*l.inner+first:]
		for k := range l.n {
			clear(out[k*l.inner:][:width])
		}
		for j := range l.m {
			at := (o*l.m+j)*l.inner + first
			for i, k := range idx[at : at+width] {
				if uint(k) < uint(l.n) {
					out[int(k)*l.inner+i] += dy[at+i]
				}
			}
		}
	}
}

func takeAlongGradHalf(st op.Stream, n *op.Node) error {
	return st.(*stream).splitLanes(n, takeAlongGradHalfBody)
}

// takeAlongGradHalfBody adds a strip up in f32 and rounds it once.
func takeAlongGradHalfBody(w *worker, n *op.Node, lo, hi int) {
	l, dy, idx, dx := lanesOf(n), op.Data[uint16](&n.In[0]), op.Data[int32](&n.In[1]), op.Data[uint16](&n.Out[0])
	sum, wide := scratch[float32](w, 0, l.n*l.width), scratch[float32](w, 1, l.width)
	widen, narrow := w.vec.F32FromF16, w.vec.F16FromF32
	if n.In[0].DType == op.BF16 {
		widen, narrow = w.vec.F32FromBF16, w.vec.BF16FromF32
	}
	for it := lo; it < hi; it++ {
		o, first := it/l.strips, it%l.strips*l.width
		width := min(l.width, l.inner-first)
		clear(sum)
		for j := range l.m {
			at := (o*l.m+j)*l.inner + first
			widen(wide[:width], dy[at:at+width])
			for i, k := range idx[at : at+width] {
				if uint(k) < uint(l.n) {
					sum[int(k)*l.width+i] += wide[i]
				}
			}
		}
		for k := range l.n {
			narrow(dx[(o*l.n+k)*l.inner+first:][:width], sum[k*l.width:][:width])
		}
	}
}
