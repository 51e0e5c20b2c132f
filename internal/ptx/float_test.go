package ptx

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

var bigModes = map[string]big.RoundingMode{"rn": big.ToNearestEven, "rz": big.ToZero, "rm": big.ToNegativeInf, "rp": big.ToPositiveInf}

func exact(x float64) *big.Float { return new(big.Float).SetPrec(5000).SetFloat64(x) }

// signedZero gives the zero of an exact sum x + y = 0.
func signedZero(x, y float64, mode string) float64 {
	if x == 0 && y == 0 && math.Signbit(x) == math.Signbit(y) {
		return x
	}
	if mode == "rm" {
		return math.Copysign(0, -1)
	}
	return 0
}

// TestFloat32 holds add, sub, mul, fma, div, rcp and sqrt in all modes to arbitrary precision.
func TestFloat32(t *testing.T) {
	in := append(inputs(3, floatSpecials32(), 512), nearMidpoints()...)
	for name, mode := range bigModes {
		round := func(x *big.Float, x0, y0 float64) uint64 {
			if x.Sign() == 0 {
				return uint64(math.Float32bits(float32(signedZero(x0, y0, name))))
			}
			return uint64(math.Float32bits(bigTo32(x, mode)))
		}
		f := func(u uint64) float64 { return float64(f32(uint32(u))) }
		check32 := func(body string, want func(a, b, c float64) uint64) {
			for i := 0; i < len(in); i += 256 {
				check(t, fmt.Sprintf(body, name), in[i:min(i+256, len(in))], func(a, b, c uint64) uint64 { return want(f(a), f(b), f(c)) })
			}
		}
		check32("add.%s.f32 d, a, b;", func(a, b, _ float64) uint64 {
			if !finite(a) || !finite(b) {
				return canon32(float32(a + b))
			}
			return round(exact(a).Add(exact(a), exact(b)), a, b)
		})
		check32("sub.%s.f32 d, a, b;", func(a, b, _ float64) uint64 {
			if !finite(a) || !finite(b) {
				return canon32(float32(a - b))
			}
			return round(exact(a).Sub(exact(a), exact(b)), a, -b)
		})
		check32("mul.%s.f32 d, a, b;", func(a, b, _ float64) uint64 {
			if !finite(a) || !finite(b) || a == 0 || b == 0 {
				return canon32(float32(a * b))
			}
			return round(exact(a).Mul(exact(a), exact(b)), 0, 0)
		})
		check32("fma.%s.f32 d, a, b, c;", func(a, b, c float64) uint64 {
			if !finite(a) || !finite(b) || !finite(c) {
				return canon32(float32(a*b + c))
			}
			p := exact(a).Mul(exact(a), exact(b))
			return round(p.Add(p, exact(c)), a*b, c)
		})
		quotient := func(a, b float64) uint64 {
			if !finite(a) || !finite(b) || a == 0 || b == 0 {
				return canon32(float32(a / b))
			}
			return round(new(big.Float).SetPrec(400).Quo(exact(a), exact(b)), 0, 0)
		}
		check32("div.%s.f32 d, a, b;", func(a, b, _ float64) uint64 { return quotient(a, b) })
		check32("rcp.%s.f32 d, a;", func(a, _, _ float64) uint64 { return quotient(1, a) })
		check32("sqrt.%s.f32 d, a;", func(a, _, _ float64) uint64 {
			if !finite(a) || a <= 0 {
				return canon32(float32(math.Sqrt(a)))
			}
			return round(new(big.Float).SetPrec(400).Sqrt(exact(a)), 0, 0)
		})
	}
}

// nearMidpoints are fma operands whose product almost cancels a midpoint: rounding twice goes wrong on them.
func nearMidpoints() (in []triple) {
	bits := func(x float64) uint64 { return uint64(math.Float32bits(float32(x))) }
	in = append(in, triple{bits(1.0004884), bits(5.957555e-08), bits(1)})
	for i := range 200 {
		ulp := math.Ldexp(1, -23-i%3)
		in = append(in, triple{bits(1 + float64(i)*0x1p-23), bits(ulp / 2), bits(1 + float64(i%7)*0x1p-23)})
	}
	return in
}

func TestFloat32Flags(t *testing.T) {
	in := inputs(4, floatSpecials32(), 256)
	f := func(u uint64) float32 { return f32(uint32(u)) }
	ftz := func(u uint64) float32 { return f32(flush32(uint32(u))) }
	sat := func(x float32) uint64 {
		switch {
		case !(x > 0):
			return 0
		case x > 1:
			return 0x3f800000
		}
		return uint64(math.Float32bits(x))
	}
	minmax := func(a, b float32, pick func(x, y float64) float64) uint64 {
		switch {
		case a != a:
			return canon32(b)
		case b != b:
			return canon32(a)
		}
		return canon32(float32(pick(float64(a), float64(b))))
	}
	for body, want := range map[string]func(a, b, c uint64) uint64{
		"add.ftz.f32 d, a, b;":       func(a, b, _ uint64) uint64 { return uint64(flush32(b32(ftz(a) + ftz(b)))) },
		"mul.ftz.f32 d, a, b;":       func(a, b, _ uint64) uint64 { return uint64(flush32(b32(ftz(a) * ftz(b)))) },
		"fma.rn.ftz.f32 d, a, b, c;": func(a, b, c uint64) uint64 { return uint64(flush32(b32(fmaF32(ftz(a), ftz(b), ftz(c), roundNearest)))) },
		"add.sat.f32 d, a, b;":       func(a, b, _ uint64) uint64 { return sat(f(a) + f(b)) },
		"mul.rn.sat.f32 d, a, b;":    func(a, b, _ uint64) uint64 { return sat(f(a) * f(b)) },
		"neg.f32 d, a;":              func(a, _, _ uint64) uint64 { return u32of(a) ^ 1<<31 },
		"abs.f32 d, a;":              func(a, _, _ uint64) uint64 { return u32of(a) &^ (1 << 31) },
		"copysign.f32 d, a, b;":      func(a, b, _ uint64) uint64 { return a&(1<<31) | u32of(b)&^(1<<31) },
		"min.f32 d, a, b;":           func(a, b, _ uint64) uint64 { return minmax(f(a), f(b), math.Min) },
		"max.f32 d, a, b;":           func(a, b, _ uint64) uint64 { return minmax(f(a), f(b), math.Max) },
		"max.NaN.f32 d, a, b;": func(a, b, _ uint64) uint64 {
			if f(a) != f(a) || f(b) != f(b) {
				return nan32
			}
			return minmax(f(a), f(b), math.Max)
		},
		"setp.lt.f32 p, a, b; @p mov.u32 d, 1;":     func(a, b, _ uint64) uint64 { return uint64(b2n(f(a) < f(b))) },
		"setp.geu.f32 p, a, b; @p mov.u32 d, 1;":    func(a, b, _ uint64) uint64 { return uint64(b2n(!(f(a) < f(b)))) },
		"setp.neu.f32 p, a, b; @p mov.u32 d, 1;":    func(a, b, _ uint64) uint64 { return uint64(b2n(f(a) != f(b))) },
		"setp.ne.f32 p, a, b; @p mov.u32 d, 1;":     func(a, b, _ uint64) uint64 { return uint64(b2n(f(a) < f(b) || f(a) > f(b))) },
		"setp.num.f32 p, a, b; @p mov.u32 d, 1;":    func(a, b, _ uint64) uint64 { return uint64(b2n(f(a) == f(a) && f(b) == f(b))) },
		"setp.eq.ftz.f32 p, a, b; @p mov.u32 d, 1;": func(a, b, _ uint64) uint64 { return uint64(b2n(ftz(a) == ftz(b))) },
		"set.gt.f32.f32 d, a, b;":                   func(a, b, _ uint64) uint64 { return uint64(b2n(f(a) > f(b))) * 0x3f800000 },
		"slct.f32.f32 d, a, b, c;": func(a, b, c uint64) uint64 {
			if f(c) >= 0 {
				return u32of(a)
			}
			return u32of(b)
		},
		"testp.subnormal.f32 p, a; @p mov.u32 d, 1;": func(a, _, _ uint64) uint64 { return uint64(b2n(a&0x7f800000 == 0 && a&0x7fffff != 0)) },
		"testp.finite.f32 p, a; @p mov.u32 d, 1;":    func(a, _, _ uint64) uint64 { return uint64(b2n(a&0x7f800000 != 0x7f800000)) },
	} {
		check(t, body, in, want)
	}
}

func TestFloat64(t *testing.T) {
	specials := []uint64{0, 1 << 63, 1, 1<<63 | 1, 1 << 52, 1<<52 - 1}
	for _, x := range []float64{1, -1, 0.1, 3, 1 + 0x1p-52, math.MaxFloat64, -math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 0x1p-1000, 1e300} {
		specials = append(specials, math.Float64bits(x))
	}
	in := inputs(5, specials, 256)
	for name, mode := range bigModes {
		round := func(x *big.Float, x0, y0 float64) uint64 {
			if x.Sign() == 0 {
				return b64(signedZero(x0, y0, name))
			}
			return math.Float64bits(bigTo64(x, mode))
		}
		check(t, fmt.Sprintf("add.%s.f64 D, A, B;", name), in, func(a, b, _ uint64) uint64 {
			if !finite(f64(a)) || !finite(f64(b)) {
				return b64(f64(a) + f64(b))
			}
			return round(exact(0).Add(exact(f64(a)), exact(f64(b))), f64(a), f64(b))
		})
		check(t, fmt.Sprintf("mul.%s.f64 D, A, B;", name), in, func(a, b, _ uint64) uint64 {
			x, y := f64(a), f64(b)
			if !finite(x) || !finite(y) || x == 0 || y == 0 {
				return b64(x * y)
			}
			return round(exact(0).Mul(exact(x), exact(y)), 0, 0)
		})
		check(t, fmt.Sprintf("fma.%s.f64 D, A, B, C;", name), in, func(a, b, c uint64) uint64 {
			x, y, z := f64(a), f64(b), f64(c)
			if !finite(x) || !finite(y) || !finite(z) {
				return b64(math.FMA(x, y, z))
			}
			p := exact(0).Mul(exact(x), exact(y))
			return round(p.Add(p, exact(z)), math.Copysign(0, x)*math.Copysign(1, y)*float64(b2n(x == 0 || y == 0))+x*y*float64(b2n(x != 0 && y != 0)), z)
		})
		check(t, fmt.Sprintf("div.%s.f64 D, A, B;", name), in, func(a, b, _ uint64) uint64 {
			x, y := f64(a), f64(b)
			if !finite(x) || !finite(y) || x == 0 || y == 0 {
				return b64(x / y)
			}
			return round(new(big.Float).SetPrec(3000).Quo(exact(x), exact(y)), 0, 0)
		})
		check(t, fmt.Sprintf("sqrt.%s.f64 D, A;", name), in, func(a, _, _ uint64) uint64 {
			x := f64(a)
			if !finite(x) || x <= 0 {
				return b64(math.Sqrt(x))
			}
			return round(new(big.Float).SetPrec(3000).Sqrt(exact(x)), 0, 0)
		})
	}
	check(t, "setp.leu.f64 p, A, B; @p mov.u32 d, 1;", in, func(a, b, _ uint64) uint64 { return uint64(b2n(!(f64(a) > f64(b)))) })
	check(t, "neg.f64 D, A;", in, func(a, _, _ uint64) uint64 { return a ^ 1<<63 })
	check(t, "max.f64 D, A, B;", in, func(a, b, _ uint64) uint64 {
		x, y := f64(a), f64(b)
		if x != x || y != y {
			return b64(map[bool]float64{true: y, false: x}[x != x])
		}
		return b64(math.Max(x, y))
	})
}

// bigTo64 rounds a value that is not zero to float64.
func bigTo64(x *big.Float, mode big.RoundingMode) float64 {
	prec := 53
	e := x.MantExp(nil) - 1
	if e < -1022 {
		prec = max(53-(-1022-e), 0)
	}
	tiny := prec == 0
	if tiny {
		prec = 1
	}
	r := new(big.Float).SetPrec(uint(prec)).SetMode(mode).Set(x)
	if tiny { // less than the smallest subnormal: it, or zero
		half := new(big.Float).SetMantExp(big.NewFloat(0.5), -1074)
		neg := x.Sign() < 0
		up := mode == big.ToPositiveInf && !neg || mode == big.ToNegativeInf && neg || mode == big.ToNearestEven && new(big.Float).Abs(x).Cmp(half) > 0
		v := 0.0
		if up {
			v = 0x1p-1074
		}
		if neg {
			v = -v
		}
		return v
	}
	v, _ := r.Float64()
	if math.IsInf(v, 0) {
		inward := mode == big.ToZero || mode == big.ToNegativeInf && v > 0 || mode == big.ToPositiveInf && v < 0
		if inward {
			return math.Copysign(math.MaxFloat64, v)
		}
	}
	return v
}

func TestHalf(t *testing.T) {
	specials := []uint64{0, 0x8000, 1, 0x3ff, 0x400, 0x3c00, 0xbc00, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x80, 0x7f, 0x3f80, 0x7f7f, 0x7f80, 0xff80, 0x7fc0}
	in := inputs(6, specials, 512)
	for suffix, fraction := range map[string]int{"f16": 10, "bf16": 7} {
		v := func(u uint64) float64 { return slowHalf(uint16(u), fraction) }
		r := func(x *big.Float, zero float64) uint64 {
			if x.Sign() == 0 {
				return nearestHalf(zero, fraction)
			}
			// one more rounding to odd keeps the float64 on the right side of every midpoint
			y, acc := x.Float64()
			if u := math.Float64bits(y); acc != big.Exact && u&1 == 0 && finite(y) {
				if (acc == big.Below) == (y > 0) {
					y = math.Float64frombits(u + 1)
				} else {
					y = math.Float64frombits(u - 1)
				}
			}
			return nearestHalf(y, fraction)
		}
		for i := 0; i < len(in); i += 256 {
			part := in[i : i+256]
			if suffix == "f16" {
				check(t, "add.f16 dh, ah, bh;", part, func(a, b, _ uint64) uint64 {
					if !finite(v(a)) || !finite(v(b)) {
						return nearestHalf(v(a)+v(b), fraction)
					}
					return r(exact(0).Add(exact(v(a)), exact(v(b))), signedZero(v(a), v(b), "rn"))
				})
				check(t, "mul.f16 dh, ah, bh;", part, func(a, b, _ uint64) uint64 { return nearestHalf(v(a)*v(b), fraction) })
				check(t, "max.f16x2 d, a, b;", part, func(a, b, _ uint64) uint64 {
					pick := func(x, y uint64) uint64 {
						switch {
						case v(x) != v(x):
							return nearestHalf(v(y), fraction)
						case v(y) != v(y):
							return nearestHalf(v(x), fraction)
						}
						return nearestHalf(math.Max(v(x), v(y)), fraction)
					}
					return pick(a>>16, b>>16)<<16 | pick(a, b)
				})
				check(t, "setp.lt.f16 p, ah, bh; @p mov.u32 d, 1;", part, func(a, b, _ uint64) uint64 { return uint64(b2n(v(a) < v(b))) })
			}
			check(t, "fma.rn."+suffix+" dh, ah, bh, ch;", part, func(a, b, c uint64) uint64 {
				x, y, z := v(a), v(b), v(c)
				if !finite(x) || !finite(y) || !finite(z) {
					return nearestHalf(x*y+z, fraction)
				}
				p := exact(0).Mul(exact(x), exact(y))
				return r(p.Add(p, exact(z)), signedZero(x*y, z, "rn"))
			})
			check(t, "neg."+suffix+" dh, ah;", part, func(a, _, _ uint64) uint64 { return a&0xffff ^ 0x8000 })
		}
	}
}

// TestApproximations holds the approximate instructions to the bounds of the manual.
func TestApproximations(t *testing.T) {
	var in []triple
	for i := range 256 {
		x := float32(math.Exp(float64(i)/20-6)) * float32(1-2*(i&1))
		in = append(in, triple{uint64(math.Float32bits(x)), uint64(math.Float32bits(float32(i)*0.37 + 0.1))})
	}
	for _, c := range []struct {
		body     string
		want     func(x, y float64) float64
		relative float64
		absolute float64
		positive bool
	}{
		{"ex2.approx.f32 d, a;", func(x, _ float64) float64 { return math.Exp2(x) }, 0x1p-22, 0, false},
		{"lg2.approx.f32 d, a;", func(x, _ float64) float64 { return math.Log2(x) }, 0x1p-22, 0x1p-22, true},
		{"sin.approx.f32 d, a;", func(x, _ float64) float64 { return math.Sin(x) }, 0, 5.2e-7, false},
		{"cos.approx.f32 d, a;", func(x, _ float64) float64 { return math.Cos(x) }, 0, 5.2e-7, false},
		{"tanh.approx.f32 d, a;", func(x, _ float64) float64 { return math.Tanh(x) }, 0x1p-11, 0, false},
		{"rsqrt.approx.f32 d, a;", func(x, _ float64) float64 { return 1 / math.Sqrt(x) }, 1.3e-7, 0, true},
		{"sqrt.approx.f32 d, a;", func(x, _ float64) float64 { return math.Sqrt(x) }, 0x1p-23, 0, true},
		{"rcp.approx.f32 d, a;", func(x, _ float64) float64 { return 1 / x }, 0x1p-23, 0, false},
		{"div.approx.f32 d, a, b;", func(x, y float64) float64 { return x / y }, 0x1p-22, 0, false},
		{"div.full.f32 d, a, b;", func(x, y float64) float64 { return x / y }, 0x1p-22, 0, false},
	} {
		for i, got := range runLanes(t, c.body, in) {
			x, y := float64(f32(uint32(in[i][0]))), float64(f32(uint32(in[i][1])))
			if c.positive && x <= 0 {
				continue
			}
			want := c.want(x, y)
			if math.Abs(want) > math.MaxFloat32 || math.Abs(want) < 0x1p-126 {
				continue
			}
			require.InDelta(t, want, float64(f32(uint32(got))), c.relative*math.Abs(want)+c.absolute, "%s of %v, %v", c.body, x, y)
		}
	}
}
