package radix

// Select moves the k smallest items (by key, of equals those of lowest index) to the front, in order, and returns
// them. Items stand in the order of their indices; tmp is as long.
//
// Digit by digit from the highest it finds the one that item k-1 has: smaller ones are in for good, larger ones out,
// and only those with that digit are looked at again.
func Select[K Key](items, tmp []Item[K], k int) []Item[K] {
	if k <= 0 {
		return items[:0]
	}
	if k < len(items) {
		pivot, less := Rank(items, tmp, k-1)
		items = keep(items, pivot, k-less)
	}
	return Sort(items, tmp)
}

// keep compacts items to those below pivot and the first equals of it.
func keep[K Key](items []Item[K], pivot K, equals int) []Item[K] {
	n := 0
	for _, it := range items {
		if it.Key > pivot {
			continue
		}
		if it.Key == pivot {
			if equals == 0 {
				continue
			}
			equals--
		}
		items[n] = it
		n++
	}
	return items[:n]
}

// Rank is the key of rank r, counted from 0, and how many keys are below it. tmp is as long as items.
func Rank[K Key](items, tmp []Item[K], r int) (key K, less int) {
	rest := items
	for d := Passes[K]() - 1; d >= 0 && len(rest) > 1; d-- {
		var c Counts
		Count(rest, d, &c)
		digit := 0
		for r-less >= int(c[digit]) {
			less += int(c[digit])
			digit++
		}
		if int(c[digit]) == len(rest) {
			continue
		}
		n := 0
		for i := range rest {
			tmp[n] = rest[i]
			if int(byte(uint64(rest[i].Key)>>(8*d))) == digit {
				n++
			}
		}
		rest = tmp[:n]
	}
	return rest[0].Key, less
}
