package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

var samples = table{on(pickRandom)}

func pickRandom(_ *Backend, p *op.Random, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	switch p.Dist {
	case op.Bits:
		return kernel(randomBits)
	case op.Uniform:
		return kernel(randomUniform)
	case op.Bernoulli:
		return kernel(randomBernoulli)
	}
	return op.Kernel{}, op.UnsupportedErr("no kernel for %v numbers", p.Dist)
}

// address is the sequence of words for row r of the output, and the elements that a row counts.
func address(n *op.Node, r int) vec.Address {
	key := op.Data[int64](&n.In[0])
	if n.In[0].Rank == 2 {
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
		u := scratch[float32](w, 0, blockLen)
		for len(dst) > 0 {
			m := min(len(dst), blockLen)
			w.vec.Uniform(u[:m], at, from)
			for i, v := range u[:m] {
				dst[i] = 0
				if v < p {
					dst[i] = 1
				}
			}
			dst, from = dst[m:], from+uint64(m)
		}
	})
}
