package ptx

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConversions(t *testing.T) {
	in := inputs(2, append(floatSpecials32(), intSpecials...), 256)
	clamp := func(x, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, x)) }
	f := func(a uint64) float64 { return float64(math.Float32frombits(uint32(a))) }
	for body, want := range map[string]func(a, b, c uint64) uint64{
		"cvt.u32.u64 d, A;":      func(a, _, _ uint64) uint64 { return u32of(a) },
		"cvt.s64.s32 D, a;":      func(a, _, _ uint64) uint64 { return uint64(s32of(a)) },
		"cvt.u64.u32 D, a;":      func(a, _, _ uint64) uint64 { return u32of(a) },
		"cvt.s32.s8 d, a;":       func(a, _, _ uint64) uint64 { return u32of(uint64(int64(int8(a)))) },
		"cvt.s32.s8 d, ah;":      func(a, _, _ uint64) uint64 { return u32of(uint64(int64(int8(a)))) },
		"cvt.u32.u16 d, ah;":     func(a, _, _ uint64) uint64 { return a & 0xffff },
		"cvt.s16.s8 dh, ah;":     func(a, _, _ uint64) uint64 { return uint64(uint16(int16(int8(a)))) },
		"cvt.u8.u32 d, a;":       func(a, _, _ uint64) uint64 { return a & 255 },
		"cvt.s8.s32 d, a;":       func(a, _, _ uint64) uint64 { return u32of(uint64(int64(int8(a)))) },
		"cvt.sat.s8.s32 d, a;":   func(a, _, _ uint64) uint64 { return u32of(uint64(max(-128, min(127, s32of(a))))) },
		"cvt.sat.u8.s32 d, a;":   func(a, _, _ uint64) uint64 { return uint64(max(0, min(255, s32of(a)))) },
		"cvt.sat.u16.u32 dh, a;": func(a, _, _ uint64) uint64 { return min(u32of(a), 65535) },
		"cvt.sat.s32.u32 d, a;":  func(a, _, _ uint64) uint64 { return min(u32of(a), math.MaxInt32) },
		"cvt.rn.f32.s32 d, a;":   func(a, _, _ uint64) uint64 { return uint64(math.Float32bits(float32(int32(a)))) },
		"cvt.rn.f32.u32 d, a;":   func(a, _, _ uint64) uint64 { return uint64(math.Float32bits(float32(uint32(a)))) },
		"cvt.rn.f32.u64 d, A;": func(a, _, _ uint64) uint64 {
			return uint64(math.Float32bits(bigTo32(new(big.Float).SetUint64(a), big.ToNearestEven)))
		},
		"cvt.rz.f32.u64 d, A;": func(a, _, _ uint64) uint64 {
			return uint64(math.Float32bits(bigTo32(new(big.Float).SetUint64(a), big.ToZero)))
		},
		"cvt.rm.f32.s64 d, A;": func(a, _, _ uint64) uint64 {
			return uint64(math.Float32bits(bigTo32(new(big.Float).SetInt64(int64(a)), big.ToNegativeInf)))
		},
		"cvt.rp.f32.s32 d, a;": func(a, _, _ uint64) uint64 {
			return uint64(math.Float32bits(bigTo32(new(big.Float).SetInt64(s32of(a)), big.ToPositiveInf)))
		},
		"cvt.rn.f64.u64 D, A;": func(a, _, _ uint64) uint64 { return math.Float64bits(float64(a)) },
		"cvt.rn.f64.s64 D, A;": func(a, _, _ uint64) uint64 { return math.Float64bits(float64(int64(a))) },
		"cvt.rp.f64.u64 D, A;": func(a, _, _ uint64) uint64 {
			v, _ := new(big.Float).SetPrec(53).SetMode(big.ToPositiveInf).SetUint64(a).Float64()
			return math.Float64bits(v)
		},
		"cvt.rzi.s32.f32 d, a;": func(a, _, _ uint64) uint64 {
			if x := f(a); x == x {
				return u32of(uint64(int64(clamp(math.Trunc(x), math.MinInt32, math.MaxInt32))))
			}
			return 0
		},
		"cvt.rni.s32.f32 d, a;": func(a, _, _ uint64) uint64 {
			if x := f(a); x == x {
				return u32of(uint64(int64(clamp(math.RoundToEven(x), math.MinInt32, math.MaxInt32))))
			}
			return 0
		},
		"cvt.rmi.u32.f32 d, a;": func(a, _, _ uint64) uint64 {
			if x := f(a); x == x {
				return uint64(clamp(math.Floor(x), 0, math.MaxUint32))
			}
			return 0
		},
		"cvt.rpi.s8.f32 d, a;": func(a, _, _ uint64) uint64 {
			if x := f(a); x == x {
				return u32of(uint64(int64(clamp(math.Ceil(x), -128, 127))))
			}
			return 0
		},
		"cvt.rzi.s64.f32 D, a;": func(a, _, _ uint64) uint64 {
			switch x := f(a); {
			case x != x || x < -0x1p63:
				return 1 << 63
			case x >= 0x1p63:
				return math.MaxInt64
			default:
				return uint64(int64(x))
			}
		},
		"cvt.rzi.u64.f64 D, A;": func(a, _, _ uint64) uint64 {
			switch x := f64(a); {
			case x != x:
				return 1 << 63
			case x <= 0:
				return 0
			case x >= 0x1p64:
				return math.MaxUint64
			default:
				return uint64(x)
			}
		},
		"cvt.rzi.s32.f64 d, A;": func(a, _, _ uint64) uint64 {
			if x := f64(a); x == x {
				return u32of(uint64(int64(clamp(math.Trunc(x), math.MinInt32, math.MaxInt32))))
			}
			return 1 << 31
		},
		"cvt.rni.f32.f32 d, a;":     func(a, _, _ uint64) uint64 { return canon32(float32(math.RoundToEven(f(a)))) },
		"cvt.rmi.ftz.f32.f32 d, a;": func(a, _, _ uint64) uint64 { return canon32(float32(math.Floor(float64(f32(flush32(uint32(a))))))) },
		"cvt.sat.f32.f32 d, a;": func(a, _, _ uint64) uint64 {
			if x := f(a); x == x {
				return uint64(math.Float32bits(float32(clamp(x, 0, 1)))) &^ (1 << 31)
			}
			return 0
		},
		"cvt.f64.f32 D, a;":    func(a, _, _ uint64) uint64 { return b64(f(a)) },
		"cvt.rn.f32.f64 d, A;": func(a, _, _ uint64) uint64 { return canon32(float32(f64(a))) },
		"cvt.rz.f32.f64 d, A;": func(a, _, _ uint64) uint64 {
			x := f64(a)
			if !finite(x) {
				return canon32(float32(x))
			}
			return uint64(math.Float32bits(bigTo32(new(big.Float).SetFloat64(x), big.ToZero))) | a>>63<<31
		},
		"cvt.f32.f16 d, ah;":         func(a, _, _ uint64) uint64 { return canon32(float32(slowHalf(uint16(a), 10))) },
		"cvt.rn.f16.f32 dh, a;":      func(a, _, _ uint64) uint64 { return nearestHalf(f(a), 10) },
		"cvt.rn.bf16.f32 dh, a;":     func(a, _, _ uint64) uint64 { return nearestHalf(f(a), 7) },
		"cvt.rn.bf16x2.f32 d, a, b;": func(a, b, _ uint64) uint64 { return nearestHalf(f(a), 7)<<16 | nearestHalf(f(b), 7) },
		"cvt.rn.relu.f16x2.f32 d, a, b;": func(a, b, _ uint64) uint64 {
			r := func(x float64) uint64 {
				if x <= 0 {
					return 0
				}
				return nearestHalf(x, 10)
			}
			return r(f(a))<<16 | r(f(b))
		},
		"cvt.pack.sat.s8.s32.b32 d, a, b, c;": func(a, b, c uint64) uint64 {
			s8 := func(v uint64) uint64 { return uint64(uint8(max(-128, min(127, s32of(v))))) }
			return u32of(c<<16 | s8(a)<<8 | s8(b))
		},
		"cvt.pack.sat.u16.s32 d, a, b;": func(a, b, _ uint64) uint64 {
			u16 := func(v uint64) uint64 { return uint64(max(0, min(65535, s32of(v)))) }
			return u16(a)<<16 | u16(b)
		},
		"cvt.rna.tf32.f32 d, a;": func(a, _, _ uint64) uint64 {
			u := uint32(a)
			if u&0x7fffffff > 0x7f800000 {
				return nan32
			}
			return uint64((u + 0x1000) &^ 0x1fff)
		},
	} {
		check(t, body, in, want)
	}
}

func canon32(f float32) uint64 { return uint64(b32(f)) }

func floatSpecials32() []uint64 {
	var s []uint64
	for _, v := range special32 {
		s = append(s, uint64(v))
	}
	for _, x := range []float64{0, 0.5, 1.5, 2.5, -0.5, 1e10, -1e10, math.Pi, math.Inf(1), math.NaN(), 65504, 65520, 0x1p-24, 0x1p-25, 0x1.8p-149} {
		s = append(s, uint64(math.Float32bits(float32(x))))
	}
	return s
}

// bigTo32 rounds a finite value to float32; the result of zero has no sign.
func bigTo32(x *big.Float, mode big.RoundingMode) float32 {
	if x.Sign() == 0 {
		return 0
	}
	prec := 24
	if e := x.MantExp(nil) - 1; e < -126 { // subnormal: fewer digits
		prec = 24 - (-126 - e)
	}
	if prec < 1 { // below half of, or at most, the smallest subnormal
		small, _ := x.Float64()
		up := mode == big.ToPositiveInf && small > 0 || mode == big.ToNegativeInf && small < 0 ||
			mode == big.ToNearestEven && math.Abs(small) > 0x1p-150
		if !up {
			return float32(math.Copysign(0, small))
		}
		return float32(math.Copysign(0x1p-149, small))
	}
	r := new(big.Float).SetPrec(uint(prec)).SetMode(mode).Set(x)
	v, _ := r.Float64()
	if math.Abs(v) > math.MaxFloat32 {
		inward := mode == big.ToZero || mode == big.ToNegativeInf && v > 0 || mode == big.ToPositiveInf && v < 0
		if inward {
			return float32(math.Copysign(math.MaxFloat32, v))
		}
		return float32(math.Inf(int(math.Copysign(1, v))))
	}
	return float32(v)
}

// slowHalf and nearestHalf know the 16-bit formats by enumeration: fraction is 10 for f16, 7 for bf16.
func slowHalf(h uint16, fraction int) float64 {
	e := int(h >> fraction & (1<<(15-fraction) - 1))
	m := float64(h & (1<<fraction - 1))
	bias := 1<<(14-fraction) - 1
	v := math.Ldexp(m, 1-bias-fraction)
	if e == 1<<(15-fraction)-1 {
		v = math.Inf(1)
		if m != 0 {
			v = math.NaN()
		}
	} else if e > 0 {
		v = math.Ldexp(m+math.Ldexp(1, fraction), e-bias-fraction)
	}
	if h>>15 != 0 {
		return -v
	}
	return v
}

func nearestHalf(x float64, fraction int) uint64 {
	if x != x {
		return nan16
	}
	lo, hi := 0, int(slowInf(fraction)) // largest code whose value is at most |x|, by bisection
	a := math.Abs(x)
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if slowHalf(uint16(mid), fraction) <= a {
			lo = mid
		} else {
			hi = mid
		}
	}
	if math.IsInf(a, 0) {
		lo = hi
	} else if lo != hi {
		below, above := slowHalf(uint16(lo), fraction), slowHalf(uint16(hi), fraction)
		if math.IsInf(above, 0) { // the value that would follow the largest
			above = 2*below - slowHalf(uint16(lo-1), fraction)
		}
		if d, e := a-below, above-a; d > e || d == e && lo&1 != 0 {
			lo = hi
		}
	}
	if math.Signbit(x) {
		lo |= 1 << 15
	}
	return uint64(lo)
}

func slowInf(fraction int) uint16 { return uint16(1<<(15-fraction)-1) << fraction }

// TestHalfFromF32 holds the fast roundings to the general one, around every value of the formats and between.
func TestHalfFromF32(t *testing.T) {
	check := func(u uint32) {
		require.Equal(t, formatF16.round(float64(f32(u)), roundNearest), halfFromF32(u), "%#x", u)
		require.Equal(t, formatBF16.round(float64(f32(u)), roundNearest), bfloatFromF32(u), "%#x", u)
	}
	for i := range uint32(1 << 16) {
		near := math.Float32bits(float32(formatF16.value(i)))
		for _, u := range []uint32{near, near + 1, near - 1, near + 0x1000, near + 0xfff, near + 0x1001, i << 16, i<<16 | 0x8000, i<<16 | 0x7fff, i<<16 | 0x8001} {
			check(u)
		}
	}
}
