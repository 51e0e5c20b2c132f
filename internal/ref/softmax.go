package ref

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var softmaxes = table{on(softmax), on(softmaxGrad)}

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
