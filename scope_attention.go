package tandem

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

// AttentionOptions say what a row of attention sees and what is done to its result. Tensors that are not given are the
// zero Tensor.
type AttentionOptions struct {
	Scale   float32 // of the scores; 0 stands for 1/√d
	Causal  bool    // a row sees no key after its own position
	Window  int     // above 0: only so many keys up to its own position, and without Causal as many less one after it
	Lengths Tensor  // i32[b]: how many keys each batch has
	Sink    Tensor  // f32[hq] (f64 of f64): a logit without a value for each query head
	Gate    Tensor  // [b, t, hq]: each head's result is multiplied by its sigmoid
	Offsets Tensor  // i32[g+1]: where packed sequences begin and end, of a batch of 1
	Pages   Tensor  // i32[b, m]: the pages of k and v that each sequence has; needs Lengths

	HalfWeights bool // lets a GPU round the softmax's weights of f16 and bf16 to their own type, for tensor cores
}

// Attention is softmax(Scale q kᵀ + mask) v for every head: q [b, hq, t, d], k [b, hkv, s, d], v [b, hkv, s, dv], result
// [b, hq, t, dv]. Query head i reads key-value head i / (hq/hkv), and query i stands at position s-t+i. With Pages, k and
// v are [pages, hkv, page, ...]. Scores are never stored. See op.Attention for all rules.
func (s *Scope) Attention(q, k, v Tensor, o AttentionOptions) Tensor {
	out, lse := s.attention(q, k, v, &o)
	if s.err == nil {
		s.release(lse, 0) // on top of the stack; a tape holds it as long as it needs it
	}
	return out
}

// attention also returns the logarithm of each row's sum.
func (s *Scope) attention(q, k, v Tensor, o *AttentionOptions) (out, lse Tensor) {
	p := op.Attention{Scale: o.scaleFor(q), Causal: o.Causal, Window: narrow(o.Window),
		HasLengths: given(o.Lengths), HasSink: given(o.Sink), HasGate: given(o.Gate), HasOffsets: given(o.Offsets), HasPages: given(o.Pages),
		HalfWeights: o.HalfWeights}
	buf := [8]Tensor{q, k, v}
	in := buf[:3]
	for _, extra := range [...]Tensor{o.Lengths, o.Sink, o.Gate, o.Offsets, o.Pages} {
		if given(extra) {
			in = append(in, extra)
		}
	}
	return emitAll2(s, p, in...)
}

func given(t Tensor) bool { return t != (Tensor{}) }

func (o *AttentionOptions) scaleFor(q Tensor) float32 {
	if t := q.Type(); o.Scale == 0 {
		return float32(1 / math.Sqrt(float64(max(1, t.Last()))))
	}
	return o.Scale
}

// AttentionProbs is the probabilities by which Attention weighs the values, [b, hq, t, s], for those who must look at
// them: f32 (f64 of f64). It stores what Attention does not. A Gate changes nothing; packed sequences and pages are not
// supported.
func (s *Scope) AttentionProbs(q, k Tensor, o AttentionOptions) Tensor {
	if given(o.Offsets) || given(o.Pages) {
		s.fail("attention.probs", "", op.UnsupportedErr("of packed sequences and of pages"))
	}
	o.Gate = Tensor{}
	into := s.aside()
	_, lse := s.attention(q, k, s.Slice(k, -1, 0, 1), &o) // a single column of values, as they do not matter
	s.into = into
	p := op.AttentionProbs{Scale: o.scaleFor(q), Causal: o.Causal, Window: narrow(o.Window)}
	if !given(o.Lengths) {
		return emit(s, p, args(q, k, lse))
	}
	p.HasLengths = true
	return emit(s, p, args(q, k, lse, o.Lengths))
}

func init() {
	gradientBy(func(p *op.Attention) (saves uint32) {
		for i := range p.Operands() {
			saves |= ins(i)
		}
		return saves | outs(0, 1)
	}, attentionGrad)
}

func attentionGrad(g *Grad, p *op.Attention) {
	if p.HasPages {
		g.fail(p.Name(), "", op.UnsupportedErr("no gradient flows into pages"))
		return
	}
	at, out, d := p.Extras(), g.Out(0), g.D(0)
	buf := [9]Tensor{g.In(0), g.In(1), g.In(2)}
	extras := buf[6:6]
	for _, i := range [...]int{at.Lengths, at.Sink, at.Offsets} {
		if i >= 0 {
			extras = append(extras, g.In(i))
		}
	}
	if p.HasGate {
		out, d = attentionGateGrad(g, p, buf[:3], extras)
	}
	buf[3], buf[4], buf[5] = out, g.Out(1), d
	n, grads := g.next(), [4]Tensor{}
	o := op.AttentionGrad{Scale: p.Scale, Window: p.Window, Causal: p.Causal, HasLengths: p.HasLengths, HasSink: p.HasSink, HasOffsets: p.HasOffsets}
	if p.HasSink {
		g.run(n, op.Store(n, o), buf[:6+len(extras)], grads[:])
		g.To(at.Sink, grads[3])
	} else {
		g.run(n, op.Store(n, o), buf[:6+len(extras)], grads[:3])
	}
	for i := range 3 {
		g.To(i, grads[i])
	}
}

// attentionGateGrad passes the gradient on to the gate and returns what the gate multiplied, computed again, and that
// one's gradient: of y = σ(gate) out the gate gets σ'(gate) Σ dy out = (1 - σ(gate)) Σ dy y.
func attentionGateGrad(g *Grad, p *op.Attention, qkv, extras []Tensor) (out, d Tensor) {
	y, d, i := g.Out(0), g.D(0), p.Extras().Gate
	open := g.Sigmoid(g.In(i)) // [b, t, hq]
	if g.Needs(i) {
		g.To(i, g.Mul(g.Permute(g.Sum(g.Mul(d, y), -1), 0, 2, 1), g.ScalarSub(1, open)))
	}
	free := *p
	free.HasGate = false
	buf := [6]Tensor{qkv[0], qkv[1], qkv[2]}
	out, _ = emitAll2(g.Scope, free, append(buf[:3], extras...)...)
	t := y.Type()
	return out, g.Mul(d, g.Reshape(g.Permute(open, 0, 2, 1), t.Dims[0], t.Dims[1], t.Dims[2], 1))
}
