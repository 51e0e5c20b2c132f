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
	KindMatMul
	KindPack
	KindRMSNorm
	KindRMSNormGrad
	KindSoftmax
	KindSoftmaxGrad
	KindRandom
	NumKinds
)

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
		&Pack{},
		&RMSNorm{}, &RMSNormGrad{},
		&Softmax{Scale: 1}, &SoftmaxGrad{Scale: 1},
	)
}
