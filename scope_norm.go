package tandem

import "github.com/tandem-compute/tandem/internal/op"

// RMSNorm is x / √(mean(x²) + eps) * w over the last dimension.
func (s *Scope) RMSNorm(x, w Tensor, eps float32) Tensor {
	return emit(s, op.RMSNorm{Eps: eps}, x, w)
}

// RMSNorm1 is RMSNorm with the weight stored around zero: it scales by 1 + w.
func (s *Scope) RMSNorm1(x, w Tensor, eps float32) Tensor {
	return emit(s, op.RMSNorm{Eps: eps, Offset: 1}, x, w)
}

func init() {
	gradient(ins(0, 1), func(g *Grad, p *op.RMSNorm) {
		dx, dw := emit2(g.Scope, op.RMSNormGrad{Eps: p.Eps, Offset: p.Offset}, g.In(0), g.In(1), g.D(0))
		g.To(0, dx)
		g.To(1, dw)
	})
}
