package vec

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
)

// exactSum adds in float64 with compensation.
func exactSum(n int, term func(i int) float64) (sum, scale float64) {
	var c float64
	for i := range n {
		y := term(i) - c
		s := sum + y
		c = s - sum - y
		sum = s
		scale += math.Abs(term(i))
	}
	return sum, scale
}

// TestSumError holds the sums to the bound of their order, on zero-mean, one-signed and constant rows. A row of 0.1 makes the errors of every
// addition point the same way.
func TestSumError(t *testing.T) {
	r := source(t)
	for variant, f := range variants() {
		for _, n := range []int{1, 31, 256, 1000, 4096, 100_003, 1 << 20} {
			if f.Level == isa.Generic && n > 200_000 {
				continue
			}
			for _, kind := range []func() float64{r.NormFloat64, r.Float64, func() float64 { return 0.1 }} {
				x, y := make([]float32, n), make([]float32, n)
				for i := range x {
					x[i], y[i] = float32(kind()), float32(kind())
				}
				at := func(i int) float64 { return float64(x[i]) }
				levels := 13 + math.Max(0, math.Log2(float64(n)/256))
				check := func(name string, got float32, extra float64, term func(i int) float64) {
					want, scale := exactSum(n, term)
					require.InDelta(t, want, float64(got), (levels+extra)*0x1p-24*scale, "%s, %s of %d", variant, name, n)
				}
				check("sum", f.F32.Sum(x), 0, at)
				check("sumabs", f.F32.SumAbs(x), 0, func(i int) float64 { return math.Abs(at(i)) })
				check("sumsq", f.F32.SumSq(x), 0, func(i int) float64 { return at(i) * at(i) })
				check("dot", f.F32.Dot(x, y), 0, func(i int) float64 { return at(i) * float64(y[i]) })
				check("dot3", f.F32.Dot3(x, y, x), 1, func(i int) float64 { return at(i) * float64(y[i]) * at(i) })
				check("sumsqdev", f.F32.SumSqDev(x, 0.25), 2, func(i int) float64 { return (at(i) - 0.25) * (at(i) - 0.25) })
			}
		}
	}
}

// TestSumOrder checks the documented order on a case where only it gives this result: one large number absorbs all that joins its chain.
func TestSumOrder(t *testing.T) {
	for variant, f := range variants() {
		x := make([]float32, 512)
		x[0], x[1] = 1<<24, 1
		require.Equal(t, float32(1<<24), f.F32.Sum(x), variant) // lane 0 and lane 1 meet at last: 2^24 + 1 rounds to even
		x[9] = 1
		require.Equal(t, float32(1<<24+2), f.F32.Sum(x), variant) // 1 and 9 meet before
		x[9], x[32] = 0, 1
		require.Equal(t, float32(1<<24), f.F32.Sum(x), variant) // element 32 is in the chain of element 0
	}
}

func TestExtremes(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	for variant, f := range variants() {
		for n := 1; n < 70; n++ {
			for at := range n {
				x := make([]float32, n)
				for i := range x {
					x[i] = negZero
				}
				x[at] = 0
				require.Equal(t, uint32(0), math.Float32bits(f.F32.MaxOf(x)), "%s, max of zeros", variant)
				require.Equal(t, uint32(1<<31), math.Float32bits(f.F32.MinOf(append(x, negZero))), "%s, min of zeros", variant)
				require.Zero(t, f.F32.ArgMax(x), "equal zeros: the lowest index")
				x[at] = 5
				require.Equal(t, at, f.F32.ArgMax(x), variant)
				require.Equal(t, x[at], f.F32.peak(x), variant)
				x[at] = -5
				require.Equal(t, at, f.F32.ArgMin(x), variant)
				require.Equal(t, x[at], f.F32.trough(x), variant)
				x[at] = nan32
				require.Equal(t, at, f.F32.ArgMax(x), variant)
				require.Equal(t, at, f.F32.ArgMin(x), variant)
				require.True(t, math.IsNaN(float64(f.F32.MaxOf(x))), variant)
				require.True(t, math.IsNaN(float64(f.F32.MinOf(x))), variant)
			}
		}
		require.Equal(t, -1, f.F32.ArgMax(nil))
		require.Equal(t, -inf32, f.F32.MaxOf(nil))
		require.Equal(t, math.Inf(1), f.F64.MinOf(nil))
		require.Equal(t, 2, f.F32.ArgMax([]float32{1, 2, 3, 3, nan32}[:4]))
	}
}

func TestIntegers(t *testing.T) {
	f := For(isa.Generic)
	a, b := []int8{-128, 127, 5, -7, 1, 1, -1}, []int8{-1, 1, 0, 2, 9, -3, 8}
	dst := make([]int8, len(a))
	f.I8.Div(dst, a, b)
	require.Equal(t, []int8{-128, 127, 0, -3, 0, 0, 0}, dst)
	f.I8.Shl(dst, a, b)
	require.Equal(t, []int8{0, -2, 5, -28, 0, 0, 0}, dst)
	f.I8.Shr(dst, a, b)
	require.Equal(t, []int8{0, 63, 5, -2, 0, 0, -1}, dst)
	f.I8.Sign(dst, a)
	require.Equal(t, []int8{-1, 1, 1, -1, 1, 1, -1}, dst)
	f.I8.Abs(dst, a)
	require.Equal(t, []int8{-128, 127, 5, 7, 1, 1, 1}, dst)
	require.Equal(t, int8(-128), f.I8.MaxOf(nil))
	require.Equal(t, uint8(255), f.U8.MinOf(nil))
	require.Equal(t, int64(3*200), f.U8.Sum([]uint8{200, 200, 200}))
	require.Equal(t, int64(24), f.I64.Prod([]int64{1, 2, 3, 4}))
	require.Equal(t, 1, f.I32.ArgMax([]int32{1, 7, 7}))
}
