//go:build cuda && cgo && linux

package gpu

import (
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

// everyFunction is each function of one element and of two where operands are turned, and rows against columns: the kernels
// that find out by a code what to do.
func everyFunction(d op.DType) (cs []parity.Case) {
	turned := func(g parity.Gen) parity.Operand { return parity.Of(g, d, 3, 7).Turned() }
	column := func(g parity.Gen) parity.Operand { return parity.Of(g, d, 3, 1) }
	for fn := range op.NumUnaryFns {
		cs = appendValid(cs, d, &op.Unary{Fn: fn}, turned(parity.Positive))
		if fn == op.Sin || fn == op.Cos { // angles of all sizes
			cs = appendValid(cs, d, &op.Unary{Fn: fn}, parity.Of(parity.Wide, d, 13, 7).Turned())
			cs = appendValid(cs, d, &op.Unary{Fn: fn}, parity.Of(parity.Wide, d, 703))
			cs = appendValid(cs, d, &op.Unary{Fn: fn}, parity.Of(parity.Wide, d, 703).Shifted())
		}
	}
	for fn := range op.NumBinaryFns {
		rows := parity.Of(parity.Positive, d, 3, 7)
		whole := parity.Of(parity.SmallInt, d, 2, 40, 3) // powers with whole exponents, divisions by zero
		cs = appendValid(cs, d, &op.Binary{Fn: fn}, turned(parity.Positive), column(parity.Positive))
		cs = appendValid(cs, d, &op.Binary{Fn: fn}, rows, column(parity.Positive))
		cs = appendValid(cs, d, &op.Binary{Fn: fn}, whole, parity.Of(parity.SmallInt, d, 1, 40, 1))
		cs = appendValid(cs, d, &op.Binary{Fn: fn}, whole, parity.Of(parity.SmallInt, d, 2, 40, 1))
		for _, flip := range []bool{false, true} {
			cs = appendValid(cs, d, &op.Scalar{Fn: fn, Value: 3, Flip: flip}, turned(parity.Positive))
			cs = appendValid(cs, d, &op.Scalar{Fn: fn, Value: 3, Flip: flip}, parity.Of(parity.SmallInt, d, 3, 4, 5).Turned())
		}
	}
	for fn := range op.NumCompareFns {
		cs = append(cs, parity.New(&op.Compare{Fn: fn}, []parity.Operand{turned(parity.SmallInt), column(parity.SmallInt)}, parity.Tag("turned"), parity.ZeroAllowed()))
	}
	if d != op.U8 {
		minus := &op.Scalar{Fn: op.Div, Value: -1}
		cs = append(cs, parity.New(minus, []parity.Operand{turned(parity.SmallInt)}, parity.Tag("minus")))
	}
	same := []parity.Operand{parity.Of(parity.SmallInt, d, 3, 45), parity.Of(parity.SmallInt, d, 3, 45)}
	return append(cs, parity.New(&op.Compare{Fn: op.Eq}, same, parity.Tag("same")))
}

// appendValid adds a case if the op takes operands of this type.
func appendValid(cs []parity.Case, d op.DType, o op.Op, in ...parity.Operand) []parity.Case {
	var types [2]op.Type
	for i := range in {
		types[i] = in[i].Type
	}
	if _, err := o.Infer(nil, types[:len(in)]); err != nil {
		return cs
	}
	opts := []parity.Option{parity.Tag("turned"), parity.ZeroAllowed()}
	if d.Float() {
		opts = append(opts, parity.Function(), parity.Loosely(8)) // pow of float64 is itself rounded, and its result again
	}
	return append(cs, parity.New(o, in, opts...))
}
