package ref

import (
	enc "encoding/binary"
	"fmt"
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

// Array is a contiguous tensor in the oracle's precision: floating-point elements in F, all others in I (bool as 0
// and 1). Results of f32, f16 and bf16 ops are not rounded to their dtype.
type Array struct {
	op.Type
	F []float64
	I []int64
}

// NewArray is an array of zeros of type t, without its strides.
func NewArray(t op.Type) Array {
	a := Array{Type: t.With(t.DType)}
	a.Format = t.Format
	if t.DType.Float() {
		a.F = make([]float64, t.Elems())
	} else {
		a.I = make([]int64, t.Elems())
	}
	return a
}

// Decode reads an array from the bytes of a contiguous tensor.
func Decode(t op.Type, b []byte) Array {
	a := NewArray(t)
	size := t.DType.Size()
	for i := range a.Elems() {
		raw := b[i*size:]
		switch t.DType {
		case op.F64:
			a.F[i] = math.Float64frombits(enc.LittleEndian.Uint64(raw))
		case op.F32:
			a.F[i] = float64(math.Float32frombits(enc.LittleEndian.Uint32(raw)))
		case op.F16:
			a.F[i] = FromF16(enc.LittleEndian.Uint16(raw))
		case op.BF16:
			a.F[i] = float64(math.Float32frombits(uint32(enc.LittleEndian.Uint16(raw)) << 16))
		case op.I64:
			a.I[i] = int64(enc.LittleEndian.Uint64(raw))
		case op.I32:
			a.I[i] = int64(int32(enc.LittleEndian.Uint32(raw)))
		case op.I8:
			a.I[i] = int64(int8(raw[0]))
		default:
			a.I[i] = int64(raw[0])
		}
	}
	return a
}

// Encode rounds an array once to its dtype and appends its bytes to b.
func (a *Array) Encode(b []byte) []byte {
	for i := range a.Elems() {
		switch a.DType {
		case op.F64:
			b = enc.LittleEndian.AppendUint64(b, math.Float64bits(a.F[i]))
		case op.F32:
			b = enc.LittleEndian.AppendUint32(b, math.Float32bits(float32(a.F[i])))
		case op.F16:
			b = enc.LittleEndian.AppendUint16(b, ToF16(a.F[i]))
		case op.BF16:
			b = enc.LittleEndian.AppendUint16(b, ToBF16(a.F[i]))
		case op.I64:
			b = enc.LittleEndian.AppendUint64(b, uint64(a.I[i]))
		case op.I32:
			b = enc.LittleEndian.AppendUint32(b, uint32(a.I[i]))
		default:
			b = append(b, byte(a.I[i]))
		}
	}
	return b
}

// Round is a's values rounded once to its dtype.
func (a *Array) Round() Array { return Decode(a.Type, a.Encode(nil)) }

// FromF16 is the value of binary16 bits.
func FromF16(h uint16) float64 {
	sign, exp, frac := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 != 0 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// ToF16 rounds to binary16, to nearest even.
func ToF16(x float64) uint16 { return toHalf(x, 10, 15) }

// ToBF16 rounds to bfloat16, to nearest even.
func ToBF16(x float64) uint16 { return toHalf(x, 7, 127) }

// toHalf rounds x to a format of 16 bits with the given fraction bits and exponent bias.
func toHalf(x float64, fraction, bias int) uint16 {
	var sign uint16
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	inf := uint16(2*bias+1) << fraction
	switch {
	case x == 0:
		return sign
	case x != x:
		return sign | inf | 1<<(fraction-1)
	case math.IsInf(x, 1):
		return sign | inf
	}
	_, e := math.Frexp(x) // x in [2^(e-1), 2^e)
	unit := max(e-1, 1-bias) - fraction
	n := math.RoundToEven(math.Ldexp(x, -unit)) // in units of the last place
	if e-1 < 1-bias {                           // subnormal: n units of the smallest
		return sign | uint16(n)
	}
	h := uint16(e-1+bias)<<fraction + uint16(n) - 1<<fraction
	if h >= inf || e-1 > bias {
		return sign | inf
	}
	return sign | h
}

// index maps a flat index of the shape big to one of t, which broadcasts to it.
func index(t, big *op.Type, i int) (j int) {
	s := t.StridesIn(big)
	for d := int(big.Rank) - 1; d >= 0; d-- {
		j += i % big.Dims[d] * s[d]
		i /= big.Dims[d]
	}
	return j
}

// unravel is the coordinates of flat index i.
func unravel(t *op.Type, i int) (c [op.MaxRank]int) {
	for d := int(t.Rank) - 1; d >= 0; d-- {
		c[d] = i % t.Dims[d]
		i /= t.Dims[d]
	}
	return c
}

func (a Array) String() string {
	if a.F != nil {
		return fmt.Sprintf("%v%v", a.Type, a.F)
	}
	return fmt.Sprintf("%v%v", a.Type, a.I)
}
