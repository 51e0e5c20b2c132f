package vec

import "math"

const rounder64 = 6755399441055744 // 1.5 * 2^52

// poly64 is poly in float64.
func poly64(x float64, c ...float64) float64 {
	q := c[0]
	for _, k := range c[1:] {
		q = math.FMA(q, x, k)
	}
	return q
}

// log2Wide is log2 of a >= 0 in float64; of zero and infinity the infinities, of NaN NaN.
func log2Wide(a float32) float64 {
	switch {
	case a != a:
		return float64(a)
	case a == 0 || a >= inf32:
		return float64(logEdges(a, 0))
	}
	m, e := split(a)
	f := float64(m)
	s := f / (f + 2)
	p := poly64(s*s, 0.29087415990903998, 0.31928118724898746, 0.41222629280111966, 0.57707775410925011, 0.96179669483173724, 2.8853900817774205)
	return math.FMA(s, p, float64(e))
}

// Pow is x^y, as |x|^y = 2^(y log2 |x|) in float64. x^0 and 1^y are 1 even for NaN; a negative x wants an integer y, and an odd y
// keeps its sign.
func Pow(x, y float32) float32 {
	if y == 0 || x == 1 {
		return 1
	}
	a := abs(x)
	if x == -1 && abs(y) >= inf32 {
		return 1
	}
	half := y * 0.5
	integer := floor32(y) == y
	if x < 0 && a < inf32 && !integer {
		return nan32
	}
	w := exp2Narrow(float64(y) * log2Wide(a))
	if integer && floor32(half) != half {
		w = signOf(w, x)
	}
	return w
}

func floor32(x float32) float32 { return float32(math.Floor(float64(x))) }

// exp2Narrow is 2^t, computed in float64 and rounded once.
func exp2Narrow(t float64) float32 {
	if t != t {
		return nan32
	}
	t = max(min(t, 200), -200)
	z := t + rounder64
	r := t - float64(z-rounder64)
	q := poly64(r, 1.5310313032787907e-05, 0.00015461679451946015, 0.0013333453707679752, 0.009618056088949084,
		0.055504109295156097, 0.24022650925069805, 0.69314718055361557)
	e := math.FMA(r, q, 1)
	return float32(math.Float64frombits(math.Float64bits(e) + math.Float64bits(z)<<52))
}
