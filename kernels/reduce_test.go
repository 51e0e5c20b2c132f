package kernels_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

var reductions = []struct {
	name string
	code uint32
	f    func(x []float64) float64
}{
	{"sum", 0, func(x []float64) float64 { return foldl(x, 0, func(a, b float64) float64 { return a + b }) }},
	{"mean", 1, func(x []float64) float64 {
		return foldl(x, 0, func(a, b float64) float64 { return a + b }) / float64(len(x))
	}},
	{"max", 3, func(x []float64) float64 { return foldl(x, math.Inf(-1), math.Max) }},
	{"min", 4, func(x []float64) float64 { return foldl(x, math.Inf(1), math.Min) }},
	{"norm1", 6, func(x []float64) float64 { return foldl(x, 0, func(a, b float64) float64 { return a + math.Abs(b) }) }},
	{"norm2", 7, func(x []float64) float64 {
		return math.Sqrt(foldl(x, 0, func(a, b float64) float64 { return a + b*b }))
	}},
	{"squares", 8, func(x []float64) float64 { return foldl(x, 0, func(a, b float64) float64 { return a + b*b }) }},
}

func foldl(x []float64, a float64, f func(a, b float64) float64) float64 {
	for _, b := range x {
		a = f(a, b)
	}
	return a
}

// Whole numbers make every road exact, up to the last division, root and rounding.
func TestReduceRows(t *testing.T) {
	for _, f := range floats {
		d := newDevice(t)
		for _, size := range [][2]int{{1, 1}, {3, 7}, {10, 1000}, {2, 1029}, {2, 16384 + 16384 + 5}} {
			rows, n := size[0], size[1]
			x := d.integers(rows * n)
			at := f.put(d, x)
			for _, r := range reductions {
				out := d.space(rows * f.size)
				if n <= 16384 {
					name, grid := teams(rows, n, 1024)
					d.run("reduce", "reduce_rows"+name+"_"+f.name, grid, dim{256}, out, at, uint64(rows), uint32(n), r.code)
				} else {
					count := ceilDiv(n, 16384)
					parts := d.space(rows * count * max(f.size, 4))
					d.run("reduce", "reduce_parts_"+f.name, dim{count, rows}, dim{256}, parts, at, uint64(n), r.code)
					d.run("reduce", "reduce_rows_finish_"+f.name, dim{rows}, dim{256}, out, parts, uint64(rows), uint32(count), uint64(n), r.code)
				}
				got := f.get(d, out, rows)
				for i := range rows {
					want := f.storeRound(r.f(values(x[i*n:i*n+n], func(v float32) float64 { return float64(v) })))
					require.InDelta(t, want, got[i], 2*f.upper*math.Abs(want), "%s of %d, %s", r.name, n, f.name)
				}
			}
		}
	}
}

func TestReduceColumns(t *testing.T) {
	for _, f := range floats {
		d := newDevice(t)
		for _, size := range [][3]int{{1, 1, 1}, {2, 7, 300}, {1, 200, 5}} {
			outer, n, inner := size[0], size[1], size[2]
			x := d.integers(outer * n * inner)
			at := f.put(d, x)
			for _, r := range reductions {
				count := ceilDiv(n, 64)
				direct, out := d.space(outer*inner*f.size), d.space(outer*inner*f.size)
				parts := d.space(outer * count * inner * max(f.size, 4))
				blocks := ceilDiv(inner, 256)
				d.run("reduce", "reduce_columns_"+f.name, dim{blocks, 1, outer}, dim{256}, direct, at, uint64(n), uint32(inner), r.code)
				d.run("reduce", "reduce_columns_parts_"+f.name, dim{blocks, count, outer}, dim{256}, parts, at, uint64(n), uint32(inner), r.code)
				d.run("reduce", "reduce_columns_finish_"+f.name, dim{blocks, 1, outer}, dim{256}, out, parts, uint32(count), uint32(inner), uint64(n), r.code)
				got := f.get(d, direct, outer*inner)
				require.Equal(t, got, f.get(d, out, outer*inner), "%s: parts", r.name)
				for i := range got {
					column := make([]float64, n)
					for k := range n {
						column[k] = float64(x[(i/inner*n+k)*inner+i%inner])
					}
					want := f.storeRound(r.f(column))
					require.InDelta(t, want, got[i], 2*f.upper*math.Abs(want), "%s, %s", r.name, f.name)
				}
			}
		}
	}
}

func TestReduceIntegers(t *testing.T) {
	d := newDevice(t)
	x := []int8{100, 100, -3, 7, -128, 1}
	out := d.space(16)
	for code, want := range map[uint32]int8{0: 77, 2: 0, 3: 100, 4: -128} {
		d.run("reduce", "reduce_rows_warp_i8", dim{1}, dim{256}, out, d.up(x), uint64(1), uint32(6), code)
		require.Equal(t, want, down[int8](d, out, 1)[0], "code %d", code)
	}
	y := []int64{math.MaxInt64, 1, -5}
	for code, want := range map[uint32]int64{0: math.MaxInt64 - 4, 3: math.MaxInt64, 4: -5} {
		d.run("reduce", "reduce_rows_i64", dim{1}, dim{256}, out, d.up(y), uint64(1), uint32(3), code)
		require.Equal(t, want, down[int64](d, out, 1)[0], "code %d", code)
	}
}

func TestLogSumExp(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, f := range []format{f32, f16, bf16} {
		d := newDevice(t)
		for _, n := range []int{1, 37, 2000} {
			x := d.normal(2 * n)
			out := d.space(2 * f.size)
			for _, name := range []string{"logsumexp_", "logsumexp_warp_"} {
				d.run("reduce", name+f.name, dim{2}, dim{256}, out, f.put(d, x), uint64(2), uint32(n))
				v := f.round(x)
				for r, got := range f.get(d, out, 2) {
					want := math.Log(foldl(v[r*n:r*n+n], 0, func(a, b float64) float64 { return a + math.Exp(b) }))
					require.InDelta(t, want, got, f.upper*math.Abs(want)+1e-5)
				}
			}
		}
	}
	d := newDevice(t)
	out := d.space(8)
	d.run("reduce", "logsumexp_f32", dim{2}, dim{256}, out, d.up([]float32{-inf, -inf, inf, 0}), uint64(2), uint32(2))
	require.Equal(t, []float32{-inf, inf}, down[float32](d, out, 2))
}

func TestArg(t *testing.T) {
	d := newDevice(t)
	nan := float32(math.NaN())
	out := d.space(16)
	x := []float32{1, 3, 3, -1, 0, nan, 9, nan}
	d.run("reduce", "argmax_f32", dim{2}, dim{256}, out, d.up(x), uint64(2), uint32(4))
	require.Equal(t, []int32{1, 1}, down[int32](d, out, 2))
	d.run("reduce", "argmin_f32", dim{2}, dim{256}, out, d.up(x), uint64(2), uint32(4))
	require.Equal(t, []int32{3, 1}, down[int32](d, out, 2))
	const n = 5001
	y := d.integers(n) // many equal ones: the first wins
	for name, sign := range map[string]float32{"argmax_": 1, "argmin_": -1} {
		want := 0
		for i := range y {
			if sign*y[i] > sign*y[want] {
				want = i
			}
		}
		for _, f := range floats {
			d.run("reduce", name+f.name, dim{1}, dim{256}, out, f.put(d, y), uint64(1), uint32(n))
			require.EqualValues(t, want, down[int32](d, out, 1)[0], name+f.name)
		}
	}
}
