package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Eq is a == b as bool, with broadcast; so are Ne, Lt, Le, Gt and Ge. NaN is unequal to everything.
func (s *Scope) Eq(a, b Tensor) Tensor { return emit(s, op.Compare{Fn: op.Eq}, args(a, b)) }

// Ne is a != b.
func (s *Scope) Ne(a, b Tensor) Tensor { return emit(s, op.Compare{Fn: op.Ne}, args(a, b)) }

// Lt is a < b.
func (s *Scope) Lt(a, b Tensor) Tensor { return emit(s, op.Compare{Fn: op.Lt}, args(a, b)) }

// Le is a <= b.
func (s *Scope) Le(a, b Tensor) Tensor { return emit(s, op.Compare{Fn: op.Le}, args(a, b)) }

// Gt is a > b.
func (s *Scope) Gt(a, b Tensor) Tensor { return emit(s, op.Compare{Fn: op.Gt}, args(a, b)) }

// Ge is a >= b.
func (s *Scope) Ge(a, b Tensor) Tensor { return emit(s, op.Compare{Fn: op.Ge}, args(a, b)) }

// Where is a where cond is true, else b, with broadcast.
func (s *Scope) Where(cond, a, b Tensor) Tensor { return emit(s, op.Where{}, args(cond, a, b)) }

// Clamp is x cut to [lo, hi]; NaN stays.
func (s *Scope) Clamp(x Tensor, lo, hi float64) Tensor {
	return emit(s, op.Clamp{Lo: lo, Hi: hi}, args(x))
}

// SwiGLU is silu(gate) * up.
func (s *Scope) SwiGLU(gate, up Tensor) Tensor { return emit(s, op.SwiGLU{}, args(gate, up)) }

// SwiGLUClamped is min(silu(gate), limit) * clamp(up, -limit, limit).
func (s *Scope) SwiGLUClamped(gate, up Tensor, limit float32) Tensor {
	return emit(s, op.SwiGLU{Limit: limit}, args(gate, up))
}

// BiasAct is act(x + bias) for each row of x.
func (s *Scope) BiasAct(x, bias Tensor, act Act) Tensor {
	if act == NoAct {
		return s.Add(x, bias)
	}
	return emit(s, op.BiasAct{Act: act.fn()}, args(x, bias))
}

// Iota is start, start+step, … in n elements.
func (s *Scope) Iota(d DType, n int, start, step float64) Tensor {
	return emit(s, op.Iota{Start: start, Step: step, N: n, DType: d}, args())
}

func init() {
	gradient(ins(0), func(g *Grad, _ *op.Where) {
		d := g.D(0)
		zero := g.Fill(d.DType(), 0)
		if g.Needs(1) {
			g.To(1, g.sumLike(g.Where(g.In(0), d, zero), 1))
		}
		if g.Needs(2) {
			g.To(2, g.sumLike(g.Where(g.In(0), zero, d), 2))
		}
	})
	gradient(ins(0), func(g *Grad, p *op.Clamp) { // one inside the bounds, edges included
		x := g.In(0)
		in := g.Eq(x, g.Clamp(x, p.Lo, p.Hi))
		g.To(0, g.Where(in, g.D(0), g.Fill(x.DType(), 0)))
	})
	gradient(ins(0, 1), func(g *Grad, p *op.SwiGLU) {
		da, db := emit2(g.Scope, op.SwiGLUGrad{Limit: p.Limit}, args(g.In(0), g.In(1), g.D(0)))
		g.To(0, da)
		g.To(1, db)
	})
	gradient(ins(0, 1), func(g *Grad, p *op.BiasAct) {
		d := emit(g.Scope, op.UnaryGrad{Fn: p.Act}, args(g.preact(p), g.D(0)))
		g.To(0, d)
		if g.Needs(1) {
			g.To(1, g.sumLike(d, 1))
		}
	})
}

// preact is what UnaryGrad reads for the activation: the sum, or the function of it.
func (g *Grad) preact(p *op.BiasAct) Tensor {
	sum := g.Add(g.In(0), g.In(1))
	if p.Act.FromOutput() {
		return g.unary(p.Act, sum)
	}
	return sum
}

// minMaxGrad sends the gradient to the operand that was chosen, half to each where they are equal.
func minMaxGrad(g *Grad, f op.BinaryFn, da, db func(Tensor)) {
	a, b, d := g.In(0), g.In(1), g.D(0)
	zero := g.Fill(d.DType(), 0)
	half := g.MulScalar(g.Where(g.Eq(a, b), d, zero), 0.5)
	first, second := g.Lt(a, b), g.Gt(a, b)
	if f == op.Max {
		first, second = second, first
	}
	da(g.Add(g.Where(first, d, zero), half))
	if g.Needs(1) {
		db(g.Add(g.Where(second, d, zero), half))
	}
}

func scalarSaves(p *op.Scalar) uint32 {
	switch p.Fn {
	case op.Add, op.Sub, op.Mul:
		return 0
	case op.Div:
		if !p.Flip {
			return 0
		}
	case op.Pow:
		if p.Flip {
			return ins(0) | outs(0)
		}
	}
	return ins(0)
}

func scalarGrad(g *Grad, p *op.Scalar) {
	d, v := g.D(0), p.Value
	switch p.Fn {
	case op.Add:
		g.To(0, d)
	case op.Sub:
		if p.Flip {
			d = g.Neg(d)
		}
		g.To(0, d)
	case op.Mul:
		g.To(0, g.MulScalar(d, v))
	case op.Div:
		if p.Flip { // v/x: -v/x² d
			d = g.Neg(g.Mul(d, g.ScalarDiv(v, g.Square(g.In(0)))))
		} else {
			d = g.DivScalar(d, v)
		}
		g.To(0, d)
	case op.Pow:
		g.To(0, g.Mul(d, g.powScalarSlope(p)))
	case op.Min, op.Max:
		minMaxScalarGrad(g, p)
	default:
		g.fail(p.Name(), "", op.UnsupportedErr("it has no gradient"))
	}
}

// powScalarSlope is v x^(v-1) or, of vˣ, log(v) vˣ: 0 where Pow's gradient is.
func (g *Grad) powScalarSlope(p *op.Scalar) Tensor {
	x, v := g.In(0), p.Value
	zero := g.Fill(x.DType(), 0)
	if !p.Flip {
		if v == 0 {
			return zero
		}
		return g.MulScalar(g.PowScalar(x, v-1), v)
	}
	slope := g.Mul(g.Out(0), g.Log(g.Fill(x.DType(), v)))
	if v == 0 {
		return g.Where(g.Ge(x, zero), zero, slope)
	}
	return slope
}

func minMaxScalarGrad(g *Grad, p *op.Scalar) {
	x, d := g.In(0), g.D(0)
	v, zero := g.Fill(x.DType(), p.Value), g.Fill(x.DType(), 0)
	chosen := g.Lt(x, v)
	if p.Fn == op.Max {
		chosen = g.Gt(x, v)
	}
	half := g.MulScalar(g.Where(g.Eq(x, v), d, zero), 0.5)
	g.To(0, g.Add(g.Where(chosen, d, zero), half))
}
