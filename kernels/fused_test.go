package kernels_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompareWhereClamp(t *testing.T) {
	d := newDevice(t)
	nan := float32(math.NaN())
	a, b := []float32{1, 2, 3, nan}, []float32{2, 2, 2, nan}
	out := d.space(64)
	for relation, want := range [][]uint8{{0, 1, 0, 0}, {1, 0, 1, 1}, {1, 0, 0, 0}, {1, 1, 0, 0}, {0, 0, 1, 0}, {0, 1, 1, 0}} {
		d.run("select", "compare_strided_f32", dim{1}, dim{32}, out, d.up(a), d.up(b), uint32(4), uint64(0), uint32(relation))
		require.Equal(t, want, down[uint8](d, out, 4), "relation %d", relation)
	}
	// b is a column [2,1] against a [2,2].
	d.run("select", "compare_strided_i8", dim{1}, dim{32}, out, d.up([]int8{-1, 2, 3, -4}), d.up([]int8{0, 3}), uint32(4),
		d.layout([]int{2, 2}, []int{2, 1}, []int{2, 1}, []int{1, 0}), uint32(2))
	require.Equal(t, []uint8{1, 0, 0, 1}, down[uint8](d, out, 4))

	// cond [2,1], a [2,3], b [3].
	layout := d.layout([]int{2, 3}, []int{3, 1}, []int{1, 0}, []int{3, 1})
	more := down[uint8](d, layout, 176)
	more = append(more, make([]byte, 48)...)
	more[176+5*8] = 1 // the fourth operand's innermost stride
	d.run("select", "where_strided_b32", dim{1}, dim{32}, out, d.up([]uint8{0, 1}), d.up([]uint32{1, 2, 3, 4, 5, 6}), d.up([]uint32{7, 8, 9}), uint32(6), d.up(more))
	require.Equal(t, []uint32{7, 8, 9, 4, 5, 6}, down[uint32](d, out, 6))

	d.run("select", "clamp_f32", dim{1}, dim{32}, out, d.up([]float32{-5, 0.5, 7, nan, 1}), uint64(5), float32(-1), float32(1))
	got := down[float32](d, out, 5)
	require.Equal(t, []float32{-1, 0.5, 1}, got[:3])
	require.True(t, got[3] != got[3])
	d.run("select", "clamp_u8", dim{1}, dim{32}, out, d.up([]uint8{0, 100, 255}), uint64(3), int32(3), int32(200))
	require.Equal(t, []uint8{3, 100, 200}, down[uint8](d, out, 3))
}

func TestIota(t *testing.T) {
	d := newDevice(t)
	out := d.space(8 * 300)
	d.run("convert", "iota_i32", dim{1}, dim{256}, out, uint64(300), 5.0, -2.0)
	for i, got := range down[int32](d, out, 300) {
		require.EqualValues(t, 5-2*i, got)
	}
	d.run("convert", "iota_f64", dim{1}, dim{256}, out, uint64(300), 0.1, 0.3)
	for i, got := range down[float64](d, out, 300) {
		require.Equal(t, 0.1+float64(float64(i)*0.3), got)
	}
}

func TestSwiGLU(t *testing.T) {
	const n = 301
	for _, f := range []format{f32, f16, bf16} {
		for _, limit := range []float64{0, 0.5} {
			d := newDevice(t)
			gate, up, dy := d.normal(n), d.normal(n), d.normal(n)
			out, other := d.space(n*f.size), d.space(n*f.size)
			ga, ua := f.put(d, gate), f.put(d, up)
			g, u, dys := f.round(gate), f.round(up), f.round(dy)
			cut := func(x, low float64) float64 {
				if limit > 0 {
					return min(max(x, low), limit)
				}
				return x
			}
			d.run("fused", "swiglu_"+f.name, dim{1}, dim{256}, out, ga, ua, uint64(n), float32(limit))
			for i, got := range f.get(d, out, n) {
				want := cut(g[i]*sigmoid(g[i]), math.Inf(-1)) * cut(u[i], -limit)
				require.InDelta(t, want, got, 1e-6+f.upper*math.Abs(want))
			}
			d.run("fused", "swiglu_grad_"+f.name, dim{1}, dim{256}, out, other, ga, ua, f.put(d, dy), uint64(n), float32(limit))
			dg, du := f.get(d, out, n), f.get(d, other, n)
			for i := range n {
				act := g[i] * sigmoid(g[i])
				wantGate := dys[i] * cut(u[i], -limit) * sigmoid(g[i]) * (1 + g[i]*sigmoid(-g[i]))
				wantUp := dys[i] * cut(act, math.Inf(-1))
				if limit > 0 && act > limit {
					wantGate = 0
				}
				if limit > 0 && math.Abs(u[i]) > limit {
					wantUp = 0
				}
				require.InDelta(t, wantGate, dg[i], 2e-6+f.upper*math.Abs(wantGate))
				require.InDelta(t, wantUp, du[i], 2e-6+f.upper*math.Abs(wantUp))
			}
		}
	}
}

func TestBiasAct(t *testing.T) {
	const rows, cols = 3, 300
	for _, f := range []format{f32, f16, bf16} {
		d := newDevice(t)
		x, b := d.normal(rows*cols), d.normal(cols)
		xs, bs := f.round(x), f.round(b)
		out := d.space(rows * cols * f.size)
		d.run("fused", "bias_act_"+f.name, dim{2, 2}, dim{256}, out, f.put(d, x), f.put(d, b), uint32(rows), uint32(cols), uint32(19))
		for i, got := range f.get(d, out, rows*cols) {
			want := math.Tanh(xs[i] + bs[i%cols])
			require.InDelta(t, want, got, 1e-6+f.upper*math.Abs(want))
		}
	}
}

func TestDot(t *testing.T) {
	for _, f := range floats {
		d := newDevice(t)
		for _, n := range []int{1, 31, 1024, 2049} {
			const rows = 9
			a, b := d.integers(rows*n), d.integers(rows*n)
			out := d.space(rows * f.size)
			name, grid := teams(rows, n, 1024)
			d.run("fused", "dot"+name+"_"+f.name, grid, dim{256}, out, f.put(d, a), f.put(d, b), uint64(rows), uint32(n))
			for r, got := range f.get(d, out, rows) {
				want := 0.0
				for i := r * n; i < r*n+n; i++ {
					want += float64(a[i]) * float64(b[i])
				}
				require.Equal(t, f.storeRound(want), got)
			}
		}
	}
}
