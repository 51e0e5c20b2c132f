package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of gemm.dotting.
const (
	dotA    = 8 * iota // mr rows
	dotLDA             // bytes
	dotB               // lines along k
	dotLDB             // bytes
	dotK               // at least a vector's length
	dotN               // lines of B that exist
	dotSums            // mr x width sums
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
	lines := linePointers(d.width(), p.load(dotB), p.load(dotLDB), p.load(dotN))
	ar := rows{base: p.load(dotA)}
	if d.mr > 1 {
		ar = newRows(ar.base, p.load(dotLDA), d.mr)
	}
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
	Label("block")
	d.products(acc, ar, lines, at, nil)
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
	d.products(acc, ar, lines, at, mask)
	Label("summed")
	d.store(acc, p.load(dotSums))
	VZEROUPPER()
	RET()
}

// products adds those of one vector of every row and line, masked on both sides if there is a mask.
func (d dot) products(acc [][]reg.VecVirtual, ar rows, lines []reg.GPVirtual, at reg.GPVirtual, mask reg.VecVirtual) {
	masked := func(v reg.VecVirtual) {
		if mask != nil {
			VANDPS(mask, v, v)
		}
	}
	if d.mr == 1 { // the row stays in a register
		x := YMM()
		d.move(ar.at(0, 0), x)
		masked(x)
		for j, line := range lines {
			m := Mem{Base: line, Index: at, Scale: 1}
			if !d.half() && mask == nil {
				d.fma(m, x, acc[0][j])
				continue
			}
			y := YMM()
			d.load(m, y)
			masked(y)
			d.fma(y, x, acc[0][j])
		}
		return
	}
	for j, line := range lines {
		y := YMM()
		d.load(Mem{Base: line, Index: at, Scale: 1}, y)
		masked(y)
		for i := range acc {
			if mask == nil {
				d.fma(ar.at(i, 0), y, acc[i][j])
				continue
			}
			x := YMM()
			d.move(ar.at(i, 0), x)
			masked(x)
			d.fma(x, y, acc[i][j])
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
