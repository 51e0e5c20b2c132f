package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

var softmaxes = table{on(pickSoftmax), on(pickSoftmaxGrad), on(pickLogSoftmax), on(pickLogSoftmaxGrad), on(pickEntropy), on(pickEntropyGrad),
	on(pickKL), on(pickKLGrad), on(pickCrossEntropy), on(pickCrossEntropyGrad)}

func pickSoftmax(_ *Backend, p *op.Softmax, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].DType == op.F64 {
		return kernel(softmax64)
	}
	return kernel(softmax32)
}

func softmax32(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), softmaxRows[float32])
}

func softmax64(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), softmaxRows[float64])
}

func softmaxRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	scale, t := T(n.Op.(*op.Softmax).Scale), rowTable[T](w, &n.Out[0])
	tmp := realScratch[T](w, 3, n.In[0].Last())
	if lo < hi && isFar(&n.Out[0]) {
		softmaxFar(w, n, lo, hi, tmp)
		return
	}
	for r := lo; r < hi; r++ {
		x, y := rowOf[T](w, &n.In[0], r, 1), rowTo[T](w, &n.Out[0], r, 2)
		t.Softmax(y, x, tmp, scale)
		putRow(w, &n.Out[0], r, y)
	}
}

// softmaxFar computes the weights of each row while it writes the one before.
func softmaxFar[T vec.Real](w *worker, n *op.Node, lo, hi int, tmp []T) {
	scale, t := T(n.Op.(*op.Softmax).Scale), rowTable[T](w, &n.Out[0])
	other := realScratch[T](w, 4, len(tmp))
	s := t.SoftmaxWeights(tmp, rowOf[T](w, &n.In[0], lo, 1), scale)
	for r := lo + 1; r < hi; r++ {
		s = t.SoftmaxAlong(other, rowOf[T](w, &n.In[0], r, 1), scale, rowTo[T](w, &n.Out[0], r-1, 2), tmp, s)
		tmp, other = other, tmp
	}
	t.MulS(rowTo[T](w, &n.Out[0], hi-1, 2), tmp, s)
}

func pickSoftmaxGrad(_ *Backend, p *op.SoftmaxGrad, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].DType == op.F64 {
		return kernel(softmaxGrad64)
	}
	return kernel(softmaxGrad32)
}

func softmaxGrad32(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), softmaxGradRows[float32])
}

func softmaxGrad64(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), softmaxGradRows[float64])
}

func softmaxGradRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	scale, t := T(n.Op.(*op.SoftmaxGrad).Scale), floats[T](w.vec)
	for r := lo; r < hi; r++ {
		y, dy, dx := rowOf[T](w, &n.In[0], r, 1), rowOf[T](w, &n.In[1], r, 2), rowTo[T](w, &n.Out[0], r, 3)
		t.SoftmaxGrad(dx, y, dy, scale)
		putRow(w, &n.Out[0], r, dx)
	}
}
