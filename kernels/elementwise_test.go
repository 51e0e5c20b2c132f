package kernels_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// layout packs the description of strided operands as elementwise.cuh reads it.
func (d *device) layout(dims []int, strides ...[]int) uint64 {
	b := make([]byte, 0, 176)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(dims)))
	front := make([]int, 6-len(dims))
	for _, n := range append(front, dims...) {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	b = binary.LittleEndian.AppendUint32(b, 0)
	for k := range 3 {
		s := make([]int, len(dims))
		if k < len(strides) {
			s = strides[k]
		}
		for _, n := range append(front, s...) {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
	}
	require.Len(d.t, b, 176)
	return d.up(b)
}

var binaries = []struct {
	name string
	code uint32
	f    func(a, b float64) float64
}{
	{"add", 0, func(a, b float64) float64 { return a + b }},
	{"sub", 1, func(a, b float64) float64 { return a - b }},
	{"mul", 2, func(a, b float64) float64 { return a * b }},
	{"div", 3, func(a, b float64) float64 { return a / b }},
	{"min", 4, math.Min},
	{"max", 5, math.Max},
}

// storeRound is x rounded as f stores a computed value: through float32 for the halves.
func (f format) storeRound(x float64) float64 {
	if f.size == 8 {
		return x
	}
	return f.round([]float32{float32(x)})[0]
}

func TestBinaryContiguous(t *testing.T) {
	for _, f := range floats {
		d := newDevice(t)
		for _, op := range binaries {
			for _, n := range []int{1, 3, 16, 515} {
				for _, shift := range []int{0, f.size} { // the second leaves the 16-byte road
					a, b := d.normal(n), d.normal(n)
					out := d.space(n*f.size, shift)
					d.run("elementwise", op.name+"_"+f.name, dim{2}, dim{256}, out, f.put(d, a, shift), f.put(d, b), uint64(n))
					x, y := f.round(a), f.round(b)
					for i, got := range f.get(d, out, n) {
						require.Equal(t, f.storeRound(op.f(x[i], y[i])), got, "%s %s [%d] of %d, shift %d", op.name, f.name, i, n, shift)
					}
					d.run("elementwise", op.name+"_scalar_"+f.name, dim{1}, dim{256}, out, f.put(d, a, shift), uint64(n), scalar(f, 0.75), uint32(1))
					for i, got := range f.get(d, out, n) {
						require.Equal(t, f.storeRound(op.f(0.75, x[i])), got, "0.75 %s x, %s [%d]", op.name, f.name, i)
					}
				}
			}
		}
	}
}

// scalar is a number as a kernel on f takes it: f32, or f64 for f64.
func scalar(f format, x float64) any {
	if f.size == 8 {
		return x
	}
	return float32(x)
}

func TestBinarySpecials(t *testing.T) {
	d := newDevice(t)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	a := []float32{nan, 1, 2, -inf, 0, 1}
	b := []float32{1, nan, inf, 5, 0, 0}
	out := d.space(24)
	d.run("elementwise", "min_f32", dim{}, dim{256}, out, d.up(a), d.up(b), uint64(6))
	got := f32.get(d, out, 6)
	require.True(t, math.IsNaN(got[0]) && math.IsNaN(got[1]))
	require.Equal(t, []float64{2, math.Inf(-1), 0, 0}, got[2:])
	d.run("elementwise", "div_f32", dim{}, dim{256}, out, d.up(a), d.up(b), uint64(6))
	require.True(t, math.IsInf(f32.get(d, out, 6)[5], 1))
}

func TestBinaryRows(t *testing.T) {
	d := newDevice(t)
	const rows, cols = 5, 300
	a := d.normal(rows * cols)
	for _, b := range []struct {
		name     string
		row, col int64
		n        int
	}{{"row", 0, 1, cols}, {"column", 1, 0, rows}, {"scalar", 0, 0, 1}, {"transposed", 1, rows, rows * cols}} {
		v := d.normal(b.n)
		out := d.space(4 * rows * cols)
		d.run("elementwise", "binary_rows_f32", dim{2, 3}, dim{256}, out, d.up(a), d.up(v), uint32(rows), uint32(cols),
			int64(cols), int64(1), b.row, b.col, uint32(1))
		for i, got := range down[float32](d, out, rows*cols) {
			r, c := int64(i/cols), int64(i%cols)
			require.Equal(t, a[i]-v[r*b.row+c*b.col], got, b.name)
		}
	}
}

func TestBinaryStrided(t *testing.T) {
	d := newDevice(t)
	dims := []int{2, 3, 1, 2, 5, 4}
	n := 240
	a, b := d.normal(n), d.normal(60)
	// a is read with its axes reversed, b is broadcast over the first and the fourth.
	sa := []int{1, 2, 6, 6, 12, 60}
	sb := []int{0, 20, 0, 0, 4, 1}
	so := []int{120, 40, 40, 20, 4, 1}
	out := d.space(4 * n)
	d.run("elementwise", "binary_strided_f32", dim{1}, dim{128}, out, d.up(a), d.up(b), uint32(n), d.layout(dims, so, sa, sb), uint32(2))
	for i, got := range down[float32](d, out, n) {
		at := [2]int{}
		rest := i
		for x := 5; x >= 0; x-- {
			at[0] += rest % dims[x] * sa[x]
			at[1] += rest % dims[x] * sb[x]
			rest /= dims[x]
		}
		require.Equal(t, a[at[0]]*b[at[1]], got, "element %d", i)
	}
}

func TestIntegers(t *testing.T) {
	d := newDevice(t)
	a := []int32{7, -7, math.MinInt32, 5, 1, -1, 1 << 30, -8}
	b := []int32{2, 2, -1, 0, 31, 40, 2, -1}
	want := map[uint32][]int32{
		0:  {9, -5, math.MaxInt32, 5, 32, 39, 1<<30 + 2, -9},
		3:  {3, -3, math.MinInt32, 0, 0, 0, 1 << 29, 8},
		4:  {2, -7, math.MinInt32, 0, 1, -1, 2, -8},
		7:  {2, 0, math.MinInt32, 0, 1, 40, 0, -8},
		10: {28, -28, 0, 5, math.MinInt32, 0, 0, 0},
		11: {1, -2, 0, 5, 0, -1, 1 << 28, 0},
	}
	out := d.space(32)
	for op, w := range want {
		d.run("elementwise", "binary_strided_i32", dim{}, dim{32}, out, d.up(a), d.up(b), uint32(8), uint64(0), op)
		require.Equal(t, w, down[int32](d, out, 8), "operator %d", op)
	}
	x := []int8{-128, 127, -1, 100}
	y := []int8{-1, 1, 3, 100}
	d.run("elementwise", "binary_strided_i8", dim{}, dim{32}, out, d.up(x), d.up(y), uint32(4), uint64(0), uint32(0))
	require.Equal(t, []int8{127, -128, 2, -56}, down[int8](d, out, 4))
	d.run("elementwise", "scalar_strided_u8", dim{}, dim{32}, out, d.up([]uint8{0, 1, 255}), uint32(3), uint64(0), int32(1), uint32(9), uint32(0))
	require.Equal(t, []uint8{1, 0, 254}, down[uint8](d, out, 3))
}

func TestAddScaled(t *testing.T) {
	for _, f := range floats {
		d := newDevice(t)
		a, b := d.normal(37), d.normal(37)
		out := d.space(37 * f.size)
		d.run("elementwise", "add_scaled_"+f.name, dim{}, dim{256}, out, f.put(d, a), f.put(d, b), f.put(d, []float32{0.3}), uint64(37), float32(-1))
		x, y, s := f.round(a), f.round(b), f.round([]float32{0.3})[0]
		for i, got := range f.get(d, out, 37) {
			product := -s * y[i]
			if f.size < 8 {
				product = float64(float32(product))
			}
			require.Equal(t, f.storeRound(x[i]+product), got, f.name)
		}
	}
}

var unaries = []struct {
	name string
	code uint32
	ulp  float64 // allowed for f32
	f    func(x float64) float64
	grad func(x float64) float64
	out  bool // the gradient takes f(x)
}{
	{"neg", 0, 0, func(x float64) float64 { return -x }, func(float64) float64 { return -1 }, false},
	{"abs", 1, 0, math.Abs, func(x float64) float64 { return math.Copysign(1, x) }, false},
	{"sign", 2, 0, func(x float64) float64 { return math.Copysign(1, x) }, func(float64) float64 { return 0 }, false},
	{"square", 3, 0.5, func(x float64) float64 { return x * x }, func(x float64) float64 { return 2 * x }, false},
	{"sqrt", 4, 0.5, math.Sqrt, func(x float64) float64 { return 0.5 / math.Sqrt(x) }, true},
	{"rsqrt", 5, 1.5, func(x float64) float64 { return 1 / math.Sqrt(x) }, func(x float64) float64 { return -0.5 * math.Pow(x, -1.5) }, true},
	{"reciprocal", 6, 0.5, func(x float64) float64 { return 1 / x }, func(x float64) float64 { return -1 / (x * x) }, true},
	{"floor", 7, 0, math.Floor, func(float64) float64 { return 0 }, false},
	{"ceil", 8, 0, math.Ceil, func(float64) float64 { return 0 }, false},
	{"round", 9, 0, math.RoundToEven, func(float64) float64 { return 0 }, false},
	{"trunc", 10, 0, math.Trunc, func(float64) float64 { return 0 }, false},
	{"exp", 11, 1, math.Exp, math.Exp, true},
	{"exp2", 12, 1, math.Exp2, func(x float64) float64 { return math.Exp2(x) * math.Ln2 }, true},
	{"expm1", 13, 1.5, math.Expm1, math.Exp, false},
	{"log", 14, 1, math.Log, func(x float64) float64 { return 1 / x }, false},
	{"log2", 15, 1.6, math.Log2, func(x float64) float64 { return 1 / (x * math.Ln2) }, false},
	{"log1p", 16, 1, math.Log1p, func(x float64) float64 { return 1 / (1 + x) }, false},
	{"sin", 17, 1.6, math.Sin, math.Cos, false},
	{"cos", 18, 1.6, math.Cos, func(x float64) float64 { return -math.Sin(x) }, false},
	{"tanh", 19, 1.4, math.Tanh, func(x float64) float64 { return 1 - math.Tanh(x)*math.Tanh(x) }, true},
	{"erf", 20, 1.1, math.Erf, func(x float64) float64 { return 2 / math.Sqrt(math.Pi) * math.Exp(-x*x) }, false},
	{"sigmoid", 21, 2.4, sigmoid, func(x float64) float64 { return sigmoid(x) * sigmoid(-x) }, true},
	{"relu", 22, 0, func(x float64) float64 { return max(x, 0) }, func(x float64) float64 { return max(0, math.Copysign(1, x)) }, true},
	{"silu", 23, 4, func(x float64) float64 { return x * sigmoid(x) },
		func(x float64) float64 { return sigmoid(x) * (1 + x*sigmoid(-x)) }, false},
	{"gelu", 24, 0, func(x float64) float64 { return x * phi(x) },
		func(x float64) float64 { return phi(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi) }, false},
	{"gelutanh", 25, 0, func(x float64) float64 { return x * sigmoid(2*geluU(x)) }, func(x float64) float64 {
		s := sigmoid(2 * geluU(x))
		return s + x*s*(1-s)*2*math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x)
	}, false},
	{"softplus", 26, 1.7, func(x float64) float64 { return math.Log1p(math.Exp(x)) }, sigmoid, false},
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
func phi(x float64) float64     { return math.Erfc(-x/math.Sqrt2) / 2 }
func geluU(x float64) float64   { return math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x) }

// ulp32 is the spacing of float32 at x.
func ulp32(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e-24, -149))
}

func TestUnary(t *testing.T) {
	const n = 1003
	for _, f := range []format{f32, f16, bf16} {
		d := newDevice(t)
		for _, u := range unaries {
			x := d.normal(n)
			for i := range x {
				x[i] *= 3
				if u.name == "sqrt" || u.name == "rsqrt" || u.name[:3] == "log" {
					x[i] = float32(math.Abs(float64(x[i]))) + 0.01
				}
			}
			v := f.round(x)
			tolerance := func(x, want float64) float64 {
				cancels := 0.0
				if u.name == "gelu" || u.name == "gelutanh" { // Φ is a difference for negative x: bounded by the size of x
					cancels = 3 * ulp32(x)
				}
				if f.size == 2 {
					return 1.1*f.upper*math.Abs(want) + 0x1p-22 + cancels
				}
				if cancels > 0 {
					return cancels + 4*ulp32(want)
				}
				return u.ulp * ulp32(want)
			}
			for _, shift := range []int{0, f.size} {
				out := d.space(n*f.size, shift)
				d.run("unary", u.name+"_"+f.name, dim{2}, dim{128}, out, f.put(d, x), uint64(n))
				flat := f.get(d, out, n)
				for i := range v {
					want := u.f(v[i])
					require.LessOrEqual(t, math.Abs(want-flat[i]), tolerance(v[i], want), "%s_%s(%v) = %v, want %v", u.name, f.name, v[i], flat[i], want)
				}
				d.run("unary", "unary_strided_"+f.name, dim{1}, dim{128}, out, f.put(d, x), uint32(n), uint64(0), u.code)
				require.Equal(t, flat, f.get(d, out, n), "%s: the road shows", u.name)
			}
		}
	}
}

func TestUnaryGrad(t *testing.T) {
	const n = 500
	d := newDevice(t)
	for _, u := range unaries {
		x, dy := d.normal(n), d.normal(n)
		v := make([]float32, n)
		for i := range x {
			if u.name == "sqrt" || u.name == "rsqrt" || u.name == "reciprocal" || u.name[:3] == "log" {
				x[i] = float32(math.Abs(float64(x[i]))) + 0.1
			}
			v[i] = x[i]
			if u.out {
				v[i] = float32(u.f(float64(x[i])))
			}
		}
		out := d.space(4 * n)
		d.run("unary", "unary_grad_f32", dim{1}, dim{128}, out, d.up(v), d.up(dy), uint64(n), u.code)
		got := f32.get(d, out, n)
		for i := range x {
			want := u.grad(float64(x[i])) * float64(dy[i])
			require.InDelta(t, want, got[i], 1e-6*(1+math.Abs(want))*(1+math.Abs(float64(dy[i]))), "%s at %v", u.name, x[i])
		}
	}
}

// The edges of the functions, and the long road of sin and cos.
func TestUnaryEdges(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	zero := math.Copysign(0, -1)
	cases := []struct {
		name    string
		x, want float64
	}{
		{"exp", inf, inf}, {"exp", -inf, 0}, {"exp", nan, nan}, {"exp", 88.8, inf}, {"exp", -103.5, 0x1p-149}, {"exp", zero, 1},
		{"exp2", 128, inf}, {"exp2", -149, 0x1p-149}, {"exp2", 127, 0x1p127}, {"expm1", zero, zero}, {"expm1", -inf, -1},
		{"log", 0, -inf}, {"log", zero, -inf}, {"log", -1, nan}, {"log", inf, inf}, {"log", 1, 0}, {"log2", 0x1p-149, -149},
		{"log1p", -1, -inf}, {"log1p", zero, zero}, {"log1p", -2, nan}, {"tanh", inf, 1}, {"tanh", zero, zero}, {"erf", -inf, -1},
		{"sigmoid", -inf, 0}, {"sigmoid", inf, 1}, {"sin", inf, nan}, {"sin", zero, zero}, {"cos", nan, nan}, {"softplus", -inf, 0},
		{"sqrt", -1, nan}, {"sign", nan, nan}, {"abs", zero, 0}, {"relu", nan, nan}, {"floor", -0.5, -1}, {"round", 2.5, 2},
	}
	d := newDevice(t)
	out := d.space(4)
	for _, c := range cases {
		d.run("unary", c.name+"_f32", dim{}, dim{32}, out, d.up([]float32{float32(c.x)}), uint64(1))
		got := f32.get(d, out, 1)[0]
		if math.IsNaN(c.want) {
			require.True(t, math.IsNaN(got), "%s(%v) = %v", c.name, c.x, got)
			continue
		}
		require.Equal(t, math.Float64bits(c.want), math.Float64bits(got), "%s(%v) = %v, want %v", c.name, c.x, got, c.want)
	}
	for _, x := range []float32{131072, 131073, 1e6, 1.5e10, 3e30, math.MaxFloat32, 16367173 * 0x1p72} {
		d.run("unary", "sin_f32", dim{}, dim{32}, out, d.up([]float32{x}), uint64(1))
		want := math.Sin(float64(x))
		require.InDelta(t, want, f32.get(d, out, 1)[0], 1.6*ulp32(want), "sin(%v)", x)
	}
}

func TestPow(t *testing.T) {
	d := newDevice(t)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 2, -2, 0.5, 3, -3, inf, -inf, nan, 1e-40, 1e38, 1 << 24, 2.5}
	var a, b []float32
	for _, x := range special {
		for _, y := range special {
			a, b = append(a, x), append(b, y)
		}
	}
	for range 500 {
		a, b = append(a, float32(d.rng.ExpFloat64())), append(b, float32(10*d.rng.NormFloat64()))
	}
	n := len(a)
	out := d.space(4 * n)
	d.run("elementwise", "binary_strided_f32", dim{1}, dim{256}, out, d.up(a), d.up(b), uint32(n), uint64(0), uint32(6))
	for i, got := range f32.get(d, out, n) {
		want := math.Pow(float64(a[i]), float64(b[i]))
		what := fmt.Sprintf("pow(%v, %v)", a[i], b[i])
		switch {
		case math.IsNaN(want):
			require.True(t, math.IsNaN(got), what)
		case math.IsInf(float64(float32(want)), 0):
			require.Equal(t, float64(float32(want)), got, what)
		default:
			require.InDelta(t, want, got, 0.51*ulp32(want), what)
		}
	}
}
