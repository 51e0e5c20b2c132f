package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Rows two at a time: while a kernel stores one row around the cache it reads another. Memory that is written and read at once gives more than
// turn by turn.

// rowsTogether emits, for the rows of large matrices: what a norm does last to a row with what it does first to the next, and the same of a softmax.
func rowsTogether() {
	f32.beside(normScale(f32), reduction{name: "SumSq", doc: "and returns Σ next²",
		term: func(acc vec, in, s []vec, clear func(vec) vec) { issue(VFMADD231PS, in[0], in[0], acc) }})
	f32.beside(normAffine(f32), reduction{name: "Sum", doc: "and returns Σ next",
		term: func(acc vec, in, s []vec, clear func(vec) vec) { issue(VADDPS, in[0], acc, acc) }})
	f32.kernel(elementwise{name: "expScaledMulS", outs: words("e dst"), kept: 1, ins: words("x a"), scalars: words("scale shift s"), unroll: 4, late: 1, ahead: true, spill: true,
		doc: "e = exp(x*scale - shift) and dst = a*s",
		body: func(in []vec, s, again []any) []vec {
			e := expBelow(do(VSUBPS, do(VMULPS, in[0], s[0]), s[1]))
			return []vec{e, do(VMULPS, f32.copyOf(again[1]), s[2])}
		}}, true)
}

// beside emits a streaming kernel that sums over a row of its own on the way, in the order of Float.Sum. The length is a multiple of four vectors.
func (t real) beside(k elementwise, sum reduction) {
	const group = 2 // vectors: as far as the registers go
	k.ahead = false
	function(k.name+sum.name+t.suffix+"StreamAVX2", framed, k.signature(t, "next")+" "+t.goType,
		"computes "+k.doc+" "+sum.doc+" in the order of Float.Sum. It stores around the cache: dst is aligned to 32 bytes and a multiple of four vectors long.")
	stack := AllocLocal(32 * counterDepth)
	w, next := t.walk(k, true), slice("next")
	blocks, top := GP64(), GP64()
	XORQ(blocks, blocks)
	LEAQ(stack, top)
	acc := newVec(accumulators)

	Label("block")
	TESTQ(w.n, w.n)
	JZ(LabelRef("done"))
	issue(t.xor, acc, acc, acc)
	m := GP64()
	MOVQ(U32(accumulators*perChain*t.lanes()), m)
	CMPQ(w.n, m)
	CMOVQLT(w.n, m)
	SUBQ(m, w.n)
	loop("wide", m, accumulators*t.lanes(), func() {
		for at := 0; at < 32*accumulators; at += 64 {
			PREFETCHT0(Mem{Base: next, Index: w.i, Scale: 1, Disp: page/2 + at})
		}
		for a := 0; a < accumulators; a += group {
			sum.term(acc[a:a+group], []vec{t.copyOf(w.at(next, group))}, nil, nil)
			w.turn(group)
		}
	})
	t.push(acc, blocks, top)
	JMP(LabelRef("block"))

	Label("done")
	SFENCE()
	t.foldCounter(stack, top)
}
