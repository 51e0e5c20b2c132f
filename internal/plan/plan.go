// Package plan turns liveness into offsets: where in one block of memory each temporary of a Program lies.
package plan

import (
	"cmp"
	"slices"
)

// Item is a buffer of Size bytes that is written first at step First and read last at step Last.
type Item struct{ Size, First, Last int }

// Align is the alignment of every offset, in bytes: a cache line, and what vector loads like.
const Align = 64

// Offsets places items so that no two that are live together overlap, and returns the peak. It places them lowest
// fitting gap first, in several orders, and keeps the best: no one order wins for training and inference both.
// Of equal plans the first order wins, so the result depends on the items alone.
func Offsets(items []Item) (offsets []int, peak int) {
	long := func(i int) int { return items[i].Last - items[i].First }
	area := func(i int) int { return items[i].Size * (1 + long(i)) }
	for _, order := range []func(a, b int) int{
		func(a, b int) int { return cmp.Compare(items[b].Size, items[a].Size) },
		func(a, b int) int { return cmp.Compare(items[a].First, items[b].First) },
		func(a, b int) int { return cmp.Compare(long(b), long(a)) },
		func(a, b int) int { return cmp.Compare(area(b), area(a)) },
	} {
		if o, p := place(items, order); offsets == nil || p < peak {
			offsets, peak = o, p
		}
	}
	return offsets, peak
}

// place puts items down in the given order, each at the lowest offset where it fits.
func place(items []Item, order func(a, b int) int) ([]int, int) {
	idx := make([]int, len(items))
	for i := range idx {
		idx[i] = i
	}
	slices.SortStableFunc(idx, order)
	offsets, peak := make([]int, len(items)), 0
	var placed []int // by offset
	for _, i := range idx {
		it, at := items[i], 0
		for _, j := range placed {
			o := items[j]
			if o.Last < it.First || it.Last < o.First {
				continue
			}
			if offsets[j]-at >= it.Size {
				break
			}
			at = max(at, align(offsets[j]+o.Size))
		}
		offsets[i] = at
		peak = max(peak, at+align(it.Size))
		p, _ := slices.BinarySearchFunc(placed, at, func(j, at int) int { return cmp.Compare(offsets[j], at) })
		placed = slices.Insert(placed, p, i)
	}
	return offsets, peak
}

func align(n int) int { return (n + Align - 1) / Align * Align }

// Bound is the largest sum of aligned sizes that are live at one step: no plan can be smaller.
func Bound(items []Item) (peak int) {
	last := 0
	for _, it := range items {
		last = max(last, it.Last)
	}
	delta := make([]int, last+2)
	for _, it := range items {
		delta[it.First] += align(it.Size)
		delta[it.Last+1] -= align(it.Size)
	}
	live := 0
	for _, d := range delta {
		live += d
		peak = max(peak, live)
	}
	return peak
}
