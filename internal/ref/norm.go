package ref

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var norms = table{on(rmsNorm), on(rmsNormGrad)}

func rmsNorm(p *op.RMSNorm, in, out []Array) error {
	x, w, n := in[0].F, in[1].F, in[0].Last()
	for r := 0; r < len(x); r += n {
		s := rms(x[r:r+n], float64(p.Eps))
		for i := range n {
			out[0].F[r+i] = x[r+i] * s * (float64(p.Offset) + w[i])
		}
	}
	return nil
}

// rms is 1/sqrt(mean(x²) + eps).
func rms(x []float64, eps float64) float64 {
	var s sum
	for _, v := range x {
		s.addProduct(v, v)
	}
	return 1 / math.Sqrt(s.total()/float64(len(x))+eps)
}

func rmsNormGrad(p *op.RMSNormGrad, in, out []Array) error {
	x, w, dy, n := in[0].F, in[1].F, in[2].F, in[0].Last()
	dw := make([]sum, n)
	for r := 0; r < len(x); r += n {
		s, dot := rms(x[r:r+n], float64(p.Eps)), sum{}
		for i := range n {
			dot.addProduct(dy[r+i]*(float64(p.Offset)+w[i]), x[r+i])
			dw[i].addProduct(dy[r+i]*s, x[r+i])
		}
		for i := range n {
			g := dy[r+i] * (float64(p.Offset) + w[i])
			out[0].F[r+i] = s * (g - x[r+i]*s*s*dot.total()/float64(n))
		}
	}
	for i := range dw {
		out[1].F[i] = dw[i].total()
	}
	return nil
}
