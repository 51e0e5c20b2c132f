package vec

// Element is a type of one of the sizes that copies know: the bits are what moves.
type Element interface {
	uint8 | uint16 | uint32 | uint64
}

// Gather reads every stride-th element: dst[i] = src[i*stride].
func Gather[T any](dst, src []T, stride int) {
	for i := range dst {
		dst[i] = src[i*stride]
	}
}

// Scatter writes every stride-th element: dst[i*stride] = src[i].
func Scatter[T any](dst, src []T, stride int) {
	for i, x := range src {
		dst[i*stride] = x
	}
}

// Fill sets all of dst to v.
func Fill[T any](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}

// Transpose writes the transpose of a [rows, cols] block: dst[c*dstStride+r] = src[r*srcStride+c]. It goes in tiles of
// 8x8, so that each cache line of both sides is used while it is near.
func Transpose[T Element](dst []T, dstStride int, src []T, srcStride, rows, cols int) {
	const tile = 8
	for r0 := 0; r0 < rows; r0 += tile {
		r1 := min(r0+tile, rows)
		for c0 := 0; c0 < cols; c0 += tile {
			for c := c0; c < min(c0+tile, cols); c++ {
				out := dst[c*dstStride+r0 : c*dstStride+r1]
				for r := range out {
					out[r] = src[(r0+r)*srcStride+c]
				}
			}
		}
	}
}
