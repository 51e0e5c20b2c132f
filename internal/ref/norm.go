package ref

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var norms = table{on(rmsNorm), on(rmsNormGrad), on(layerNorm), on(layerNormGrad), on(groupNorm), on(groupNormGrad)}

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

// moments is the mean and 1/sqrt(var + eps) of values.
func moments(x []float64, eps float64) (mean, s float64) {
	var total, squares sum
	for _, v := range x {
		total.add(v)
	}
	mean = total.total() / float64(len(x))
	for _, v := range x {
		squares.addProduct(v-mean, v-mean)
	}
	return mean, 1 / math.Sqrt(squares.total()/float64(len(x))+eps)
}

func layerNorm(p *op.LayerNorm, in, out []Array) error {
	x, n := in[0].F, in[0].Last()
	for i := range x {
		r := i / n * n
		mean, s := moments(x[r:r+n], float64(p.Eps))
		v := (x[i] - mean) * s
		switch {
		case p.Affine:
			v = v*in[1].F[i-r] + in[2].F[i-r]
		case p.Modulate:
			v = v*(1+in[1].F[index(&in[1].Type, &in[0].Type, i)]) + in[2].F[index(&in[2].Type, &in[0].Type, i)]
		}
		out[0].F[i] = v
	}
	return nil
}

func layerNormGrad(p *op.LayerNormGrad, in, out []Array) error {
	x, dy, n := in[0].F, in[len(in)-1].F, in[0].Last()
	dw, db := make([]sum, n), make([]sum, n)
	for r := 0; r < len(x); r += n {
		mean, s := moments(x[r:r+n], float64(p.Eps))
		g, total, dot := make([]float64, n), sum{}, sum{}
		for i := range n {
			hat := (x[r+i] - mean) * s
			g[i] = dy[r+i]
			if p.Affine {
				g[i] *= in[1].F[i]
			}
			total.add(g[i])
			dot.addProduct(g[i], hat)
			dw[i].addProduct(dy[r+i], hat)
			db[i].add(dy[r+i])
		}
		for i := range n {
			hat := (x[r+i] - mean) * s
			out[0].F[r+i] = s * (g[i] - total.total()/float64(n) - hat*dot.total()/float64(n))
		}
	}
	for i := range n {
		if p.Affine {
			out[1].F[i], out[2].F[i] = dw[i].total(), db[i].total()
		}
	}
	return nil
}

// eachGroup calls f with the part of x that one group of channels of one image is, and its first channel.
func eachGroup(x *Array, groups int, f func(at, n, channel, space int)) {
	c := x.Dims[1]
	space := x.Elems() / max(1, x.Dims[0]*c)
	n := c / groups * space
	for i := range x.Dims[0] * groups {
		f(i*n, n, i%groups*(c/groups), space)
	}
}

func groupNorm(p *op.GroupNorm, in, out []Array) error {
	eachGroup(&in[0], int(p.Groups), func(at, n, channel, space int) {
		mean, s := moments(in[0].F[at:at+n], float64(p.Eps))
		for i := range n {
			c := channel + i/space
			out[0].F[at+i] = (in[0].F[at+i]-mean)*s*in[1].F[c] + in[2].F[c]
		}
	})
	return nil
}

func groupNormGrad(p *op.GroupNormGrad, in, out []Array) error {
	dw, db := make([]sum, in[1].Elems()), make([]sum, in[1].Elems())
	eachGroup(&in[0], int(p.Groups), func(at, n, channel, space int) {
		x, dy := in[0].F[at:at+n], in[2].F[at:at+n]
		mean, s := moments(x, float64(p.Eps))
		var total, dot sum
		for i := range n {
			c, hat := channel+i/space, (x[i]-mean)*s
			total.add(dy[i] * in[1].F[c])
			dot.addProduct(dy[i]*in[1].F[c], hat)
			dw[c].addProduct(dy[i], hat)
			db[c].add(dy[i])
		}
		for i := range n {
			hat := (x[i] - mean) * s
			out[0].F[at+i] = s * (dy[i]*in[1].F[channel+i/space] - total.total()/float64(n) - hat*dot.total()/float64(n))
		}
	})
	for c := range dw {
		out[1].F[c], out[2].F[c] = dw[c].total(), db[c].total()
	}
	return nil
}
