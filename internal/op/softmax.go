package op

// Softmax is out[r] = exp(Scale x[r] - m) / Σ exp(Scale x[r] - m) with m the row's largest Scale x.
//
// x [..., n] floating-point; out as x. A row of -Inf alone gives NaN. out may alias x.
type Softmax struct{ Scale float32 }

func (*Softmax) Kind() Kind       { return KindSoftmax }
func (*Softmax) Name() string     { return "softmax" }
func (*Softmax) Args() string     { return "x" }
func (*Softmax) Rowwise(int) bool { return true }
func (*Softmax) InPlace(int) bool { return true }
func (p *Softmax) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	return rows(out, in, nil)
}
func (*Softmax) Cost(in, out []Type) Cost { return perElem(5, in, out) }

// SoftmaxGrad is the backward of Softmax from its output: dx = Scale y (dy - Σ y dy).
type SoftmaxGrad struct{ Scale float32 }

func (*SoftmaxGrad) Kind() Kind       { return KindSoftmaxGrad }
func (*SoftmaxGrad) Name() string     { return "softmax.grad" }
func (*SoftmaxGrad) Args() string     { return "y dy" }
func (*SoftmaxGrad) Rowwise(int) bool { return true }
func (*SoftmaxGrad) InPlace(int) bool { return true }
func (p *SoftmaxGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if in[0].Rank < 1 {
		return out, ShapeErr("y must have a dimension")
	}
	return sameFloats(out, in)
}
func (*SoftmaxGrad) Cost(in, out []Type) Cost { return perElem(4, in, out) }
