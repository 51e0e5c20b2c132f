package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Softmax is exp(x) / Σ exp(x) over the last dimension.
func (s *Scope) Softmax(x Tensor) Tensor { return emit(s, op.Softmax{Scale: 1}, x) }

// SoftmaxScaled is the softmax of scale x.
func (s *Scope) SoftmaxScaled(x Tensor, scale float32) Tensor {
	return emit(s, op.Softmax{Scale: scale}, x)
}

func init() {
	gradient(outs(0), func(g *Grad, p *op.Softmax) { // from the output alone: the scores need not be kept
		g.To(0, emit(g.Scope, op.SoftmaxGrad{Scale: p.Scale}, g.Out(0), g.D(0)))
	})
}
