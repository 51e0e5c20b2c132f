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
			row{"TEXT ·le32AVX2(", "VCMPPS    $0x12", "VCMPPS    $0x11", Operand, `^le/f32`, 0},
		),
		in("cpu/internal/gemm/avx2_amd64.s", fast,
			row{"TEXT ·f32Tile2x1Strided(", "ANDQ $0x03, R9", "ANDQ $0x01, R9", Tail, `^matmul`, 0},
			row{"TEXT ·f32Tile3x2Packed(", "VBROADCASTSS 8(DI), Y9", "VBROADCASTSS 4(DI), Y9", Index, `^matmul`, 0},
			row{"TEXT ·f32Dot2(", "ANDQ        $0x07, R10", "ANDQ        $0x03, R10", Tail, `^matmul.nt/f32`, 0},
			row{"TEXT ·f32Stream2(", "VBROADCASTSS 36(CX), Y6", "VBROADCASTSS 4(CX), Y6", Index, `^matmul/f32`, 0},
			row{"TEXT ·f32Transpose(", "VUNPCKHPS    Y1, Y0, Y6", "VUNPCKLPS    Y1, Y0, Y6", Transpose, `^matmul`, 0},
		),
	)
}
