package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// laneBits holds 1, 2, 4 ... 128 as 32-bit elements.
func laneBits() Mem {
	m := GLOBL("laneBits", RODATA|NOPTR)
	for i := 0; i < 8; i++ {
		DATA(4*i, U32(1<<i))
	}
	return m
}

func masks() {
	lane := laneBits()
	TEXT("avxBlend", NOSPLIT, "func(d, t *[32]uint32, mask uint32)")
	Doc("avxBlend copies the lanes of mask from t to d.")
	r := operands("d", "t")
	bits := broadcastMask()
	sel := YMM()
	VMOVDQU(lane, sel)
	for o := 0; o < row; o += 32 {
		m, y := YMM(), YMM()
		VPAND(sel, bits, m)
		VPCMPEQD(sel, m, m)
		VMOVDQU(at(r[0], o), y)
		VPBLENDVB(m, at(r[1], o), y, y)
		VMOVDQU(y, at(r[0], o))
		if o+32 < row {
			VPSRLD(Imm(8), bits, bits)
		}
	}
	end()

	TEXT("avxBlend64", NOSPLIT, "func(d, t *[32]uint64, mask uint32)")
	Doc("avxBlend64 copies the lanes of mask from t to d.")
	r = operands("d", "t")
	bits = broadcastMask()
	sel = YMM()
	VPMOVZXDQ(lane, sel)
	for o := 0; o < row64; o += 32 {
		m, y := YMM(), YMM()
		VPAND(sel, bits, m)
		VPCMPEQQ(sel, m, m)
		VMOVDQU(at(r[0], o), y)
		VPBLENDVB(m, at(r[1], o), y, y)
		VMOVDQU(y, at(r[0], o))
		if o+32 < row64 {
			VPSRLD(Imm(4), bits, bits)
		}
	}
	end()

	TEXT("avxIcmp", NOSPLIT, "func(a, b *[32]uint32, flip uint32) (gt, eq uint32)")
	Doc("avxIcmp compares as signed after xor with flip.")
	r = operands("a", "b")
	flip := YMM()
	x := XMM()
	VMOVD(Load(Param("flip"), GP32()), x)
	VPBROADCASTD(x, flip)
	compare(r, flip, row, 8, VPCMPGTD, VPCMPEQD, VMOVMSKPS)

	TEXT("avxIcmp64", NOSPLIT, "func(a, b *[32]uint64, flip uint64) (gt, eq uint32)")
	Doc("avxIcmp64 compares as signed after xor with flip.")
	r = operands("a", "b")
	flip = YMM()
	x = XMM()
	VMOVQ(Load(Param("flip"), GP64()), x)
	VPBROADCASTQ(x, flip)
	compare(r, flip, row64, 4, VPCMPGTQ, VPCMPEQQ, VMOVMSKPD)

	TEXT("avxFcmp", NOSPLIT, "func(a, b *[32]uint32) (lt, eq, unordered uint32)")
	Doc("avxFcmp compares float32.")
	r = operands("a", "b")
	results := []reg.GPVirtual{zero(), zero(), zero()}
	for o := 0; o < row; o += 32 {
		a, b, m := YMM(), YMM(), YMM()
		VMOVUPS(at(r[0], o), a)
		VMOVUPS(at(r[1], o), b)
		for i, predicate := range []uint8{1, 0, 3} { // less, equal, unordered
			VCMPPS(U8(predicate), b, a, m)
			collect(results[i], m, o/4, VMOVMSKPS)
		}
	}
	for i, name := range []string{"lt", "eq", "unordered"} {
		Store(results[i], Return(name))
	}
	end()
}

func broadcastMask() reg.VecVirtual {
	x, y := XMM(), YMM()
	VMOVD(Load(Param("mask"), GP32()), x)
	VPBROADCASTD(x, y)
	return y
}

func zero() reg.GPVirtual {
	r := GP32()
	XORL(r, r)
	return r
}

// collect ors the sign bits of m, shifted, into r.
func collect(r reg.GPVirtual, m reg.VecVirtual, shift int, movmsk func(a, r Op)) {
	g := GP32()
	movmsk(m, g)
	if shift > 0 {
		SHLL(U8(shift), g)
	}
	ORL(g, r)
}

func compare(r []reg.Register, flip reg.VecVirtual, size, perVector int, gtOp, eqOp func(...Op), movmsk func(a, r Op)) {
	gt, eq := zero(), zero()
	for i := 0; i < size/32; i++ {
		a, b, m := YMM(), YMM(), YMM()
		VPXOR(at(r[0], 32*i), flip, a)
		VPXOR(at(r[1], 32*i), flip, b)
		gtOp(b, a, m)
		collect(gt, m, i*perVector, movmsk)
		eqOp(b, a, m)
		collect(eq, m, i*perVector, movmsk)
	}
	Store(gt, Return("gt"))
	Store(eq, Return("eq"))
	end()
}

func addresses() {
	TEXT("avxNarrow", NOSPLIT, "func(q *[32]uint64, base uint64, out *[32]uint32) (or uint64)")
	Doc("avxNarrow stores the low halves of q - base and returns the or of the differences.")
	r := operands("q", "base", "out")
	x, base, or := XMM(), YMM(), YMM()
	VMOVQ(r[1], x)
	VPBROADCASTQ(x, base)
	VPXOR(or, or, or)
	for i := 0; i < 4; i++ {
		a, b := YMM(), YMM()
		for j, y := range []reg.VecVirtual{a, b} {
			VMOVDQU(at(r[0], 64*i+32*j), y)
			VPSUBQ(base, y, y)
			VPOR(y, or, or)
		}
		low(a, b)
		VMOVDQU(a, at(r[2], 32*i))
	}
	half := XMM()
	VEXTRACTI128(U8(1), or, half)
	VPOR(or.AsX(), half, half)
	swapped := XMM()
	VPSHUFD(U8(0x4e), half, swapped)
	VPOR(swapped, half, half)
	out := GP64()
	VMOVQ(half, out)
	Store(out, Return("or"))
	end()

	TEXT("avxSurvey", NOSPLIT, "func(offs, pattern *[32]uint32, out *[4]uint32)")
	Doc("avxSurvey gives minimum, maximum and or of the offsets, and whether any differs from offs[0] + pattern.")
	r = operands("offs", "pattern", "out")
	first := YMM()
	VPBROADCASTD(at(r[0], 0), first)
	lo, hi, all, differs := YMM(), YMM(), YMM(), YMM()
	for o := 0; o < row; o += 32 {
		y, d := YMM(), YMM()
		VMOVDQU(at(r[0], o), y)
		VPSUBD(first, y, d)
		VPXOR(at(r[1], o), d, d)
		if o == 0 {
			VMOVDQA(y, lo)
			VMOVDQA(y, hi)
			VMOVDQA(y, all)
			VMOVDQA(d, differs)
			continue
		}
		VPMINUD(y, lo, lo)
		VPMAXUD(y, hi, hi)
		VPOR(y, all, all)
		VPOR(d, differs, differs)
	}
	for i, f := range []struct {
		y  reg.VecVirtual
		op func(...Op)
	}{{lo, VPMINUD}, {hi, VPMAXUD}, {all, three(VPOR)}, {differs, three(VPOR)}} {
		x, t := XMM(), XMM()
		VEXTRACTI128(U8(1), f.y, x)
		f.op(f.y.AsX(), x, x)
		for _, shuffle := range []uint8{0x4e, 0xb1} {
			VPSHUFD(U8(shuffle), x, t)
			f.op(t, x, x)
		}
		VMOVD(x, at(r[2], 4*i))
	}
	end()
}
