//go:build cuda && cgo && linux

package main

import (
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

// A problem is one op on operands large enough that what happens once does not count, and small enough for the
// interpreter.
type problem struct {
	op op.Op
	in []parity.Operand
}

var (
	floats   = []op.DType{op.F32, op.F64, op.F16, op.BF16}
	integers = []op.DType{op.I64, op.I32, op.I8, op.U8}
)

// problems has every op for every dtype. Those that the path has no kernel for are left out by whoever runs them.
func problems() (ps []problem) {
	for _, d := range op.DTypes {
		ps = append(ps, elementwise(d)...)
		ps = append(ps, indexes(d)...)
	}
	for _, d := range append(floats[:len(floats):len(floats)], integers...) {
		ps = append(ps, reduces(d)...)
	}
	for _, d := range floats {
		ps = append(ps, segments(d)...)
		ps = append(ps, norms(d)...)
		ps = append(ps, softmaxes(d)...)
		ps = append(ps, products(d)...)
		ps = append(ps, attentions(d)...)
		ps = append(ps, samples(d)...)
	}
	return ps
}

// of is an operand in the normal distribution; flags are chances, as whoever selects wants them.
func of(d op.DType, dims ...int) parity.Operand {
	if d == op.Bool {
		return parity.Of(parity.Chances, d, dims...)
	}
	return parity.Of(parity.Normal, d, dims...)
}

func in(xs ...parity.Operand) []parity.Operand { return xs }

// below is integers in [0, n), as indices are.
func below(n int, dims ...int) parity.Operand {
	x := parity.Of(parity.Index, op.I32, dims...)
	x.Limit = n
	return x
}

// cuts is offsets of g segments of n rows.
func cuts(g, n int) parity.Operand {
	x := parity.Of(parity.Cuts, op.I32, g+1)
	x.Limit = n
	return x
}

var key = parity.Of(parity.Key, op.I64, 3)

// elementwise is on whole tensors, on rows against a vector, and on a transposed view.
func elementwise(d op.DType) (ps []problem) {
	x, row, turned := of(d, 64, 1024), of(d, 1024), of(d, 256, 256).Turned()
	for f := range op.NumUnaryFns {
		ps = append(ps, problem{&op.Unary{Fn: f}, in(x)})
		if f.Differentiable() {
			ps = append(ps, problem{&op.UnaryGrad{Fn: f}, in(x, x)})
		}
	}
	for f := range op.NumBinaryFns {
		ps = append(ps, problem{&op.Binary{Fn: f}, in(x, x)}, problem{&op.Binary{Fn: f}, in(x, row)}, problem{&op.Binary{Fn: f}, in(turned, of(d, 256, 256))},
			problem{&op.Scalar{Fn: f, Value: 2}, in(x)})
	}
	for f := range op.NumCompareFns {
		ps = append(ps, problem{&op.Compare{Fn: f}, in(x, x)})
	}
	for _, to := range op.DTypes {
		ps = append(ps, problem{&op.Cast{To: to}, in(x)})
	}
	return append(ps, problem{&op.Where{}, in(of(op.Bool, 64, 1024), x, x)}, problem{&op.Clamp{Lo: -1, Hi: 1}, in(x)},
		problem{&op.SwiGLU{}, in(x, x)}, problem{&op.SwiGLUGrad{}, in(x, x, x)}, problem{&op.BiasAct{Act: op.GELU}, in(x, row)},
		problem{&op.AddScaled{Sign: 1}, in(x, x, of(d, 1))}, problem{&op.Copy{}, in(x)}, problem{&op.Copy{}, in(turned)},
		problem{&op.Unary{Fn: op.Neg}, in(turned)}, problem{&op.Fill{Dims: op.DimsOf(64, 1024), DType: d}, nil}, problem{&op.Iota{N: 65536, DType: d, Step: 1}, nil},
		problem{&op.Concat{}, in(x, x)}, problem{&op.Concat{Axis: 1}, in(x, x)})
}

// reduces is over rows, over columns and over everything.
func reduces(d op.DType) (ps []problem) {
	rows, long, narrow := of(d, 256, 512), of(d, 2, 65536), of(d, 2048, 32)
	for f := range op.NumReduceFns {
		for _, axes := range []uint32{0b10, 0b01} {
			ps = append(ps, problem{&op.Reduce{Fn: f, Axes: uint8(axes)}, in(rows)})
		}
		ps = append(ps, problem{&op.Reduce{Fn: f, Axes: 0b10}, in(long)}, problem{&op.Reduce{Fn: f, Axes: 0b10}, in(narrow)}, problem{&op.Reduce{Fn: f, Axes: 0b11}, in(rows)})
	}
	for _, axis := range []int{0, 1} {
		ps = append(ps, problem{&op.ArgReduce{Axis: axis}, in(rows)}, problem{&op.ArgReduce{Axis: axis, Least: true}, in(rows)}, problem{&op.CumSum{Axis: axis}, in(rows)},
			problem{&op.CumSum{Axis: axis, Reverse: true}, in(rows)})
	}
	return append(ps, problem{&op.ArgReduce{Axis: 1}, in(long)}, problem{&op.CumSum{Axis: 1}, in(long)}, problem{&op.Dot{}, in(of(d, 65536), of(d, 65536))})
}

func segments(d op.DType) (ps []problem) {
	x, cut, y := of(d, 1024, 64), cuts(32, 1024), of(d, 32, 64)
	for f := range op.NumSegmentFns {
		ps = append(ps, problem{&op.Segment{Fn: f}, in(x, cut)}, problem{&op.SegmentGrad{Fn: f}, in(x, y, cut, y)})
	}
	return append(ps, problem{&op.SegmentSoftmax{}, in(x, cut)}, problem{&op.SegmentSoftmaxGrad{}, in(x, cut, x)}, problem{&op.SegmentExpand{Rows: 1024}, in(y, cut)})
}

func norms(d op.DType) []problem {
	x, w := of(d, 64, 1024), of(d, 1024)
	narrow, v := of(d, 512, 128), of(d, 128)
	images, c := of(d, 2, 64, 16, 32), of(d, 64)
	return []problem{
		{&op.RMSNorm{Eps: 1e-6}, in(x, w)}, {&op.RMSNormGrad{Eps: 1e-6}, in(x, w, x)}, {&op.RMSNorm{Eps: 1e-6}, in(narrow, v)}, {&op.RMSNormGrad{Eps: 1e-6}, in(narrow, v, narrow)},
		{&op.LayerNorm{Eps: 1e-6, Affine: true}, in(x, w, w)}, {&op.LayerNorm{Eps: 1e-6, Modulate: true}, in(x, x, x)}, {&op.LayerNormGrad{Eps: 1e-6, Affine: true}, in(x, w, x)},
		{&op.LayerNorm{Eps: 1e-6, Affine: true}, in(narrow, v, v)}, {&op.LayerNormGrad{Eps: 1e-6, Affine: true}, in(narrow, v, narrow)},
		{&op.GroupNorm{Eps: 1e-6, Groups: 8}, in(images, c, c)}, {&op.GroupNormGrad{Eps: 1e-6, Groups: 8}, in(images, c, images)},
		{&op.Rope{Theta: 1e4, Width: 64}, in(of(d, 64, 16, 64), below(64, 64))},
		{&op.Rope{Theta: 1e4, Width: 64, Interleaved: true}, in(of(d, 64, 16, 64), below(64, 64))},
	}
}

// softmaxes is on rows for a warp, for a block, and on a vocabulary.
func softmaxes(d op.DType) (ps []problem) {
	sums := op.F32
	if d == op.F64 {
		sums = d
	}
	for _, s := range [][2]int{{512, 128}, {32, 2048}, {2, 32768}} {
		x, each, total, target := of(d, s[0], s[1]), of(d, s[0]), of(sums, s[0]), below(s[1], s[0])
		ps = append(ps, problem{&op.Softmax{Scale: 1}, in(x)}, problem{&op.SoftmaxGrad{Scale: 1}, in(x, x)},
			problem{&op.LogSoftmax{Scale: 1}, in(x)}, problem{&op.LogSoftmaxGrad{Scale: 1}, in(x, x)},
			problem{&op.Entropy{}, in(x)}, problem{&op.EntropyGrad{}, in(x, each)}, problem{&op.KL{}, in(x, x)}, problem{&op.KLGrad{}, in(x, x, each)},
			problem{&op.CrossEntropy{}, in(x, target)}, problem{&op.CrossEntropyGrad{}, in(x, target, total, total)})
	}
	return ps
}

// products is on squares, on few rows with a weight as it lies and packed, and on groups.
func products(d op.DType) (ps []problem) {
	x, few, w := of(d, 256, 256), of(d, 4, 512), of(d, 512, 512)
	packed, cut := w, cuts(4, 256)
	packed.Weight = true
	for _, t := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		ps = append(ps, problem{&op.MatMul{Alpha: 1, TransA: t[0], TransB: t[1]}, in(x, x)})
		if !t[0] {
			ps = append(ps, problem{&op.MatMul{Alpha: 1, TransB: t[1]}, in(few, w)})
		}
	}
	return append(ps, problem{&op.MatMul{Alpha: 1}, in(few, packed)},
		problem{&op.GroupedMatMul{}, in(x, of(d, 4, 256, 128), cut)}, problem{&op.GroupedMatMul{TransB: true}, in(x, of(d, 4, 128, 256), cut)},
		problem{&op.GroupedOuter{}, in(x, of(d, 256, 128), cut)})
}

// attentions is a prompt, a decoder's step, and the backward of a prompt.
func attentions(d op.DType) (ps []problem) {
	sums := op.F32
	if d == op.F64 {
		sums = d
	}
	for _, width := range []int{64, 128, 256} {
		q, kv, lse := of(d, 1, 4, 128, width), of(d, 1, 2, 128, width), of(sums, 1, 4, 128)
		for _, half := range []bool{false, true} {
			ps = append(ps, problem{&op.Attention{Scale: 0.1, Causal: true, HalfWeights: half}, in(q, kv, kv)})
		}
		ps = append(ps, problem{&op.Attention{Scale: 0.1, Causal: true}, in(of(d, 1, 4, 1, width), of(d, 1, 2, 512, width), of(d, 1, 2, 512, width))},
			problem{&op.AttentionGrad{Scale: 0.1, Causal: true}, in(q, kv, kv, q, lse, q)}, problem{&op.AttentionProbs{Scale: 0.1, Causal: true}, in(q, kv, lse)})
	}
	return ps
}

// indexes moves rows, and orders long and short ones.
func indexes(d op.DType) []problem {
	x, long, short := of(d, 512, 128), of(d, 2, 16384), of(d, 64, 512)
	idx, along := below(512, 256), below(512, 512, 128)
	return []problem{
		{&op.Take{}, in(x, idx)}, {&op.Take{Axis: 1}, in(x, below(128, 64))}, {&op.TakeGrad{N: 512}, in(of(d, 256, 128), idx)}, {&op.TakeAlong{}, in(x, along)},
		{&op.TakeAlongGrad{N: 512}, in(x, along)}, {&op.ScatterAdd{}, in(x, idx, of(d, 256, 128))}, {&op.PutRows{}, in(x, idx, of(d, 256, 128))},
		{&op.Compact{}, in(x, of(op.Bool, 512))}, {&op.Sort{}, in(long)}, {&op.Sort{Descending: true}, in(short)}, {&op.TopK{K: 50}, in(long)}, {&op.TopK{K: 8}, in(short)},
		{&op.KthValue{K: 9}, in(long)}, {&op.Quantile{Q: 0.5}, in(long)}, {&op.KthValue{K: 9}, in(short)}, {&op.Quantile{Q: 0.5}, in(short)},
	}
}

func samples(d op.DType) (ps []problem) {
	for dist := range op.NumDists {
		ps = append(ps, problem{&op.Random{Dist: dist, Dims: op.DimsOf(64, 1024), B: 1, A: 0.5, DType: d}, in(key)})
	}
	params := parity.Of(parity.Rows, op.F32, 4, 4)
	params.Row = [4]float64{0.8, 50, 0.9, 0.05}
	return append(ps, problem{&op.Dropout{P: 0.1}, in(of(d, 64, 1024), key)}, problem{&op.Categorical{}, in(of(d, 4, 16384), params, key)})
}
