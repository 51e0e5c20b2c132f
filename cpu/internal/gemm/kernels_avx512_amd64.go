//go:build !purego

package gemm

// The tables of the wider vectors. Packers and dots are those of AVX2.

func avx512F32() kernels {
	ks := avx2F32()
	ks.mr, ks.nr, ks.interleave = 14, 32, 16
	ks.mc, ks.kc, ks.nc = 168, 512, 2048
	ks.packed = [2][]func(*tile){
		{
			nil, zf32Tile1x1Packed, zf32Tile2x1Packed, zf32Tile3x1Packed, zf32Tile4x1Packed,
			zf32Tile5x1Packed, zf32Tile6x1Packed, zf32Tile7x1Packed, zf32Tile8x1Packed, zf32Tile9x1Packed,
			zf32Tile10x1Packed, zf32Tile11x1Packed, zf32Tile12x1Packed, zf32Tile13x1Packed, zf32Tile14x1Packed,
		},
		{
			nil, zf32Tile1x2Packed, zf32Tile2x2Packed, zf32Tile3x2Packed, zf32Tile4x2Packed,
			zf32Tile5x2Packed, zf32Tile6x2Packed, zf32Tile7x2Packed, zf32Tile8x2Packed, zf32Tile9x2Packed,
			zf32Tile10x2Packed, zf32Tile11x2Packed, zf32Tile12x2Packed, zf32Tile13x2Packed, zf32Tile14x2Packed,
		},
	}
	ks.strided = [2][]func(*tile){
		{
			nil, zf32Tile1x1Strided, zf32Tile2x1Strided, zf32Tile3x1Strided, zf32Tile4x1Strided,
			zf32Tile5x1Strided, zf32Tile6x1Strided, zf32Tile7x1Strided, zf32Tile8x1Strided, zf32Tile9x1Strided,
			zf32Tile10x1Strided, zf32Tile11x1Strided, zf32Tile12x1Strided, zf32Tile13x1Strided, zf32Tile14x1Strided,
		},
		{
			nil, zf32Tile1x2Strided, zf32Tile2x2Strided, zf32Tile3x2Strided, zf32Tile4x2Strided,
			zf32Tile5x2Strided, zf32Tile6x2Strided, zf32Tile7x2Strided, zf32Tile8x2Strided, zf32Tile9x2Strided,
			zf32Tile10x2Strided, zf32Tile11x2Strided, zf32Tile12x2Strided, zf32Tile13x2Strided, zf32Tile14x2Strided,
		},
	}
	ks.weights[F32] = [weightRows + 1]func(*tile){nil, zf32Tile1x8Weights, zf32Tile2x4Weights, zf32Tile3x4Weights, zf32Tile4x2Weights}
	ks.weights[F16] = [weightRows + 1]func(*tile){nil, zf16Tile1x8Weights, zf16Tile2x4Weights, zf16Tile3x4Weights, zf16Tile4x2Weights}
	ks.weights[BF16] = [weightRows + 1]func(*tile){nil, zbf16Tile1x8Weights, zbf16Tile2x4Weights, zbf16Tile3x4Weights, zbf16Tile4x2Weights}
	ks.streams = [streamRows + 1]func(*streaming){
		nil, zf32Stream1, zf32Stream2, zf32Stream3, zf32Stream4,
		zf32Stream5, zf32Stream6, zf32Stream7, zf32Stream8,
	}
	return ks
}

func avx512F64() kernels {
	ks := avx2F64()
	ks.mr, ks.nr, ks.interleave = 14, 16, 16
	ks.mc, ks.kc, ks.nc = 84, 512, 1024
	ks.packed = [2][]func(*tile){
		{
			nil, zf64Tile1x1Packed, zf64Tile2x1Packed, zf64Tile3x1Packed, zf64Tile4x1Packed,
			zf64Tile5x1Packed, zf64Tile6x1Packed, zf64Tile7x1Packed, zf64Tile8x1Packed, zf64Tile9x1Packed,
			zf64Tile10x1Packed, zf64Tile11x1Packed, zf64Tile12x1Packed, zf64Tile13x1Packed, zf64Tile14x1Packed,
		},
		{
			nil, zf64Tile1x2Packed, zf64Tile2x2Packed, zf64Tile3x2Packed, zf64Tile4x2Packed,
			zf64Tile5x2Packed, zf64Tile6x2Packed, zf64Tile7x2Packed, zf64Tile8x2Packed, zf64Tile9x2Packed,
			zf64Tile10x2Packed, zf64Tile11x2Packed, zf64Tile12x2Packed, zf64Tile13x2Packed, zf64Tile14x2Packed,
		},
	}
	ks.strided = [2][]func(*tile){
		{
			nil, zf64Tile1x1Strided, zf64Tile2x1Strided, zf64Tile3x1Strided, zf64Tile4x1Strided,
			zf64Tile5x1Strided, zf64Tile6x1Strided, zf64Tile7x1Strided, zf64Tile8x1Strided, zf64Tile9x1Strided,
			zf64Tile10x1Strided, zf64Tile11x1Strided, zf64Tile12x1Strided, zf64Tile13x1Strided, zf64Tile14x1Strided,
		},
		{
			nil, zf64Tile1x2Strided, zf64Tile2x2Strided, zf64Tile3x2Strided, zf64Tile4x2Strided,
			zf64Tile5x2Strided, zf64Tile6x2Strided, zf64Tile7x2Strided, zf64Tile8x2Strided, zf64Tile9x2Strided,
			zf64Tile10x2Strided, zf64Tile11x2Strided, zf64Tile12x2Strided, zf64Tile13x2Strided, zf64Tile14x2Strided,
		},
	}
	ks.weights[F64] = [weightRows + 1]func(*tile){nil, zf64Tile1x8Weights, zf64Tile2x4Weights, zf64Tile3x4Weights, zf64Tile4x2Weights}
	ks.streams = [streamRows + 1]func(*streaming){
		nil, zf64Stream1, zf64Stream2, zf64Stream3, zf64Stream4,
		zf64Stream5, zf64Stream6, zf64Stream7, zf64Stream8,
	}
	return ks
}

// avx512Pairs are the kernels for pairs of bf16. The packers are AVX2's.
func avx512Pairs() kernels {
	ks := kernels{size: 4, mr: 14, nr: 32, interleave: 16, lanes: 16, mc: 168, kc: 384, nc: 2048}
	ks.packed = [2][]func(*tile){
		{
			nil, zpairsTile1x1Packed, zpairsTile2x1Packed, zpairsTile3x1Packed, zpairsTile4x1Packed,
			zpairsTile5x1Packed, zpairsTile6x1Packed, zpairsTile7x1Packed, zpairsTile8x1Packed, zpairsTile9x1Packed,
			zpairsTile10x1Packed, zpairsTile11x1Packed, zpairsTile12x1Packed, zpairsTile13x1Packed, zpairsTile14x1Packed,
		},
		{
			nil, zpairsTile1x2Packed, zpairsTile2x2Packed, zpairsTile3x2Packed, zpairsTile4x2Packed,
			zpairsTile5x2Packed, zpairsTile6x2Packed, zpairsTile7x2Packed, zpairsTile8x2Packed, zpairsTile9x2Packed,
			zpairsTile10x2Packed, zpairsTile11x2Packed, zpairsTile12x2Packed, zpairsTile13x2Packed, zpairsTile14x2Packed,
		},
	}
	ks.copies[BF16] = [2]func(*packing){pairsCopy1, pairsCopy2}
	ks.transposes[BF16] = pairsTranspose
	ks.weights[BF16] = [weightRows + 1]func(*tile){nil, zpairsTile1x8Weights, zpairsTile2x4Weights, zpairsTile3x4Weights, zpairsTile4x2Weights}
	return ks
}
