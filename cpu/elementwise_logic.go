package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

func pickCompare(_ *Backend, p *op.Compare, in, _ []op.Type) (op.Kernel, error) {
	switch in[0].DType {
	case op.F32, op.F16, op.BF16:
		return kernel(compare32)
	case op.F64:
		return kernel(compare64)
	case op.I64:
		return kernel(compareInt[int64])
	case op.I32:
		return kernel(compareInt[int32])
	case op.I8:
		return kernel(compareInt[int8])
	case op.U8, op.Bool:
		return kernel(compareInt[uint8])
	}
	return no(p, in[0].DType)
}

func compare32(s op.Stream, n *op.Node) error { return s.(*stream).each(n, compareBody[float32]) }
func compare64(s op.Stream, n *op.Node) error { return s.(*stream).each(n, compareBody[float64]) }

func compareBody[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	w.walk.run(w, n, lo, hi, compareBlock[T])
}

func compareBlock[T vec.Real](_ *worker, n *op.Node, b *block) {
	t := floats[T](b.vec)
	f := [...]func(dst []bool, a, b []T){op.Eq: t.Eq, op.Ne: t.Ne, op.Lt: t.Lt, op.Le: t.Le, op.Gt: t.Gt, op.Ge: t.Ge}
	f[n.Op.(*op.Compare).Fn](bools(b, 2), at[T](b, 0), at[T](b, 1))
}

func compareInt[T integer](s op.Stream, n *op.Node) error {
	return s.(*stream).each(n, compareIntBody[T])
}

func compareIntBody[T integer](w *worker, n *op.Node, lo, hi int) {
	w.walk.run(w, n, lo, hi, compareIntBlock[T])
}

func compareIntBlock[T integer](_ *worker, n *op.Node, b *block) {
	t := ints[T](b.vec)
	f := [...]func(dst []bool, a, b []T){op.Eq: t.Eq, op.Ne: t.Ne, op.Lt: t.Lt, op.Le: t.Le, op.Gt: t.Gt, op.Ge: t.Ge}
	f[n.Op.(*op.Compare).Fn](bools(b, 2), at[T](b, 0), at[T](b, 1))
}

// pickWhere chooses by size alone: the bits are what moves. Halves go through f32, which keeps every value.
func pickWhere(_ *Backend, p *op.Where, in, _ []op.Type) (op.Kernel, error) {
	switch in[1].DType {
	case op.F32, op.F16, op.BF16, op.I32:
		return kernel(where[int32])
	case op.F64, op.I64:
		return kernel(where[int64])
	}
	return kernel(where[uint8])
}

func where[T integer](s op.Stream, n *op.Node) error { return s.(*stream).each(n, whereBody[T]) }

func whereBody[T integer](w *worker, n *op.Node, lo, hi int) { w.walk.run(w, n, lo, hi, whereBlock[T]) }

func whereBlock[T integer](_ *worker, _ *op.Node, b *block) {
	ints[T](b.vec).Select(at[T](b, 3), bools(b, 0), at[T](b, 1), at[T](b, 2))
}

func pickClamp(_ *Backend, p *op.Clamp, in, _ []op.Type) (op.Kernel, error) {
	switch in[0].DType {
	case op.F32, op.F16, op.BF16:
		return kernel(clamp32)
	case op.F64:
		return kernel(clamp64)
	case op.I64:
		return kernel(clampInt[int64])
	case op.I32:
		return kernel(clampInt[int32])
	case op.I8:
		return kernel(clampInt[int8])
	case op.U8:
		return kernel(clampInt[uint8])
	}
	return no(p, in[0].DType)
}

func clamp32(s op.Stream, n *op.Node) error { return s.(*stream).each(n, clampBody[float32]) }
func clamp64(s op.Stream, n *op.Node) error { return s.(*stream).each(n, clampBody[float64]) }

func clampBody[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	w.walk.run(w, n, lo, hi, clampBlock[T])
}

func clampBlock[T vec.Real](_ *worker, n *op.Node, b *block) {
	p, d := n.Op.(*op.Clamp), n.In[0].DType
	floats[T](b.vec).Clamp(at[T](b, 1), at[T](b, 0), T(roundTo(p.Lo, d)), T(roundTo(p.Hi, d)))
}

func clampInt[T integer](s op.Stream, n *op.Node) error { return s.(*stream).each(n, clampIntBody[T]) }

func clampIntBody[T integer](w *worker, n *op.Node, lo, hi int) {
	w.walk.run(w, n, lo, hi, clampIntBlock[T])
}

func clampIntBlock[T integer](_ *worker, n *op.Node, b *block) {
	p, x, y, t := n.Op.(*op.Clamp), at[T](b, 0), at[T](b, 1), ints[T](b.vec)
	t.MaxS(y, x, toInt[T](p.Lo))
	t.MinS(y, y, toInt[T](p.Hi))
}

func pickSwiGLU(_ *Backend, p *op.SwiGLU, in, _ []op.Type) (op.Kernel, error) {
	if in[0].DType == op.F64 {
		return kernel(swiGLU64)
	}
	return kernel(swiGLU32)
}

func swiGLU32(s op.Stream, n *op.Node) error { return s.(*stream).each(n, swiGLUBody[float32]) }
func swiGLU64(s op.Stream, n *op.Node) error { return s.(*stream).each(n, swiGLUBody[float64]) }

func swiGLUBody[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	w.walk.run(w, n, lo, hi, swiGLUBlock[T])
}

func swiGLUBlock[T vec.Real](_ *worker, n *op.Node, b *block) {
	t := floats[T](b.vec)
	if limit := n.Op.(*op.SwiGLU).Limit; limit > 0 {
		t.SiluMulClamp(at[T](b, 2), at[T](b, 0), at[T](b, 1), T(limit))
	} else {
		t.SiluMul(at[T](b, 2), at[T](b, 0), at[T](b, 1))
	}
}

func pickSwiGLUGrad(_ *Backend, p *op.SwiGLUGrad, in, _ []op.Type) (op.Kernel, error) {
	if in[0].DType == op.F64 {
		return kernel(swiGLUGrad64)
	}
	return kernel(swiGLUGrad32)
}

func swiGLUGrad32(s op.Stream, n *op.Node) error { return s.(*stream).each(n, swiGLUGradBody[float32]) }
func swiGLUGrad64(s op.Stream, n *op.Node) error { return s.(*stream).each(n, swiGLUGradBody[float64]) }

func swiGLUGradBody[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	w.walk.run(w, n, lo, hi, swiGLUGradBlock[T])
}

func swiGLUGradBlock[T vec.Real](w *worker, n *op.Node, b *block) {
	gate, up, dy, dgate, dup := at[T](b, 0), at[T](b, 1), at[T](b, 2), at[T](b, 3), at[T](b, 4)
	t := floats[T](b.vec)
	limit := T(n.Op.(*op.SwiGLUGrad).Limit)
	if limit <= 0 {
		t.SiluMulGrad(dgate, dup, gate, up, dy)
		return
	}
	for lo := 0; lo < len(gate); lo += blockLen {
		hi := min(lo+blockLen, len(gate))
		cutGrad(w, t, limit, dgate[lo:hi], dup[lo:hi], gate[lo:hi], up[lo:hi], dy[lo:hi])
	}
}

// cutGrad is the gradient of min(silu(gate), limit) * clamp(up, -limit, limit): the plain one of the cut operands,
// and zero where an operand was cut.
func cutGrad[T vec.Real](w *worker, t *vec.Float[T], limit T, dgate, dup, gate, up, dy []T) {
	act, cut := realScratch[T](w, maxWalk, len(gate)), realScratch[T](w, maxWalk+1, len(gate))
	t.Silu(act, gate)
	t.Clamp(cut, up, -limit, limit)
	for i, u := range up {
		g, d := gate[i], dy[i]
		dgate[i], dup[i] = 0, 0
		if act[i] <= limit {
			dgate[i] = d * cut[i]
		}
		if u >= -limit && u <= limit {
			dup[i] = d * min(act[i], limit)
		}
		cut[i] = g
	}
	t.SiluGrad(dgate, cut, dgate)
}

func pickBiasAct(_ *Backend, p *op.BiasAct, in, _ []op.Type) (op.Kernel, error) {
	if in[0].DType == op.F64 {
		return kernel(biasAct64)
	}
	return kernel(biasAct32)
}

func biasAct32(s op.Stream, n *op.Node) error { return s.(*stream).each(n, biasActBody[float32]) }
func biasAct64(s op.Stream, n *op.Node) error { return s.(*stream).each(n, biasActBody[float64]) }

func biasActBody[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	w.walk.run(w, n, lo, hi, biasActBlock[T])
}

func biasActBlock[T vec.Real](w *worker, n *op.Node, b *block) {
	x, bias, y, t := at[T](b, 0), at[T](b, 1), at[T](b, 2), floats[T](b.vec)
	switch fn := n.Op.(*op.BiasAct).Act; fn {
	case op.ReLU:
		t.AddRelu(y, x, bias)
	case op.SiLU:
		t.AddSilu(y, x, bias)
	case op.GELU:
		t.AddGelu(y, x, bias)
	case op.GELUTanh:
		t.AddGeluTanh(y, x, bias)
	default:
		t.Add(y, x, bias)
		curve(t, fn)(y, y)
	}
}
