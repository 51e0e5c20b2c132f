package kernels_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSegment(t *testing.T) {
	const n = 50
	offsets := []int32{-3, 4, 4, 5, 40, 60} // cut to 0 and 50; the second group is empty, the third one row
	groups := [][2]int{{0, 4}, {4, 4}, {4, 5}, {5, 40}, {40, 50}}
	for _, f := range floats {
		for _, inner := range []int{1, 33} {
			for mode := range 5 { // sum, mean, std, max, std of a sample
				d := newDevice(t)
				fn, sample := uint32(mode), uint32(0)
				if mode == 4 {
					fn, sample = 2, 1
				}
				x, dy := d.normal(n*inner), d.normal(len(groups)*inner)
				xs, dys := f.round(x), f.round(dy)
				out, dx := d.space(len(dy)*f.size), f.put(d, make([]float32, n*inner))
				xa, oa := f.put(d, x), d.up(offsets)
				grid := dim{ceilDiv(len(dy), 256)}
				d.run("segment", "segment_"+f.name, grid, dim{256}, out, xa, oa, uint32(len(groups)), uint32(n), uint32(inner), fn, sample)
				d.run("segment", "segment_grad_"+f.name, grid, dim{256}, dx, xa, out, oa, f.put(d, dy), uint32(len(groups)), uint32(n), uint32(inner), fn, sample)
				got, grads := f.get(d, out, len(dy)), f.get(d, dx, n*inner)
				for i := range got {
					g, c := groups[i/inner], i%inner
					count := float64(g[1] - g[0])
					sum, mean, squares, largest, where := 0.0, 0.0, 0.0, math.Inf(-1), -1
					for r := g[0]; r < g[1]; r++ {
						v := xs[r*inner+c]
						sum += v
						mean += v / count
						if v > largest {
							largest, where = v, r
						}
					}
					for r := g[0]; r < g[1]; r++ {
						squares += (xs[r*inner+c] - mean) * (xs[r*inner+c] - mean)
					}
					std := 0.0
					if count > float64(sample) {
						std = math.Sqrt(squares / (count - float64(sample)))
					}
					want := []float64{sum, mean, std, largest, std}[mode]
					if math.IsInf(want, -1) {
						require.Equal(t, want, got[i])
						continue
					}
					u := max(f.upper, 0x1p-24)
					require.InDelta(t, want, got[i], 40*u+f.upper*math.Abs(want), "%s mode %d", f.name, mode)
					for r := g[0]; r < g[1]; r++ {
						d := dys[i]
						switch {
						case mode == 1:
							d /= count
						case fn == 2 && got[i] == 0:
							d = 0
						case fn == 2:
							d *= (xs[r*inner+c] - mean) / ((count - float64(sample)) * got[i])
						case mode == 3 && r != where:
							d = 0
						}
						require.InDelta(t, d, grads[r*inner+c], 40*u*(1+math.Abs(d)), "%s gradient, mode %d", f.name, mode)
					}
				}
			}
		}
	}
}

func TestSegmentSoftmax(t *testing.T) {
	const n, inner, groups = 20, 3, 3
	offsets := []int32{0, 7, 7, 18}
	for _, f := range []format{f32, f16, bf16} {
		d := newDevice(t)
		x, dy := d.normal(n*inner), d.normal(n*inner)
		zeros := make([]float32, n*inner)
		y, dx := f.put(d, zeros), f.put(d, zeros)
		oa := d.up(offsets)
		d.run("segment", "segment_softmax_"+f.name, dim{1}, dim{256}, y, f.put(d, x), oa, uint32(groups), uint32(n), uint32(inner))
		d.run("segment", "segment_softmax_grad_"+f.name, dim{1}, dim{256}, dx, y, oa, f.put(d, dy), uint32(groups), uint32(n), uint32(inner))
		xs, dys, ys, grads := f.round(x), f.round(dy), f.get(d, y, n*inner), f.get(d, dx, n*inner)
		for g := range groups {
			for c := range inner {
				total, dot := 0.0, 0.0
				for r := offsets[g]; r < offsets[g+1]; r++ {
					at := int(r)*inner + c
					total += math.Exp(xs[at])
					dot += ys[at] * dys[at]
				}
				for r := offsets[g]; r < offsets[g+1]; r++ {
					at := int(r)*inner + c
					require.InDelta(t, math.Exp(xs[at])/total, ys[at], 1e-6+f.upper)
					require.InDelta(t, ys[at]*(dys[at]-dot), grads[at], 1e-6+f.upper)
				}
			}
		}
		require.Equal(t, make([]float64, 2*inner), ys[18*inner:], "rows in no group")
	}
}

func TestSegmentExpand(t *testing.T) {
	d := newDevice(t)
	out := d.up(make([]uint32, 12))
	d.run("segment", "segment_expand_b32", dim{1}, dim{256}, out, d.up([]uint32{1, 2, 3, 4}), d.up([]int32{1, 3, 5}), uint32(2), uint32(6), uint32(2))
	require.Equal(t, []uint32{0, 0, 1, 2, 1, 2, 3, 4, 3, 4, 0, 0}, down[uint32](d, out, 12))
}
