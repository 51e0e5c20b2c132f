package vec

import "github.com/tandem-compute/tandem/cpu/internal/isa"

//go:generate sh -c "cd _asm && go run . -isa avx2 && go run . -isa avx512"

// Real is an element type that the floating-point bricks work on. Half types are converted at the edge.
type Real interface{ float32 | float64 }

// Integer is an element type of the integer bricks.
type Integer interface {
	int8 | uint8 | int32 | int64 | uint32
}

// Funcs is the table of one variant.
type Funcs struct {
	Level isa.Level
	F32   Float[float32]
	F64   Float[float64]
	I64   Int[int64]
	I32   Int[int32]
	I8    Int[int8]
	U8    Int[uint8]

	// Conversions between the widths of floating point, rounding to nearest even. A half is its 16 bits.
	F32FromF16  func(dst []float32, src []uint16)
	F32FromBF16 func(dst []float32, src []uint16)
	F16FromF32  func(dst []uint16, src []float32)
	BF16FromF32 func(dst []uint16, src []float32)
	F64FromF32  func(dst []float64, src []float32)
	F32FromF64  func(dst []float32, src []float64)

	// Transpose32 writes the transpose of a [rows, cols] block of 4-byte elements: dst[c*dstStride+r] = src[r*srcStride+c].
	Transpose32 func(dst []uint32, dstStride int, src []uint32, srcStride, rows, cols int)

	// Random fills dst with Philox words start, start+1, … of the sequence that at addresses. See Philox.
	Random func(dst []uint32, at Address, start uint64)
	// Uniform fills dst with (word >> 8) * 2^-24 of the same words: uniform on [0, 1).
	Uniform func(dst []float32, at Address, start uint64)
	// Normal fills dst with standard normal numbers by Box and Muller, from the words 2i and 2i+1 the elements 2i and 2i+1.
	Normal func(dst []float32, at Address, start uint64)
	// Bernoulli is true where the uniform number is below p.
	Bernoulli func(dst []bool, at Address, start uint64, p float32)
	// Dropout: dst = 0 where the uniform number is below p, else x * scale.
	Dropout func(dst, x []float32, at Address, start uint64, p, scale float32)
}

// Float is the floating-point part of a table.
type Float[T Real] struct {
	// dst = a op b. Min and Max propagate NaN; of two zeros they return b.
	Add, Sub, Mul, Div, Min, Max, Pow func(dst, a, b []T)
	// dst = a op s
	AddS, MulS, DivS, MinS, MaxS func(dst, a []T, s T)
	// dst = s op a
	SubFrom, DivInto, MinFrom, MaxFrom func(dst, a []T, s T)
	// FMA: dst = a*b + c with one rounding.
	FMA func(dst, a, b, c []T)
	// AddScaled: dst = a + (s*b), the product rounded. Axpy: dst = s*b + a with one rounding.
	AddScaled, Axpy func(dst, a, b []T, s T)
	// ScaleAdd: dst = alpha*a + (beta*b), the sum fused. Affine: dst = alpha*a + beta with one rounding.
	ScaleAdd func(dst, a, b []T, alpha, beta T)
	Affine   func(dst, a []T, alpha, beta T)
	// Clamp: dst = min(max(a, lo), hi), a NaN staying one.
	Clamp func(dst, a []T, lo, hi T)

	// dst = f(a). Round is to nearest even; Sign is -1, 0 or 1, and NaN for NaN; Relu keeps NaN; Gelu is x Φ(x) by erf, GeluTanh its tanh form.
	Neg, Abs, Sqrt, Rsqrt, Square, Reciprocal, Relu func(dst, a []T)
	Exp, Exp2, Expm1, Log, Log2, Log1p, Erf         func(dst, a []T)
	Sin, Cos, Tanh, Sigmoid, Silu, Softplus         func(dst, a []T)
	Gelu, GeluTanh                                  func(dst, a []T)
	Floor, Ceil, Round, Trunc, Sign                 func(dst, a []T)

	// dx = f'(v) * dy with v = x, or v = f(x) in the last line. Relu's slope at 0 is 0.
	AbsGrad, SquareGrad, Expm1Grad, LogGrad, Log2Grad, Log1pGrad, SinGrad, CosGrad, ErfGrad func(dx, v, dy []T)
	SiluGrad, GeluGrad, GeluTanhGrad, SoftplusGrad                                          func(dx, v, dy []T)
	SqrtGrad, RsqrtGrad, ReciprocalGrad, ExpGrad, Exp2Grad, TanhGrad, SigmoidGrad, ReluGrad func(dx, v, dy []T)

	// Fused: dst = silu(gate) * up, and dst = min(silu(gate), limit) * clamp(up, -limit, limit).
	SiluMul      func(dst, gate, up []T)
	SiluMulClamp func(dst, gate, up []T, limit T)
	// SiluMulGrad: dgate = (dy*up) silu'(gate), dup = dy * silu(gate). Outputs may be inputs.
	SiluMulGrad func(dgate, dup, gate, up, dy []T)
	// SiluMulClampGrad is zero where the limit cut; at the very limit the gradient passes.
	SiluMulClampGrad func(dgate, dup, gate, up, dy []T, limit T)
	// dst = f(a + b): bias and activation.
	AddRelu, AddSilu, AddGelu, AddGeluTanh, AddSigmoid, AddTanh func(dst, a, b []T)

	// dst = a op b, or a op s.
	Eq, Ne, Lt, Le, Gt, Ge       func(dst []bool, a, b []T)
	EqS, NeS, LtS, LeS, GtS, GeS func(dst []bool, a []T, s T)
	// Select: dst = a where cond, else b.
	Select func(dst []T, cond []bool, a, b []T)

	// Sum and its kin add in one fixed order, which a row's length alone decides. With L = 8 lanes (4 for float64), a
	// block is 32 L elements, and element i of it goes to lane i%L of accumulator i/L%4: 4 L chains of 8 elements. Then
	// (0+1)+(2+3) leaves L lanes. Blocks are added lane by lane in pairs of equal size (a binary counter, the rest folded from the
	// small end), and the lanes at last by halves, l with l + L/2. The error is below (13 + log2(n/256)) u Σ|x|.
	Sum, SumSq, SumAbs func(x []T) T
	// Dot = Σ x y, Dot3 = Σ (x y) z, each term by a fused multiply-add.
	Dot  func(x, y []T) T
	Dot3 func(x, y, z []T) T
	// SumSqDev = Σ (x - mean)², DotDev = Σ g (x - mean), fused.
	SumSqDev func(x []T, mean T) T
	DotDev   func(g, x []T, mean T) T
	// ExpSum: dst = exp(x*scale - shift), the exponent at most 88; returns Σ dst. SumExp does not store. Weights below the normal numbers are 0.
	ExpSum func(dst, x []T, scale, shift T) T
	SumExp func(x []T, scale, shift T) T
	// ExpScaled: dst = exp(x*scale - shift) as above. LogSoftmaxGrad: dst = scale * (dy - exp(y)*sum), y the output and sum = Σ dy.
	ExpScaled      func(dst, x []T, scale, shift T)
	LogSoftmaxGrad func(dst, y, dy []T, scale, sum T)
	// Prod multiplies in the order of the elements.
	Prod func(x []T) T

	// MaxOf and MinOf of a row: NaN if there is one; -0 is below +0. -Inf and +Inf of an empty row.
	MaxOf, MinOf func(x []T) T
	// ArgMax and ArgMin return the lowest index of the extreme; a NaN is more extreme than any number, so the first NaN wins.
	// -1 of an empty row.
	ArgMax, ArgMin func(x []T) int

	// NormScale: dst = (x*s) * (offset + w). NormAffine: dst = ((x - mean)*s)*w + b, the last step fused.
	NormScale  func(dst, x, w []T, s, offset T)
	NormAffine func(dst, x, w, b []T, mean, s T)
	// Standardize: dst = (x - mean) * s
	Standardize func(dst, x []T, mean, s T)
	// NormBack: dx = s*(g - (c1 + xhat*c2)) with xhat = (x - mean)*s, the product and c1 fused.
	NormBack func(dx, g, x []T, mean, s, c1, c2 T)
	// MulShift: dst = (s*y) * (dy - c), the backward of softmax.
	MulShift func(dst, y, dy []T, s, c T)
	// WeightGrad: dw = dy * ((x - mean)*s) + dw, fused: one row's part in the gradient of a norm's weight.
	WeightGrad func(dw, dy, x []T, mean, s T)

	// Two rows at a time, for large matrices and Streaming: NormScale and SumSq of next, NormAffine and Sum of next,
	// dst = a*s and e = ExpScaled of x. dst is apart from next and x.
	NormScaleSumSq func(dst, x, w, next []T, s, offset T) T
	NormAffineSum  func(dst, x, w, b, next []T, mean, s T) T
	ExpScaledMulS  func(e, dst, x, a []T, scale, shift, s T)

	// CumSum: dst[i] = x[0] + … + x[i]; CumSumReverse sums from the end. Both add in float64.
	CumSum, CumSumReverse func(dst, x []T)

	log          func(T) T     // of one number
	peak, trough func(x []T) T // MaxOf and MinOf that promise nothing of NaN and the sign of zero
}

// Int is the integer part of a table. Arithmetic wraps around; Div rounds toward zero, and by zero gives 0.
type Int[T Integer] struct {
	Add, Sub, Mul, Div, Min, Max, And, Or, Xor    func(dst, a, b []T)
	AddS, MulS, DivS, MinS, MaxS, AndS, OrS, XorS func(dst, a []T, s T)
	// dst = s op a
	SubFrom, DivInto func(dst, a []T, s T)
	// Shifts by the width or more move every bit out, Shr of a negative number leaves its sign; shifts by a negative number give 0.
	Shl, Shr                          func(dst, a, b []T)
	ShlS, ShrS                        func(dst, a []T, s T)
	Clamp                             func(dst, a []T, lo, hi T)
	Neg, Abs, Sign, Square, Relu, Not func(dst, a []T)
	Eq, Ne, Lt, Le, Gt, Ge            func(dst []bool, a, b []T)
	EqS, NeS, LtS, LeS, GtS, GeS      func(dst []bool, a []T, s T)
	Select                            func(dst []T, cond []bool, a, b []T)
	// Sum and Prod compute in int64, which cut to T is wrapping around in T.
	Sum, Prod func(x []T) int64
	// MaxOf and MinOf of an empty row are the smallest and the largest T.
	MaxOf, MinOf   func(x []T) T
	ArgMax, ArgMin func(x []T) int
}

// Tables by level. Assembly puts its own over those of its levels.
var (
	tables          = [...]*Funcs{isa.Generic: newGeneric(), isa.AVX2: newGeneric(), isa.AVX512: newGeneric()}
	streamingTables = tables
)

// For returns the table of a level. The caller must not change it, nor ask for a level that the machine lacks.
func For(l isa.Level) *Funcs { return tables[l] }

// Streaming returns the table whose elementwise float32 functions write around the cache. The bits are the same. It pays where the
// output is larger than StreamBytes and nobody reads it soon; a function that reads its own output again is slower by it.
func Streaming(l isa.Level) *Funcs { return streamingTables[l] }

// StreamBytes is the size of an output from which Streaming is the faster table: a few times a core's share of the last cache.
const StreamBytes = 8 << 20

func newGeneric() *Funcs {
	f := &Funcs{
		Level: isa.Generic,
		F32:   genericF32(),
		F64:   genericF64(),
		I64:   genericInt[int64](),
		I32:   genericInt[int32](),
		I8:    genericInt[int8](),
		U8:    genericInt[uint8](),

		F32FromF16:  convertWith(F16ToF32),
		F32FromBF16: convertWith(BF16ToF32),
		F16FromF32:  convertWith(F32ToF16),
		BF16FromF32: convertWith(F32ToBF16),
		F64FromF32:  convertWith(func(x float32) float64 { return float64(x) }),
		F32FromF64:  convertWith(func(x float64) float32 { return float32(x) }),
		Transpose32: Transpose[uint32],
		Random:      random,
		Uniform:     uniform,
		Normal:      normal,
		Bernoulli:   bernoulli,
		Dropout:     dropout,
	}
	f.F32.composeRows()
	f.F64.composeRows()
	return f
}
