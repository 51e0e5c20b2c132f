package mutations

// emulated are mutations of the products' AVX-512 code, which their own tests interpret: no processor need have it.
func emulated() []Mutation {
	const every = "TestEveryAVX512Kernel"
	return in("cpu/internal/gemm/avx512_amd64.s", every,
		row{"TEXT ·zf32Tile14x2Packed(", "VFMADD231PS", "VMULPS", Operand, "", 3},
		row{"TEXT ·zf32Tile4x2Packed(", "SHRQ  $0x10, R9", "SHRQ  $0x0f, R9", Tail, "", 0},
		row{"TEXT ·zf32Tile6x1Strided(", "ANDQ $0x01", "ANDQ $0x00", Tail, "", 0},
		row{"TEXT ·zf64Tile3x1Strided(", "VBROADCASTSD 8(DI)(R8*2), Z4", "VBROADCASTSD 8(DI)(R8*1), Z4", Index, "", 0},
		row{"TEXT ·zf64Tile8x2Packed(", "K2, 64(CX)", "K1, 64(CX)", Tail, "", 7},
		row{"TEXT ·zf64Tile3x1Strided(", "VMOVUPD Z1, K1, (CX)", "VMOVUPD Z0, K1, (CX)", Transpose, "", 0},
		row{"TEXT ·zf32Stream8(", "VBROADCASTSS 96(CX), Z18", "VBROADCASTSS 64(CX), Z18", Index, "", 0},
		row{"TEXT ·zf32Stream8(", "CMPQ         AX, $0x20", "CMPQ         AX, $0x1f", Tail, "", 0},
		row{"TEXT ·zf64Stream3(", "VBROADCASTSD 72(CX)", "VBROADCASTSD 64(CX)", Index, "", 0},
		row{"TEXT ·zf16Tile2x4Weights(", "32(BX), Z", "(BX), Z", Index, "", 0},
		row{"TEXT ·zbf16Tile1x8Weights(", "VPSLLD       $0x10", "VPSLLD       $0x0f", Operand, "", 2},
		row{"TEXT ·zpairsTile4x2Packed(", "VBROADCASTSS 68(DI), Z10", "VBROADCASTSS 64(DI), Z10", Index, "", 0},
		row{"TEXT ·zpairsTile3x4Weights(", "128(BX), Z", "64(BX), Z", Index, "", 0},
	)
}
