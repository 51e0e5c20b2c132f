package vec

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHalfFormats goes through all numbers of a 16-bit format: widening and rounding are inverse, and between two neighbours the halfway point
// goes to the even one and everything else to the nearer.
func TestHalfFormats(t *testing.T) {
	for _, f := range []struct {
		name      string
		widen     func(uint16) float32
		round     func(float32) uint16
		round64   func(float64) uint16
		inf       uint16
		overflows float64
	}{
		{"f16", F16ToF32, F32ToF16, F64ToF16, 0x7c00, 65520},
		{"bf16", BF16ToF32, F32ToBF16, F64ToBF16, 0x7f80, 0x1.ffp127},
	} {
		t.Run(f.name, func(t *testing.T) {
			for h := range uint32(1 << 16) {
				x, h := f.widen(uint16(h)), uint16(h)
				if x != x {
					require.NotEqual(t, f.round(x), f.round(x)&f.inf, "a NaN became %#x", f.round(x))
					require.True(t, f.widen(f.round(x)) != f.widen(f.round(x)))
					continue
				}
				require.Equal(t, h, f.round(x), "%v", x)
				require.Equal(t, h, f.round64(float64(x)), "%v", x)
			}
			for h := uint16(0); h < f.inf; h++ {
				low, high := float64(f.widen(h)), float64(f.widen(h+1))
				if h+1 == f.inf {
					high = 2*f.overflows - low
				}
				mid := (low + high) / 2
				even := h + h&1
				for _, sign := range []float64{1, -1} {
					s := uint16(0)
					if sign < 0 {
						s = 0x8000
					}
					require.Equal(t, s|even, f.round64(sign*mid), "halfway %v", mid)
					require.Equal(t, s|h, f.round64(sign*math.Nextafter(mid, 0)), "below %v", mid)
					require.Equal(t, s|(h+1), f.round64(sign*math.Nextafter(mid, math.Inf(1))), "above %v", mid)
					if m := float32(mid); float64(m) == mid {
						require.Equal(t, s|even, f.round(float32(sign)*m))
						require.Equal(t, s|h, f.round(float32(sign)*math.Nextafter32(m, 0)))
						require.Equal(t, s|(h+1), f.round(float32(sign)*math.Nextafter32(m, inf32)))
					}
				}
			}
		})
	}
}

// TestHalfSlices holds the loops of every variant to the scalar functions on all bit patterns.
func TestHalfSlices(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	for variant, f := range variants() {
		wide, back := make([]float32, len(all)), make([]uint16, len(all))
		f.F32FromF16(wide, all)
		f.F16FromF32(back, wide)
		for i, h := range all {
			require.Equal(t, math.Float32bits(F16ToF32(h)), math.Float32bits(wide[i]), "%s: %#x", variant, h)
			require.Equal(t, F32ToF16(wide[i]), back[i], "%s: %#x", variant, h)
		}
		f.F32FromBF16(wide, all)
		f.BF16FromF32(back, wide)
		for i, h := range all {
			require.Equal(t, math.Float32bits(BF16ToF32(h)), math.Float32bits(wide[i]), "%s: %#x", variant, h)
			require.Equal(t, F32ToBF16(wide[i]), back[i], "%s: %#x", variant, h)
		}
	}
}

func TestToInt(t *testing.T) {
	for _, c := range []struct {
		x   float64
		i8  int8
		u8  uint8
		i32 int32
		i64 int64
	}{
		{math.NaN(), 0, 0, 0, 0},
		{math.Inf(1), 127, 255, math.MaxInt32, math.MaxInt64},
		{math.Inf(-1), -128, 0, math.MinInt32, math.MinInt64},
		{2.9, 2, 2, 2, 2}, {-2.9, -2, 0, -2, -2}, {-0.5, 0, 0, 0, 0},
		{127.9, 127, 127, 127, 127}, {-128.9, -128, 0, -128, -128}, {255.9, 127, 255, 255, 255},
		{2147483647.5, 127, 255, math.MaxInt32, 2147483647}, {-2147483648.5, -128, 0, math.MinInt32, -2147483648},
		{0x1p63, 127, 255, math.MaxInt32, math.MaxInt64}, {-0x1p63, -128, 0, math.MinInt32, math.MinInt64}, {0x1p62, 127, 255, math.MaxInt32, 1 << 62},
	} {
		require.Equal(t, c.i8, ToInt[int8](c.x), "%v", c.x)
		require.Equal(t, c.u8, ToInt[uint8](c.x), "%v", c.x)
		require.Equal(t, c.i32, ToInt[int32](c.x), "%v", c.x)
		require.Equal(t, c.i64, ToInt[int64](c.x), "%v", c.x)
		if x := float32(c.x); float64(x) == c.x {
			require.Equal(t, c.i64, ToInt[int64](x), "%v", x)
		}
	}
}

// TestIntToBF16 has integers that two roundings, by way of float64, bring to the wrong side.
func TestIntToBF16(t *testing.T) {
	got := make([]uint16, 1)
	for _, shift := range []int{46, 50, 54} {
		mid := int64(0x101) << shift // halfway between two bfloat16: the lower one is even
		for _, c := range []struct {
			x    int64
			want float32
		}{
			{mid, float32(int64(0x100) << shift)}, {mid + 1, float32(int64(0x102) << shift)}, {mid - 1, float32(int64(0x100) << shift)},
		} {
			for _, sign := range []int64{1, -1} {
				BF16FromInt(got, []int64{sign * c.x})
				require.Equal(t, float32(sign)*c.want, BF16ToF32(got[0]), "%d", sign*c.x)
			}
		}
	}
	BF16FromInt(got, []int64{math.MinInt64})
	require.Equal(t, float32(-0x1p63), BF16ToF32(got[0]))
	F16FromInt(got, []int64{65519})
	require.Equal(t, uint16(0x7bff), got[0])
	F16FromInt(got, []int64{-1 << 62})
	require.Equal(t, uint16(0xfc00), got[0])
}

func TestSmallConversions(t *testing.T) {
	i8 := make([]int8, 3)
	IntFromInt(i8, []int32{300, -1, 128})
	require.Equal(t, []int8{44, -1, -128}, i8)
	b := make([]bool, 4)
	BoolFrom(b, []float32{0, float32(math.Copysign(0, -1)), nan32, 1e-45})
	require.Equal(t, []bool{false, false, true, true}, b)
	f := make([]float64, 4)
	FromBool(f, b)
	require.Equal(t, []float64{0, 0, 1, 1}, f)
	f32 := make([]float32, 2)
	RealFromInt(f32, []int64{1<<24 + 1, -(1<<24 + 3)})
	require.Equal(t, []float32{1 << 24, -(1<<24 + 4)}, f32)
	IntFromReal(i8, []float32{1.9, -300, nan32})
	require.Equal(t, []int8{1, -128, 0}, i8)
}
