//go:build cuda && cgo && linux

package gpu

import (
	"math/bits"

	"github.com/tandem-compute/tandem/internal/op"
)

var (
	categoricalShort = entries("categorical", "categorical256_%v", reals...)
	categoricalLong  = entries("categorical", "categorical512_%v", reals...)
)

const mostShort = 8192 // the longest row for 256 threads

// categoricalRoad is the kernel for rows of n logits, its threads, and the elements of scratch that a row takes.
func categoricalRoad(d op.DType, n int) (k *symbol, block dim, stride int) {
	k, block = categoricalShort[d], threads
	if n > mostShort {
		k, block = categoricalLong[d], dim{512, 1, 1}
	}
	return k, block, ceil(n, 4*block[0]) * 4 * block[0]
}

// pickCategorical wants room for the weights and for lists of candidates.
func pickCategorical(p *op.Categorical, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	_, _, stride := categoricalRoad(in[0].DType, in[0].Last())
	return op.Kernel{Run: categorical, Work: 2 * 4 * in[0].Dims[0] * stride}, nil
}

func categorical(st op.Stream, n *op.Node) error {
	s, x, params, key, token, logprob := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.Out[0], &n.Out[1]
	rows, length := x.Dims[0], x.Last()
	if rows == 0 {
		return nil
	}
	k, block, stride := categoricalRoad(x.DType, length)
	keyStride, _, _ := streams(&key.Type, &x.Type)
	weights := at(&n.Work)
	list := weights + uint64(4*rows*stride)
	return s.launch(k, dim{rows, 1, 1}, block, at(token), at(logprob), at(x), at(params), at(key), uint64(keyStride),
		weights, list, uint64(length), uint64(stride), uint64(bits.Len(uint(length-1))))
}
