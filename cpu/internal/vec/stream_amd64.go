//go:build !purego

package vec

import "unsafe"

// A streaming kernel stores around the cache, which saves the read of a line about to be overwritten. It wants an aligned output of whole
// vectors; the ordinary kernel does both ends.

// newStreaming puts the streaming kernels over a table.
func newStreaming(f Funcs) *Funcs {
	t := &f.F32
	t.Neg, t.Abs, t.Sqrt = streamUnary(neg32AVX2, neg32StreamAVX2), streamUnary(abs32AVX2, abs32StreamAVX2), streamUnary(sqrt32AVX2, sqrt32StreamAVX2)
	t.Rsqrt, t.Square, t.Reciprocal = streamUnary(rsqrt32AVX2, rsqrt32StreamAVX2), streamUnary(square32AVX2, square32StreamAVX2), streamUnary(reciprocal32AVX2, reciprocal32StreamAVX2)
	t.Relu, t.Floor, t.Ceil = streamUnary(relu32AVX2, relu32StreamAVX2), streamUnary(floor32AVX2, floor32StreamAVX2), streamUnary(ceil32AVX2, ceil32StreamAVX2)
	t.Round, t.Trunc, t.Sign = streamUnary(round32AVX2, round32StreamAVX2), streamUnary(trunc32AVX2, trunc32StreamAVX2), streamUnary(sign32AVX2, sign32StreamAVX2)
	t.Exp, t.Exp2, t.Expm1 = streamUnary(exp32AVX2, exp32StreamAVX2), streamUnary(exp232AVX2, exp232StreamAVX2), streamUnary(expm132AVX2, expm132StreamAVX2)
	t.Log, t.Log2, t.Log1p = streamUnary(log32AVX2, log32StreamAVX2), streamUnary(log232AVX2, log232StreamAVX2), streamUnary(log1p32AVX2, log1p32StreamAVX2)
	t.Tanh, t.Sigmoid, t.Softplus = streamUnary(tanh32AVX2, tanh32StreamAVX2), streamUnary(sigmoid32AVX2, sigmoid32StreamAVX2), streamUnary(softplus32AVX2, softplus32StreamAVX2)
	t.Silu, t.GeluTanh, t.Erf = streamUnary(silu32AVX2, silu32StreamAVX2), streamUnary(geluTanh32AVX2, geluTanh32StreamAVX2), streamUnary(erf32AVX2, erf32StreamAVX2)
	t.Gelu = streamUnary(gelu32AVX2, gelu32StreamAVX2)
	t.AddS, t.MulS, t.DivS = streamUnaryS(addS32AVX2, addS32StreamAVX2), streamUnaryS(mulS32AVX2, mulS32StreamAVX2), streamUnaryS(divS32AVX2, divS32StreamAVX2)
	t.MinS, t.MaxS, t.SubFrom = streamUnaryS(minS32AVX2, minS32StreamAVX2), streamUnaryS(maxS32AVX2, maxS32StreamAVX2), streamUnaryS(subFrom32AVX2, subFrom32StreamAVX2)
	t.DivInto, t.MinFrom, t.MaxFrom = streamUnaryS(divInto32AVX2, divInto32StreamAVX2), streamUnaryS(minFrom32AVX2, minFrom32StreamAVX2), streamUnaryS(maxFrom32AVX2, maxFrom32StreamAVX2)
	t.Affine, t.Clamp, t.Standardize = streamUnarySS(affine32AVX2, affine32StreamAVX2), streamUnarySS(clamp32AVX2, clamp32StreamAVX2), streamUnarySS(standardize32AVX2, standardize32StreamAVX2)
	t.Add, t.Sub, t.Mul = streamBinary(add32AVX2, add32StreamAVX2), streamBinary(sub32AVX2, sub32StreamAVX2), streamBinary(mul32AVX2, mul32StreamAVX2)
	t.Div, t.Min, t.Max = streamBinary(div32AVX2, div32StreamAVX2), streamBinary(min32AVX2, min32StreamAVX2), streamBinary(max32AVX2, max32StreamAVX2)
	t.AddRelu, t.SiluMul, t.AddSilu = streamBinary(addRelu32AVX2, addRelu32StreamAVX2), streamBinary(siluMul32AVX2, siluMul32StreamAVX2), streamBinary(addSilu32AVX2, addSilu32StreamAVX2)
	t.AddGelu, t.AddGeluTanh, t.AddSigmoid = streamBinary(addGelu32AVX2, addGelu32StreamAVX2), streamBinary(addGeluTanh32AVX2, addGeluTanh32StreamAVX2), streamBinary(addSigmoid32AVX2, addSigmoid32StreamAVX2)
	t.AddTanh = streamBinary(addTanh32AVX2, addTanh32StreamAVX2)
	t.AddScaled, t.Axpy, t.SiluMulClamp = streamBinaryS(addScaled32AVX2, addScaled32StreamAVX2), streamBinaryS(axpy32AVX2, axpy32StreamAVX2), streamBinaryS(siluMulClamp32AVX2, siluMulClamp32StreamAVX2)
	t.ScaleAdd, t.NormScale, t.MulShift = streamBinarySS(scaleAdd32AVX2, scaleAdd32StreamAVX2), streamBinarySS(normScale32AVX2, normScale32StreamAVX2), streamBinarySS(mulShift32AVX2, mulShift32StreamAVX2)
	t.NormBack = streamBinarySSSS(normBack32AVX2, normBack32StreamAVX2)
	t.FMA = streamTernary(fma32AVX2, fma32StreamAVX2)
	t.NormAffine = streamTernarySS(normAffine32AVX2, normAffine32StreamAVX2)
	t.composeRows()
	streamRows(t)
	return &f
}

// streamRows puts the kernels of two rows over their compositions, which do what is not aligned or of whole groups.
func streamRows(t *Float[float32]) {
	scaleSumSq, affineSum, expMulS := t.NormScaleSumSq, t.NormAffineSum, t.ExpScaledMulS
	t.NormScaleSumSq = func(dst, x, w, next []float32, s, offset float32) float32 {
		if !even(dst, 32) {
			return scaleSumSq(dst, x, w, next, s, offset)
		}
		return normScaleSumSq32StreamAVX2(dst, x, w, next, s, offset)
	}
	t.NormAffineSum = func(dst, x, w, b, next []float32, mean, s float32) float32 {
		if !even(dst, 32) {
			return affineSum(dst, x, w, b, next, mean, s)
		}
		return normAffineSum32StreamAVX2(dst, x, w, b, next, mean, s)
	}
	t.ExpScaledMulS = func(e, dst, x, a []float32, scale, shift, s float32) {
		if !even(dst, 8) {
			expMulS(e, dst, x, a, scale, shift, s)
			return
		}
		expScaledMulS32StreamAVX2(e, dst, x, a, scale, shift, s)
	}
}

// even tells whether dst is aligned and has whole groups of elements.
func even(dst []float32, group int) bool {
	return len(dst)%group == 0 && uintptr(unsafe.Pointer(unsafe.SliceData(dst)))%32 == 0
}

// interior returns the bounds of the aligned whole vectors of dst; a slice of a few vectors is not worth the parting.
func interior(dst []float32) (from, to int) {
	const align, lanes = 32, 8
	if len(dst) < 8*lanes {
		return len(dst), len(dst)
	}
	from = int(-uintptr(unsafe.Pointer(&dst[0]))%align) / 4
	return from, from + (len(dst)-from)/lanes*lanes
}

func streamUnary(ends, middle func(dst, a []float32)) func(dst, a []float32) {
	return func(dst, a []float32) {
		from, to := interior(dst)
		ends(dst[:from], a)
		middle(dst[from:to], a[from:])
		ends(dst[to:], a[to:])
	}
}

func streamUnaryS(ends, middle func(dst, a []float32, s float32)) func(dst, a []float32, s float32) {
	return func(dst, a []float32, s float32) {
		from, to := interior(dst)
		ends(dst[:from], a, s)
		middle(dst[from:to], a[from:], s)
		ends(dst[to:], a[to:], s)
	}
}

func streamUnarySS(ends, middle func(dst, a []float32, s, t float32)) func(dst, a []float32, s, t float32) {
	return func(dst, a []float32, s, t float32) {
		from, to := interior(dst)
		ends(dst[:from], a, s, t)
		middle(dst[from:to], a[from:], s, t)
		ends(dst[to:], a[to:], s, t)
	}
}

func streamBinary(ends, middle func(dst, a, b []float32)) func(dst, a, b []float32) {
	return func(dst, a, b []float32) {
		from, to := interior(dst)
		ends(dst[:from], a, b)
		middle(dst[from:to], a[from:], b[from:])
		ends(dst[to:], a[to:], b[to:])
	}
}

func streamBinaryS(ends, middle func(dst, a, b []float32, s float32)) func(dst, a, b []float32, s float32) {
	return func(dst, a, b []float32, s float32) {
		from, to := interior(dst)
		ends(dst[:from], a, b, s)
		middle(dst[from:to], a[from:], b[from:], s)
		ends(dst[to:], a[to:], b[to:], s)
	}
}

func streamBinarySS(ends, middle func(dst, a, b []float32, s, t float32)) func(dst, a, b []float32, s, t float32) {
	return func(dst, a, b []float32, s, t float32) {
		from, to := interior(dst)
		ends(dst[:from], a, b, s, t)
		middle(dst[from:to], a[from:], b[from:], s, t)
		ends(dst[to:], a[to:], b[to:], s, t)
	}
}

func streamBinarySSSS(ends, middle func(dst, a, b []float32, s, t, u, v float32)) func(dst, a, b []float32, s, t, u, v float32) {
	return func(dst, a, b []float32, s, t, u, v float32) {
		from, to := interior(dst)
		ends(dst[:from], a, b, s, t, u, v)
		middle(dst[from:to], a[from:], b[from:], s, t, u, v)
		ends(dst[to:], a[to:], b[to:], s, t, u, v)
	}
}

func streamTernary(ends, middle func(dst, a, b, c []float32)) func(dst, a, b, c []float32) {
	return func(dst, a, b, c []float32) {
		from, to := interior(dst)
		ends(dst[:from], a, b, c)
		middle(dst[from:to], a[from:], b[from:], c[from:])
		ends(dst[to:], a[to:], b[to:], c[to:])
	}
}

func streamTernarySS(ends, middle func(dst, a, b, c []float32, s, t float32)) func(dst, a, b, c []float32, s, t float32) {
	return func(dst, a, b, c []float32, s, t float32) {
		from, to := interior(dst)
		ends(dst[:from], a, b, c, s, t)
		middle(dst[from:to], a[from:], b[from:], c[from:], s, t)
		ends(dst[to:], a[to:], b[to:], c[to:], s, t)
	}
}
