package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Softmax is exp(x) / Σ exp(x) over the last dimension.
func (s *Scope) Softmax(x Tensor) Tensor { return emit(s, op.Softmax{Scale: 1}, args(x)) }

// SoftmaxScaled is the softmax of scale x.
func (s *Scope) SoftmaxScaled(x Tensor, scale float32) Tensor {
	return emit(s, op.Softmax{Scale: scale}, args(x))
}

// LogSoftmax is x - log Σ exp(x) over the last dimension.
func (s *Scope) LogSoftmax(x Tensor) Tensor { return emit(s, op.LogSoftmax{Scale: 1}, args(x)) }

// LogSoftmaxScaled is the log-softmax of scale x.
func (s *Scope) LogSoftmaxScaled(x Tensor, scale float32) Tensor {
	return emit(s, op.LogSoftmax{Scale: scale}, args(x))
}

// Entropy is -Σ p log p of p = softmax(x) for each row of logits: [..., n] to [...].
func (s *Scope) Entropy(x Tensor) Tensor { return emit(s, op.Entropy{}, args(x)) }

// KL is Σ p log(p/q) of p = softmax(a) and q = softmax(b) for each row of logits: [..., n] to [...].
func (s *Scope) KL(a, b Tensor) Tensor { return emit(s, op.KL{}, args(a, b)) }

// CrossEntropy is -log softmax(x)[target] for each row of logits x [..., n] and target i32[...], without storing
// probabilities; 0 where the target is outside 0…n-1. The result is f32, f64 for f64.
func (s *Scope) CrossEntropy(x, target Tensor) Tensor {
	loss, _ := emit2(s, op.CrossEntropy{}, args(x, target))
	return loss
}

// LogProb is log softmax(x)[target] for each row: the log-probability of a chosen token.
func (s *Scope) LogProb(x, target Tensor) Tensor {
	into := s.aside()
	loss := s.CrossEntropy(x, target)
	s.into = into
	return s.Neg(loss)
}

func init() {
	gradient(outs(0), func(g *Grad, p *op.Softmax) { // from the output alone: the scores need not be kept
		g.To(0, emit(g.Scope, op.SoftmaxGrad{Scale: p.Scale}, args(g.Out(0), g.D(0))))
	})
	gradient(outs(0), func(g *Grad, p *op.LogSoftmax) {
		g.To(0, emit(g.Scope, op.LogSoftmaxGrad{Scale: p.Scale}, args(g.Out(0), g.D(0))))
	})
	gradient(ins(0), func(g *Grad, _ *op.Entropy) {
		g.To(0, emit(g.Scope, op.EntropyGrad{}, args(g.In(0), g.D(0))))
	})
	gradient(ins(0, 1), func(g *Grad, _ *op.KL) {
		da, db := emit2(g.Scope, op.KLGrad{}, args(g.In(0), g.In(1), g.D(0)))
		g.To(0, da)
		g.To(1, db)
	})
	gradient(ins(0, 1)|outs(1), func(g *Grad, _ *op.CrossEntropy) {
		g.To(0, emit(g.Scope, op.CrossEntropyGrad{}, args(g.In(0), g.In(1), g.Out(1), g.D(0))))
	})
}
