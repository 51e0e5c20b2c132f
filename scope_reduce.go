package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Sum adds along axes, counted from the back when negative; along all of them when none is named. The order of the
// sum depends on the shape alone.
func (s *Scope) Sum(x Tensor, axes ...int) Tensor { return s.reduce(op.Sum, x, axes) }

// Mean is the average along axes, or all.
func (s *Scope) Mean(x Tensor, axes ...int) Tensor { return s.reduce(op.Mean, x, axes) }

// Prod is the product along axes, or all.
func (s *Scope) Prod(x Tensor, axes ...int) Tensor { return s.reduce(op.Prod, x, axes) }

// Amax is the largest element along axes, or all; NaN if one is.
func (s *Scope) Amax(x Tensor, axes ...int) Tensor { return s.reduce(op.MaxOf, x, axes) }

// Amin is the smallest element along axes, or all; NaN if one is.
func (s *Scope) Amin(x Tensor, axes ...int) Tensor { return s.reduce(op.MinOf, x, axes) }

// LogSumExp is log Σ exp(x) along axes, or all.
func (s *Scope) LogSumExp(x Tensor, axes ...int) Tensor { return s.reduce(op.LogSumExp, x, axes) }

// Norm1 is Σ|x| along axes, or all.
func (s *Scope) Norm1(x Tensor, axes ...int) Tensor { return s.reduce(op.Norm1, x, axes) }

// Norm2 is √Σx² along axes, or all.
func (s *Scope) Norm2(x Tensor, axes ...int) Tensor { return s.reduce(op.Norm2, x, axes) }

// SumSquares is Σx² along axes, or all.
func (s *Scope) SumSquares(x Tensor, axes ...int) Tensor { return s.reduce(op.SumSquares, x, axes) }

// All is whether all of a bool tensor are true along axes, or all.
func (s *Scope) All(x Tensor, axes ...int) Tensor { return s.reduce(op.AllOf, x, axes) }

// Any is whether any of a bool tensor is true along axes, or all.
func (s *Scope) Any(x Tensor, axes ...int) Tensor { return s.reduce(op.AnyOf, x, axes) }

// ArgMax is the index (i32) of the largest element along an axis, the lowest of equals; the first NaN wins.
func (s *Scope) ArgMax(x Tensor, axis int) Tensor { return emit(s, op.ArgReduce{Axis: axis}, args(x)) }

// ArgMin is the index (i32) of the smallest element along an axis.
func (s *Scope) ArgMin(x Tensor, axis int) Tensor {
	return emit(s, op.ArgReduce{Axis: axis, Least: true}, args(x))
}

// CumSum is the running sum along an axis.
func (s *Scope) CumSum(x Tensor, axis int) Tensor { return emit(s, op.CumSum{Axis: axis}, args(x)) }

// CumSumReverse is the running sum from the end: out[i] = x[i] + x[i+1] + …
func (s *Scope) CumSumReverse(x Tensor, axis int) Tensor {
	return emit(s, op.CumSum{Axis: axis, Reverse: true}, args(x))
}

// CumSumExclusive is the sum of what stands before each element.
func (s *Scope) CumSumExclusive(x Tensor, axis int) Tensor {
	return emit(s, op.CumSum{Axis: axis, Exclusive: true}, args(x))
}

// Dot is Σ a b over the last dimension.
func (s *Scope) Dot(a, b Tensor) Tensor { return emit(s, op.Dot{}, args(a, b)) }

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
	return emit(s, p, args(x))
}

func init() {
	gradientBy(reduceSaves, reduceGrad)
	gradient(0, func(g *Grad, p *op.CumSum) {
		g.To(0, emit(g.Scope, op.CumSum{Axis: p.Axis, Reverse: !p.Reverse, Exclusive: p.Exclusive}, args(g.D(0))))
	})
	gradient(ins(0, 1), func(g *Grad, _ *op.Dot) {
		x := g.InType(0)
		dims := x.Dims
		dims[x.Rank-1] = 1
		d := g.Reshape(g.D(0), dims[:x.Rank]...)
		if g.Needs(0) {
			g.To(0, g.Mul(g.In(1), d))
		}
		if g.Needs(1) {
			g.To(1, g.Mul(g.In(0), d))
		}
	})
}

func reduceSaves(p *op.Reduce) uint32 {
	switch p.Fn {
	case op.Sum, op.Mean:
		return 0
	case op.Prod, op.Norm1, op.SumSquares:
		return ins(0)
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
	case op.Norm2: // 0 where all are
		x, y := g.In(0), g.stretch(g.Out(0), p)
		zero := g.Fill(x.DType(), 0)
		g.To(0, g.Mul(d, g.Where(g.Eq(y, zero), zero, g.Div(x, y))))
	case op.MaxOf, op.MinOf: // shared evenly by equals
		x := g.In(0)
		mask := g.Cast(g.Eq(x, g.stretch(g.Out(0), p)), x.DType())
		count := g.stretch(emit(g.Scope, op.Reduce{Fn: op.Sum, Axes: p.Axes, Keep: p.Keep}, args(mask)), p)
		g.To(0, g.Mul(d, g.Div(mask, count)))
	case op.Prod:
		g.To(0, g.Mul(d, g.productOfOthers(p)))
	default:
		g.fail(p.Name(), "", op.UnsupportedErr("it has no gradient"))
	}
}

// productOfOthers is for every element the product of the others that it is multiplied with. Zeros are left out of the
// product, and an element has a gradient if it is the only zero, or if there is none.
func (g *Grad) productOfOthers(p *op.Reduce) Tensor {
	x := g.In(0)
	zero, one := g.Fill(x.DType(), 0), g.Fill(x.DType(), 1)
	none := g.Eq(x, zero)
	rest, zeros := g.Where(none, one, x), g.Cast(none, x.DType())
	product := g.stretch(emit(g.Scope, op.Reduce{Fn: op.Prod, Axes: p.Axes, Keep: p.Keep}, args(rest)), p)
	count := g.stretch(emit(g.Scope, op.Reduce{Fn: op.Sum, Axes: p.Axes, Keep: p.Keep}, args(zeros)), p)
	return g.Where(g.Eq(count, zeros), g.Div(product, rest), zero)
}
