//go:build !purego

package gemm

import "github.com/tandem-compute/tandem/cpu/internal/isa"

// tables returns the kernels of a level.
func tables(level isa.Level, features isa.Features) (f32, f64, pairs kernels) {
	switch level {
	case isa.Generic:
		return genericKernels[float32](), genericKernels[float64](), kernels{}
	case isa.AVX2:
		return avx2F32(), avx2F64(), kernels{}
	}
	if features.BF16 {
		pairs = avx512Pairs()
	}
	return avx512F32(), avx512F64(), pairs
}

func avx2F32() kernels {
	ks := kernels{size: 4, mr: 6, nr: 16, interleave: 6, lanes: 8, mc: 96, kc: 512, nc: 1024}
	ks.packed = [2][]func(*tile){
		{
			nil, f32Tile1x1Packed, f32Tile2x1Packed, f32Tile3x1Packed, f32Tile4x1Packed,
			f32Tile5x1Packed, f32Tile6x1Packed,
		},
		{
			nil, f32Tile1x2Packed, f32Tile2x2Packed, f32Tile3x2Packed, f32Tile4x2Packed,
			f32Tile5x2Packed, f32Tile6x2Packed,
		},
	}
	ks.strided = [2][]func(*tile){
		{nil, f32Tile1x1Strided, f32Tile2x1Strided, f32Tile3x1Strided, f32Tile4x1Strided, f32Tile5x1Strided, f32Tile6x1Strided,
			f32Tile7x1Strided, f32Tile8x1Strided, f32Tile9x1Strided, f32Tile10x1Strided, f32Tile11x1Strided, f32Tile12x1Strided},
		{
			nil, f32Tile1x2Strided, f32Tile2x2Strided, f32Tile3x2Strided, f32Tile4x2Strided,
			f32Tile5x2Strided, f32Tile6x2Strided,
		},
	}
	ks.copies[F32] = [2]func(*packing){f32Copy1, f32Copy2}
	ks.copies[F16] = [2]func(*packing){f16Copy1, f16Copy2}
	ks.copies[BF16] = [2]func(*packing){bf16Copy1, bf16Copy2}
	ks.transposes[F32], ks.transposes[F16], ks.transposes[BF16] = f32Transpose, f16Transpose, bf16Transpose
	ks.streams = [streamRows + 1]func(*streaming){
		nil, f32Stream1, f32Stream2, f32Stream3, f32Stream4,
		f32Stream5, f32Stream6, f32Stream7, f32Stream8,
	}
	ks.few = [fewRows + 1][]func(*tile){
		1: {nil, f32Few1x1, f32Few1x2, f32Few1x3, f32Few1x4, f32Few1x5, f32Few1x6, f32Few1x7, f32Few1x8},
		2: {nil, f32Few2x1, f32Few2x2, f32Few2x3, f32Few2x4},
		3: {nil, f32Few3x1, f32Few3x2, f32Few3x3},
		4: {nil, f32Few4x1, f32Few4x2},
		5: {nil, f32Few5x1, f32Few5x2},
		6: {nil, f32Few6x1, f32Few6x2},
	}
	ks.outers = [outerK + 1]func(*outering){
		nil, f32Outer1, f32Outer2, f32Outer3, f32Outer4,
		f32Outer5, f32Outer6, f32Outer7, f32Outer8,
	}
	ks.weights[F32] = [weightRows + 1]func(*tile){nil, f32Tile1x8Weights, f32Tile2x4Weights, f32Tile3x4Weights, f32Tile4x2Weights}
	ks.dots[F32] = [dotRows + 1]func(*dotting){nil, f32Dot1, f32Dot2, f32Dot3, f32Dot4}
	ks.weights[F16] = [weightRows + 1]func(*tile){nil, f16Tile1x8Weights, f16Tile2x4Weights, f16Tile3x4Weights, f16Tile4x2Weights}
	ks.dots[F16] = [dotRows + 1]func(*dotting){nil, f16Dot1, f16Dot2, f16Dot3, f16Dot4}
	ks.weights[BF16] = [weightRows + 1]func(*tile){nil, bf16Tile1x8Weights, bf16Tile2x4Weights, bf16Tile3x4Weights, bf16Tile4x2Weights}
	ks.dots[BF16] = [dotRows + 1]func(*dotting){nil, bf16Dot1, bf16Dot2, bf16Dot3, bf16Dot4}
	return ks
}

func avx2F64() kernels {
	ks := kernels{size: 8, mr: 6, nr: 8, interleave: 6, lanes: 4, mc: 48, kc: 512, nc: 1024}
	ks.packed = [2][]func(*tile){
		{
			nil, f64Tile1x1Packed, f64Tile2x1Packed, f64Tile3x1Packed, f64Tile4x1Packed,
			f64Tile5x1Packed, f64Tile6x1Packed,
		},
		{
			nil, f64Tile1x2Packed, f64Tile2x2Packed, f64Tile3x2Packed, f64Tile4x2Packed,
			f64Tile5x2Packed, f64Tile6x2Packed,
		},
	}
	ks.strided = [2][]func(*tile){
		{nil, f64Tile1x1Strided, f64Tile2x1Strided, f64Tile3x1Strided, f64Tile4x1Strided, f64Tile5x1Strided, f64Tile6x1Strided,
			f64Tile7x1Strided, f64Tile8x1Strided, f64Tile9x1Strided, f64Tile10x1Strided, f64Tile11x1Strided, f64Tile12x1Strided},
		{
			nil, f64Tile1x2Strided, f64Tile2x2Strided, f64Tile3x2Strided, f64Tile4x2Strided,
			f64Tile5x2Strided, f64Tile6x2Strided,
		},
	}
	ks.copies[F64] = [2]func(*packing){f64Copy1, f64Copy2}
	ks.transposes[F64] = f64Transpose
	ks.streams = [streamRows + 1]func(*streaming){
		nil, f64Stream1, f64Stream2, f64Stream3, f64Stream4,
		f64Stream5, f64Stream6, f64Stream7, f64Stream8,
	}
	ks.few = [fewRows + 1][]func(*tile){
		1: {nil, f64Few1x1, f64Few1x2, f64Few1x3, f64Few1x4, f64Few1x5, f64Few1x6, f64Few1x7, f64Few1x8},
		2: {nil, f64Few2x1, f64Few2x2, f64Few2x3, f64Few2x4},
		3: {nil, f64Few3x1, f64Few3x2, f64Few3x3},
		4: {nil, f64Few4x1, f64Few4x2},
		5: {nil, f64Few5x1, f64Few5x2},
		6: {nil, f64Few6x1, f64Few6x2},
	}
	ks.outers = [outerK + 1]func(*outering){
		nil, f64Outer1, f64Outer2, f64Outer3, f64Outer4,
		f64Outer5, f64Outer6, f64Outer7, f64Outer8,
	}
	ks.weights[F64] = [weightRows + 1]func(*tile){nil, f64Tile1x8Weights, f64Tile2x4Weights, f64Tile3x4Weights, f64Tile4x2Weights}
	ks.dots[F64] = [dotRows + 1]func(*dotting){nil, f64Dot1, f64Dot2, f64Dot3, f64Dot4}
	return ks
}
