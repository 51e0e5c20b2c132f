//go:build !purego

package vec

import "github.com/tandem-compute/tandem/cpu/internal/isa"

func init() {
	avx2 := newAVX2()
	avx512 := newAVX512(*avx2)
	tables[isa.AVX2], tables[isa.AVX512] = avx2, avx512
	streamingTables[isa.AVX2], streamingTables[isa.AVX512] = newStreaming(*avx2), newStreaming(*avx512)
}

// newAVX2 is the generic table with the functions that have assembly put over it.
func newAVX2() *Funcs {
	f := newGeneric()
	f.Level = isa.AVX2
	avx2Float32(&f.F32)
	avx2Float64(&f.F64)
	f.F32.composeRows()
	f.F64.composeRows()
	avx2Bitwise(&f.I64)
	avx2Bitwise(&f.I32)
	avx2Bitwise(&f.I8)
	avx2Bitwise(&f.U8)
	f.I64.Add, f.I64.Sub = onBytes(f.I64.Add, addI64AVX2), onBytes(f.I64.Sub, subI64AVX2)
	f.I32.Add, f.I32.Sub = onBytes(f.I32.Add, addI32AVX2), onBytes(f.I32.Sub, subI32AVX2)
	f.I32.Mul, f.I32.Min, f.I32.Max = onBytes(f.I32.Mul, mulI32AVX2), onBytes(f.I32.Min, minI32AVX2), onBytes(f.I32.Max, maxI32AVX2)
	f.I8.Add, f.I8.Sub = onBytes(f.I8.Add, addI8AVX2), onBytes(f.I8.Sub, subI8AVX2)
	f.U8.Add, f.U8.Sub = onBytes(f.U8.Add, addI8AVX2), onBytes(f.U8.Sub, subI8AVX2)
	f.F32FromF16 = whole(16, f.F32FromF16, f32FromF16AVX2)
	f.F32FromBF16 = whole(16, f.F32FromBF16, f32FromBF16AVX2)
	f.F16FromF32 = whole(16, f.F16FromF32, f16FromF32AVX2)
	f.BF16FromF32 = whole(16, f.BF16FromF32, bf16FromF32AVX2)
	f.F64FromF32 = whole(16, f.F64FromF32, f64FromF32AVX2)
	f.F32FromF64 = whole(16, f.F32FromF64, f32FromF64AVX2)
	f.Transpose32 = transpose32
	f.Random, f.Uniform, f.Normal = randomBlocks, uniformBlocks, normalBlocks
	f.Bernoulli, f.Dropout = bernoulliBlocks, dropoutBlocks
	return f
}

func avx2Bitwise[T Integer](t *Int[T]) {
	t.And, t.Or, t.Xor = onBytes(t.And, andAVX2), onBytes(t.Or, orAVX2), onBytes(t.Xor, xorAVX2)
}

func avx2Float32(t *Float[float32]) {
	t.Add, t.Sub, t.Mul, t.Div = add32AVX2, sub32AVX2, mul32AVX2, div32AVX2
	t.Min, t.Max, t.AddRelu, t.AddS = min32AVX2, max32AVX2, addRelu32AVX2, addS32AVX2
	t.MulS, t.DivS, t.MinS, t.MaxS = mulS32AVX2, divS32AVX2, minS32AVX2, maxS32AVX2
	t.SubFrom, t.DivInto, t.MinFrom, t.MaxFrom = subFrom32AVX2, divInto32AVX2, minFrom32AVX2, maxFrom32AVX2
	t.Neg, t.Abs, t.Sqrt, t.Rsqrt = neg32AVX2, abs32AVX2, sqrt32AVX2, rsqrt32AVX2
	t.Square, t.Reciprocal, t.Relu, t.Floor = square32AVX2, reciprocal32AVX2, relu32AVX2, floor32AVX2
	t.Ceil, t.Round, t.Trunc, t.Sign = ceil32AVX2, round32AVX2, trunc32AVX2, sign32AVX2
	t.FMA, t.AddScaled, t.Axpy, t.ScaleAdd = fma32AVX2, addScaled32AVX2, axpy32AVX2, scaleAdd32AVX2
	t.Affine, t.Clamp, t.NormScale, t.NormAffine = affine32AVX2, clamp32AVX2, normScale32AVX2, normAffine32AVX2
	t.Standardize, t.NormBack, t.MulShift, t.WeightGrad = standardize32AVX2, normBack32AVX2, mulShift32AVX2, weightGrad32AVX2
	t.AbsGrad, t.SquareGrad, t.LogGrad, t.Log2Grad = absGrad32AVX2, squareGrad32AVX2, logGrad32AVX2, log2Grad32AVX2
	t.Log1pGrad, t.SqrtGrad, t.RsqrtGrad, t.ReciprocalGrad = log1pGrad32AVX2, sqrtGrad32AVX2, rsqrtGrad32AVX2, reciprocalGrad32AVX2
	t.ExpGrad, t.Exp2Grad, t.TanhGrad, t.SigmoidGrad = expGrad32AVX2, exp2Grad32AVX2, tanhGrad32AVX2, sigmoidGrad32AVX2
	t.ReluGrad, t.Sum, t.SumAbs, t.SumSq = reluGrad32AVX2, sum32AVX2, sumAbs32AVX2, sumSq32AVX2
	t.Dot, t.Dot3, t.SumSqDev, t.DotDev = dot32AVX2, dot332AVX2, sumSqDev32AVX2, dotDev32AVX2
	t.MaxOf, t.MinOf, t.Exp, t.Exp2 = maxOf32AVX2, minOf32AVX2, exp32AVX2, exp232AVX2
	t.Expm1, t.Log, t.Log2, t.Log1p = expm132AVX2, log32AVX2, log232AVX2, log1p32AVX2
	t.Tanh, t.Sigmoid, t.Softplus, t.Silu = tanh32AVX2, sigmoid32AVX2, softplus32AVX2, silu32AVX2
	t.GeluTanh, t.Erf, t.Gelu, t.SiluMul = geluTanh32AVX2, erf32AVX2, gelu32AVX2, siluMul32AVX2
	t.AddSilu, t.AddGelu, t.AddGeluTanh, t.AddSigmoid = addSilu32AVX2, addGelu32AVX2, addGeluTanh32AVX2, addSigmoid32AVX2
	t.AddTanh, t.SiluMulClamp, t.Expm1Grad, t.ErfGrad = addTanh32AVX2, siluMulClamp32AVX2, expm1Grad32AVX2, erfGrad32AVX2
	t.SiluGrad, t.SoftplusGrad, t.GeluGrad, t.GeluTanhGrad = siluGrad32AVX2, softplusGrad32AVX2, geluGrad32AVX2, geluTanhGrad32AVX2
	t.SiluMulGrad, t.SiluMulClampGrad, t.ExpScaled, t.LogSoftmaxGrad = siluMulGrad32AVX2, siluMulClampGrad32AVX2, expScaled32AVX2, logSoftmaxGrad32AVX2
	t.SumExp = sumExp32AVX2
	t.Sin, t.Cos, t.SinGrad, t.CosGrad = sinPieces, cosPieces, sinGradChunks, cosGradChunks
	t.ExpSum = func(dst, x []float32, scale, shift float32) float32 {
		expScaled32AVX2(dst, x, scale, shift)
		return sum32AVX2(dst)
	}
	t.peak, t.trough = peakOf32AVX2, troughOf32AVX2
	t.ArgMax = func(x []float32) int { return indexOf32AVX2(x, maxOf32AVX2(x)) }
	t.ArgMin = func(x []float32) int { return indexOf32AVX2(x, minOf32AVX2(x)) }
	t.Eq, t.EqS = wholePair(32, t.Eq, eq32AVX2), wholeScalar(32, t.EqS, eqS32AVX2)
	t.Ne, t.NeS = wholePair(32, t.Ne, ne32AVX2), wholeScalar(32, t.NeS, neS32AVX2)
	t.Lt, t.LtS = wholePair(32, t.Lt, lt32AVX2), wholeScalar(32, t.LtS, ltS32AVX2)
	t.Le, t.LeS = wholePair(32, t.Le, le32AVX2), wholeScalar(32, t.LeS, leS32AVX2)
	t.Gt, t.GtS = wholePair(32, t.Gt, gt32AVX2), wholeScalar(32, t.GtS, gtS32AVX2)
	t.Ge, t.GeS = wholePair(32, t.Ge, ge32AVX2), wholeScalar(32, t.GeS, geS32AVX2)
	t.Select = func(dst []float32, cond []bool, a, b []float32) {
		n := len(dst) &^ 7
		select32AVX2(dst[:n], cond, a, b)
		selectLoop(dst[n:], cond[n:], a[n:], b[n:])
	}
}

func avx2Float64(t *Float[float64]) {
	t.Add, t.Sub, t.Mul, t.Div = add64AVX2, sub64AVX2, mul64AVX2, div64AVX2
	t.Min, t.Max, t.AddRelu, t.AddS = min64AVX2, max64AVX2, addRelu64AVX2, addS64AVX2
	t.MulS, t.DivS, t.MinS, t.MaxS = mulS64AVX2, divS64AVX2, minS64AVX2, maxS64AVX2
	t.SubFrom, t.DivInto, t.MinFrom, t.MaxFrom = subFrom64AVX2, divInto64AVX2, minFrom64AVX2, maxFrom64AVX2
	t.Neg, t.Abs, t.Sqrt, t.Rsqrt = neg64AVX2, abs64AVX2, sqrt64AVX2, rsqrt64AVX2
	t.Square, t.Reciprocal, t.Relu, t.Floor = square64AVX2, reciprocal64AVX2, relu64AVX2, floor64AVX2
	t.Ceil, t.Round, t.Trunc, t.Sign = ceil64AVX2, round64AVX2, trunc64AVX2, sign64AVX2
	t.FMA, t.AddScaled, t.Axpy, t.ScaleAdd = fma64AVX2, addScaled64AVX2, axpy64AVX2, scaleAdd64AVX2
	t.Affine, t.Clamp, t.NormScale, t.NormAffine = affine64AVX2, clamp64AVX2, normScale64AVX2, normAffine64AVX2
	t.Standardize, t.NormBack, t.MulShift, t.WeightGrad = standardize64AVX2, normBack64AVX2, mulShift64AVX2, weightGrad64AVX2
	t.AbsGrad, t.SquareGrad, t.LogGrad, t.Log2Grad = absGrad64AVX2, squareGrad64AVX2, logGrad64AVX2, log2Grad64AVX2
	t.Log1pGrad, t.SqrtGrad, t.RsqrtGrad, t.ReciprocalGrad = log1pGrad64AVX2, sqrtGrad64AVX2, rsqrtGrad64AVX2, reciprocalGrad64AVX2
	t.ExpGrad, t.Exp2Grad, t.TanhGrad, t.SigmoidGrad = expGrad64AVX2, exp2Grad64AVX2, tanhGrad64AVX2, sigmoidGrad64AVX2
	t.ReluGrad, t.Sum, t.SumAbs, t.SumSq = reluGrad64AVX2, sum64AVX2, sumAbs64AVX2, sumSq64AVX2
	t.Dot, t.Dot3, t.SumSqDev, t.DotDev = dot64AVX2, dot364AVX2, sumSqDev64AVX2, dotDev64AVX2
	t.MaxOf, t.MinOf = maxOf64AVX2, minOf64AVX2
	t.ArgMax = func(x []float64) int { return indexOf64AVX2(x, maxOf64AVX2(x)) }
	t.ArgMin = func(x []float64) int { return indexOf64AVX2(x, minOf64AVX2(x)) }
}
