package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The two instruction sets. Most of the source does not know which it is written for: AVX-512 has twice the lanes, masks in registers of
// their own, and other names for a few instructions.

var (
	level = "AVX2" // the end of every kernel's name
	width = 32     // bytes of a vector
)

// hot names the kernels that exist for AVX-512: those that models spend their time on.
var hot = words(`add sub mul addRelu addS mulS relu fma addScaled axpy scaleAdd affine
	normScale normAffine standardize normBack mulShift weightGrad
	exp tanh sigmoid silu gelu geluTanh siluMul siluMulClamp addSilu addGelu addGeluTanh addSigmoid addTanh
	siluGrad geluGrad geluTanhGrad siluMulGrad expScaled logSoftmaxGrad
	sum sumSq dot dot3 sumSqDev dotDev sumExp maxOf minOf peakOf troughOf`)

// unrolled is how many vectors a turn of the wide loop does. AVX-512 has twice the registers, and more than four would leave much to single vectors.
func unrolled(k elementwise) int {
	if wide() && !slices.Contains(words("tanh addTanh geluTanhGrad"), k.name) {
		return min(2*k.unroll, 4)
	}
	return k.unroll // as far as the registers of either go
}

// unwanted tells of a kernel that this instruction set does without.
func unwanted(name string) bool { return wide() && !slices.Contains(hot, name) }

// half is the width that an order of summation is made for.
const half = 32

func wide() bool { return width == 64 }

// takeAVX512 makes all that follows AVX-512.
func takeAVX512() {
	level, width = "AVX512", 64
	f32.round, f32.blend, f32.maskLoad = VRNDSCALEPS, VBLENDMPS, VMOVUPS_Z
	intAnd, intOr, intXor = VPANDD, VPORD, VPXORD
}

// Operations on bits whose names say how wide a masked lane would be.
var intAnd, intOr, intXor instruction = VPAND, VPOR, VPXOR

func vector() reg.VecVirtual {
	if wide() {
		return ZMM()
	}
	return YMM()
}

// inEveryLane tells a constant that memory holds once. It goes into all lanes as it is loaded.
func inEveryLane(m Mem) bool { return wide() && pool[m.Symbol.Name].size > 0 }

func load(m Mem, v reg.VecVirtual) {
	switch {
	case !inEveryLane(m):
		VMOVUPS(m, v)
	case pool[m.Symbol.Name].size == 4:
		VBROADCASTSS(m, v)
	default:
		VBROADCASTSD(m, v)
	}
}

// A mask, all that compare and tailMask return and choose and keep take, is a vec or, in AVX-512, masks.

func newMasks(n int) masks {
	m := make(masks, n)
	for i := range m {
		m[i] = K()
	}
	return m
}

// newMask is one for a group of n.
func newMask(n int) any {
	if wide() {
		return newMasks(n)
	}
	return newVec(n)
}

// blendMask is a mask as the blend wants it. AVX2 looks at the sign of a vector's lanes, which AVX-512 gathers first.
func blendMask(mask any) any {
	v, ok := mask.(vec)
	if !ok || !wide() {
		return mask
	}
	m := newMasks(len(v))
	issue(VPMOVD2M, v, m)
	return m
}

// choose returns a where the mask is set, else b; a may be memory.
func (t real) choose(mask, a, b any) vec {
	mask = blendMask(mask)
	d := newVec(max(members(mask), members(a), members(b)))
	if wide() {
		issue(t.blend, a, b, mask, d)
	} else {
		issue(t.blend, mask, a, b, d)
	}
	return d
}

// keep returns x where the mask is set, else 0.
func (t real) keep(mask, x any) vec {
	if !wide() {
		return do(t.and, mask, x)
	}
	d := newVec(max(members(mask), members(x)))
	issue(t.maskLoad, x, mask, d)
	return d
}

// orOnes returns x with all ones, a NaN, where the mask is set.
func (t real) orOnes(mask any, x vec) vec {
	if wide() {
		return t.choose(mask, t.raw(1<<t.bits-1), x)
	}
	issue(t.or, mask, x, x)
	return x
}

// tailMask is the mask of the first n elements, n below a vector.
func (t real) tailMask(n reg.GPVirtual) any {
	if wide() {
		m, bits := newMasks(1), GP32()
		MOVL(I32(-1), bits)
		BZHIL(n.As32(), bits, bits)
		KMOVW(bits, m[0])
		return m
	}
	table, end := GP64(), GP64()
	LEAQ(maskTable.Offset(32), table)
	MOVQ(n, end)
	NEGQ(end)
	return do1(VMOVDQU, Mem{Base: table, Index: end, Scale: uint8(t.size)})
}

// highHalf is the upper half of a vector of AVX-512.
func highHalf(v vec) vec {
	h := YMM()
	VEXTRACTF64X4(U8(1), v[0], h)
	return vec{h}
}

// upperLanes writes the upper half of a vector of AVX2.
func upperLanes(y, x Op) {
	if wide() {
		VEXTRACTF32X4(U8(1), y, x)
	} else {
		VEXTRACTF128(U8(1), y, x)
	}
}
