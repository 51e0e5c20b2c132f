package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Reshape is x's elements in the same order under other dimensions, of which one can be -1: what is left. A view
// where x's strides allow, else a copy.
func (s *Scope) Reshape(x Tensor, dims ...int) Tensor {
	return emit(s, op.Reshape{Dims: op.DimsOf(dims...)}, args(x))
}

// Flatten is x as one dimension.
func (s *Scope) Flatten(x Tensor) Tensor { return s.Reshape(x, -1) }

// Permute is a view of x with its dimensions in another order: dimension i of the result is dimension axes[i] of x.
func (s *Scope) Permute(x Tensor, axes ...int) Tensor {
	p := op.Permute{Rank: int8(min(len(axes), 127))}
	for i, a := range axes[:min(len(axes), op.MaxRank)] {
		p.Axes[i] = int8(max(-1, min(a, op.MaxRank)))
	}
	return emit(s, p, args(x))
}

// Transpose is a view of x with two dimensions exchanged, each counted from the back when negative.
func (s *Scope) Transpose(x Tensor, i, j int) Tensor {
	t := x.Type()
	a, err := t.Axis(i)
	b, err2 := t.Axis(j)
	p := op.Permute{Rank: t.Rank}
	for k := range p.Axes {
		p.Axes[k] = int8(k)
	}
	switch {
	case err != nil:
		s.fail("transpose", t.String(), err)
	case err2 != nil:
		s.fail("transpose", t.String(), err2)
	default:
		p.Axes[a], p.Axes[b] = p.Axes[b], p.Axes[a]
	}
	return emit(s, p, args(x))
}

// Slice is a view of x's elements start to stop-1 along an axis, counted from the back when negative.
func (s *Scope) Slice(x Tensor, axis, start, stop int) Tensor {
	return emit(s, op.Slice{Axis: axis, Start: start, Stop: stop, Step: 1}, args(x))
}

// SliceStep is Slice that takes every step-th element.
func (s *Scope) SliceStep(x Tensor, axis, start, stop, step int) Tensor {
	return emit(s, op.Slice{Axis: axis, Start: start, Stop: stop, Step: step}, args(x))
}

// Expand is a view of x stretched to dimensions that it broadcasts to.
func (s *Scope) Expand(x Tensor, dims ...int) Tensor {
	return emit(s, op.Expand{Dims: op.DimsOf(dims...)}, args(x))
}

func init() {
	gradient(0, func(g *Grad, _ *op.Reshape) {
		x := g.InType(0)
		g.To(0, g.Reshape(g.D(0), x.Shape()...))
	})
	gradient(0, func(g *Grad, p *op.Permute) {
		inv := op.Permute{Rank: p.Rank}
		for i, a := range p.Axes[:p.Rank] {
			inv.Axes[a] = int8(i)
		}
		g.To(0, emit(g.Scope, inv, args(g.D(0))))
	})
	gradient(0, func(g *Grad, p *op.Slice) {
		x := g.InType(0)
		dx := g.Fill(x.DType, 0, x.Shape()...)
		g.Into(emit(g.Scope, *p, args(dx))).Copy(g.D(0))
		g.To(0, dx)
	})
	gradient(0, func(g *Grad, _ *op.Expand) { g.To(0, g.sumLike(g.D(0), 0)) })
}
