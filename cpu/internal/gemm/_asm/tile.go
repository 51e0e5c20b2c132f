package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of gemm.tile.
const (
	tileA      = 8 * iota // first row of A
	tileLDA               // bytes between rows of A; not used by packed kernels
	tileB                 // first row of the strip of B
	tileLDB               // bytes between rows of B
	tileC                 // first row of C
	tileLDC               // bytes between rows of C
	tileK                 // products per element
	tilePanels            // panels of mr rows
	tileCols              // columns of the strip that exist
	tileLoad              // 0: the sums begin with 0, else with beta C
	tileBeta              // beta in the element type
	tileNext              // what the caller will read next: prefetched
	tileStrip             // bytes between strips of packed weights
)

// tileKernel multiplies panels of mr rows of A by nv vectors of B. The sums of one panel stay in registers; every
// product is added to its sum by one FMA, in k order.
type tileKernel struct {
	source // of B
	width
	mr, nv int
	form   form
}

// form says where a tile kernel finds its operands.
type form int

const (
	strided form = iota // rows of A; a strip of B, or half of one
	packed              // k-major panels of A with rowsPerPanel rows each; B as above
	weights             // rows of A; nv/2 whole strips of packed weights, each a stream of its own
)

// rowsPerPanel is how many elements stand side by side for each k in a packed panel, whatever part of them is used.
func (t tileKernel) rowsPerPanel() int {
	if t.width.bytes == 64 {
		return 16
	}
	return 6
}

func (t tileKernel) name() string {
	return fmt.Sprintf("%s%sTile%dx%d%s", t.prefix, t.stored, t.mr, t.nv, [...]string{"Strided", "Packed", "Weights"}[t.form])
}

func (t tileKernel) emit() {
	function(t.name(), "t", "tile")
	p := arguments()
	c, ldc := p.load(tileC), p.load(tileLDC)
	b, ldb := GP64(), p.load(tileLDB)
	a := p.load(tileA)
	next := p.load(tileNext)
	edge := t.edge(p)

	acc := make([][]reg.VecVirtual, t.mr)
	for i := range acc {
		acc[i] = make([]reg.VecVirtual, t.nv)
		for j := range acc[i] {
			acc[i][j] = t.reg()
		}
	}

	Label("panel")
	t.begin(p, acc, c, ldc, edge)
	t.prefetch(c, ldc, next)
	MOVQ(p.field(tileB), b)
	var ar rows
	if t.form != packed {
		ar = rowsFrom(a, p, tileLDA, t.mr)
	}
	t.sums(p, acc, a, ar, b, ldb)
	t.store(p, acc, c, ldc, edge)
	if t.form != packed { // a is at the end of its first row
		MOVQ(p.field(tileK), b)
		IMUL3Q(I32(int32(t.size)), b, b)
		SUBQ(b, a)
		lda := p.load(tileLDA)
		IMUL3Q(I32(int32(t.mr)), lda, lda)
		ADDQ(lda, a)
	}
	DECQ(p.field(tilePanels))
	JNZ(LabelRef("panel"))
	VZEROUPPER()
	RET()
}

// edge prepares the masks of the last vector (AVX2) or of every vector (AVX-512).
func (t tileKernel) edge(p args) []reg.Register {
	if t.form == weights {
		return nil
	}
	cols := p.load(tileCols)
	lanes := t.width.bytes / t.size
	if t.width.bytes == 32 {
		if t.nv > 1 {
			SUBQ(Imm(uint64(lanes*(t.nv-1))), cols)
		}
		return []reg.Register{loadMask(t.elem, cols)}
	}
	bits := GP64()
	MOVQ(I64(-1), bits)
	BZHIQ(cols, bits, bits)
	var ks []reg.Register
	for j := range t.nv {
		k := K()
		KMOVW(bits.As32(), k)
		ks = append(ks, k)
		if j+1 < t.nv {
			SHRQ(Imm(uint64(lanes)), bits)
		}
	}
	return ks
}

// begin sets the sums to 0 or to beta C.
func (t tileKernel) begin(p args, acc [][]reg.VecVirtual, c, ldc reg.GPVirtual, edge []reg.Register) {
	CMPQ(p.field(tileLoad), Imm(0))
	JNE(LabelRef("load"))
	for _, row := range acc {
		for _, v := range row {
			t.zero(v)
		}
	}
	JMP(LabelRef("begun"))
	Label("load")
	beta, row := t.reg(), GP64()
	t.broadcast(p.field(tileBeta), beta)
	MOVQ(c, row)
	for i := range acc {
		for j, v := range acc[i] {
			m := Mem{Base: row, Disp: t.width.bytes * j}
			switch {
			case edge == nil:
				t.mul(m, beta, v)
			case t.width.bytes == 64:
				t.zeroMove(m, edge[j], v)
				t.mul(beta, v, v)
			case j == t.nv-1:
				t.maskMove(m, edge[0], v)
				t.mul(beta, v, v)
			default:
				t.mul(m, beta, v)
			}
		}
		if i+1 < t.mr {
			ADDQ(ldc, row)
		}
	}
	Label("begun")
}

// prefetch asks for the rows of C that the next panel will begin with or overwrite and for a piece of what comes next.
func (t tileKernel) prefetch(c, ldc, next reg.GPVirtual) {
	row := GP64()
	MOVQ(ldc, row)
	IMUL3Q(I32(int32(t.mr)), row, row)
	ADDQ(c, row)
	for i := range t.mr {
		for d := 0; d < t.width.bytes*t.nv; d += 64 {
			PREFETCHT0(Mem{Base: row, Disp: d})
		}
		PREFETCHT0(Mem{Base: row, Disp: t.width.bytes*t.nv - 1})
		if i+1 < t.mr {
			ADDQ(ldc, row)
		}
	}
	if t.form == packed {
		for i := range prefetchLines {
			PREFETCHT0(Mem{Base: next, Disp: 64 * i})
		}
		ADDQ(U32(64*prefetchLines), next)
	}
}

// prefetchLines of the next strip per panel.
const prefetchLines = 8

// sums runs over k. It leaves a after the panel (packed) or k elements further on (strided).
func (t tileKernel) sums(p args, acc [][]reg.VecVirtual, a reg.GPVirtual, ar rows, b, ldb reg.GPVirtual) {
	step := t.rowsPerPanel() * t.size
	element := func(i, u int) Mem {
		if t.form == packed {
			return Mem{Base: a, Disp: u*step + i*t.size}
		}
		return ar.at(i, u*t.size)
	}
	var strips rows
	if t.form == weights && t.nv > 2 {
		strips = rowsFrom(b, p, tileStrip, t.nv/2)
	}
	vector := t.width.bytes / t.size * t.source.bytes // as stored
	product := func(u int) {
		if t.form == weights {
			t.weightProducts(acc, func(i int) Mem { return element(i, u) }, func(j int) Mem {
				if t.nv == 2 {
					return Mem{Base: b, Disp: vector * j}
				}
				return strips.at(j/2, vector*(j%2))
			})
			ADDQ(ldb, b)
			return
		}
		bv := make([]reg.VecVirtual, t.nv)
		for j := range bv {
			bv[j] = t.reg()
			t.move(Mem{Base: b, Disp: vector * j}, bv[j])
		}
		ADDQ(ldb, b)
		for i := range acc {
			x := t.reg()
			t.broadcast(element(i, u), x)
			for j := range bv {
				t.fma(bv[j], x, acc[i][j])
			}
		}
	}
	advance := func(u int) {
		if t.form == packed {
			ADDQ(U32(uint32(u*step)), a)
		} else {
			ar.step(u * t.size)
		}
	}
	unroll, shift := 4, 2
	if t.width.bytes == 64 { // twice the work for each instruction
		unroll, shift = 2, 1
	}
	count := p.load(tileK)
	SHRQ(Imm(uint64(shift)), count)
	JZ(LabelRef("rest"))
	Label("unrolled")
	for u := range unroll {
		if t.form == packed && u%2 == 0 {
			PREFETCHT0(Mem{Base: a, Disp: 512 + 32*u})
		}
		product(u)
	}
	advance(unroll)
	DECQ(count)
	JNZ(LabelRef("unrolled"))
	Label("rest")
	MOVQ(p.field(tileK), count)
	ANDQ(Imm(uint64(unroll-1)), count)
	JZ(LabelRef("summed"))
	Label("one")
	product(0)
	advance(1)
	DECQ(count)
	JNZ(LabelRef("one"))
	Label("summed")
}

// weightProducts adds the products of one k, converting each vector of B as it comes.
func (t tileKernel) weightProducts(acc [][]reg.VecVirtual, a, b func(int) Mem) {
	x := make([]reg.VecVirtual, t.mr)
	for i := range x {
		x[i] = t.reg()
		t.broadcast(a(i), x[i])
	}
	for j := range t.nv {
		y := t.reg()
		t.source.load(b(j), y)
		for i := range x {
			t.fma(y, x[i], acc[i][j])
		}
	}
}

// store writes the panel and moves c on to the next.
func (t tileKernel) store(p args, acc [][]reg.VecVirtual, c, ldc reg.GPVirtual, edge []reg.Register) {
	if t.width.bytes == 64 || t.form == weights {
		t.storeRows(acc, c, ldc, t.nv, edge)
		return
	}
	CMPQ(p.field(tileCols), Imm(uint64(t.nv*t.width.bytes/t.size)))
	JNE(LabelRef("partial"))
	t.storeRows(acc, c, ldc, t.nv, nil)
	JMP(LabelRef("stored"))
	Label("partial")
	t.storePartial(p, acc, c, ldc)
	Label("stored")
}

// storeRows writes the first nv vectors of each row and moves c past the panel.
func (t tileKernel) storeRows(acc [][]reg.VecVirtual, c, ldc reg.GPVirtual, nv int, masks []reg.Register) {
	for i := range acc {
		for j, v := range acc[i][:nv] {
			m := Mem{Base: c, Disp: t.width.bytes * j}
			if masks != nil {
				t.move(v, masks[j], m)
			} else {
				t.move(v, m)
			}
		}
		ADDQ(ldc, c)
	}
}

// storePartial writes rows whose last vector is not whole: half of it, then a quarter, then an eighth, as the bits of
// the column count say. (Masked stores take tens of cycles on some processors.)
func (t tileKernel) storePartial(p args, acc [][]reg.VecVirtual, c, ldc reg.GPVirtual) {
	row, at := GP64(), GP64()
	eachRow := func(store func(v reg.VecVirtual)) {
		MOVQ(at, row)
		for i := range acc {
			store(acc[i][t.nv-1])
			if i+1 < t.mr {
				ADDQ(ldc, row)
			}
		}
	}
	MOVQ(c, at)
	for j := range t.nv - 1 {
		MOVQ(at, row)
		for i := range acc {
			t.move(acc[i][j], Mem{Base: row})
			if i+1 < t.mr {
				ADDQ(ldc, row)
			}
		}
		ADDQ(Imm(uint64(t.width.bytes)), at)
	}
	for elements := t.width.bytes / t.size / 2; elements > 0; elements /= 2 {
		bytes, skip := elements*t.size, LabelRef(fmt.Sprintf("without%d", elements))
		TESTQ(U32(uint32(elements)), p.field(tileCols))
		JZ(skip)
		eachRow(func(v reg.VecVirtual) { storePart(v, Mem{Base: row}, bytes) })
		if elements > 1 {
			ADDQ(Imm(uint64(bytes)), at)
		}
		Label(string(skip))
	}
	MOVQ(ldc, row)
	IMUL3Q(I32(int32(t.mr)), row, row)
	ADDQ(row, c)
}
