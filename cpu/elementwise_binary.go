package cpu

import (
	"math"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// and, or and xor of bools, 0 and 1, are bitwise.
var binaries = reals(binaryBlock[float32], binaryBlock[float64]).
	ints(binaryIntBlock[int64], binaryIntBlock[int32], binaryIntBlock[int8], binaryIntBlock[uint8]).bools(binaryIntBlock[uint8])

func pickBinary(_ *Backend, p *op.Binary, in, _ []op.Type) (op.Kernel, error) {
	return binaries.pick(p, in[0].DType)
}

func binaryBlock[T vec.Real](_ *worker, n *op.Node, b *block) {
	binaryReal(floats[T](b.vec), n.Op.(*op.Binary).Fn, at[T](b, 2), at[T](b, 0), at[T](b, 1))
}

func binaryReal[T vec.Real](t *vec.Float[T], fn op.BinaryFn, y, a, b []T) {
	switch fn {
	case op.Add:
		t.Add(y, a, b)
	case op.Sub:
		t.Sub(y, a, b)
	case op.Mul:
		t.Mul(y, a, b)
	case op.Div:
		t.Div(y, a, b)
	case op.Min:
		t.Min(y, a, b)
	case op.Max:
		t.Max(y, a, b)
	case op.Pow:
		for i := range y {
			y[i] = T(math.Pow(float64(a[i]), float64(b[i])))
		}
	}
}

func binaryIntBlock[T integer](_ *worker, n *op.Node, b *block) {
	integers(whole[T](b.vec), n.Op.(*op.Binary).Fn, at[T](b, 2), at[T](b, 0), at[T](b, 1))
}

func integers[T integer](t *vec.Int[T], fn op.BinaryFn, y, a, b []T) {
	switch fn {
	case op.Add:
		t.Add(y, a, b)
	case op.Sub:
		t.Sub(y, a, b)
	case op.Mul:
		t.Mul(y, a, b)
	case op.Div:
		t.Div(y, a, b)
	case op.Min:
		t.Min(y, a, b)
	case op.Max:
		t.Max(y, a, b)
	case op.And:
		t.And(y, a, b)
	case op.Or:
		t.Or(y, a, b)
	case op.Xor:
		t.Xor(y, a, b)
	case op.Shl, op.Shr:
		shift(fn, y, a, b)
	}
}

// shift shifts each element by its own count. Go's shifts by the width or more do what the op promises; negative
// counts, which Go refuses, give 0.
func shift[T integer](fn op.BinaryFn, y, a, b []T) {
	for i := range y {
		switch {
		case b[i] < 0:
			y[i] = 0
		case fn == op.Shl:
			y[i] = a[i] << b[i]
		default:
			y[i] = a[i] >> b[i]
		}
	}
}

var scalars = reals(scalarBlock[float32], scalarBlock[float64]).
	ints(scalarIntBlock[int64], scalarIntBlock[int32], scalarIntBlock[int8], scalarIntBlock[uint8]).bools(scalarIntBlock[uint8])

func pickScalar(_ *Backend, p *op.Scalar, in, _ []op.Type) (op.Kernel, error) {
	return scalars.pick(p, in[0].DType)
}

func scalarBlock[T vec.Real](w *worker, n *op.Node, b *block) {
	p, x, y, t := n.Op.(*op.Scalar), at[T](b, 0), at[T](b, 1), floats[T](b.vec)
	v := T(roundTo(p.Value, n.In[0].DType))
	switch {
	case p.Fn == op.Add:
		t.AddS(y, x, v)
	case p.Fn == op.Mul:
		t.MulS(y, x, v)
	case p.Fn == op.Sub && p.Flip:
		t.SubFrom(y, x, v)
	case p.Fn == op.Sub:
		t.AddS(y, x, -v)
	case p.Fn == op.Div && p.Flip:
		t.DivInto(y, x, v)
	case p.Fn == op.Div:
		t.DivS(y, x, v)
	case p.Fn == op.Pow && p.Flip:
		for i := range y {
			y[i] = T(math.Pow(float64(v), float64(x[i])))
		}
	case p.Fn == op.Pow:
		for i := range y {
			y[i] = T(math.Pow(float64(x[i]), float64(v)))
		}
	case p.Fn == op.Min:
		t.MinS(y, x, v)
	case p.Fn == op.Max:
		t.MaxS(y, x, v)
	}
}

// roundTo is v rounded once to a floating-point dtype.
func roundTo(v float64, d op.DType) float64 {
	switch d {
	case op.F32:
		return float64(float32(v))
	case op.F16:
		return float64(vec.F16ToF32(vec.F64ToF16(v)))
	case op.BF16:
		return float64(vec.BF16ToF32(vec.F64ToBF16(v)))
	}
	return v
}

// toInt is v as an integer element, as Cast converts it.
func toInt[T integer](v float64) T { return vec.ToInt[T](v) }

func scalarIntBlock[T integer](w *worker, n *op.Node, b *block) {
	p, x, y := n.Op.(*op.Scalar), at[T](b, 0), at[T](b, 1)
	v := toInt[T](p.Value)
	if n.In[0].DType == op.Bool && p.Value != 0 {
		v = 1
	}
	same := wide[T](w, maxWalk, min(len(x), blockLen))
	vec.Fill(same, v)
	for lo := 0; lo < len(x); lo += blockLen {
		hi := min(lo+blockLen, len(x))
		if c := same[:hi-lo]; p.Flip {
			integers(whole[T](b.vec), p.Fn, y[lo:hi], c, x[lo:hi])
		} else {
			integers(whole[T](b.vec), p.Fn, y[lo:hi], x[lo:hi], c)
		}
	}
}

var addScaleds = reals(addScaledBlock[float32], addScaledBlock[float64])

func pickAddScaled(_ *Backend, p *op.AddScaled, in, _ []op.Type) (op.Kernel, error) {
	return addScaleds.pick(p, in[0].DType)
}

func addScaledBlock[T vec.Real](w *worker, n *op.Node, b *block) {
	x, y, k, out, t := at[T](b, 0), at[T](b, 1), at[T](b, 2), at[T](b, 3), floats[T](b.vec)
	s := k[0] * T(n.Op.(*op.AddScaled).Sign)
	for lo := 0; lo < len(x); lo += blockLen {
		hi := min(lo+blockLen, len(x))
		tmp := realScratch[T](w, maxWalk, hi-lo)
		floats[T](w.vec).MulS(tmp, y[lo:hi], s)
		t.Add(out[lo:hi], x[lo:hi], tmp)
	}
}
