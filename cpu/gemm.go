package cpu

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/gemm"
	"github.com/tandem-compute/tandem/internal/op"
)

var gemms = table{on(pickMatMul), on(pickPack), on(pickGroupedMatMul), on(pickGroupedOuter)}

// gemmType is how the gemm package calls a dtype.
func gemmType(d op.DType) gemm.Type {
	switch d {
	case op.F64:
		return gemm.F64
	case op.F16:
		return gemm.F16
	case op.BF16:
		return gemm.BF16
	}
	return gemm.F32
}

var activation = map[op.UnaryFn]gemm.Activation{op.ReLU: gemm.Relu, op.GELU: gemm.Gelu, op.GELUTanh: gemm.GeluTanh,
	op.SiLU: gemm.Silu, op.Sigmoid: gemm.Sigmoid, op.Tanh: gemm.Tanh}

// pickMatMul takes any strides of the operands; rows of the result must be contiguous.
func pickMatMul(_ *Backend, p *op.MatMul, in, out []op.Type) (op.Kernel, error) {
	if o := &out[0]; o.Last() > 1 && o.Strides[o.Rank-1] != 1 {
		return op.Kernel{}, op.ErrLayout
	}
	return op.Kernel{Run: matMul}, nil
}

func matMul(st op.Stream, n *op.Node) error {
	s, p := st.(*stream), n.Op.(*op.MatMul)
	a, b, y := &n.In[0], &n.In[1], &n.Out[0]
	c := &s.call
	*c = gemm.Call{}
	c.Alpha, c.A, c.C = p.Alpha, matrix(a, p.TransA), matrix(y, false)
	c.M, c.N, c.K = p.Sizes(&a.Type, &b.Type)
	if b.Format == op.Packed {
		s.packed = s.backendPacked(b)
		c.Packed = &s.packed
	} else {
		c.B = matrix(b, p.TransB)
	}
	if p.HasAct {
		c.Epilogue.Act = activation[p.Act]
	}
	if p.HasBias {
		c.Epilogue.Bias = matrix(&n.In[2], false)
		c.Epilogue.Bias.Row, c.Epilogue.Bias.Col = 0, n.In[2].Strides[0]
	}
	extra := s.addend(n, c)
	if y.Rank == 2 {
		s.engine.Multiply(&s.gemm, s.pool, s.threads, c)
		return nil
	}
	s.batches(n, c, extra)
	s.engine.MultiplyGroup(&s.gemm, s.pool, s.threads, s.calls)
	return nil
}

// matrix is the last two dimensions of v, exchanged when trans is set.
func matrix(v *op.View, trans bool) gemm.Matrix {
	m := gemm.Matrix{Type: gemmType(v.DType)}
	if v.Elems() > 0 {
		m.Ptr = unsafe.Pointer(&v.Block.Bytes[v.Off])
	}
	if v.Rank >= 2 {
		m.Row, m.Col = v.Strides[v.Rank-2], v.Strides[v.Rank-1]
		if v.Dims[v.Rank-1] == 1 {
			m.Col = 1
		}
	}
	if trans {
		return m.T()
	}
	return m
}

// addend arranges for Beta c and returns the view that is added to the product, if it is one apart from the result.
func (s *stream) addend(n *op.Node, c *gemm.Call) *op.View {
	p := n.Op.(*op.MatMul)
	if !p.HasC || p.Beta == 0 {
		return nil
	}
	v, y := &n.In[len(n.In)-1], &n.Out[0]
	if v.Block == y.Block && v.Off == y.Off && !p.HasAct {
		c.Beta = p.Beta
		return nil
	}
	c.Epilogue.Residual, c.Epilogue.Scale = matrix(v, false), p.Beta
	return v
}

// batches fills s.calls: one call for all batches where their strides allow it, else one for each outer index.
func (s *stream) batches(n *op.Node, c *gemm.Call, extra *op.View) {
	s.calls = s.calls[:0]
	y := &n.Out[0]
	views := [4]*op.View{&n.In[0], &n.In[1], y, extra}
	if s.foldRows(n, c, extra) {
		s.calls = append(s.calls, *c)
		return
	}
	var strides [4][op.MaxRank]int
	lead := y.Type
	lead.Rank -= 2
	for i, v := range views {
		if v != nil && v.Format == op.Dense {
			t := v.Type
			t.Rank -= 2
			strides[i] = t.StridesIn(&lead)
		}
	}
	inner := int(lead.Rank) - 1
	if inner < 0 {
		s.calls = append(s.calls, *c)
		return
	}
	c.Batch = gemm.Batch{Count: lead.Dims[inner], A: strides[0][inner], B: strides[1][inner], C: strides[2][inner], Residual: strides[3][inner]}
	outer := 1
	for _, d := range lead.Dims[:inner] {
		outer *= d
	}
	if lead.Dims[inner] == 0 {
		return
	}
	for o := range outer {
		call, rest := *c, o
		for d := inner - 1; d >= 0; d-- {
			i := rest % lead.Dims[d]
			rest /= lead.Dims[d]
			for k, m := range [4]*gemm.Matrix{&call.A, &call.B, &call.C, &call.Epilogue.Residual} {
				if m.Ptr != nil {
					m.Ptr = unsafe.Add(m.Ptr, i*strides[k][d]*m.Type.Size())
				}
			}
		}
		s.calls = append(s.calls, call)
	}
}

// foldRows makes one tall product of a batch whose b is shared, when the rows of everything else lie at one distance.
func (s *stream) foldRows(n *op.Node, c *gemm.Call, extra *op.View) bool {
	p, a, b, y := n.Op.(*op.MatMul), &n.In[0], &n.In[1], &n.Out[0]
	if p.TransA || b.Elems() != b.Dims[b.Rank-2]*b.Dims[b.Rank-1] || a.Rank != y.Rank || a.Rows() != y.Rows() {
		return false
	}
	rows := n.Rows(y)
	step, ok := a.RowStride()
	if !ok {
		return false
	}
	c.A.Row, c.A.Col = step, 1
	if step, ok = y.RowStride(); !ok {
		return false
	}
	c.C.Row = step
	if extra != nil {
		if step, ok = extra.RowStride(); !ok {
			return false
		}
		c.Epilogue.Residual.Row, c.Epilogue.Residual.Col = step, 1
	}
	c.M = rows
	return true
}

func (b *Backend) PackedSize(t *op.Type) int {
	return b.engine.PackedSize(gemmType(t.DType), t.Dims[0], t.Dims[1])
}

// backendPacked is a packed weight as the engine knows it.
func (b *Backend) backendPacked(v *op.View) gemm.Packed {
	return b.engine.Packed(gemmType(v.DType), v.Dims[0], v.Dims[1], v.Block.Bytes[v.Off:][:b.PackedSize(&v.Type)])
}

func pickPack(_ *Backend, _ *op.Pack, _, _ []op.Type) (op.Kernel, error) { return kernel(packWeight) }

func packWeight(st op.Stream, n *op.Node) error {
	s, w, y := st.(*stream), &n.In[0], &n.Out[0]
	_, err := s.engine.Pack(y.Block.Bytes[y.Off:][:s.PackedSize(&y.Type)], matrix(w, n.Op.(*op.Pack).Trans), y.Dims[0], y.Dims[1])
	return err
}
