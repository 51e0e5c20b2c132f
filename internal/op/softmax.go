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

// LogSoftmax is out[r] = Scale x[r] - log Σ exp(Scale x[r]). out may alias x.
type LogSoftmax struct{ Scale float32 }

func (*LogSoftmax) Kind() Kind       { return KindLogSoftmax }
func (*LogSoftmax) Name() string     { return "logsoftmax" }
func (*LogSoftmax) Args() string     { return "x" }
func (*LogSoftmax) Rowwise(int) bool { return true }
func (*LogSoftmax) InPlace(int) bool { return true }
func (p *LogSoftmax) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	return rows(out, in, nil)
}
func (*LogSoftmax) Cost(in, out []Type) Cost { return perElem(5, in, out) }

// LogSoftmaxGrad is its backward from the output: dx = Scale (dy - exp(y) Σ dy).
type LogSoftmaxGrad struct{ Scale float32 }

func (*LogSoftmaxGrad) Kind() Kind       { return KindLogSoftmaxGrad }
func (*LogSoftmaxGrad) Name() string     { return "logsoftmax.grad" }
func (*LogSoftmaxGrad) Args() string     { return "y dy" }
func (*LogSoftmaxGrad) Rowwise(int) bool { return true }
func (*LogSoftmaxGrad) InPlace(int) bool { return true }
func (p *LogSoftmaxGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if in[0].Rank < 1 {
		return out, ShapeErr("y must have a dimension")
	}
	return sameFloats(out, in)
}
func (*LogSoftmaxGrad) Cost(in, out []Type) Cost { return perElem(4, in, out) }

// Entropy is out[r] = -Σ p log p of p = softmax(x[r]), from logits and without storing p. Logits of -Inf count nothing.
//
// x [..., n] floating-point; out [...] in x's dtype.
type Entropy struct{ _ byte }

func (*Entropy) Kind() Kind       { return KindEntropy }
func (*Entropy) Name() string     { return "entropy" }
func (*Entropy) Args() string     { return "x" }
func (*Entropy) Rowwise(int) bool { return true }
func (*Entropy) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	return rowScalars(out, in, in[0].DType)
}
func (*Entropy) Cost(in, out []Type) Cost { return perElem(6, out, in[:1]) }

// EntropyGrad is its backward: dx = -dy p (log p + entropy), from x and dy [...].
type EntropyGrad struct{ _ byte }

func (*EntropyGrad) Kind() Kind   { return KindEntropyGrad }
func (*EntropyGrad) Name() string { return "entropy.grad" }
func (*EntropyGrad) Args() string { return "x dy" }
func (*EntropyGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	return fromRowScalars(out, in[:1], &in[1])
}
func (*EntropyGrad) Cost(in, out []Type) Cost { return perElem(8, in, out) }

// fromRowScalars is the rule of the backward of rowScalars: x's of one type, and dy with one number a row.
func fromRowScalars(out, xs []Type, dy *Type) ([]Type, error) {
	var buf [1]Type
	y, err := rowScalars(buf[:0], xs, xs[0].DType)
	if err != nil {
		return out, err
	}
	if !y[0].Same(dy) {
		return out, ShapeErr("dy must be %v", y[0])
	}
	for i := range xs {
		out = append(out, xs[i].With(xs[i].DType))
	}
	return out, nil
}

// KL is out[r] = Σ p (log p - log q) of p = softmax(a[r]) and q = softmax(b[r]): the divergence of q from p, both from
// logits. Logits of a that are -Inf count nothing.
//
// a, b [..., n] floating-point; out [...] in their dtype.
type KL struct{ _ byte }

func (*KL) Kind() Kind       { return KindKL }
func (*KL) Name() string     { return "kl" }
func (*KL) Args() string     { return "a b" }
func (*KL) Rowwise(int) bool { return true }
func (*KL) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	return rowScalars(out, in, in[0].DType)
}
func (*KL) Cost(in, out []Type) Cost { return Cost{product(10, in[0].Elems()), bytes(in, out)} }

// KLGrad is its backward: da = dy p (log p - log q - kl), db = dy (q - p), from a, b and dy [...].
type KLGrad struct{ _ byte }

func (*KLGrad) Kind() Kind   { return KindKLGrad }
func (*KLGrad) Name() string { return "kl.grad" }
func (*KLGrad) Args() string { return "a b dy" }
func (*KLGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	return fromRowScalars(out, in[:2], &in[2])
}
func (*KLGrad) Cost(in, out []Type) Cost { return perElem(12, in, out) }

// CrossEntropy is loss[r] = log Σ exp(x[r]) - x[r][target[r]], without storing probabilities. A target outside 0…n-1,
// such as -1, is ignored: its loss is 0. The selected log-probability is its negative.
//
// x [..., n] floating-point, target i32[...]; loss and lse [...], both f32, or f64 for f64. lse is what the backward reads.
type CrossEntropy struct{ _ byte }

func (*CrossEntropy) Kind() Kind       { return KindCrossEntropy }
func (*CrossEntropy) Name() string     { return "crossentropy" }
func (*CrossEntropy) Args() string     { return "x target" }
func (*CrossEntropy) Rowwise(int) bool { return true }
func (*CrossEntropy) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	return targets(out, in)
}

// targets is the rule of losses by row: logits and the index of one of them.
func targets(out, in []Type) ([]Type, error) {
	x := &in[0]
	if err := float("x", x); err != nil {
		return out, err
	}
	if x.Rank < 1 {
		return out, ShapeErr("x must have a dimension")
	}
	if in[1].DType != I32 {
		return out, DTypeErr("target must be i32")
	}
	t := x.without(int(x.Rank) - 1)
	if !in[1].SameShape(&t) {
		return out, ShapeErr("target must be %v", t.With(I32))
	}
	d := F32
	if x.DType == F64 {
		d = F64
	}
	return append(out, t.With(d), t.With(d)), dense(in)
}
func (*CrossEntropy) Cost(in, out []Type) Cost { return perElem(4, out, in[:1]) }

// CrossEntropyGrad is its backward: dx = dloss (exp(x - lse) - onehot(target)), 0 in rows that are ignored.
//
// x, target, lse, dloss; dx as x. out may alias x.
type CrossEntropyGrad struct{ _ byte }

func (*CrossEntropyGrad) Kind() Kind          { return KindCrossEntropyGrad }
func (*CrossEntropyGrad) Name() string        { return "crossentropy.grad" }
func (*CrossEntropyGrad) Args() string        { return "x target lse dloss" }
func (*CrossEntropyGrad) InPlace(in int) bool { return in == 0 }
func (*CrossEntropyGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 4); err != nil {
		return out, err
	}
	var buf [2]Type
	fout, err := targets(buf[:0], in[:2])
	if err != nil {
		return out, err
	}
	if !in[2].Same(&fout[0]) || !in[3].Same(&fout[0]) {
		return out, ShapeErr("lse and dloss must be %v", fout[0])
	}
	return append(out, in[0].With(in[0].DType)), nil
}
func (*CrossEntropyGrad) Cost(in, out []Type) Cost { return perElem(4, in, out) }
