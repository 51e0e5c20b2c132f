package tandem

import "github.com/tandem-compute/tandem/internal/op"

// MatMul is the matrix product a b over the last two dimensions, batched over the others with broadcast:
// [..., m, k] times [..., k, n] is [..., m, n]. b may be a weight from Pack.
func (s *Scope) MatMul(a, b Tensor) Tensor { return emit(s, op.MatMul{Alpha: 1}, args(a, b)) }

// MatMulNT is a bᵀ, with b [..., n, k].
func (s *Scope) MatMulNT(a, b Tensor) Tensor {
	return emit(s, op.MatMul{Alpha: 1, TransB: true}, args(a, b))
}

// MatMulTN is aᵀ b, with a [..., k, m].
func (s *Scope) MatMulTN(a, b Tensor) Tensor {
	return emit(s, op.MatMul{Alpha: 1, TransA: true}, args(a, b))
}

// MatMulTT is aᵀ bᵀ, with a [..., k, m] and b [..., n, k].
func (s *Scope) MatMulTT(a, b Tensor) Tensor {
	return emit(s, op.MatMul{Alpha: 1, TransA: true, TransB: true}, args(a, b))
}

// Gemm is what MatMulWith does beyond the plain product: Act(Alpha op(a) op(b) + Bias) + Beta C. A zero Bias or C is
// left out, and so is a zero Act. Alpha 0 means 1; a Beta without a C is an error.
type Gemm struct {
	TransA, TransB bool
	Alpha, Beta    float64
	Bias           Tensor // [n]
	Act            Act
	C              Tensor // [..., m, n]; with s.Into(c) the product is added to it in place
	TF32           bool   // lets a GPU round operands to TF32
}

// Act is an activation that a product can apply while its result is still in registers.
type Act uint8

const (
	NoAct Act = iota
	ActReLU
	ActSiLU
	ActGELU
	ActGELUTanh
	ActSigmoid
	ActTanh
)

var actFns = [...]op.UnaryFn{0, op.ReLU, op.SiLU, op.GELU, op.GELUTanh, op.Sigmoid, op.Tanh}

// fn is a's function; of an act that there is not, one that no op fuses.
func (a Act) fn() op.UnaryFn {
	if int(a) >= len(actFns) {
		return actFns[NoAct]
	}
	return actFns[a]
}

// MatMulWith is the matrix product with its epilogue in one op.
func (s *Scope) MatMulWith(a, b Tensor, g Gemm) Tensor {
	p := op.MatMul{Alpha: g.Alpha, Beta: g.Beta, TransA: g.TransA, TransB: g.TransB, TF32: g.TF32,
		HasBias: g.Bias.slot != nil, HasC: g.C.slot != nil, HasAct: g.Act != NoAct}
	if p.Alpha == 0 {
		p.Alpha = 1
	}
	if p.HasAct {
		p.Act = g.Act.fn()
	}
	switch {
	case !p.HasC && p.Beta != 0:
		s.fail(p.Name(), "", op.ShapeErr("beta is %v, but there is no c", p.Beta))
		return emit(s, p, args(a, b))
	case p.HasBias && p.HasC:
		return emit(s, p, args(a, b, g.Bias, g.C))
	case p.HasBias:
		return emit(s, p, args(a, b, g.Bias))
	case p.HasC:
		return emit(s, p, args(a, b, g.C))
	}
	return emit(s, p, args(a, b))
}

// Pack is the weight w [k, n] in the layout that this device's matrix kernels read fastest. A product with it is
// row-invariant: each row of the result depends on its own row of a alone, to the bit.
func (s *Scope) Pack(w Tensor) Tensor { return emit(s, op.Pack{}, args(w)) }

// PackT is Pack of a weight stored transposed, [n, k].
func (s *Scope) PackT(w Tensor) Tensor { return emit(s, op.Pack{Trans: true}, args(w)) }

// GroupedMatMul multiplies each ragged group of rows of x [n, k] by a matrix of its own, w [g, k, m]: group i is rows
// offsets[i] to offsets[i+1]-1, with offsets i32[g+1]. Rows in no group give 0.
func (s *Scope) GroupedMatMul(x, w, offsets Tensor) Tensor {
	return emit(s, op.GroupedMatMul{}, args(x, w, offsets))
}

// GroupedMatMulNT is GroupedMatMul with matrices stored transposed, w [g, m, k].
func (s *Scope) GroupedMatMulNT(x, w, offsets Tensor) Tensor {
	return emit(s, op.GroupedMatMul{TransB: true}, args(x, w, offsets))
}

func init() {
	gradientBy(func(p *op.MatMul) uint32 { return ins(0, 1) }, matMulGrad)
	gradient(ins(0, 1, 2), func(g *Grad, p *op.GroupedMatMul) {
		x, w, cut, d := g.In(0), g.In(1), g.In(2), g.D(0)
		if g.Needs(0) {
			g.To(0, emit(g.Scope, op.GroupedMatMul{TransB: !p.TransB}, args(d, w, cut)))
		}
		if g.Needs(1) && p.TransB {
			g.To(1, emit(g.Scope, op.GroupedOuter{}, args(d, x, cut)))
		} else if g.Needs(1) {
			g.To(1, emit(g.Scope, op.GroupedOuter{}, args(x, d, cut)))
		}
	})
}

// matMulGrad: with y = op(a) op(b), da = dy op(b)ᵀ and db = op(a)ᵀ dy, each transposed back where op transposes.
func matMulGrad(g *Grad, p *op.MatMul) {
	if p.HasAct || g.InFormat(1) != op.Dense {
		g.fail(p.Name(), "", op.UnsupportedErr("no gradient flows through a fused activation or a packed weight"))
		return
	}
	d, k := g.D(0), p.Alpha
	product := func(x, y Tensor, tx, ty bool) Tensor {
		return emit(g.Scope, op.MatMul{Alpha: k, TransA: tx, TransB: ty, TF32: p.TF32}, args(x, y))
	}
	if g.Needs(0) {
		if p.TransA {
			g.To(0, g.sumLike(product(g.In(1), d, p.TransB, true), 0))
		} else {
			g.To(0, g.sumLike(product(d, g.In(1), false, !p.TransB), 0))
		}
	}
	if g.Needs(1) {
		if p.TransB {
			g.To(1, g.sumLike(product(d, g.In(0), true, p.TransA), 1))
		} else {
			g.To(1, g.sumLike(product(g.In(0), d, !p.TransA, false), 1))
		}
	}
	i := 2
	if p.HasBias {
		g.To(i, g.sumLike(d, i))
		i++
	}
	if p.HasC {
		g.To(i, g.MulScalar(d, float64(p.Beta)))
	}
}

// InFormat is the layout of input i.
func (g *Grad) InFormat(i int) op.Format { return g.n.in[i].view.Format }
