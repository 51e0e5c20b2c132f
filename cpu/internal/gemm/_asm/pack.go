package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of gemm.packing.
const (
	packSrc    = 8 * iota
	packLD     // bytes between lines of the source
	packDst    //
	packStride // bytes between the groups of the destination, one group for each k
	packK      //
	packN      // elements of a group that exist
	packAlpha  // in the element type
)

// copyRows packs from a source in which the elements of a group lie side by side: one line for each k. It stores
// nv whole vectors a group; where groups are narrower, the next one overwrites the surplus.
func copyRows(s source, nv int) {
	function(fmt.Sprintf("%sCopy%d", s.stored, nv), "p", "packing")
	p := arguments()
	src, ld, dst, stride, k := p.load(packSrc), p.load(packLD), p.load(packDst), p.load(packStride), p.load(packK)
	var edge reg.VecVirtual
	if !s.half() {
		n := p.load(packN)
		if nv > 1 {
			SUBQ(Imm(uint64(s.lanes()*(nv-1))), n)
		}
		edge = loadMask(s.elem, n)
	}
	alpha := s.factor(p)
	ahead := GP64()
	MOVQ(ld, ahead)
	SHLQ(Imm(3), ahead)
	Label("line")
	PREFETCHT0(Mem{Base: src, Index: ahead, Scale: 1})
	for j := range nv {
		v, m := YMM(), Mem{Base: src, Disp: j * s.lanes() * s.bytes}
		if j == nv-1 && !s.half() {
			s.maskMove(m, edge, v)
		} else {
			s.load(m, v)
		}
		s.scaleStore(v, alpha, Mem{Base: dst, Disp: 32 * j})
	}
	ADDQ(ld, src)
	ADDQ(stride, dst)
	DECQ(k)
	JNZ(LabelRef("line"))
	VZEROUPPER()
	RET()
}

// linePointers returns pointers to n lines; those that do not exist repeat the last one.
func linePointers(n int, src, ld, exist reg.GPVirtual) []reg.GPVirtual {
	lines := make([]reg.GPVirtual, n)
	for i := range lines {
		lines[i] = GP64()
		if i == 0 {
			MOVQ(src, lines[0])
			continue
		}
		LEAQ(Mem{Base: lines[i-1], Index: ld, Scale: 1}, lines[i])
		CMPQ(exist, Imm(uint64(i)))
		CMOVQLE(lines[i-1], lines[i])
	}
	return lines
}

// transpose packs from a source in which the elements of a group lie in up to 8 lines along k. It stores 8 elements
// a group; where groups are narrower, the next one overwrites the surplus.
func transpose(s source) {
	function(s.stored+"Transpose", "p", "packing")
	p := arguments()
	dst, stride := p.load(packDst), p.load(packStride)
	lines := linePointers(8, p.load(packSrc), p.load(packLD), p.load(packN))
	at, k := GP64(), p.load(packK)
	XORQ(at, at)
	block := s.lanes()
	SHRQ(Imm(map[int]uint64{4: 2, 8: 3}[block]), k)
	JZ(LabelRef("rest"))
	Label("block")
	for _, line := range lines { // eight streams, each too short for the hardware to find
		PREFETCHT0(Mem{Base: line, Index: at, Scale: 1, Disp: 256})
	}
	for h := range 2 { // half the block's k at a time, all of them in ascending order
		var groups [][]reg.VecVirtual
		if s.size == 4 {
			groups = transpose4x8(s, lines, at, h)
		} else {
			groups = transpose2x8(s, lines, at, h)
		}
		alpha := s.factor(p)
		for _, group := range groups {
			for j, v := range group {
				s.scaleStore(v, alpha, Mem{Base: dst, Disp: 32 * j})
			}
			ADDQ(stride, dst)
		}
	}
	ADDQ(Imm(uint64(block*s.bytes)), at)
	DECQ(k)
	JNZ(LabelRef("block"))
	Label("rest")
	MOVQ(p.field(packK), k)
	ANDQ(Imm(uint64(block-1)), k)
	JZ(LabelRef("end"))
	alpha := s.factor(p)
	Label("single")
	for i, line := range lines {
		v := YMM()
		s.scalar(Mem{Base: line, Index: at, Scale: 1}, v)
		s.scaleStoreScalar(v, alpha, Mem{Base: dst, Disp: i * s.size})
	}
	ADDQ(stride, dst)
	ADDQ(Imm(uint64(s.bytes)), at)
	DECQ(k)
	JNZ(LabelRef("single"))
	Label("end")
	VZEROUPPER()
	RET()
}

// transpose4x8 returns, for each of 4 k, one register with that element of the 8 lines.
func transpose4x8(s source, lines []reg.GPVirtual, at reg.GPVirtual, h int) [][]reg.VecVirtual {
	x := make([]reg.VecVirtual, 4)
	for i := range x { // 4 elements of line i and below them 4 of line i+4
		x[i] = YMM()
		lo := Mem{Base: lines[i], Index: at, Scale: 1, Disp: 4 * h * s.bytes}
		hi := Mem{Base: lines[i+4], Index: at, Scale: 1, Disp: 4 * h * s.bytes}
		if s.half() {
			VMOVQ(lo, x[i].AsX())
			VMOVHPS(hi, x[i].AsX(), x[i].AsX())
			s.convert(x[i].AsX(), x[i])
		} else {
			VMOVUPS(lo, x[i].AsX())
			VINSERTF128(Imm(1), hi, x[i], x[i])
		}
	}
	t, q := make([]reg.VecVirtual, 4), make([][]reg.VecVirtual, 4)
	for i := range t {
		t[i], q[i] = YMM(), []reg.VecVirtual{YMM()}
	}
	VUNPCKLPS(x[1], x[0], t[0])
	VUNPCKHPS(x[1], x[0], t[1])
	VUNPCKLPS(x[3], x[2], t[2])
	VUNPCKHPS(x[3], x[2], t[3])
	VUNPCKLPD(t[2], t[0], q[0][0])
	VUNPCKHPD(t[2], t[0], q[1][0])
	VUNPCKLPD(t[3], t[1], q[2][0])
	VUNPCKHPD(t[3], t[1], q[3][0])
	return q
}

// transpose2x8 returns, for each of 2 k, two registers with that element of lines 0-3 and 4-7.
func transpose2x8(s source, lines []reg.GPVirtual, at reg.GPVirtual, h int) [][]reg.VecVirtual {
	q := [][]reg.VecVirtual{{YMM(), YMM()}, {YMM(), YMM()}}
	for g := range 2 {
		x := []reg.VecVirtual{YMM(), YMM()}
		for i := range x { // 2 elements of line i and 2 of line i+2
			VMOVUPD(Mem{Base: lines[4*g+i], Index: at, Scale: 1, Disp: 16 * h}, x[i].AsX())
			VINSERTF128(Imm(1), Mem{Base: lines[4*g+i+2], Index: at, Scale: 1, Disp: 16 * h}, x[i], x[i])
		}
		VUNPCKLPD(x[1], x[0], q[0][g])
		VUNPCKHPD(x[1], x[0], q[1][g])
	}
	return q
}
