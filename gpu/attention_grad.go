//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var (
	attentionDelta = entries("attention_grad", "attention_delta_%v", reals...)
	attentionGradQ = []attentionKernel{{64, entries("attention_grad", "attention_grad_q64_%v", shorts...)},
		{128, entries("attention_grad", "attention_grad_q128_%v", shorts...)}, {256, entries("attention_grad", "attention_grad_q256_%v", reals...)}}
	attentionGradKV = []attentionKernel{{64, entries("attention_grad", "attention_grad_kv64_%v", shorts...)},
		{128, entries("attention_grad", "attention_grad_kv128_%v", shorts...)}}
	// Above those there is one for dk and one for dv.
	attentionGradK    = entries("attention_grad", "attention_grad_k256_%v", reals...)
	attentionGradV    = entries("attention_grad", "attention_grad_v256_%v", reals...)
	attentionGradSink = entries("attention_grad", "attention_grad_sink_%v", op.F32, op.F64)
)

// pickAttentionGrad wants room for one number per row, the sum of dout out.
func pickAttentionGrad(p *op.AttentionGrad, in, out []op.Type) (op.Kernel, error) {
	q, k, v := &in[0], &in[1], &in[2]
	if max(q.Dims[3], v.Dims[3]) > widestHead {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s has heads of at most %d elements", p.Name(), widestHead)
	}
	if err := attentionSizes(p, q, k, offsetsAt(p, in)); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return op.Kernel{Run: attentionGrad, Work: in[4].Bytes()}, nil
}

// offsetsAt is the type of the offsets, which come last, or nil.
func offsetsAt(p *op.AttentionGrad, in []op.Type) *op.Type {
	if !p.HasOffsets {
		return nil
	}
	return &in[len(in)-1]
}

// last is the place of the optional operand that follows `before` others behind the six that are always there.
func last(has bool, before ...bool) int {
	if !has {
		return -1
	}
	place := 6
	for _, b := range before {
		place += int(bit(b))
	}
	return place
}

func attentionGrad(st op.Stream, n *op.Node) error {
	s, p, lse := st.(*stream), n.Op.(*op.AttentionGrad), &n.In[4]
	out, dout, delta := &n.In[3], &n.In[5], at(&n.Work)
	batch, heads, t, rows := lse.Dims[0], lse.Dims[1], lse.Dims[2], lse.Elems()
	if p.HasOffsets || rows == 0 { // rows and keys of no sequence are not written
		for i := range 3 {
			if err := s.fill(&n.Out[i], 0); err != nil {
				return err
			}
		}
	}
	if rows > 0 {
		err := s.launch(attentionDelta[out.DType], dim{ceil(heads*t, 8), batch, 1}, threads, delta, at(out), at(dout), uint64(t), uint64(heads),
			uint64(out.Last()), stride(dout, 0), stride(dout, 1), stride(dout, 2))
		if err != nil {
			return err
		}
		if err := s.attentionGradTiles(n, p); err != nil {
			return err
		}
	}
	if !p.HasSink {
		return nil
	}
	sink := &n.In[last(true, p.HasLengths)]
	return s.launch(attentionGradSink[lse.DType], dim{heads, 1, 1}, threads, at(&n.Out[3]), at(sink), at(lse), delta, uint64(batch), uint64(heads), uint64(t))
}

// attentionGradTiles computes dq, dk and dv.
func (s *stream) attentionGradTiles(n *op.Node, p *op.AttentionGrad) error {
	q, k, v, lse, dout := &n.In[0], &n.In[1], &n.In[2], &n.In[4], &n.In[5]
	heads, t, keys, width := q.Dims[1], q.Dims[2], k.Dims[2], max(q.Dims[3], v.Dims[3])
	group, sequences := heads/k.Dims[1], q.Dims[0]
	lengths, offsets := last(p.HasLengths), last(p.HasOffsets, p.HasLengths, p.HasSink)
	if p.HasOffsets {
		sequences = n.In[offsets].Dims[0] - 1
	}
	one, other := widest(attentionGradKV, q.DType, width), (*symbol)(nil)
	if one == nil {
		one, other = attentionGradK[q.DType], attentionGradV[q.DType]
	}
	for _, step := range [3]struct {
		k    *symbol
		rows int
	}{{widest(attentionGradQ, q.DType, width), group * t}, {one, keys}, {other, keys}} {
		if step.k == nil || step.rows == 0 || sequences == 0 {
			continue
		}
		err := s.launch(step.k, dim{ceil(step.rows, attentionTile), k.Dims[1], sequences}, threads, at(&n.Out[0]), at(&n.Out[1]), at(&n.Out[2]),
			at(&n.Work), at(dout), at(lse), at(q), at(k), at(v), optional(n, lengths), optional(n, offsets),
			uint64(heads), uint64(group), uint64(t), uint64(keys), uint64(q.Dims[3]), uint64(v.Dims[3]),
			stride(q, 0), stride(q, 1), stride(q, 2), stride(k, 0), stride(k, 1), stride(k, 2),
			stride(v, 0), stride(v, 1), stride(v, 2), stride(dout, 0), stride(dout, 1), stride(dout, 2),
			single(p.Scale), bit(p.Causal), uint64(p.Window))
		if err != nil {
			return err
		}
	}
	return nil
}
