package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Sum adds along axes, counted from the back when negative; along all of them when none is named. The order of the
// sum depends on the shape alone.
func (s *Scope) Sum(x Tensor, axes ...int) Tensor { return s.reduce(op.Sum, x, axes) }

// Mean is the average along axes, or all.
func (s *Scope) Mean(x Tensor, axes ...int) Tensor { return s.reduce(op.Mean, x, axes) }

func (s *Scope) reduce(f op.ReduceFn, x Tensor, axes []int) Tensor {
	t := x.Type()
	p := op.Reduce{Fn: f}
	for _, a := range axes {
		i, err := t.Axis(a)
		if err != nil {
			s.fail(f.String(), t.String(), err)
			break
		}
		p.Axes |= 1 << i
	}
	if len(axes) == 0 {
		p.Axes = 1<<t.Rank - 1
	}
	return emit(s, p, x)
}

func init() {
	gradientBy(reduceSaves, reduceGrad)
}

func reduceSaves(p *op.Reduce) uint32 {
	switch p.Fn {
	case op.Sum, op.Mean:
		return 0
	}
	return ins(0) | outs(0)
}

// stretch is t, a result of the reduction, as a view in the shape of what was reduced.
func (g *Grad) stretch(t Tensor, p *op.Reduce) Tensor {
	x := g.InType(0)
	dims := x.Dims
	for i := range int(x.Rank) {
		if p.Axes>>i&1 != 0 {
			dims[i] = 1
		}
	}
	return g.Expand(g.Reshape(t, dims[:x.Rank]...), x.Shape()...)
}

func reduceGrad(g *Grad, p *op.Reduce) {
	d, x := g.stretch(g.D(0), p), g.InType(0)
	switch p.Fn {
	case op.Sum:
		g.To(0, d)
	case op.Mean:
		n := 1
		for i := range int(x.Rank) {
			if p.Axes>>i&1 != 0 {
				n *= x.Dims[i]
			}
		}
		g.To(0, g.DivScalar(d, float64(n)))
	case op.LogSumExp: // d exp(x - y)
		g.To(0, g.Mul(d, g.Exp(g.Sub(g.In(0), g.stretch(g.Out(0), p)))))
	case op.SumSquares:
		g.To(0, g.MulScalar(g.Mul(d, g.In(0)), 2))
	case op.Norm1:
		g.To(0, g.Mul(d, g.Sign(g.In(0))))
	case op.Norm2:
		g.To(0, g.Mul(d, g.Div(g.In(0), g.stretch(g.Out(0), p))))
	case op.Prod:
		g.To(0, g.Mul(d, g.Div(g.stretch(g.Out(0), p), g.In(0))))
	default:
		g.fail(p.Name(), "", op.UnsupportedErr("it has no gradient"))
	}
}
