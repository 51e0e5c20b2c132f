package vec

import "math"

// Sine and cosine: reduction to quadrant π/2 + r and two polynomials, as kernels/math.cuh has them.

// twoOverPi holds the first 224 bits of 2/π behind the binary point; the leading word is a zero to start from.
var twoOverPi = [8]uint32{0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab}

const reduceLimit = 131072 // above it the reduction goes by integers

// reduceLarge is Payne and Hanek's reduction of a finite a > 2^17: its significand times the 96 bits of 2/π that matter, modulo 4.
func reduceLarge(a float32) (r float32, quadrant uint32) {
	b := bitsOf(a)
	shift := b>>23 - 150 + 32 - 2
	m := uint64(b&0x7fffff | 0x800000)
	w, left := twoOverPi[shift>>5:], shift&31
	funnel := func(high, low uint32) uint64 { return uint64(high<<left | low>>(32-left)) }
	hi, mid, low := funnel(w[0], w[1]), funnel(w[1], w[2]), funnel(w[2], w[3])
	product := m*hi<<32 + m*mid + m*low>>32
	quadrant = uint32(product >> 62)
	fraction := int64(product << 2) // in units of π/2 2^-64; above one half it belongs to the next quadrant
	if fraction < 0 {
		quadrant++
	}
	return float32(float64(fraction) * 8.5153039502163873e-20), quadrant
}

// reduceAngle writes a >= 0 as quadrant π/2 + r with |r| <= 0.80.
func reduceAngle(a float32) (r float32, quadrant uint32) {
	if a > reduceLimit {
		if a < inf32 {
			return reduceLarge(a)
		}
		return a - a, 0
	}
	z := FMA32(a, 0.636619747, rounder)
	n := z - rounder
	r = FMA32(n, -1.57079637, a)
	r = FMA32(n, 4.37113883e-8, r)
	return FMA32(n, 1.71512489e-15, r), bitsOf(z)
}

func sinPoly(r float32) float32 {
	s := r * r
	return FMA32(r*s, poly(s, 2.89871446e-06, -0.000198595735, 0.0083333943, -0.166666672), r)
}

func cosPoly(r float32) float32 {
	s := r * r
	return FMA32(s*s, poly(s, 2.45365609e-05, -0.00138882431, 0.0416666642), FMA32(s, -0.5, 1))
}

// sine and cosine finish a reduced angle.
func sine(r float32, quadrant uint32) float32 {
	y := sinPoly(r)
	if quadrant&1 != 0 {
		y = cosPoly(r)
	}
	return fromBits(bitsOf(y) ^ quadrant&2<<30)
}

func cosine(r float32, quadrant uint32) float32 {
	y := cosPoly(r)
	if quadrant&1 != 0 {
		y = sinPoly(r)
	}
	return fromBits(bitsOf(y) ^ (quadrant+1)&2<<30)
}

// Sin is the sine, for every finite x.
func Sin(x float32) float32 { return fromBits(bitsOf(sine(reduceAngle(abs(x)))) ^ bitsOf(x)&signBit) }

// Cos is the cosine, for every finite x.
func Cos(x float32) float32 { return cosine(reduceAngle(abs(x))) }

// SinCos is sine and cosine of an angle in float64, |a| < 2^31: a position times a frequency. π/2 in two parts, and the rest rounded to float32.
func SinCos(a float64) (sin, cos float32) {
	z := math.FMA(a, 0.63661977236758138, rounder64)
	n := z - rounder64
	r := math.FMA(n, -1.5707963267948966, a)
	t, quadrant := float32(math.FMA(n, -6.123233995736766e-17, r)), uint32(math.Float64bits(z))
	return sine(t, quadrant), cosine(t, quadrant)
}
