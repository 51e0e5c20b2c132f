//go:build !purego && !race

package ptx

import "golang.org/x/sys/cpu"

//go:generate go -C _asm generate .

// avxRows is goRows with the hot operations in assembly. The race detector cannot see into assembly, so a race build
// runs the Go rows.
func avxRows() rowSet {
	r := goRows
	r.mov, r.add, r.sub, r.mul, r.mad = avxMov, avxAdd, avxSub, avxMul, avxMad
	r.and, r.or, r.xor, r.sll, r.srl, r.sra = avxAnd, avxOr, avxXor, avxSll, avxSrl, avxSra
	r.minS, r.maxS, r.minU, r.maxU = avxMinS, avxMaxS, avxMinU, avxMaxU
	r.fma, r.fadd, r.fsub, r.fmul, r.fdiv, r.fsqrt = avxFma, avxFadd, avxFsub, avxFmul, avxFdiv, avxFsqrt
	r.f32FromS32, r.s32FromF32 = avxF32FromS32, avxS32FromF32
	r.mov64, r.add64, r.sub64 = avxMov64, avxAdd64, avxSub64
	r.and64, r.or64, r.xor64 = avxAnd64, avxOr64, avxXor64
	r.sll64, r.srl64 = avxSll64, avxSrl64
	r.mulWideU, r.mulWideS, r.madWideU, r.madWideS = avxMulWideU, avxMulWideS, avxMadWideU, avxMadWideS
	r.zext, r.sext, r.low32 = avxZext, avxSext, avxLow32
	r.blend, r.blend64 = avxBlend, avxBlend64
	r.icmp, r.icmp64, r.fcmp = avxIcmp, avxIcmp64, avxFcmp
	r.narrow, r.survey, r.fmaRun = avxNarrow, avxSurvey, avxFmaRun
	r.dot, r.loadAcc, r.storeAcc = avxDot, avxLoadAcc, avxStoreAcc
	r.tileBF16, r.tileBF16T, r.tileF16, r.tileF16T = avxTileBF16, avxTileBF16T, avxTileF16, avxTileF16T
	return r
}

func init() {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasF16C {
		rows = avxRows()
	}
}
