package cpu

import (
	"math"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

var norms = table{on(pickRMSNorm), on(pickRMSNormGrad), on(pickLayerNorm), on(pickLayerNormGrad), on(pickGroupNorm), on(pickGroupNormGrad)}

func pickRMSNorm(_ *Backend, p *op.RMSNorm, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].DType == op.F64 {
		return kernel(rmsNorm64)
	}
	return kernel(rmsNorm32)
}

func rmsNorm32(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), rmsNormRows[float32])
}

func rmsNorm64(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), rmsNormRows[float64])
}

func rmsNormRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, t := n.Op.(*op.RMSNorm), rowTable[T](w, &n.Out[0])
	weight := rowOf[T](w, &n.In[1], 0, 0)
	if lo < hi && isFar(&n.Out[0]) {
		rmsNormFar(w, n, lo, hi, weight)
		return
	}
	for r := lo; r < hi; r++ {
		x, y := rowOf[T](w, &n.In[0], r, 1), rowTo[T](w, &n.Out[0], r, 2)
		t.RMSNorm(y, x, weight, T(p.Eps), T(p.Offset))
		putRow(w, &n.Out[0], r, y)
	}
}

// rmsNormFar takes the sum of each row while it writes the one before.
func rmsNormFar[T vec.Real](w *worker, n *op.Node, lo, hi int, weight []T) {
	p, t := n.Op.(*op.RMSNorm), rowTable[T](w, &n.Out[0])
	x := rowOf[T](w, &n.In[0], lo, 1)
	s := t.RootMeanSquare(x, T(p.Eps))
	for r := lo; r < hi-1; r++ {
		next := rowOf[T](w, &n.In[0], r+1, 1)
		s = t.RMSNormAlong(rowTo[T](w, &n.Out[0], r, 2), x, weight, next, s, T(p.Eps), T(p.Offset))
		x = next
	}
	t.NormScale(rowTo[T](w, &n.Out[0], hi-1, 2), x, weight, s, T(p.Offset))
}

// gradRows is the rows whose weight gradient is summed in one go. Blocks of rows are summed apart and then in order,
// so that the bits do not depend on threads.
const gradRows = 64

func pickRMSNormGrad(_ *Backend, p *op.RMSNormGrad, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, out); err != nil {
		return op.Kernel{}, err
	}
	return gradKernel(in, rmsNormGrad32, rmsNormGrad64)
}

// gradKernel is the kernel of a norm's gradient, with room for one partial sum of the weight gradient per block of rows.
func gradKernel(in []op.Type, f32, f64 func(op.Stream, *op.Node) error) (op.Kernel, error) {
	blocks := (in[0].Rows() + gradRows - 1) / gradRows
	if in[0].DType == op.F64 {
		return op.Kernel{Run: f64, Work: 8 * blocks * in[0].Last()}, nil
	}
	return op.Kernel{Run: f32, Work: 4 * blocks * in[0].Last()}, nil
}

func rmsNormGrad32(s op.Stream, n *op.Node) error { return rmsNormGrad[float32](s.(*stream), n) }
func rmsNormGrad64(s op.Stream, n *op.Node) error { return rmsNormGrad[float64](s.(*stream), n) }

func rmsNormGrad[T vec.Real](s *stream, n *op.Node) error {
	rows := n.In[0].Rows()
	if err := s.split(n, (rows+gradRows-1)/gradRows, 1, bodyOf[T](&rmsNormGradBlocksBodies)); err != nil {
		return err
	}
	return sumPartials[T](s, n, &n.Out[1])
}

var rmsNormGradBlocksBodies = bodies{f64: rmsNormGradBlocks[float64], f32: rmsNormGradBlocks[float32]}

func rmsNormGradBlocks[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, t := n.Op.(*op.RMSNormGrad), floats[T](w.vec)
	cols, rows := n.In[0].Last(), n.In[0].Rows()
	weight := rowOf[T](w, &n.In[1], 0, 0)
	tmp := realScratch[T](w, 4, cols)
	for b := lo; b < hi; b++ {
		partial := partials[T](n, cols)[b*cols:][:cols]
		clear(partial)
		for r := b * gradRows; r < min((b+1)*gradRows, rows); r++ {
			x, dy, dx := rowOf[T](w, &n.In[0], r, 1), rowOf[T](w, &n.In[2], r, 2), rowTo[T](w, &n.Out[0], r, 3)
			s := T(1 / math.Sqrt(float64(t.SumSq(x)/T(cols)+T(p.Eps))))
			t.Mul(tmp, dy, x)
			t.AddScaled(partial, partial, tmp, s)
			t.RMSNormGrad(dx, x, weight, dy, tmp, s, T(p.Offset))
			putRow(w, &n.Out[0], r, dx)
		}
	}
}

// partials is the node's scratch memory as rows of partial sums.
func partials[T vec.Real](n *op.Node, cols int) []T {
	if n.Work.Block == nil {
		return nil
	}
	v := n.Work
	v.DType, v.Dims[0], v.Strides[0] = op.F32, n.Work.Dims[0]/4, 1
	if _, ok := any(*new(T)).(float64); ok {
		v.DType, v.Dims[0] = op.F64, n.Work.Dims[0]/8
	}
	return dataOf[T](&v)
}

// sumPartials adds the partial sums of all blocks in order into dw.
func sumPartials[T vec.Real](s *stream, n *op.Node, dw *op.View) error {
	w, cols := &s.workers[0], dw.Last()
	all := partials[T](n, cols)
	sum := rowTo[T](w, dw, 0, 0)
	clear(sum)
	for at := 0; at < len(all); at += cols {
		floats[T](s.vec).Add(sum, sum, all[at:at+cols])
	}
	putRow(w, dw, 0, sum)
	return nil
}
