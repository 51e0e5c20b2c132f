package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// pickLayerNorm wants contiguous modulations of every row, or one that all rows share.
func pickLayerNorm(_ *Backend, p *op.LayerNorm, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in[:1], out); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(in[1:]); err != nil {
		return op.Kernel{}, err
	}
	if in[0].DType == op.F64 {
		return kernel(layerNorm64)
	}
	return kernel(layerNorm32)
}

func layerNorm32(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), layerNormRows[float32])
}

func layerNorm64(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), layerNormRows[float64])
}

func layerNormRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, t := n.Op.(*op.LayerNorm), rowTable[T](w, &n.Out[0])
	var weight, bias []T
	if p.Affine {
		weight, bias = rowOf[T](w, &n.In[1], 0, 3), rowOf[T](w, &n.In[2], 0, 4)
		if lo < hi && isFar(&n.Out[0]) {
			layerNormFar(w, n, lo, hi, weight, bias)
			return
		}
	}
	for r := lo; r < hi; r++ {
		x, y := rowOf[T](w, &n.In[0], r, 1), rowTo[T](w, &n.Out[0], r, 2)
		if p.Modulate {
			modulate(w, n, r, x, y)
		} else {
			t.LayerNorm(y, x, weight, bias, T(p.Eps))
		}
		putRow(w, &n.Out[0], r, y)
	}
}

// layerNormFar takes the mean of each row while it writes the one before.
func layerNormFar[T vec.Real](w *worker, n *op.Node, lo, hi int, weight, bias []T) {
	eps, t := T(n.Op.(*op.LayerNorm).Eps), rowTable[T](w, &n.Out[0])
	x := rowOf[T](w, &n.In[0], lo, 1)
	mean, s := t.Moments(x, eps)
	for r := lo; r < hi-1; r++ {
		next := rowOf[T](w, &n.In[0], r+1, 1)
		mean, s = t.LayerNormAlong(rowTo[T](w, &n.Out[0], r, 2), x, weight, bias, next, mean, s, eps)
		x = next
	}
	t.NormAffine(rowTo[T](w, &n.Out[0], hi-1, 2), x, weight, bias, mean, s)
}

// modulate is x̂ (1 + scale) + shift for one row.
func modulate[T vec.Real](w *worker, n *op.Node, r int, x, y []T) {
	t := floats[T](w.vec)
	mean, s := t.Moments(x, T(n.Op.(*op.LayerNorm).Eps))
	scale := stretchedRow[T](w, &n.In[1], &n.In[0].Type, r, 3)
	gain := realScratch[T](w, 5, len(x))
	t.AddS(gain, scale, 1)
	t.NormAffine(y, x, gain, stretchedRow[T](w, &n.In[2], &n.In[0].Type, r, 4), mean, s)
}

// stretchedRow is row r of a contiguous v stretched to the shape of x.
func stretchedRow[T vec.Real](w *worker, v *op.View, x *op.Type, r, i int) []T {
	strides, at, last := v.StridesIn(x), 0, int(x.Rank)-1
	for d := last - 1; d >= 0; d-- {
		at += r % x.Dims[d] * strides[d]
		r /= x.Dims[d]
	}
	if strides[last] != 0 || x.Dims[last] == 1 {
		return rowAt[T](w, v, at, x.Dims[last], i)
	}
	one := rowAt[T](w, v, at, 1, i)[0]
	row := wide[T](w, i, x.Dims[last])
	vec.Fill(row, one)
	return row
}

func pickLayerNormGrad(_ *Backend, p *op.LayerNormGrad, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, out); err != nil {
		return op.Kernel{}, err
	}
	if !p.Affine {
		if in[0].DType == op.F64 {
			return kernel(layerNormGrad64)
		}
		return kernel(layerNormGrad32)
	}
	k, err := gradKernel(in, layerNormGrad32, layerNormGrad64)
	k.Work *= 2 // for dw and db
	return k, err
}

func layerNormGrad32(s op.Stream, n *op.Node) error { return layerNormGrad[float32](s.(*stream), n) }
func layerNormGrad64(s op.Stream, n *op.Node) error { return layerNormGrad[float64](s.(*stream), n) }

func layerNormGrad[T vec.Real](s *stream, n *op.Node) error {
	blocks := (n.In[0].Rows() + gradRows - 1) / gradRows
	if err := s.split(n, blocks, 1, bodyOf[T](&layerNormGradBlocksBodies)); err != nil {
		return err
	}
	if n.Op.(*op.LayerNormGrad).Affine {
		sumPairs[T](s, n)
	}
	return nil
}

var layerNormGradBlocksBodies = bodies{f64: layerNormGradBlocks[float64], f32: layerNormGradBlocks[float32]}

func layerNormGradBlocks[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, t := n.Op.(*op.LayerNormGrad), floats[T](w.vec)
	cols, rows, dyAt := n.In[0].Last(), n.In[0].Rows(), len(n.In)-1
	hat, tmp := realScratch[T](w, 4, cols), realScratch[T](w, 5, cols)
	var weight []T
	if p.Affine {
		weight = rowOf[T](w, &n.In[1], 0, 0)
	}
	for b := lo; b < hi; b++ {
		var dw, db []T
		if p.Affine {
			part := partials[T](n, cols)[2*b*cols:][:2*cols]
			clear(part)
			dw, db = part[:cols], part[cols:]
		}
		for r := b * gradRows; r < min((b+1)*gradRows, rows); r++ {
			x, dy, dx := rowOf[T](w, &n.In[0], r, 1), rowOf[T](w, &n.In[dyAt], r, 2), rowTo[T](w, &n.Out[0], r, 3)
			mean, s := t.Moments(x, T(p.Eps))
			if p.Affine {
				t.Standardize(hat, x, mean, s)
				t.FMA(dw, hat, dy, dw)
				t.Add(db, db, dy)
			}
			t.LayerNormGrad(dx, x, weight, dy, tmp, mean, s)
			putRow(w, &n.Out[0], r, dx)
		}
	}
}

// sumPairs adds the pairs of partial sums of all blocks in order into outputs 1 and 2.
func sumPairs[T vec.Real](s *stream, n *op.Node) {
	w, cols := &s.workers[0], n.Out[1].Last()
	dw, db, all := wide[T](w, 0, cols), wide[T](w, 1, cols), partials[T](n, cols)
	clear(dw)
	clear(db)
	for at := 0; at < len(all); at += 2 * cols {
		floats[T](s.vec).Add(dw, dw, all[at:at+cols])
		floats[T](s.vec).Add(db, db, all[at+cols:at+2*cols])
	}
	storeAt(w, &n.Out[1], 0, dw)
	storeAt(w, &n.Out[2], 0, db)
}

func pickGroupNorm(_ *Backend, _ *op.GroupNorm, in, out []op.Type) (op.Kernel, error) {
	return real(in, out, groupNorm32, groupNorm64)
}

func groupNorm32(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.In[0].Dims[0]*int(n.Op.(*op.GroupNorm).Groups), 1, groupNormGroups[float32])
}

func groupNorm64(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.In[0].Dims[0]*int(n.Op.(*op.GroupNorm).Groups), 1, groupNormGroups[float64])
}

// groupShape is the channels and the positions of a group.
func groupShape(x *op.View, groups int32) (channels, space int) {
	c := x.Dims[1]
	return c / int(groups), x.Elems() / max(1, x.Dims[0]*c)
}

func groupNormGroups[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, t := n.Op.(*op.GroupNorm), floats[T](w.vec)
	channels, space := groupShape(&n.In[0], p.Groups)
	size := channels * space
	weight, bias := rowAt[T](w, &n.In[1], 0, n.In[0].Dims[1], 3), rowAt[T](w, &n.In[2], 0, n.In[0].Dims[1], 4)
	y := realScratch[T](w, 2, size)
	for g := lo; g < hi && size > 0; g++ {
		x := rowAt[T](w, &n.In[0], g*size, size, 1)
		mean, s := t.Moments(x, T(p.Eps))
		for c := range channels {
			k := g%int(p.Groups)*channels + c
			part := y[c*space : (c+1)*space]
			t.Standardize(part, x[c*space:(c+1)*space], mean, s)
			t.Affine(part, part, weight[k], bias[k])
		}
		storeAt(w, &n.Out[0], g*size, y)
	}
}

// pickGroupNormGrad keeps Σ dy x̂ and Σ dy of every channel of every image, to be summed over images in order.
func pickGroupNormGrad(_ *Backend, _ *op.GroupNormGrad, in, out []op.Type) (op.Kernel, error) {
	k, err := real(in, out, groupNormGrad32, groupNormGrad64)
	k.Work = 2 * 8 * in[0].Dims[0] * in[0].Dims[1]
	return k, err
}

func groupNormGrad32(s op.Stream, n *op.Node) error { return groupNormGrad[float32](s.(*stream), n) }
func groupNormGrad64(s op.Stream, n *op.Node) error { return groupNormGrad[float64](s.(*stream), n) }

func groupNormGrad[T vec.Real](s *stream, n *op.Node) error {
	x, groups := &n.In[0], int(n.Op.(*op.GroupNormGrad).Groups)
	if err := s.split(n, x.Dims[0]*groups, 1, bodyOf[T](&groupNormGradGroupsBodies)); err != nil {
		return err
	}
	w, c := &s.workers[0], x.Dims[1]
	dw, db := wide[T](w, 0, c), wide[T](w, 1, c)
	clear(dw)
	clear(db)
	for i := range x.Dims[0] {
		part := partials[T](n, 2*c)[2*i*c:]
		floats[T](s.vec).Add(dw, dw, part[:c])
		floats[T](s.vec).Add(db, db, part[c:2*c])
	}
	storeAt(w, &n.Out[1], 0, dw)
	storeAt(w, &n.Out[2], 0, db)
	return nil
}

var groupNormGradGroupsBodies = bodies{f64: groupNormGradGroups[float64], f32: groupNormGradGroups[float32]}

func groupNormGradGroups[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, t := n.Op.(*op.GroupNormGrad), floats[T](w.vec)
	channels, space := groupShape(&n.In[0], p.Groups)
	size, all := channels*space, n.In[0].Dims[1]
	weight := rowAt[T](w, &n.In[1], 0, all, 0)
	g, dx := realScratch[T](w, 4, size), realScratch[T](w, 5, size)
	for i := lo; i < hi; i++ {
		image, first := i/int(p.Groups), i%int(p.Groups)*channels
		x, dy := rowAt[T](w, &n.In[0], i*size, size, 1), rowAt[T](w, &n.In[2], i*size, size, 2)
		mean, s := T(0), T(0)
		if size > 0 {
			mean, s = t.Moments(x, T(p.Eps))
		}
		part := partials[T](n, 2*all)[2*image*all:]
		for c := range channels {
			k, lo, hi := first+c, c*space, (c+1)*space
			part[k], part[all+k] = T(s)*t.DotDev(dy[lo:hi], x[lo:hi], mean), t.Sum(dy[lo:hi])
			t.MulS(g[lo:hi], dy[lo:hi], weight[k])
		}
		if size == 0 {
			continue
		}
		c1, c2 := t.Sum(g)/T(size), T(s)*t.DotDev(g, x, mean)/T(size)
		t.NormBack(dx, g, x, mean, s, c1, c2)
		storeAt(w, &n.Out[0], i*size, dx)
	}
}
