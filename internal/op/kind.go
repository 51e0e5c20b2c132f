package op

// Kind indexes kernel tables and gradient rules. Adding an op means a line here and one in All, and then the tests
// name every room that lacks it.
type Kind uint8

const (
	KindCustom Kind = iota // a user's own op; its kernels travel with it
	KindUnary
	KindUnaryGrad
	KindBinary
	KindScalar
	KindCompare
	KindWhere
	KindClamp
	KindSwiGLU
	KindSwiGLUGrad
	KindBiasAct
	KindAddScaled
	KindFill
	KindIota
	KindCopy
	KindCast
	KindReshape
	KindPermute
	KindSlice
	KindExpand
	KindReduce
	KindArgReduce
	KindCumSum
	KindDot
	KindSegment
	KindSegmentGrad
	KindSegmentSoftmax
	KindSegmentSoftmaxGrad
	KindSegmentExpand
	KindMatMul
	KindPack
	KindGroupedMatMul
	KindGroupedOuter
	KindRMSNorm
	KindRMSNormGrad
	KindLayerNorm
	KindLayerNormGrad
	KindGroupNorm
	KindGroupNormGrad
	KindRope
	KindAttention
	KindAttentionGrad
	KindAttentionProbs
	KindSoftmax
	KindSoftmaxGrad
	KindLogSoftmax
	KindLogSoftmaxGrad
	KindEntropy
	KindEntropyGrad
	KindKL
	KindKLGrad
	KindCrossEntropy
	KindCrossEntropyGrad
	KindTake
	KindTakeGrad
	KindTakeAlong
	KindTakeAlongGrad
	KindScatterAdd
	KindPutRows
	KindConcat
	KindCompact
	KindSort
	KindTopK
	KindKthValue
	KindQuantile
	KindRandom
	KindDropout
	KindCategorical
	NumKinds
)

// PerElement reports whether each element of o's result depends on the elements of its operands at the same place
// alone. Of a row-wise op on one dimension, that dimension may be a row instead.
func PerElement(o Op) bool { return o.Kind() >= KindUnary && o.Kind() <= KindCast }

// All makes one of each built-in op, functions and distributions apart: what completeness tests, parity and the
// support matrix enumerate.
func All() []Op {
	var ops []Op
	for f := range NumUnaryFns {
		ops = append(ops, &Unary{Fn: f})
	}
	for f := range NumUnaryFns {
		if f.Differentiable() {
			ops = append(ops, &UnaryGrad{Fn: f})
		}
	}
	for f := range NumBinaryFns {
		ops = append(ops, &Binary{Fn: f})
	}
	for f := range NumBinaryFns {
		ops = append(ops, &Scalar{Fn: f})
	}
	for f := range NumCompareFns {
		ops = append(ops, &Compare{Fn: f})
	}
	for f := range NumReduceFns {
		ops = append(ops, &Reduce{Fn: f})
	}
	for f := range NumSegmentFns {
		ops = append(ops, &Segment{Fn: f}, &SegmentGrad{Fn: f})
	}
	for d := range NumDists {
		ops = append(ops, &Random{Dist: d})
	}
	for _, t := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		ops = append(ops, &MatMul{Alpha: 1, TransA: t[0], TransB: t[1]})
	}
	return append(ops,
		&Where{}, &Clamp{}, &SwiGLU{}, &SwiGLUGrad{}, &BiasAct{Act: ReLU}, &AddScaled{Sign: 1},
		&Fill{}, &Iota{}, &Copy{}, &Cast{},
		&Reshape{}, &Permute{}, &Slice{Step: 1}, &Expand{},
		&ArgReduce{}, &ArgReduce{Least: true}, &CumSum{}, &Dot{},
		&SegmentSoftmax{}, &SegmentSoftmaxGrad{}, &SegmentExpand{},
		&Pack{}, &GroupedMatMul{}, &GroupedOuter{},
		&RMSNorm{}, &RMSNormGrad{}, &LayerNorm{}, &LayerNorm{Modulate: true}, &LayerNormGrad{}, &GroupNorm{Groups: 1}, &GroupNormGrad{Groups: 1},
		&Rope{Theta: 1e4, Width: 2},
		&Attention{Scale: 1}, &AttentionGrad{Scale: 1}, &AttentionProbs{Scale: 1},
		&Softmax{Scale: 1}, &SoftmaxGrad{Scale: 1}, &LogSoftmax{Scale: 1}, &LogSoftmaxGrad{Scale: 1},
		&Entropy{}, &EntropyGrad{}, &KL{}, &KLGrad{}, &CrossEntropy{}, &CrossEntropyGrad{},
		&Take{}, &TakeGrad{}, &TakeAlong{}, &TakeAlongGrad{}, &ScatterAdd{}, &PutRows{}, &Concat{}, &Compact{},
		&Sort{}, &TopK{}, &KthValue{K: 1}, &Quantile{},
		&Dropout{}, &Categorical{},
	)
}
