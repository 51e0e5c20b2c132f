package op

import "math"

// Rope turns pairs of elements of each head by an angle that grows with the token's position: Su and others, RoFormer
// (2021). The first Width elements of a head are turned, the rest kept. Pair i of Width/2 turns by position · f_i,
//
//	f_i = Theta^(-2i/Width) / factors[i]
//	(a, b) = (a cos - b sin, b cos + a sin)
//
// A pair (a, b) is elements i and i+Width/2, or 2i and 2i+1 with Interleaved. Inverse turns back, which is the gradient.
// With Scale.Factor above 0 the powers of Theta are stretched as Llama 3.1 does before they are divided; with HasFactors
// the divisors are an operand, else they are 1.
//
// x [..., t, h, d] floating-point; positions i32[t], or of x's leading dimensions and t; factors f32[Width/2]. out as
// x. out may alias x. Angles are computed in float64; their sines and cosines are rounded to f32, also where x is f64.
type Rope struct {
	Theta       float64
	Width       int32
	Interleaved bool
	Inverse     bool
	HasFactors  bool
	Scale       RopeScale
}

// RopeScale divides low frequencies by Factor, keeps high ones, and blends between: a wavelength 2π/f above
// Original/Low is low, one below Original/High is high, and between them f becomes
//
//	(1-w) f/Factor + w f   with w = (Original f/2π - Low) / (High - Low)
//
// Factor 0 turns it off.
type RopeScale struct {
	Factor, Low, High float32
	Original          int32 // positions that the model was first trained on
}

func (*Rope) Kind() Kind   { return KindRope }
func (*Rope) Name() string { return "rope" }
func (p *Rope) Args() string {
	if p.HasFactors {
		return "x positions factors"
	}
	return "x positions"
}
func (*Rope) InPlace(in int) bool { return in == 0 }
func (p *Rope) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2+b2i(p.HasFactors)); err != nil {
		return out, err
	}
	x, pos := &in[0], &in[1]
	if err := float("x", x); err != nil {
		return out, err
	}
	if x.Rank < 3 {
		return out, ShapeErr("x must be [..., t, h, d]")
	}
	if p.Width < 2 || p.Width%2 != 0 || int(p.Width) > x.Last() {
		return out, ShapeErr("the turned width %d must be even and at most %d", p.Width, x.Last())
	}
	if !(p.Theta > 0) {
		return out, ShapeErr("theta %v must be positive", p.Theta)
	}
	if pos.DType != I32 {
		return out, DTypeErr("positions must be i32")
	}
	tokens := *x
	tokens.Rank -= 2
	if pos.Rank < 1 || pos.Last() != tokens.Last() || pos.Rank != 1 && !pos.sameDims(&tokens) {
		return out, ShapeErr("positions must be [t], or as x's leading dimensions")
	}
	if p.HasFactors {
		if in[2].DType != F32 {
			return out, DTypeErr("factors must be f32")
		}
		if err := vector("factors", &in[2], int(p.Width)/2); err != nil {
			return out, err
		}
	}
	return append(out, x.With(x.DType)), dense(in)
}

// Frequencies fills f, of length Width/2, with the angle per position of each pair, before the operand factors.
func (p *Rope) Frequencies(f []float64) {
	for i := range f {
		f[i] = p.Scale.stretch(math.Pow(p.Theta, -2*float64(i)/float64(p.Width)))
	}
}

func (s *RopeScale) stretch(f float64) float64 {
	if s.Factor <= 0 {
		return f
	}
	turns := float64(s.Original) * f / (2 * math.Pi) // in the positions that the model was first trained on
	switch low, high, slow := float64(s.Low), float64(s.High), f/float64(s.Factor); {
	case turns <= low:
		return slow
	case turns > high:
		return f
	default:
		w := (turns - low) / (high - low)
		return float64((1-w)*slow) + w*f
	}
}

func (*Rope) Cost(in, out []Type) Cost { return perElem(3, in, out) }

// sameDims compares the dimensions within the ranks alone.
func (t *Type) sameDims(u *Type) bool {
	if t.Rank != u.Rank {
		return false
	}
	for i := range int(t.Rank) {
		if t.Dims[i] != u.Dims[i] {
			return false
		}
	}
	return true
}
