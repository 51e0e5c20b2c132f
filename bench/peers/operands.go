package peers

import (
	"math"
	"unsafe"

	"github.com/tandem-compute/tandem/bench"
)

// product is the operands of a GEMM case, filled.
type product[T any] struct {
	bench.GEMM
	a, b, c []T
}

func newProduct[T float32 | float64](c bench.Case, g bench.GEMM) *product[T] {
	return &product[T]{
		GEMM: g,
		a:    bench.Uniform[T](c.Name, 0, g.M*g.K), b: bench.Uniform[T](c.Name, 1, g.K*g.N), c: touched[T](g.M * g.N),
	}
}

// newProductBF16 rounds the f32 operands to bf16.
func newProductBF16(c bench.Case, g bench.GEMM) *product[uint16] {
	p := newProduct[float32](c, g)
	return &product[uint16]{GEMM: g, a: toBF16(p.a), b: toBF16(p.b), c: touched[uint16](g.M * g.N)}
}

// touched allocates an output and writes it, so that no page faults are left for the timed part.
func touched[T float32 | float64 | uint16](n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// toBF16 rounds to nearest, ties to even. The operands are finite.
func toBF16(x []float32) []uint16 {
	y := make([]uint16, len(x))
	for i, v := range x {
		bits := math.Float32bits(v)
		y[i] = uint16((bits + 0x7fff + bits>>16&1) >> 16)
	}
	return y
}

// strides of a and b in elements, row and column, for the product's layout.
func (p *product[T]) strides() (a, b [2]int) {
	a, b = [2]int{p.K, 1}, [2]int{p.N, 1}
	switch p.Layout {
	case bench.NT:
		b = [2]int{1, p.K}
	case bench.TN:
		a = [2]int{1, p.M}
	}
	return a, b
}

// address of the first element, for a foreign function. The slice must stay reachable while it is in use.
func address[T any](x []T) uintptr { return uintptr(unsafe.Pointer(&x[0])) }
