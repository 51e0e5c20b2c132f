//go:build !purego

package vec

import "github.com/tandem-compute/tandem/cpu/internal/isa"

// newAVX512 is the table of AVX2 with the functions that have kernels for AVX-512 put over it. Kernels that store around the cache have none:
// they wait for memory.
func newAVX512(f Funcs) *Funcs {
	f.avx512Kernels()
	f.composeAVX512()
	return &f
}

func (f *Funcs) avx512Kernels() {
	f.Level = isa.AVX512
	t := &f.F32
	t.Add, t.Sub, t.Mul, t.AddRelu = add32AVX512, sub32AVX512, mul32AVX512, addRelu32AVX512
	t.AddS, t.MulS, t.Relu, t.FMA = addS32AVX512, mulS32AVX512, relu32AVX512, fma32AVX512
	t.AddScaled, t.Axpy, t.ScaleAdd, t.Affine = addScaled32AVX512, axpy32AVX512, scaleAdd32AVX512, affine32AVX512
	t.NormScale, t.NormAffine, t.Standardize = normScale32AVX512, normAffine32AVX512, standardize32AVX512
	t.NormBack, t.MulShift, t.WeightGrad = normBack32AVX512, mulShift32AVX512, weightGrad32AVX512
	t.Exp, t.Tanh, t.Sigmoid, t.Silu = exp32AVX512, tanh32AVX512, sigmoid32AVX512, silu32AVX512
	t.Gelu, t.GeluTanh, t.SiluMul, t.SiluMulClamp = gelu32AVX512, geluTanh32AVX512, siluMul32AVX512, siluMulClamp32AVX512
	t.AddSilu, t.AddGelu, t.AddGeluTanh = addSilu32AVX512, addGelu32AVX512, addGeluTanh32AVX512
	t.AddSigmoid, t.AddTanh, t.SiluGrad, t.GeluGrad = addSigmoid32AVX512, addTanh32AVX512, siluGrad32AVX512, geluGrad32AVX512
	t.GeluTanhGrad, t.SiluMulGrad = geluTanhGrad32AVX512, siluMulGrad32AVX512
	t.ExpScaled, t.SumExp, t.LogSoftmaxGrad = expScaled32AVX512, sumExp32AVX512, logSoftmaxGrad32AVX512
	t.Sum, t.SumSq, t.Dot, t.Dot3 = sum32AVX512, sumSq32AVX512, dot32AVX512, dot332AVX512
	t.SumSqDev, t.DotDev = sumSqDev32AVX512, dotDev32AVX512
	t.MaxOf, t.MinOf, t.peak, t.trough = maxOf32AVX512, minOf32AVX512, peakOf32AVX512, troughOf32AVX512
	f.F32FromF16, f.F16FromF32 = f32FromF16AVX512, f16FromF32AVX512
	f.F32FromBF16, f.BF16FromF32 = f32FromBF16AVX512, bf16FromF32AVX512
}

// composeAVX512 makes functions of several kernels from those in the table.
func (f *Funcs) composeAVX512() {
	t := &f.F32
	expScaled, sum, maxOf, minOf := t.ExpScaled, t.Sum, t.MaxOf, t.MinOf
	t.ExpSum = func(dst, x []float32, scale, shift float32) float32 {
		expScaled(dst, x, scale, shift)
		return sum(dst)
	}
	t.ArgMax = func(x []float32) int { return indexOf32AVX2(x, maxOf(x)) }
	t.ArgMin = func(x []float32) int { return indexOf32AVX2(x, minOf(x)) }
	t.composeRows()
}
