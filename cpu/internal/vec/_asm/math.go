package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// The functions of kernels/math.cuh on the lanes of a vector. Read them beside that file and ../math32.go.

const (
	rounder     = 12582912 // 1.5 * 2^23
	rounderBits = 0x4b400000
	signBit     = 0x80000000
	infBits     = 0x7f800000
	nanBits     = 0x7fc00000
)

// poly evaluates a polynomial by Horner's rule, the highest coefficient first.
func poly(x vec, coefficients ...float64) vec {
	q := f32.start(x, f32.c(coefficients[0]))
	for _, c := range coefficients[1:] {
		issue(VFMADD213PS, f32.c(c), x, q)
	}
	return q
}

// poly2 continues two polynomials that have come to a and b side by side: two chains of dependent operations at once.
func poly2(x, y, a, b vec, p, q []float64) (vec, vec) {
	for i := range p {
		issue(VFMADD213PS, f32.c(p[i]), x, a)
		issue(VFMADD213PS, f32.c(q[i]), y, b)
	}
	return a, b
}

func imm(ins instruction, n uint8, x any) vec {
	d := newVec(members(x))
	issue(ins, U8(n), x, d)
	return d
}

func addInt(x any, k uint32) vec { return do(VPADDD, x, f32.raw(uint64(k))) }
func subInt(x any, k uint32) vec { return do(VPSUBD, x, f32.raw(uint64(k))) }

func equalInt(a, b vec) any {
	d := newMask(max(members(a), members(b)))
	issue(VPCMPEQD, b, a, d)
	return d
}

// atMost is x > hi ? hi : x, atLeast x < lo ? lo : x; NaN stays.
func atMost(x vec, hi float64) vec  { return do(VMINPS, f32.reg(hi), x) }
func atLeast(x vec, lo float64) vec { return do(VMAXPS, f32.reg(lo), x) }

// scale is (1 + e) * 2^k of k in the low bits of z; it destroys e. The two halves of k + 254 are k>>1 and k - k>>1, each with the bias of
// an exponent already.
func scale(e, z vec) vec {
	both := subInt(z, rounderBits-254)
	half := imm(VPSRAD, 1, both)
	s := imm(VPSLLD, 23, half)
	issue(VFMADD213PS, s, s, e)
	return do(VMULPS, e, imm(VPSLLD, 23, do(VPSUBD, both, half)))
}

// splitExp writes x as k ln2 + r, with k in the low bits of z.
func splitExp(x vec) (r, z vec) {
	z = f32.start(x, f32.c(rounder))
	issue(VFMADD231PS, f32.c(1.44269502), x, z)
	n := do(VSUBPS, z, f32.c(rounder))
	r = f32.copyOf(x)
	issue(VFNMADD231PS, f32.c(0.693147182), n, r)
	issue(VFMADD231PS, f32.c(1.90465421e-9), n, r)
	return r, z
}

func expm1Poly(r vec) vec {
	q := poly(r, 0.000199713642, 0.00139309035, 0.00833317824, 0.0416665077, 0.166666672, 0.5)
	e := do(VMULPS, r, r)
	issue(VFMADD213PS, r, q, e)
	return e
}

func exp(x vec) vec {
	r, z := splitExp(atLeast(atMost(x, 89), -104))
	return scale(expm1Poly(r), z)
}

// expSmall is exp of NaN or -87 <= x <= 0, the same to the last bit: there are no bounds to keep, and as 2^k is a normal number, one step scales
// as well as two.
func expSmall(x vec) vec {
	r, z := splitExp(x)
	e := expm1Poly(r)
	s := addInt(imm(VPSLLD, 23, z), 0x3f800000)
	issue(VFMADD213PS, s, s, e)
	return e
}

// expBelow is e^x for x of at most 88.
func expBelow(x vec) vec {
	r := atLeast(x, -104)
	z := f32.start(x, f32.c(rounder))
	issue(VFMADD231PS, f32.c(1.44269502), r, z)
	issue(VFMSUB132PS, f32.c(1.44269502), do(VSUBPS, z, f32.c(rounder)), r)
	q := poly(r, 0.000153776724, 0.00133880938, 0.00961832143, 0.0555036589, 0.240226492, 0.693147182)
	issue(VMULPS, q, r, r)
	s := imm(VPSLLD, 23, do(VPMAXSD, subInt(z, rounderBits-127), f32.zero()))
	issue(VFMADD213PS, s, s, r)
	return r
}

func exp2(x vec) vec {
	x = atLeast(atMost(x, 129), -151)
	z := do(VADDPS, x, f32.c(rounder))
	r := do(VSUBPS, x, do(VSUBPS, z, f32.c(rounder)))
	q := poly(r, 0.000154528316, 0.00133814442, 0.00961808395, 0.055503808, 0.240226507)
	e := do(VMULPS, do(VMULPS, r, r), q)
	issue(VFMADD231PS, f32.c(0.693147182), r, e)
	return scale(e, z)
}

func expm1(x vec) vec {
	a := atLeast(atMost(x, 89), -20)
	r, z := splitExp(a)
	k := subInt(z, rounderBits)
	e := expm1Poly(r)
	s := imm(VPSLLD, 23, addInt(k, 126))
	y := do(VSUBPS, s, f32.c(0.5))
	issue(VFMADD231PS, s, e, y)
	issue(VADDPS, y, y, y)
	y = f32.choose(equalInt(k, f32.zero()), e, y)
	return f32.choose(f32.compare(cmpEQ, x, f32.zero()), x, y)
}

// split writes a positive x as 2^e (1 + f).
func split(x vec) (f, e vec) {
	tiny := f32.compare(cmpLT, x, f32.c(1.17549435e-38))
	y := f32.choose(tiny, do(VMULPS, x, f32.c(8388608)), x)
	top := do(intAnd, subInt(y, 0x3f2aaaab), f32.raw(0xff800000))
	f = do(VSUBPS, do(VPSUBD, y, top), f32.c(1))
	e = do1(VCVTDQ2PS, imm(VPSRAD, 23, top))
	return f, do(VSUBPS, e, f32.keep(tiny, f32.c(23)))
}

func logTail(f vec) vec {
	return poly(f, -0.12914753, 0.137553498, -0.121833116, 0.140544772, -0.166801363, 0.200073048, -0.249998182, 0.333332717, -0.5)
}

func logEdges(x, y vec) vec {
	y = f32.choose(f32.compare(cmpLT, x, f32.raw(infBits)), y, x)
	y = f32.choose(f32.compare(cmpLT, x, f32.zero()), f32.raw(nanBits), y)
	return f32.choose(f32.compare(cmpEQ, x, f32.zero()), f32.raw(signBit|infBits), y)
}

func logarithm(x vec) vec {
	f, e := split(x)
	y := do(VMULPS, f, f)
	issue(VFMADD213PS, f, logTail(f), y)
	issue(VFMADD231PS, f32.c(0.693147182), e, y)
	return logEdges(x, y)
}

func log2(x vec) vec {
	f, e := split(x)
	t := do(VMULPS, do(VMULPS, f, f), logTail(f))
	issue(VMULPS, f32.c(1.44269502), t, t)
	issue(VFMADD231PS, f32.c(1.92596303e-8), f, t)
	issue(VFMADD231PS, f32.c(1.44269502), f, t)
	return logEdges(x, do(VADDPS, e, t))
}

func log1p(x vec) vec {
	top := do(intAnd, subInt(do(VADDPS, x, f32.c(1)), 0x3f400000), f32.raw(0xff800000))
	s := do(VPSUBD, f32.copyOf(f32.raw(0x40800000)), top)
	issue(VMULPS, f32.c(0.25), s, s)
	f := do(VSUBPS, s, f32.c(1))
	issue(VFMADD231PS, s, x, f)
	q := poly(f, 0.0421318226, -0.0957525149, 0.117586687, -0.126623467, 0.142617479, -0.166584671, 0.200003132, -0.250001103, 0.333333313, -0.5)
	y := do(VMULPS, f, f)
	issue(VFMADD213PS, f, q, y)
	issue(VFMADD231PS, f32.c(0.693147182), do1(VCVTDQ2PS, imm(VPSRAD, 23, top)), y)
	y = f32.choose(f32.compare(cmpLT, x, f32.raw(infBits)), y, x)
	y = f32.choose(f32.compare(cmpLT, x, f32.c(-1)), f32.raw(nanBits), y)
	y = f32.choose(f32.compare(cmpEQ, x, f32.c(-1)), f32.raw(signBit|infBits), y)
	return f32.choose(f32.compare(cmpEQ, x, f32.zero()), x, y)
}

// signOf gives y, not negative, the sign of x.
func signOf(y, x vec) vec {
	return do(VORPS, do(VANDPS, y, f32.raw(^uint64(signBit)&0xffffffff)), do(VANDPS, x, f32.raw(signBit)))
}

func tanh(x vec) vec {
	a := f32.abs(x)
	s := do(VMULPS, a, a)
	small := poly(s, -0.00629766332, 0.021132784, -0.0538793728, 0.13332963, -0.333333313)
	issue(VFMADD213PS, a, do(VMULPS, a, s), small)
	large := do(VADDPS, exp(do(VADDPS, a, a)), f32.c(1))
	large = do(VSUBPS, f32.reg(1), do(VDIVPS, f32.reg(2), large))
	return signOf(f32.choose(f32.compare(cmpLT, a, f32.c(0.6)), small, large), x)
}

func sigmoid(x vec) vec {
	z := exp(do(VORPS, x, f32.raw(signBit)))
	one := f32.reg(1)
	top := f32.choose(f32.compare(cmpLT, x, f32.zero()), z, one)
	return do(VDIVPS, top, do(VADDPS, one, z))
}

func softplus(x vec) vec {
	y := log1p(exp(do(VORPS, x, f32.raw(signBit))))
	positive := do(VMAXPS, f32.zero(), x)
	return do(VADDPS, positive, y)
}

func erf(x vec) vec { return erfTwice(x, x) }

// erfTwice is erf with an argument that can be had again: while the exponential of large is under way several bodies side by side leave no
// register to keep it in. small has its sign from the start, as an odd function may.
func erfTwice(x vec, again any) vec {
	b := atMost(f32.abs(x), 4)
	s := do(VMULPS, x, x)
	p := poly(b, -4.4655726e-06, 3.93050323e-05)
	p, small := poly2(b, s, p, f32.start(s, f32.c(7.98057808e-05)),
		[]float64{8.42320296e-05, -0.0030333444, 0.0228534322, -0.105444655, -0.635525286, -1.12857473},
		[]float64{-0.000804309733, 0.00519133126, -0.0268549267, 0.112835988, -0.37612626, 0.128379166})
	x = f32.copyOf(again)
	issue(VFMADD213PS, x, x, small)
	large := do(VSUBPS, f32.reg(1), expSmall(do(VMULPS, p, b)))
	large = do(VORPS, large, do(VANDPS, f32.copyOf(again), f32.raw(signBit)))
	return f32.choose(below1(f32.abs(f32.copyOf(again))), small, large)
}

// below1 has the sign bit, all that a blend looks at, where a is below 1; a has none itself, so its bits are in the order of its values.
func below1(a vec) vec { return subInt(a, 0x3f800000) }

func silu(x vec) vec { return do(VMULPS, x, sigmoid(x)) }

// normalCDF is Φ(x). The constants of the two polynomials come from memory each time: there is no register left for them.
func normalCDF(x vec) vec {
	c := atLeast(atMost(x, 5.35), -5.35)
	s := do(VMULPS, c, c)
	p := poly(s, 0.0193329044, 5.19121742)
	q := do(VADDPS, s, f32.c(58.5706291))
	up := []float64{132.269684, 3781.61304, 27021.748, 325213.813}
	down := []float64{1505.94446, 23033.1348, 203598.063, 815190.375}
	for i := range up {
		issue(VFMADD213PS, f32.each(up[i], s), s, p)
		issue(VFMADD213PS, f32.each(down[i], s), s, q)
	}
	issue(VMULPS, p, c, c)
	return do(VMAXPS, f32.zero(), do(VADDPS, do(VDIVPS, c, q), f32.c(0.5)))
}

func gelu(x vec) vec { return geluTwice(x, x) }

func geluTwice(x vec, again any) vec { return do(VMULPS, normalCDF(x), again) }

// geluArgument is 2u of gelu_tanh.
func geluArgument(x vec) vec {
	u := do(VMULPS, x, x)
	issue(VFMADD213PS, f32.reg(1.59576917), f32.reg(0.0713548139), u)
	return do(VMULPS, x, u)
}

func geluTanh(x vec) vec { return do(VMULPS, x, sigmoid(geluArgument(x))) }
