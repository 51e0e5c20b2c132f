package tandem

import "github.com/tandem-compute/tandem/internal/op"

// RMSNorm is x / √(mean(x²) + eps) * w over the last dimension.
func (s *Scope) RMSNorm(x, w Tensor, eps float32) Tensor {
	return emit(s, op.RMSNorm{Eps: eps}, args(x, w))
}

// RMSNorm1 is RMSNorm with the weight stored around zero: it scales by 1 + w.
func (s *Scope) RMSNorm1(x, w Tensor, eps float32) Tensor {
	return emit(s, op.RMSNorm{Eps: eps, Offset: 1}, args(x, w))
}

// LayerNorm is (x - mean) / √(var + eps) * w + b over the last dimension; a zero w and b leave the weights out.
func (s *Scope) LayerNorm(x, w, b Tensor, eps float32) Tensor {
	if w.slot == nil && b.slot == nil {
		return emit(s, op.LayerNorm{Eps: eps}, args(x))
	}
	return emit(s, op.LayerNorm{Eps: eps, Affine: true}, args(x, w, b))
}

// LayerNormModulated is (x - mean) / √(var + eps) * (1 + scale) + shift, with a scale and a shift of their own for each
// token, or whatever broadcasts to x: adaptive layer norm.
func (s *Scope) LayerNormModulated(x, scale, shift Tensor, eps float32) Tensor {
	return emit(s, op.LayerNorm{Eps: eps, Modulate: true}, args(x, scale, shift))
}

// GroupNorm normalises groups of channels of x [n, c, ...] and scales and shifts by channel.
func (s *Scope) GroupNorm(x, w, b Tensor, groups int, eps float32) Tensor {
	return emit(s, op.GroupNorm{Eps: eps, Groups: narrow(groups)}, args(x, w, b))
}

func init() {
	gradient(ins(0, 1), func(g *Grad, p *op.RMSNorm) {
		dx, dw := emit2(g.Scope, op.RMSNormGrad{Eps: p.Eps, Offset: p.Offset}, args(g.In(0), g.In(1), g.D(0)))
		g.To(0, dx)
		g.To(1, dw)
	})
	gradientBy(func(p *op.LayerNorm) uint32 {
		if p.Affine || p.Modulate {
			return ins(0, 1)
		}
		return ins(0)
	}, layerNormGrad)
	gradient(ins(0, 1), func(g *Grad, p *op.GroupNorm) {
		dx, dw, db := emit3(g.Scope, op.GroupNormGrad{Eps: p.Eps, Groups: p.Groups}, args(g.In(0), g.In(1), g.D(0)))
		g.To(0, dx)
		g.To(1, dw)
		g.To(2, db)
	})
}

func layerNormGrad(g *Grad, p *op.LayerNorm) {
	x, d := g.In(0), g.D(0)
	switch {
	case p.Affine:
		dx, dw, db := emit3(g.Scope, op.LayerNormGrad{Eps: p.Eps, Affine: true}, args(x, g.In(1), d))
		g.To(0, dx)
		g.To(1, dw)
		g.To(2, db)
	case p.Modulate: // y = x̂ (1 + scale) + shift
		if g.Needs(0) {
			g.To(0, emit(g.Scope, op.LayerNormGrad{Eps: p.Eps}, args(x, g.Mul(d, g.AddScalar(g.In(1), 1)))))
		}
		if g.Needs(1) {
			g.To(1, g.sumLike(g.Mul(d, emit(g.Scope, op.LayerNorm{Eps: p.Eps}, args(x))), 1))
		}
		g.To(2, g.sumLike(d, 2))
	default:
		g.To(0, emit(g.Scope, op.LayerNormGrad{Eps: p.Eps}, args(x, d)))
	}
}
