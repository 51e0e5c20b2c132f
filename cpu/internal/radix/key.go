package radix

import "math"

// Number is an element type that has keys.
type Number interface {
	float64 | float32 | int64 | int32 | int8 | uint8
}

// Key is an unsigned number that stands in the order of what it was made from.
type Key interface{ uint32 | uint64 }

// Item is a key and where it came from.
type Item[K Key] struct {
	Key   K
	Index int32
}

// Items fills dst with the keys of x, whose first element has the given index. Descending turns the order round. Zeros
// of both signs have one key, and so have all NaN, which stand last either way.
//
// K is uint64 for the numbers of 64 bits, else uint32.
func Items[T Number, K Key](dst []Item[K], x []T, first int, descending bool) {
	var flip K
	if descending {
		flip = ^flip
	}
	dst = dst[:len(x)]
	switch x := any(x).(type) {
	case []float32:
		for i, v := range x {
			dst[i] = Item[K]{K(key32(math.Float32bits(v), uint32(flip))), int32(first + i)}
		}
	case []float64:
		for i, v := range x {
			dst[i] = Item[K]{K(key64(math.Float64bits(v), uint64(flip))), int32(first + i)}
		}
	default:
		items(dst, any(x), first, flip)
	}
}

// items is Items of integers: the sign bit turned over puts negative numbers before the others.
func items[K Key](dst []Item[K], x any, first int, flip K) {
	switch x := x.(type) {
	case []int64:
		for i, v := range x {
			dst[i] = Item[K]{K(uint64(v)^1<<63) ^ flip, int32(first + i)}
		}
	case []int32:
		for i, v := range x {
			dst[i] = Item[K]{K(uint32(v)^1<<31) ^ flip, int32(first + i)}
		}
	case []int8:
		for i, v := range x {
			dst[i] = Item[K]{K(uint8(v)^1<<7) ^ flip, int32(first + i)}
		}
	case []uint8:
		for i, v := range x {
			dst[i] = Item[K]{K(v) ^ flip, int32(first + i)}
		}
	}
}

// key32 is the key of a float32's bits. Positive numbers are in order as they are and go above the negative ones, which
// are in reverse; no number's key is all ones, flipped or not.
func key32(b, flip uint32) uint32 {
	if b&0x7FFFFFFF > 0x7F800000 {
		return math.MaxUint32
	}
	if b == 1<<31 { // -0
		b = 0
	}
	return b ^ (uint32(int32(b)>>31) | 1<<31) ^ flip
}

// key64 is key32 of a float64's bits.
func key64(b, flip uint64) uint64 {
	if b&(1<<63-1) > 0x7FF<<52 {
		return math.MaxUint64
	}
	if b == 1<<63 {
		b = 0
	}
	return b ^ (uint64(int64(b)>>63) | 1<<63) ^ flip
}
