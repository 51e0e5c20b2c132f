package vec

import (
	"math"
	"unsafe"
)

// FMA32 is a*b + c with one rounding, as VFMADD and fma.rn.f32 give it.
//
// The product is exact in float64, but float32(float64 sum) rounds twice. So the sum is rounded to odd first: when it is
// inexact, its last bit is set to 1 in the direction of zero. With 53 bits against 24 the second rounding is then right.
func FMA32(a, b, c float32) float32 {
	p := float64(float64(a) * float64(b))
	z := float64(c)
	s := p + z
	t := s - p
	e := float64(p-float64(s-t)) + float64(z-t)
	if e > 0 || e < 0 { // inexact; false for NaN
		if bits := math.Float64bits(s); bits&1 == 0 {
			if (e > 0) == (s > 0) {
				bits++
			} else {
				bits--
			}
			s = math.Float64frombits(bits)
		}
	}
	return float32(s)
}

// fma is FMA32 or math.FMA by type. The compiler drops the other branch.
func fma[T Real](a, b, c T) T {
	if unsafe.Sizeof(a) == 4 {
		return T(FMA32(float32(a), float32(b), float32(c)))
	}
	return T(math.FMA(float64(a), float64(b), float64(c)))
}
