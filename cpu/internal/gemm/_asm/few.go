package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fewKernel multiplies mr rows of A by chunks of nv vectors of B, both where they lie, over all of k: for products with
// few rows, in which packing B or a call for each strip would cost more than the sums. The last vector of a chunk is
// masked. Sums are in k order, one FMA for each product.
type fewKernel struct{ tileKernel }

// fewVectors is the widest chunk by rows: as many sums as hide the FMA's latency or as the registers hold.
var fewVectors = [...]int{1: 8, 2: 4, 3: 3, 4: 2, 5: 2, 6: 2}

func (f fewKernel) emit() {
	function(fmt.Sprintf("%sFew%dx%d", f.elem.name, f.mr, f.nv), "t", "tile")
	p := arguments()
	edge := f.edge(p)
	acc := make([][]reg.VecVirtual, f.mr)
	for i := range acc {
		for range f.nv {
			acc[i] = append(acc[i], f.reg())
		}
	}
	Label("chunk")
	c, ldc := p.load(tileC), p.load(tileLDC)
	f.begin(p, acc, c, ldc, edge)
	f.sumChunk(p, acc, edge[0])
	f.store(p, acc, c, ldc, nil)
	DECQ(p.field(tilePanels))
	JZ(LabelRef("end"))
	ADDQ(U32(uint32(f.nv*f.width.bytes)), p.field(tileB)) // only now: a pointer must not leave its matrix
	ADDQ(U32(uint32(f.nv*f.width.bytes)), p.field(tileC))
	JMP(LabelRef("chunk"))
	Label("end")
	VZEROUPPER()
	RET()
}

// sumChunk runs over k, two at a time.
func (f fewKernel) sumChunk(p args, acc [][]reg.VecVirtual, edge reg.Register) {
	a, b, ldb := p.load(tileA), p.load(tileB), p.load(tileLDB)
	ar := rowsFrom(a, p, tileLDA, f.mr)
	product := func(u int) {
		if f.mr < f.nv {
			f.rowsFirst(acc, ar, b, u, edge)
		} else {
			f.columnsFirst(acc, ar, b, u, edge)
		}
		ADDQ(ldb, b)
	}
	count := p.load(tileK)
	SHRQ(Imm(1), count)
	JZ(LabelRef("rest"))
	Label("two")
	product(0)
	product(1)
	ar.step(2 * f.size)
	DECQ(count)
	JNZ(LabelRef("two"))
	Label("rest")
	TESTQ(U32(1), p.field(tileK))
	JZ(LabelRef("summed"))
	product(0)
	Label("summed")
}

// vector is number j of a row of B.
func (f fewKernel) vector(b reg.GPVirtual, j int, edge reg.Register) reg.VecVirtual {
	v, m := f.reg(), Mem{Base: b, Disp: f.width.bytes * j}
	if j == f.nv-1 {
		f.maskMove(m, edge, v)
	} else {
		f.move(m, v)
	}
	return v
}

// rowsFirst holds one element of each row of A and loads vectors of B as they are used.
func (f fewKernel) rowsFirst(acc [][]reg.VecVirtual, ar rows, b reg.GPVirtual, u int, edge reg.Register) {
	x := make([]reg.VecVirtual, f.mr)
	for i := range x {
		x[i] = f.reg()
		f.broadcast(ar.at(i, u*f.size), x[i])
	}
	for j := range f.nv {
		if f.mr == 1 && j < f.nv-1 {
			f.fma(Mem{Base: b, Disp: f.width.bytes * j}, x[0], acc[0][j])
			continue
		}
		y := f.vector(b, j, edge)
		for i := range x {
			f.fma(y, x[i], acc[i][j])
		}
	}
}

// columnsFirst holds a row of B's chunk and loads elements of A as they are used.
func (f fewKernel) columnsFirst(acc [][]reg.VecVirtual, ar rows, b reg.GPVirtual, u int, edge reg.Register) {
	y := make([]reg.VecVirtual, f.nv)
	for j := range y {
		y[j] = f.vector(b, j, edge)
	}
	for i := range acc {
		x := f.reg()
		f.broadcast(ar.at(i, u*f.size), x)
		for j := range y {
			f.fma(y[j], x, acc[i][j])
		}
	}
}
