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
	streamC              // mr rows
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
	if s.mr > 6 && s.bytes == 32 { // as many sums as registers
		wide = 1
	}
	var row []reg.VecVirtual
	if s.mr == 1 { // A stays in registers
		for u := range 8 {
			row = append(row, s.reg())
			s.broadcast(Mem{Base: a, Disp: u * s.size}, row[u])
		}
	}
	body := func(vectors int, edge reg.Register) {
		acc := make([][]reg.VecVirtual, s.mr)
		for i := range acc {
			for j := range vectors {
				acc[i] = append(acc[i], s.reg())
				s.load(cr.at(i, s.bytes*j), edge, acc[i][j])
			}
		}
		for u := range 8 {
			if row != nil && edge == nil {
				for j, v := range acc[0] {
					s.fma(br.at(u, s.bytes*j), row[u], v)
				}
				continue
			}
			bv := make([]reg.VecVirtual, vectors)
			for j := range bv {
				bv[j] = s.reg()
				s.load(br.at(u, s.bytes*j), edge, bv[j])
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
				s.store(v, edge, cr.at(i, s.bytes*j))
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

// load reads a vector, or what the mask leaves of it.
func (s stream) load(m Mem, edge reg.Register, v reg.VecVirtual) {
	switch {
	case edge == nil:
		s.move(m, v)
	case s.bytes == 32:
		s.maskMove(m, edge, v)
	default:
		s.zeroMove(m, edge, v)
	}
}

func (s stream) store(v reg.VecVirtual, edge reg.Register, m Mem) {
	switch {
	case edge == nil:
		s.move(v, m)
	case s.bytes == 32:
		s.maskMove(v, edge, m)
	default:
		s.move(v, edge, m)
	}
}
