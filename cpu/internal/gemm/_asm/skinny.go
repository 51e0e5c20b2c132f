package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of gemm.streaming.
const (
	streamA   = 8 * iota // mr x 8, contiguous
	streamB              // 8 rows
	streamLDB            // bytes
	streamC              // mr rows, padded to whole vectors
	streamLDC            // bytes
	streamN              // columns
)

// stream adds A[mr][8] * B[8][n] to C[mr][n], going along n: 8 sequential streams of B, for products with few rows in
// which reading B is all that takes time. Sums are in k order, one FMA for each product.
type stream struct {
	elem
	width
	mr int
}

func (s stream) emit() {
	function(fmt.Sprintf("%s%sStream%d", s.prefix, s.elem.name, s.mr), "s", "streaming")
	p := arguments()
	a, b, c := p.load(streamA), p.load(streamB), p.load(streamC)
	br := newRows(b, p.load(streamLDB), 8)
	var cr rows
	if s.mr > 1 {
		cr = newRows(c, p.load(streamLDC), s.mr)
	} else {
		cr = rows{base: c}
	}
	lanes := s.bytes / s.size
	wide := 2
	if s.mr > 4 && s.bytes == 32 { // as many sums as registers
		wide = 1
	}
	body := func(vectors int, edge reg.Register) {
		acc := make([][]reg.VecVirtual, s.mr)
		for i := range acc {
			for j := range vectors {
				acc[i] = append(acc[i], s.reg())
				s.move(cr.at(i, s.bytes*j), acc[i][j])
			}
		}
		for u := range 8 {
			bv := make([]reg.VecVirtual, vectors)
			for j := range bv {
				bv[j] = s.reg()
				s.loadB(br.at(u, s.bytes*j), edge, bv[j])
			}
			for i := range acc {
				x := s.reg()
				s.broadcast(Mem{Base: a, Disp: (8*i + u) * s.size}, x)
				for j := range bv {
					s.fma(bv[j], x, acc[i][j])
				}
			}
		}
		for i := range acc {
			for j, v := range acc[i] {
				s.move(v, cr.at(i, s.bytes*j))
			}
		}
		br.step(s.bytes * vectors)
		cr.step(s.bytes * vectors)
	}
	n := p.load(streamN)
	for _, vectors := range []int{2, 1}[2-wide:] {
		loop, next := fmt.Sprintf("vectors%d", vectors), fmt.Sprintf("after%d", vectors)
		Label(loop)
		CMPQ(n, Imm(uint64(lanes*vectors)))
		JLT(LabelRef(next))
		body(vectors, nil)
		SUBQ(Imm(uint64(lanes*vectors)), n)
		JMP(LabelRef(loop))
		Label(next)
	}
	TESTQ(n, n)
	JZ(LabelRef("end"))
	body(1, s.edge(n))
	Label("end")
	VZEROUPPER()
	RET()
}

func (s stream) edge(n reg.GPVirtual) reg.Register {
	if s.bytes == 32 {
		return loadMask(s.elem, n)
	}
	bits, k := GP64(), K()
	MOVQ(I64(-1), bits)
	BZHIQ(n, bits, bits)
	KMOVW(bits.As32(), k)
	return k
}

func (s stream) loadB(m Mem, edge reg.Register, v reg.VecVirtual) {
	switch {
	case edge == nil:
		s.move(m, v)
	case s.bytes == 32:
		s.maskMove(m, edge, v)
	default:
		s.zeroMove(m, edge, v)
	}
}

// Offsets of the fields of gemm.dotting.
const (
	dotA    = 8 * iota // mr rows
	dotLDA             // bytes
	dotB               // lines along k
	dotLDB             // bytes
	dotK               // a multiple of the vector length
	dotN               // lines of B that exist
	dotSums            // mr x 8 sums
)

// dot forms the products of mr rows of A with several lines of B, all contiguous along k.
type dot struct {
	source
	mr int
}

// lines of B at a time: enough sums to hide the FMA's latency, enough streams to keep the memory busy.
func (d dot) width() int { return map[int]int{1: 8, 2: 4, 3: 4, 4: 2}[d.mr] }

func (d dot) emit() {
	function(fmt.Sprintf("%sDot%d", d.stored, d.mr), "d", "dotting")
	p := arguments()
	lines := linePointers(d.width(), p.load(dotB), p.load(dotLDB), p.load(dotN))
	a := p.load(dotA)
	ar := rows{base: a}
	if d.mr > 1 {
		ar = newRows(a, p.load(dotLDA), d.mr)
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
	if d.mr == 1 {
		x := YMM()
		d.move(ar.at(0, 0), x)
		for j, line := range lines {
			y, m := YMM(), Mem{Base: line, Index: at, Scale: 1}
			if d.half() {
				d.convert(m, y)
				d.fma(y, x, acc[0][j])
			} else {
				d.fma(m, x, acc[0][j])
			}
		}
	} else {
		for j, line := range lines {
			y := YMM()
			d.load(Mem{Base: line, Index: at, Scale: 1}, y)
			for i := range acc {
				d.fma(ar.at(i, 0), y, acc[i][j])
			}
		}
	}
	ar.step(32)
	ADDQ(Imm(uint64(d.lanes()*d.bytes)), at)
	DECQ(k)
	JNZ(LabelRef("block"))
	sums := p.load(dotSums)
	for i := range acc {
		for j, v := range acc[i] {
			d.reduce(v, Mem{Base: sums, Disp: (8*i + j) * d.size})
		}
	}
	VZEROUPPER()
	RET()
}

// reduce stores the sum of a register's lanes.
func (d dot) reduce(v reg.VecVirtual, m Mem) {
	x := XMM()
	VEXTRACTF128(Imm(1), v, x)
	if d.size == 8 {
		VADDPD(x, v.AsX(), x)
		VHADDPD(x, x, x)
		VMOVSD(x, m)
		return
	}
	VADDPS(x, v.AsX(), x)
	VHADDPS(x, x, x)
	VHADDPS(x, x, x)
	VMOVSS(x, m)
}
