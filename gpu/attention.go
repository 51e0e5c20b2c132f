//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var attentions = table{on(pickAttention), on(pickAttentionGrad)}

// attentionKernel is a kernel for heads of values up to a width.
type attentionKernel struct {
	widest int
	perType
}

var (
	attentionPlain = [3]attentionKernel{{64, entries("attention", "attention64_%v", shorts...)}, {128, entries("attention", "attention128_%v", shorts...)},
		{256, entries("attention", "attention256_%v", shorts...)}}
	attentionMMA = [2]attentionKernel{{64, entries("attention_mma", "attention_mma64_%v", op.F16, op.BF16)},
		{128, entries("attention_mma", "attention_mma128_%v", op.F16, op.BF16)}}
)

const attentionTile = 64 // query rows of a block

// pickAttention takes batches, heads and rows at any distance; the last dimension is contiguous.
func pickAttention(p *op.Attention, in, out []op.Type) (op.Kernel, error) {
	q, k, v := &in[0], &in[1], &in[2]
	switch {
	case q.DType == op.F64:
		return no(p, q.DType)
	case widest(attentionPlain[:], q.DType, v.Dims[3]) == nil:
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
	page, pageRow := 0, 0
	if p.HasPages {
		page, pageRow = k.Dims[2], n.In[extra.Pages].Dims[1]
	}
	f, block := attentionFor(q, k, v, y)
	return s.launch(f, dim{ceil(group*t, attentionTile), k.Dims[1], batch}, block, at(y), at(lse), at(q), at(k), at(v),
		optional(n, extra.Lengths), optional(n, extra.Sink), optional(n, extra.Gate), optional(n, extra.Offsets), optional(n, extra.Pages),
		uint64(heads), uint64(group), uint64(t), uint64(k.Dims[2]), uint64(q.Dims[3]), uint64(v.Dims[3]), uint64(page), uint64(pageRow),
		stride(q, 0), stride(q, 1), stride(q, 2), stride(k, 0), stride(k, 1), stride(k, 2),
		stride(v, 0), stride(v, 1), stride(v, 2), stride(y, 0), stride(y, 1), stride(y, 2),
		single(p.Scale), flag(p.Causal), uint64(p.Window))
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

// attentionFor chooses by dtype, width and layout; the number of rows has no say, so a row's bits do not depend on it.
func attentionFor(q, k, v, y *op.View) (f *symbol, block dim) {
	d, dv := q.Dims[3], v.Dims[3]
	for i := range attentionMMA {
		if a := &attentionMMA[i]; a.has(q.DType) && max(d, dv) <= a.widest && d%8 == 0 && dv%8 == 0 && rowsOf16(q, k, v, y) {
			return a.perType[q.DType], dim{128, 1, 1}
		}
	}
	return widest(attentionPlain[:], q.DType, dv), threads
}

// rowsOf16 reports whether 16-byte copies reach every row.
func rowsOf16(views ...*op.View) bool {
	var bits uint64
	for _, v := range views {
		bits |= at(v)
		for axis := range 3 {
			bits |= uint64(v.Strides[axis] * v.DType.Size())
		}
	}
	return bits%16 == 0
}
