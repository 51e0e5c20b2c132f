package kernels_test

import (
	"math"
	"math/big"
	"sync"
)

// Functions to many more digits than any kernel has, by series and Newton's method: what the f64 kernels are held to.

const bigBits = 1200 // enough for the difference between 1 and e^x of a subnormal x

func bigOf(x float64) *big.Float { return new(big.Float).SetPrec(bigBits).SetFloat64(x) }

func bigAdd(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(bigBits).Add(a, b) }
func bigSub(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(bigBits).Sub(a, b) }
func bigMul(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(bigBits).Mul(a, b) }
func bigQuo(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(bigBits).Quo(a, b) }

// bigSeries adds terms, each the last one times next(n), until they vanish beside the sum.
func bigSeries(first *big.Float, next func(n int64) *big.Float) *big.Float {
	s, term := bigAdd(first, bigOf(0)), first
	for n := int64(1); term.Sign() != 0 && term.MantExp(nil) > s.MantExp(nil)-bigBits; n++ {
		term = bigMul(term, next(n))
		s = bigAdd(s, term)
	}
	return s
}

// bigExp halves x until the series is short, and squares its sum as often.
func bigExp(x *big.Float) *big.Float {
	halvings := max(0, x.MantExp(nil)+8)
	small := new(big.Float).SetMantExp(x, -halvings)
	y := bigSeries(bigOf(1), func(n int64) *big.Float { return bigQuo(small, bigOf(float64(n))) })
	for range halvings {
		y = bigMul(y, y)
	}
	return y
}

// bigLog is Halley's method from a guess in float64.
func bigLog(x *big.Float) *big.Float {
	fraction := new(big.Float)
	exponent := x.MantExp(fraction)
	f, _ := fraction.Float64()
	y := bigOf(math.Log(f) + float64(exponent)*math.Ln2)
	for range 4 {
		e := bigExp(y)
		y = bigAdd(y, bigMul(bigOf(2), bigQuo(bigSub(x, e), bigAdd(x, e))))
	}
	return y
}

var bigLn2 = sync.OnceValue(func() *big.Float { return bigLog(bigOf(2)) })

// bigHalfPi has the bits that the largest float64 needs: Machin's formula, pi/2 = 8 atan(1/5) - 2 atan(1/239).
var bigHalfPi = sync.OnceValue(func() *big.Float {
	const bits = 1100 + bigBits
	of := func(n int64) *big.Float { return new(big.Float).SetPrec(bits).SetInt64(n) }
	atan := func(n int64) *big.Float {
		s, power := of(0), new(big.Float).Quo(of(1), of(n))
		for k := int64(1); power.MantExp(nil) > -bits; k += 2 {
			s.Add(s, new(big.Float).Quo(power, of(k)))
			power.Quo(power, of(-n*n))
		}
		return s
	}
	a, b := atan(5), atan(239)
	return a.Sub(a.Mul(a, of(8)), b.Mul(b, of(2)))
})

// bigSine is sin(x), or cos(x) where quarters is 1.
func bigSine(x float64, quarters int64) *big.Float {
	wide := new(big.Float).SetPrec(bigHalfPi().Prec()).SetFloat64(x)
	turns := new(big.Float).Quo(wide, bigHalfPi())
	turns.Add(turns, big.NewFloat(math.Copysign(0.5, x)))
	whole, _ := turns.Int(nil)
	rest := wide.Sub(wide, new(big.Float).Mul(new(big.Float).SetInt(whole), bigHalfPi()))
	r := new(big.Float).SetPrec(bigBits).Set(rest)
	square := bigMul(r, r)
	quadrant := new(big.Int).And(whole.Add(whole, big.NewInt(quarters)), big.NewInt(3)).Int64()
	first, from := r, int64(1)
	if quadrant%2 == 1 {
		first, from = bigOf(1), 0
	}
	y := bigSeries(first, func(n int64) *big.Float {
		k := from + 2*n
		return bigQuo(square, bigOf(float64(-k*(k-1))))
	})
	if quadrant >= 2 {
		y.Neg(y)
	}
	return y
}

// bigErf is 2/sqrt(pi) times the sum of (-1)^n x^(2n+1) / (n! (2n+1)), for |x| up to some 8.
func bigErf(x float64) *big.Float {
	square := bigMul(bigOf(x), bigOf(x))
	s := bigSeries(bigOf(x), func(n int64) *big.Float {
		return bigMul(square, bigQuo(bigOf(float64(1-2*n)), bigOf(float64(n*(2*n+1)))))
	})
	pi := new(big.Float).SetPrec(bigBits).Mul(bigHalfPi(), bigOf(2))
	return bigMul(s, bigQuo(bigOf(2), new(big.Float).SetPrec(bigBits).Sqrt(pi)))
}

// bigSigmoid is 1 / (1 + e^-x).
func bigSigmoid(x float64) *big.Float { return bigQuo(bigOf(1), bigAdd(bigOf(1), bigExp(bigOf(-x)))) }

// ulps is by how many units in the last place of a float64 got differs from want.
func ulps(want *big.Float, got float64) float64 {
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return math.Inf(1)
	}
	if want.Sign() == 0 {
		return math.Abs(got) / 0x1p-1074
	}
	unit := max(want.MantExp(nil)-53, -1074)
	d := bigSub(want, bigOf(got))
	ratio, _ := d.SetMantExp(d, -unit).Float64()
	return math.Abs(ratio)
}
