package vec

import "math"

// The float64 functions are those of package math and these.

func sigmoid64(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// log264 is math.Log2, but for the neighbours of 1: that adds an exponent to the logarithm of a fraction, and the digits cancel.
func log264(x float64) float64 {
	if x <= 0.5 || x >= 2 {
		return math.Log2(x)
	}
	l := math.Log(x)
	return math.FMA(l, math.Log2E, l*log2eLow)
}

func silu64(x float64) float64 {
	if x < -745 { // exp has vanished, and -Inf times it would be NaN
		return math.Copysign(0, -1)
	}
	return x * sigmoid64(x)
}

func softplus64(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func gelu64(x float64) float64 {
	if x < -40 {
		return math.Copysign(0, -1)
	}
	return 0.5 * x * math.Erfc(-x*(1/math.Sqrt2))
}

const (
	log2eLow    = 2.0355273740931033e-17 // log2(e) - math.Log2E
	sqrt2OverPi = 0.79788456080286535587989211986876
	geluCubic   = 0.044715
)

// geluTanh64 uses (1 + tanh u)/2 = sigmoid(2u), which keeps the left tail.
func geluTanh64(x float64) float64 {
	if x < -40 {
		return math.Copysign(0, -1)
	}
	return x * sigmoid64(2*sqrt2OverPi*(x+geluCubic*x*x*x))
}

func siluSlope64(x float64) float64 {
	if x < -745 {
		return 0
	}
	s := sigmoid64(x)
	return s * (1 + x*(1-s))
}

// From ±40 on the slopes of both gelus are 0 and 1 to the last bit.
func farSlope(x float64) (slope float64, far bool) {
	switch {
	case x > 40:
		return 1, true
	case x < -40:
		return 0, true
	}
	return 0, false
}

func geluSlope64(x float64) float64 {
	if slope, far := farSlope(x); far {
		return slope
	}
	cdf := 0.5 * math.Erfc(-x*(1/math.Sqrt2))
	density := 0.39894228040143267793994605993438 * math.Exp(-0.5*x*x)
	return cdf + x*density
}

func geluTanhSlope64(x float64) float64 {
	if slope, far := farSlope(x); far {
		return slope
	}
	s := sigmoid64(2 * sqrt2OverPi * (x + geluCubic*x*x*x))
	return s * (1 + x*(1-s)*2*sqrt2OverPi*(1+3*geluCubic*x*x))
}

func genericF64() Float[float64] {
	t := genericFloat[float64]()
	t.fill(transcendental[float64]{
		exp: math.Exp, expBelow: math.Exp, exp2: math.Exp2, expm1: math.Expm1, log: math.Log, log2: log264, log1p: math.Log1p,
		erf: math.Erf, sin: math.Sin, cos: math.Cos, tanh: math.Tanh, pow: math.Pow,
		sigmoid: sigmoid64, silu: silu64, softplus: softplus64, gelu: gelu64, geluTanh: geluTanh64,
		expm1Slope: math.Exp, sinSlope: math.Cos, cosSlope: func(x float64) float64 { return -math.Sin(x) },
		erfSlope:  func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) },
		siluSlope: siluSlope64, geluSlope: geluSlope64, geluTanhSlope: geluTanhSlope64,
	})
	return t
}
