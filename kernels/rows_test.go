package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// teams is the choice that backends make: a warp per row up to `most` elements, a block above.
func teams(rows, n, most int) (suffix string, grid dim) {
	if n <= most {
		return "_warp", dim{ceilDiv(rows, 8)}
	}
	return "", dim{rows}
}

func TestRMSNorm(t *testing.T) {
	const eps, offset = 1e-5, 0.5
	for _, f := range floats {
		for _, size := range [][2]int{{1, 1}, {3, 5}, {9, 128}, {2, 1023}, {2, 1025}, {2, 2052}} {
			rows, n := size[0], size[1]
			t.Run(fmt.Sprintf("%s/%dx%d", f.name, rows, n), func(t *testing.T) {
				d := newDevice(t)
				x, w, dy := d.normal(rows*n), d.normal(n), d.normal(rows*n)
				out := d.space(rows * n * f.size)
				name, grid := teams(rows, n, 1024)
				xa, wa, dya := f.put(d, x), f.put(d, w), f.put(d, dy)
				d.run("norm", "rmsnorm"+name+"_"+f.name, grid, dim{256}, out, xa, wa, uint64(rows), uint32(n), float32(eps), float32(offset))
				xs, ws, dys := f.round(x), f.round(w), f.round(dy)
				want, dx, dw := make([]float64, rows*n), make([]float64, rows*n), make([]float64, n)
				for r := range rows {
					squares, dot := 0.0, 0.0
					for i := range n {
						squares += xs[r*n+i] * xs[r*n+i]
						dot += dys[r*n+i] * (offset + ws[i]) * xs[r*n+i]
					}
					s := 1 / math.Sqrt(squares/float64(n)+float64(float32(eps)))
					for i := range n {
						at := r*n + i
						want[at] = xs[at] * s * (offset + ws[i])
						dx[at] = s * (dys[at]*(offset+ws[i]) - xs[at]*s*s*dot/float64(n))
						dw[i] += dys[at] * xs[at] * s
					}
				}
				u := max(f.upper, map[bool]float64{true: 0x1p-53, false: 0x1p-24}[f.size == 8]*16)
				bound := func(v []float64) func(int) float64 {
					return func(i int) float64 { return u * (4 + 4*math.Abs(v[i])) }
				}
				near(t, want, f.get(d, out, rows*n), bound(want))

				scale := d.space(rows * max(f.size, 4))
				d.run("norm", "rmsnorm_grad"+name+"_"+f.name, grid, dim{256}, out, scale, xa, wa, dya, uint64(rows), uint32(n), float32(eps), float32(offset))
				near(t, dx, f.get(d, out, rows*n), bound(dx))
				count := ceilDiv(rows, 64)
				parts := d.space(count * n * max(f.size, 4))
				d.run("norm", "rmsnorm_grad_parts_"+f.name, dim{ceilDiv(n, 256), count}, dim{256}, parts, xa, dya, scale, uint64(rows), uint32(n))
				d.run("norm", "norm_sum_parts_"+f.name, dim{ceilDiv(n, 256)}, dim{256}, out, parts, uint32(count), uint32(n))
				near(t, dw, f.get(d, out, n), func(i int) float64 { return u * 8 * (1 + math.Abs(dw[i])) * float64(rows) })
			})
		}
	}
}

// More rows than one part holds.
func TestRMSNormGradParts(t *testing.T) {
	d := newDevice(t)
	const rows, n = 150, 3
	x, dy := d.integers(rows*n), d.integers(rows*n)
	scale := make([]float32, rows)
	want := make([]float64, n)
	for r := range rows {
		scale[r] = float32(1 + r%3)
		for i := range n {
			want[i] += float64(x[r*n+i] * dy[r*n+i] * scale[r])
		}
	}
	parts, out := d.space(3*n*4), d.space(n*4)
	d.run("norm", "rmsnorm_grad_parts_f32", dim{1, 3}, dim{256}, parts, d.up(x), d.up(dy), d.up(scale), uint64(rows), uint32(n))
	d.run("norm", "norm_sum_parts_f32", dim{1}, dim{256}, out, parts, uint32(3), uint32(n))
	require.Equal(t, want, f32.get(d, out, n))
}

func TestSoftmax(t *testing.T) {
	const scale = 0.7
	for _, f := range []format{f32, f16, bf16} {
		for _, size := range [][2]int{{1, 1}, {9, 7}, {3, 512}, {2, 513}, {2, 1000}, {1, 4095}, {1, 4096}, {2, 4097}, {9, 511}} {
			rows, n := size[0], size[1]
			t.Run(fmt.Sprintf("%s/%dx%d", f.name, rows, n), func(t *testing.T) {
				d := newDevice(t)
				x, dy := d.normal(rows*n), d.normal(rows*n)
				xs, dys := f.round(x), f.round(dy)
				xa, dya := f.put(d, x), f.put(d, dy)
				road, grid := teams(rows, n, 512)
				grad := road
				if road == "" {
					road = map[bool]string{true: "_block", false: "_long"}[n <= 4096]
				}
				want, logs := make([]float64, rows*n), make([]float64, rows*n)
				for r := range rows {
					total := 0.0
					for _, v := range xs[r*n : r*n+n] {
						total += math.Exp(scale * v)
					}
					for i, v := range xs[r*n : r*n+n] {
						want[r*n+i] = math.Exp(scale*v) / total
						logs[r*n+i] = scale*v - math.Log(total)
					}
				}
				bound := func(i int) float64 { return f.upper*(math.Abs(want[i])+0x1p-14) + 0x1p-20*want[i] }
				y, ly, dx := d.space(rows*n*f.size), d.space(rows*n*f.size), d.space(rows*n*f.size)
				d.run("softmax", "softmax"+road+"_"+f.name, grid, dim{256}, y, xa, uint64(rows), uint32(n), float32(scale))
				near(t, want, f.get(d, y, rows*n), bound)
				d.run("softmax", "log_softmax"+road+"_"+f.name, grid, dim{256}, ly, xa, uint64(rows), uint32(n), float32(scale))
				near(t, logs, f.get(d, ly, rows*n), func(i int) float64 { return f.upper*math.Abs(logs[i]) + 0x1p-20 })
				if road == "_block" { // the third road gives the same bits
					d.run("softmax", "softmax_long_"+f.name, dim{rows}, dim{256}, dx, xa, uint64(rows), uint32(n), float32(scale))
					require.Equal(t, f.get(d, y, rows*n), f.get(d, dx, rows*n))
				}

				ys, lys := f.get(d, y, rows*n), f.get(d, ly, rows*n)
				wantDX, wantLogDX := make([]float64, rows*n), make([]float64, rows*n)
				for r := range rows {
					dot, total := 0.0, 0.0
					for i := r * n; i < r*n+n; i++ {
						dot += ys[i] * dys[i]
						total += dys[i]
					}
					for i := r * n; i < r*n+n; i++ {
						wantDX[i] = scale * ys[i] * (dys[i] - dot)
						wantLogDX[i] = scale * (dys[i] - math.Exp(lys[i])*total)
					}
				}
				d.run("softmax", "softmax_grad"+grad+"_"+f.name, grid, dim{256}, dx, y, dya, uint64(rows), uint32(n), float32(scale))
				near(t, wantDX, f.get(d, dx, rows*n), func(i int) float64 { return f.upper*(math.Abs(wantDX[i])+0x1p-14) + 0x1p-20*ys[i] + 0x1p-26 })
				d.run("softmax", "log_softmax_grad"+grad+"_"+f.name, grid, dim{256}, dx, ly, dya, uint64(rows), uint32(n), float32(scale))
				near(t, wantLogDX, f.get(d, dx, rows*n), func(i int) float64 { return f.upper*math.Abs(wantLogDX[i]) + 0x1p-18 })
			})
		}
	}
}

func TestSoftmaxEdges(t *testing.T) {
	d := newDevice(t)
	inf := float32(math.Inf(1))
	x := []float32{-inf, 0, -inf, -inf, -inf, -inf, 1, 2, float32(math.NaN()), 200, -200, -inf}
	out := d.space(48)
	d.run("softmax", "softmax_warp_f32", dim{1}, dim{256}, out, d.up(x), uint64(4), uint32(3), float32(1))
	got := f32.get(d, out, 12)
	require.Equal(t, []float64{0, 1, 0}, got[:3])
	for _, v := range got[3:9] {
		require.True(t, math.IsNaN(v))
	}
	require.Equal(t, []float64{1, 0, 0}, got[9:])
}

func TestLayerNorm(t *testing.T) {
	const eps = 1e-5
	for _, f := range floats {
		for _, size := range [][2]int{{1, 1}, {9, 7}, {4, 1024}, {2, 1025}, {70, 12}} {
			rows, n := size[0], size[1]
			t.Run(fmt.Sprintf("%s/%dx%d", f.name, rows, n), func(t *testing.T) {
				d := newDevice(t)
				x, w, b, dy := d.normal(rows*n), d.normal(rows*n), d.normal(rows*n), d.normal(rows*n)
				xs, ws, bs, dys := f.round(x), f.round(w), f.round(b), f.round(dy)
				xa, wa, ba, dya := f.put(d, x), f.put(d, w), f.put(d, b), f.put(d, dy)
				name, grid := teams(rows, n, 1024)
				plain, affine, modulated, dx := make([]float64, rows*n), make([]float64, rows*n), make([]float64, rows*n), make([]float64, rows*n)
				dw, db := make([]float64, n), make([]float64, n)
				largest := 1.0
				for r := range rows {
					mean, variance, g, gy := 0.0, 0.0, 0.0, 0.0
					for _, v := range xs[r*n : r*n+n] {
						mean += v / float64(n)
					}
					for _, v := range xs[r*n : r*n+n] {
						variance += (v - mean) * (v - mean) / float64(n)
					}
					s := 1 / math.Sqrt(variance+float64(float32(eps)))
					largest = max(largest, s)
					for i := range n {
						at := r*n + i
						plain[at] = (xs[at] - mean) * s
						affine[at] = plain[at]*ws[i] + bs[i]
						modulated[at] = plain[at]*(1+ws[r/2*n+i]) + bs[r/2*n+i]
						dw[i] += dys[at] * plain[at]
						db[i] += dys[at]
						g += dys[at] * ws[i] / float64(n)
						gy += dys[at] * ws[i] * plain[at] / float64(n)
					}
					for i := range n {
						at := r*n + i
						dx[at] = s * (dys[at]*ws[i] - g - plain[at]*gy)
					}
				}
				u := max(f.upper, map[bool]float64{true: 0x1p-50, false: 0x1p-20}[f.size == 8])
				bound := func(want []float64) func(int) float64 {
					return func(i int) float64 { return 2 * u * largest * (4 + math.Abs(want[i])) }
				}
				out, stats := d.space(rows*n*f.size), d.space(2*rows*max(f.size, 4))
				run := func(w, b uint64, period int, offset float32) []float64 {
					d.run("norm", "layernorm"+name+"_"+f.name, grid, dim{256}, out, xa, w, b, uint64(rows), uint32(n), uint64(period), float32(eps), offset)
					return f.get(d, out, rows*n)
				}
				near(t, plain, run(0, 0, rows, 0), bound(plain))
				near(t, affine, run(wa, ba, rows, 0), bound(affine))
				near(t, modulated, run(wa, ba, 2, 1), bound(modulated))
				d.run("norm", "layernorm_grad"+name+"_"+f.name, grid, dim{256}, out, stats, xa, wa, dya, uint64(rows), uint32(n), float32(eps))
				near(t, dx, f.get(d, out, rows*n), bound(dx))
				count := ceilDiv(rows, 64)
				pw, pb := d.space(count*n*max(f.size, 4)), d.space(count*n*max(f.size, 4))
				d.run("norm", "layernorm_grad_parts_"+f.name, dim{ceilDiv(n, 256), count}, dim{256}, pw, pb, xa, dya, stats, uint64(rows), uint32(n))
				for _, p := range []struct {
					parts uint64
					want  []float64
				}{{pw, dw}, {pb, db}} {
					d.run("norm", "norm_sum_parts_"+f.name, dim{ceilDiv(n, 256)}, dim{256}, out, p.parts, uint32(count), uint32(n))
					near(t, p.want, f.get(d, out, n), func(i int) float64 { return 8 * u * float64(rows) * (1 + math.Abs(p.want[i])) })
				}
			})
		}
	}
}

func TestCrossEntropy(t *testing.T) {
	for _, f := range []format{f32, f16, bf16} {
		for _, n := range []int{1, 5, 3000} {
			d := newDevice(t)
			const rows = 4
			x, dloss := d.normal(rows*n), d.normal(rows)
			xs := f.round(x)
			target := []int32{0, int32(n - 1), -1, int32(n)}
			loss, lse, dx := d.space(4*rows), d.space(4*rows), d.space(rows*n*f.size)
			xa, ta := f.put(d, x), d.up(target)
			d.run("softmax", "cross_entropy_"+f.name, dim{rows}, dim{256}, loss, lse, xa, ta, uint32(n))
			d.run("softmax", "cross_entropy_grad_"+f.name, dim{rows}, dim{256}, dx, xa, ta, lse, d.up(dloss), uint32(n))
			losses, lses, grads := f32.get(d, loss, rows), f32.get(d, lse, rows), f.get(d, dx, rows*n)
			for r := range rows {
				row := xs[r*n : r*n+n]
				want := math.Log(foldl(row, 0, func(a, b float64) float64 { return a + math.Exp(b) }))
				require.InDelta(t, want, lses[r], 1e-5)
				ignored := r >= 2
				if ignored {
					require.Zero(t, losses[r])
				} else {
					require.InDelta(t, want-row[target[r]], losses[r], 1e-5)
				}
				for i := range row {
					g := 0.0
					if !ignored {
						g = float64(dloss[r]) * math.Exp(row[i]-want)
						if i == int(target[r]) {
							g -= float64(dloss[r])
						}
					}
					require.InDelta(t, g, grads[r*n+i], 1e-5+f.upper*math.Abs(g))
				}
			}
		}
	}
}
