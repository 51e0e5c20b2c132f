package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// source is a type that operands are stored in and the type that they are computed with.
type source struct {
	elem
	stored string
	bytes  int
}

var (
	fromF32  = source{f32, "f32", 4}
	fromF64  = source{f64, "f64", 8}
	fromF16  = source{f32, "f16", 2}
	fromBF16 = source{f32, "bf16", 2}
)

func (s source) half() bool { return s.bytes == 2 }

func (s source) paired() bool { return s.stored == pair.name }

// lanes of a ymm register.
func (s source) lanes() int { return 32 / s.size }

// load reads and converts one register full.
func (s source) load(m Mem, v reg.VecVirtual) {
	switch {
	case !s.half():
		s.move(m, v)
	case s.paired():
		pairRows(m, v)
	default:
		s.convert(m, v)
	}
}

// convert widens 8 halves in an xmm register or in memory.
func (s source) convert(x Op, v reg.VecVirtual) {
	if s.stored == "f16" {
		VCVTPH2PS(x, v)
	} else {
		VPMOVZXWD(x, v)
		VPSLLD(Imm(16), v, v)
	}
}

// scalar reads and converts one element into the low lane.
func (s source) scalar(m Mem, v reg.VecVirtual) {
	switch s.stored {
	case "f32", "pairs":
		VMOVSS(m, v.AsX())
	case "f64":
		VMOVSD(m, v.AsX())
	default:
		g := GP32()
		MOVWLZX(m, g)
		if s.stored == "bf16" {
			SHLL(Imm(16), g)
		}
		VMOVD(g, v.AsX())
		if s.stored == "f16" {
			VCVTPH2PS(v.AsX(), v.AsX())
		}
	}
}

// factor is alpha in all lanes. Pairs have none.
func (s source) factor(p args) reg.VecVirtual {
	if s.paired() {
		return nil
	}
	alpha := YMM()
	s.broadcast(p.field(packAlpha), alpha)
	return alpha
}

// scaleStore multiplies by alpha, or puts pairs in order, and stores a whole register; scaleStoreScalar its low lane.
func (s source) scaleStore(v, alpha reg.VecVirtual, m Mem) {
	if s.paired() {
		swapHalves(v)
	} else {
		s.mul(alpha, v, v)
	}
	s.move(v, m)
}

func (s source) scaleStoreScalar(v, alpha reg.VecVirtual, m Mem) {
	switch {
	case s.paired():
		swapHalves(v.AsX())
		VMOVSS(v.AsX(), m)
	case s.size == 4:
		VMULSS(alpha.AsX(), v.AsX(), v.AsX())
		VMOVSS(v.AsX(), m)
	default:
		VMULSD(alpha.AsX(), v.AsX(), v.AsX())
		VMOVSD(v.AsX(), m)
	}
}
