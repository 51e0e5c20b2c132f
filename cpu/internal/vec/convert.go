package vec

import "math"

// F16ToF32 widens an IEEE half. It is exact; a NaN becomes quiet.
func F16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac * 2^-24, exact
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	case 31:
		bits := sign | 0x7f800000 | frac<<13
		if frac != 0 {
			bits |= 1 << 22
		}
		return math.Float32frombits(bits)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// F32ToF16 rounds to nearest even, subnormals included; from 65520 on the result is infinite. A NaN stays one, quiet.
func F32ToF16(x float32) uint16 { return F64ToF16(float64(x)) }

// F64ToF16 rounds once, from float64 to half.
func F64ToF16(x float64) uint16 {
	bits := math.Float64bits(x)
	sign := uint16(bits >> 48 & 0x8000)
	mag := math.Abs(x)
	switch {
	case mag != mag:
		return sign | 0x7e00 | uint16(bits>>42)&0x1ff
	case mag >= 65520:
		return sign | 0x7c00
	case mag < 0x1p-14: // subnormal: adding 2^28 leaves units of 2^-24, rounded to even
		return sign | uint16(math.Float64bits(mag+0x1p28)&0x7ff)
	}
	m := math.Float64bits(mag)
	m += 1<<41 - 1 + m>>42&1 // half a unit less one, and one more if the last bit kept is odd
	return sign | uint16(m>>42-(1023-15)<<10)
}

// BF16ToF32 widens the upper half of a float32. It is exact.
func BF16ToF32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F32ToBF16 rounds to nearest even. A NaN stays one, quiet.
func F32ToBF16(x float32) uint16 {
	bits := math.Float32bits(x)
	if x != x {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// F64ToBF16 rounds once, from float64: to odd in float32 first, which keeps what the second rounding must know.
func F64ToBF16(x float64) uint16 {
	f := float32(x)
	if back := float64(f); back != x && x == x && !math.IsInf(x, 0) {
		bits := math.Float32bits(f)
		if math.Abs(back) > math.Abs(x) {
			bits-- // toward zero; from an infinity to the largest number
		}
		f = math.Float32frombits(bits | 1)
	}
	return F32ToBF16(f)
}

// ToInt converts a floating-point number to an integer: toward zero, saturating, NaN to 0.
func ToInt[D Integer, S Real](x S) D {
	lo, hi := limits[D]()
	switch {
	case x != x:
		return 0
	case float64(x) <= float64(lo):
		return D(lo)
	case float64(x) >= float64(hi): // for 64 bits float64(hi) is 2^63
		return D(hi)
	}
	return D(x)
}

// limits of D as int64; all our integer types fit.
func limits[D Integer]() (lo, hi int64) {
	var d D
	switch any(d).(type) {
	case int8:
		return math.MinInt8, math.MaxInt8
	case uint8:
		return 0, math.MaxUint8
	case int32:
		return math.MinInt32, math.MaxInt32
	case uint32:
		return 0, math.MaxUint32
	}
	return math.MinInt64, math.MaxInt64
}

// IntFromReal applies ToInt to a slice.
func IntFromReal[D Integer, S Real](dst []D, src []S) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = ToInt[D](x)
	}
}

// RealFromInt converts integers, rounding to nearest even.
func RealFromInt[D Real, S Integer](dst []D, src []S) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = D(x)
	}
}

// IntFromInt keeps the low bits.
func IntFromInt[D, S Integer](dst []D, src []S) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = D(x)
	}
}

// F16FromInt rounds each element once: a half overflows long before float64 rounds.
func F16FromInt[S Integer](dst []uint16, src []S) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = F64ToF16(float64(x))
	}
}

// BF16FromInt rounds each element once: to odd in float64 first.
func BF16FromInt[S Integer](dst []uint16, src []S) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = F64ToBF16(oddF64(int64(x)))
	}
}

// oddF64 cuts x to float64 and keeps "there was more" in the last bit.
func oddF64(x int64) float64 {
	if x >= -1<<53 && x <= 1<<53 {
		return float64(x)
	}
	const low = 1<<11 - 1 // no more bits than these are too many
	if x&low != 0 {
		x = x&^low | (low + 1)
	}
	return float64(x)
}

// BoolFrom is true where src is not zero; NaN is not zero.
func BoolFrom[S Real | Integer](dst []bool, src []S) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = x != 0
	}
}

// FromBool is 1 where src is true, else 0.
func FromBool[D Real | Integer](dst []D, src []bool) {
	src = src[:len(dst)]
	for i, b := range src {
		dst[i] = 0
		if b {
			dst[i] = 1
		}
	}
}

// F16FromF64 rounds each element once.
func F16FromF64(dst []uint16, src []float64) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = F64ToF16(x)
	}
}

// BF16FromF64 rounds each element once.
func BF16FromF64(dst []uint16, src []float64) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = F64ToBF16(x)
	}
}
