package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

func pickDot(_ *Backend, p *op.Dot, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, out[:0]); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].DType == op.F64 {
		return kernel(dot64)
	}
	return kernel(dot32)
}

func dot32(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), dotRows[float32])
}

func dot64(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), dotRows[float64])
}

func dotRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	v := scratch[T](w, narrow, 1)
	for r := lo; r < hi; r++ {
		v[0] = floats[T](w.vec).Dot(rowOf[T](w, &n.In[0], r, 0), rowOf[T](w, &n.In[1], r, 1))
		storeAt(w, &n.Out[0], r, v)
	}
}

// lines describes one axis of a contiguous tensor: outer x n x inner.
func lines(t *op.Type, axis int) (outer, n, inner int) {
	outer, inner = 1, 1
	for d, k := range t.Shape() {
		switch {
		case d < axis:
			outer *= k
		case d > axis:
			inner *= k
		}
	}
	return outer, t.Dims[axis], inner
}

// alongLines makes the kernels of an op on the lines of one axis, from a body over lines for each dtype.
func alongLines(f32, f64, i64, i32, i8, u8 body) (k kernels) {
	for d, f := range [...]body{op.F32: f32, op.F64: f64, op.F16: f32, op.BF16: f32, op.I64: i64, op.I32: i32, op.I8: i8, op.U8: u8} {
		if f != nil {
			k[d] = func(st op.Stream, n *op.Node) error {
				outer, k, inner := lines(&n.In[0].Type, lineAxis(n))
				return st.(*stream).split(n, outer*inner, rowGrain(k), f)
			}
		}
	}
	return k
}

// lineAxis is the axis that an op on lines goes along.
func lineAxis(n *op.Node) (a int) {
	switch p := n.Op.(type) {
	case *op.ArgReduce:
		a, _ = n.In[0].Axis(p.Axis)
	case *op.CumSum:
		a, _ = n.In[0].Axis(p.Axis)
	}
	return a
}

var argReduces = alongLines(argLines[float32], argLines[float64], argIntLines[int64], argIntLines[int32], argIntLines[int8], argIntLines[uint8])

func pickArgReduce(_ *Backend, p *op.ArgReduce, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return argReduces.pick(p, in[0].DType)
}

// line is elements at, at+inner, … of v: in place when they lie next to each other.
func line[T op.Elem](w *worker, v *op.View, at, n, inner int) []T {
	if inner == 1 {
		return rowAt[T](w, v, at, n, 0)
	}
	dst := wide[T](w, 1, n)
	for i := range dst {
		dst[i] = rowAt[T](w, v, at+i*inner, 1, 0)[0]
	}
	return dst
}

func argLines[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	_, k, inner := lines(&n.In[0].Type, lineAxis(n))
	t, y, least := floats[T](w.vec), op.Data[int32](&n.Out[0]), n.Op.(*op.ArgReduce).Least
	for i := lo; i < hi; i++ {
		x := line[T](w, &n.In[0], i/inner*k*inner+i%inner, k, inner)
		if least {
			y[i] = int32(t.ArgMin(x))
		} else {
			y[i] = int32(t.ArgMax(x))
		}
	}
}

func argIntLines[T integer](w *worker, n *op.Node, lo, hi int) {
	_, k, inner := lines(&n.In[0].Type, lineAxis(n))
	t, y, least := whole[T](w.vec), op.Data[int32](&n.Out[0]), n.Op.(*op.ArgReduce).Least
	for i := lo; i < hi; i++ {
		x := line[T](w, &n.In[0], i/inner*k*inner+i%inner, k, inner)
		if least {
			y[i] = int32(t.ArgMin(x))
		} else {
			y[i] = int32(t.ArgMax(x))
		}
	}
}

var cumSums = alongLines(scanLines[float32], scanLines[float64], scanIntLines[int64], scanIntLines[int32], scanIntLines[int8], scanIntLines[uint8])

func pickCumSum(_ *Backend, p *op.CumSum, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return cumSums.pick(p, in[0].DType)
}

// scanLines sums each line in float64, so that a long one loses nothing that its dtype could keep.
func scanLines[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p := n.Op.(*op.CumSum)
	_, k, inner := lines(&n.In[0].Type, lineAxis(n))
	for i := lo; i < hi; i++ {
		at := i/inner*k*inner + i%inner
		x, y := line[T](w, &n.In[0], at, k, inner), wide[T](w, 2, k)
		sum := 0.0
		for j := range k {
			if w.stopped(j) {
				return
			}
			c := j
			if p.Reverse {
				c = k - 1 - j
			}
			before := sum
			sum += float64(x[c])
			if p.Exclusive {
				y[c] = T(before)
			} else {
				y[c] = T(sum)
			}
		}
		putLine(w, &n.Out[0], at, inner, y)
	}
}

func scanIntLines[T integer](w *worker, n *op.Node, lo, hi int) {
	p := n.Op.(*op.CumSum)
	_, k, inner := lines(&n.In[0].Type, lineAxis(n))
	y := op.Data[T](&n.Out[0])
	for i := lo; i < hi; i++ {
		at := i/inner*k*inner + i%inner
		x, sum := line[T](w, &n.In[0], at, k, inner), T(0)
		for j := range k {
			if w.stopped(j) {
				return
			}
			c := j
			if p.Reverse {
				c = k - 1 - j
			}
			before := sum
			sum += x[c]
			y[at+c*inner] = sum
			if p.Exclusive {
				y[at+c*inner] = before
			}
		}
	}
}
