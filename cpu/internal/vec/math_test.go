package vec

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// ulps is the distance of got from the float64 reference, in units in the last place of the float32 nearest to it.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	if got == w || got != got && want != want {
		return 0
	}
	if math.IsInf(float64(w), 0) || math.IsInf(float64(got), 0) || got != got || want != want {
		return math.Inf(1)
	}
	_, exp := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(exp-24, -149))
}

// TestMathError sweeps the float32 numbers with an odd stride and compares with package math.
func TestMathError(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func(float32) float32
		ref   func(float64) float64
		bound float64 // ulp
	}{
		{"exp", Exp, math.Exp, 1.1}, {"exp2", Exp2, math.Exp2, 1.1}, {"expm1", Expm1, math.Expm1, 1.5},
		{"log", Log, math.Log, 1}, {"log2", Log2, math.Log2, 1.6}, {"log1p", Log1p, math.Log1p, 1},
		{"tanh", Tanh, math.Tanh, 1.4}, {"sigmoid", Sigmoid, sigmoid64, 2.4}, {"softplus", Softplus, softplus64, 1.7},
		{"erf", Erf, math.Erf, 1.1}, {"sin", Sin, math.Sin, 1.6}, {"cos", Cos, math.Cos, 1.6},
	} {
		t.Run(c.name, func(t *testing.T) {
			var worst float64
			var at float32
			for b := uint64(0); b < 1<<32; b += 20011 {
				x := math.Float32frombits(uint32(b))
				if e := ulps(c.f(x), c.ref(float64(x))); e > worst {
					worst, at = e, x
				}
			}
			require.LessOrEqual(t, worst, c.bound, "at %v (%#x): %v, want %v", at, math.Float32bits(at), c.f(at), c.ref(float64(at)))
		})
	}
}

// TestSinCos compares at angles of rotary embeddings: positions up to a million times frequencies down to 10^-6.
func TestSinCos(t *testing.T) {
	r := source(t)
	for range 100_000 {
		a := float64(r.IntN(1<<20)-1<<19) * math.Exp(-r.Float64()*14)
		sin, cos := SinCos(a)
		require.LessOrEqual(t, ulps(sin, math.Sin(a)), 1.6, "sin %v", a)
		require.LessOrEqual(t, ulps(cos, math.Cos(a)), 1.6, "cos %v", a)
	}
}

// TestActivationError measures what has no relative bound everywhere against its own scale: the tails cancel. 1 - s of geluTanhSlope
// has an absolute error of u/2, which x v' then multiplies.
func TestActivationError(t *testing.T) {
	r := source(t)
	for _, c := range []struct {
		name  string
		f     func(float32) float32
		ref   func(float64) float64
		bound float64 // in units of u max(1, |x|)
	}{
		{"silu", Silu, silu64, 4}, {"gelu", Gelu, gelu64, 3}, {"geluTanh", GeluTanh, geluTanh64, 4},
		{"siluSlope", siluSlope, siluSlope64, 4}, {"geluSlope", geluSlope, geluSlope64, 4}, {"geluTanhSlope", geluTanhSlope, geluTanhSlope64, 16},
		{"erfSlope", erfSlope, func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) }, 4},
	} {
		for range 20000 {
			x := float32(r.NormFloat64() * 4)
			want := c.ref(float64(x))
			require.InDelta(t, want, float64(c.f(x)), c.bound*0x1p-24*max(1, math.Abs(float64(x))), "%s(%v)", c.name, x)
		}
	}
}

// TestExpBelow: an ulp and a quarter of |x|, as far as results are normal numbers; then 0.
func TestExpBelow(t *testing.T) {
	for b := uint64(math.Float32bits(1e-9)); b < uint64(math.Float32bits(200)); b += 997 {
		x := -math.Float32frombits(uint32(b))
		if x < -87.6 {
			require.LessOrEqual(t, expBelow(x), float32(0x1p-126), "%v", x)
		} else if x > -87.3 {
			require.LessOrEqual(t, ulps(expBelow(x), math.Exp(float64(x))), 1.25-float64(x)/4, "%v", x)
		}
	}
	require.Equal(t, float32(1), expBelow(0))
	require.Zero(t, expBelow(-inf32))
	require.True(t, expBelow(nan32) != expBelow(nan32))
}

// TestPow compares with float64 and checks C's edges.
func TestPow(t *testing.T) {
	r := source(t)
	for range 50000 {
		x, y := float32(math.Exp(r.NormFloat64()*8)), float32(r.NormFloat64()*6)
		if r.IntN(4) == 0 {
			x, y = -x, float32(math.Round(float64(y)))
		}
		require.LessOrEqual(t, ulps(Pow(x, y), math.Pow(float64(x), float64(y))), 0.52, "%v ^ %v", x, y)
	}
	for _, a := range specials {
		for _, b := range specials {
			x, y := float32(a), float32(b)
			require.LessOrEqual(t, ulps(Pow(x, y), math.Pow(float64(x), float64(y))), 0.52, "%v ^ %v = %v", x, y, Pow(x, y))
		}
	}
}

// TestFMA32 compares with exact arithmetic where rounding twice goes wrong: a product almost halfway between two sums.
func TestFMA32(t *testing.T) {
	require.Equal(t, float32(1.0000001), FMA32(1.0004884, 5.957555e-08, 1))
	r := source(t)
	naive := 0
	check := func(a, b, c float32) {
		exact := new(big.Float).SetPrec(600).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
		exact.Add(exact, big.NewFloat(float64(c)))
		want, _ := exact.Float32()
		if want == 0 {
			want += 0 // big.Float keeps a sign that IEEE addition does not
		}
		got := FMA32(a, b, c)
		require.True(t, got == want, "FMA32(%v, %v, %v) = %v, want %v", a, b, c, got, want)
		if float32(math.FMA(float64(a), float64(b), float64(c))) != want {
			naive++
		}
	}
	for range 100000 {
		a := math.Float32frombits(0x3f800000 | r.Uint32()&0x7fffff)
		c := float32(math.Ldexp(1+float64(r.Uint32()&0xffffff)*0x1p-24, r.IntN(6)))
		target := math.Ldexp(1, -25+int(math.Float32bits(c)>>23)-126) // half a unit of c
		check(a, float32(target/float64(a)), c)
		check(float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64()))
		check(math.Float32frombits(r.Uint32()&0x3fffffff), math.Float32frombits(r.Uint32()&0x3fffffff), math.Float32frombits(r.Uint32()&0x00ffffff))
	}
	require.Positive(t, naive, "no case separates one rounding from two")
}
