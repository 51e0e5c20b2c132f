//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var (
	compares    = entries("select", "compare_strided_%v", numbers...)
	wheres      = sizes("select", "where_strided_b%d")
	clamps      = entries("select", "clamp_%v", numbers...)
	swiGLUs     = entries("fused", "swiglu_%v", reals...)
	swiGLUGrads = entries("fused", "swiglu_grad_%v", reals...)
	biasActs    = entries("fused", "bias_act_%v", reals...)
)

// pickCompare takes any strides.
func pickCompare(p *op.Compare, in, out []op.Type) (op.Kernel, error) {
	if err := indexed(p, out[0].Elems()); err != nil {
		return op.Kernel{}, err
	}
	return kernel(compare)
}

func compare(st op.Stream, n *op.Node) error {
	s, a, b, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	count := y.Elems()
	if count == 0 {
		return nil
	}
	x := axesOf(&y.Type, &y.Type, &a.Type, &b.Type)
	layout, err := s.address(&x)
	if err != nil {
		return err
	}
	return s.launch(compares[stored(a.DType)], s.flat(count), threads, at(y), at(a), at(b), uint64(count), layout, uint64(n.Op.(*op.Compare).Fn))
}

// pickWhere takes any strides.
func pickWhere(p *op.Where, in, out []op.Type) (op.Kernel, error) {
	if err := indexed(p, out[0].Elems()); err != nil {
		return op.Kernel{}, err
	}
	return kernel(where)
}

func where(st op.Stream, n *op.Node) error {
	s, cond, a, b, y := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.Out[0]
	count := y.Elems()
	if count == 0 {
		return nil
	}
	x := axesOf(&y.Type, &y.Type, &cond.Type, &a.Type, &b.Type)
	layout, err := s.address(&x)
	if err != nil {
		return err
	}
	return s.launch(wheres[y.DType.Size()], s.flat(count), threads, at(y), at(cond), at(a), at(b), uint64(count), layout)
}

func pickClamp(_ *op.Clamp, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, clamp)
}

func clamp(st op.Stream, n *op.Node) error {
	s, p, x, y := st.(*stream), n.Op.(*op.Clamp), &n.In[0], &n.Out[0]
	count := x.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(clamps[x.DType], s.flat(count), threads, at(y), at(x), uint64(count), computed(p.Lo, x.DType), computed(p.Hi, x.DType))
}

func pickSwiGLU(_ *op.SwiGLU, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, swiGLU)
}

func swiGLU(st op.Stream, n *op.Node) error {
	s, gate, up, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	count := y.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(swiGLUs[y.DType], s.flat(count), threads, at(y), at(gate), at(up), uint64(count), factor(n.Op.(*op.SwiGLU).Limit, y.DType))
}

func pickSwiGLUGrad(_ *op.SwiGLUGrad, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, swiGLUGrad)
}

func swiGLUGrad(st op.Stream, n *op.Node) error {
	s, gate, up, dy, dgate, dup := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.Out[0], &n.Out[1]
	count := gate.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(swiGLUGrads[gate.DType], s.flat(count), threads, at(dgate), at(dup), at(gate), at(up), at(dy), uint64(count),
		factor(n.Op.(*op.SwiGLUGrad).Limit, gate.DType))
}

func pickBiasAct(_ *op.BiasAct, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, biasAct)
}

func biasAct(st op.Stream, n *op.Node) error {
	s, x, bias, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	rows, cols := x.Rows(), x.Last()
	grid := dim{ceil(cols, 256), min(rows, maxGridYZ), 1}
	return s.launch(biasActs[x.DType], grid, threads, at(y), at(x), at(bias), uint64(rows), uint64(cols), uint64(n.Op.(*op.BiasAct).Act))
}
