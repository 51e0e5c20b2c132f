//go:build cuda && cgo && linux

package gpu

import (
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

// activations are all that a product takes in.
var activations = []op.UnaryFn{op.ReLU, op.SiLU, op.GELU, op.GELUTanh, op.Sigmoid, op.Tanh}

// transpositions are the four layouts of a and b.
var transpositions = [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}}

// productRoads are products in every layout whose rows no wide access reaches, with every activation, and with every remainder of
// the four columns that a thread finishes; bias and c begin at a boundary or beside one.
func productRoads(d op.DType) (cs []parity.Case) {
	const m, k = 11, 19
	for _, t := range transpositions {
		for _, n := range []int{7, 9, 10, 12, 14} {
			in := unpadded(d, m, n, k, t)
			bias, c := parity.Of(parity.Normal, d, n), parity.Of(parity.Normal, d, m, n)
			cs = append(cs, finished(t, op.ReLU, k, "odd", append(in[:2:2], bias.Shifted(), c)...),
				finished(t, op.ReLU, k, "odd", append(in[:2:2], bias, c.Shifted())...))
			if n != 7 {
				continue
			}
			for _, act := range activations {
				cs = append(cs, finished(t, act, k, "odd", append(in[:2:2], bias, c)...))
			}
		}
	}
	return cs
}

// remaindersOnTiles are products like those of epiloguesOnTiles, with every number of columns that a thread may have left.
func remaindersOnTiles(d op.DType) (cs []parity.Case) {
	const k = 19
	for _, t := range transpositions {
		for _, m := range []int{3, 11, 70} {
			for _, n := range []int{9, 10, 11, 12} {
				in := onBoundaries(unpadded(d, m, n, k, t))
				bias, c := parity.Of(parity.Normal, d, n), parity.Of(parity.Normal, d, m, n)
				cs = append(cs, finished(t, op.ReLU, k, "tile", append(in[:2:2], bias.Shifted(), c)...),
					finished(t, op.ReLU, k, "tile", append(in[:2:2], bias, c.Shifted())...))
			}
		}
	}
	return cs
}

// onBoundaries is matrices whose rows begin at multiples of 16 bytes.
func onBoundaries(in []parity.Operand) []parity.Operand {
	for i := range in {
		in[i].Strides[0] = ceil(in[i].Dims[1], 8)*8 + 8
	}
	return in
}

// finished is a product with bias, activation and c.
func finished(t [2]bool, act op.UnaryFn, k int, tag string, in ...parity.Operand) parity.Case {
	o := &op.MatMul{Alpha: 1, Beta: 1, TransA: t[0], TransB: t[1], HasBias: true, HasC: true, HasAct: true, Act: act}
	return parity.New(o, in, parity.Linear(k), parity.Tag("%s/%v/%v", tag, t, act))
}

// unpadded is the operands of an m x n x k product.
func unpadded(d op.DType, m, n, k int, t [2]bool) []parity.Operand {
	in := paddedProduct(d, m, n, k, t)
	for i := range in {
		in[i] = parity.Of(parity.Normal, d, in[i].Dims[0], in[i].Dims[1])
	}
	return in
}
