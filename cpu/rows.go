package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// Rows: what kernels over the last dimension share. A row is used in place when it is in the type that is computed
// in, else widened into scratch memory and narrowed back.

// rowGrain is the rows worth a thread's while, for rows of n elements.
func rowGrain(n int) int { return max(1, elementGrain/max(1, n)) }

// rowOf is row r of v as T: v is rowMajor and its dtype T, or a half and T float32. A half is widened into scratch i.
func rowOf[T vec.Real](w *worker, v *op.View, r, i int) []T {
	stride, _ := v.RowStride()
	n, at := v.Last(), r*stride
	if v.DType != op.F16 && v.DType != op.BF16 {
		return dataOf[T](v)[at : at+n]
	}
	half := op.Data[uint16](v)[at : at+n]
	wide := scratch[float32](w, i, n)
	if v.DType == op.F16 {
		w.vec.F32FromF16(wide, half)
	} else {
		w.vec.F32FromBF16(wide, half)
	}
	return any(wide).([]T)
}

// dataOf is op.Data for a type parameter of vec.
func dataOf[T vec.Real](v *op.View) []T {
	switch any(*new(T)).(type) {
	case float32:
		return any(op.Data[float32](v)).([]T)
	}
	return any(op.Data[float64](v)).([]T)
}

// rowTo is where row r of an output is computed: in place, or in scratch i for a half. putRow completes it.
func rowTo[T vec.Real](w *worker, v *op.View, r, i int) []T {
	if v.DType == op.F16 || v.DType == op.BF16 {
		return any(scratch[float32](w, i, v.Last())).([]T)
	}
	stride, _ := v.RowStride()
	return dataOf[T](v)[r*stride : r*stride+v.Last()]
}

func putRow[T vec.Real](w *worker, v *op.View, r int, row []T) {
	if v.DType != op.F16 && v.DType != op.BF16 {
		return
	}
	stride, _ := v.RowStride()
	half := op.Data[uint16](v)[r*stride : r*stride+v.Last()]
	if v.DType == op.F16 {
		w.vec.F16FromF32(half, any(row).([]float32))
	} else {
		w.vec.BF16FromF32(half, any(row).([]float32))
	}
}

// rowTable is the function table for the rows of an output: past the caches when it is far larger than they are.
func rowTable[T vec.Real](w *worker, v *op.View) *vec.Float[T] {
	if isFar(v) {
		return floats[T](w.far)
	}
	return floats[T](w.vec)
}

// isFar tells whether the rows of an output go past the caches. Then kernels take two rows at a time, to read one while they write the other.
func isFar(v *op.View) bool {
	return v.DType != op.F16 && v.DType != op.BF16 && v.Bytes() > farBytes
}
