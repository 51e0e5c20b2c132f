package kernels_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// functions64 are the f64 functions with their error in units in the last place and the arguments between which they neither
// overflow nor vanish.
var functions64 = []struct {
	name   string
	ulp    float64
	lo, hi float64
	f      func(x float64) *big.Float
}{
	{"exp", 0.8, -745, 709.7, func(x float64) *big.Float { return bigExp(bigOf(x)) }},
	{"exp2", 0.8, -1074, 1023.9, func(x float64) *big.Float { return bigExp(bigMul(bigLn2(), bigOf(x))) }},
	{"expm1", 1.5, -50, 709.7, func(x float64) *big.Float { return bigSub(bigExp(bigOf(x)), bigOf(1)) }},
	{"log", 0.9, 0, 10, func(x float64) *big.Float { return bigLog(bigOf(x)) }},
	{"log2", 1.2, 0, 10, func(x float64) *big.Float { return bigQuo(bigLog(bigOf(x)), bigLn2()) }},
	{"log1p", 1.5, -1, 10, func(x float64) *big.Float { return bigLog(bigAdd(bigOf(1), bigOf(x))) }},
	{"sin", 0.8, -1e6, 1e6, func(x float64) *big.Float { return bigSine(x, 0) }},
	{"cos", 0.8, -1e6, 1e6, func(x float64) *big.Float { return bigSine(x, 1) }},
	{"tanh", 1.4, -20, 20, func(x float64) *big.Float {
		e := bigExp(bigOf(2 * x))
		return bigQuo(bigSub(e, bigOf(1)), bigAdd(e, bigOf(1)))
	}},
	{"erf", 2.1, -6, 6, bigErf},
	{"sigmoid", 2.3, -740, 40, bigSigmoid},
	{"silu", 3, -700, 40, func(x float64) *big.Float { return bigMul(bigOf(x), bigSigmoid(x)) }},
	{"softplus", 1.8, -740, 40, func(x float64) *big.Float { return bigLog(bigAdd(bigOf(1), bigExp(bigOf(x)))) }},
}

func codeOf(t *testing.T, name string) uint32 {
	for _, u := range unaries {
		if u.name == name {
			return u.code
		}
	}
	require.Fail(t, "no function "+name)
	return 0
}

// apply64 runs a function of f64 by its name.
func (d *device) apply64(t *testing.T, name string, x []float64) []float64 {
	out := d.space(8 * len(x))
	d.run("unary", "unary_strided_f64", dim{1}, dim{128}, out, d.up(x), uint32(len(x)), uint64(0), codeOf(t, name))
	return down[float64](d, out, len(x))
}

// Every function is right to its last digits over its whole range, near 0, near 1, and among the subnormals.
func TestUnary64(t *testing.T) {
	for _, fn := range functions64 {
		t.Run(fn.name, func(t *testing.T) {
			d := newDevice(t)
			x := []float64{fn.hi, 1, math.Nextafter(1, 0), math.Nextafter(1, 2), 0.5, 0.75, 0.6, math.Ln2 / 2, math.Sqrt2, 0x1p-1022, 0x1p-1074}
			for range 150 {
				near := math.Exp2(-60 * d.rng.Float64())
				x = append(x, fn.lo+(fn.hi-fn.lo)*d.rng.Float64(), 3*d.rng.Float64(), near)
				if fn.lo < 0 {
					x = append(x, -near)
				}
				if fn.name == "sin" || fn.name == "cos" || fn.name[:3] == "log" { // of all sizes
					x = append(x, math.Ldexp(1+d.rng.Float64(), d.rng.IntN(2000)-1000))
				}
			}
			worst := 0.0
			for i, got := range d.apply64(t, fn.name, x) {
				e := ulps(fn.f(x[i]), got)
				require.LessOrEqual(t, e, fn.ulp, "%s(%v) = %v", fn.name, x[i], got)
				worst = max(worst, e)
			}
			t.Logf("%d arguments, at worst %.2f ulp", len(x), worst)
		})
	}
}

// Numbers next to multiples of pi/2, where all of the reduction's digits show, short of the long road and on it.
func TestNearQuarterTurns64(t *testing.T) {
	d := newDevice(t)
	x := []float64{6381956970095103 * 0x1p797} // of all float64 the closest to a multiple
	for range 200 {
		k := float64(d.rng.Uint64N(1<<17)) + 1
		x = append(x, k*(math.Pi/2), -k*0x1p20*(math.Pi/2))
	}
	for _, name := range []string{"sin", "cos"} {
		for i, got := range d.apply64(t, name, x) {
			quarters := int64(0)
			if name == "cos" {
				quarters = 1
			}
			require.LessOrEqual(t, ulps(bigSine(x[i], quarters), got), 0.8, "%s(%v) = %v", name, x[i], got)
		}
	}
}

func TestUnaryEdges64(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	zero := math.Copysign(0, -1)
	d := newDevice(t)
	for _, c := range []struct {
		name    string
		x, want float64
	}{
		{"exp", inf, inf}, {"exp", -inf, 0}, {"exp", nan, nan}, {"exp", 709.79, inf}, {"exp", -745.1, 0x1p-1074}, {"exp", -745.2, 0}, {"exp", zero, 1},
		{"exp2", 1024, inf}, {"exp2", -1074, 0x1p-1074}, {"exp2", -1076, 0}, {"exp2", 1023, 0x1p1023}, {"exp2", nan, nan}, {"expm1", zero, zero},
		{"expm1", 0x1p-1074, 0x1p-1074}, {"expm1", inf, inf}, {"expm1", -inf, -1}, {"expm1", nan, nan}, {"log", 0, -inf}, {"log", zero, -inf},
		{"log", -1, nan}, {"log", inf, inf}, {"log", 1, 0}, {"log", nan, nan}, {"log2", 0x1p-1074, -1074}, {"log2", 0x1p1023, 1023},
		{"log2", -inf, nan}, {"log1p", -1, -inf}, {"log1p", zero, zero}, {"log1p", -2, nan}, {"log1p", inf, inf}, {"log1p", nan, nan},
		{"tanh", inf, 1}, {"tanh", -inf, -1}, {"tanh", zero, zero}, {"tanh", nan, nan}, {"erf", -inf, -1}, {"erf", 7, 1}, {"erf", zero, zero}, {"erf", nan, nan},
		{"sigmoid", -inf, 0}, {"sigmoid", inf, 1}, {"sigmoid", nan, nan}, {"sin", inf, nan}, {"sin", zero, zero}, {"sin", nan, nan}, {"cos", -inf, nan},
		{"cos", zero, 1}, {"softplus", -inf, 0}, {"softplus", inf, inf}, {"silu", -inf, zero}, {"silu", inf, inf}, {"silu", nan, nan}, {"gelu", -inf, zero},
		{"gelu", inf, inf}, {"gelu", nan, nan}, {"gelu", zero, zero}, {"gelutanh", -inf, zero}, {"gelutanh", inf, inf}, {"gelutanh", nan, nan},
	} {
		got := d.apply64(t, c.name, []float64{c.x})[0]
		if math.IsNaN(c.want) {
			require.True(t, math.IsNaN(got), "%s(%v) = %v", c.name, c.x, got)
			continue
		}
		require.Equal(t, math.Float64bits(c.want), math.Float64bits(got), "%s(%v) = %v, want %v", c.name, c.x, got, c.want)
	}
}

// The gelus, whose left tails keep their digits, and the gradients, against package math.
func TestGELUAndGradients64(t *testing.T) {
	const n = 400
	d := newDevice(t)
	x, dy := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], dy[i] = 50*d.rng.Float64()-25, d.rng.NormFloat64()
	}
	for _, u := range unaries {
		v := append([]float64(nil), x...)
		positive := u.name == "sqrt" || u.name == "rsqrt" || u.name == "reciprocal" || u.name[:3] == "log"
		for i := range v {
			if positive {
				v[i] = math.Abs(v[i]) + 0.1
			}
		}
		if u.name == "gelu" || u.name == "gelutanh" {
			for i, got := range d.apply64(t, u.name, v) {
				want := u.f(v[i])
				require.InDelta(t, want, got, 2e-15*(1+v[i]*v[i])*math.Abs(want)+1e-300, "%s(%v)", u.name, v[i])
			}
		}
		given := append([]float64(nil), v...)
		for i := range given {
			if u.out {
				given[i] = u.f(v[i])
			}
		}
		out := d.space(8 * n)
		d.run("unary", "unary_grad_f64", dim{1}, dim{128}, out, d.up(given), d.up(dy), uint64(n), u.code)
		for i, got := range down[float64](d, out, n) {
			want := u.grad(v[i]) * dy[i]
			require.InDelta(t, want, got, 2e-14*(math.Abs(want)+math.Abs(dy[i])), "%s at %v", u.name, v[i])
		}
	}
}

// The slopes of the activations far out, where they end in 0 and 1 and nothing infinite may come in.
func TestFarSlopes64(t *testing.T) {
	d := newDevice(t)
	v, one := []float64{math.Inf(-1), -1e300, -800, 800, 1e300, math.Inf(1)}, []float64{1, 1, 1, 1, 1, 1}
	for _, name := range []string{"silu", "gelu", "gelutanh"} {
		out := d.space(48)
		d.run("unary", "unary_grad_f64", dim{}, dim{32}, out, d.up(v), d.up(one), uint64(6), codeOf(t, name))
		for i, got := range down[float64](d, out, 6) {
			require.Equal(t, float64(i/3), math.Abs(got), "%s at %v", name, v[i])
		}
	}
}

func TestPow64(t *testing.T) {
	d := newDevice(t)
	inf, nan := math.Inf(1), math.NaN()
	special := []float64{0, math.Copysign(0, -1), 1, -1, 2, -2, 0.5, 3, -3, inf, -inf, nan, 0x1p-1074, 1e308, 0x1p53, -0x1p60, 2.5, -2.5}
	var a, b []float64
	for _, x := range special {
		for _, y := range special {
			a, b = append(a, x), append(b, y)
		}
	}
	edges := len(a)
	for range 200 {
		x := math.Ldexp(1+d.rng.Float64(), d.rng.IntN(2000)-1000)
		a = append(a, d.rng.ExpFloat64(), x, 1+1e-6*d.rng.NormFloat64(), float64(1+d.rng.IntN(100)))
		b = append(b, 10*d.rng.NormFloat64(), 2*d.rng.Float64()-1, 3e7*d.rng.NormFloat64(), float64(d.rng.IntN(8)))
	}
	n := len(a)
	out := d.space(8 * n)
	d.run("elementwise", "binary_strided_f64", dim{1}, dim{256}, out, d.up(a), d.up(b), uint32(n), uint64(0), uint32(6))
	for i, got := range down[float64](d, out, n) {
		want, what := math.Pow(a[i], b[i]), fmt.Sprintf("pow(%v, %v)", a[i], b[i])
		switch {
		case math.IsNaN(want):
			require.True(t, math.IsNaN(got), what)
		case want == 0 || math.IsInf(want, 0):
			require.Equal(t, math.Float64bits(want), math.Float64bits(got), what)
		case i < edges:
			require.InEpsilon(t, want, got, 1e-15, what)
		default:
			exact := bigExp(bigMul(bigOf(b[i]), bigLog(bigOf(a[i]))))
			require.LessOrEqual(t, ulps(exact, got), 0.8, what)
		}
	}
}
