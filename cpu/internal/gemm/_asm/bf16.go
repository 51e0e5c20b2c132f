package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products of bf16 with VDPBF16PS: two products of neighbouring k are added to a sum by one instruction. An element of
// the computation is a pair, four bytes: that of even k above, that of odd k below. The instruction adds the upper
// product first, so sums grow in k order, each by one rounding, as with an FMA.
//
// What bounds the 14x32 tile is what bounds that of float32 (see avx512): the loop is the same, with VDPBF16PS in the
// place of the FMA and two k in the place of one. Zen 4 does one a cycle, 227 GF/s measured at 3.55 GHz, twice the FMA's
// rate. A processor that did two would be bound by them still: 14 cycles against 8 of loads and 8 of the front end.

var (
	pair      = elem{"pairs", 4, VMOVUPS, VBROADCASTSS, dotProduct, VMULPS, VMASKMOVPS, VMOVUPS_Z}
	fromPairs = source{pair, "pairs", 4} // packed
	fromRows  = source{pair, "pairs", 2} // packed weights: rows of bf16, of which two make a row of pairs
)

// bf16 emits the tiles for pairs.
func bf16() {
	for mr := 1; mr <= 14; mr++ {
		for nv := 1; nv <= 2; nv++ {
			tileKernel{fromPairs, zmm, mr, nv, packed}.emit()
		}
	}
	weightKernels(fromRows, zmm)
}

// pairRows reads a vector from each of two rows of packed weights, one strip wide, and makes pairs of them.
func pairRows(m Mem, v reg.VecVirtual) {
	const row = 32 * 2
	second := ZMM()
	VPMOVZXWD(m, v)
	VPSLLD(Imm(16), v, v)
	m.Disp += row
	VPMOVZXWD(m, second)
	VPORD(second, v, v)
}

// dotProduct is VDPBF16PS, which avo does not know: encode makes bytes of what it prints.
func dotProduct(ops ...Op) {
	Instruction(&ir.Instruction{Opcode: "VDPBF16PS", Operands: ops, Inputs: ops, Outputs: ops[2:]})
}

var printed = regexp.MustCompile(`(?m)^\tVDPBF16PS +Z(\d+), Z(\d+), Z(\d+)$`)

// encode replaces VDPBF16PS, which Go's assembler does not know either, by its bytes.
func encode(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text = printed.ReplaceAllFunc(text, func(line []byte) []byte {
		var r [3]byte
		for i, digits := range printed.FindSubmatch(line)[1:] {
			n, err := strconv.Atoi(string(digits))
			if err != nil {
				panic(err) // the pattern matches digits
			}
			r[i] = byte(n)
		}
		return []byte(encodeDotProduct(r[0], r[1], r[2]) + " // " + strings.TrimSpace(string(line)))
	})
	return os.WriteFile(file, text, 0o644)
}

// encodeDotProduct is EVEX.512.F3.0F38.W0 52 /r. The prefix holds the upper bits of the three registers inverted.
func encodeDotProduct(second, first, sum byte) string {
	const (
		map0F38, always, prefixF3 = 2, 1 << 2, 2
		length512, opcode         = 2 << 5, 0x52
		registers                 = 3 << 6 // no operand is in memory
	)
	bit := func(r, n byte) byte { return ^r >> n & 1 }
	p0 := bit(sum, 3)<<7 | bit(second, 4)<<6 | bit(second, 3)<<5 | bit(sum, 4)<<4 | map0F38
	p1 := ^first&15<<3 | always | prefixF3
	p2 := length512 | bit(first, 4)<<3
	modRM := registers | sum&7<<3 | second&7
	return fmt.Sprintf("\tLONG $0x%02x%02x%02x62; WORD $0x%02x%02x", p2, p1, p0, modRM, opcode)
}

// swapHalves exchanges the elements of each pair, which in memory stand in ascending k.
func swapHalves(v reg.Register) {
	const neighbours = 0b10_11_00_01
	VPSHUFLW(Imm(neighbours), v, v)
	VPSHUFHW(Imm(neighbours), v, v)
}

// copyPairs packs from a source in which the elements of a group lie side by side: two lines for each pair, of nv whole
// vectors. Where groups are narrower, the next one overwrites the surplus.
func copyPairs(nv int) {
	function(fmt.Sprintf("pairsCopy%d", nv), "p", "packing")
	p := arguments()
	src, ld, dst, stride, k := p.load(packSrc), p.load(packLD), p.load(packDst), p.load(packStride), p.load(packK)
	half := GP64() // from line to line; ld is from pair to pair
	MOVQ(ld, half)
	SHRQ(Imm(1), half)
	Label("pair")
	PREFETCHT0(Mem{Base: src, Index: ld, Scale: 8})
	for j := range nv {
		above, below, lo, hi := YMM(), YMM(), YMM(), YMM()
		VMOVDQU(Mem{Base: src, Disp: 32 * j}, above)
		VMOVDQU(Mem{Base: src, Index: half, Scale: 1, Disp: 32 * j}, below)
		VPUNPCKLWD(above, below, lo) // columns 0-3 and 8-11
		VPUNPCKHWD(above, below, hi) // columns 4-7 and 12-15
		first, second := YMM(), YMM()
		VPERM2I128(Imm(0x20), hi, lo, first)
		VPERM2I128(Imm(0x31), hi, lo, second)
		VMOVDQU(first, Mem{Base: dst, Disp: 64 * j})
		VMOVDQU(second, Mem{Base: dst, Disp: 64*j + 32})
	}
	ADDQ(ld, src)
	ADDQ(stride, dst)
	DECQ(k)
	JNZ(LabelRef("pair"))
	VZEROUPPER()
	RET()
}
