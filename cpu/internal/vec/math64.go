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
		exp: math.Exp, exp2: math.Exp2, expm1: math.Expm1, log: math.Log, log2: math.Log2, log1p: math.Log1p,
		erf: math.Erf, sin: math.Sin, cos: math.Cos, tanh: math.Tanh, pow: math.Pow,
		sigmoid: sigmoid64, silu: silu64, softplus: softplus64, gelu: gelu64, geluTanh: geluTanh64,
		expm1Slope: math.Exp, sinSlope: math.Cos, cosSlope: func(x float64) float64 { return -math.Sin(x) },
		erfSlope:  func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) },
		siluSlope: siluSlope64, geluSlope: geluSlope64, geluTanhSlope: geluTanhSlope64,
	})
	return t
}
