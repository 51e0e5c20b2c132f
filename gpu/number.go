//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

// A parameter of an op is a float64; kernels take it as a word of the operands' type, or of the type that they compute in.

// element is v as the bits of an element of type d, converted as Cast does.
func element(v float64, d op.DType) uint64 {
	switch d {
	case op.F64:
		return math.Float64bits(v)
	case op.F32:
		return single(float32(v))
	case op.F16:
		return uint64(narrow(v, 10, 5))
	case op.BF16:
		return uint64(narrow(v, 7, 8))
	case op.Bool:
		if v != 0 {
			return 1
		}
		return 0
	}
	return uint64(integer(v, d))
}

// computed is v, rounded to type d, as a word of the type that d is computed in.
func computed(v float64, d op.DType) uint64 {
	switch bits := element(v, d); d {
	case op.F16:
		return single(widen(uint16(bits)))
	case op.BF16:
		return bits << 16
	default:
		return bits
	}
}

// factor is v, which is not rounded to type d, as a word of the type that d is computed in.
func factor(v float32, d op.DType) uint64 {
	if d == op.F64 {
		return math.Float64bits(float64(v))
	}
	return single(v)
}

func single(v float32) uint64 { return uint64(math.Float32bits(v)) }

// integer truncates toward zero and saturates; NaN gives 0.
func integer(v float64, d op.DType) int64 {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	switch d {
	case op.I32:
		lo, hi = math.MinInt32, math.MaxInt32
	case op.I8:
		lo, hi = math.MinInt8, math.MaxInt8
	case op.U8:
		lo, hi = 0, math.MaxUint8
	}
	switch {
	case v != v:
		return 0
	case v <= float64(lo):
		return lo
	case v >= float64(hi):
		return hi
	}
	return int64(v)
}

// narrow rounds v to a 16-bit format of the given fraction and exponent bits, to nearest even.
func narrow(v float64, fraction, exponent int) uint16 {
	bits := math.Float64bits(v)
	sign, m := uint64(bits>>63<<15), bits&(1<<52-1)
	e := int(bits>>52&0x7FF) - 1023 + 1<<(exponent-1) - 1
	infinity := uint64(1<<exponent-1) << fraction
	if v != v {
		return uint16(sign | infinity | 1<<(fraction-1))
	}
	drop := 52 - fraction
	if e <= 0 { // subnormal there: the leading one becomes part of the fraction
		m, drop, e = m|1<<52, drop+1-e, 0
		if drop > 63 {
			return uint16(sign)
		}
	}
	q, rest, half := m>>drop, m&(1<<drop-1), uint64(1)<<(drop-1)
	if rest > half || rest == half && q&1 == 1 {
		q++
	}
	return uint16(sign | min(uint64(e)<<fraction+q, infinity)) // a carry out of the fraction raises the exponent
}

// widen is the value of binary16 bits.
func widen(h uint16) float32 {
	sign, e, m := uint32(h>>15)<<31, int(h>>10&31), uint32(h&0x3FF)
	switch {
	case e == 31:
		return math.Float32frombits(sign | 0xFF<<23 | m<<13)
	case e == 0:
		v := float32(m) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(v))
	}
	return math.Float32frombits(sign | uint32(e+112)<<23 | m<<13)
}

// bit is a condition as a word.
func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
