package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of gemm.dotting.
const (
	dotA      = 8 * iota // mr rows
	dotLDA               // bytes
	dotB                 // lines along k
	dotLDB               // bytes
	dotK                 // halves: at least a vector's length
	dotN                 // lines of B
	dotSums              // mr x width sums for each group of lines
	dotGroups            // of width lines; the last may have fewer
)

// dot forms the products of mr rows of A with several lines of B, all contiguous along k.
type dot struct {
	source
	mr int
}

// width is how many lines of B are read at a time: enough sums to hide the FMA's latency, enough streams to keep the
// memory busy.
func (d dot) width() int { return map[int]int{1: 8, 2: 4, 3: 4, 4: 2}[d.mr] }

func (d dot) emit() {
	function(fmt.Sprintf("%sDot%d", d.stored, d.mr), "d", "dotting")
	p := arguments()
	Label("group")
	lines := linePointers(d.width(), p.load(dotB), p.load(dotLDB), p.load(dotN))
	ar := rowsFrom(p.load(dotA), p, dotLDA, d.mr)
	acc := make([][]reg.VecVirtual, d.mr)
	for i := range acc {
		for range lines {
			v := YMM()
			ymm.zero(v)
			acc[i] = append(acc[i], v)
		}
	}
	at, k := GP64(), p.load(dotK)
	XORQ(at, at)
	SHRQ(Imm(map[int]uint64{4: 2, 8: 3}[d.lanes()]), k)
	if !d.half() {
		JZ(LabelRef("short"))
	}
	Label("block")
	d.products(acc, ar, lines, at, whole, nil)
	ar.step(32)
	ADDQ(Imm(uint64(d.lanes()*d.bytes)), at)
	DECQ(k)
	JNZ(LabelRef("block"))

	MOVQ(p.field(dotK), k)
	ANDQ(Imm(uint64(d.lanes()-1)), k)
	JZ(LabelRef("summed"))
	mask := lastMask(d.elem, k) // the last vector of each line, without what has been added
	SUBQ(Imm(uint64(d.lanes())), k)
	LEAQ(Mem{Base: at, Index: k, Scale: uint8(d.bytes)}, at)
	LEAQ(Mem{Base: ar.base, Index: k, Scale: uint8(d.size)}, ar.base)
	d.products(acc, ar, lines, at, overlapping, mask)
	Label("summed")
	sums := p.load(dotSums)
	d.store(acc, sums)
	DECQ(p.field(dotGroups))
	JZ(LabelRef("end"))
	d.nextGroup(p)
	JMP(LabelRef("group"))
	Label("end")
	VZEROUPPER()
	RET()
	if !d.half() {
		Label("short")
		d.products(acc, ar, lines, at, short, loadMask(d.elem, p.load(dotK)))
		JMP(LabelRef("summed"))
	}
}

// nextGroup moves on to the next lines and sums. There must be some: a pointer must not leave its matrix.
func (d dot) nextGroup(p args) {
	step := p.load(dotLDB)
	IMUL3Q(I32(int32(d.width())), step, step)
	ADDQ(step, p.field(dotB))
	SUBQ(Imm(uint64(d.width())), p.field(dotN))
	ADDQ(U32(uint32(d.mr*d.width()*d.size)), p.field(dotSums))
}

// part says which elements of a vector count.
type part int

const (
	whole       part = iota
	overlapping      // the last ones: the others have been added; all can be read
	short            // the first ones: the others may not be read
)

// products adds those of one vector of every row and line, masked on both sides if it is not whole.
func (d dot) products(acc [][]reg.VecVirtual, ar rows, lines []reg.GPVirtual, at reg.GPVirtual, which part, mask reg.VecVirtual) {
	load := func(m Mem, of source) reg.VecVirtual {
		v := YMM()
		switch which {
		case short:
			d.maskMove(m, mask, v)
		case overlapping:
			of.load(m, v)
			VANDPS(mask, v, v)
		default:
			of.load(m, v)
		}
		return v
	}
	computed := source{elem: d.elem, bytes: d.size}
	if d.mr == 1 { // the row stays in a register
		x := load(ar.at(0, 0), computed)
		for j, line := range lines {
			m := Mem{Base: line, Index: at, Scale: 1}
			if !d.half() && which == whole {
				d.fma(m, x, acc[0][j])
			} else {
				d.fma(load(m, d.source), x, acc[0][j])
			}
		}
		return
	}
	for j, line := range lines {
		y := load(Mem{Base: line, Index: at, Scale: 1}, d.source)
		for i := range acc {
			if which == whole {
				d.fma(ar.at(i, 0), y, acc[i][j])
			} else {
				d.fma(load(ar.at(i, 0), computed), y, acc[i][j])
			}
		}
	}
}

// store adds up the lanes of a vector's number of sums at a time, in a tree.
func (d dot) store(acc [][]reg.VecVirtual, sums reg.GPVirtual) {
	var all []reg.VecVirtual
	for _, row := range acc {
		all = append(all, row...)
	}
	n := d.lanes()
	for i := 0; i < len(all); i += n {
		group := append([]reg.VecVirtual{}, all[i:min(i+n, len(all))]...)
		for len(group) < n {
			group = append(group, group[0])
		}
		d.store1(group, Mem{Base: sums, Disp: i * d.size})
	}
}

func (d dot) store1(v []reg.VecVirtual, m Mem) {
	for len(v) > 2 {
		var half []reg.VecVirtual
		for i := 0; i < len(v); i += 2 {
			h := YMM()
			if d.size == 4 {
				VHADDPS(v[i+1], v[i], h)
			} else {
				VHADDPD(v[i+1], v[i], h)
			}
			half = append(half, h)
		}
		v = half
	}
	lo, hi := YMM(), YMM() // sums of the lower halves, sums of the upper halves
	VPERM2F128(Imm(0x20), v[1], v[0], lo)
	VPERM2F128(Imm(0x31), v[1], v[0], hi)
	if d.size == 4 {
		VADDPS(hi, lo, lo)
	} else {
		VADDPD(hi, lo, lo)
	}
	d.move(lo, m)
}
