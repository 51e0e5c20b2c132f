package radix

import "unsafe"

// Digits is the values of a digit, of eight bits.
const Digits = 256

// Counts is how often each value of a digit occurs, or where the next item with it goes.
type Counts [Digits]int32

// Passes is the digits of a key.
func Passes[K Key]() int { return int(unsafe.Sizeof(*new(K))) }

// few is the length up to which insertion is the faster sort.
const few = 40

// Sort orders items by key, equals as they stand. tmp is as long as items; the result lies in one of the two.
//
// It goes from the lowest digit to the highest and leaves out the digits in which all keys agree.
func Sort[K Key](items, tmp []Item[K]) []Item[K] {
	if len(items) <= few {
		insert(items)
		return items
	}
	var counts [8]Counts
	passes := Passes[K]()
	for i := range items {
		k := uint64(items[i].Key)
		for d := range passes {
			counts[d][byte(k>>(8*d))]++
		}
	}
	tmp = tmp[:len(items)]
	for d := range passes {
		c := &counts[d]
		if int(c[byte(uint64(items[0].Key)>>(8*d))]) == len(items) {
			continue
		}
		c.starts()
		Scatter(tmp, items, d, c)
		items, tmp = tmp, items
	}
	return items
}

// insert sorts few items.
func insert[K Key](items []Item[K]) {
	for i := 1; i < len(items); i++ {
		it, j := items[i], i
		for ; j > 0 && items[j-1].Key > it.Key; j-- {
			items[j] = items[j-1]
		}
		items[j] = it
	}
}

// starts turns counts into the places where each digit's first item goes.
func (c *Counts) starts() {
	at := int32(0)
	for i, n := range c {
		c[i] = at
		at += n
	}
}

// Count counts the values of digit d in items.
func Count[K Key](items []Item[K], d int, c *Counts) {
	clear(c[:])
	for i := range items {
		c[byte(uint64(items[i].Key)>>(8*d))]++
	}
}

// Starts turns the counts of consecutive blocks into the place of each block's first item of each digit: by digit first,
// then by block. It reports whether all items agree in the digit, so that there is nothing to do.
func Starts(blocks []Counts) (same bool) {
	at, total := int32(0), int32(0)
	for i := range blocks {
		for _, n := range blocks[i] {
			total += n
		}
	}
	for digit := range Digits {
		first := at
		for i := range blocks {
			n := blocks[i][digit]
			blocks[i][digit] = at
			at += n
		}
		same = same || at-first == total
	}
	return same
}

// Scatter moves items to the places that their digits d have in at, which advance.
func Scatter[K Key](dst, items []Item[K], d int, at *Counts) {
	for _, it := range items {
		p := &at[byte(uint64(it.Key)>>(8*d))]
		dst[*p] = it
		*p++
	}
}
