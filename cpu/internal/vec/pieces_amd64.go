//go:build !purego

package vec

import "unsafe"

// What stands between the table and kernels that do whole groups only.

// whole runs the kernel on the whole groups of a slice and the plain loop on the rest.
func whole[D, S any](group int, rest, kernel func(dst []D, src []S)) func(dst []D, src []S) {
	return func(dst []D, src []S) {
		n := len(dst) / group * group
		kernel(dst[:n], src)
		rest(dst[n:], src[n:])
	}
}

func wholePair[D, S any](group int, rest, kernel func(dst []D, a, b []S)) func(dst []D, a, b []S) {
	return func(dst []D, a, b []S) {
		n := len(dst) / group * group
		kernel(dst[:n], a, b)
		rest(dst[n:], a[n:], b[n:])
	}
}

func wholeScalar[D, S any](group int, rest, kernel func(dst []D, a []S, s S)) func(dst []D, a []S, s S) {
	return func(dst []D, a []S, s S) {
		n := len(dst) / group * group
		kernel(dst[:n], a, s)
		rest(dst[n:], a[n:], s)
	}
}

// onBytes runs a kernel on the whole groups of 64 bytes of integers.
func onBytes[T Integer](rest func(dst, a, b []T), kernel func(dst, a, b []uint8)) func(dst, a, b []T) {
	return func(dst, a, b []T) {
		const group = 64
		var x T
		n := len(dst) * int(unsafe.Sizeof(x)) / group * group
		kernel(bytesOf(dst)[:n], bytesOf(a), bytesOf(b))
		m := n / int(unsafe.Sizeof(x))
		rest(dst[m:], a[m:], b[m:])
	}
}

func bytesOf[T Integer](x []T) []uint8 {
	var e T
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(e)))
}

// sinPieces lets the kernel do what it can and plain Go the eight elements that it stops at.
func sinPieces(dst, a []float32) {
	for {
		done := sin32AVX2(dst, a)
		dst, a = dst[done:], a[done:]
		if len(dst) == 0 {
			return
		}
		n := min(8, len(dst))
		for i, x := range a[:n] {
			dst[i] = Sin(x)
		}
		dst, a = dst[n:], a[n:]
	}
}

func cosPieces(dst, a []float32) {
	for {
		done := cos32AVX2(dst, a)
		dst, a = dst[done:], a[done:]
		if len(dst) == 0 {
			return
		}
		n := min(8, len(dst))
		for i, x := range a[:n] {
			dst[i] = Cos(x)
		}
		dst, a = dst[n:], a[n:]
	}
}

// chunk is how many elements an intermediate result on the stack has.
const chunk = 512

func sinGradChunks(dx, v, dy []float32) {
	var slope [chunk]float32
	for len(dx) > 0 {
		n := min(chunk, len(dx))
		cosPieces(slope[:n], v)
		mul32AVX2(dx[:n], slope[:], dy)
		dx, v, dy = dx[n:], v[n:], dy[n:]
	}
}

func cosGradChunks(dx, v, dy []float32) {
	var slope [chunk]float32
	for len(dx) > 0 {
		n := min(chunk, len(dx))
		sinPieces(slope[:n], v)
		neg32AVX2(slope[:n], slope[:])
		mul32AVX2(dx[:n], slope[:], dy)
		dx, v, dy = dx[n:], v[n:], dy[n:]
	}
}

// transpose32 goes down panels of 16 columns, so that the lines of both sides are used whole while they are near.
func transpose32(dst []uint32, dstStride int, src []uint32, srcStride, rows, cols int) {
	const panel = 16
	wholeRows, wholeCols := rows&^7, cols&^7
	for c := 0; c < wholeCols; c += panel {
		for r := 0; r < wholeRows; r += 8 {
			transpose8x32AVX2(&dst[c*dstStride+r], dstStride, &src[r*srcStride+c], srcStride, min(panel, wholeCols-c))
		}
	}
	if wholeRows < rows && wholeCols > 0 {
		Transpose(dst[wholeRows:], dstStride, src[wholeRows*srcStride:], srcStride, rows-wholeRows, wholeCols)
	}
	if wholeCols < cols {
		Transpose(dst[wholeCols*dstStride:], dstStride, src[wholeCols:], srcStride, rows, cols-wholeCols)
	}
}
