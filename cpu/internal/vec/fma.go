package vec

import (
	"math"
	"unsafe"
)

// FMA32 is a*b + c with one rounding, as VFMADD and fma.rn.f32 give it.
//
// The product is exact in float64, but the sum rounded to float64 and then to float32 is rounded twice. That goes wrong only where the
// first rounding ends exactly halfway between two float32, or where the result is subnormal and the halfway points lie elsewhere.
func FMA32(a, b, c float32) float32 {
	s := float64(float64(a)*float64(b)) + float64(c)
	if u := math.Float64bits(s); u&(1<<29-1) != 1<<28 && u<<1 >= (1023-126)<<53 || s == 0 {
		return float32(s)
	}
	return fmaToOdd(a, b, c)
}

// fmaToOdd rounds the sum to odd first: when it is inexact, its last bit is set to 1 in the direction of zero. With 53 bits against 24 the second
// rounding is then right.
func fmaToOdd(a, b, c float32) float32 {
	p := float64(float64(a) * float64(b))
	z := float64(c)
	s := p + z
	t := s - p
	e := float64(p-float64(s-t)) + float64(z-t)
	if e > 0 || e < 0 { // inexact; false for NaN
		if u := math.Float64bits(s); u&1 == 0 {
			if (e > 0) == (s > 0) {
				u++
			} else {
				u--
			}
			s = math.Float64frombits(u)
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
