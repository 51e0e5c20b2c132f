package vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func gauss(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// closeTo compares with a float64 reference by the largest number in it.
func closeTo(t *testing.T, name string, want func(i int) float64, got []float32, units float64) {
	t.Helper()
	scale := 1e-6 // a row of one may have only zeros
	for i := range got {
		scale = max(scale, math.Abs(want(i)))
	}
	for i, y := range got {
		require.InDelta(t, want(i), float64(y), units*0x1p-24*scale, "%s, element %d of %d", name, i, len(got))
	}
}

func mean64(n int, f func(i int) float64) float64 {
	s, _ := exactSum(n, f)
	return s / float64(n)
}

// TestRows compares the rows of every variant with the formulas in float64.
func TestRows(t *testing.T) {
	for variant, f := range variants() {
		t.Run(variant, func(t *testing.T) {
			r := source(t)
			for _, n := range []int{1, 2, 7, 64, 100, 513, 4096} {
				softmaxRows(t, &f.F32, r, n)
				normRows(t, &f.F32, r, n)
			}
		})
	}
}

func softmaxRows(t *testing.T, f *Float[float32], r *rand.Rand, n int) {
	x, dy, y, dx, tmp := gauss(r, n), gauss(r, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for _, scale := range []float64{1, 0.125, -2} {
		at := func(i int) float64 { return scale * float64(x[i]) }
		sum, _ := exactSum(n, func(i int) float64 { return math.Exp(at(i)) })
		p := func(i int) float64 { return math.Exp(at(i)) / sum }
		f.Softmax(y, x, tmp, float32(scale))
		closeTo(t, "softmax", p, y, 40)
		inPlace := append([]float32(nil), x...)
		f.Softmax(inPlace, inPlace, inPlace, float32(scale))
		require.Equal(t, y, inPlace)

		dot, _ := exactSum(n, func(i int) float64 { return float64(y[i]) * float64(dy[i]) })
		f.SoftmaxGrad(dx, y, dy, float32(scale))
		g := func(i int) float64 { return scale * float64(y[i]) * (float64(dy[i]) - dot) }
		for i := range dx {
			require.InDelta(t, g(i), float64(dx[i]), 30*0x1p-24*math.Abs(scale)*4)
		}
	}
	sum, _ := exactSum(n, func(i int) float64 { return math.Exp(float64(x[i])) })
	require.InDelta(t, math.Log(sum), float64(f.LogSumExp(x)), 20*0x1p-24*max(1, math.Log(sum)))
	f.LogSoftmax(y, x)
	closeTo(t, "logsoftmax", func(i int) float64 { return float64(x[i]) - math.Log(sum) }, y, 30)
	require.Equal(t, -inf32, f.LogSumExp([]float32{-inf32, -inf32}))
	require.Equal(t, inf32, f.LogSumExp([]float32{1, inf32}))
}

func normRows(t *testing.T, f *Float[float32], r *rand.Rand, n int) {
	const eps, offset = 1e-5, 1
	x, w, b, dy := gauss(r, n), gauss(r, n), gauss(r, n), gauss(r, n)
	for i := range x {
		x[i] += 3
	}
	y, tmp := make([]float32, n), make([]float32, n)
	at := func(i int) float64 { return float64(x[i]) }

	s := 1 / math.Sqrt(mean64(n, func(i int) float64 { return at(i) * at(i) })+eps)
	rms := f.RMSNorm(y, x, w, eps, offset)
	require.InDelta(t, s, float64(rms), 30*0x1p-24*s)
	closeTo(t, "rmsnorm", func(i int) float64 { return at(i) * s * (offset + float64(w[i])) }, y, 30)
	g := func(i int) float64 { return float64(dy[i]) * (offset + float64(w[i])) }
	c := mean64(n, func(i int) float64 { return g(i) * at(i) * s })
	f.RMSNormGrad(y, x, w, dy, tmp, rms, offset)
	absolute(t, "rmsnorm.grad", func(i int) float64 { return s * (g(i) - at(i)*s*c) }, y, s)
	f.RMSNorm(y, x, nil, eps, 0)
	closeTo(t, "rmsnorm without weight", func(i int) float64 { return at(i) * s }, y, 30)

	m := mean64(n, at)
	s = 1 / math.Sqrt(mean64(n, func(i int) float64 { return (at(i) - m) * (at(i) - m) })+eps)
	xhat := func(i int) float64 { return (at(i) - m) * s }
	mean, rstd := f.LayerNorm(y, x, w, b, eps)
	absolute(t, "layernorm", func(i int) float64 { return xhat(i)*float64(w[i]) + float64(b[i]) }, y, s)
	g = func(i int) float64 { return float64(dy[i]) * float64(w[i]) }
	c1, c2 := mean64(n, g), mean64(n, func(i int) float64 { return g(i) * xhat(i) })
	f.LayerNormGrad(y, x, w, dy, tmp, mean, rstd)
	absolute(t, "layernorm.grad", func(i int) float64 { return s * (g(i) - c1 - xhat(i)*c2) }, y, s)
	f.LayerNormGrad(y, x, nil, dy, nil, mean, rstd)
	g = func(i int) float64 { return float64(dy[i]) }
	c1, c2 = mean64(n, g), mean64(n, func(i int) float64 { return g(i) * xhat(i) })
	absolute(t, "layernorm.grad without weight", func(i int) float64 { return s * (g(i) - c1 - xhat(i)*c2) }, y, s)

	dw := append([]float32(nil), b...)
	f.WeightGrad(dw, dy, x, mean, rstd)
	absolute(t, "weightgrad", func(i int) float64 { return float64(b[i]) + float64(dy[i])*xhat(i) }, dw, s)
}

// absolute allows for cancellation: inputs are of size 10, and a small variance multiplies an error of the mean by s and once more in s itself.
func absolute(t *testing.T, name string, want func(i int) float64, got []float32, s float64) {
	t.Helper()
	for i, y := range got {
		require.InDelta(t, want(i), float64(y), 0x1p-24*400*max(1, s*s), "%s, element %d of %d", name, i, len(got))
	}
}

// TestNoAllocation: rows run in steady loops.
func TestNoAllocation(t *testing.T) {
	for variant, f := range variants() {
		r := source(t)
		n := 1000
		x, w, dst, tmp := gauss(r, n), gauss(r, n), make([]float32, n), make([]float32, n)
		mask := make([]bool, n)
		at := Address{Seed: 1, Stream: 2, Step: 3}
		require.Zero(t, testing.AllocsPerRun(10, func() {
			f.F32.RMSNorm(dst, x, w, 1e-6, 0)
			f.F32.LayerNormGrad(dst, x, w, x, tmp, 0, 1)
			f.F32.Softmax(dst, x, tmp, 1)
			f.F32.LogSoftmax(dst, x)
			f.F32.Sin(dst, x)
			f.F32.SinGrad(dst, x, w)
			f.F32.ArgMax(x)
			f.Normal(dst, at, 5)
			f.Bernoulli(mask, at, 5, 0.5)
			f.Dropout(dst, x, at, 5, 0.5, 2)
			f.F32.Lt(mask, x, w)
			f.F32.Select(dst, mask, x, w)
		}), variant)
	}
}
