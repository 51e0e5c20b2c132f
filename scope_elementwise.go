package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Add is a + b with NumPy's broadcast; so are Sub, Mul, Div, Min, Max and Pow. Integers wrap.
func (s *Scope) Add(a, b Tensor) Tensor { return s.binary(op.Add, a, b) }

// Sub is a - b.
func (s *Scope) Sub(a, b Tensor) Tensor { return s.binary(op.Sub, a, b) }

// Mul is a * b.
func (s *Scope) Mul(a, b Tensor) Tensor { return s.binary(op.Mul, a, b) }

// Div is a / b; integers truncate toward zero, and x/0 is 0.
func (s *Scope) Div(a, b Tensor) Tensor { return s.binary(op.Div, a, b) }

// Min is the smaller of a and b, NaN if either is.
func (s *Scope) Min(a, b Tensor) Tensor { return s.binary(op.Min, a, b) }

// Max is the larger of a and b, NaN if either is.
func (s *Scope) Max(a, b Tensor) Tensor { return s.binary(op.Max, a, b) }

// Pow is a to the power of b. Floating-point only.
func (s *Scope) Pow(a, b Tensor) Tensor { return s.binary(op.Pow, a, b) }

// And, Or and Xor are bitwise on integers and logical on bool.
func (s *Scope) And(a, b Tensor) Tensor { return s.binary(op.And, a, b) }

// Or is a | b.
func (s *Scope) Or(a, b Tensor) Tensor { return s.binary(op.Or, a, b) }

// Xor is a ^ b.
func (s *Scope) Xor(a, b Tensor) Tensor { return s.binary(op.Xor, a, b) }

// Shl is a << b; shifts by the width or more, or by a negative number, give 0.
func (s *Scope) Shl(a, b Tensor) Tensor { return s.binary(op.Shl, a, b) }

// Shr is a >> b, arithmetic on signed types.
func (s *Scope) Shr(a, b Tensor) Tensor { return s.binary(op.Shr, a, b) }

func (s *Scope) binary(f op.BinaryFn, a, b Tensor) Tensor {
	return emit(s, op.Binary{Fn: f}, args(a, b))
}

// AddScalar is x + v, with v rounded to x's dtype; so are SubScalar, MulScalar, DivScalar, MinScalar, MaxScalar and PowScalar.
func (s *Scope) AddScalar(x Tensor, v float64) Tensor { return s.scalar(op.Add, x, v) }

// SubScalar is x - v.
func (s *Scope) SubScalar(x Tensor, v float64) Tensor { return s.scalar(op.Sub, x, v) }

// MulScalar is x * v.
func (s *Scope) MulScalar(x Tensor, v float64) Tensor { return s.scalar(op.Mul, x, v) }

// DivScalar is x / v.
func (s *Scope) DivScalar(x Tensor, v float64) Tensor { return s.scalar(op.Div, x, v) }

// MinScalar is the smaller of x and v.
func (s *Scope) MinScalar(x Tensor, v float64) Tensor { return s.scalar(op.Min, x, v) }

// MaxScalar is the larger of x and v.
func (s *Scope) MaxScalar(x Tensor, v float64) Tensor { return s.scalar(op.Max, x, v) }

// PowScalar is x to the power of v.
func (s *Scope) PowScalar(x Tensor, v float64) Tensor { return s.scalar(op.Pow, x, v) }

// ScalarSub is v - x.
func (s *Scope) ScalarSub(v float64, x Tensor) Tensor {
	return emit(s, op.Scalar{Fn: op.Sub, Value: v, Flip: true}, args(x))
}

// ScalarDiv is v / x.
func (s *Scope) ScalarDiv(v float64, x Tensor) Tensor {
	return emit(s, op.Scalar{Fn: op.Div, Value: v, Flip: true}, args(x))
}

func (s *Scope) scalar(f op.BinaryFn, x Tensor, v float64) Tensor {
	return emit(s, op.Scalar{Fn: f, Value: v}, args(x))
}

// Neg is -x.
func (s *Scope) Neg(x Tensor) Tensor { return s.unary(op.Neg, x) }

// Abs is |x|.
func (s *Scope) Abs(x Tensor) Tensor { return s.unary(op.Abs, x) }

// Sign is -1, 0 or 1; NaN stays.
func (s *Scope) Sign(x Tensor) Tensor { return s.unary(op.Sign, x) }

// Square is x².
func (s *Scope) Square(x Tensor) Tensor { return s.unary(op.Square, x) }

// Sqrt is √x.
func (s *Scope) Sqrt(x Tensor) Tensor { return s.unary(op.Sqrt, x) }

// Rsqrt is 1/√x.
func (s *Scope) Rsqrt(x Tensor) Tensor { return s.unary(op.Rsqrt, x) }

// Reciprocal is 1/x.
func (s *Scope) Reciprocal(x Tensor) Tensor { return s.unary(op.Reciprocal, x) }

// Floor, Ceil, Round and Trunc round to integers; Round to nearest, ties to even. Their gradient is zero.
func (s *Scope) Floor(x Tensor) Tensor { return s.unary(op.Floor, x) }

// Ceil rounds up.
func (s *Scope) Ceil(x Tensor) Tensor { return s.unary(op.Ceil, x) }

// Round rounds to nearest, ties to even.
func (s *Scope) Round(x Tensor) Tensor { return s.unary(op.Round, x) }

// Trunc rounds toward zero.
func (s *Scope) Trunc(x Tensor) Tensor { return s.unary(op.Trunc, x) }

// Exp is eˣ.
func (s *Scope) Exp(x Tensor) Tensor { return s.unary(op.Exp, x) }

// Exp2 is 2ˣ.
func (s *Scope) Exp2(x Tensor) Tensor { return s.unary(op.Exp2, x) }

// Expm1 is eˣ - 1, exact near zero.
func (s *Scope) Expm1(x Tensor) Tensor { return s.unary(op.Expm1, x) }

// Log is the natural logarithm.
func (s *Scope) Log(x Tensor) Tensor { return s.unary(op.Log, x) }

// Log2 is the logarithm to base 2.
func (s *Scope) Log2(x Tensor) Tensor { return s.unary(op.Log2, x) }

// Log1p is log(1 + x), exact near zero.
func (s *Scope) Log1p(x Tensor) Tensor { return s.unary(op.Log1p, x) }

// Sin is the sine of x radians.
func (s *Scope) Sin(x Tensor) Tensor { return s.unary(op.Sin, x) }

// Cos is the cosine of x radians.
func (s *Scope) Cos(x Tensor) Tensor { return s.unary(op.Cos, x) }

// Tanh is the hyperbolic tangent.
func (s *Scope) Tanh(x Tensor) Tensor { return s.unary(op.Tanh, x) }

// Erf is the error function.
func (s *Scope) Erf(x Tensor) Tensor { return s.unary(op.Erf, x) }

// Sigmoid is 1 / (1 + e⁻ˣ).
func (s *Scope) Sigmoid(x Tensor) Tensor { return s.unary(op.Sigmoid, x) }

// ReLU is max(x, 0).
func (s *Scope) ReLU(x Tensor) Tensor { return s.unary(op.ReLU, x) }

// SiLU is x sigmoid(x).
func (s *Scope) SiLU(x Tensor) Tensor { return s.unary(op.SiLU, x) }

// GELU is x/2 (1 + erf(x/√2)).
func (s *Scope) GELU(x Tensor) Tensor { return s.unary(op.GELU, x) }

// GELUTanh is the approximation x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))).
func (s *Scope) GELUTanh(x Tensor) Tensor { return s.unary(op.GELUTanh, x) }

// Softplus is log(1 + eˣ).
func (s *Scope) Softplus(x Tensor) Tensor { return s.unary(op.Softplus, x) }

// Not is the bitwise complement of integers, logical not of bool.
func (s *Scope) Not(x Tensor) Tensor { return s.unary(op.Not, x) }

func (s *Scope) unary(f op.UnaryFn, x Tensor) Tensor { return emit(s, op.Unary{Fn: f}, args(x)) }

// AddScaled is a + k b with the scalar k on the device.
func (s *Scope) AddScaled(a, b, k Tensor) Tensor {
	return emit(s, op.AddScaled{Sign: 1}, args(a, b, k))
}

// SubScaled is a - k b with the scalar k on the device: the step of gradient descent is s.Into(p).SubScaled(p, g, lr).
func (s *Scope) SubScaled(a, b, k Tensor) Tensor {
	return emit(s, op.AddScaled{Sign: -1}, args(a, b, k))
}

// Fill is a tensor whose every element is v.
func (s *Scope) Fill(d DType, v float64, dims ...int) Tensor {
	return emit(s, op.Fill{Dims: op.DimsOf(dims...), Value: v, DType: d}, args())
}

// Copy is x in memory of its own, contiguous.
func (s *Scope) Copy(x Tensor) Tensor { return emit(s, op.Copy{}, args(x)) }

// Cast is x in another dtype. Floating-point to integer truncates and saturates, and NaN gives 0.
func (s *Scope) Cast(x Tensor, to DType) Tensor { return emit(s, op.Cast{To: to}, args(x)) }

func init() {
	gradient(0, func(g *Grad, _ *op.Copy) { g.To(0, g.D(0)) })
	gradient(0, func(g *Grad, _ *op.Cast) {
		if t := g.InType(0); t.DType.Float() {
			g.To(0, g.Cast(g.D(0), t.DType))
		}
	})
	gradientBy(func(p *op.Unary) uint32 {
		if p.Fn.FromOutput() {
			return outs(0)
		}
		return ins(0)
	}, func(g *Grad, p *op.Unary) {
		v := Tensor{}
		if p.Fn.FromOutput() {
			v = g.Out(0)
		} else {
			v = g.In(0)
		}
		g.To(0, emit(g.Scope, op.UnaryGrad{Fn: p.Fn}, args(v, g.D(0))))
	})
	gradient(ins(0, 1, 2), func(g *Grad, p *op.AddScaled) {
		g.To(0, g.D(0))
		if g.Needs(1) {
			g.To(1, g.MulScalar(g.Mul(g.D(0), g.In(2)), float64(p.Sign)))
		}
		if g.Needs(2) {
			g.To(2, g.sumLike(g.MulScalar(g.Mul(g.D(0), g.In(1)), float64(p.Sign)), 2))
		}
	})
	gradientBy(binarySaves, binaryGrad)
	gradientBy(scalarSaves, scalarGrad)
}

func binarySaves(p *op.Binary) uint32 {
	switch p.Fn {
	case op.Add, op.Sub:
		return 0
	case op.Pow:
		return ins(0, 1) | outs(0)
	}
	return ins(0, 1)
}

func binaryGrad(g *Grad, p *op.Binary) {
	d := g.D(0)
	da, db := func(x Tensor) { g.To(0, g.sumLike(x, 0)) }, func(x Tensor) { g.To(1, g.sumLike(x, 1)) }
	switch p.Fn {
	case op.Add:
		da(d)
		if g.Needs(1) {
			db(d)
		}
	case op.Sub:
		da(d)
		if g.Needs(1) {
			db(g.Neg(d))
		}
	case op.Mul:
		if g.Needs(0) {
			da(g.Mul(d, g.In(1)))
		}
		if g.Needs(1) {
			db(g.Mul(d, g.In(0)))
		}
	case op.Div: // a/b: d/b and -d a/b²
		q := g.Div(d, g.In(1))
		if g.Needs(0) {
			da(q)
		}
		if g.Needs(1) {
			db(g.Neg(g.Mul(q, g.Div(g.In(0), g.In(1)))))
		}
	case op.Pow:
		powGrad(g, da, db)
	case op.Min, op.Max:
		minMaxGrad(g, p.Fn, da, db)
	default:
		g.fail(p.Name(), "", op.UnsupportedErr("it has no gradient"))
	}
}

// powGrad is b a^(b-1) d and log(a) a^b d. As in PyTorch they are 0 for b = 0, and for a = 0 and b >= 0, where the
// formulas have 0 times infinity.
func powGrad(g *Grad, da, db func(Tensor)) {
	a, b, d := g.In(0), g.In(1), g.D(0)
	zero := g.Fill(d.DType(), 0)
	if g.Needs(0) {
		slope := g.Mul(b, g.Pow(a, g.AddScalar(b, -1)))
		da(g.Mul(d, g.Where(g.Eq(b, zero), zero, slope)))
	}
	if g.Needs(1) {
		flat := g.And(g.Eq(a, zero), g.Ge(b, zero))
		db(g.Mul(d, g.Where(flat, zero, g.Mul(g.Out(0), g.Log(a)))))
	}
}
