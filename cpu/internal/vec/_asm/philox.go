package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// philox emits the generator. A counter lives in a 64-bit lane: VPMULUDQ reads the lower half only, so what stands in
// the upper half does not matter, and the high word of a product is one shift away.
func philox() {
	boxMuller()
	emitPhilox("randomAVX2", "uint32", "fills dst with random words", func(v vec) vec { return v })
	emitPhilox("uniformAVX2", "float32", "fills dst with uniform numbers", func(v vec) vec {
		return do(VMULPS, do1(VCVTDQ2PS, imm(VPSRLD, 8, v)), f32.c(0x1p-24))
	})
}

// boxMuller emits the transform of pairs of words, 16 at a time; dst may be where the words are.
func boxMuller() {
	function("boxMullerAVX2", noSplit, "func(dst []float32, w []uint32)", "makes standard normal numbers of pairs of words; len(dst) is a multiple of 16.")
	n, dst, w := length("dst"), slice("dst"), slice("w")
	loop("pairs", n, 16, func() {
		a, b := f32.copyOf(Mem{Base: w}), f32.copyOf(Mem{Base: w, Disp: 32})
		even, odd := newVec(1), newVec(1)
		issue(VSHUFPS, U8(0x88), b, a, even)
		issue(VSHUFPS, U8(0xdd), b, a, odd)
		u := do(VMULPS, do1(VCVTDQ2PS, addInt(imm(VPSRLD, 8, even), 1)), f32.c(0x1p-24))
		r := do1(VSQRTPS, do(VMULPS, logarithm(u), f32.c(-2)))
		t := do(VMULPS, do1(VCVTDQ2PS, imm(VPSRLD, 8, odd)), f32.c(3.74507039e-7))
		z0 := do(VMULPS, r, quadrants(t, false))
		z1 := do(VMULPS, r, quadrants(t, true))
		issue(VMOVUPS, do(VUNPCKLPS, z0, z1), Mem{Base: dst})
		issue(VMOVUPS, do(VUNPCKHPS, z0, z1), Mem{Base: dst, Disp: 32})
		advance(64, dst, w)
	})
	VZEROUPPER()
	RET()

	f32.emit(elementwise{name: "dropBelow", outs: words("dst"), ins: words("x u"), scalars: words("p scale"), unroll: 4,
		doc: "dst = 0 where u < p, else x * scale",
		body: func(in []vec, s, again []any) []vec {
			return []vec{f32.keep(f32.compare(notLT, in[1], s[0]), do(VMULPS, in[0], s[1]))}
		}})
}

const rounds = 10

func emitPhilox(name, element, doc string, finish func(vec) vec) {
	function(name, framed, "func(dst []"+element+", counter uint64, c2, c3, k0, k1 uint32)", doc+" from a counter on; len(dst) is a multiple of 32.")
	keys := AllocLocal(2 * rounds * 32)
	n, dst := length("dst"), slice("dst")
	spread := f32.spread // of bits
	k := [2]vec{spread("k0"), spread("k1")}
	for r := range rounds {
		for j, weyl := range []uint64{0x9e3779b9, 0xbb67ae85} {
			issue(VMOVDQU, k[j], keys.Offset(64*r+32*j))
			issue(VPADDD, f32.raw(weyl), k[j], k[j])
		}
	}
	c2, c3 := spread("c2"), spread("c3")
	m0, m1 := f32.copyOf(f32.raw(0xd2511f53)), f32.copyOf(f32.raw(0xcd9e8d57))
	counter := do1(VPBROADCASTQ, parameter("counter"))
	issue(VPADDQ, NewDataAddr(NewStaticSymbol("iota64"), 0), counter, counter)
	loop("blocks", n, 32, func() {
		for half := range 2 {
			c := [4]vec{f32.copyOf(counter), imm(VPSRLQ, 32, counter), f32.copyOf(c2), f32.copyOf(c3)}
			issue(VPADDQ, f64.raw(4), counter, counter)
			for r := range rounds {
				p0, p1 := do(VPMULUDQ, c[0], m0), do(VPMULUDQ, c[2], m1)
				a := do(VPXOR, imm(VPSRLQ, 32, p1), c[1])
				b := do(VPXOR, imm(VPSRLQ, 32, p0), c[3])
				c = [4]vec{do(VPXOR, a, keys.Offset(64*r)), p1, do(VPXOR, b, keys.Offset(64*r+32)), p0}
			}
			storeBlocks(c, Mem{Base: dst, Disp: 64 * half}, finish)
		}
		advance(128, dst)
	})
	VZEROUPPER()
	RET()
}

// storeBlocks writes the four words of each of four counters, word j in the lower halves of c[j].
func storeBlocks(c [4]vec, dst Mem, finish func(vec) vec) {
	pairs := func(low, high vec) vec {
		d := newVec(1)
		issue(VPBLENDD, U8(0xaa), imm(VPSLLQ, 32, high), low, d)
		return d
	}
	w01, w23 := pairs(c[0], c[1]), pairs(c[2], c[3])
	even, odd := finish(do(VPUNPCKLQDQ, w01, w23)), finish(do(VPUNPCKHQDQ, w01, w23))
	for i, sel := range []uint8{0x20, 0x31} {
		y := newVec(1)
		issue(VPERM2I128, U8(sel), odd, even, y)
		issue(VMOVDQU, y, dst.Offset(32*i))
	}
}
