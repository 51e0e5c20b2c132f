package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

var compares = reals(compareBlock[float32], compareBlock[float64]).
	ints(compareIntBlock[int64], compareIntBlock[int32], compareIntBlock[int8], compareIntBlock[uint8]).bools(compareIntBlock[uint8])

func pickCompare(_ *Backend, p *op.Compare, in, _ []op.Type) (op.Kernel, error) {
	return compares.pick(p, in[0].DType)
}

func compareBlock[T vec.Real](_ *worker, n *op.Node, b *block) {
	t := floats[T](b.vec)
	f := [...]func(dst []bool, a, b []T){op.Eq: t.Eq, op.Ne: t.Ne, op.Lt: t.Lt, op.Le: t.Le, op.Gt: t.Gt, op.Ge: t.Ge}
	f[n.Op.(*op.Compare).Fn](bools(b, 2), at[T](b, 0), at[T](b, 1))
}

func compareIntBlock[T integer](_ *worker, n *op.Node, b *block) {
	t := whole[T](b.vec)
	f := [...]func(dst []bool, a, b []T){op.Eq: t.Eq, op.Ne: t.Ne, op.Lt: t.Lt, op.Le: t.Le, op.Gt: t.Gt, op.Ge: t.Ge}
	f[n.Op.(*op.Compare).Fn](bools(b, 2), at[T](b, 0), at[T](b, 1))
}

// The bits are what moves, so wheres chooses by size alone. Halves go through f32, which keeps every value.
var wheres = reals(whereBlock[int32], whereBlock[int64]).
	ints(whereBlock[int64], whereBlock[int32], whereBlock[uint8], whereBlock[uint8]).bools(whereBlock[uint8])

func pickWhere(_ *Backend, p *op.Where, in, _ []op.Type) (op.Kernel, error) {
	return wheres.pick(p, in[1].DType)
}

func whereBlock[T integer](_ *worker, _ *op.Node, b *block) {
	whole[T](b.vec).Select(at[T](b, 3), bools(b, 0), at[T](b, 1), at[T](b, 2))
}

var clamps = reals(clampBlock[float32], clampBlock[float64]).
	ints(clampIntBlock[int64], clampIntBlock[int32], clampIntBlock[int8], clampIntBlock[uint8])

func pickClamp(_ *Backend, p *op.Clamp, in, _ []op.Type) (op.Kernel, error) {
	return clamps.pick(p, in[0].DType)
}

func clampBlock[T vec.Real](_ *worker, n *op.Node, b *block) {
	p, d := n.Op.(*op.Clamp), n.In[0].DType
	floats[T](b.vec).Clamp(at[T](b, 1), at[T](b, 0), T(roundTo(p.Lo, d)), T(roundTo(p.Hi, d)))
}

func clampIntBlock[T integer](_ *worker, n *op.Node, b *block) {
	p, x, y, t := n.Op.(*op.Clamp), at[T](b, 0), at[T](b, 1), whole[T](b.vec)
	t.MaxS(y, x, toInt[T](p.Lo))
	t.MinS(y, y, toInt[T](p.Hi))
}

var (
	swiGLUs     = reals(swiGLUBlock[float32], swiGLUBlock[float64])
	swiGLUGrads = reals(swiGLUGradBlock[float32], swiGLUGradBlock[float64])
	biasActs    = reals(biasActBlock[float32], biasActBlock[float64])
)

func pickSwiGLU(_ *Backend, p *op.SwiGLU, in, _ []op.Type) (op.Kernel, error) {
	return swiGLUs.pick(p, in[0].DType)
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
	return swiGLUGrads.pick(p, in[0].DType)
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
	return biasActs.pick(p, in[0].DType)
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
