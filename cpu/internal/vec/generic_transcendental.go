package vec

// transcendental holds the scalar functions of a type that the loops over them are made from. The slopes are derivatives.
type transcendental[T Real] struct {
	exp, expBelow, exp2, expm1, log, log2, log1p, erf, sin, cos func(T) T
	tanh, sigmoid, silu, softplus, gelu, geluTanh               func(T) T
	expm1Slope, sinSlope, cosSlope, erfSlope                    func(T) T
	siluSlope, geluSlope, geluTanhSlope                         func(T) T
	pow                                                         func(x, y T) T
}

// fill adds the loops over f.
func (t *Float[T]) fill(f transcendental[T]) {
	t.log = f.log
	t.Exp, t.Exp2, t.Expm1 = unary(f.exp), unary(f.exp2), unary(f.expm1)
	t.Log, t.Log2, t.Log1p = unary(f.log), unary(f.log2), unary(f.log1p)
	t.Erf, t.Sin, t.Cos, t.Tanh = unary(f.erf), unary(f.sin), unary(f.cos), unary(f.tanh)
	t.Sigmoid, t.Silu, t.Softplus = unary(f.sigmoid), unary(f.silu), unary(f.softplus)
	t.Gelu, t.GeluTanh, t.Pow = unary(f.gelu), unary(f.geluTanh), binary(f.pow)

	t.Expm1Grad, t.ErfGrad = grad(f.expm1Slope), grad(f.erfSlope)
	t.SinGrad, t.CosGrad = grad(f.sinSlope), grad(f.cosSlope)
	t.SiluGrad, t.SoftplusGrad = grad(f.siluSlope), grad(f.sigmoid)
	t.GeluGrad, t.GeluTanhGrad = grad(f.geluSlope), grad(f.geluTanhSlope)

	t.AddSilu, t.AddGelu, t.AddGeluTanh = sumThen(f.silu), sumThen(f.gelu), sumThen(f.geluTanh)
	t.AddSigmoid, t.AddTanh = sumThen(f.sigmoid), sumThen(f.tanh)
	t.fillSwiGLU(f)

	expScaled := func(dst, x []T, scale, shift T) {
		x = x[:len(dst)]
		for i, v := range x {
			dst[i] = f.expBelow(T(v*scale) - shift)
		}
	}
	t.ExpScaled = expScaled
	t.ExpSum = func(dst, x []T, scale, shift T) T {
		expScaled(dst, x, scale, shift)
		return sum(dst)
	}
	t.LogSoftmaxGrad = func(dst, y, dy []T, scale, sum T) {
		y, dy = y[:len(dst)], dy[:len(dst)]
		for i, v := range y {
			dst[i] = scale * T(dy[i]-T(f.exp(v)*sum))
		}
	}
	t.SumExp = func(x []T, scale, shift T) T {
		return reduce(len(x), func(acc T, i int) T { return acc + f.expBelow(T(x[i]*scale)-shift) })
	}
}

func (t *Float[T]) fillSwiGLU(f transcendental[T]) {
	t.SiluMul = binary(func(g, u T) T { return f.silu(g) * u })
	t.SiluMulClamp = func(dst, gate, up []T, limit T) {
		gate, up = gate[:len(dst)], up[:len(dst)]
		for i, g := range gate {
			dst[i] = smallest(f.silu(g), limit) * smallest(largest(up[i], -limit), limit)
		}
	}
	t.SiluMulGrad = func(dgate, dup, gate, up, dy []T) {
		dup, gate, up, dy = dup[:len(dgate)], gate[:len(dgate)], up[:len(dgate)], dy[:len(dgate)]
		for i, g := range gate {
			u, d := up[i], dy[i]
			dgate[i] = f.siluSlope(g) * T(d*u)
			dup[i] = d * f.silu(g)
		}
	}
	t.SiluMulClampGrad = func(dgate, dup, gate, up, dy []T, limit T) {
		dup, gate, up, dy = dup[:len(dgate)], gate[:len(dgate)], up[:len(dgate)], dy[:len(dgate)]
		for i, g := range gate {
			u, d, s := up[i], dy[i], f.silu(g)
			dgate[i], dup[i] = 0, 0
			if !(s > limit) {
				dgate[i] = f.siluSlope(g) * T(d*smallest(largest(u, -limit), limit))
			}
			if !(max(u, -u) > limit) {
				dup[i] = d * smallest(s, limit)
			}
		}
	}
}

// sumThen is a bias and an activation.
func sumThen[T Real](f func(T) T) func(dst, a, b []T) {
	return binary(func(a, b T) T { return f(a + b) })
}
