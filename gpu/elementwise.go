//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var elementwise = table{
	on(pickUnary), on(pickUnaryGrad), on(pickBinary), on(pickScalar), on(pickAddScaled),
	on(pickFill), on(pickIota), on(pickCopy), on(pickCast),
	on(pickCompare), on(pickWhere), on(pickClamp), on(pickSwiGLU), on(pickSwiGLUGrad), on(pickBiasAct),
}

var (
	unaryFlat    = unarySymbols()
	unaryStrided = entries("unary", "unary_strided_%v", numbers...)
	unaryGrads   = entries("unary", "unary_grad_%v", reals...)
)

func unarySymbols() (fns [op.NumUnaryFns]perType) {
	for f := range op.Not {
		fns[f] = entries("unary", f.String()+"_%v", shorts...)
	}
	return fns
}

// pickUnary takes any strides.
func pickUnary(p *op.Unary, in, out []op.Type) (op.Kernel, error) {
	x := &in[0]
	if x.Contiguous() && out[0].Contiguous() && unaryFlat[p.Fn].has(x.DType) {
		return kernel(unaryContiguous)
	}
	if err := indexed(p, x.Elems()); err != nil {
		return op.Kernel{}, err
	}
	if x.DType == op.Bool {
		return kernel(notBool)
	}
	return kernel(unaryAnywhere)
}

func unaryContiguous(st op.Stream, n *op.Node) error {
	s, x, y := st.(*stream), &n.In[0], &n.Out[0]
	count := x.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(unaryFlat[n.Op.(*op.Unary).Fn][x.DType], s.flat(count), threads, at(y), at(x), uint64(count))
}

func unaryAnywhere(st op.Stream, n *op.Node) error {
	s, x, y := st.(*stream), &n.In[0], &n.Out[0]
	count := x.Elems()
	if count == 0 {
		return nil
	}
	loop := axesOf(&y.Type, &y.Type, &x.Type)
	layout, err := s.address(&loop)
	if err != nil {
		return err
	}
	return s.launch(unaryStrided[x.DType], s.flat(count), threads, at(y), at(x), uint64(count), layout, uint64(n.Op.(*op.Unary).Fn))
}

// notBool is x xor 1.
func notBool(st op.Stream, n *op.Node) error {
	return st.(*stream).scalarAnywhere(&n.Out[0], &n.In[0], scalarStrided[op.U8], 1, op.Xor, false)
}

func pickUnaryGrad(_ *op.UnaryGrad, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, unaryGrad)
}

func unaryGrad(st op.Stream, n *op.Node) error {
	s, v, dy, dx := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	count := v.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(unaryGrads[v.DType], s.flat(count), threads, at(dx), at(v), at(dy), uint64(count), uint64(n.Op.(*op.UnaryGrad).Fn))
}

var (
	binaryFlat    = binarySymbols("_%v")
	scalarFlat    = binarySymbols("_scalar_%v")
	binaryRows    = entries("elementwise", "binary_rows_%v", numbers...)
	binaryStrided = entries("elementwise", "binary_strided_%v", numbers...)
	scalarStrided = entries("elementwise", "scalar_strided_%v", numbers...)
	addScaledFlat = entries("elementwise", "add_scaled_%v", reals...)
)

func binarySymbols(suffix string) (fns [op.NumBinaryFns]perType) {
	for f := range op.Pow {
		fns[f] = entries("elementwise", f.String()+suffix, reals...)
	}
	return fns
}

// stored is the type by whose kernels elements of type d are handled: a bool is a byte.
func stored(d op.DType) op.DType {
	if d == op.Bool {
		return op.U8
	}
	return d
}

// pickBinary takes any strides.
func pickBinary(p *op.Binary, in, out []op.Type) (op.Kernel, error) {
	if binaryFlat[p.Fn].has(in[0].DType) && in[0].SameShape(&in[1]) && contiguous(in, out) == nil {
		return kernel(binaryContiguous)
	}
	if err := indexed(p, out[0].Elems()); err != nil {
		return op.Kernel{}, err
	}
	return kernel(binaryAnywhere)
}

func binaryContiguous(st op.Stream, n *op.Node) error {
	s, a, b, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	count := y.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(binaryFlat[n.Op.(*op.Binary).Fn][a.DType], s.flat(count), threads, at(y), at(a), at(b), uint64(count))
}

// binaryAnywhere walks over rows and columns where two axes are enough, which spares the kernel all divisions.
func binaryAnywhere(st op.Stream, n *op.Node) error {
	s, a, b, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	count, fn, d := y.Elems(), uint64(n.Op.(*op.Binary).Fn), stored(a.DType)
	if count == 0 {
		return nil
	}
	x := axesOf(&y.Type, &y.Type, &a.Type, &b.Type)
	if x.rank <= 2 && y.Contiguous() {
		row, col, rows := 0, x.rank-1, 1
		if x.rank == 2 {
			rows = x.size[row]
		}
		return s.launch(binaryRows[d], dim{ceil(x.size[col], 256), min(rows, maxGridYZ), 1}, threads, at(y), at(a), at(b),
			uint64(rows), uint64(x.size[col]), uint64(x.stride[1][row]), uint64(x.stride[1][col]), uint64(x.stride[2][row]), uint64(x.stride[2][col]), fn)
	}
	layout, err := s.address(&x)
	if err != nil {
		return err
	}
	return s.launch(binaryStrided[d], s.flat(count), threads, at(y), at(a), at(b), uint64(count), layout, fn)
}

// pickScalar takes any strides.
func pickScalar(p *op.Scalar, in, out []op.Type) (op.Kernel, error) {
	d := in[0].DType
	if scalarFlat[p.Fn].has(d) && contiguous(in, out) == nil {
		return kernel(scalarContiguous)
	}
	if err := indexed(p, in[0].Elems()); err != nil {
		return op.Kernel{}, err
	}
	return kernel(scalarAnywhere)
}

func scalarContiguous(st op.Stream, n *op.Node) error {
	s, p, x, y := st.(*stream), n.Op.(*op.Scalar), &n.In[0], &n.Out[0]
	count := x.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(scalarFlat[p.Fn][x.DType], s.flat(count), threads, at(y), at(x), uint64(count), computed(p.Value, x.DType), bit(p.Flip))
}

func scalarAnywhere(st op.Stream, n *op.Node) error {
	p, x := n.Op.(*op.Scalar), &n.In[0]
	return st.(*stream).scalarAnywhere(&n.Out[0], x, scalarStrided[stored(x.DType)], computed(p.Value, x.DType), p.Fn, p.Flip)
}

func (s *stream) scalarAnywhere(y, x *op.View, k *symbol, value uint64, fn op.BinaryFn, flip bool) error {
	count := x.Elems()
	if count == 0 {
		return nil
	}
	loop := axesOf(&y.Type, &y.Type, &x.Type)
	layout, err := s.address(&loop)
	if err != nil {
		return err
	}
	return s.launch(k, s.flat(count), threads, at(y), at(x), uint64(count), layout, value, uint64(fn), bit(flip))
}

func pickAddScaled(_ *op.AddScaled, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, addScaled)
}

func addScaled(st op.Stream, n *op.Node) error {
	s, a, b, k, y := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.Out[0]
	count := a.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(addScaledFlat[a.DType], s.flat(count), threads, at(y), at(a), at(b), at(k), uint64(count), single(n.Op.(*op.AddScaled).Sign))
}
