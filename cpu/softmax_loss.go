package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// Losses over the last dimension, each row on its own. Rows of logits are read twice or thrice and probabilities are
// never stored: the worker's scratch holds one block of them.

func pickLogSoftmax(_ *Backend, _ *op.LogSoftmax, in, out []op.Type) (op.Kernel, error) {
	return realRows(in, out, logSoftmax32, logSoftmax64)
}

// realRows chooses between the kernels of f32 (and halves) and f64 on rows at any distance.
func realRows(in, out []op.Type, f32, f64 func(op.Stream, *op.Node) error) (op.Kernel, error) {
	if err := rowMajor(in, out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].DType == op.F64 {
		return kernel(f64)
	}
	return kernel(f32)
}

// byRows cuts a node at the rows of its first input.
func (s *stream) byRows(n *op.Node, f body) error {
	return s.split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), f)
}

func logSoftmax32(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, logSoftmaxRows[float32])
}
func logSoftmax64(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, logSoftmaxRows[float64])
}

func logSoftmaxRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	scale, t := T(n.Op.(*op.LogSoftmax).Scale), floats[T](w.vec)
	for r := lo; r < hi; r++ {
		x, y := rowOf[T](w, &n.In[0], r, 1), rowTo[T](w, &n.Out[0], r, 2)
		if scale != 1 {
			t.MulS(y, x, scale)
			x = y
		}
		t.AddS(y, x, -t.LogSumExp(x))
		putRow(w, &n.Out[0], r, y)
	}
}

func pickLogSoftmaxGrad(_ *Backend, _ *op.LogSoftmaxGrad, in, out []op.Type) (op.Kernel, error) {
	return realRows(in, out, logSoftmaxGrad32, logSoftmaxGrad64)
}

func logSoftmaxGrad32(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, logSoftmaxGradRows[float32])
}

func logSoftmaxGrad64(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, logSoftmaxGradRows[float64])
}

func logSoftmaxGradRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	scale, t := T(n.Op.(*op.LogSoftmaxGrad).Scale), floats[T](w.vec)
	p := realScratch[T](w, 4, n.In[0].Last())
	for r := lo; r < hi; r++ {
		y, dy, dx := rowOf[T](w, &n.In[0], r, 1), rowOf[T](w, &n.In[1], r, 2), rowTo[T](w, &n.Out[0], r, 3)
		total := t.Sum(dy)
		t.Exp(p, y)
		t.AddScaled(dx, dy, p, -total)
		if scale != 1 {
			t.MulS(dx, dx, scale)
		}
		putRow(w, &n.Out[0], r, dx)
	}
}

// probs fills p with exp(x - log Σ exp(x)) and returns that logarithm.
func probs[T vec.Real](t *vec.Float[T], p, x []T) T {
	lse := t.LogSumExp(x)
	t.AddS(p, x, -lse)
	t.Exp(p, p)
	return lse
}

func pickEntropy(_ *Backend, _ *op.Entropy, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	return realRows(in, nil, entropy32, entropy64)
}

func entropy32(s op.Stream, n *op.Node) error { return s.(*stream).byRows(n, entropyRows[float32]) }
func entropy64(s op.Stream, n *op.Node) error { return s.(*stream).byRows(n, entropyRows[float64]) }

func entropyRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	t := floats[T](w.vec)
	h := scratch[T](w, narrow, 1)
	for r := lo; r < hi; r++ {
		h[0] = entropyOf(w, t, rowOf[T](w, &n.In[0], r, 1))
		storeAt(w, &n.Out[0], r, h)
	}
}

// entropyOf is -Σ p log p of a row of logits; it leaves p in scratch 4 and log p in scratch 5.
func entropyOf[T vec.Real](w *worker, t *vec.Float[T], x []T) T {
	p, lp := realScratch[T](w, 4, len(x)), realScratch[T](w, 5, len(x))
	t.AddS(lp, x, -t.LogSumExp(x))
	t.Exp(p, lp)
	finiteWhereZero(p, lp)
	return -t.Dot(p, lp)
}

// finiteWhereZero replaces log p by 0 where p is 0, so that 0 log 0 counts nothing.
func finiteWhereZero[T vec.Real](p, lp []T) {
	for i, v := range p {
		if v == 0 {
			lp[i] = 0
		}
	}
}

func pickEntropyGrad(_ *Backend, _ *op.EntropyGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in[1:]); err != nil {
		return op.Kernel{}, err
	}
	return realRows(in[:1], out, entropyGrad32, entropyGrad64)
}

func entropyGrad32(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, entropyGradRows[float32])
}
func entropyGrad64(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, entropyGradRows[float64])
}

func entropyGradRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	t, cols := floats[T](w.vec), n.In[0].Last()
	for r := lo; r < hi; r++ {
		x, dx := rowOf[T](w, &n.In[0], r, 1), rowTo[T](w, &n.Out[0], r, 2)
		h := entropyOf(w, t, x)
		p, lp := realScratch[T](w, 4, cols), realScratch[T](w, 5, cols)
		t.AddS(lp, lp, h)
		t.Mul(dx, p, lp)
		t.MulS(dx, dx, -rowAt[T](w, &n.In[1], r, 1, 3)[0])
		putRow(w, &n.Out[0], r, dx)
	}
}

func pickKL(_ *Backend, _ *op.KL, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	return realRows(in, nil, kl32, kl64)
}

func kl32(s op.Stream, n *op.Node) error { return s.(*stream).byRows(n, klRows[float32]) }
func kl64(s op.Stream, n *op.Node) error { return s.(*stream).byRows(n, klRows[float64]) }

func klRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	t := floats[T](w.vec)
	d := scratch[T](w, narrow, 1)
	for r := lo; r < hi; r++ {
		d[0] = divergence(w, t, rowOf[T](w, &n.In[0], r, 1), rowOf[T](w, &n.In[1], r, 2))
		storeAt(w, &n.Out[0], r, d)
	}
}

// divergence is Σ p (log p - log q) of two rows of logits; it leaves p in scratch 4, the difference in scratch 5.
func divergence[T vec.Real](w *worker, t *vec.Float[T], a, b []T) T {
	p, d := realScratch[T](w, 4, len(a)), realScratch[T](w, 5, len(a))
	la, lb := t.LogSumExp(a), t.LogSumExp(b)
	t.AddS(p, a, -la)
	t.AddS(d, b, -lb)
	t.Sub(d, p, d)
	t.Exp(p, p)
	finiteWhereZero(p, d)
	return t.Dot(p, d)
}

func pickKLGrad(_ *Backend, _ *op.KLGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in[2:]); err != nil {
		return op.Kernel{}, err
	}
	return realRows(in[:2], out, klGrad32, klGrad64)
}

func klGrad32(s op.Stream, n *op.Node) error { return s.(*stream).byRows(n, klGradRows[float32]) }
func klGrad64(s op.Stream, n *op.Node) error { return s.(*stream).byRows(n, klGradRows[float64]) }

func klGradRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	t, cols := floats[T](w.vec), n.In[0].Last()
	for r := lo; r < hi; r++ {
		a, b := rowOf[T](w, &n.In[0], r, 1), rowOf[T](w, &n.In[1], r, 2)
		da, db := rowTo[T](w, &n.Out[0], r, 3), rowTo[T](w, &n.Out[1], r, 0)
		dy := rowAt[T](w, &n.In[2], r, 1, maxWalk)[0]
		kl := divergence(w, t, a, b)
		p, d := realScratch[T](w, 4, cols), realScratch[T](w, 5, cols)
		t.AddS(d, d, -kl)
		t.Mul(da, p, d)
		t.MulS(da, da, dy)
		probs(t, db, b)
		t.Sub(db, db, p)
		t.MulS(db, db, dy)
		putRow(w, &n.Out[0], r, da)
		putRow(w, &n.Out[1], r, db)
	}
}

func pickCrossEntropy(_ *Backend, _ *op.CrossEntropy, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in[1:], out); err != nil {
		return op.Kernel{}, err
	}
	return realRows(in[:1], nil, crossEntropy32, crossEntropy64)
}

func crossEntropy32(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, crossEntropyRows[float32])
}

func crossEntropy64(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, crossEntropyRows[float64])
}

func crossEntropyRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	t, targets := floats[T](w.vec), op.Data[int32](&n.In[1])
	loss, lse := dataOf[T](&n.Out[0]), dataOf[T](&n.Out[1])
	for r := lo; r < hi; r++ {
		x := rowOf[T](w, &n.In[0], r, 1)
		lse[r], loss[r] = t.LogSumExp(x), 0
		if i := targets[r]; i >= 0 && int(i) < len(x) {
			loss[r] = lse[r] - x[i]
		}
	}
}

func pickCrossEntropyGrad(_ *Backend, _ *op.CrossEntropyGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in[1:]); err != nil {
		return op.Kernel{}, err
	}
	return realRows(in[:1], out, crossEntropyGrad32, crossEntropyGrad64)
}

func crossEntropyGrad32(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, crossEntropyGradRows[float32])
}

func crossEntropyGrad64(s op.Stream, n *op.Node) error {
	return s.(*stream).byRows(n, crossEntropyGradRows[float64])
}

func crossEntropyGradRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	t, targets := floats[T](w.vec), op.Data[int32](&n.In[1])
	lse, dloss := dataOf[T](&n.In[2]), dataOf[T](&n.In[3])
	for r := lo; r < hi; r++ {
		x, dx := rowOf[T](w, &n.In[0], r, 1), rowTo[T](w, &n.Out[0], r, 2)
		if i := targets[r]; i >= 0 && int(i) < len(x) {
			t.AddS(dx, x, -lse[r])
			t.Exp(dx, dx)
			dx[i]--
			t.MulS(dx, dx, dloss[r])
		} else {
			clear(dx)
		}
		putRow(w, &n.Out[0], r, dx)
	}
}
