package cpu

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/gemm"
	"github.com/tandem-compute/tandem/internal/op"
)

// Grouped products are a list of products that share one fork-join.

func pickGroupedMatMul(_ *Backend, _ *op.GroupedMatMul, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(groupedMatMul)
}

func groupedMatMul(st op.Stream, n *op.Node) error {
	s, x, w, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	clearView(y)
	s.calls = s.calls[:0]
	for g := range w.Dims[0] {
		lo, hi := group(&n.In[2], g, x.Dims[0])
		if lo == hi {
			continue
		}
		c := gemm.Call{M: hi - lo, N: y.Dims[1], K: x.Dims[1], Alpha: 1, A: rowsFrom(x, lo), C: rowsFrom(y, lo)}
		c.B = matrix(w, n.Op.(*op.GroupedMatMul).TransB)
		c.B.Ptr = advance(c.B.Ptr, g*w.Strides[0]*w.DType.Size())
		s.calls = append(s.calls, c)
	}
	s.engine.MultiplyGroup(&s.gemm, s.pool, s.threads, s.calls)
	return nil
}

// advance is p moved by some bytes; a matrix without elements has no address.
func advance(p unsafe.Pointer, bytes int) unsafe.Pointer {
	if p == nil {
		return nil
	}
	return unsafe.Add(p, bytes)
}

// rowsFrom is the matrix v from a row on.
func rowsFrom(v *op.View, row int) gemm.Matrix {
	m := matrix(v, false)
	m.Ptr = advance(m.Ptr, row*m.Row*v.DType.Size())
	return m
}

func pickGroupedOuter(_ *Backend, _ *op.GroupedOuter, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(groupedOuter)
}

func groupedOuter(st op.Stream, n *op.Node) error {
	s, x, dy, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	clearView(y)
	s.calls = s.calls[:0]
	for g := range y.Dims[0] {
		lo, hi := group(&n.In[2], g, x.Dims[0])
		if lo == hi {
			continue
		}
		c := gemm.Call{M: x.Dims[1], N: dy.Dims[1], K: hi - lo, Alpha: 1, A: rowsFrom(x, lo).T(), B: rowsFrom(dy, lo), C: matrix(y, false)}
		c.C.Ptr = advance(c.C.Ptr, g*y.Strides[0]*y.DType.Size())
		s.calls = append(s.calls, c)
	}
	s.engine.MultiplyGroup(&s.gemm, s.pool, s.threads, s.calls)
	return nil
}
