package op

// Attention is out = softmax(Scale q kᵀ + mask) v for every head, without ever storing the scores: Dao and others,
// FlashAttention (2022). Query head i reads key-value head i / (hq/hkv).
//
// q [b, hq, t, d], k [b, hkv, s, d], v [b, hkv, s, dv], floating-point, f16 and bf16 computed in f32; out [b, hq, t, dv]
// in q's dtype and lse [b, hq, t], the logarithm of each row's sum, which the backward reads, in f32 (f64: in f64). A row
// that may see no key gives 0 and -Inf, or its sink.
//
// Query row i stands at position n-t+i of the n keys that its batch has: s, or lengths[b] with HasLengths (i32[b],
// cut to 0…s; keys beyond are padding). Causal rows see keys up to their own position; Window > 0 of these only the
// last Window, and without Causal also the Window-1 after.
//
// HasSink gives each query head a logit without a value, [hq] in lse's dtype, as in StreamingLLM and gpt-oss. HasGate
// multiplies each head's result by sigmoid(gate), gate [b, t, hq] in q's dtype.
//
// HasOffsets packs ragged sequences: b is 1, and offsets i32[g+1], not decreasing, cuts t and s alike into g sequences,
// each of which sees itself alone. Offsets outside 0…t are cut to it; rows of no sequence see no key.
//
// HasPages reads keys and values from pages: k is [pages, hkv, page, d], v [pages, hkv, page, dv], and the operand
// pages i32[b, m] lists the pages of each sequence in order (numbers outside 0…pages-1 are cut to it); HasLengths is
// then required.
//
// Keys are taken in blocks at fixed positions, so a row's bits do not depend on which rows stand beside it.
type Attention struct {
	Scale      float32
	Window     int32
	Causal     bool
	HasLengths bool
	HasSink    bool
	HasGate    bool
	HasOffsets bool
	HasPages   bool

	// HalfWeights lets f16 and bf16 round the softmax's weights to their own type before the product with v, and their
	// exponentials be approximate, which tensor cores need. The CPU keeps f32.
	HalfWeights bool
}

func (*Attention) Kind() Kind   { return KindAttention }
func (*Attention) Name() string { return "attention" }
func (p *Attention) Args() string {
	names := [...]string{"q k v", " lengths", " sink", " gate", " offsets", " pages"}
	s := names[0]
	for i, has := range [...]bool{p.HasLengths, p.HasSink, p.HasGate, p.HasOffsets, p.HasPages} {
		if has {
			s += names[i+1]
		}
	}
	return s
}

// AttentionExtras are the places of the optional operands, -1 for those that are not there.
type AttentionExtras struct{ Lengths, Sink, Gate, Offsets, Pages int }

// Extras finds the optional operands, which follow q, k and v in this order.
func (p *Attention) Extras() AttentionExtras {
	at := 3
	place := func(has bool) int {
		if !has {
			return -1
		}
		at++
		return at - 1
	}
	return AttentionExtras{place(p.HasLengths), place(p.HasSink), place(p.HasGate), place(p.HasOffsets), place(p.HasPages)}
}

// Operands is how many there are.
func (p *Attention) Operands() int {
	return 3 + b2i(p.HasLengths) + b2i(p.HasSink) + b2i(p.HasGate) + b2i(p.HasOffsets) + b2i(p.HasPages)
}

func (p *Attention) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, p.Operands()); err != nil {
		return out, err
	}
	if err := p.operands(in); err != nil {
		return out, err
	}
	q, v := &in[0], &in[2]
	o := q.With(q.DType)
	o.Dims[3] = v.Dims[3]
	o.Pack()
	lse := q.without(3)
	return append(out, o, lse.With(sumType(q.DType))), p.extras(in)
}

// sumType is what sums over elements of type d are computed and kept in.
func sumType(d DType) DType {
	if d == F64 {
		return F64
	}
	return F32
}

func (p *Attention) operands(in []Type) error {
	q, k, v := &in[0], &in[1], &in[2]
	if err := float("q", q); err != nil {
		return err
	}
	if err := alike(in[:3]); err != nil {
		return err
	}
	if q.Rank != 4 || k.Rank != 4 || v.Rank != 4 {
		return ShapeErr("q, k and v must have four dimensions")
	}
	switch {
	case k.Dims[0] != v.Dims[0] || k.Dims[1] != v.Dims[1] || k.Dims[2] != v.Dims[2]:
		return ShapeErr("k and v differ before the last dimension")
	case !p.HasPages && k.Dims[0] != q.Dims[0]:
		return ShapeErr("batches %d and %d differ", q.Dims[0], k.Dims[0])
	case k.Dims[1] == 0 || q.Dims[1]%k.Dims[1] != 0:
		return ShapeErr("%d query heads are no multiple of %d key-value heads", q.Dims[1], k.Dims[1])
	case q.Dims[3] != k.Dims[3]:
		return ShapeErr("q and k have heads of %d and %d", q.Dims[3], k.Dims[3])
	case q.Dims[3] == 0 || v.Dims[3] == 0:
		return ShapeErr("heads have no elements")
	case p.Window < 0:
		return ShapeErr("window %d is negative", p.Window)
	case p.HasPages && !p.HasLengths:
		return UnsupportedErr("pages need lengths")
	case p.HasOffsets && (p.HasPages || p.HasLengths || q.Dims[0] != 1 || q.Dims[2] != k.Dims[2]):
		return ShapeErr("packed sequences have a batch of 1, as many queries as keys, and neither lengths nor pages")
	}
	return dense(in)
}

func (p *Attention) extras(in []Type) error {
	q, at := &in[0], p.Extras()
	if i := at.Lengths; i >= 0 {
		if in[i].DType != I32 {
			return DTypeErr("lengths must be i32")
		}
		if err := vector("lengths", &in[i], q.Dims[0]); err != nil {
			return err
		}
	}
	if i := at.Sink; i >= 0 {
		if d := sumType(q.DType); in[i].DType != d {
			return DTypeErr("sink must be %v", d)
		}
		if err := vector("sink", &in[i], q.Dims[1]); err != nil {
			return err
		}
	}
	if i := at.Gate; i >= 0 {
		g := &in[i]
		if g.DType != q.DType {
			return DTypeErr("gate and q have different dtypes")
		}
		if g.Rank != 3 || g.Dims[0] != q.Dims[0] || g.Dims[1] != q.Dims[2] || g.Dims[2] != q.Dims[1] {
			return ShapeErr("gate must be [b,t,hq]")
		}
	}
	if i := at.Offsets; i >= 0 {
		if err := offsetsOf(&in[i]); err != nil {
			return err
		}
	}
	if i := at.Pages; i >= 0 {
		if in[i].DType != I32 {
			return DTypeErr("pages must be i32")
		}
		if in[i].Rank != 2 || in[i].Dims[0] != q.Dims[0] {
			return ShapeErr("pages must be [b,m]")
		}
	}
	return nil
}

// Keys is the most keys that a sequence can have.
func (p *Attention) Keys(in []Type) int {
	if p.HasPages {
		return in[p.Extras().Pages].Dims[1] * in[1].Dims[2]
	}
	return in[1].Dims[2]
}

func (p *Attention) Cost(in, out []Type) Cost {
	q, v := &in[0], &in[2]
	each := 2 // of a query, a key and an element of their heads
	if p.Causal && q.Dims[2] > 1 {
		each = 1
	}
	return Cost{product(each, q.Dims[0], q.Dims[1], q.Dims[2], p.Keys(in), q.Dims[3]+v.Dims[3]), bytes(in, out)}
}

// AttentionGrad is the backward of Attention without pages and without gate: dq, dk and dv from q, k, v, out, lse and
// dout, then lengths, sink and offsets as there. (A gate and its gradient are elementwise and stand outside: dout is then
// times sigmoid(gate), and out what the gate multiplied.) With HasSink the gradient of the sink, [hq], is a fourth result.
//
//	p = exp(Scale q kᵀ - lse)   ds = p (dout vᵀ - Σ dout out)
//	dq = Scale ds k   dk = Scale dsᵀ q   dv = pᵀ dout   dsink = -Σ exp(sink - lse) Σ dout out
//
// dk and dv are summed over query heads in a fixed order.
type AttentionGrad struct {
	Scale      float32
	Window     int32
	Causal     bool
	HasLengths bool
	HasSink    bool
	HasOffsets bool
}

func (*AttentionGrad) Kind() Kind   { return KindAttentionGrad }
func (*AttentionGrad) Name() string { return "attention.grad" }
func (p *AttentionGrad) Args() string {
	s := "q k v out lse dout"
	for i, has := range [...]bool{p.HasLengths, p.HasSink, p.HasOffsets} {
		if has {
			s += [...]string{" lengths", " sink", " offsets"}[i]
		}
	}
	return s
}

// Forward is the op that this is the backward of.
func (p *AttentionGrad) Forward() Attention {
	return Attention{Scale: p.Scale, Window: p.Window, Causal: p.Causal, HasLengths: p.HasLengths, HasSink: p.HasSink, HasOffsets: p.HasOffsets}
}

func (p *AttentionGrad) Infer(out, in []Type) ([]Type, error) {
	n := b2i(p.HasLengths) + b2i(p.HasSink) + b2i(p.HasOffsets)
	if err := want(in, 6+n); err != nil {
		return out, err
	}
	f := p.Forward()
	var types [6]Type
	var buf [2]Type
	fin := append(append(types[:0], in[:3]...), in[6:]...)
	fout, err := f.Infer(buf[:0], fin)
	if err != nil {
		return out, err
	}
	if !in[3].Same(&fout[0]) || !in[4].Same(&fout[1]) || !in[5].Same(&fout[0]) {
		return out, ShapeErr("out and dout must be %v, lse %v", fout[0], fout[1])
	}
	for i := range 3 {
		out = append(out, in[i].With(in[i].DType))
	}
	if p.HasSink {
		out = append(out, Make(sumType(in[0].DType), in[0].Dims[1]))
	}
	return out, dense(in)
}
func (p *AttentionGrad) Cost(in, out []Type) Cost {
	f := p.Forward()
	c := f.Cost(in[:3], out)
	return Cost{product(int(c.Flops), 5) / 2, bytes(in, out)}
}

// AttentionProbs is the probabilities that Attention weighs the values with, for those who must look at them:
// probs [b, hq, t, s] in lse's dtype from q, k and lse, then lengths as there; 0 where a row does not see a key. It
// stores what Attention never does.
type AttentionProbs struct {
	Scale      float32
	Window     int32
	Causal     bool
	HasLengths bool
}

func (*AttentionProbs) Kind() Kind   { return KindAttentionProbs }
func (*AttentionProbs) Name() string { return "attention.probs" }
func (p *AttentionProbs) Args() string {
	if p.HasLengths {
		return "q k lse lengths"
	}
	return "q k lse"
}
func (p *AttentionProbs) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3+b2i(p.HasLengths)); err != nil {
		return out, err
	}
	f := Attention{Scale: p.Scale, Window: p.Window, Causal: p.Causal, HasLengths: p.HasLengths}
	var types [4]Type
	var buf [2]Type
	fin := append(append(types[:0], in[0], in[1], in[1]), in[3:]...)
	fout, err := f.Infer(buf[:0], fin)
	if err != nil {
		return out, err
	}
	if !in[2].Same(&fout[1]) {
		return out, ShapeErr("lse must be %v", fout[1])
	}
	t, err := New(in[2].DType, in[0].Dims[0], in[0].Dims[1], in[0].Dims[2], in[1].Dims[2])
	return append(out, t), err
}
func (p *AttentionProbs) Cost(in, out []Type) Cost { return perElem(2*in[0].Dims[3]+2, in, out) }
