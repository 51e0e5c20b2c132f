//go:build cuda && cgo && linux

package gpu

import (
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

// oddRows are rows for a warp, for a block that holds them and for one that does not, with every remainder by the four
// neighbours of a thread: from the second row on no wide access reaches them.
func oddRows(d op.DType) (cs []parity.Case) {
	for _, n := range []int{61, 62, 63, 1501, 1502, 1503} {
		cs = append(cs, oddNorms(d, n)...)
		x, y := parity.Of(parity.Normal, d, 2, n), parity.Of(parity.Unit, d, 2, n)
		p := parity.Of(parity.LogProb, d, 2, n)
		// What a row sums up has the rounding of its largest terms.
		loose := []parity.Option{parity.Rowwise(n), parity.Loosely(64), parity.Tag("odd")}
		cs = append(cs,
			parity.New(&op.SoftmaxGrad{Scale: 1}, []parity.Operand{y.Shifted(), x}, loose...),
			parity.New(&op.SoftmaxGrad{Scale: 1}, []parity.Operand{y, x.Shifted()}, loose...),
			parity.New(&op.LogSoftmaxGrad{Scale: 1}, []parity.Operand{p.Shifted(), x}, loose...),
			parity.New(&op.LogSoftmaxGrad{Scale: 1}, []parity.Operand{p, x.Shifted()}, loose...),
			parity.New(&op.Dot{}, []parity.Operand{x.Shifted(), x}, parity.Linear(n), parity.Tag("odd")),
			parity.New(&op.Dot{}, []parity.Operand{x, x.Shifted()}, parity.Linear(n), parity.Tag("odd")))
	}
	for _, n := range []int{511, 512, 600, 4095, 4096, 4097, 4098} { // of four chunks that a thread may hold, every one read either way
		x := parity.Of(parity.Normal, d, 2, n)
		cs = append(cs,
			parity.New(&op.Softmax{Scale: 1}, []parity.Operand{x}, parity.Rowwise(n), parity.Tag("odd")),
			parity.New(&op.LogSoftmax{Scale: 1}, []parity.Operand{x}, parity.Rowwise(1), parity.Loosely(8), parity.Tag("odd")))
	}
	return append(cs, manyRows(d)...)
}

// oddNorms have operands at different distances from a boundary, so that each is read by single elements while another is not.
func oddNorms(d op.DType, n int) (cs []parity.Case) {
	x, w := parity.Of(parity.Normal, d, 2, n), parity.Of(parity.Normal, d, n)
	few, image := parity.Of(parity.Normal, d, 1), parity.Of(parity.Normal, d, 2, 1, n)
	loose := []parity.Option{parity.Rowwise(n), parity.Loosely(64), parity.Tag("odd")}
	rows := parity.Rowwise(n)
	for _, v := range [][2]parity.Operand{{x, w}, {x, w.Shifted()}, {x.Shifted(), w}} {
		x, w := v[0], v[1]
		cs = append(cs,
			parity.New(&op.RMSNorm{Eps: 1e-6}, []parity.Operand{x, w}, rows, parity.Tag("odd")),
			parity.New(&op.LayerNorm{Eps: 1e-6, Affine: true}, []parity.Operand{x, w, w}, rows, parity.Tag("odd")),
			parity.New(&op.LayerNorm{Eps: 1e-6, Affine: true}, []parity.Operand{x, parity.Of(parity.Normal, d, n), w}, rows, parity.Tag("odd/bias")))
		for _, dy := range []parity.Operand{parity.Of(parity.Normal, d, 2, n), parity.Of(parity.Normal, d, 2, n).Shifted()} {
			cs = append(cs,
				parity.New(&op.RMSNormGrad{Eps: 1e-6}, []parity.Operand{x, w, dy}, loose...),
				parity.New(&op.LayerNormGrad{Eps: 1e-6}, []parity.Operand{x, dy}, loose...),
				parity.New(&op.LayerNormGrad{Eps: 1e-6, Affine: true}, []parity.Operand{x, w, dy}, loose...))
		}
	}
	token := parity.Of(parity.Normal, d, 2, 1, n)
	return append(cs,
		parity.New(&op.LayerNorm{Eps: 1e-6, Modulate: true}, []parity.Operand{parity.Of(parity.Normal, d, 2, 3, n), token, token}, rows, parity.Tag("odd")),
		parity.New(&op.GroupNorm{Eps: 1e-6, Groups: 1}, []parity.Operand{image, few, few}, rows, parity.Tag("odd")),
		parity.New(&op.GroupNormGrad{Eps: 1e-6, Groups: 1}, []parity.Operand{image, few, image.Shifted()}, loose...),
		parity.New(&op.GroupNormGrad{Eps: 1e-6, Groups: 1}, []parity.Operand{image.Shifted(), few, image}, loose...))
}

// manyRows leave so many sums of 64 rows that adding them up has a loop and a rest.
func manyRows(d op.DType) (cs []parity.Case) {
	for _, rows := range []int{290, 1100} {
		x, w := parity.Of(parity.Normal, d, rows, 3), parity.Of(parity.Normal, d, 3)
		loose := []parity.Option{parity.Rowwise(rows), parity.Loosely(64), parity.Tag("many")}
		cs = append(cs,
			parity.New(&op.RMSNormGrad{Eps: 0.1}, []parity.Operand{x, w, x}, loose...),
			parity.New(&op.LayerNormGrad{Eps: 0.1, Affine: true}, []parity.Operand{x, w, x}, loose...))
	}
	return cs
}
