package kernels_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	infinity32 = uint64(0x7F800000)
	tile       = 2048
)

// unordered draws rows of numbers with ties, zeros of both signs, infinities and NaN.
func (d *device) unordered(n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1}
	v := d.normal(n)
	for i := range v {
		if d.rng.IntN(3) == 0 {
			v[i] = special[d.rng.IntN(len(special))]
		}
	}
	return v
}

// sorted is the indices of x in order: equals by their indices, NaN last either way.
func sorted(x []float32, descending bool) []int32 {
	idx := make([]int32, len(x))
	for i := range idx {
		idx[i] = int32(i)
	}
	slices.SortStableFunc(idx, func(i, j int32) int {
		a, b := x[i], x[j]
		switch {
		case a != a && b != b:
			return 0
		case a != a:
			return 1
		case b != b:
			return -1
		case descending:
			return cmp.Compare(b, a)
		}
		return cmp.Compare(a, b)
	})
	return idx
}

// bitsAt is the bits of the elements of x that idx names.
func bitsAt(x []float32, idx []int32) []uint32 {
	b := make([]uint32, len(idx))
	for i, k := range idx {
		b[i] = math.Float32bits(x[k])
	}
	return b
}

func TestSort(t *testing.T) {
	const rows = 3
	for _, n := range []int{1, 31, 128, 129, 2048, 5000} {
		for _, flags := range []uint32{1, 3} {
			t.Run(fmt.Sprintf("%d/%d", n, flags), func(t *testing.T) {
				d := newDevice(t)
				x := d.unordered(rows * n)
				in, values, indices := d.up(x), d.space(4*rows*n), d.space(4*rows*n)
				keep := n
				switch {
				case n <= 128:
					keep = (n + 1) / 2
					d.run("sort", "sort_short_b32", dim{1}, dim{256}, values, indices, in, uint64(0), uint64(0), uint64(1), uint64(rows), uint32(n), uint32(keep), infinity32, flags)
				case n <= tile:
					d.run("sort", "sort_tile_b32", dim{rows}, dim{256}, values, indices, in, uint64(0), uint64(0), uint64(1), uint64(rows), uint32(n), uint32(keep), infinity32, flags)
				default:
					d.sortLong(values, indices, in, rows, n, flags)
				}
				gotValues, gotIndices := down[uint32](d, values, rows*keep), down[int32](d, indices, rows*keep)
				for r := range rows {
					row := x[r*n : (r+1)*n]
					want := sorted(row, flags&2 != 0)[:keep]
					require.Equal(t, want, gotIndices[r*keep:(r+1)*keep])
					require.Equal(t, bitsAt(row, want), gotValues[r*keep:(r+1)*keep])
				}
			})
		}
	}
}

// sortLong sorts rows of several tiles, digit by digit.
func (d *device) sortLong(values, indices, x uint64, rows, n int, flags uint32) {
	tiles := ceilDiv(n, tile)
	counts, v, i, from := d.space(4*256*rows*(tiles+1)), d.space(4*rows*n), d.space(4*rows*n), uint64(0)
	for shift := uint32(0); shift < 32; shift += 8 {
		d.run("sort", "sort_count_b32", dim{rows * tiles}, dim{256}, counts, x, uint64(0), uint64(1), uint64(rows), uint32(n), shift, infinity32, flags)
		d.run("sort", "sort_starts", dim{rows * 32}, dim{256}, counts, uint64(0), uint64(1), uint64(rows), uint32(tiles))
		d.run("sort", "sort_scatter_b32", dim{rows * tiles}, dim{256}, v, i, x, from, counts, uint64(0), uint64(1), uint64(rows), uint32(n), shift, infinity32, flags)
		x, from = v, i
		v, values = values, v
		i, indices = indices, i
	}
}

// The winners of each part come in the order of their indices.
func TestSelect(t *testing.T) {
	const rows, n, k = 2, 1500, 70
	for _, flags := range []uint32{1, 3} {
		d := newDevice(t)
		x := d.unordered(rows * n)
		in := d.up(x)
		for _, parts := range []int{1, 4} {
			values, indices := d.space(4*rows*parts*k), d.space(4*rows*parts*k)
			d.run("topk", "select_b32", dim{rows * parts}, dim{256}, values, indices, in, uint64(0), uint64(0), uint64(1), uint64(rows), uint32(n), uint32(parts), uint32(k), infinity32, flags)
			got := down[int32](d, indices, rows*parts*k)
			for i := range rows * parts {
				row, first := x[i/parts*n:][:n], i%parts*n/parts
				want := sorted(row[first:first+n/parts], flags&2 != 0)[:k]
				slices.Sort(want)
				for j := range want {
					want[j] += int32(first)
				}
				require.Equal(t, want, got[i*k:(i+1)*k])
				require.Equal(t, bitsAt(row, want), down[uint32](d, values+uint64(4*i*k), k))
			}
		}
	}
}

func TestKth(t *testing.T) {
	const rows, n = 3, 700
	d := newDevice(t)
	x := d.unordered(rows * n)
	in, out := d.up(x), d.space(4*rows)
	for _, rank := range []int{0, 1, 300, 690, n - 1} {
		for _, k := range []struct {
			name string
			grid dim
		}{{"kth_b32", dim{rows}}, {"kth_warp_b32", dim{1}}} {
			d.run("topk", k.name, k.grid, dim{256}, out, in, uint64(0), uint64(1), uint64(rows), uint32(n), uint32(rank), infinity32, uint32(1))
			for r, got := range down[uint32](d, out, rows) {
				row := x[r*n : (r+1)*n]
				require.Equal(t, bitsAt(row, sorted(row, false)[rank:rank+1])[0], got, "%s row %d rank %d", k.name, r, rank)
			}
		}
	}
}
