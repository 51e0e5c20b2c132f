//go:build cuda && cgo && linux

package gpu

import (
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

// roads are cases for kernels that are chosen by sizes and layouts which mean nothing on other devices: matrices that
// tensor cores can load, rows too long for a warp or for one block, loops that do not merge.
func roads() []parity.Case {
	var cs []parity.Case
	for _, d := range reals {
		cs = append(cs, longRows(d)...)
		cs = append(cs, brokenLoops(d, parity.Normal)...)
	}
	for _, d := range integers {
		cs = append(cs, brokenLoops(d, parity.SmallInt)...)
	}
	for _, d := range []op.DType{op.F16, op.BF16} {
		cs = append(cs, tensorCores(d)...)
	}
	for _, d := range shorts {
		cs = append(cs, wideHeads(d)...)
	}
	return cs
}

func tensorCores(d op.DType) (cs []parity.Case) {
	for _, t := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		for _, s := range [][3]int{{40, 48, 72}, {136, 264, 40}, {16, 8, 8}} {
			a, b := []int{s[0], s[2]}, []int{s[2], s[1]}
			if t[0] {
				a[0], a[1] = a[1], a[0]
			}
			if t[1] {
				b[0], b[1] = b[1], b[0]
			}
			o := &op.MatMul{Alpha: 1, TransA: t[0], TransB: t[1]}
			in := func(g parity.Gen) []parity.Operand {
				return []parity.Operand{parity.Of(g, d, a...), parity.Of(g, d, b...)}
			}
			cs = append(cs, parity.New(o, in(parity.Normal), parity.Linear(s[2]), parity.Tag("mma")), parity.New(o, in(parity.SmallInt), parity.Tag("mma/int")))
		}
	}
	return cs
}

func longRows(d op.DType) []parity.Case {
	x, w := parity.Of(parity.Normal, d, 3, 1500), parity.Of(parity.Normal, d, 1500)
	long := parity.Of(parity.Normal, d, 2, 20000)
	// The gradients of norms are differences of larger terms.
	loose := []parity.Option{parity.Rowwise(1500), parity.Loosely(32), parity.Tag("long")}
	return []parity.Case{
		parity.New(&op.RMSNormGrad{Eps: 1e-6}, []parity.Operand{x, w, x}, loose...),
		parity.New(&op.LayerNormGrad{Eps: 1e-6, Affine: true}, []parity.Operand{x, w, x}, loose...),
		parity.New(&op.Softmax{Scale: 1}, []parity.Operand{x}, parity.Rowwise(1500), parity.Tag("long")),
		parity.New(&op.LogSoftmax{Scale: 1}, []parity.Operand{x}, parity.Rowwise(1500), parity.Tag("long")),
		parity.New(&op.Reduce{Fn: op.Sum, Axes: 0b10}, []parity.Operand{long}, parity.Linear(20000), parity.Tag("long")),
		parity.New(&op.Reduce{Fn: op.MaxOf, Axes: 0b10}, []parity.Operand{long}, parity.Tag("long")),
	}
}

// brokenLoops have three axes in different orders, of which no two merge, and rows against columns.
func brokenLoops(d op.DType, g parity.Gen) []parity.Case {
	x, column := parity.Of(g, d, 3, 4, 5), parity.Of(g, d, 4, 1)
	turned := parity.Of(g, d, 3, 4, 5).Turned()
	return []parity.Case{
		parity.New(&op.Binary{Fn: op.Sub}, []parity.Operand{turned, column}, parity.Tag("broken")),
		parity.New(&op.Binary{Fn: op.Mul}, []parity.Operand{parity.Of(g, d, 300, 1), parity.Of(g, d, 1, 7)}, parity.Tag("outer")),
		parity.New(&op.Scalar{Fn: op.Sub, Value: 3, Flip: true}, []parity.Operand{turned}, parity.Tag("broken")),
		parity.New(&op.Unary{Fn: op.Neg}, []parity.Operand{turned}, parity.Tag("broken")),
		parity.New(&op.Concat{Axis: 1}, []parity.Operand{turned, x}, parity.Tag("broken")),
	}
}

func wideHeads(d op.DType) []parity.Case {
	lse := parity.Of(parity.Positive, op.F32, 1, 2, 9)
	head := func(width int) parity.Operand { return parity.Of(parity.Tiny, d, 1, 2, 9, width) }
	return []parity.Case{
		parity.New(&op.Attention{Scale: 0.1, Causal: true}, []parity.Operand{head(24), head(24), head(200)}, parity.Rowwise(9), parity.Loosely(32), parity.Tag("wide")),
		parity.New(&op.AttentionGrad{Scale: 0.1, Causal: true}, []parity.Operand{head(100), head(100), head(72), head(72), lse, head(72)},
			parity.Rowwise(100), parity.Loosely(64), parity.Tag("wide")),
	}
}
