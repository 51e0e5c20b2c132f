package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

var reduces = table{on(pickReduce)}

func pickReduce(_ *Backend, p *op.Reduce, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	if p.Fn != op.Sum && p.Fn != op.Mean {
		return op.Kernel{}, op.UnsupportedErr("no kernel for %s", p.Name())
	}
	switch in[0].DType {
	case op.F32:
		return kernel(sum32)
	case op.F64:
		return kernel(sum64)
	}
	return no(p, in[0].DType)
}

func sum32(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Out[0].Elems(), 1, sumBody[float32])
}

func sum64(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Out[0].Elems(), 1, sumBody[float64])
}

// sumBody gathers what each output element is the sum of into scratch, in the order of the axes, and adds it there.
func sumBody[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, x, y := n.Op.(*op.Reduce), &n.In[0], dataOf[T](&n.Out[0])
	data := dataOf[T](x)
	count := 1
	for d := range int(x.Rank) {
		if p.Axes>>d&1 != 0 {
			count *= x.Dims[d]
		}
	}
	row := realScratch[T](w, 0, count)
	for o := lo; o < hi; o++ {
		base, rest := 0, o
		for d := int(x.Rank) - 1; d >= 0; d-- {
			if p.Axes>>d&1 == 0 {
				base += rest % x.Dims[d] * x.Strides[d]
				rest /= x.Dims[d]
			}
		}
		for i := range row {
			at, rest := base, i
			for d := int(x.Rank) - 1; d >= 0; d-- {
				if p.Axes>>d&1 != 0 {
					at += rest % x.Dims[d] * x.Strides[d]
					rest /= x.Dims[d]
				}
			}
			row[i] = data[at]
		}
		y[o] = floats[T](w.vec).Sum(row)
		if p.Fn == op.Mean {
			y[o] /= T(count)
		}
	}
}
