package cpu

import (
	"math"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

var elementwise = table{on(pickUnary), on(pickUnaryGrad), on(pickBinary), on(pickScalar), on(pickAddScaled), on(pickCompare), on(pickWhere),
	on(pickClamp), on(pickSwiGLU), on(pickSwiGLUGrad), on(pickBiasAct), on(pickFill), on(pickIota), on(pickCopy), on(pickCast)}

// kernels is one op's kernel for each dtype.
type kernels [int(op.Bool) + 1]func(op.Stream, *op.Node) error

func (k *kernels) pick(o op.Op, d op.DType) (op.Kernel, error) {
	if k[d] == nil {
		return no(o, d)
	}
	return op.Kernel{Run: k[d]}, nil
}

// blocks is the kernel of an elementwise op whose blocks f computes. It is made once, when the package starts.
func blocks(f blockFn) func(op.Stream, *op.Node) error {
	body := func(w *worker, n *op.Node, lo, hi int) { w.walk.run(w, n, lo, hi, f) }
	return func(s op.Stream, n *op.Node) error { return s.(*stream).each(n, body) }
}

// reals is the kernels for floating-point types; halves are computed in f32.
func reals(f32, f64 blockFn) (k kernels) {
	k[op.F32], k[op.F64] = blocks(f32), blocks(f64)
	k[op.F16], k[op.BF16] = k[op.F32], k[op.F32]
	return k
}

// ints adds the kernels for integers, bools the one for bool.
func (k kernels) ints(i64, i32, i8, u8 blockFn) kernels {
	k[op.I64], k[op.I32], k[op.I8], k[op.U8] = blocks(i64), blocks(i32), blocks(i8), blocks(u8)
	return k
}

func (k kernels) bools(f blockFn) kernels {
	k[op.Bool] = blocks(f)
	return k
}

// floats is the part of a table for T.
func floats[T vec.Real](t *vec.Funcs) *vec.Float[T] {
	if f, ok := any(&t.F32).(*vec.Float[T]); ok {
		return f
	}
	return any(&t.F64).(*vec.Float[T])
}

// integer is the element types of tensors with integer arithmetic.
type integer interface{ int64 | int32 | int8 | uint8 }

// whole is the part of a table for T.
func whole[T integer](t *vec.Funcs) *vec.Int[T] {
	for _, f := range [...]any{&t.I64, &t.I32, &t.I8} {
		if f, ok := f.(*vec.Int[T]); ok {
			return f
		}
	}
	return any(&t.U8).(*vec.Int[T])
}

var unaries = reals(unaryBlock[float32], unaryBlock[float64]).
	ints(unaryIntBlock[int64], unaryIntBlock[int32], unaryIntBlock[int8], unaryIntBlock[uint8]).bools(notBoolBlock)

func pickUnary(_ *Backend, p *op.Unary, in, _ []op.Type) (op.Kernel, error) {
	return unaries.pick(p, in[0].DType)
}

func unaryBlock[T vec.Real](w *worker, n *op.Node, b *block) {
	unaryFn(floats[T](b.vec), n.Op.(*op.Unary).Fn)(at[T](b, 1), at[T](b, 0))
}

// unaryFn is the loop for fn.
func unaryFn[T vec.Real](t *vec.Float[T], fn op.UnaryFn) func(dst, a []T) {
	switch fn {
	case op.Neg:
		return t.Neg
	case op.Abs:
		return t.Abs
	case op.Sign:
		return t.Sign
	case op.Square:
		return t.Square
	case op.Sqrt:
		return t.Sqrt
	case op.Rsqrt:
		return t.Rsqrt
	case op.Reciprocal:
		return t.Reciprocal
	case op.Floor:
		return t.Floor
	case op.Ceil:
		return t.Ceil
	case op.Round:
		return t.Round
	case op.Trunc:
		return t.Trunc
	}
	return curve(t, fn)
}

// curve is the loop for a transcendental function or an activation.
func curve[T vec.Real](t *vec.Float[T], fn op.UnaryFn) func(dst, a []T) {
	switch fn {
	case op.Exp:
		return t.Exp
	case op.Exp2:
		return t.Exp2
	case op.Expm1:
		return t.Expm1
	case op.Log:
		return t.Log
	case op.Log2:
		return t.Log2
	case op.Log1p:
		return t.Log1p
	case op.Sin:
		return t.Sin
	case op.Cos:
		return t.Cos
	case op.Tanh:
		return t.Tanh
	case op.Erf:
		return t.Erf
	case op.Sigmoid:
		return t.Sigmoid
	case op.ReLU:
		return t.Relu
	case op.SiLU:
		return t.Silu
	case op.GELU:
		return t.Gelu
	case op.GELUTanh:
		return t.GeluTanh
	}
	return t.Softplus
}

func unaryIntBlock[T integer](_ *worker, n *op.Node, b *block) {
	x, y, t := at[T](b, 0), at[T](b, 1), whole[T](b.vec)
	switch n.Op.(*op.Unary).Fn {
	case op.Neg:
		t.Neg(y, x)
	case op.Abs:
		t.Abs(y, x)
	case op.Not:
		t.Not(y, x)
	case op.Square:
		t.Mul(y, x, x)
	case op.ReLU:
		t.MaxS(y, x, 0)
	case op.Sign:
		for i, v := range x {
			y[i] = 0
			if v > 0 {
				y[i] = 1
			} else if v < 0 {
				y[i]--
			}
		}
	}
}

func notBoolBlock(_ *worker, _ *op.Node, b *block) {
	y := bools(b, 1)
	for i, v := range bools(b, 0) {
		y[i] = !v
	}
}

var unaryGrads = reals(unaryGradBlock[float32], unaryGradBlock[float64])

func pickUnaryGrad(_ *Backend, p *op.UnaryGrad, in, _ []op.Type) (op.Kernel, error) {
	return unaryGrads.pick(p, in[0].DType)
}

func unaryGradBlock[T vec.Real](w *worker, n *op.Node, b *block) {
	v, dy, dx, t := at[T](b, 0), at[T](b, 1), at[T](b, 2), floats[T](b.vec)
	switch n.Op.(*op.UnaryGrad).Fn {
	case op.ReLU:
		t.ReluGrad(dx, v, dy)
	case op.SiLU:
		t.SiluGrad(dx, v, dy)
	case op.GELU:
		t.GeluGrad(dx, v, dy)
	case op.GELUTanh:
		t.GeluTanhGrad(dx, v, dy)
	case op.Tanh:
		t.TanhGrad(dx, v, dy)
	case op.Sigmoid:
		t.SigmoidGrad(dx, v, dy)
	case op.Neg:
		t.Neg(dx, dy)
	case op.Sign, op.Floor, op.Ceil, op.Round, op.Trunc:
		vec.Fill(dx, 0)
	case op.Exp:
		t.Mul(dx, v, dy)
	case op.Exp2:
		t.Mul(dx, v, dy)
		t.MulS(dx, dx, T(math.Ln2))
	default:
		slope(w, t, n.Op.(*op.UnaryGrad).Fn, dx, v, dy)
	}
}

// slope is dx = f'(x) dy for functions whose derivative takes a few steps. dx may be v or dy.
func slope[T vec.Real](w *worker, t *vec.Float[T], fn op.UnaryFn, dx, v, dy []T) {
	for lo := 0; lo < len(v); lo += blockLen {
		hi := min(lo+blockLen, len(v))
		tmp := realScratch[T](w, maxWalk, hi-lo)
		slopeBlock(t, fn, dx[lo:hi], v[lo:hi], dy[lo:hi], tmp)
	}
}

// realScratch is n elements of scratch i.
func realScratch[T vec.Real](w *worker, i, n int) []T {
	if s, ok := any(scratch[float32](w, i, 2*n)).([]T); ok {
		return s[:n]
	}
	return any(scratch[float64](w, i, n)).([]T)
}

func slopeBlock[T vec.Real](t *vec.Float[T], fn op.UnaryFn, dx, v, dy, tmp []T) {
	switch fn {
	case op.Abs:
		t.Sign(tmp, v)
		t.Mul(dx, tmp, dy)
	case op.Square:
		t.MulS(tmp, v, 2)
		t.Mul(dx, tmp, dy)
	case op.Sqrt: // 1 / 2y
		t.MulS(tmp, v, 2)
		t.Div(dx, dy, tmp)
	case op.Rsqrt: // -y³ / 2
		t.Square(tmp, v)
		t.Mul(tmp, tmp, v)
		t.MulS(tmp, tmp, -0.5)
		t.Mul(dx, tmp, dy)
	case op.Reciprocal: // -y²
		t.Square(tmp, v)
		t.Neg(tmp, tmp)
		t.Mul(dx, tmp, dy)
	case op.Expm1:
		t.Exp(tmp, v)
		t.Mul(dx, tmp, dy)
	case op.Log:
		t.Div(dx, dy, v)
	case op.Log2:
		t.MulS(tmp, v, T(math.Ln2))
		t.Div(dx, dy, tmp)
	case op.Log1p:
		t.AddS(tmp, v, 1)
		t.Div(dx, dy, tmp)
	case op.Sin:
		t.Cos(tmp, v)
		t.Mul(dx, tmp, dy)
	case op.Cos:
		t.Sin(tmp, v)
		t.Neg(tmp, tmp)
		t.Mul(dx, tmp, dy)
	case op.Erf: // 2/√π exp(-x²)
		t.Square(tmp, v)
		t.Neg(tmp, tmp)
		t.Exp(tmp, tmp)
		t.MulS(tmp, tmp, T(2/math.Sqrt(math.Pi)))
		t.Mul(dx, tmp, dy)
	case op.Softplus:
		t.Sigmoid(tmp, v)
		t.Mul(dx, tmp, dy)
	}
}
