//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var samples = table{on(pickRandom), on(pickDropout), on(pickCategorical)}

var (
	randomBits      = entry("sample", "random_bits")
	randomBernoulli = entry("sample", "random_bernoulli")
	randomUniform   = entries("sample", "random_uniform_%v", op.F32, op.F64)
	randomNormal    = entries("sample", "random_normal_%v", op.F32, op.F64)
	dropouts        = entries("sample", "dropout_%v", reals...)
)

func pickRandom(p *op.Random, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(random)
}

// streams is how a tensor is cut into the rows of its key: stride words of key, rows, elements in each.
func streams(key, t *op.Type) (stride, rows, n int) {
	if key.Rank == 1 {
		return 0, 1, t.Elems()
	}
	return 3, t.Dims[0], t.Elems() / max(1, t.Dims[0])
}

func random(st op.Stream, n *op.Node) error {
	s, p, key, y := st.(*stream), n.Op.(*op.Random), &n.In[0], &n.Out[0]
	if y.Elems() == 0 {
		return nil
	}
	stride, rows, length := streams(&key.Type, &y.Type)
	grid := dim{s.flat(length)[0], min(rows, maxGridYZ), 1}
	k := randomBits
	switch p.Dist {
	case op.Uniform:
		k = randomUniform[y.DType]
	case op.Normal:
		k = randomNormal[y.DType]
	case op.Bernoulli:
		k = randomBernoulli
	}
	// Words beyond a kernel's parameters are not read.
	return s.launch(k, grid, threads, at(y), at(key), uint64(stride), uint64(rows), uint64(length), single(p.A), single(p.B))
}

func pickDropout(_ *op.Dropout, in, out []op.Type) (op.Kernel, error) {
	return pickContiguous(in, out, dropout)
}

func dropout(st op.Stream, n *op.Node) error {
	s, x, key, y := st.(*stream), &n.In[0], &n.In[1], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	stride, rows, length := streams(&key.Type, &x.Type)
	grid := dim{s.flat(length)[0], min(rows, maxGridYZ), 1}
	return s.launch(dropouts[x.DType], grid, threads, at(y), at(x), at(key), uint64(stride), uint64(rows), uint64(length), single(n.Op.(*op.Dropout).P))
}
