package cpu

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/gemm"
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// Attention without stored scores. A task is a block of query rows of all query heads that read one key-value head. It
// walks over the keys in blocks at fixed positions; of each block it packs the keys and the values once, and then takes
// a tile of rows after the other: scores, softmax so far, values. A key that a row does not see adds exactly nothing to
// it, so its bits depend neither on the rows beside it nor on how rows are cut.
//
// Every keyChunk keys the softmax begins anew, and the parts are joined in order. So decoding, with few rows, can give
// the chunks of a long sequence to different threads without changing a bit.

var attentions = table{on(pickAttention), on(pickAttentionGrad), on(pickAttentionProbs)}

const (
	keyBlock  = 128
	keyChunk  = 512 // a multiple of keyBlock
	rowTile   = 24  // whole panels of the tile kernels
	rowBlock  = 240 // the most rows that share packed keys, unless a single query has more
	splitRows = 32  // the most rows whose keys are worth splitting
)

// heads is how attention cuts its rows into tasks.
type heads struct {
	batch, heads, group, t int // key-value heads, query heads for each, queries
	rows, blocks           int // queries of a block; blocks
	chunks                 int // parts of the keys that are tasks of their own
}

func (b *Backend) cutHeads(q, k *op.Type, keys int) heads {
	h := heads{batch: q.Dims[0], heads: k.Dims[1], group: max(1, q.Dims[1]/k.Dims[1]), t: q.Dims[2], chunks: 1}
	h.rows = max(1, min(h.t, rowBlock/h.group))
	for h.batch*h.heads*((h.t+h.rows-1)/h.rows) < 4*b.threads && h.rows*h.group > rowTile && h.rows > 1 {
		h.rows = (h.rows + 1) / 2
	}
	if h.rows > rowTile {
		h.rows = (h.rows + rowTile - 1) / rowTile * rowTile
	}
	h.blocks = (h.t + h.rows - 1) / h.rows
	if h.t*h.group <= splitRows && h.tasks() < 2*b.threads && keys > keyChunk {
		h.chunks = (keys + keyChunk - 1) / keyChunk
	}
	return h
}

func (h *heads) tasks() int { return h.batch * h.heads * h.blocks }

// rowsReadable asks for heads whose elements lie next to each other, at any distance from one another.
func rowsReadable(ts ...[]op.Type) error {
	for _, types := range ts {
		for i := range types {
			if t := &types[i]; t.Last() > 1 && t.Strides[t.Rank-1] != 1 {
				return op.ErrLayout
			}
		}
	}
	return nil
}

func pickAttention(b *Backend, p *op.Attention, in, out []op.Type) (op.Kernel, error) {
	if err := rowsReadable(in[:3], out[:1]); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(in[3:], out[1:]); err != nil {
		return op.Kernel{}, err
	}
	k := op.Kernel{Run: attention32}
	if in[0].DType == op.F64 {
		k.Run = attention64
	}
	if h := b.cutHeads(&in[0], &in[1], p.Keys(in)); h.chunks > 1 {
		k.Work = h.tasks() * h.chunks * partialSize(h.rows*h.group, out[0].Last()) * out[1].DType.Size()
	}
	return k, nil
}

func attention32(s op.Stream, n *op.Node) error {
	return attention(s.(*stream), n, attentionWhole[float32], attentionChunks[float32], attentionJoins[float32])
}

func attention64(s op.Stream, n *op.Node) error {
	return attention(s.(*stream), n, attentionWhole[float64], attentionChunks[float64], attentionJoins[float64])
}

func attention(s *stream, n *op.Node, whole, chunks, joins body) error {
	h := s.cutHeads(&n.In[0].Type, &n.In[1].Type, mostKeys(n, n.Op.(*op.Attention)))
	if h.chunks == 1 {
		return s.split(n, h.tasks(), 1, whole)
	}
	if err := s.split(n, h.tasks()*h.chunks, 1, chunks); err != nil {
		return err
	}
	return s.split(n, h.tasks(), 1, joins)
}

// mostKeys is the most keys that a sequence can have.
func mostKeys(n *op.Node, p *op.Attention) int {
	if p.HasPages {
		return n.In[1].Dims[2] * n.In[p.Extras().Pages].Dims[1]
	}
	return n.In[1].Dims[2]
}

// headRows is how a worker reads the operands of a node: blocks of rows and what they see.
type headRows[T vec.Real] struct {
	heads
	w       *worker
	node    *op.Node
	f       *vec.Float[T]
	at      op.AttentionExtras
	scale   T
	causal  bool
	window  int
	keys, d int // the most keys of a sequence; of q and k

	seq   sequence
	row0  int         // the first query of the block
	count int         // its queries
	seen  []gemm.Span // by each row of the block: query row0 + r%count of query head r/count of the group
	all   gemm.Span   // by any
}

// sequence is what one key-value head has of the rows and keys of a batch, or of one of its packed sequences.
type sequence struct {
	batch, head int
	first       int // of the rows and keys of a packed sequence
	t, n        int // queries and keys
}

// begin reads a node whose optional operands come so many places later than those of p.
func (a *headRows[T]) begin(w *worker, n *op.Node, p *op.Attention, later int) {
	q, k := &n.In[0], &n.In[1]
	a.w, a.node, a.f, a.at = w, n, floats[T](w.vec), p.Extras()
	for _, i := range [...]*int{&a.at.Lengths, &a.at.Sink, &a.at.Gate, &a.at.Offsets, &a.at.Pages} {
		if *i >= 0 {
			*i += later
		}
	}
	a.scale, a.causal, a.window = T(p.Scale), p.Causal, int(p.Window)
	a.keys, a.d = mostKeys(n, p), q.Last()
	a.heads = w.cutHeads(&q.Type, &k.Type, a.keys)
	if k.Dims[0] == 0 { // no page at all
		a.keys = 0
	}
}

// sees is the keys that a row sees at a position among n.
func (a *headRows[T]) sees(position, n int) gemm.Span {
	from, to := 0, n
	if a.window > 0 {
		from, to = position-a.window+1, position+a.window
	}
	if a.causal {
		to = position + 1
	}
	return gemm.Span{From: min(max(0, from), n), To: min(max(0, to), n)}
}

// within is the part of a span that lies in the n keys from j on, counted from there.
func within(s gemm.Span, j, n int) gemm.Span {
	return gemm.Span{From: max(s.From-j, 0), To: min(s.To-j, n)}
}

// union is the smallest span that holds both.
func union(a, b gemm.Span) gemm.Span {
	switch {
	case a.From >= a.To:
		return b
	case b.From >= b.To:
		return a
	}
	return gemm.Span{From: min(a.From, b.From), To: max(a.To, b.To)}
}

// sequenceAt is the sequence of query from, and up to which query, to at most, it is the same. Queries of no packed
// sequence have one without keys.
func (a *headRows[T]) sequenceAt(batch, head, from, to int) (sequence, int) {
	if a.at.Offsets < 0 {
		n := a.keys
		if i := a.at.Lengths; i >= 0 {
			n = min(max(0, int(op.Data[int32](&a.node.In[i])[batch])), n)
		}
		return sequence{batch, head, 0, a.t, n}, to
	}
	offsets := &a.node.In[a.at.Offsets]
	lo, hi := 0, offsets.Dims[0]-1
	for lo < hi { // the first group that ends after from
		mid := (lo + hi) / 2
		if _, end := group(offsets, mid, a.t); end > from {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	none := sequence{batch: batch, head: head}
	if lo == offsets.Dims[0]-1 {
		return none, to
	}
	first, end := group(offsets, lo, a.t)
	switch {
	case first > from:
		return none, min(first, to)
	case end <= from: // offsets that decrease
		return none, to
	}
	return sequence{batch, head, first, end - first, end - first}, min(end, to)
}

// look finds out which keys the queries from…to-1 see.
func (a *headRows[T]) look(s sequence, from, to int) {
	a.seq, a.row0, a.count, a.all = s, from, to-from, gemm.Span{}
	spans := scratch[int64](a.w, 4, 2*a.rowCount())
	a.seen = unsafe.Slice((*gemm.Span)(unsafe.Pointer(unsafe.SliceData(spans))), a.rowCount())
	for r := range a.seen {
		a.seen[r] = a.sees(s.n-s.t+from-s.first+r%a.count, s.n)
		a.all = union(a.all, a.seen[r])
	}
}

// rowCount is the rows of the block: its queries of all query heads of the group.
func (a *headRows[T]) rowCount() int { return a.count * a.group }

func (a *headRows[T]) queryHead(r int) int { return a.seq.head*a.group + r/a.count }

// place is where row r of the block begins in q or out, number is which of all rows it is.
func (a *headRows[T]) place(v *op.View, r int) int {
	return a.seq.batch*v.Strides[0] + a.queryHead(r)*v.Strides[1] + (a.row0+r%a.count)*v.Strides[2]
}

func (a *headRows[T]) number(r int) int {
	return (a.seq.batch*a.node.In[0].Dims[1]+a.queryHead(r))*a.t + a.row0 + r%a.count
}

// load brings the rows of the block together.
func (a *headRows[T]) load(rows []T, v *op.View) {
	n := v.Last()
	for r := range a.rowCount() {
		copy(rows[r*n:], rowAt[T](a.w, v, a.place(v, r), n, 5))
	}
}

// keyMatrix is the n keys from j on of k or v. Those on several pages are gathered in scratch memory.
func (a *headRows[T]) keyMatrix(v *op.View, j, n int) gemm.Matrix {
	s := &a.seq
	if a.at.Pages < 0 {
		return matrixOf(v, s.batch, s.head, s.first+j)
	}
	size := v.Dims[2]
	if j/size == (j+n-1)/size {
		return matrixOf(v, a.page(j/size), s.head, j%size)
	}
	width := v.Last()
	rows := scratch[T](a.w, 3, n*width)
	for i := range n {
		at := a.page((j+i)/size)*v.Strides[0] + s.head*v.Strides[1] + (j+i)%size*v.Strides[2]
		copy(rows[i*width:], rowAt[T](a.w, v, at, width, 5))
	}
	return gemm.Of(rows, width, 1)
}

// page is the number of page i of the sequence.
func (a *headRows[T]) page(i int) int {
	pages := &a.node.In[a.at.Pages]
	p := int(op.Data[int32](pages)[a.seq.batch*pages.Dims[1]+i])
	return min(max(0, p), a.node.In[1].Dims[0]-1)
}

// matrixOf is the rows from j on of a head of k or v.
func matrixOf(v *op.View, batch, head, j int) gemm.Matrix {
	m := gemm.Matrix{Type: gemmType(v.DType), Row: v.Strides[2], Col: 1}
	if v.Elems() > 0 {
		at := batch*v.Strides[0] + head*v.Strides[1] + j*v.Strides[2]
		m.Ptr = unsafe.Pointer(&v.Block.Bytes[v.Off+at*v.DType.Size()])
	}
	return m
}

// stripBytes is the size of a packed operand of k rows and n columns, strips is scratch memory for one.
func (a *headRows[T]) stripBytes(k, n int) int {
	return a.w.engine.StripsSize(gemmType(a.node.In[1].DType), k, n)
}

func (a *headRows[T]) strips(i, k, n int) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(scratch[uint8](a.w, i, a.stripBytes(k, n))))
}

// carver cuts slices from scratch memory.
type carver[T any] []T

func (c *carver[T]) take(n int) []T {
	x := (*c)[:n:n]
	*c = (*c)[n:]
	return x
}
