package ref

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var softmaxes = table{on(softmax), on(softmaxGrad), on(logSoftmax), on(logSoftmaxGrad), on(entropy), on(entropyGrad), on(kl), on(klGrad),
	on(crossEntropy), on(crossEntropyGrad)}

func softmax(p *op.Softmax, in, out []Array) error {
	x, y, n := in[0].F, out[0].F, in[0].Last()
	for r := 0; r < len(x); r += n {
		top, total := math.Inf(-1), sum{}
		for i := range n {
			top = max(top, float64(p.Scale)*x[r+i])
		}
		for i := range n {
			y[r+i] = math.Exp(float64(p.Scale)*x[r+i] - top)
			total.add(y[r+i])
		}
		for i := range n {
			y[r+i] /= total.total()
		}
	}
	return nil
}

func softmaxGrad(p *op.SoftmaxGrad, in, out []Array) error {
	y, dy, n := in[0].F, in[1].F, in[0].Last()
	for r := 0; r < len(y); r += n {
		var dot sum
		for i := range n {
			dot.addProduct(y[r+i], dy[r+i])
		}
		for i := range n {
			out[0].F[r+i] = float64(p.Scale) * y[r+i] * (dy[r+i] - dot.total())
		}
	}
	return nil
}

// logSum is log Σ exp(x), by way of the largest.
func logSum(x []float64) float64 {
	top, total := math.Inf(-1), sum{}
	for _, v := range x {
		top = max(top, v)
	}
	if math.IsInf(top, 0) {
		return top
	}
	for _, v := range x {
		total.add(math.Exp(v - top))
	}
	return top + math.Log(total.total())
}

// scaled is scale x.
func scaled(x []float64, scale float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(scale) * v
	}
	return y
}

func logSoftmax(p *op.LogSoftmax, in, out []Array) error {
	n := in[0].Last()
	for r := 0; r < len(in[0].F); r += n {
		x := scaled(in[0].F[r:r+n], p.Scale)
		lse := logSum(x)
		for i, v := range x {
			out[0].F[r+i] = v - lse
		}
	}
	return nil
}

func logSoftmaxGrad(p *op.LogSoftmaxGrad, in, out []Array) error {
	y, dy, n := in[0].F, in[1].F, in[0].Last()
	for r := 0; r < len(y); r += n {
		var total sum
		for i := range n {
			total.add(dy[r+i])
		}
		for i := range n {
			out[0].F[r+i] = float64(p.Scale) * (dy[r+i] - math.Exp(y[r+i])*total.total())
		}
	}
	return nil
}

// logProbs is log softmax of a row.
func logProbs(x []float64) []float64 {
	lse, y := logSum(x), make([]float64, len(x))
	for i, v := range x {
		y[i] = v - lse
	}
	return y
}

// weighted is Σ exp(lp) f(i), leaving out terms of probability 0.
func weighted(lp []float64, f func(i int) float64) float64 {
	var s sum
	for i, v := range lp {
		if p := math.Exp(v); p > 0 {
			s.addProduct(p, f(i))
		}
	}
	return s.total()
}

func entropy(_ *op.Entropy, in, out []Array) error {
	n := in[0].Last()
	for r := range out[0].F {
		lp := logProbs(in[0].F[r*n : (r+1)*n])
		out[0].F[r] = -weighted(lp, func(i int) float64 { return lp[i] })
	}
	return nil
}

func entropyGrad(_ *op.EntropyGrad, in, out []Array) error {
	n := in[0].Last()
	for r, dy := range in[1].F {
		lp := logProbs(in[0].F[r*n : (r+1)*n])
		h := -weighted(lp, func(i int) float64 { return lp[i] })
		for i, v := range lp {
			if p := math.Exp(v); p > 0 {
				out[0].F[r*n+i] = -dy * p * (v + h)
			}
		}
	}
	return nil
}

func kl(_ *op.KL, in, out []Array) error {
	n := in[0].Last()
	for r := range out[0].F {
		lp, lq := logProbs(in[0].F[r*n:(r+1)*n]), logProbs(in[1].F[r*n:(r+1)*n])
		out[0].F[r] = weighted(lp, func(i int) float64 { return lp[i] - lq[i] })
	}
	return nil
}

func klGrad(_ *op.KLGrad, in, out []Array) error {
	n := in[0].Last()
	for r, dy := range in[2].F {
		lp, lq := logProbs(in[0].F[r*n:(r+1)*n]), logProbs(in[1].F[r*n:(r+1)*n])
		d := weighted(lp, func(i int) float64 { return lp[i] - lq[i] })
		for i := range n {
			p, q := math.Exp(lp[i]), math.Exp(lq[i])
			if p > 0 {
				out[0].F[r*n+i] = dy * p * (lp[i] - lq[i] - d)
			}
			out[1].F[r*n+i] = dy * (q - p)
		}
	}
	return nil
}

func crossEntropy(_ *op.CrossEntropy, in, out []Array) error {
	n := in[0].Last()
	for r, t := range in[1].I {
		x := in[0].F[r*n : (r+1)*n]
		lse := logSum(x)
		out[1].F[r] = lse
		if t >= 0 && int(t) < n {
			out[0].F[r] = lse - x[t]
		}
	}
	return nil
}

func crossEntropyGrad(_ *op.CrossEntropyGrad, in, out []Array) error {
	n := in[0].Last()
	for r, t := range in[1].I {
		if t < 0 || int(t) >= n {
			continue
		}
		for i := range n {
			p := math.Exp(in[0].F[r*n+i] - in[2].F[r])
			if i == int(t) {
				p--
			}
			out[0].F[r*n+i] = in[3].F[r] * p
		}
	}
	return nil
}
