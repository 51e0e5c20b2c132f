package mutations

import "slices"

// assembly are mutations of the AVX2 code.
func assembly() []Mutation {
	return slices.Concat(
		in("cpu/internal/vec/avx2_amd64.s", fast,
			row{"TEXT ·add32AVX2(", "32(DX)(SI*1), Y1", "(DX)(SI*1), Y1", Index, `^add/f32`, 0},
			row{"TEXT ·mul32AVX2(", "JZ           done", "JMP          done", Tail, `^mul/f32`, 0},
			row{"TEXT ·sum32AVX2(", "VADDPS     Y4, Y1, Y1", "VADDPS     Y4, Y4, Y1", Operand, `^sum/f32`, 1},
			row{"TEXT ·f16FromF32AVX2(", "VCVTPS2PH $0x00", "VCVTPS2PH $0x03", Rounding, `^cast/f32.*f16`, 0},
			row{"TEXT ·gelu32AVX2(", "VFMADD213PS c32_4304450a<>+0(SB), Y5", "VFMADD213PS c32_4304450a<>+0(SB), Y4", Operand, `^gelu/f32`, 0},
			row{"TEXT ·sumExp32AVX2(", "VFMADD213PS Y13, Y7", "VFMADD213PS Y13, Y6", Operand, `^logsumexp/f32`, 3},
			row{"TEXT ·le32AVX2(", "VCMPPS    $0x12", "VCMPPS    $0x11", Operand, `^le/f32`, 0},
		),
		in("cpu/internal/vec/avx2_amd64.s", "TestVariantsAgree",
			row{"TEXT ·normScaleSumSq32StreamAVX2(", "VFMADD231PS Y7, Y7, Y3", "VFMADD231PS Y7, Y6, Y3", Operand, "", 0},
			row{"TEXT ·normScaleSumSq32StreamAVX2(", "SUBQ    $0x20, R9", "SUBQ    $0x10, R9", Index, "", 0},
			row{"TEXT ·normAffineSum32StreamAVX2(", "VMOVNTPS    Y7, 32(CX)(DI*1)", "VMOVNTPS    Y6, 32(CX)(DI*1)", Transpose, "", 0},
			row{"TEXT ·expScaledMulS32StreamAVX2(", "VMOVUPS      Y0, 64(SP)", "VMOVUPS      Y0, (SP)", Operand, "", 0},
			row{"TEXT ·expScaledMulS32StreamAVX2(", "VMULPS      64(SP), Y1, Y1", "VMULPS      32(SP), Y1, Y1", Tail, "", 0},
		),
		in("cpu/internal/gemm/avx2_amd64.s", "TestSmallShapesExact",
			row{"TEXT ·f32Outer3(", "ANDQ    $0x07, CX", "ANDQ    $0x03, CX", Tail, "", 0},
			row{"TEXT ·f64Outer2(", "VFMADD231PD 32(CX), Y1", "VFMADD231PD 32(CX), Y2", Operand, "", 0},
			row{"TEXT ·f32Few2x3(", "VMOVUPS      Y4, (BX)", "VMOVUPS      Y1, (BX)", Transpose, "", 0},
			row{"TEXT ·f32Few2x3(", "TESTQ        $0x00000001, 48(AX)", "TESTQ        $0x00000000, 48(AX)", Tail, "", 0},
		),
		in("cpu/internal/gemm/avx2_amd64.s", fast,
			row{"TEXT ·f32Tile2x1Strided(", "ANDQ $0x03, R9", "ANDQ $0x01, R9", Tail, `^matmul`, 0},
			row{"TEXT ·f32Tile3x2Packed(", "VBROADCASTSS 8(DI), Y9", "VBROADCASTSS 4(DI), Y9", Index, `^matmul`, 0},
			row{"TEXT ·f32Dot2(", "ANDQ        $0x07, R10", "ANDQ        $0x03, R10", Tail, `^matmul.nt/f32`, 0},
			row{"TEXT ·f64Few4x2(", "VFMADD231PD", "VFNMADD231PD", Operand, `^matmul/f64`, 0},
			row{"TEXT ·f32Stream2(", "VBROADCASTSS 36(CX), Y6", "VBROADCASTSS 4(CX), Y6", Index, `^matmul/f32`, 0},
			row{"TEXT ·f32Transpose(", "VUNPCKHPS    Y1, Y0, Y6", "VUNPCKLPS    Y1, Y0, Y6", Transpose, `^matmul`, 0},
		),
	)
}
