package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGatherScatterRows(t *testing.T) {
	d := newDevice(t)
	index := []int32{2, 0, -1, 4, 5, 1}
	for _, width := range []int{1, 8, 37, 520} {
		for _, shift := range []int{0, 2} {
			table := make([]uint16, 5*width)
			for i := range table {
				table[i] = uint16(d.rng.Uint32())
			}
			out := d.space(2*6*width, shift)
			d.run("index", "gather_rows_b16", dim{1}, dim{64}, out, d.up(table, shift), d.up(index), uint64(6), uint64(width), uint32(5))
			got := down[uint16](d, out, 6*width)
			for i := range got {
				want := uint16(0)
				if r := index[i/width]; r >= 0 && r < 5 {
					want = table[int(r)*width+i%width]
				}
				require.Equal(t, want, got[i])
			}
			back := d.up(make([]uint16, 5*width), shift)
			d.run("index", "scatter_rows_b16", dim{1}, dim{64}, back, out, d.up(index), uint64(6), uint64(width), uint32(5))
			got = down[uint16](d, back, 5*width)
			for i := range got {
				want := table[i]
				if i/width == 3 { // nobody named row 3
					want = 0
				}
				require.Equal(t, want, got[i])
			}
		}
	}
}

// Rows for one place are added up in the order of their indices; places without a row stay as they are.
func TestScatterAdd(t *testing.T) {
	const rows, count = 3, 600
	for _, f := range floats {
		d := newDevice(t)
		for _, width := range []int{1, 30, 1027} {
			x := d.integers(count * width)
			want, start := make([]float64, rows*width), d.integers(rows*width)
			for i, v := range start {
				want[i] = float64(v)
			}
			keys, from := make([]uint32, count), make([]int32, count)
			for i, row := range d.rng.Perm(count) { // in the order of the keys: 0, 2, and what is no place
				keys[i], from[i] = uint32(i/200*2), int32(row)
				if r := int(keys[i]); r < rows {
					for c := range width {
						want[r*width+c] += float64(x[row*width+c])
					}
				}
			}
			out := f.put(d, start)
			d.run("scatter", "scatter_add_"+f.name, dim{ceilDiv(count, 4), ceilDiv(width, 256)}, dim{64, 4}, out, f.put(d, x), d.up(keys), d.up(from),
				uint64(count), uint64(width), uint32(rows))
			for i, got := range f.get(d, out, rows*width) {
				require.Equal(t, f.storeRound(want[i]), got)
			}
		}
	}
}

func TestCumSum(t *testing.T) {
	for _, f := range floats {
		d := newDevice(t)
		for _, size := range [][3]int{{2, 1, 1}, {2, 1030, 1}, {1, 2500, 1}, {2, 9, 300}} {
			outer, n, inner := size[0], size[1], size[2]
			x := d.integers(outer * n * inner)
			for mode := range 4 {
				reverse, exclusive := uint32(mode&1), uint32(mode>>1)
				out := d.space(len(x) * f.size)
				if inner == 1 {
					d.run("scan", "cumsum_rows_"+f.name, dim{outer}, dim{256}, out, f.put(d, x), uint64(0), uint32(n), reverse, exclusive)
				} else {
					d.run("scan", "cumsum_columns_"+f.name, dim{ceilDiv(inner, 256), 1, outer}, dim{256}, out, f.put(d, x), uint32(n), uint32(inner), reverse, exclusive)
				}
				got := f.get(d, out, len(x))
				for o := range outer {
					for c := range inner {
						sum := 0.0
						for k := range n {
							r := k
							if reverse == 1 {
								r = n - 1 - k
							}
							at := (o*n+r)*inner + c
							want := sum
							sum += float64(x[at])
							if exclusive == 0 {
								want = sum
							}
							require.Equal(t, f.storeRound(want), got[at], "%s %v mode %d", f.name, size, mode)
						}
					}
				}
			}
		}
	}
}

func TestRope(t *testing.T) {
	const tokens, heads, width, width2 = 5, 3, 12, 8 // heads of 12, of which 8 turn
	positions := []int32{0, 1, 7, 4095, 1000000}
	frequencies := make([]float64, width2/2)
	for i := range frequencies {
		frequencies[i] = math.Pow(10000, -2*float64(i)/width2)
	}
	factors := []float32{1, 2, 0.5, 4}
	for _, f := range floats {
		for mode := range 8 {
			interleaved, inverse, scaled := mode&1 != 0, mode&2 != 0, mode&4 != 0
			t.Run(fmt.Sprintf("%s/%d", f.name, mode), func(t *testing.T) {
				d := newDevice(t)
				x := d.normal(tokens * heads * width)
				xs := f.round(x)
				var at uint64
				if scaled {
					at = d.up(factors)
				}
				out := d.space(len(x) * f.size)
				flag := map[bool]uint32{true: 1}
				d.run("rope", "rope_"+f.name, dim{tokens}, dim{256}, out, f.put(d, x), d.up(positions), d.up(frequencies), at, uint32(tokens),
					uint32(heads), uint32(width), uint32(width2), flag[interleaved], flag[inverse], uint64(heads*width), uint64(width), uint64(heads*width), uint64(width))
				want := append([]float64{}, xs...)
				for row := range tokens * heads {
					for p := range width2 / 2 {
						angle := float64(positions[row/heads]) * frequencies[p]
						if scaled {
							angle = float64(positions[row/heads]) * (frequencies[p] / float64(factors[p]))
						}
						if inverse {
							angle = -angle
						}
						a, b := row*width+p, row*width+p+width2/2
						if interleaved {
							a, b = row*width+2*p, row*width+2*p+1
						}
						s, c := math.Sincos(angle)
						want[a], want[b] = xs[a]*c-xs[b]*s, xs[b]*c+xs[a]*s
					}
				}
				near(t, want, f.get(d, out, len(x)), func(i int) float64 { return 1e-6 + 2*f.upper*math.Abs(want[i]) })
			})
		}
	}
}
