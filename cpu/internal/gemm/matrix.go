package gemm

import "unsafe"

// Type is how a matrix is stored. F32, F16 and BF16 are computed in float32, F64 in float64.
type Type uint8

const (
	F32 Type = iota
	F64
	F16
	BF16
	numTypes
)

var sizes = [numTypes]int{4, 8, 2, 2}

// Size is the number of bytes of an element.
func (t Type) Size() int { return sizes[t] }

// Matrix is a view of stored elements: element i, j is Row*i + Col*j elements after Ptr. The strides may be anything
// for operands, 0 to repeat a row or a column included; one of them 1 is fast. A result needs Col = 1.
// The zero Matrix is an operand that is absent.
type Matrix struct {
	Ptr      unsafe.Pointer
	Type     Type
	Row, Col int
}

// Of views float32 or float64 elements.
func Of[T float32 | float64](x []T, row, col int) Matrix {
	t := F32
	if unsafe.Sizeof(*new(T)) == 8 {
		t = F64
	}
	return Matrix{unsafe.Pointer(unsafe.SliceData(x)), t, row, col}
}

// OfHalf views elements of type F16 or BF16 as their bits.
func OfHalf(t Type, x []uint16, row, col int) Matrix {
	return Matrix{unsafe.Pointer(unsafe.SliceData(x)), t, row, col}
}

// T is the transpose.
func (m Matrix) T() Matrix {
	m.Row, m.Col = m.Col, m.Row
	return m
}

// at is the address of element i, j.
func (m *Matrix) at(i, j int) unsafe.Pointer {
	return unsafe.Add(m.Ptr, (i*m.Row+j*m.Col)*m.Type.Size())
}

// moved is the view that begins n elements later.
func (m Matrix) moved(n int) Matrix {
	if m.Ptr != nil && n != 0 {
		m.Ptr = unsafe.Add(m.Ptr, n*m.Type.Size())
	}
	return m
}

// floats views n elements at p, which are of type T.
func floats[T float32 | float64](p unsafe.Pointer, n int) []T { return unsafe.Slice((*T)(p), n) }

// halves views n elements at p as their bits.
func halves(p unsafe.Pointer, n int) []uint16 { return unsafe.Slice((*uint16)(p), n) }
