package ptx

import (
	"math"
	"math/big"
)

// rounding is a PTX rounding mode.
type rounding uint8

const (
	roundNearest rounding = iota // .rn: ties to even
	roundZero                    // .rz
	roundDown                    // .rm
	roundUp                      // .rp
	roundAway                    // .rna: ties away from zero
)

var roundingOf = map[string]rounding{
	"rn": roundNearest, "rz": roundZero, "rm": roundDown, "rp": roundUp, "rna": roundAway,
	"rni": roundNearest, "rzi": roundZero, "rmi": roundDown, "rpi": roundUp,
}

// Canonical NaNs.
const (
	nan32 = 0x7fffffff
	nan16 = 0x7fff
	nan64 = 0x7ff8000000000000
)

func f32(u uint32) float32 { return math.Float32frombits(u) }

// b32 gives the bits of a result; every NaN becomes the canonical one.
func b32(f float32) uint32 {
	if f != f {
		return nan32
	}
	return math.Float32bits(f)
}

func f64(u uint64) float64 { return math.Float64frombits(u) }

func b64(f float64) uint64 {
	if f != f {
		return nan64
	}
	return math.Float64bits(f)
}

// flush32 replaces a subnormal by a zero of its sign (.ftz).
func flush32(u uint32) uint32 {
	if u&0x7f800000 == 0 {
		return u & (1 << 31)
	}
	return u
}

// saturate32 clamps to [0, 1]; NaN becomes 0 (.sat).
func saturate32(u uint32) uint32 {
	f := f32(u)
	switch {
	case !(f > 0):
		return 0
	case f > 1:
		return 0x3f800000
	}
	return u
}

// oddSum adds two float64 and rounds to odd: if the sum is not exact its last bit is 1. Rounding it again to a format
// with at least two bits less, in any mode, then gives what one rounding of the exact sum would.
func oddSum(a, b float64) float64 {
	s := a + b
	bb := s - a
	e := (a - (s - bb)) + (b - bb) // TwoSum: s + e is exact
	return makeOdd(s, e)
}

// makeOdd moves s, whose exact value is s + e, to the odd neighbour.
func makeOdd(s, e float64) float64 {
	u := math.Float64bits(s)
	if e == 0 || e != e || math.IsInf(s, 0) || u&1 != 0 {
		return s
	}
	if (e > 0) == (s > 0) {
		return math.Float64frombits(u + 1)
	}
	return math.Float64frombits(u - 1)
}

// round32 rounds a float64 (exact, or rounded to odd) to float32.
func round32(x float64, mode rounding) float32 {
	r := float32(x)
	y := float64(r)
	if y == x || x != x || mode == roundNearest {
		return r
	}
	u := math.Float32bits(r)
	switch mode {
	case roundZero:
		if math.Abs(y) > math.Abs(x) {
			u--
		}
	case roundDown:
		if y > x {
			u = below32(u)
		}
	case roundUp:
		if y < x {
			u = below32(u^1<<31) ^ 1<<31
		}
	}
	return math.Float32frombits(u)
}

// below32 gives the bits of the next float32 towards minus infinity.
func below32(u uint32) uint32 {
	switch {
	case u == 0:
		return 0x80000001
	case u>>31 == 0:
		return u - 1
	}
	return u + 1
}

// zeroSum fixes the sign of an exact zero sum of x and y: towards minus infinity it is negative unless both are +0.
func zeroSum(s, x, y float64, mode rounding) float64 {
	if s == 0 && mode == roundDown && !(x == 0 && y == 0 && !math.Signbit(x) && !math.Signbit(y)) {
		return math.Copysign(0, -1)
	}
	return s
}

func addF32(a, b float32, mode rounding) float32 {
	if mode == roundNearest {
		return a + b
	}
	x, y := float64(a), float64(b)
	return round32(zeroSum(oddSum(x, y), x, y, mode), mode)
}

func mulF32(a, b float32, mode rounding) float32 {
	return round32(float64(a)*float64(b), mode) // the product is exact
}

// fmaF32 rounds a*b + c once. The product of two float32 is exact in float64.
func fmaF32(a, b, c float32, mode rounding) float32 {
	p, z := float64(float64(a)*float64(b)), float64(c)
	if mode == roundNearest {
		s := p + z
		u := math.Float64bits(s)
		// Rounding twice is wrong only if the float64 sum lies on a midpoint of two float32 or is subnormal there.
		if u&0x1fffffff != 0x10000000 && u>>52&0x7ff > 1023-127 {
			return float32(s)
		}
	}
	return round32(zeroSum(oddSum(p, z), p, z, mode), mode)
}

func divF32(a, b float32, mode rounding) float32 {
	if mode == roundNearest {
		return a / b
	}
	q := float64(a) / float64(b)
	if q == 0 || q != q || math.IsInf(q, 0) {
		return float32(q)
	}
	rest := -math.FMA(q, float64(b), -float64(a))
	if b < 0 {
		rest = -rest
	}
	return round32(makeOdd(q, rest), mode)
}

func sqrtF32(a float32, mode rounding) float32 {
	s := math.Sqrt(float64(a))
	if mode == roundNearest || s == 0 || s != s || math.IsInf(s, 0) {
		return float32(s) // float64 has more than twice the digits: one rounding
	}
	return round32(makeOdd(s, -math.FMA(s, s, -float64(a))), mode)
}

// directed64 moves r, the nearest float64 to an exact value, to the mode's side. sign is that of exact - r.
func directed64(r float64, sign int, mode rounding) float64 {
	inf := math.Inf(1)
	switch {
	case sign == 0 || r != r || mode == roundNearest:
		return r
	case mode == roundZero && r > 0 && sign < 0, mode == roundDown && sign < 0:
		return math.Nextafter(r, -inf)
	case mode == roundZero && r < 0 && sign > 0, mode == roundUp && sign > 0:
		return math.Nextafter(r, inf)
	}
	return r
}

// fmaF64 rounds a*b + c once, in any mode. Directed modes are rare, so they take the slow exact way.
func fmaF64(a, b, c float64, mode rounding) float64 {
	r := math.FMA(a, b, c)
	if mode == roundNearest || !finite(a) || !finite(b) || !finite(c) {
		return r
	}
	exact := new(big.Float).SetPrec(4400).SetFloat64(a)
	exact.Mul(exact, new(big.Float).SetFloat64(b)).SetPrec(4400)
	exact.Add(exact, new(big.Float).SetFloat64(c))
	if exact.Sign() == 0 {
		return zeroSum(r, float64(a*b), c, mode)
	}
	return directed64(r, compareExact(exact, r), mode)
}

func addF64(a, b float64, mode rounding) float64 {
	if mode == roundNearest {
		return a + b
	}
	return fmaF64(a, 1, b, mode)
}

func mulF64(a, b float64, mode rounding) float64 {
	if mode == roundNearest {
		return a * b
	}
	if a == 0 || b == 0 || !finite(a) || !finite(b) {
		return a * b
	}
	return fmaF64(a, b, math.Copysign(0, a)*b, mode)
}

func divF64(a, b float64, mode rounding) float64 {
	q := a / b
	if mode == roundNearest || !finite(a) || !finite(b) || a == 0 || b == 0 {
		return q
	}
	// sign of a/b - q is the sign of a - q*b times the sign of b
	if math.IsInf(q, 0) {
		return directed64(q, -int(math.Copysign(1, q)), mode)
	}
	qb := new(big.Float).SetPrec(4400).SetFloat64(q)
	qb.Mul(qb, new(big.Float).SetFloat64(b))
	sign := new(big.Float).SetFloat64(a).Cmp(qb)
	if b < 0 {
		sign = -sign
	}
	return directed64(q, sign, mode)
}

func sqrtF64(a float64, mode rounding) float64 {
	s := math.Sqrt(a)
	if mode == roundNearest || s == 0 || !finite(s) {
		return s
	}
	square := new(big.Float).SetPrec(4400).SetFloat64(s)
	square.Mul(square, square)
	return directed64(s, new(big.Float).SetFloat64(a).Cmp(square), mode)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func compareExact(exact *big.Float, r float64) int {
	if math.IsInf(r, 0) {
		return -int(math.Copysign(1, r))
	}
	return exact.Cmp(new(big.Float).SetFloat64(r))
}

// minF and maxF: a NaN operand yields the other one, -0 is less than +0.
func minF(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Min(a, b)
}

func maxF(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Max(a, b)
}

// smallFloat is a 16-bit float format, or tf32.
type smallFloat struct {
	fraction, exponent uint // widths in bits
}

var (
	formatF16  = smallFloat{10, 5}
	formatBF16 = smallFloat{7, 8}
)

// value widens; every value of the format is exact in float64.
func (f smallFloat) value(h uint32) float64 {
	bias := 1<<(f.exponent-1) - 1
	e := int(h >> f.fraction & (1<<f.exponent - 1))
	m := float64(h & (1<<f.fraction - 1))
	var v float64
	switch e {
	case 1<<f.exponent - 1:
		if m != 0 {
			return math.NaN()
		}
		v = math.Inf(1)
	case 0:
		v = math.Ldexp(m, 1-bias-int(f.fraction))
	default:
		v = math.Ldexp(m+float64(int(1)<<f.fraction), e-bias-int(f.fraction))
	}
	if h>>(f.fraction+f.exponent)&1 != 0 {
		return -v
	}
	return v
}

// round converts a float64 (exact, or rounded to odd) to the format; NaN gives all ones below the sign.
func (f smallFloat) round(x float64, mode rounding) uint32 {
	inf := uint32(1<<f.exponent-1) << f.fraction
	if x != x {
		return 1<<(f.fraction+f.exponent) - 1
	}
	sign := uint32(math.Float64bits(x)>>63) << (f.fraction + f.exponent)
	a := math.Abs(x)
	if a == 0 || math.IsInf(a, 0) {
		if a != 0 {
			return sign | inf
		}
		return sign
	}
	bias := 1<<(f.exponent-1) - 1
	_, e := math.Frexp(a)
	e = max(e-1, 1-bias)                       // exponent of the quantum's binade
	scaled := math.Ldexp(a, int(f.fraction)-e) // in units of the last place
	whole := math.Floor(scaled)
	rest := scaled - whole
	up := false
	switch mode {
	case roundNearest:
		up = rest > 0.5 || rest == 0.5 && math.Mod(whole, 2) == 1
	case roundAway:
		up = rest >= 0.5
	case roundDown:
		up = rest > 0 && sign != 0
	case roundUp:
		up = rest > 0 && sign == 0
	}
	n := uint32(whole)
	if up {
		n++
	}
	// A carry runs from the fraction into the exponent by itself.
	var u uint32
	if n>>f.fraction == 0 {
		u = n
	} else {
		u = uint32(e+bias-1)<<f.fraction + n
	}
	if u >= inf { // overflow: infinity, or the largest value where the mode points inwards
		if mode == roundZero || mode == roundDown && sign == 0 || mode == roundUp && sign != 0 {
			return sign | (inf - 1)
		}
		return sign | inf
	}
	return sign | u
}
