//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var attentions = table{on(pickAttention), on(pickAttentionGrad)}

// attentionKernel is a kernel for heads of up to a width. There is a faster one on tensor cores (attention_mma), which rounds
// the weights of the values to 16 bits; the op computes in f32, so it is not taken.
type attentionKernel struct {
	widest int
	perType
}

var attentionKernels = [3]attentionKernel{{64, entries("attention", "attention64_%v", shorts...)},
	{128, entries("attention", "attention128_%v", shorts...)}, {256, entries("attention", "attention256_%v", shorts...)}}

const attentionTile = 64 // query rows of a block

// pickAttention takes batches, heads and rows at any distance; the last dimension is contiguous.
func pickAttention(p *op.Attention, in, out []op.Type) (op.Kernel, error) {
	q, k, v := &in[0], &in[1], &in[2]
	switch {
	case q.DType == op.F64:
		return no(p, q.DType)
	case widest(attentionKernels[:], q.DType, v.Dims[3]) == nil:
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s has values of at most 256 elements", p.Name())
	}
	var offsets *op.Type
	if p.HasOffsets {
		offsets = &in[p.Extras().Offsets]
	}
	if err := attentionSizes(p, q, k, offsets); err != nil {
		return op.Kernel{}, err
	}
	for _, t := range [4]*op.Type{q, k, v, &out[0]} {
		if t.Dims[3] > 1 && t.Strides[3] != 1 {
			return op.Kernel{}, op.ErrLayout
		}
	}
	if err := contiguous(in[3:], out[1:]); err != nil {
		return op.Kernel{}, err
	}
	if p.HasOffsets && !out[0].Contiguous() {
		return op.Kernel{}, op.ErrLayout
	}
	return kernel(attention)
}

// attentionSizes refuses what does not fit a grid or 32-bit indices. offsets may be nil.
func attentionSizes(o op.Op, q, k, offsets *op.Type) error {
	sequences := q.Dims[0]
	if offsets != nil {
		sequences = offsets.Dims[0]
	}
	switch {
	case max(k.Dims[1], sequences) > maxGridYZ:
		return op.UnsupportedErr("the cuda path's %s has at most %d heads and sequences", o.Name(), maxGridYZ)
	case max(q.Dims[1]*q.Dims[2], k.Dims[2]) > maxIndex:
		return op.UnsupportedErr("the cuda path's %s has at most 2³¹-1 rows", o.Name())
	}
	return nil
}

func attention(st op.Stream, n *op.Node) error {
	s, p, q, k, v, y, lse := st.(*stream), n.Op.(*op.Attention), &n.In[0], &n.In[1], &n.In[2], &n.Out[0], &n.Out[1]
	heads, t := q.Dims[1], q.Dims[2]
	batch, group := q.Dims[0], heads/k.Dims[1]
	extra := p.Extras()
	if p.HasOffsets {
		batch = n.In[extra.Offsets].Dims[0] - 1
		if err := s.unseen(n, extra.Sink); err != nil {
			return err
		}
	}
	if lse.Elems() == 0 || batch == 0 {
		return nil
	}
	keys, page, pageRow := k.Dims[2], 0, 0
	if p.HasPages {
		keys, page = k.Dims[0], k.Dims[2]
		if keys > 0 {
			pageRow = n.In[extra.Pages].Dims[1]
		}
	}
	f := widest(attentionKernels[:], q.DType, v.Dims[3])
	return s.launch(f, dim{ceil(group*t, attentionTile), k.Dims[1], batch}, threads, at(y), at(lse), at(q), at(k), at(v),
		optional(n, extra.Lengths), optional(n, extra.Sink), optional(n, extra.Gate), optional(n, extra.Offsets), optional(n, extra.Pages),
		uint64(heads), uint64(group), uint64(t), uint64(keys), uint64(q.Dims[3]), uint64(v.Dims[3]), uint64(page), uint64(pageRow),
		stride(q, 0), stride(q, 1), stride(q, 2), stride(k, 0), stride(k, 1), stride(k, 2),
		stride(v, 0), stride(v, 1), stride(v, 2), stride(y, 0), stride(y, 1), stride(y, 2),
		single(p.Scale), bit(p.Causal), uint64(p.Window))
}

// unseen writes the results of rows that see no key: of no packed sequence, which the kernels leave alone.
func (s *stream) unseen(n *op.Node, sink int) error {
	y, lse := &n.Out[0], &n.Out[1]
	if err := s.fill(y, 0); err != nil {
		return err
	}
	if sink < 0 {
		return s.fill(lse, math.Inf(-1))
	}
	perHead := lse.Type
	perHead.Strides = [op.MaxRank]int{1: 1}
	return s.move(at(lse), &lse.Type, at(&n.In[sink]), &perHead)
}

func stride(v *op.View, axis int) uint64 { return uint64(v.Strides[axis]) }

// optional is the address of an operand that may be missing.
func optional(n *op.Node, place int) uint64 {
	if place < 0 {
		return 0
	}
	return at(&n.In[place])
}
