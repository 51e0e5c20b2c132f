package cpu

import (
	"math"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

var ropes = table{on(pickRope)}

// pickRope takes heads at any distance. The node's scratch memory holds the frequencies.
func pickRope(_ *Backend, p *op.Rope, in, out []op.Type) (op.Kernel, error) {
	if err := rowsReadable(in[:1], out); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(in[1:]); err != nil {
		return op.Kernel{}, err
	}
	k := op.Kernel{Run: rope32, Work: 8 * int(p.Width) / 2}
	if in[0].DType == op.F64 {
		k.Run = rope64
	}
	return k, nil
}

func rope32(s op.Stream, n *op.Node) error { return rope(s.(*stream), n, ropeTokens[float32]) }
func rope64(s op.Stream, n *op.Node) error { return rope(s.(*stream), n, ropeTokens[float64]) }

// rope cuts a node at its positions: tokens that share one, and their heads, turn by the same angles.
func rope(s *stream, n *op.Node, tokens body) error {
	f := partials[float64](n, 1)
	p := n.Op.(*op.Rope)
	p.Frequencies(f)
	if p.HasFactors {
		for i, by := range op.Data[float32](&n.In[2]) {
			f[i] /= float64(by)
		}
	}
	positions := n.In[1].Elems()
	return s.split(n, positions, rowGrain(n.In[0].Elems()/max(1, positions)), tokens)
}

func ropeTokens[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p, x, y, positions := n.Op.(*op.Rope), &n.In[0], &n.Out[0], op.Data[int32](&n.In[1])
	half, heads := int(p.Width)/2, x.Dims[x.Rank-2]
	mem := carver[T](realScratch[T](w, 0, 5*half))
	t := turning[T]{w, p, mem.take(half), mem.take(half), mem.take(half), mem.take(half), mem.take(half)}
	tokens := x.Elems() / max(1, heads*x.Last())
	for i := lo; i < hi; i++ {
		t.angles(float64(positions[i]), partials[float64](n, 1))
		for token := i; token < tokens; token += len(positions) {
			from, to := tokenPlace(x, token), tokenPlace(y, token)
			for h := range heads {
				t.head(x, y, from+h*x.Strides[x.Rank-2], to+h*y.Strides[y.Rank-2])
			}
		}
	}
}

// tokenPlace is where a token's heads begin.
func tokenPlace(v *op.View, token int) (at int) {
	for d := int(v.Rank) - 3; d >= 0; d-- {
		at += token % v.Dims[d] * v.Strides[d]
		token /= v.Dims[d]
	}
	return at
}

// turning is the angles of one position.
type turning[T vec.Real] struct {
	w              *worker
	p              *op.Rope
	cos, sin, back []T // back is -sin
	ac, as         []T // products of a head
}

func (t *turning[T]) angles(position float64, f []float64) {
	for i := range t.cos {
		sin, cos := math.Sincos(position * f[i])
		if t.p.Inverse {
			sin = -sin
		}
		t.cos[i], t.sin[i], t.back[i] = T(float32(cos)), T(float32(sin)), T(float32(-sin))
	}
}

// head turns one head, which begins so many elements into x and y.
func (t *turning[T]) head(x, y *op.View, from, to int) {
	in := rowAt[T](t.w, x, from, x.Last(), 5)
	out := in // of a half, which is widened in scratch memory
	whole := x.DType != op.F16 && x.DType != op.BF16
	if whole {
		out = dataOf[T](y)[to : to+len(in)]
	}
	copy(out[t.p.Width:], in[t.p.Width:])
	if t.p.Interleaved {
		t.neighbours(out, in)
	} else {
		t.halves(out, in)
	}
	if !whole {
		storeAt(t.w, y, to, out)
	}
}

func (t *turning[T]) halves(out, in []T) {
	f, half := floats[T](t.w.vec), len(t.cos)
	a, b := in[:half], in[half:2*half]
	f.Mul(t.ac, a, t.cos)
	f.Mul(t.as, a, t.sin)
	f.FMA(out[:half], b, t.back, t.ac)
	f.FMA(out[half:2*half], b, t.cos, t.as)
}

func (t *turning[T]) neighbours(out, in []T) {
	for i, cos := range t.cos {
		a, b := in[2*i], in[2*i+1]
		out[2*i] = T(a*cos) - T(b*t.sin[i])
		out[2*i+1] = T(b*cos) + T(a*t.sin[i])
	}
}
