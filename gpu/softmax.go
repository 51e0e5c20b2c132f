//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var softmaxes = table{on(pickSoftmax), on(pickSoftmaxGrad), on(pickLogSoftmax), on(pickLogSoftmaxGrad), on(pickCrossEntropy), on(pickCrossEntropyGrad)}

// softmaxSet is softmax or log-softmax: the forward has a third form for rows too long for a block's registers.
type softmaxSet struct {
	forward, grad byRow
	long          perType
}

const longestHeld = 4096

func softmaxSymbols(name string) softmaxSet {
	e := func(suffix string) perType { return entries("softmax", name+suffix+"_%v", reals...) }
	return softmaxSet{byRow{e("_warp"), e("_block"), 512}, byRow{e("_grad_warp"), e("_grad"), 512}, e("_long")}
}

var (
	softmaxKernels    = softmaxSymbols("softmax")
	logSoftmaxKernels = softmaxSymbols("log_softmax")
	crossEntropies    = entries("softmax", "cross_entropy_%v", reals...)
	crossEntropyGrads = entries("softmax", "cross_entropy_grad_%v", reals...)
)

func pickSoftmax(_ *op.Softmax, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, softmax)
}
func pickSoftmaxGrad(_ *op.SoftmaxGrad, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, softmaxGrad)
}
func pickLogSoftmax(_ *op.LogSoftmax, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, logSoftmax)
}
func pickLogSoftmaxGrad(_ *op.LogSoftmaxGrad, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, logSoftmaxGrad)
}

func softmax(st op.Stream, n *op.Node) error {
	return softmaxKernels.run(st.(*stream), n, n.Op.(*op.Softmax).Scale)
}
func softmaxGrad(st op.Stream, n *op.Node) error {
	return softmaxKernels.runGrad(st.(*stream), n, n.Op.(*op.SoftmaxGrad).Scale)
}
func logSoftmax(st op.Stream, n *op.Node) error {
	return logSoftmaxKernels.run(st.(*stream), n, n.Op.(*op.LogSoftmax).Scale)
}
func logSoftmaxGrad(st op.Stream, n *op.Node) error {
	return logSoftmaxKernels.runGrad(st.(*stream), n, n.Op.(*op.LogSoftmaxGrad).Scale)
}

func (f *softmaxSet) run(s *stream, n *op.Node, scale float32) error {
	x, y := &n.In[0], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	rows, length := x.Rows(), x.Last()
	k, grid := f.forward.pick(x.DType, rows, length)
	if length > longestHeld {
		k = f.long[x.DType]
	}
	return s.launch(k, grid, threads, at(y), at(x), uint64(rows), uint64(length), factor(scale, x.DType))
}

func (f *softmaxSet) runGrad(s *stream, n *op.Node, scale float32) error {
	y, dy, dx := &n.In[0], &n.In[1], &n.Out[0]
	if y.Elems() == 0 {
		return nil
	}
	rows, length := y.Rows(), y.Last()
	k, grid := f.grad.pick(y.DType, rows, length)
	return s.launch(k, grid, threads, at(dx), at(y), at(dy), uint64(rows), uint64(length), factor(scale, y.DType))
}

func pickCrossEntropy(_ *op.CrossEntropy, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, crossEntropy)
}
func pickCrossEntropyGrad(_ *op.CrossEntropyGrad, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, crossEntropyGrad)
}

func crossEntropy(st op.Stream, n *op.Node) error {
	s, x, target, loss, lse := st.(*stream), &n.In[0], &n.In[1], &n.Out[0], &n.Out[1]
	if x.Elems() == 0 { // rows of nothing: every target is outside
		if err := s.fill(loss, 0); err != nil {
			return err
		}
		return s.fill(lse, math.Inf(-1))
	}
	return s.launch(crossEntropies[x.DType], dim{x.Rows(), 1, 1}, threads, at(loss), at(lse), at(x), at(target), uint64(x.Last()))
}

func crossEntropyGrad(st op.Stream, n *op.Node) error {
	s, x, target, lse, dloss, dx := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.In[3], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	return s.launch(crossEntropyGrads[x.DType], dim{x.Rows(), 1, 1}, threads, at(dx), at(x), at(target), at(lse), at(dloss), uint64(x.Last()))
}
