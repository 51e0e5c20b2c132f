//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var (
	selects       = sizes("topk", "select_b%d")
	selectParts   = sizes("topk", "select_part_b%d")
	selectWarps   = sizes("topk", "select_warp_b%d")
	kths          = sizes("topk", "kth_b%d")
	kthWarps      = sizes("topk", "kth_warp_b%d")
	rankCounts    = sizes("topk", "rank_count_b%d")
	rankPick      = entry("topk", "rank_pick")
	rankWrites    = sizes("topk", "rank_write_b%d")
	quantileRows  = entries("topk", "quantile_%v", op.F32, op.F64)
	quantileWarps = entries("topk", "quantile_warp_%v", op.F32, op.F64)
)

const (
	warpRow = 1024  // the longest row that a warp selects from
	partRow = 4096  // about the longest part of a row that a block does, unless more than a quarter of it is wanted
	longRow = 32768 // from here on blocks share a row of which one element is wanted
)

// partsOf is how many pieces a row of n elements is cut into to select k from each: long enough that few are left.
func partsOf(n, k int) int { return ceil(n, max(partRow, 4*k)) }

// winners is the bytes of count selected elements and their indices.
func winners(count, size int) int { return aligned(count*size) + aligned(4*count) }

// pickTopK wants room for what is selected from the parts, from that in turn, and for sorting a large k.
func pickTopK(p *op.TopK, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	x := &in[0]
	rows, n, size := x.Rows(), x.Last(), x.DType.Size()
	k := op.Kernel{Run: topK}
	if !sortsWhole(n, p.K) {
		parts := partsOf(n, p.K)
		k.Work = winners(rows*parts*p.K, size) + sortRoom(rows, p.K, size)
		if parts > 1 {
			k.Work += winners(rows*partsOf(parts*p.K, p.K)*p.K, size)
		}
	}
	return k, sortable(p, rows, n)
}

// sortsWhole reports whether it is cheaper to sort a row of n elements and to keep k than to select those first.
func sortsWhole(n, k int) bool { return n <= shortRow || n <= tileRow && k > n/4 }

func topK(st op.Stream, n *op.Node) error {
	s, p, x := st.(*stream), n.Op.(*op.TopK), &n.In[0]
	if n.Out[0].Elems() == 0 {
		return nil
	}
	r := sorting{
		values: at(&n.Out[0]), indices: at(&n.Out[1]), x: at(x), rows: rowsOf(n, x), n: x.Last(), keep: p.K,
		size: x.DType.Size(), order: orderOf(x.DType, !p.Least),
	}
	work := at(&n.Work)
	if !sortsWhole(r.n, p.K) {
		parts := partsOf(r.n, p.K)
		first, second := work, work+uint64(winners(r.all*parts*p.K, r.size))
		work = second
		if parts > 1 {
			work += uint64(winners(r.all*partsOf(parts*p.K, p.K)*p.K, r.size))
		}
		if err := s.selectFirst(&r, first, second); err != nil {
			return err
		}
	}
	return s.sort(r, work)
}

// selectFirst leaves the rows with the elements to keep alone, in the order of their indices. They go back and forth
// between two places until one block has selected from a whole row.
func (s *stream) selectFirst(r *sorting, to, next uint64) error {
	k := r.keep
	if r.n <= warpRow {
		indices := to + uint64(aligned(r.all*k*r.size))
		err := s.launch(selectWarps[r.size], dim{ceil(r.all, rowsPerBlock), 1, 1}, threads, to, indices, r.x, r.count, r.per, uint64(r.all),
			uint64(r.n), uint64(k), r.infinity, r.flags)
		r.x, r.from, r.n = to, indices, k
		return err
	}
	for r.n > k {
		parts, kernel := partsOf(r.n, k), selectParts[r.size]
		if ceil(r.n, parts) > partRow {
			kernel = selects[r.size]
		}
		indices := to + uint64(aligned(r.all*parts*k*r.size))
		err := s.launch(kernel, dim{r.all * parts, 1, 1}, threads, to, indices, r.x, r.from, r.count, r.per, uint64(r.all),
			uint64(r.n), uint64(parts), uint64(k), r.infinity, r.flags)
		if err != nil {
			return err
		}
		r.x, r.from, r.n = to, indices, parts*k
		to, next = next, to
	}
	return nil
}

// ranking is rows of n elements in ascending order, of which one of a rank is wanted.
type ranking struct {
	rows
	n, size int
	order
}

func rankingOf(n *op.Node) ranking {
	x := &n.In[0]
	return ranking{rowsOf(n, x), x.Last(), x.DType.Size(), orderOf(x.DType, false)}
}

// pieces is how many blocks share a long row.
func pieces(n int) int { return min(ceil(n, partRow), threads[0]) }

const progress = 24 // the bytes that the blocks of a row know of its element

// rankRoom is the scratch memory for rows that blocks share: what they know, and their counts of digits.
func rankRoom(rows, n int) int {
	if n <= longRow {
		return 0
	}
	return aligned(rows*progress) + rows*pieces(n)*digits*4
}

// element writes the element of a rank of each long row to every stride-th place of `to`.
func (s *stream) element(r *ranking, to uint64, stride int, x uint64, rank int, work uint64) error {
	all, n, pieces := uint64(r.all), uint64(r.n), pieces(r.n)
	counts := work + uint64(aligned(r.all*progress))
	if err := s.launch(fills[8], s.flat(r.all*progress/8), threads, work, all*progress/8, 0); err != nil {
		return err
	}
	for shift := 8*r.size - 8; shift >= 0; shift -= 8 {
		err := s.launch(rankCounts[r.size], dim{r.all * pieces, 1, 1}, threads, counts, work, x, r.count, r.per, all, n, uint64(pieces), uint64(shift), r.infinity, r.flags)
		if err != nil {
			return err
		}
		if err := s.launch(rankPick, dim{r.all, 1, 1}, threads, work, counts, r.count, r.per, all, uint64(pieces), uint64(rank)); err != nil {
			return err
		}
	}
	return s.launch(rankWrites[r.size], dim{r.all, 1, 1}, threads, to, uint64(stride), work, x, r.count, r.per, all, n, uint64(pieces), r.infinity, r.flags)
}

func pickKthValue(p *op.KthValue, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return op.Kernel{Run: kthValue, Work: rankRoom(in[0].Rows(), in[0].Last())}, sortable(p, in[0].Rows(), in[0].Last())
}

func kthValue(st op.Stream, n *op.Node) error {
	s, x, y, rank := st.(*stream), &n.In[0], &n.Out[0], n.Op.(*op.KthValue).K-1
	if y.Elems() == 0 {
		return nil
	}
	r := rankingOf(n)
	if r.n > longRow {
		return s.element(&r, at(y), 1, at(x), rank, at(&n.Work))
	}
	k, grid := kths[r.size], dim{r.all, 1, 1}
	if r.n <= warpRow {
		k, grid[0] = kthWarps[r.size], ceil(r.all, rowsPerBlock)
	}
	return s.launch(k, grid, threads, at(y), at(x), r.count, r.per, uint64(r.all), uint64(r.n), uint64(rank), r.infinity, r.flags)
}

// pickQuantile wants room for three elements of each long row.
func pickQuantile(p *op.Quantile, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	x := &in[0]
	k := op.Kernel{Run: quantile, Work: rankRoom(x.Rows(), x.Last())}
	if k.Work > 0 {
		k.Work += aligned(3 * x.Rows() * x.DType.Size())
	}
	return k, sortable(p, x.Rows(), x.Last())
}

func quantile(st op.Stream, n *op.Node) error {
	s, x, y := st.(*stream), &n.In[0], &n.Out[0]
	if y.Elems() == 0 {
		return nil
	}
	r, from, d := rankingOf(n), at(x), x.DType
	whole, fraction := math.Modf(n.Op.(*op.Quantile).Q * float64(r.n-1))
	rank := int(whole)
	if r.n > longRow {
		// The quantile of the elements of its rank, of the next one and of the last one, which is NaN if any is.
		three := at(&n.Work)
		work := three + uint64(aligned(3*r.all*r.size))
		for i, rank := range [3]int{rank, min(rank+1, r.n-1), r.n - 1} {
			if err := s.element(&r, three+uint64(i*r.size), 3, from, rank, work); err != nil {
				return err
			}
		}
		from, rank, r.n = three, 0, 3
	}
	k, grid := quantileRows[d], dim{r.all, 1, 1}
	if r.n <= warpRow {
		k, grid[0] = quantileWarps[d], ceil(r.all, rowsPerBlock)
	}
	return s.launch(k, grid, threads, at(y), from, r.count, r.per, uint64(r.all), uint64(r.n), uint64(rank), math.Float64bits(fraction))
}
