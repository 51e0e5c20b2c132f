package gemm

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
)

// stored is a matrix in memory with guards on all sides: before, after and between the rows.
type stored struct {
	Matrix
	bytes      []byte
	rows, cols int
}

const guard = 0xA5

// layout is how a matrix lies in memory.
type layout struct {
	transposed bool
	gap        int // extra elements between lines
}

func newStored(t Type, rows, cols int, l layout, value func(i, j int) float64) *stored {
	lines, length := rows, cols
	if l.transposed {
		lines, length = cols, rows
	}
	ld := length + l.gap
	const margin = 64
	s := &stored{bytes: make([]byte, 2*margin+lines*ld*t.Size()+8), rows: rows, cols: cols}
	for i := range s.bytes {
		s.bytes[i] = guard
	}
	s.Matrix = Matrix{unsafe.Pointer(&s.bytes[margin]), t, ld, 1}
	if l.transposed {
		s.Matrix = s.Matrix.T()
	}
	for i := range rows {
		for j := range cols {
			s.set(i, j, value(i, j))
		}
	}
	return s
}

func (s *stored) set(i, j int, x float64) {
	p := s.at(i, j)
	switch s.Type {
	case F32:
		*(*float32)(p) = float32(x)
	case F64:
		*(*float64)(p) = x
	case F16:
		*(*uint16)(p) = vec.F32ToF16(float32(x))
	case BF16:
		*(*uint16)(p) = vec.F32ToBF16(float32(x))
	}
}

func (s *stored) get(i, j int) float64 {
	p := s.at(i, j)
	switch s.Type {
	case F32:
		return float64(*(*float32)(p))
	case F64:
		return *(*float64)(p)
	case F16:
		return float64(vec.F16ToF32(*(*uint16)(p)))
	}
	return float64(vec.BF16ToF32(*(*uint16)(p)))
}

// T is the transpose.
func (s *stored) T() *stored {
	return &stored{Matrix: s.Matrix.T(), bytes: s.bytes, rows: s.cols, cols: s.rows}
}

// values returns the elements row by row.
func (s *stored) values() []float64 {
	x := make([]float64, 0, s.rows*s.cols)
	for i := range s.rows {
		for j := range s.cols {
			x = append(x, s.get(i, j))
		}
	}
	return x
}

// checkGuards fails if a byte outside the elements changed.
func (s *stored) checkGuards(t *testing.T) {
	t.Helper()
	inside := make([]bool, len(s.bytes))
	base := uintptr(unsafe.Pointer(&s.bytes[0]))
	for i := range s.rows {
		for j := range s.cols {
			at := int(uintptr(s.at(i, j)) - base)
			for b := range s.Type.Size() {
				inside[at+b] = true
			}
		}
	}
	for i, b := range s.bytes {
		if !inside[i] && b != guard {
			require.Failf(t, "guard overwritten", "byte %d of %d", i, len(s.bytes))
		}
	}
}

func (s *stored) contents() string { return string(s.bytes) }

// unit is the rounding unit of a type.
func unit(t Type) float64 {
	return [...]float64{F32: 0x1p-24, F64: 0x1p-53, F16: 0x1p-11, BF16: 0x1p-8}[t]
}
