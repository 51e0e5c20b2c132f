package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of gemm.outering.
const (
	outerA    = 8 * iota
	outerARow // bytes between rows of A
	outerACol // bytes between columns of A
	outerB    // k rows
	outerLDB  // bytes
	outerC    // rows
	outerLDC  // bytes
	outerRows
	outerCols
	outerLoad // 0: the sums begin with 0, else with C
)

// outer adds k outer products, k up to 8, row by row of C: the row's k elements of A stay in registers while the
// vectors of B go by. Sums are in k order, one FMA for each product.
type outer struct {
	elem
	width
	k int
}

func (o outer) emit() {
	function(fmt.Sprintf("%sOuter%d", o.elem.name, o.k), "o", "outering")
	p := arguments()
	n := p.load(outerCols)
	ANDQ(Imm(uint64(o.bytes/o.size-1)), n)
	edge := loadMask(o.elem, n)
	Label("row")
	a, col := p.load(outerA), p.load(outerACol)
	x := make([]reg.VecVirtual, o.k)
	for u := range x {
		x[u] = o.reg()
		o.broadcast(Mem{Base: a}, x[u])
		if u+1 < o.k {
			ADDQ(col, a)
		}
	}
	b, c := p.load(outerB), p.load(outerC)
	n = p.load(outerCols)
	br := rowsFrom(b, p, outerLDB, o.k)
	CMPQ(p.field(outerLoad), Imm(0))
	JNE(LabelRef("load"))
	o.along(x, br, c, n, edge, false)
	JMP(LabelRef("next"))
	Label("load")
	o.along(x, br, c, n, edge, true)
	Label("next")
	DECQ(p.field(outerRows))
	JZ(LabelRef("end"))
	row := p.load(outerARow) // only now: a pointer must not leave its matrix
	ADDQ(row, p.field(outerA))
	MOVQ(p.field(outerLDC), row)
	ADDQ(row, p.field(outerC))
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}

// along goes along a row, four vectors at a time, then one, then what is left.
func (o outer) along(x []reg.VecVirtual, br rows, c, n reg.GPVirtual, edge reg.Register, load bool) {
	lanes := o.bytes / o.size
	label := func(name string, vectors int) string { return fmt.Sprintf("%s%d%t", name, vectors, load) }
	for _, vectors := range []int{4, 1} {
		CMPQ(n, Imm(uint64(lanes*vectors)))
		JLT(LabelRef(label("after", vectors)))
		Label(label("vectors", vectors))
		for j, v := range o.sums(x, br, c, vectors, nil, load) {
			o.move(v, Mem{Base: c, Disp: o.bytes * j})
		}
		br.step(o.bytes * vectors)
		ADDQ(U32(uint32(o.bytes*vectors)), c)
		SUBQ(Imm(uint64(lanes*vectors)), n)
		CMPQ(n, Imm(uint64(lanes*vectors)))
		JGE(LabelRef(label("vectors", vectors)))
		Label(label("after", vectors))
	}
	TESTQ(n, n)
	JZ(LabelRef(label("whole", 0)))
	v := o.sums(x, br, c, 1, edge, load)[0]
	storeFirst(o.elem, v, c, n, lanes/2, label("part", 0))
	Label(label("whole", 0))
}

// sums are those of some vectors of the row.
func (o outer) sums(x []reg.VecVirtual, br rows, c reg.GPVirtual, vectors int, edge reg.Register, load bool) []reg.VecVirtual {
	acc := make([]reg.VecVirtual, vectors)
	for j := range acc {
		acc[j] = o.reg()
		switch m := (Mem{Base: c, Disp: o.bytes * j}); {
		case !load:
			o.zero(acc[j])
		case edge != nil:
			o.maskMove(m, edge, acc[j])
		default:
			o.move(m, acc[j])
		}
	}
	for u := range x {
		for j := range acc {
			m := br.at(u, o.bytes*j)
			if edge == nil {
				o.fma(m, x[u], acc[j])
				continue
			}
			y := o.reg()
			o.maskMove(m, edge, y)
			o.fma(y, x[u], acc[j])
		}
	}
	return acc
}

// storeFirst stores the first n elements of v, fewer than a vector: half of it, then a quarter, then an eighth, as the
// bits of n say. It moves c.
func storeFirst(e elem, v reg.VecVirtual, c, n reg.GPVirtual, half int, label string) {
	for elements := half; elements > 0; elements /= 2 {
		skip := fmt.Sprintf("%s%d", label, elements)
		TESTQ(U32(uint32(elements)), n)
		JZ(LabelRef(skip))
		bytes := elements * e.size
		storePart(v, Mem{Base: c}, bytes)
		if elements > 1 {
			ADDQ(Imm(uint64(bytes)), c)
		}
		Label(skip)
	}
}

// storePart stores the first 16, 8 or 4 bytes of v and moves the others to the front.
func storePart(v reg.VecVirtual, m Mem, bytes int) {
	switch bytes {
	case 16:
		VMOVUPS(v.AsX(), m)
		VEXTRACTF128(Imm(1), v, v.AsX())
	case 8:
		VMOVLPS(v.AsX(), m)
		VPERMILPD(Imm(1), v.AsX(), v.AsX())
	case 4:
		VMOVSS(v.AsX(), m)
	}
}
