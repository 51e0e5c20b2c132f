package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

var samples = table{on(pickRandom), on(pickDropout), on(pickCategorical)}

func pickRandom(_ *Backend, p *op.Random, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	switch p.Dist {
	case op.Bits:
		return kernel(randomBits)
	case op.Uniform:
		return kernel(randomUniform)
	case op.Normal:
		return kernel(randomNormal)
	}
	return kernel(randomBernoulli)
}

// address is the sequence of words for row r of the output.
func address(n *op.Node, r int) vec.Address { return addressOf(&n.In[0], r) }

func addressOf(k *op.View, r int) vec.Address {
	key := op.Data[int64](k)
	if k.Rank == 2 {
		key = key[3*r:]
	}
	return vec.Address{Seed: uint64(key[0]), Stream: uint32(key[1]), Step: uint32(key[2])}
}

// rowElems is the elements that one key numbers: all, or those of one row.
func rowElems(n *op.Node) int {
	if n.In[0].Rank == 2 {
		return n.Out[0].Elems() / max(1, n.Out[0].Dims[0])
	}
	return n.Out[0].Elems()
}

// stretches calls f for the parts of elements lo..hi-1 that lie under one key: row r, elements from..from+len(dst)-1 of it.
func stretches[T op.Elem](n *op.Node, lo, hi int, f func(dst []T, at vec.Address, from uint64)) {
	y, per := op.Data[T](&n.Out[0]), rowElems(n)
	for lo < hi {
		r, from := lo/per, lo%per
		end := min(hi, (r+1)*per)
		f(y[lo:end], address(n, r), uint64(from))
		lo = end
	}
}

func randomBits(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Out[0].Elems(), elementGrain, bitsBody)
}

func bitsBody(w *worker, n *op.Node, lo, hi int) {
	stretches(n, lo, hi, func(dst []int32, at vec.Address, from uint64) {
		words := scratch[int32](w, 0, blockLen)
		for len(dst) > 0 {
			m := min(len(dst), blockLen)
			w.vec.Random(asWords(words[:m]), at, from)
			copy(dst, words[:m])
			dst, from = dst[m:], from+uint64(m)
		}
	})
}

func randomUniform(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Out[0].Elems(), elementGrain, uniformBody)
}

func uniformBody(w *worker, n *op.Node, lo, hi int) {
	p := n.Op.(*op.Random)
	span := p.B - p.A
	if n.Out[0].DType == op.F32 {
		stretches(n, lo, hi, func(dst []float32, at vec.Address, from uint64) {
			w.vec.Uniform(dst, at, from)
			if p.A != 0 || span != 1 {
				w.vec.F32.MulS(dst, dst, span)
				w.vec.F32.AddS(dst, dst, p.A)
			}
		})
		return
	}
	stretches(n, lo, hi, func(dst []float64, at vec.Address, from uint64) {
		for i := range dst {
			u := float32(vec.Unit(at.Word(from+uint64(i))) * span)
			dst[i] = float64(u + p.A)
		}
	})
}

func randomBernoulli(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Out[0].Elems(), elementGrain, bernoulliBody)
}

func bernoulliBody(w *worker, n *op.Node, lo, hi int) {
	p := n.Op.(*op.Random).A
	stretches(n, lo, hi, func(dst []uint8, at vec.Address, from uint64) {
		w.vec.Bernoulli(asBools(dst), at, from, p)
	})
}

func randomNormal(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Out[0].Elems(), elementGrain, normalBody)
}

func normalBody(w *worker, n *op.Node, lo, hi int) {
	p := n.Op.(*op.Random)
	if n.Out[0].DType == op.F32 {
		stretches(n, lo, hi, func(dst []float32, at vec.Address, from uint64) { normals(w, p, dst, at, from) })
		return
	}
	stretches(n, lo, hi, func(dst []float64, at vec.Address, from uint64) {
		for len(dst) > 0 {
			z := scratch[float32](w, 0, blockLen)[:min(len(dst), blockLen)]
			normals(w, p, z, at, from)
			w.vec.F64FromF32(dst[:len(z)], z)
			dst, from = dst[len(z):], from+uint64(len(z))
		}
	})
}

// normals fills dst with A + B z, product and sum rounded apart.
func normals(w *worker, p *op.Random, dst []float32, at vec.Address, from uint64) {
	w.vec.Normal(dst, at, from)
	if p.B != 1 {
		w.vec.F32.MulS(dst, dst, p.B)
	}
	if p.A != 0 {
		w.vec.F32.AddS(dst, dst, p.A)
	}
}

func pickDropout(_ *Backend, _ *op.Dropout, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(dropout)
}

func dropout(st op.Stream, n *op.Node) error {
	return st.(*stream).split(n, n.Out[0].Elems(), elementGrain, dropoutBody)
}

// dropoutBody goes through f32, whose product with the scale is rounded once more for halves; f64 keeps its own.
func dropoutBody(w *worker, n *op.Node, lo, hi int) {
	p, x, y := n.Op.(*op.Dropout).P, &n.In[0], &n.Out[0]
	scale, per := 1/(1-p), x.Elems()
	if n.In[1].Rank == 2 {
		per /= max(1, x.Dims[0])
	}
	for lo < hi {
		r, from := lo/per, lo%per
		m := min(hi-lo, per-from, blockLen)
		at := addressOf(&n.In[1], r)
		if x.DType == op.F64 {
			keep := asBools(scratch[uint8](w, 1, blockLen)[:m])
			w.vec.Bernoulli(keep, at, uint64(from), p)
			for i, drop := range keep {
				v := op.Data[float64](x)[lo+i] * float64(scale)
				if drop {
					v = 0
				}
				op.Data[float64](y)[lo+i] = v
			}
		} else {
			out := scratch[float32](w, 2, blockLen)[:m]
			w.vec.Dropout(out, rowAt[float32](w, x, lo, m, 0), at, uint64(from), p, scale)
			storeAt(w, y, lo, out)
		}
		lo += m
	}
}
