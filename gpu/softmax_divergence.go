//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var divergences = table{on(pickEntropy), on(pickEntropyGrad), on(pickKL), on(pickKLGrad)}

var (
	entropies    = entries("divergence", "entropy_%v", reals...)
	entropyGrads = entries("divergence", "entropy_grad_%v", reals...)
	kls          = entries("divergence", "kl_%v", reals...)
	klGrads      = entries("divergence", "kl_grad_%v", reals...)
)

func pickEntropy(_ *op.Entropy, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, entropy)
}
func pickEntropyGrad(_ *op.EntropyGrad, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, entropyGrad)
}
func pickKL(_ *op.KL, in, out []op.Type) (op.Kernel, error) { return pickContiguous(in, out, kl) }
func pickKLGrad(_ *op.KLGrad, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, klGrad)
}

func entropy(st op.Stream, n *op.Node) error {
	s, x, y := st.(*stream), &n.In[0], &n.Out[0]
	if x.Elems() == 0 {
		return s.fill(y, 0)
	}
	return s.launch(entropies[x.DType], dim{x.Rows(), 1, 1}, threads, at(y), at(x), uint64(x.Last()))
}

func entropyGrad(st op.Stream, n *op.Node) error {
	s, x, dy, dx := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	return s.launch(entropyGrads[x.DType], dim{x.Rows(), 1, 1}, threads, at(dx), at(x), at(dy), uint64(x.Last()))
}

func kl(st op.Stream, n *op.Node) error {
	s, a, b, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	if a.Elems() == 0 {
		return s.fill(y, 0)
	}
	return s.launch(kls[a.DType], dim{a.Rows(), 1, 1}, threads, at(y), at(a), at(b), uint64(a.Last()))
}

func klGrad(st op.Stream, n *op.Node) error {
	s, a, b, dy, da, db := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.Out[0], &n.Out[1]
	if a.Elems() == 0 {
		return nil
	}
	return s.launch(klGrads[a.DType], dim{a.Rows(), 1, 1}, threads, at(da), at(db), at(a), at(b), at(dy), uint64(a.Last()))
}
