package vec

import "math"

// The functions of kernels/math.cuh, operation for operation: see there for what each step does and for the errors. A
// conversion float32(a*b) stands wherever the compiler might otherwise fuse.

const (
	rounder     = 12582912 // 1.5 * 2^23: adding and subtracting it rounds to an integer, which stands in the low bits of the sum
	rounderBits = 0x4b400000
	signBit     = 1 << 31
)

var (
	inf32 = float32(math.Inf(1))
	nan32 = math.Float32frombits(0x7fc00000)
)

func bitsOf(x float32) uint32   { return math.Float32bits(x) }
func fromBits(b uint32) float32 { return math.Float32frombits(b) }
func abs(x float32) float32     { return fromBits(bitsOf(x) &^ signBit) }

// signOf gives y, not negative, the sign of x.
func signOf(y, x float32) float32 { return fromBits(bitsOf(y) | bitsOf(x)&signBit) }

// atMost is x unless that is above hi; NaN stays.
func atMost(x, hi float32) float32 {
	if x > hi {
		return hi
	}
	return x
}

func atLeast(x, lo float32) float32 {
	if x < lo {
		return lo
	}
	return x
}

// poly evaluates a polynomial by Horner's rule, the highest coefficient first.
func poly(x float32, c ...float32) float32 {
	q := c[0]
	for _, k := range c[1:] {
		q = FMA32(q, x, k)
	}
	return q
}

func pow2(k int32) float32 { return fromBits(uint32(k+127) << 23) }

// scale is (1 + e) * 2^k in two factors.
func scale(e float32, k int32) float32 {
	half := k >> 1
	s := pow2(half)
	return FMA32(e, s, s) * pow2(k-half)
}

// splitExp writes x as k ln2 + r.
func splitExp(x float32) (r float32, k int32) {
	z := FMA32(x, 1.44269502, rounder)
	n := z - rounder
	r = FMA32(n, -0.693147182, x)
	return FMA32(n, 1.90465421e-9, r), int32(bitsOf(z) - rounderBits)
}

// expm1Poly is e^r - 1 for |r| <= ln2/2.
func expm1Poly(r float32) float32 {
	q := poly(r, 0.000199713642, 0.00139309035, 0.00833317824, 0.0416665077, 0.166666672, 0.5)
	return FMA32(r*r, q, r)
}

// Exp is e^x.
func Exp(x float32) float32 {
	r, k := splitExp(atLeast(atMost(x, 89), -104))
	return scale(expm1Poly(r), k)
}

// expBelow is e^x for x of at most 88: the weight of a softmax, for less work than Exp. Results below the normal numbers come to 0, and the
// error grows with |x| by a quarter ulp for each.
func expBelow(x float32) float32 {
	x = atLeast(x, -104)
	z := FMA32(x, 1.44269502, rounder)
	n := z - rounder
	r := FMA32(x, 1.44269502, -n)
	q := poly(r, 0.000153776724, 0.00133880938, 0.00961832143, 0.0555036589, 0.240226492, 0.693147182)
	s := pow2(max(int32(bitsOf(z)-rounderBits), -127))
	return FMA32(float32(r*q), s, s)
}

// Exp2 is 2^x.
func Exp2(x float32) float32 {
	x = atLeast(atMost(x, 129), -151)
	z := x + rounder
	r := x - float32(z-rounder)
	q := poly(r, 0.000154528316, 0.00133814442, 0.00961808395, 0.055503808, 0.240226507)
	return scale(FMA32(r, 0.693147182, float32(r*r)*q), int32(bitsOf(z)-rounderBits))
}

// Expm1 is e^x - 1.
func Expm1(x float32) float32 {
	if x == 0 {
		return x
	}
	r, k := splitExp(atLeast(atMost(x, 89), -20))
	e := expm1Poly(r)
	if k == 0 {
		return e
	}
	s := pow2(k - 1)
	y := FMA32(s, e, s-0.5)
	return y + y
}

// split writes a positive x as 2^e (1 + f).
func split(x float32) (f, e float32) {
	y := x
	if x < 1.17549435e-38 {
		y = x * 8388608
	}
	top := (bitsOf(y) - 0x3f2aaaab) & 0xff800000
	f = fromBits(bitsOf(y)-top) - 1
	e = float32(int32(top) >> 23)
	if x < 1.17549435e-38 {
		e -= 23
	}
	return f, e
}

func logTail(f float32) float32 {
	return poly(f, -0.12914753, 0.137553498, -0.121833116, 0.140544772, -0.166801363, 0.200073048, -0.249998182, 0.333332717, -0.5)
}

// logEdges replaces y, a logarithm of x, where x is no positive finite number.
func logEdges(x, y float32) float32 {
	switch {
	case x == 0:
		return -inf32
	case x < 0:
		return nan32
	case x < inf32:
		return y
	}
	return x
}

// Log is the natural logarithm.
func Log(x float32) float32 {
	f, e := split(x)
	y := FMA32(f*f, logTail(f), f)
	return logEdges(x, FMA32(e, 0.693147182, y))
}

// Log2 is the logarithm to base 2.
func Log2(x float32) float32 {
	f, e := split(x)
	t := float32(f*f) * logTail(f)
	low := FMA32(f, 1.92596303e-8, t*1.44269502)
	return logEdges(x, e+FMA32(f, 1.44269502, low))
}

// Log1p is log(1 + x).
func Log1p(x float32) float32 {
	switch {
	case x == 0:
		return x
	case x == -1:
		return -inf32
	case x < -1:
		return nan32
	case !(x < inf32):
		return x
	}
	top := (bitsOf(1+x) - 0x3f400000) & 0xff800000
	s := fromBits(0x40800000-top) * 0.25
	f := FMA32(x, s, s-1)
	q := poly(f, 0.0421318226, -0.0957525149, 0.117586687, -0.126623467, 0.142617479, -0.166584671, 0.200003132, -0.250001103, 0.333333313, -0.5)
	y := FMA32(f*f, q, f)
	return FMA32(float32(int32(top)>>23), 0.693147182, y)
}

// Tanh is the hyperbolic tangent.
func Tanh(x float32) float32 {
	a := abs(x)
	if a < 0.6 {
		s := a * a
		q := poly(s, -0.00629766332, 0.021132784, -0.0538793728, 0.13332963, -0.333333313)
		return signOf(FMA32(a*s, q, a), x)
	}
	return signOf(1-float32(2/float32(Exp(a+a)+1)), x)
}

// Sigmoid is 1/(1 + e^-x).
func Sigmoid(x float32) float32 {
	z := Exp(-abs(x))
	if x < 0 {
		return z / (1 + z)
	}
	return 1 / (1 + z)
}

// Softplus is log(1 + e^x).
func Softplus(x float32) float32 { return atLeast(x, 0) + Log1p(Exp(-abs(x))) }

// Erf is the error function.
func Erf(x float32) float32 {
	a := abs(x)
	if a < 1 {
		q := poly(a*a, 7.98057808e-05, -0.000804309733, 0.00519133126, -0.0268549267, 0.112835988, -0.37612626, 0.128379166)
		return signOf(FMA32(a, q, a), x)
	}
	b := atMost(a, 4)
	p := poly(b, -4.4655726e-06, 3.93050323e-05, 8.42320296e-05, -0.0030333444, 0.0228534322, -0.105444655, -0.635525286, -1.12857473)
	return signOf(1-Exp(p*b), x)
}

// Silu is x sigmoid(x).
func Silu(x float32) float32 { return x * Sigmoid(x) }

// normalCDF is Φ(x), the normal distribution's function.
func normalCDF(x float32) float32 {
	c := atLeast(atMost(x, 5.35), -5.35)
	s := c * c
	p := poly(s, 0.0193329044, 5.19121742, 132.269684, 3781.61304, 27021.748, 325213.813)
	q := s + 58.5706291
	for _, k := range [...]float32{1505.94446, 23033.1348, 203598.063, 815190.375} {
		q = FMA32(q, s, k)
	}
	return atLeast(0.5+float32(float32(c*p)/q), 0)
}

// Gelu is x Φ(x).
func Gelu(x float32) float32 { return x * normalCDF(x) }

// geluArgument is 2u, u = sqrt(2/π) (x + 0.044715 x³).
func geluArgument(x float32) float32 { return x * FMA32(x*x, 0.0713548139, 1.59576917) }

// GeluTanh is x/2 (1 + tanh u) = x sigmoid(2u).
func GeluTanh(x float32) float32 { return x * Sigmoid(geluArgument(x)) }

func siluSlope(x float32) float32 {
	s := Sigmoid(x)
	return s * FMA32(x, 1-s, 1)
}

// geluSlope is Φ(x) + x φ(x), with the normal distribution's function and density.
func geluSlope(x float32) float32 {
	density := 0.398942292 * Exp(-0.5*float32(x*x))
	return FMA32(x, density, normalCDF(x))
}

// geluTanhSlope is s + x s (1 - s) v' with s = sigmoid(v), v = geluArgument(x).
func geluTanhSlope(x float32) float32 {
	s := Sigmoid(geluArgument(x))
	return FMA32(float32(x*s)*float32(1-s), FMA32(x*x, 0.214064449, 1.59576917), s)
}

func erfSlope(x float32) float32 { return 1.12837923 * Exp(-float32(x*x)) }

func genericF32() Float[float32] {
	t := genericFloat[float32]()
	t.fill(transcendental[float32]{
		exp: Exp, expBelow: expBelow, exp2: Exp2, expm1: Expm1, log: Log, log2: Log2, log1p: Log1p, erf: Erf, sin: Sin, cos: Cos, tanh: Tanh,
		sigmoid: Sigmoid, silu: Silu, softplus: Softplus, gelu: Gelu, geluTanh: GeluTanh, pow: Pow,
		expm1Slope: Exp, sinSlope: Cos, cosSlope: func(x float32) float32 { return -Sin(x) }, erfSlope: erfSlope,
		siluSlope: siluSlope, geluSlope: geluSlope, geluTanhSlope: geluTanhSlope,
	})
	return t
}
