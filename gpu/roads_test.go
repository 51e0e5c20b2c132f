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
		cs = append(cs, oddRows(d)...)
		cs = append(cs, productRoads(d)...)
		cs = append(cs, draws(d)...)
		cs = append(cs, brokenLoops(d, parity.Normal)...)
	}
	for _, d := range integers {
		cs = append(cs, brokenLoops(d, parity.SmallInt)...)
	}
	for _, d := range numbers {
		cs = append(cs, reduceRoads(d)...)
		cs = append(cs, everyFunction(d)...)
	}
	for _, d := range []op.DType{op.F16, op.BF16} {
		cs = append(cs, tensorCores(d)...)
		cs = append(cs, groupsOnTensorCores(d)...)
	}
	for _, d := range shorts {
		cs = append(cs, wideHeads(d)...)
		cs = append(cs, epiloguesOnTiles(d)...)
		cs = append(cs, remaindersOnTiles(d)...)
	}
	return append(cs, indexRoads()...)
}

func tensorCores(d op.DType) (cs []parity.Case) {
	for _, t := range transpositions {
		for _, s := range [][3]int{{40, 48, 72}, {136, 264, 40}, {16, 8, 8}, {16, 40, 392}, {140, 136, 232}, {144, 136, 232}, {40, 8, 0}} {
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
			cs = append(cs, parity.New(o, in(parity.Normal), parity.Linear(s[2]), parity.Tag("mma"), parity.ZeroAllowed()), parity.New(o, in(parity.SmallInt), parity.Tag("mma/int"), parity.ZeroAllowed()))
		}
	}
	return cs
}

// groupsOnTensorCores are a few rows per group and many, with groups beside each other, empty ones, and k and m beyond a tile.
func groupsOnTensorCores(d op.DType) (cs []parity.Case) {
	for _, s := range []struct{ n, k, m, groups int }{{40, 392, 24, 6}, {40, 16, 37, 6}, {200, 40, 133, 3}, {200, 40, 136, 3}, {300, 136, 40, 2}, {200, 392, 136, 3}, {1200, 136, 136, 2}, {40, 0, 24, 6}, {200, 0, 136, 3}} {
		for _, g := range []parity.Gen{parity.Normal, parity.SmallInt} {
			inner, outer, name := parity.Linear(s.k), parity.Linear(s.n), "mma"
			if g == parity.SmallInt {
				inner, outer, name = parity.ZeroAllowed(), parity.ZeroAllowed(), "mma/int"
			}
			x, cut := parity.Of(g, d, s.n, s.k), parity.Operand{Type: op.Make(op.I32, s.groups+1), Gen: parity.Cuts, Limit: s.n}
			cs = append(cs,
				parity.New(&op.GroupedMatMul{}, []parity.Operand{x, parity.Of(g, d, s.groups, s.k, s.m), cut}, inner, parity.ZeroAllowed(), parity.Tag("%s", name)),
				parity.New(&op.GroupedMatMul{TransB: true}, []parity.Operand{x, parity.Of(g, d, s.groups, s.m, s.k), cut}, inner, parity.ZeroAllowed(), parity.Tag("nt/%s", name)),
				parity.New(&op.GroupedOuter{}, []parity.Operand{x, parity.Of(g, d, s.n, s.m), cut}, outer, parity.ZeroAllowed(), parity.Tag("%s", name)))
		}
	}
	// Nothing to add up, at an address that keeps tensor cores away.
	x, w := parity.Of(parity.Normal, d, 40, 0).Shifted(), parity.Of(parity.Normal, d, 6, 24, 0)
	cut := parity.Operand{Type: op.Make(op.I32, 7), Gen: parity.Cuts, Limit: 40}
	return append(cs, parity.New(&op.GroupedMatMul{TransB: true}, []parity.Operand{x, w, cut}, parity.ZeroAllowed(), parity.Tag("nt/nothing")))
}

// epiloguesOnTiles are products of odd sizes whose rows are so far apart that 16-byte copies reach them: for the tiles of
// few rows, and, on a device so small that it is full with one, for the large ones.
func epiloguesOnTiles(d op.DType) (cs []parity.Case) {
	const n, k = 11, 19
	for _, t := range transpositions {
		for _, m := range []int{3, 11, 27} {
			in := append(paddedProduct(d, m, n, k, t), parity.Of(parity.Normal, d, n), parity.Of(parity.Normal, d, m, n))
			for _, act := range activations {
				o := &op.MatMul{Alpha: 1, Beta: 1, TransA: t[0], TransB: t[1], HasBias: true, HasC: true, HasAct: true, Act: act}
				cs = append(cs, parity.New(o, in, parity.Linear(k), parity.Tag("tile/%v", act)))
			}
		}
		deep := &op.MatMul{Alpha: 1, TransA: t[0], TransB: t[1]} // more steps of k than a tile has under way
		cs = append(cs, parity.New(deep, paddedProduct(d, 3, n, 395, t), parity.Linear(395), parity.Tag("tile/deep")))
	}
	return cs
}

// paddedProduct is the operands of an m x n x k product, with rows 5 elements longer than they need be.
func paddedProduct(d op.DType, m, n, k int, t [2]bool) []parity.Operand {
	a, b := []int{m, k}, []int{k, n}
	if t[0] {
		a[0], a[1] = k, m
	}
	if t[1] {
		b[0], b[1] = n, k
	}
	return []parity.Operand{parity.Of(parity.Normal, d, a...).Padded(), parity.Of(parity.Normal, d, b...).Padded()}
}

// zeroSeed is a key whose first uniform number is 0.
const zeroSeed = 12121362

// draws are rows for 256 threads and for 512: every cut, rows that have no answer, and such as must be added up in order:
// a share that ends where a token does, beside weights that vanish in the sum, and a draw that falls on one of these.
func draws(d op.DType) (cs []parity.Case) {
	for _, n := range []int{2051, 8203} {
		for _, v := range []struct {
			gen    parity.Gen
			limit  int // of the logits
			seed   int
			params [4]float64
			tag    string
		}{
			{parity.Normal, 0, 0, [4]float64{0.9, 40, 0.8, 0.05}, "all"},
			{parity.Normal, 0, 0, [4]float64{1, 0, 0.6, 0}, "p"},
			{parity.Normal, 0, 0, [4]float64{0, 0, 1, 0}, "greedy"},
			{parity.Wide, 0, 0, [4]float64{1, 0, 1, 0}, "none"},
			{parity.Chances, n / 8, 0, [4]float64{0.02, 0, 0.5, 0}, "close/p"},
			{parity.Chances, n / 8, 0, [4]float64{0.02, 13, 0.5, 0}, "close/k/p"},
			{parity.Far, 0, zeroSeed, [4]float64{2, float64(3 * n / 4), 1, 0}, "close/draw"},
		} {
			const rows = 5
			logits, params, key := parity.Of(v.gen, d, rows, n), parity.Of(parity.Rows, op.F32, rows, 4), parity.Of(parity.Key, op.I64, rows, 3)
			logits.Limit, params.Row, key.Limit = v.limit, v.params, v.seed
			// Logits as far as 80 from 0 are subtracted from their logarithm in f32.
			cs = append(cs, parity.New(&op.Categorical{}, []parity.Operand{logits, params, key}, parity.Rowwise(1), parity.Loosely(32), parity.ZeroAllowed(),
				parity.Tag("draw/%s", v.tag), func(c *parity.Case) { c.Unit = 0x1p-24 }))
		}
	}
	return cs
}

func longRows(d op.DType) []parity.Case {
	x, w := parity.Of(parity.Normal, d, 3, 1500), parity.Of(parity.Normal, d, 1500)
	long := parity.Of(parity.Normal, d, 2, 20000)
	// The gradients of norms are differences of larger terms.
	loose := []parity.Option{parity.Rowwise(1500), parity.Loosely(32), parity.Tag("long")}
	// Groups that take a block, of channels that do and of channels that do not.
	images, few := parity.Of(parity.Normal, d, 2, 3, 1501), parity.Of(parity.Normal, d, 3)
	small, many := parity.Of(parity.Normal, d, 2, 8, 15, 21), parity.Of(parity.Normal, d, 8)
	return []parity.Case{
		parity.New(&op.GroupNorm{Eps: 1e-6, Groups: 1}, []parity.Operand{images, few, few}, parity.Rowwise(4503), parity.Tag("long")),
		parity.New(&op.GroupNormGrad{Eps: 1e-6, Groups: 1}, []parity.Operand{images, few, images}, loose...),
		parity.New(&op.GroupNormGrad{Eps: 1e-6, Groups: 2}, []parity.Operand{small, many, small}, loose...),
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
