package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	stride = 64 * 8 // bytes of a row of A
	width  = 8 * 8  // bytes of a row of B and of the accumulator
)

func matrix() {
	TEXT("avxDot", NOSPLIT, "func(acc *[16][8]float64, a *[16][64]float64, b *[64][8]float64, k int)")
	Doc("avxDot adds the product of a (16 x k) and b (k x 8) to acc, in ascending order of k.")
	r := operands("acc", "a", "b", "k")
	groups := GP64()
	MOVQ(U32(4), groups)
	Label("rows")
	var acc [4][2]reg.VecVirtual
	for i := range acc {
		for j := range acc[i] {
			acc[i][j] = YMM()
			VMOVUPD(at(r[0], width*i+32*j), acc[i][j])
		}
	}
	a, b, k := GP64(), GP64(), GP64()
	MOVQ(r[1], a)
	MOVQ(r[2], b)
	MOVQ(r[3], k)
	Label("steps")
	b0, b1 := YMM(), YMM()
	VMOVUPD(at(b, 0), b0)
	VMOVUPD(at(b, 32), b1)
	for i := range acc {
		x := YMM()
		VBROADCASTSD(at(a, stride*i), x)
		VFMADD231PD(b0, x, acc[i][0])
		VFMADD231PD(b1, x, acc[i][1])
	}
	ADDQ(Imm(8), a)
	ADDQ(Imm(width), b)
	DECQ(k)
	JNE(LabelRef("steps"))
	for i := range acc {
		for j := range acc[i] {
			VMOVUPD(acc[i][j], at(r[0], width*i+32*j))
		}
	}
	ADDQ(U32(4*width), r[0])
	ADDQ(U32(4*stride), r[1])
	DECQ(groups)
	JNE(LabelRef("rows"))
	end()

	for _, f := range []struct {
		name, doc string
		widen     func(x reg.VecVirtual, y reg.VecVirtual)
	}{
		{"avxTileBF16", "bf16", func(x, y reg.VecVirtual) { VPMOVZXWD(x, y); VPSLLD(Imm(16), y, y) }},
		{"avxTileF16", "f16", func(x, y reg.VecVirtual) { VCVTPH2PS(x, y) }},
	} {
		tile(f.name, f.doc, f.widen, false)
		tile(f.name+"T", f.doc, f.widen, true)
	}
	accumulators()
}

// tile writes the function that widens an 8 x 8 tile of 16-bit floats to float64.
func tile(name, doc string, widen func(x, y reg.VecVirtual), transpose bool) {
	TEXT(name, NOSPLIT, "func(dst *float64, stride int, src *[32]uint32)")
	if transpose {
		doc += ", transposed"
	}
	Doc(name + " widens an 8 x 8 tile of " + doc + "; stride counts bytes between rows of dst.")
	r := operands("dst", "stride", "src")
	x := make([]reg.VecVirtual, 8)
	for i := range x {
		x[i] = XMM()
		VMOVDQU(at(r[2], 16*i), x[i])
	}
	if transpose {
		x = interleave(x, VPUNPCKLWD, VPUNPCKHWD, []int{0, 4, 1, 5, 2, 6, 3, 7})
		x = interleave(x, VPUNPCKLWD, VPUNPCKHWD, []int{0, 4, 1, 5, 2, 6, 3, 7})
		x = interleave(x, VPUNPCKLWD, VPUNPCKHWD, []int{0, 4, 1, 5, 2, 6, 3, 7})
	}
	for i := range x {
		y, lo, hi, upper := YMM(), YMM(), YMM(), XMM()
		widen(x[i], y)
		VCVTPS2PD(y.AsX(), lo)
		VEXTRACTF128(U8(1), y, upper)
		VCVTPS2PD(upper, hi)
		VMOVUPD(lo, at(r[0], 0))
		VMOVUPD(hi, at(r[0], 32))
		if i < 7 {
			ADDQ(r[1], r[0])
		}
	}
	end()
}

// interleave merges the vectors in pairs; three times with this order transposes 8 x 8.
func interleave(x []reg.VecVirtual, lo, hi func(...Op), order []int) []reg.VecVirtual {
	var out []reg.VecVirtual
	for i := 0; i < 8; i += 2 {
		a, b := x[order[i]], x[order[i+1]]
		l, h := XMM(), XMM()
		lo(b, a, l)
		hi(b, a, h)
		out = append(out, l, h)
	}
	return out
}

func accumulators() {
	TEXT("avxLoadAcc", NOSPLIT, "func(acc *[8]float64, c0, c1 *[32]uint32)")
	Doc("avxLoadAcc widens eight rows of the accumulator; lane l of c0 and c1 holds columns 2(l%4) and the next of row l/4.")
	r := operands("acc", "c0", "c1")
	for i := 0; i < 8; i++ {
		a, b := XMM(), XMM()
		VMOVUPS(at(r[1], 16*i), a)
		VMOVUPS(at(r[2], 16*i), b)
		lo, hi := XMM(), XMM()
		VUNPCKLPS(b, a, lo)
		VUNPCKHPS(b, a, hi)
		y := YMM()
		VCVTPS2PD(lo, y)
		VMOVUPD(y, at(r[0], width*i))
		z := YMM()
		VCVTPS2PD(hi, z)
		VMOVUPD(z, at(r[0], width*i+32))
	}
	end()

	TEXT("avxStoreAcc", NOSPLIT, "func(acc *[8]float64, d0, d1 *[32]uint32)")
	Doc("avxStoreAcc rounds eight rows of the accumulator to float32, the reverse of avxLoadAcc.")
	r = operands("acc", "d0", "d1")
	nan := canonical()
	for i := 0; i < 8; i++ {
		lo, hi := XMM(), XMM()
		VCVTPD2PSY(at(r[0], width*i), lo)
		VCVTPD2PSY(at(r[0], width*i+32), hi)
		for j, shuffle := range []uint8{0x88, 0xdd} {
			x, t := XMM(), XMM()
			VSHUFPS(U8(shuffle), hi, lo, x)
			VCMPPS(U8(3), x, x, t)
			VBLENDVPS(t, nan.AsX(), x, x)
			VMOVUPS(x, at(r[1+j], 16*i))
		}
	}
	end()
}
