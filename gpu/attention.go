//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var attentions = table{on(pickAttention), on(pickAttentionGrad), on(pickAttentionProbs)}

// attentionKernel is a kernel for heads of up to a width.
type attentionKernel struct {
	widest int
	perType
}

// widest is the first kernel for heads of up to width elements, nil if there is none.
func widest(ks []attentionKernel, d op.DType, width int) *symbol {
	for i := range ks {
		if k := ks[i].perType[d]; k != nil && width <= ks[i].widest {
			return k
		}
	}
	return nil
}

const (
	attentionTile = 64  // rows of a block
	widestHead    = 256 // of any kernel
)

// attentionRoad is a way to compute attention. A row's bits depend on the road's family, but not on how many rows a block
// has, nor on whether blocks take all keys or parts of them: tiles and few are one family.
type attentionRoad struct {
	kernels []attentionKernel
	block   dim
	rows    int  // of a block
	chunk   int  // keys after which the softmax begins anew
	parts   bool // a block may take one chunk alone
	keeps   bool // sums of earlier chunks are kept in the node's scratch memory
}

var (
	attentionTiles = attentionRoad{kernels: []attentionKernel{{64, entries("attention", "attention64_%v", shorts...)},
		{128, entries("attention", "attention128_%v", shorts...)}, {256, entries("attention", "attention256_%v", reals...)}},
		block: threads, rows: attentionTile, chunk: 256, keeps: true}
	attentionFew = attentionRoad{kernels: []attentionKernel{{128, entries("attention_decode", "attention_decode128_%v", shorts...)},
		{256, entries("attention_decode", "attention_decode256_%v", shorts...)}},
		block: threads, rows: 8, chunk: 256, parts: true}
	attentionHalves = attentionRoad{kernels: []attentionKernel{{64, entries("attention_mma", "attention_mma64_%v", op.F16, op.BF16)},
		{128, entries("attention_mma", "attention_mma128_%v", op.F16, op.BF16)}},
		block: dim{128, 1, 1}, rows: attentionTile, chunk: 512, parts: true, keeps: true}
	attentionJoin = entries("attention_decode", "attention_join_%v", shorts...)
)

// mostFewRows is up to how many rows of a key-value head blocks of few are better than tiles: four read the same keys then.
const mostFewRows = 32

// mostMultiprocessors is more than any device has; with so many blocks keys need no parts.
const mostMultiprocessors = 192

// attentionSize is what the roads choose by.
type attentionSize struct {
	heads, sequences int // key-value heads
	rows, all        int // rows of a head, and of all
	keys, width      int // the most of a sequence, and of a value
	packed           bool
}

func sizeOfAttention(p *op.Attention, in, out []op.Type) attentionSize {
	q, k := &in[0], &in[1]
	z := attentionSize{k.Dims[1], q.Dims[0], q.Dims[1] / k.Dims[1] * q.Dims[2], out[1].Elems(), p.Keys(in), out[0].Dims[3], p.HasOffsets}
	if p.HasOffsets {
		z.sequences = in[p.Extras().Offsets].Dims[0] - 1
	}
	return z
}

func (r *attentionRoad) blocks(z *attentionSize) int { return ceil(z.rows, r.rows) }

// splits reports whether blocks take parts of the keys, on a device that they would not fill otherwise. Packed sequences
// have as many rows as keys, and no parts.
func (r *attentionRoad) splits(z *attentionSize, multiprocessors int) bool {
	return r.parts && !z.packed && z.keys > r.chunk && r.blocks(z)*z.heads*z.sequences < min(multiprocessors, mostMultiprocessors)
}

// work is the bytes of scratch memory on any device: the sums, m and l of every part, or the sums of each row. Kernels
// with chunks compute in f32.
func (r *attentionRoad) work(z *attentionSize, d op.DType) (bytes int) {
	if d == op.F64 || z.keys <= r.chunk {
		return 0
	}
	width := ceil(z.width, 4) * 4
	if r.keeps {
		bytes = 4 * z.all * width
	}
	if r.splits(z, mostMultiprocessors) {
		bytes = max(bytes, 4*ceil(z.keys, r.chunk)*z.all*(width+4))
	}
	return bytes
}

// attentionRoadFor is the road for operands that may be loaded 16 bytes at a time, or not.
func attentionRoadFor(p *op.Attention, z *attentionSize, in []op.Type, aligned bool) *attentionRoad {
	d, width := in[0].DType, max(in[0].Dims[3], z.width)
	switch {
	case p.HalfWeights && aligned && widest(attentionHalves.kernels, d, width) != nil:
		return &attentionHalves
	case z.rows <= mostFewRows && widest(attentionFew.kernels, d, z.width) != nil:
		return &attentionFew
	}
	return &attentionTiles
}

// inSixteens reports whether every row of halves begins at a multiple of 16 bytes if the first one does.
func inSixteens(ts ...*op.Type) bool {
	for _, t := range ts {
		if t.Dims[3]%8 != 0 {
			return false
		}
		for i, n := range t.Dims[:3] {
			if n > 1 && t.Strides[i]%8 != 0 {
				return false
			}
		}
	}
	return true
}

// pickAttention takes batches, heads and rows at any distance; the last dimension is contiguous.
func pickAttention(p *op.Attention, in, out []op.Type) (op.Kernel, error) {
	q, k, v := &in[0], &in[1], &in[2]
	if v.Dims[3] > widestHead {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s has values of at most %d elements", p.Name(), widestHead)
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
	z := sizeOfAttention(p, in, out)
	work := attentionRoadFor(p, &z, in, false).work(&z, q.DType)
	if inSixteens(q, k, v, &out[0]) { // if addresses are too, which only the node knows
		work = max(work, attentionRoadFor(p, &z, in, true).work(&z, q.DType))
	}
	return op.Kernel{Run: attention, Work: work}, nil
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
	extra := p.Extras()
	if p.HasOffsets {
		if err := s.unseen(n, extra.Sink); err != nil {
			return err
		}
	}
	var types [8]op.Type
	for i := range n.In {
		types[i] = n.In[i].Type
	}
	in, out := types[:len(n.In)], [2]op.Type{y.Type, lse.Type}
	z := sizeOfAttention(p, in, out[:])
	if z.all == 0 || z.sequences == 0 {
		return nil
	}
	aligned := inSixteens(&in[0], &in[1], &in[2], &out[0]) && (at(q)|at(k)|at(v)|at(y))%16 == 0
	road := attentionRoadFor(p, &z, in, aligned)
	grid, part := dim{road.blocks(&z), z.heads, z.sequences}, 0
	if road.splits(&z, s.sms) {
		grid[0] *= ceil(z.keys, road.chunk)
		part = road.chunk
	}
	keys, page, pageRow := k.Dims[2], 0, 0
	if p.HasPages {
		keys, page = k.Dims[0], k.Dims[2]
		if keys > 0 {
			pageRow = n.In[extra.Pages].Dims[1]
		}
	}
	launch := func(f *symbol, grid, block dim) error {
		return s.launch(f, grid, block, at(y), at(lse), at(q), at(k), at(v),
			optional(n, extra.Lengths), optional(n, extra.Sink), optional(n, extra.Gate), optional(n, extra.Offsets), optional(n, extra.Pages),
			uint64(q.Dims[1]), uint64(q.Dims[1]/k.Dims[1]), uint64(q.Dims[2]), uint64(keys), uint64(q.Dims[3]), uint64(v.Dims[3]), uint64(page), uint64(pageRow),
			stride(q, 0), stride(q, 1), stride(q, 2), stride(k, 0), stride(k, 1), stride(k, 2),
			stride(v, 0), stride(v, 1), stride(v, 2), stride(y, 0), stride(y, 1), stride(y, 2),
			single(p.Scale), bit(p.Causal), uint64(p.Window), at(&n.Work), uint64(part))
	}
	if err := launch(road.kernel(q, v), grid, road.block); err != nil || part == 0 {
		return err
	}
	return launch(attentionJoin[q.DType], dim{ceil(z.rows, 8), z.heads, z.sequences}, threads)
}

// kernel is the road's for these heads. Only tensor cores care for the width of q.
func (r *attentionRoad) kernel(q, v *op.View) *symbol {
	width := v.Dims[3]
	if r == &attentionHalves {
		width = max(width, q.Dims[3])
	}
	return widest(r.kernels, q.DType, width)
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

var attentionProbs = entries("attention_probs", "attention_probs_%v", reals...)

func pickAttentionProbs(p *op.AttentionProbs, in, out []op.Type) (op.Kernel, error) {
	q, k := &in[0], &in[1]
	if err := attentionSizes(p, q, k, nil); err != nil {
		return op.Kernel{}, err
	}
	if group := q.Dims[1] / k.Dims[1]; ceil(group*q.Dims[2], attentionTile)*ceil(k.Dims[2], attentionTile) > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s has at most 2⁴³ pairs of a row and a key for each head", p.Name())
	}
	for _, t := range [2]*op.Type{q, k} {
		if t.Dims[3] > 1 && t.Strides[3] != 1 {
			return op.Kernel{}, op.ErrLayout
		}
	}
	if err := contiguous(in[2:], out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(probabilities)
}

func probabilities(st op.Stream, n *op.Node) error {
	s, p, q, k, lse, y := st.(*stream), n.Op.(*op.AttentionProbs), &n.In[0], &n.In[1], &n.In[2], &n.Out[0]
	if y.Elems() == 0 {
		return nil
	}
	heads, group, t, keys, lengths := q.Dims[1], q.Dims[1]/k.Dims[1], q.Dims[2], k.Dims[2], -1
	if p.HasLengths {
		lengths = 3
	}
	grid := dim{ceil(group*t, attentionTile) * ceil(keys, attentionTile), k.Dims[1], q.Dims[0]}
	return s.launch(attentionProbs[q.DType], grid, threads, at(y), at(q), at(k), at(lse), optional(n, lengths),
		uint64(heads), uint64(group), uint64(t), uint64(keys), uint64(q.Dims[3]),
		stride(q, 0), stride(q, 1), stride(q, 2), stride(k, 0), stride(k, 1), stride(k, 2), single(p.Scale), bit(p.Causal), uint64(p.Window))
}
