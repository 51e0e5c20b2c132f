package vec

import "math"

// inf is the infinity of the sign of s.
func inf[T Real](s int) T { return T(math.Inf(s)) }

func unary[T any](f func(T) T) func(dst, a []T) {
	return func(dst, a []T) {
		a = a[:len(dst)]
		for i, x := range a {
			dst[i] = f(x)
		}
	}
}

func binary[T any](f func(a, b T) T) func(dst, a, b []T) {
	return func(dst, a, b []T) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i, x := range a {
			dst[i] = f(x, b[i])
		}
	}
}

func scalar[T any](f func(a, s T) T) func(dst, a []T, s T) {
	return func(dst, a []T, s T) {
		a = a[:len(dst)]
		for i, x := range a {
			dst[i] = f(x, s)
		}
	}
}

func compare[T any](f func(a, b T) bool) func(dst []bool, a, b []T) {
	return func(dst []bool, a, b []T) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i, x := range a {
			dst[i] = f(x, b[i])
		}
	}
}

func compareS[T any](f func(a, s T) bool) func(dst []bool, a []T, s T) {
	return func(dst []bool, a []T, s T) {
		a = a[:len(dst)]
		for i, x := range a {
			dst[i] = f(x, s)
		}
	}
}

func convertWith[D, S any](f func(S) D) func(dst []D, src []S) {
	return func(dst []D, src []S) {
		src = src[:len(dst)]
		for i, x := range src {
			dst[i] = f(x)
		}
	}
}

// The four operations have loops of their own: through a function value they would cost three times as much.

func add[T Real](dst, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, x := range a {
		dst[i] = x + b[i]
	}
}

func sub[T Real](dst, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, x := range a {
		dst[i] = x - b[i]
	}
}

func mul[T Real](dst, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, x := range a {
		dst[i] = x * b[i]
	}
}

func div[T Real](dst, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, x := range a {
		dst[i] = x / b[i]
	}
}

func addS[T Real](dst, a []T, s T) {
	a = a[:len(dst)]
	for i, x := range a {
		dst[i] = x + s
	}
}

func mulS[T Real](dst, a []T, s T) {
	a = a[:len(dst)]
	for i, x := range a {
		dst[i] = x * s
	}
}

func fmaLoop[T Real](dst, a, b, c []T) {
	a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
	for i, x := range a {
		dst[i] = fma(x, b[i], c[i])
	}
}

func addScaled[T Real](dst, a, b []T, s T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, x := range a {
		dst[i] = x + T(s*b[i])
	}
}

func axpy[T Real](dst, a, b []T, s T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, x := range a {
		dst[i] = fma(s, b[i], x)
	}
}

func scaleAdd[T Real](dst, a, b []T, alpha, beta T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, x := range a {
		dst[i] = fma(alpha, x, T(beta*b[i]))
	}
}

func affine[T Real](dst, a []T, alpha, beta T) {
	a = a[:len(dst)]
	for i, x := range a {
		dst[i] = fma(alpha, x, beta)
	}
}

func clamp[T Real](dst, a []T, lo, hi T) {
	a = a[:len(dst)]
	for i, x := range a {
		dst[i] = smallest(largest(x, lo), hi)
	}
}

// smallest is a where a is NaN or below b, else b.
func smallest[T Real](a, b T) T {
	if a != a || a < b {
		return a
	}
	return b
}

// largest is a where a is NaN or above b, else b.
func largest[T Real](a, b T) T {
	if a != a || a > b {
		return a
	}
	return b
}

func selectLoop[T any](dst []T, cond []bool, a, b []T) {
	cond, a, b = cond[:len(dst)], a[:len(dst)], b[:len(dst)]
	for i, c := range cond {
		if c {
			dst[i] = a[i]
		} else {
			dst[i] = b[i]
		}
	}
}

func normScale[T Real](dst, x, w []T, s, offset T) {
	x, w = x[:len(dst)], w[:len(dst)]
	for i, v := range x {
		dst[i] = T(v*s) * T(offset+w[i])
	}
}

func normAffine[T Real](dst, x, w, b []T, mean, s T) {
	x, w, b = x[:len(dst)], w[:len(dst)], b[:len(dst)]
	for i, v := range x {
		dst[i] = fma(T(T(v-mean)*s), w[i], b[i])
	}
}

func standardize[T Real](dst, x []T, mean, s T) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = T(v-mean) * s
	}
}

func normBack[T Real](dx, g, x []T, mean, s, c1, c2 T) {
	g, x = g[:len(dx)], x[:len(dx)]
	for i, v := range x {
		xhat := T(T(v-mean) * s)
		dx[i] = s * T(g[i]-fma(xhat, c2, c1))
	}
}

func mulShift[T Real](dst, y, dy []T, s, c T) {
	y, dy = y[:len(dst)], dy[:len(dst)]
	for i, v := range y {
		dst[i] = T(s*v) * T(dy[i]-c)
	}
}

func weightGrad[T Real](dw, dy, x []T, mean, s T) {
	dy, x = dy[:len(dw)], x[:len(dw)]
	for i, v := range x {
		dw[i] = fma(dy[i], T(T(v-mean)*s), dw[i])
	}
}

func cumSum[T Real](dst, x []T) {
	x = x[:len(dst)]
	var acc float64
	for i, v := range x {
		acc += float64(v)
		dst[i] = T(acc)
	}
}

func cumSumReverse[T Real](dst, x []T) {
	x = x[:len(dst)]
	var acc float64
	for i := len(x) - 1; i >= 0; i-- {
		acc += float64(x[i])
		dst[i] = T(acc)
	}
}

// relu keeps NaN and -0.
func relu[T Real | Integer](x T) T {
	if x < 0 {
		return 0
	}
	return x
}

// sign of NaN is NaN, of a zero that zero.
func sign[T Real](x T) T {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

// step is the slope of relu.
func step[T Real](x T) T {
	if x > 0 {
		return 1
	}
	return 0
}

// grad makes the loop dx = slope(v) * dy.
func grad[T Real](slope func(v T) T) func(dx, v, dy []T) {
	return binary(func(v, dy T) T { return slope(v) * dy })
}

func prod[T Real](x []T) T {
	p := T(1)
	for _, v := range x {
		p *= v
	}
	return p
}

func sqrt[T Real](x T) T { return T(math.Sqrt(float64(x))) }

func eq[T Real | Integer](a, b T) bool { return a == b }
func ne[T Real | Integer](a, b T) bool { return a != b }
func lt[T Real | Integer](a, b T) bool { return a < b }
func le[T Real | Integer](a, b T) bool { return a <= b }
func gt[T Real | Integer](a, b T) bool { return a > b }
func ge[T Real | Integer](a, b T) bool { return a >= b }

// genericFloat fills what does not depend on the transcendental functions of a type.
func genericFloat[T Real]() Float[T] {
	return Float[T]{
		Add: add[T], Sub: sub[T], Mul: mul[T], Div: div[T],
		Min: binary(smallest[T]), Max: binary(largest[T]),
		AddS: addS[T], MulS: mulS[T],
		DivS:    scalar(func(a, s T) T { return a / s }),
		MinS:    scalar(smallest[T]),
		MaxS:    scalar(largest[T]),
		SubFrom: scalar(func(a, s T) T { return s - a }),
		DivInto: scalar(func(a, s T) T { return s / a }),
		MinFrom: scalar(func(a, s T) T { return smallest(s, a) }),
		MaxFrom: scalar(func(a, s T) T { return largest(s, a) }),
		FMA:     fmaLoop[T], AddScaled: addScaled[T], Axpy: axpy[T], ScaleAdd: scaleAdd[T], Affine: affine[T], Clamp: clamp[T],

		Neg:        unary(func(x T) T { return -x }),
		Abs:        unary(func(x T) T { return T(math.Abs(float64(x))) }),
		Sqrt:       unary(sqrt[T]),
		Rsqrt:      unary(func(x T) T { return 1 / sqrt(x) }),
		Square:     unary(func(x T) T { return x * x }),
		Reciprocal: unary(func(x T) T { return 1 / x }),
		Relu:       unary(relu[T]),
		Floor:      unary(func(x T) T { return T(math.Floor(float64(x))) }),
		Ceil:       unary(func(x T) T { return T(math.Ceil(float64(x))) }),
		Round:      unary(func(x T) T { return T(math.RoundToEven(float64(x))) }),
		Trunc:      unary(func(x T) T { return T(math.Trunc(float64(x))) }),
		Sign:       unary(sign[T]),

		AbsGrad:        grad(sign[T]),
		SquareGrad:     grad(func(x T) T { return x + x }),
		LogGrad:        grad(func(x T) T { return 1 / x }),
		Log2Grad:       grad(func(x T) T { return math.Log2E / x }),
		Log1pGrad:      grad(func(x T) T { return 1 / (1 + x) }),
		SqrtGrad:       grad(func(y T) T { return 0.5 / y }),
		RsqrtGrad:      grad(func(y T) T { return -0.5 * T(y*T(y*y)) }),
		ReciprocalGrad: grad(func(y T) T { return -T(y * y) }),
		ExpGrad:        grad(func(y T) T { return y }),
		Exp2Grad:       grad(func(y T) T { return y * math.Ln2 }),
		TanhGrad:       grad(func(y T) T { return fma(-y, y, 1) }),
		SigmoidGrad:    grad(func(y T) T { return y * T(1-y) }),
		ReluGrad:       grad(step[T]),
		AddRelu:        binary(func(a, b T) T { return relu(a + b) }),

		Eq: compare(eq[T]), Ne: compare(ne[T]), Lt: compare(lt[T]), Le: compare(le[T]), Gt: compare(gt[T]), Ge: compare(ge[T]),
		EqS: compareS(eq[T]), NeS: compareS(ne[T]), LtS: compareS(lt[T]), LeS: compareS(le[T]), GtS: compareS(gt[T]), GeS: compareS(ge[T]),
		Select: selectLoop[T],

		Sum: sum[T], SumSq: sumSq[T], SumAbs: sumAbs[T], Dot: dot[T], Dot3: dot3[T], SumSqDev: sumSqDev[T], DotDev: dotDev[T], Prod: prod[T],
		peak: peakOf[T], trough: troughOf[T], MaxOf: maxOf[T], MinOf: minOf[T], ArgMax: argMax[T], ArgMin: argMin[T],

		NormScale: normScale[T], NormAffine: normAffine[T], Standardize: standardize[T], NormBack: normBack[T], MulShift: mulShift[T], WeightGrad: weightGrad[T],
		CumSum: cumSum[T], CumSumReverse: cumSumReverse[T],
	}
}
