package tandem

import "github.com/tandem-compute/tandem/internal/op"

// RopeScale stretches the low frequencies of a rotary embedding, as Llama 3.1 does: see op.RopeScale.
type RopeScale = op.RopeScale

// RopeOptions say how a rotary embedding turns.
type RopeOptions struct {
	Theta       float64   // the base of the frequencies; 0 stands for 10000
	Width       int       // the first elements of a head that are turned; 0 stands for all
	Interleaved bool      // pairs are neighbours, not halves
	Inverse     bool      // turn back
	Scale       RopeScale // off while its Factor is 0
	Factors     Tensor    // f32[Width/2], which the frequencies are divided by; the zero Tensor for none
}

// Rope is the rotary position embedding of heads x [..., t, h, d]: pairs of elements of each head turn by an angle that
// grows with the token's position, i32[t] or one for each token of x. See op.Rope for the formulas.
func (s *Scope) Rope(x, positions Tensor, o RopeOptions) Tensor {
	p := op.Rope{Theta: o.Theta, Width: narrow(o.Width), Interleaved: o.Interleaved, Inverse: o.Inverse, Scale: o.Scale}
	if p.Theta == 0 {
		p.Theta = 10000
	}
	if t := x.Type(); o.Width == 0 {
		p.Width = int32(t.Last())
	}
	if !given(o.Factors) {
		return emit(s, p, args(x, positions))
	}
	p.HasFactors = true
	return emit(s, p, args(x, positions, o.Factors))
}

func init() {
	gradientBy(func(p *op.Rope) uint32 {
		if p.HasFactors {
			return ins(1, 2)
		}
		return ins(1)
	}, func(g *Grad, p *op.Rope) {
		back := *p
		back.Inverse = !p.Inverse
		if p.HasFactors {
			g.To(0, emit(g.Scope, back, args(g.D(0), g.In(1), g.In(2))))
		} else {
			g.To(0, emit(g.Scope, back, args(g.D(0), g.In(1))))
		}
	})
}
