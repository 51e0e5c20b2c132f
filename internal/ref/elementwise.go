package ref

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var elementwise = table{on(unary), on(unaryGrad), on(binary), on(scalar), on(addScaled), on(compare), on(where), on(clamp),
	on(swiGLU), on(swiGLUGrad), on(biasAct), on(fill), on(arange), on(copyOf), on(cast)}

// Function is fn of one real number.
func Function(fn op.UnaryFn, x float64) float64 {
	switch fn {
	case op.Neg:
		return -x
	case op.Abs:
		return math.Abs(x)
	case op.Sign:
		if x > 0 {
			return 1
		} else if x < 0 {
			return -1
		}
		return x
	case op.Square:
		return x * x
	case op.Sqrt:
		return math.Sqrt(x)
	case op.Rsqrt:
		return 1 / math.Sqrt(x)
	case op.Reciprocal:
		return 1 / x
	case op.Floor:
		return math.Floor(x)
	case op.Ceil:
		return math.Ceil(x)
	case op.Round:
		return math.RoundToEven(x)
	case op.Trunc:
		return math.Trunc(x)
	case op.Exp:
		return math.Exp(x)
	case op.Exp2:
		return math.Exp2(x)
	case op.Expm1:
		return math.Expm1(x)
	case op.Log:
		return math.Log(x)
	case op.Log2:
		return log2(x)
	case op.Log1p:
		return math.Log1p(x)
	}
	return smooth(fn, x)
}

func smooth(fn op.UnaryFn, x float64) float64 {
	switch fn {
	case op.Sin:
		return math.Sin(x)
	case op.Cos:
		return math.Cos(x)
	case op.Tanh:
		return math.Tanh(x)
	case op.Erf:
		return math.Erf(x)
	case op.Sigmoid:
		return sigmoid(x)
	case op.ReLU:
		if x < 0 {
			return 0
		}
		return x
	case op.SiLU:
		return x * sigmoid(x)
	case op.GELU:
		return x / 2 * math.Erfc(-x/math.Sqrt2)
	case op.GELUTanh:
		return x * sigmoid(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)) // (1 + tanh(u))/2 = sigmoid(2u)
	case op.Softplus:
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	}
	return math.NaN()
}

// log2 is math.Log2, but for the neighbours of 1: that adds an exponent to the logarithm of a fraction, and the digits cancel.
func log2(x float64) float64 {
	if x <= 0.5 || x >= 2 {
		return math.Log2(x)
	}
	const log2eLow = 2.0355273740931033e-17 // log2(e) - math.Log2E
	l := math.Log(x)
	return math.FMA(l, math.Log2E, l*log2eLow)
}

// sigmoid does not overflow on either side.
func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// Derivative is fn'(x), where v is x or fn(x) as op.UnaryGrad has it.
func Derivative(fn op.UnaryFn, v float64) float64 {
	switch fn {
	case op.Neg:
		return -1
	case op.Abs:
		return Function(op.Sign, v)
	case op.Sign, op.Floor, op.Ceil, op.Round, op.Trunc:
		return 0
	case op.Square:
		return 2 * v
	case op.Sqrt:
		return 1 / (2 * v)
	case op.Rsqrt:
		return -v * v * v / 2
	case op.Reciprocal:
		return -v * v
	case op.Exp:
		return v
	case op.Exp2:
		return v * math.Ln2
	case op.Expm1:
		return math.Exp(v)
	case op.Log:
		return 1 / v
	case op.Log2:
		return 1 / (v * math.Ln2)
	case op.Log1p:
		return 1 / (1 + v)
	}
	return slope(fn, v)
}

func slope(fn op.UnaryFn, v float64) float64 {
	switch fn {
	case op.Sin:
		return math.Cos(v)
	case op.Cos:
		return -math.Sin(v)
	case op.Tanh:
		return 1 - v*v
	case op.Erf:
		return 2 / math.Sqrt(math.Pi) * math.Exp(-v*v)
	case op.Sigmoid:
		return v * (1 - v)
	case op.ReLU:
		if v > 0 {
			return 1
		}
		return 0
	case op.SiLU:
		s := sigmoid(v)
		return s * (1 + v*(1-s))
	case op.GELU:
		return math.Erfc(-v/math.Sqrt2)/2 + v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi)
	case op.GELUTanh:
		c := math.Sqrt(2 / math.Pi)
		s := sigmoid(2 * c * (v + 0.044715*v*v*v))
		return s + v*s*(1-s)*2*c*(1+3*0.044715*v*v)
	case op.Softplus:
		return sigmoid(v)
	}
	return math.NaN()
}

func unary(p *op.Unary, in, out []Array) error {
	x, y := &in[0], &out[0]
	for i, v := range x.F {
		y.F[i] = Function(p.Fn, v)
	}
	for i, v := range x.I {
		switch {
		case p.Fn == op.Not && x.DType == op.Bool:
			v = 1 - v
		case p.Fn == op.Not:
			v = ^v
		case p.Fn == op.Neg:
			v = -v
		case p.Fn == op.Abs && v < 0:
			v = -v
		case p.Fn == op.Square:
			v *= v
		case p.Fn == op.ReLU:
			v = max(v, 0)
		case p.Fn == op.Sign:
			v = int64(Function(op.Sign, float64(v)))
		}
		y.I[i] = wrap(v, x.DType)
	}
	return nil
}

// wrap keeps the low bits that d has.
func wrap(v int64, d op.DType) int64 {
	switch d {
	case op.I32:
		return int64(int32(v))
	case op.I8:
		return int64(int8(v))
	case op.U8:
		return int64(uint8(v))
	}
	return v
}

func unaryGrad(p *op.UnaryGrad, in, out []Array) error {
	for i, v := range in[0].F {
		if dy := in[1].F[i]; dy != 0 || p.Fn == op.Neg {
			out[0].F[i] = Derivative(p.Fn, v) * dy
		}
	}
	return nil
}

func binary(p *op.Binary, in, out []Array) error {
	a, b, y := &in[0], &in[1], &out[0]
	for i := range y.Elems() {
		j, k := index(&a.Type, &y.Type, i), index(&b.Type, &y.Type, i)
		if y.F != nil {
			y.F[i] = Real(p.Fn, a.F[j], b.F[k])
		} else {
			y.I[i] = integer(p.Fn, a.I[j], b.I[k], y.DType)
		}
	}
	return nil
}

// Real is fn of two real numbers.
func Real(fn op.BinaryFn, a, b float64) float64 {
	switch fn {
	case op.Add:
		return a + b
	case op.Sub:
		return a - b
	case op.Mul:
		return a * b
	case op.Div:
		return a / b
	case op.Min:
		return min(a, b)
	case op.Max:
		return max(a, b)
	case op.Pow:
		return math.Pow(a, b)
	}
	return math.NaN()
}

func integer(fn op.BinaryFn, a, b int64, d op.DType) int64 {
	width := int64(8 * d.Size())
	switch fn {
	case op.Add:
		a += b
	case op.Sub:
		a -= b
	case op.Mul:
		a *= b
	case op.Div:
		if b == 0 {
			return 0
		}
		a /= b
	case op.Min:
		return min(a, b)
	case op.Max:
		return max(a, b)
	case op.And:
		return a & b
	case op.Or:
		return a | b
	case op.Xor:
		return a ^ b
	case op.Shl:
		if b < 0 || b >= width {
			return 0
		}
		a <<= b
	case op.Shr:
		if b < 0 {
			return 0
		}
		a >>= min(b, 63)
	}
	return wrap(a, d)
}

func scalar(p *op.Scalar, in, out []Array) error {
	v := constant(p.Value, in[0].DType)
	c := NewArray(op.Make(in[0].DType))
	if c.F != nil {
		c.F[0] = v.F[0]
	} else {
		c.I[0] = v.I[0]
	}
	operands := []Array{in[0], c}
	if p.Flip {
		operands = []Array{c, in[0]}
	}
	return binary(&op.Binary{Fn: p.Fn}, operands, out)
}

// constant is v in dtype d, converted as Cast converts.
func constant(v float64, d op.DType) Array {
	c, y := NewArray(op.Make(op.F64)), NewArray(op.Make(d))
	c.F[0] = v
	_ = cast(&op.Cast{To: d}, []Array{c}, []Array{y})
	return y.Round()
}

func addScaled(p *op.AddScaled, in, out []Array) error {
	s := in[2].F[0] * float64(p.Sign)
	for i, v := range in[0].F {
		out[0].F[i] = v + s*in[1].F[i]
	}
	return nil
}

func compare(p *op.Compare, in, out []Array) error {
	a, b, y := &in[0], &in[1], &out[0]
	for i := range y.I {
		j, k := index(&a.Type, &y.Type, i), index(&b.Type, &y.Type, i)
		var less, equal, more bool
		if a.F != nil {
			less, equal, more = a.F[j] < b.F[k], a.F[j] == b.F[k], a.F[j] > b.F[k]
		} else {
			less, equal, more = a.I[j] < b.I[k], a.I[j] == b.I[k], a.I[j] > b.I[k]
		}
		holds := [...]bool{op.Eq: equal, op.Ne: !equal, op.Lt: less, op.Le: less || equal, op.Gt: more, op.Ge: more || equal}
		if holds[p.Fn] {
			y.I[i] = 1
		}
	}
	return nil
}

func where(_ *op.Where, in, out []Array) error {
	y := &out[0]
	for i := range y.Elems() {
		from := &in[2]
		if in[0].I[index(&in[0].Type, &y.Type, i)] != 0 {
			from = &in[1]
		}
		j := index(&from.Type, &y.Type, i)
		if y.F != nil {
			y.F[i] = from.F[j]
		} else {
			y.I[i] = from.I[j]
		}
	}
	return nil
}

func clamp(p *op.Clamp, in, out []Array) error {
	lo, hi := constant(p.Lo, in[0].DType), constant(p.Hi, in[0].DType)
	for i, v := range in[0].F {
		out[0].F[i] = min(max(v, lo.F[0]), hi.F[0])
	}
	for i, v := range in[0].I {
		out[0].I[i] = min(max(v, lo.I[0]), hi.I[0])
	}
	return nil
}

func swiGLU(p *op.SwiGLU, in, out []Array) error {
	for i, g := range in[0].F {
		act, up := Function(op.SiLU, g), in[1].F[i]
		if l := float64(p.Limit); l > 0 {
			act, up = min(act, l), min(max(up, -l), l)
		}
		out[0].F[i] = act * up
	}
	return nil
}

func swiGLUGrad(p *op.SwiGLUGrad, in, out []Array) error {
	l := float64(p.Limit)
	for i, g := range in[0].F {
		act, up, dy := Function(op.SiLU, g), in[1].F[i], in[2].F[i]
		cut := up
		if l > 0 {
			cut = min(max(up, -l), l)
		}
		if l <= 0 || act <= l {
			out[0].F[i] = dy * cut * Derivative(op.SiLU, g)
		}
		if l <= 0 || math.Abs(up) <= l {
			if l > 0 {
				act = min(act, l)
			}
			out[1].F[i] = dy * act
		}
	}
	return nil
}

func biasAct(p *op.BiasAct, in, out []Array) error {
	n := in[0].Last()
	for i, v := range in[0].F {
		out[0].F[i] = Function(p.Act, v+in[1].F[i%n])
	}
	return nil
}

func fill(p *op.Fill, _, out []Array) error {
	c := constant(p.Value, out[0].DType)
	for i := range out[0].F {
		out[0].F[i] = c.F[0]
	}
	for i := range out[0].I {
		out[0].I[i] = c.I[0]
	}
	return nil
}

func arange(p *op.Iota, _, out []Array) error {
	for i := range out[0].Elems() {
		v := p.Start + float64(float64(i)*p.Step)
		if out[0].F != nil {
			out[0].F[i] = v
		} else {
			out[0].I[i] = constant(v, out[0].DType).I[0]
		}
	}
	return nil
}

func copyOf(_ *op.Copy, in, out []Array) error {
	copy(out[0].F, in[0].F)
	copy(out[0].I, in[0].I)
	return nil
}

func cast(p *op.Cast, in, out []Array) error {
	x, y := &in[0], &out[0]
	for i := range y.Elems() {
		switch {
		case x.F != nil && y.F != nil:
			y.F[i] = x.F[i]
		case x.F != nil && p.To == op.Bool:
			if x.F[i] != 0 {
				y.I[i] = 1
			}
		case x.F != nil:
			y.I[i] = saturate(x.F[i], p.To)
		case y.F != nil:
			y.F[i] = realOf(x.I[i], p.To)
		case p.To == op.Bool:
			if x.I[i] != 0 {
				y.I[i] = 1
			}
		default:
			y.I[i] = wrap(x.I[i], p.To)
		}
	}
	return nil
}

// realOf is v as a real number that rounds to dtype d as v itself does: what float64 cannot hold of an integer beyond
// 2⁵³ survives, for narrower types, as a sticky last bit.
func realOf(v int64, d op.DType) float64 {
	if d == op.F64 || v >= -1<<53 && v <= 1<<53 {
		return float64(v)
	}
	t := v >> 10
	if v&1023 != 0 {
		t |= 1
	}
	return float64(t) * 1024
}

// saturate truncates toward zero into the range of d; NaN gives 0.
func saturate(v float64, d op.DType) int64 {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	switch d {
	case op.I32:
		lo, hi = math.MinInt32, math.MaxInt32
	case op.I8:
		lo, hi = math.MinInt8, math.MaxInt8
	case op.U8:
		lo, hi = 0, math.MaxUint8
	}
	switch v = math.Trunc(v); {
	case v != v:
		return 0
	case v <= float64(lo):
		return lo
	case v >= float64(hi):
		return hi
	}
	return int64(v)
}
