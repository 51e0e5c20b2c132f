//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var (
	sortShorts   = sizes("sort", "sort_short_b%d")
	sortTiles    = sizes("sort", "sort_tile_b%d")
	sortCounts   = sizes("sort", "sort_count_b%d")
	sortScatters = sizes("sort", "sort_scatter_b%d")
	sortStarts   = entry("sort", "sort_starts")
)

const (
	shortRow = 128  // the longest row that a warp sorts
	tileRow  = 2048 // and that a block does
	digits   = 256  // of a key's byte
)

// order is how kernels are told to order elements of a type: the bits of its infinity, if it has one, and flags.
type order struct{ infinity, flags uint64 }

func orderOf(d op.DType, descending bool) (o order) {
	if d.Float() {
		o.infinity = element(math.Inf(1), d)
	}
	return order{o.infinity, bit(d != op.U8) | bit(descending)<<1}
}

// rows is how many rows there are, and how many of them hold data: `per` for each that the count on the device says.
type rows struct {
	count, per uint64
	all        int
}

// rowsOf is the rows of a row-wise operand of n.
func rowsOf(n *op.Node, v *op.View) rows {
	r := rows{all: v.Rows(), per: 1}
	if v.Rank > 1 && v.Dims[0] > 0 {
		r.count, r.per = at(&n.Count), uint64(r.all/v.Dims[0])
	}
	return r
}

// sorting is rows of n elements to sort, of which the first keep are wanted. The addresses are of the results, the
// elements, and the indices that they have, 0 for their places.
type sorting struct {
	values, indices, x, from uint64
	rows
	n, keep, size int
	order
}

// aligned is a number of bytes after which anything may follow.
func aligned(bytes int) int { return ceil(bytes, 16) * 16 }

// countRoom is the bytes of the digits' counts of long rows.
func countRoom(rows, n int) int { return rows * (ceil(n, tileRow) + 1) * digits * 4 }

// sortRoom is the scratch memory for sorting rows: long ones go back and forth between the results and it.
func sortRoom(rows, n, size int) int {
	switch {
	case n <= tileRow:
		return 0
	case size == 1:
		return countRoom(rows, n)
	}
	return countRoom(rows, n) + aligned(rows*n*size) + 4*rows*n
}

// sort sorts rows, by the kernels that their length asks for. Long rows are kept whole.
func (s *stream) sort(r sorting, work uint64) error {
	k, grid := sortTiles[r.size], dim{r.all, 1, 1}
	switch {
	case r.all == 0 || r.keep == 0:
		return nil
	case r.n > tileRow:
		return s.sortLong(&r, work)
	case r.n <= shortRow:
		k, grid[0] = sortShorts[r.size], ceil(r.all, rowsPerBlock)
	}
	return s.launch(k, grid, threads, r.values, r.indices, r.x, r.from, r.count, r.per, uint64(r.all), uint64(r.n), uint64(r.keep), r.infinity, r.flags)
}

// sortLong sorts digit by digit, so that the last one leaves the rows where they are wanted.
func (s *stream) sortLong(r *sorting, work uint64) error {
	tiles, all, n := ceil(r.n, tileRow), uint64(r.all), uint64(r.n)
	values := work + uint64(countRoom(r.all, r.n))
	indices := values + uint64(aligned(r.all*r.n*r.size))
	x, from := r.x, r.from
	for shift := 0; shift < 8*r.size; shift += 8 {
		y, to := r.values, r.indices
		if (8*r.size-shift)/8%2 == 0 {
			y, to = values, indices
		}
		grid := dim{r.all * tiles, 1, 1}
		if err := s.launch(sortCounts[r.size], grid, threads, work, x, r.count, r.per, all, n, uint64(shift), r.infinity, r.flags); err != nil {
			return err
		}
		if err := s.launch(sortStarts, dim{r.all * digits / rowsPerBlock, 1, 1}, threads, work, r.count, r.per, all, uint64(tiles)); err != nil {
			return err
		}
		err := s.launch(sortScatters[r.size], grid, threads, y, to, x, from, work, r.count, r.per, all, n, uint64(shift), r.infinity, r.flags)
		if err != nil {
			return err
		}
		x, from = y, to
	}
	return nil
}

// sortable refuses more rows, or tiles of rows, than a grid has places for.
func sortable(o op.Op, rows, n int) error {
	blocks := 1
	if n > tileRow {
		blocks = max(ceil(n, tileRow), digits/rowsPerBlock)
	}
	if rows*blocks > maxIndex {
		return op.UnsupportedErr("the cuda path's %s takes fewer rows", o.Name())
	}
	return nil
}

func pickSort(p *op.Sort, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	x := &in[0]
	return op.Kernel{Run: sortRows, Work: sortRoom(x.Rows(), x.Last(), x.DType.Size())}, sortable(p, x.Rows(), x.Last())
}

func sortRows(st op.Stream, n *op.Node) error {
	x := &n.In[0]
	return st.(*stream).sort(sorting{
		values: at(&n.Out[0]), indices: at(&n.Out[1]), x: at(x), rows: rowsOf(n, x), n: x.Last(), keep: x.Last(),
		size: x.DType.Size(), order: orderOf(x.DType, n.Op.(*op.Sort).Descending),
	}, at(&n.Work))
}
