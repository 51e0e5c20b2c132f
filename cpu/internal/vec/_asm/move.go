package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of this file do whole vectors; the caller does the rest in plain Go.

// comparisons emits dst[i] = a op b as bytes, 32 at a time, and the selection by such bytes.
func comparisons() {
	predicates := []struct {
		name, op string
		code     U8
	}{{"eq", "==", cmpEQ}, {"ne", "!=", cmpNE}, {"lt", "<", cmpLT}, {"le", "<=", cmpLE}, {"gt", ">", cmpGT}, {"ge", ">=", cmpGE}}
	for _, p := range predicates {
		for _, scalar := range []bool{false, true} {
			name, signature, doc := p.name+"32AVX2", "func(dst []bool, a, b []float32)", "computes dst = a "+p.op+" b"
			if scalar {
				name, signature, doc = p.name+"S32AVX2", "func(dst []bool, a []float32, s float32)", "computes dst = a "+p.op+" s"
			}
			function(name, noSplit, signature, doc+" for a multiple of 32 elements.")
			compareLoop(p.code, scalar)
		}
	}
	function("select32AVX2", noSplit, "func(dst []float32, cond []bool, a, b []float32)", "computes dst = a where cond, else b, for a multiple of 8 elements.")
	n, dst, cond, a, b := length("dst"), slice("dst"), slice("cond"), slice("a"), slice("b")
	loop("vector", n, 8, func() {
		off := do(VPCMPEQD, do1(VPMOVZXBD, Mem{Base: cond}), f32.zero())
		y := f32.choose(off, Mem{Base: b}, f32.copyOf(Mem{Base: a}))
		issue(VMOVUPS, y, Mem{Base: dst})
		ADDQ(U8(8), cond)
		advance(32, dst, a, b)
	})
	VZEROUPPER()
	RET()
}

// integers emits operations on integers of any width, on their bytes and 64 of these at a time.
func integers() {
	for _, k := range []struct {
		name, doc string
		ins       instruction
	}{
		{"and", "dst = a & b", VPAND}, {"or", "dst = a | b", VPOR}, {"xor", "dst = a ^ b", VPXOR},
		{"addI8", "dst = a + b on bytes", VPADDB}, {"addI32", "dst = a + b on 32 bits", VPADDD}, {"addI64", "dst = a + b on 64 bits", VPADDQ},
		{"subI8", "dst = a - b on bytes", VPSUBB}, {"subI32", "dst = a - b on 32 bits", VPSUBD}, {"subI64", "dst = a - b on 64 bits", VPSUBQ},
		{"mulI32", "dst = a * b on 32 bits", VPMULLD}, {"minI32", "dst = min(a, b) on 32 bits", VPMINSD}, {"maxI32", "dst = max(a, b) on 32 bits", VPMAXSD},
	} {
		function(k.name+"AVX2", noSplit, "func(dst, a, b []uint8)", "computes "+k.doc+" for a multiple of 64 bytes.")
		n, dst, a, b := length("dst"), slice("dst"), slice("a"), slice("b")
		both := func(p reg.GPVirtual) mems { return mems{{Base: p}, {Base: p, Disp: 32}} }
		loop("vectors", n, 64, func() {
			issue(VMOVDQU, do(k.ins, do1(VMOVDQU, both(a)), both(b)), both(dst))
			advance(64, dst, a, b)
		})
		VZEROUPPER()
		RET()
	}
}

func advance(bytes int, ps ...reg.GPVirtual) {
	for _, p := range ps {
		ADDQ(I32(bytes), p)
	}
}

func compareLoop(code U8, scalar bool) {
	n, dst, a := length("dst"), slice("dst"), slice("a")
	var b reg.GPVirtual
	var s vec
	if scalar {
		s = f32.spread("s")
	} else {
		b = slice("b")
	}
	order := do1(VMOVDQU, NewDataAddr(NewStaticSymbol("unpackOrder"), 0))
	one := f32.copyOf(f32.raw(0x01010101))
	loop("vector", n, 32, func() {
		var m [4]vec
		for v := range m {
			x := f32.copyOf(Mem{Base: a, Disp: 32 * v})
			if scalar {
				m[v] = f32.compare(code, x, s).(vec)
			} else {
				m[v] = f32.compare(code, x, Mem{Base: b, Disp: 32 * v}).(vec)
			}
		}
		bytes := do(VPACKSSWB, do(VPACKSSDW, m[0], m[1]), do(VPACKSSDW, m[2], m[3]))
		issue(VPERMD, bytes, order, bytes)
		issue(VPAND, one, bytes, bytes)
		issue(VMOVDQU, bytes, Mem{Base: dst})
		advance(128, a)
		if !scalar {
			advance(128, b)
		}
		advance(32, dst)
	})
	VZEROUPPER()
	RET()
}

// conversions emits the changes of width, for multiples of 16 elements.
func conversions() {
	type kernel struct {
		name, dst, src, doc string
		size                [2]int // bytes of an element
		body                func(src, dst func(element int) Mem)
	}
	for _, k := range []kernel{
		{"f32FromF16", "float32", "uint16", "widens halves", [2]int{4, 2}, func(src, dst func(int) Mem) {
			for e := 0; e < 16; e += 8 {
				issue(VMOVUPS, do1(VCVTPH2PS, src(e)), dst(e))
			}
		}},
		{"f16FromF32", "uint16", "float32", "rounds to halves", [2]int{2, 4}, func(src, dst func(int) Mem) {
			for e := 0; e < 16; e += 8 {
				h := XMM()
				VCVTPS2PH(U8(0), f32.copyOf(src(e))[0], h)
				VMOVDQU(h, dst(e))
			}
		}},
		{"f32FromBF16", "float32", "uint16", "widens bfloat16", [2]int{4, 2}, func(src, dst func(int) Mem) {
			for e := 0; e < 16; e += 8 {
				issue(VMOVUPS, imm(VPSLLD, 16, do1(VPMOVZXWD, src(e))), dst(e))
			}
		}},
		{"bf16FromF32", "uint16", "float32", "rounds to bfloat16", [2]int{2, 4}, func(src, dst func(int) Mem) {
			y := do(VPACKUSDW, roundBF16(f32.copyOf(src(0))), roundBF16(f32.copyOf(src(8))))
			issue(VPERMQ, U8(0xd8), y, y)
			issue(VMOVDQU, y, dst(0))
		}},
		{"f64FromF32", "float64", "float32", "widens", [2]int{8, 4}, func(src, dst func(int) Mem) {
			for e := 0; e < 16; e += 4 {
				issue(VMOVUPD, do1(VCVTPS2PD, src(e)), dst(e))
			}
		}},
		{"f32FromF64", "float32", "float64", "rounds", [2]int{4, 8}, func(src, dst func(int) Mem) {
			for e := 0; e < 16; e += 4 {
				h := XMM()
				VCVTPD2PSY(src(e), h)
				VMOVUPS(h, dst(e))
			}
		}},
	} {
		function(k.name+"AVX2", noSplit, "func(dst []"+k.dst+", src []"+k.src+")", k.doc+", for a multiple of 16 elements.")
		n, dst, src := length("dst"), slice("dst"), slice("src")
		loop("vector", n, 16, func() {
			k.body(func(e int) Mem { return Mem{Base: src, Disp: e * k.size[1]} }, func(e int) Mem { return Mem{Base: dst, Disp: e * k.size[0]} })
			advance(16*k.size[1], src)
			advance(16*k.size[0], dst)
		})
		VZEROUPPER()
		RET()
	}
}

// roundBF16 leaves the bfloat16 of x in the lower half of each word.
func roundBF16(x vec) vec {
	up := imm(VPSRLD, 16, x)
	odd := do(intAnd, up, f32.raw(1))
	y := imm(VPSRLD, 16, do(VPADDD, addInt(x, 0x7fff), odd))
	return f32.choose(f32.compare(cmpUnord, x, x), do(intOr, up, f32.raw(0x40)), y)
}

// transpose emits the transpose of 8 rows by a multiple of 8 columns of words.
func transpose() {
	function("transpose8x32AVX2", noSplit, "func(dst *uint32, dstStride int, src *uint32, srcStride, cols int)",
		"transposes 8 rows by cols columns, a multiple of 8; strides in elements.")
	dst, src := Load(Param("dst"), GP64()).(reg.GPVirtual), Load(Param("src"), GP64()).(reg.GPVirtual)
	ds, ss := Load(Param("dstStride"), GP64()).(reg.GPVirtual), Load(Param("srcStride"), GP64()).(reg.GPVirtual)
	n := Load(Param("cols"), GP64()).(reg.GPVirtual)
	SHLQ(U8(2), ds)
	SHLQ(U8(2), ss)
	row := func(base reg.GPVirtual, disp int) Mem { return Mem{Base: base, Disp: disp} }
	loop("tile", n, 8, func() {
		// Register r holds columns 0-3 of rows r and r+4 in its halves, register 4+r columns 4-7.
		var in [8]vec
		p, q := GP64(), GP64()
		MOVQ(src, p)
		LEAQ(Mem{Base: src, Index: ss, Scale: 4}, q)
		for r := range 4 {
			for half := range 2 {
				v := YMM()
				VMOVUPS(row(p, 16*half), v.AsX())
				VINSERTF128(U8(1), row(q, 16*half), v, v)
				in[4*half+r] = vec{v}
			}
			if r < 3 {
				ADDQ(ss, p)
				ADDQ(ss, q)
			}
		}
		for half := range 2 {
			a := in[4*half : 4*half+4]
			l01, h01 := do(VUNPCKLPS, a[0], a[1]), do(VUNPCKHPS, a[0], a[1])
			l23, h23 := do(VUNPCKLPS, a[2], a[3]), do(VUNPCKHPS, a[2], a[3])
			for _, y := range []vec{do(VUNPCKLPD, l01, l23), do(VUNPCKHPD, l01, l23), do(VUNPCKLPD, h01, h23), do(VUNPCKHPD, h01, h23)} {
				issue(VMOVUPS, y, Mem{Base: dst})
				ADDQ(ds, dst)
			}
		}
		ADDQ(U8(32), src)
	})
	VZEROUPPER()
	RET()
}

// halves emits the conversions between float32 and the half types for AVX-512, of any number of elements.
func halves() {
	for _, k := range []struct {
		name, dst, src, doc string
		size                [2]int
		read, readMasked    instruction
		compute             func(vec) vec
		write               instruction
		immediate           []any // of write
	}{
		{"f32FromF16", "float32", "uint16", "widens halves", [2]int{4, 2}, VCVTPH2PS, VCVTPH2PS_Z, nil, VMOVUPS, nil},
		{"f16FromF32", "uint16", "float32", "rounds to halves", [2]int{2, 4}, VMOVUPS, VMOVUPS_Z, nil, VCVTPS2PH, []any{U8(0)}},
		{"f32FromBF16", "float32", "uint16", "widens bfloat16", [2]int{4, 2}, VPMOVZXWD, VPMOVZXWD_Z,
			func(x vec) vec { return imm(VPSLLD, 16, x) }, VMOVUPS, nil},
		{"bf16FromF32", "uint16", "float32", "rounds to bfloat16", [2]int{2, 4}, VMOVUPS, VMOVUPS_Z, roundBF16, VPMOVDW, nil},
	} {
		function(k.name+level, noSplit, "func(dst []"+k.dst+", src []"+k.src+")", k.doc+".")
		n, dst, src := length("dst"), slice("dst"), slice("src")
		convert := func(x vec, mask ...any) {
			if k.compute != nil {
				x = k.compute(x)
			}
			issue(k.write, slices.Concat(k.immediate, []any{x}, mask, []any{Mem{Base: dst}})...)
		}
		loop("vector", n, f32.lanes(), func() {
			convert(do1(k.read, Mem{Base: src}))
			advance(f32.lanes()*k.size[1], src)
			advance(f32.lanes()*k.size[0], dst)
		})
		TESTQ(n, n)
		JZ(LabelRef("done"))
		mask, x := f32.tailMask(n), newVec(1)
		issue(k.readMasked, Mem{Base: src}, mask, x)
		convert(x, mask)
		Label("done")
		VZEROUPPER()
		RET()
	}
}
