//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

// reduceRoads are every function over rows for a warp, for a block and in parts, and over columns in one piece and in parts,
// with every remainder of the four values that a thread takes at once.
func reduceRoads(d op.DType) (cs []parity.Case) {
	for fn := range op.NumReduceFns {
		if _, err := (&op.Reduce{Fn: fn, Axes: 1}).Infer(nil, []op.Type{op.Make(d, 8)}); err != nil {
			continue
		}
		for _, n := range []int{61, 62, 63, 1501, 1502, 1503} {
			cs = append(cs, reductions(fn, d, 0b10, 2, n)...)
		}
		for _, n := range []int{45, 46, 47, 301, 302, 303} {
			cs = append(cs, reductions(fn, d, 0b01, n, 3)...)
		}
		if fn != op.LogSumExp {
			cs = append(cs, reductions(fn, d, 0b10, 1, 3*longestRow+9)...)
		}
	}
	cs = append(cs, reductions(op.Sum, d, 0b10, 2, 4*longestRow+1503)...) // a second row of five parts has no wide access
	return append(cs, argRoads(d)...)
}

// argRoads have rows of all different elements, of NaN and infinities, and of equal ones in any warp of the block.
func argRoads(d op.DType) (cs []parity.Case) {
	for _, least := range []bool{false, true} {
		o := &op.ArgReduce{Axis: 1, Least: least}
		for _, n := range []int{1501, 1502, 1503} {
			for _, g := range []parity.Gen{parity.Normal, parity.SmallInt, parity.Wide} {
				cs = append(cs, parity.New(o, []parity.Operand{parity.Of(g, d, 2, n)}, parity.ZeroAllowed(), parity.Tag("odd/%d", g)))
			}
		}
		ties := parity.Of(parity.Index, d, 24, 1503)
		ties.Limit = 120
		cs = append(cs, parity.New(o, []parity.Operand{ties}, parity.Tag("ties/%v", d)))
	}
	return cs
}

// reductions are one function over one axis of a matrix.
func reductions(fn op.ReduceFn, d op.DType, axes uint8, dims ...int) []parity.Case {
	o, x, n := &op.Reduce{Fn: fn, Axes: axes}, parity.Of(parity.Positive, d, dims...), max(dims[0], dims[1])
	tag := parity.Tag("odd/axes=%b", axes)
	switch {
	case !d.Float():
		return []parity.Case{parity.New(o, []parity.Operand{x}, tag, parity.ZeroAllowed())}
	case fn == op.MaxOf || fn == op.MinOf:
		ties, none := parity.Of(parity.SmallInt, d, dims...), parity.Of(parity.Rows, d, dims...)
		none.Row = [4]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1), math.Inf(-1)}
		if fn == op.MinOf {
			none.Row = [4]float64{math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1)}
		}
		x.Gen = parity.Normal
		return []parity.Case{
			parity.New(o, []parity.Operand{x}, tag),
			parity.New(o, []parity.Operand{ties}, tag, parity.Tag("ties")),
			parity.New(o, []parity.Operand{none}, tag, parity.Tag("none/%v", d)),
		}
	case fn == op.Prod: // of powers of two, which no order rounds
		x.Gen, x.Row = parity.Rows, [4]float64{2, -1, 0.5, 1}
		return []parity.Case{parity.New(o, []parity.Operand{x}, tag, parity.Tag("%v", d))}
	case fn == op.LogSumExp:
		return []parity.Case{parity.New(o, []parity.Operand{x}, parity.Rowwise(1), parity.Loosely(8), tag)}
	}
	return []parity.Case{parity.New(o, []parity.Operand{x}, parity.Linear(n), tag)}
}
