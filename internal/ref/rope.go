package ref

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var ropes = table{on(rope)}

func rope(p *op.Rope, in, out []Array) error {
	x, y, positions := &in[0], &out[0], in[1].I
	r := int(x.Rank)
	tokens, h, d := x.Elems()/max(1, x.Dims[r-1]*x.Dims[r-2]), x.Dims[r-2], x.Dims[r-1]
	copy(y.F, x.F)
	for token := range tokens {
		for i := range int(p.Width) / 2 {
			f := stretched(&p.Scale, math.Pow(p.Theta, -2*float64(i)/float64(p.Width)))
			if p.HasFactors {
				f /= in[2].F[i]
			}
			angle := float64(positions[token%len(positions)]) * f
			if p.Inverse {
				angle = -angle
			}
			first, second := i, i+int(p.Width)/2
			if p.Interleaved {
				first, second = 2*i, 2*i+1
			}
			for head := range h {
				at := (token*h + head) * d
				a, b := x.F[at+first], x.F[at+second]
				y.F[at+first] = a*math.Cos(angle) - b*math.Sin(angle)
				y.F[at+second] = b*math.Cos(angle) + a*math.Sin(angle)
			}
		}
	}
	return nil
}

// stretched is the frequency that Llama 3.1 makes of f, told by wavelengths.
func stretched(s *op.RopeScale, f float64) float64 {
	if s.Factor <= 0 {
		return f
	}
	factor, wave := float64(s.Factor), 2*math.Pi/f
	longest, shortest := float64(s.Original)/float64(s.Low), float64(s.Original)/float64(s.High)
	switch {
	case wave < shortest:
		return f
	case wave > longest:
		return f / factor
	}
	smooth := (float64(s.Original)/wave - float64(s.Low)) / (float64(s.High) - float64(s.Low))
	return (1-smooth)*f/factor + smooth*f
}
