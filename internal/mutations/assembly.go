package mutations

import "slices"

// assembly are mutations of the AVX2 code.
func assembly() []Mutation {
	return slices.Concat(
		in("cpu/internal/vec/avx2_amd64.s", fast,
			row{"TEXT ·sub32AVX2(", "VSUBPS       Y0, Y1, Y0", "VSUBPS       Y1, Y0, Y0", Operand, `^sub/f32`, 0},
			row{"TEXT ·add32AVX2(", "32(DX)(SI*1), Y1", "(DX)(SI*1), Y1", Index, `^add/f32`, 0},
			row{"TEXT ·mul32AVX2(", "JZ           done", "JMP          done", Tail, `^mul/f32`, 0},
			row{"TEXT ·sum32AVX2(", "VADDPS     Y4, Y2, Y2", "VADDPS     Y4, Y3, Y2", Operand, `^sum/f32`, 0},
			row{"TEXT ·sum32AVX2(", "SHRQ   $0x01, DI", "SHRQ   $0x02, DI", Index, `^sum/f32`, 0},
			row{"TEXT ·f16FromF32AVX2(", "VCVTPS2PH $0x00", "VCVTPS2PH $0x03", Rounding, `^cast/f32.*f16`, 0},
			row{"TEXT ·bf16FromF32AVX2(", "VPADDD    Y2, Y3, Y2", "VMOVDQU   Y3, Y2", Rounding, `^cast/f32.*bf16`, 0},
			row{"TEXT ·round32AVX2(", "VROUNDPS $0x08", "VROUNDPS $0x09", Rounding, `^round/f32`, 0},
			row{"TEXT ·le32AVX2(", "VCMPPS    $0x12", "VCMPPS    $0x11", Operand, `^le/f32`, 0},
			row{"TEXT ·select32AVX2(", "VBLENDVPS Y0, (SI), Y1, Y0", "VBLENDVPS Y0, Y1, Y1, Y0", Operand, `^where/`, 0},
			row{"TEXT ·uniformAVX2(", "VPSRLD      $0x08", "VPSRLD      $0x09", Rounding, `^uniform/`, 0},
		),
		in("cpu/internal/gemm/avx2_amd64.s", fast,
			row{"TEXT ·f32Tile2x1Strided(", "ANDQ $0x03, R9", "ANDQ $0x01, R9", Tail, `^matmul`, 0},
			row{"TEXT ·f32Tile3x2Packed(", "VBROADCASTSS 8(DI), Y9", "VBROADCASTSS 4(DI), Y9", Index, `^matmul`, 0},
			row{"TEXT ·f32Dot2(", "(BX)(R8*1), Y8, Y5", "(BX), Y8, Y5", Operand, `^matmul.nt/f32`, 0},
			row{"TEXT ·f32Dot2(", "ANDQ        $0x07, R10", "ANDQ        $0x03, R10", Tail, `^matmul.nt/f32`, 0},
			row{"TEXT ·f32Stream2(", "VBROADCASTSS 36(CX), Y6", "VBROADCASTSS 4(CX), Y6", Index, `^matmul/f32`, 0},
			row{"TEXT ·f32Transpose(", "VUNPCKHPS    Y1, Y0, Y6", "VUNPCKLPS    Y1, Y0, Y6", Transpose, `^matmul`, 0},
			row{"TEXT ·bf16Dot1(", "VPSLLD      $0x10, Y9, Y9", "VPSLLD      $0x0f, Y9, Y9", Rounding, `^matmul.nt/bf16`, 0},
		),
	)
}
