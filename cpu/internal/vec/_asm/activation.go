package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// transcendentals emits the float32 kernels that need polynomials.
func transcendentals() {
	for _, k := range []struct {
		name, doc string
		unroll    int // as far as the registers go
		f         func(vec) vec
	}{
		{"exp", "dst = e^a", 4, exp}, {"exp2", "dst = 2^a", 4, exp2}, {"expm1", "dst = e^a - 1", 3, expm1},
		{"log", "dst = log a", 3, logarithm}, {"log2", "dst = log2 a", 3, log2}, {"log1p", "dst = log(1 + a)", 3, log1p},
		{"tanh", "dst = tanh a", 2, tanh}, {"sigmoid", "dst = 1/(1 + e^-a)", 3, sigmoid}, {"softplus", "dst = log(1 + e^a)", 2, softplus},
		{"silu", "dst = a σ(a)", 3, silu},
		{"geluTanh", "dst = a Φ(a) in the tanh form", 2, geluTanh},
	} {
		f32.emit(elementwise{name: k.name, outs: words("dst"), ins: words("a"), unroll: k.unroll, stream: true, busy: true, doc: k.doc, body: one(k.f)})
	}
	for _, k := range []struct {
		name, doc string
		unroll    int
		f         func(a vec, again any) vec
	}{
		{"erf", "dst = erf a", 3, erfTwice}, {"gelu", "dst = a Φ(a)", 4, geluTwice},
	} {
		f32.emit(elementwise{name: k.name, outs: words("dst"), ins: words("a"), unroll: k.unroll, stream: true, busy: true, doc: k.doc, body: oneTwice(k.f)})
	}
	for _, k := range []struct {
		name, doc string
		unroll    int
		f         func(a, b vec) vec
	}{
		{"siluMul", "dst = silu(a) * b", 2, func(a, b vec) vec { return do(VMULPS, silu(a), b) }},
		{"addSilu", "dst = silu(a + b)", 3, func(a, b vec) vec { return silu(do(VADDPS, a, b)) }},
		{"addGelu", "dst = gelu(a + b)", 3, func(a, b vec) vec { return gelu(do(VADDPS, a, b)) }},
		{"addGeluTanh", "dst = geluTanh(a + b)", 2, func(a, b vec) vec { return geluTanh(do(VADDPS, a, b)) }},
		{"addSigmoid", "dst = σ(a + b)", 3, func(a, b vec) vec { return sigmoid(do(VADDPS, a, b)) }},
		{"addTanh", "dst = tanh(a + b)", 2, func(a, b vec) vec { return tanh(do(VADDPS, a, b)) }},
	} {
		f32.emit(elementwise{name: k.name, outs: words("dst"), ins: words("a b"), unroll: k.unroll, stream: true, busy: true, doc: k.doc, body: pair(k.f)})
	}
	f32.emit(elementwise{name: "siluMulClamp", outs: words("dst"), ins: words("gate up"), scalars: words("limit"), unroll: 1, stream: true,
		doc: "dst = min(silu(gate), limit) * clamp(up, -limit, limit)",
		body: func(in []vec, s, again []any) []vec {
			up := f32.smallest(f32.largest(in[1], f32.neg(s[0])), s[0])
			return []vec{do(VMULPS, f32.smallest(silu(in[0]), s[0]), up)}
		}})
	for _, k := range []elementwise{
		f32.gradient("expm1", "e^v", 2, exp),
		f32.gradient("erf", "2/√π e^-v²", 2, erfSlope),
		f32.gradient("silu", "of silu", 2, siluSlope),
		f32.gradient("softplus", "σ(v)", 2, sigmoid),
		f32.gradient("gelu", "of gelu", 1, geluSlope),
		f32.gradient("geluTanh", "of gelu in the tanh form", 2, geluTanhSlope),
	} {
		f32.emit(k)
	}
	swigluGradients()
	expSums()
}

func swigluGradients() {
	f32.emit(elementwise{name: "siluMulGrad", outs: words("dgate dup"), ins: words("gate up dy"), unroll: 1,
		doc: "dgate = (dy*up) silu'(gate) and dup = dy * silu(gate)",
		body: func(in []vec, s, again []any) []vec {
			gate, up, dy := in[0], in[1], in[2]
			return []vec{do(VMULPS, siluSlope(gate), do(VMULPS, dy, up)), do(VMULPS, dy, silu(gate))}
		}})
	f32.emit(elementwise{name: "siluMulClampGrad", outs: words("dgate dup"), ins: words("gate up dy"), scalars: words("limit"), unroll: 1,
		doc: "siluMulGrad, zero where the limit cut",
		body: func(in []vec, s, again []any) []vec {
			gate, up, dy, limit := in[0], in[1], in[2], s[0]
			clamped := f32.smallest(f32.largest(up, f32.neg(limit)), limit)
			dgate := do(VMULPS, siluSlope(gate), do(VMULPS, dy, clamped))
			y := silu(gate)
			dup := do(VMULPS, dy, f32.smallest(y, limit))
			return []vec{f32.keep(f32.compare(notGT, y, limit), dgate), f32.keep(f32.compare(notGT, f32.abs(up), limit), dup)}
		}})
}

func siluSlope(x vec) vec {
	s := sigmoid(x)
	d := do(VSUBPS, f32.reg(1), s)
	issue(VFMADD213PS, f32.c(1), x, d)
	return do(VMULPS, s, d)
}

func geluSlope(x vec) vec {
	density := do(VMULPS, exp(do(VMULPS, do(VMULPS, x, x), f32.c(-0.5))), f32.c(0.398942292))
	cdf := normalCDF(x)
	issue(VFMADD231PS, density, x, cdf)
	return cdf
}

func geluTanhSlope(x vec) vec {
	s := sigmoid(geluArgument(x))
	inner := do(VMULPS, x, x)
	issue(VFMADD213PS, f32.reg(1.59576917), f32.reg(0.214064449), inner)
	y := do(VMULPS, do(VMULPS, x, s), do(VSUBPS, f32.reg(1), s))
	issue(VFMADD213PS, s, inner, y)
	return y
}

func erfSlope(x vec) vec {
	return do(VMULPS, exp(f32.neg(do(VMULPS, x, x))), f32.c(1.12837923))
}

// trigonometric emits sin or cos. It stops at the first group of lanes that holds a number above 2^17, or infinity, and
// returns how many elements it has done; the caller does the next eight in plain Go and comes back.
func trigonometric(name string, sine bool) {
	function(name+"32AVX2", noSplit, "func(dst, a []float32) int", "computes dst = "+name+" a up to the first vector with an element beyond 2^17 and returns how many it did.")
	n, total, dst, a := length("dst"), length("dst"), slice("dst"), slice("a")
	turn := func(x vec) vec {
		big, m := f32.compare(cmpGT, f32.abs(x), f32.c(131072)), GP32()
		VMOVMSKPS(big.(vec)[0], m)
		TESTL(m, m)
		JNZ(LabelRef("out"))
		return quadrants(x, sine)
	}
	loop("vector", n, 8, func() {
		issue(VMOVUPS, turn(f32.copyOf(Mem{Base: a})), Mem{Base: dst})
		ADDQ(U8(32), a)
		ADDQ(U8(32), dst)
	})
	TESTQ(n, n)
	JZ(LabelRef("out"))
	x := newVec(1)
	issue(VMASKMOVPS, Mem{Base: a}, f32.tailMask(n), x)
	f32.storeTail(turn(x)[0], dst, n, "store")
	XORQ(n, n)
	Label("out")
	SUBQ(n, total)
	Store(total, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// quadrants is sin or cos of |x| <= 2^17.
func quadrants(x vec, sine bool) vec {
	a := f32.abs(x)
	z := f32.start(x, f32.c(rounder))
	issue(VFMADD231PS, f32.c(0.636619747), a, z)
	n := do(VSUBPS, z, f32.c(rounder))
	r := a
	issue(VFNMADD231PS, f32.c(1.57079637), n, r)
	issue(VFMADD231PS, f32.c(4.37113883e-8), n, r)
	issue(VFMADD231PS, f32.c(1.71512489e-15), n, r)

	s := do(VMULPS, r, r)
	sin := poly(s, 2.89871446e-06, -0.000198595735, 0.0083333943, -0.166666672)
	issue(VFMADD213PS, r, do(VMULPS, r, s), sin)
	cos := poly(s, 2.45365609e-05, -0.00138882431, 0.0416666642)
	half := f32.start(x, f32.c(-0.5))
	issue(VFMADD213PS, f32.c(1), s, half)
	issue(VFMADD213PS, half, do(VMULPS, s, s), cos)

	odd := imm(VPSLLD, 31, z) // the blend looks at the sign bit only
	if sine {
		y := f32.choose(odd, cos, sin)
		issue(intXor, imm(VPSLLD, 30, do(intAnd, z, f32.raw(2))), y, y)
		return do(intXor, y, do(intAnd, x, f32.raw(signBit)))
	}
	y := f32.choose(odd, sin, cos)
	return do(intXor, y, imm(VPSLLD, 30, do(intAnd, addInt(z, 1), f32.raw(2))))
}
