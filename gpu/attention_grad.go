//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var (
	attentionDelta = entries("attention_grad", "attention_delta_%v", shorts...)
	attentionGradQ = [2]attentionKernel{{64, entries("attention_grad", "attention_grad_q64_%v", shorts...)},
		{128, entries("attention_grad", "attention_grad_q128_%v", shorts...)}}
	attentionGradKV = [2]attentionKernel{{64, entries("attention_grad", "attention_grad_kv64_%v", shorts...)},
		{128, entries("attention_grad", "attention_grad_kv128_%v", shorts...)}}
	attentionGradSink = entry("attention_grad", "attention_grad_sink")
)

// widest is the first kernel for heads of up to width elements, nil if there is none.
func widest(ks []attentionKernel, d op.DType, width int) *symbol {
	for i := range ks {
		if width <= ks[i].widest {
			return ks[i].perType[d]
		}
	}
	return nil
}

// pickAttentionGrad wants room for one number per row, the sum of dout out.
func pickAttentionGrad(p *op.AttentionGrad, in, out []op.Type) (op.Kernel, error) {
	q, k, v := &in[0], &in[1], &in[2]
	if q.DType == op.F64 {
		return no(p, q.DType)
	}
	if width := max(q.Dims[3], v.Dims[3]); widest(attentionGradKV[:], q.DType, width) == nil {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s has heads of at most 128 elements", p.Name())
	}
	if err := attentionSizes(p, q, k, offsetsAt(p, in)); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return op.Kernel{Run: attentionGrad, Work: 4 * in[4].Elems()}, nil
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
	s, p, q, k, v := st.(*stream), n.Op.(*op.AttentionGrad), &n.In[0], &n.In[1], &n.In[2]
	out, lse, dout := &n.In[3], &n.In[4], &n.In[5]
	dq, dk, dv, delta := &n.Out[0], &n.Out[1], &n.Out[2], at(&n.Work)
	heads, t, keys, width := q.Dims[1], q.Dims[2], k.Dims[2], max(q.Dims[3], v.Dims[3])
	batch, group, rows := q.Dims[0], heads/k.Dims[1], lse.Elems()
	lengths, sink, offsets := last(p.HasLengths), last(p.HasSink, p.HasLengths), last(p.HasOffsets, p.HasLengths, p.HasSink)
	if p.HasOffsets || rows == 0 { // rows and keys of no sequence are not written
		for _, d := range [3]*op.View{dq, dk, dv} {
			if err := s.fill(d, 0); err != nil {
				return err
			}
		}
	}
	if rows > 0 {
		err := s.launch(attentionDelta[q.DType], dim{ceil(rows, 8), 1, 1}, threads, delta, at(out), at(dout), uint64(rows), uint64(t), uint64(heads),
			uint64(v.Dims[3]), stride(dout, 0), stride(dout, 1), stride(dout, 2))
		if err != nil {
			return err
		}
		sequences := batch
		if p.HasOffsets {
			sequences = n.In[offsets].Dims[0] - 1
		}
		for _, step := range [2]struct {
			k    *symbol
			rows int
		}{{widest(attentionGradQ[:], q.DType, width), group * t}, {widest(attentionGradKV[:], q.DType, width), keys}} {
			if step.rows == 0 || sequences == 0 {
				continue
			}
			err := s.launch(step.k, dim{ceil(step.rows, attentionTile), k.Dims[1], sequences}, threads, at(dq), at(dk), at(dv), delta,
				at(dout), at(lse), at(q), at(k), at(v), optional(n, lengths), optional(n, offsets),
				uint64(heads), uint64(group), uint64(t), uint64(keys), uint64(q.Dims[3]), uint64(v.Dims[3]),
				stride(q, 0), stride(q, 1), stride(q, 2), stride(k, 0), stride(k, 1), stride(k, 2),
				stride(v, 0), stride(v, 1), stride(v, 2), stride(dout, 0), stride(dout, 1), stride(dout, 2),
				single(p.Scale), bit(p.Causal), uint64(p.Window))
			if err != nil {
				return err
			}
		}
	}
	if !p.HasSink {
		return nil
	}
	return s.launch(attentionGradSink, dim{heads, 1, 1}, threads, at(&n.Out[3]), at(&n.In[sink]), at(lse), delta, uint64(batch), uint64(heads), uint64(t))
}
