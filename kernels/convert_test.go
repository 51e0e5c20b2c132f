package kernels_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFill(t *testing.T) {
	d := newDevice(t)
	for _, n := range []int{1, 4, 37, 1000} {
		for _, shift := range []int{0, 4} {
			out := d.space(4*n, shift)
			d.run("convert", "fill_b32", dim{1}, dim{256}, out, uint64(n), uint32(0xDEADBEEF))
			for _, got := range down[uint32](d, out, n) {
				require.Equal(t, uint32(0xDEADBEEF), got)
			}
		}
		out := d.space(n)
		d.run("convert", "fill_b8", dim{1}, dim{256}, out, uint64(n), uint8(7))
		require.NotContains(t, down[uint8](d, out, n), uint8(0))
	}
}

func TestCopyStrided(t *testing.T) {
	d := newDevice(t)
	x := make([]uint16, 60)
	for i := range x {
		x[i] = uint16(i)
	}
	out := d.space(120)
	d.run("convert", "copy_strided_b16", dim{1}, dim{32}, out, d.up(x), uint32(60), d.layout([]int{5, 3, 4}, []int{12, 4, 1}, []int{4, 20, 1}))
	for i, got := range down[uint16](d, out, 60) {
		require.EqualValues(t, i/12*4+i/4%3*20+i%4, got)
	}
}

func TestTranspose(t *testing.T) {
	d := newDevice(t)
	for _, size := range [][2]int{{1, 1}, {32, 32}, {33, 70}, {5, 64}} {
		rows, cols := size[0], size[1]
		const batch = 2
		x := make([]uint64, batch*rows*cols)
		for i := range x {
			x[i] = d.rng.Uint64()
		}
		out := d.space(8 * len(x))
		d.run("convert", "transpose_b64", dim{ceilDiv(cols, 32), ceilDiv(rows, 32), batch}, dim{32, 8}, out, d.up(x), uint32(rows), uint32(cols),
			uint64(rows), uint64(cols), uint64(rows*cols), uint64(rows*cols))
		for i, got := range down[uint64](d, out, len(x)) {
			z, c, r := i/(rows*cols), i/rows%cols, i%rows
			require.Equal(t, x[z*rows*cols+r*cols+c], got)
		}
	}
}

// castSources are float64 values that show every rounding and saturation.
var castSources = []float64{0, math.Copysign(0, -1), 1, -1, 1.5, -2.5, 127.4, 127.9, 128, -128.9, -129, 255.5, 256, 300, 65504, 65519.99, 65520, 1e5,
	2147483647, 2147483648, -2147483649, 1e10, 9.3e18, -9.3e18, 1e40, 1 + 0x1p-11, 1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-45, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-50,
	0x1p-24, 0x1p-25, 0x1.8p-25, 6.1e-5, 1e-40, 0x1p-149, 1e-300, math.Inf(1), math.Inf(-1), math.NaN()}

func saturate(x float64, bits uint, signed bool) int64 {
	low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), bits)
	if signed {
		high.Rsh(high, 1)
		low.Neg(high)
	}
	high.Sub(high, big.NewInt(1))
	switch {
	case math.IsNaN(x):
		return 0
	case math.IsInf(x, 1):
		return high.Int64()
	case math.IsInf(x, -1):
		return low.Int64()
	}
	v, _ := big.NewFloat(x).Int(nil)
	if v.Cmp(low) < 0 {
		v = low
	}
	if v.Cmp(high) > 0 {
		v = high
	}
	return v.Int64()
}

func TestCastFromF64(t *testing.T) {
	d := newDevice(t)
	n := len(castSources)
	x := d.up(castSources)
	out := d.space(8 * n)
	cast := func(to string) { d.run("convert", "cast_f64_"+to, dim{1}, dim{32}, out, x, uint64(n)) }
	same := func(want, got float64, to string) {
		if math.IsNaN(want) {
			require.True(t, math.IsNaN(got), to)
			return
		}
		require.Equal(t, math.Float64bits(want), math.Float64bits(got), "to %s: got %v, want %v", to, got, want)
	}
	cast("f32")
	for i, got := range f32.get(d, out, n) {
		same(float64(float32(castSources[i])), got, "f32")
	}
	cast("f16")
	for i, got := range f16.get(d, out, n) {
		same(f16value(f16bits(castSources[i])), got, "f16")
	}
	cast("bf16")
	for i, got := range bf16.get(d, out, n) {
		same(roundTo(castSources[i], 8, -126, 127), got, "bf16")
	}
	cast("i32")
	for i, got := range down[int32](d, out, n) {
		require.EqualValues(t, saturate(castSources[i], 32, true), got, "%v to i32", castSources[i])
	}
	cast("i64")
	for i, got := range down[int64](d, out, n) {
		require.Equal(t, saturate(castSources[i], 64, true), got, "%v to i64", castSources[i])
	}
	cast("i8")
	for i, got := range down[int8](d, out, n) {
		require.EqualValues(t, saturate(castSources[i], 8, true), got, "%v to i8", castSources[i])
	}
	cast("u8")
	for i, got := range down[uint8](d, out, n) {
		require.EqualValues(t, saturate(castSources[i], 8, false), got, "%v to u8", castSources[i])
	}
	cast("bool")
	for i, got := range down[uint8](d, out, n) {
		require.Equal(t, castSources[i] != 0, got == 1, "%v to bool", castSources[i])
	}
}

func TestCastHalves(t *testing.T) {
	d := newDevice(t)
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	x := d.up(all)
	out := d.space(4 << 16)
	for name, value := range map[string]func(uint16) float64{"f16": f16value, "bf16": bf16value} {
		d.run("convert", "cast_"+name+"_f32", dim{8}, dim{256}, out, x, uint64(1<<16))
		for i, got := range f32.get(d, out, 1<<16) {
			if want := value(uint16(i)); want == want || got == got {
				require.Equal(t, want, got, "%s %#x", name, i)
			}
		}
	}
}

func TestCastIntegers(t *testing.T) {
	d := newDevice(t)
	v := []int64{0, 1, -1, 255, 256, -129, 1<<31 + 5, 1<<24 + 1, 1<<53 + 1, 1<<40 + 1<<32 + 1, math.MaxInt64, math.MinInt64, 257, 259}
	n := len(v)
	x := d.up(v)
	out := d.space(8 * n)
	cast := func(to string) { d.run("convert", "cast_i64_"+to, dim{1}, dim{32}, out, x, uint64(n)) }
	cast("i8")
	for i, got := range down[int8](d, out, n) {
		require.Equal(t, int8(v[i]), got)
	}
	cast("i32")
	for i, got := range down[int32](d, out, n) {
		require.Equal(t, int32(v[i]), got)
	}
	cast("f32")
	for i, got := range down[float32](d, out, n) {
		require.Equal(t, float32(v[i]), got)
	}
	cast("f64")
	require.Equal(t, values(v, func(x int64) float64 { return float64(x) }), down[float64](d, out, n))
	cast("bf16")
	for i, got := range bf16.get(d, out, n) {
		want, _ := new(big.Float).SetPrec(8).SetInt64(v[i]).Float64()
		require.Equal(t, want, got, "%d to bf16", v[i])
	}
	d.run("convert", "cast_u8_bool", dim{1}, dim{32}, out, d.up([]uint8{0, 1, 2, 255}), uint64(4))
	require.Equal(t, []uint8{0, 1, 1, 1}, down[uint8](d, out, 4))
}
