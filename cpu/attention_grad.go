package cpu

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/gemm"
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// The gradient of attention. A task owns keys of one key-value head and sums their dk and dv over the rows that see
// them, which it takes in order; its part of dq goes to memory of its own. The parts of dq are then added in order. So
// five products are enough, and nothing depends on threads.

const (
	gradTile  = 48 // rows
	gradTasks = 16 // keys are cut into parts until there are so many tasks
)

// gradParts is into how many parts keys are cut, and the keys of a part.
func gradParts(q, k *op.Type) (parts, keys int) {
	blocks := max(1, (k.Dims[2]+keyBlock-1)/keyBlock)
	tasks := max(1, q.Dims[0]*k.Dims[1])
	parts = min(blocks, (gradTasks+tasks-1)/tasks)
	keys = (blocks + parts - 1) / parts * keyBlock
	return max(1, (k.Dims[2]+keys-1)/keys), keys
}

func pickAttentionGrad(_ *Backend, p *op.AttentionGrad, in, out []op.Type) (op.Kernel, error) {
	if err := rowsReadable(in[:4], in[5:6], out[:3]); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(in[4:5], in[6:], out[3:]); err != nil {
		return op.Kernel{}, err
	}
	parts, _ := gradParts(&in[0], &in[1])
	k := op.Kernel{Run: attentionGrad32, Work: (in[4].Elems() + parts*in[0].Elems()) * in[4].DType.Size()}
	if in[0].DType == op.F64 {
		k.Run = attentionGrad64
	}
	return k, nil
}

func attentionGrad32(s op.Stream, n *op.Node) error {
	return attentionGrad(s.(*stream), n, attentionDeltas[float32], attentionGradKeys[float32], attentionGradQueries[float32], attentionGradSinks[float32])
}

func attentionGrad64(s op.Stream, n *op.Node) error {
	return attentionGrad(s.(*stream), n, attentionDeltas[float64], attentionGradKeys[float64], attentionGradQueries[float64], attentionGradSinks[float64])
}

func attentionGrad(s *stream, n *op.Node, deltas, keys, queries, sinks body) error {
	rows, d := n.In[4].Elems(), n.In[0].Last()
	if err := s.split(n, rows, rowGrain(n.In[3].Last()), deltas); err != nil {
		return err
	}
	parts, _ := gradParts(&n.In[0].Type, &n.In[1].Type)
	if err := s.split(n, n.In[1].Dims[0]*n.In[1].Dims[1]*parts, 1, keys); err != nil {
		return err
	}
	if err := s.split(n, rows, rowGrain(d*parts), queries); err != nil {
		return err
	}
	if len(n.Out) > 3 {
		return s.split(n, n.Out[3].Dims[0], 1, sinks)
	}
	return nil
}

// deltas is Σ dout out of each row, dqPart the part of dq that a part of the keys makes: [rows, d].
func deltas[T vec.Real](n *op.Node) []T { return partials[T](n, 1)[:n.In[4].Elems()] }

func dqPart[T vec.Real](n *op.Node, part int) []T {
	size := n.In[0].Elems()
	return partials[T](n, 1)[n.In[4].Elems()+part*size:][:size]
}

// rowPlace is where row number r of all rows begins in a view [b, h, t, n].
func rowPlace(v *op.View, r int) int {
	t, h := v.Dims[2], v.Dims[1]
	return r/t/h*v.Strides[0] + r/t%h*v.Strides[1] + r%t*v.Strides[2]
}

func attentionDeltas[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	f, delta, out, dout := floats[T](w.vec), deltas[T](n), &n.In[3], &n.In[5]
	for r := lo; r < hi; r++ {
		delta[r] = f.Dot(rowAt[T](w, out, rowPlace(out, r), out.Last(), 5), rowAt[T](w, dout, rowPlace(dout, r), out.Last(), 6))
	}
}

// attentionGradQueries adds the parts of dq.
func attentionGradQueries[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	f, d := floats[T](w.vec), n.In[0].Last()
	parts, _ := gradParts(&n.In[0].Type, &n.In[1].Type)
	sum := wide[T](w, 0, d)
	for r := lo; r < hi; r++ {
		copy(sum, dqPart[T](n, 0)[r*d:])
		for p := 1; p < parts; p++ {
			f.Add(sum, sum, dqPart[T](n, p)[r*d:][:d])
		}
		storeAt(w, &n.Out[0], rowPlace(&n.Out[0], r), sum)
	}
}

func attentionGradSinks[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	p := n.Op.(*op.AttentionGrad).Forward()
	f, delta, lse, sink := floats[T](w.vec), deltas[T](n), dataOf[T](&n.In[4]), dataOf[T](&n.In[3+p.Extras().Sink])
	b, h, t := n.In[0].Dims[0], n.In[0].Dims[1], n.In[0].Dims[2]
	weights := wide[T](w, 0, t)
	for head := lo; head < hi; head++ {
		var sum T
		for i := range b {
			at := (i*h + head) * t
			f.ExpScaled(weights, lse[at:at+t], -1, -sink[head])
			sum -= f.Dot(weights, delta[at:at+t])
		}
		dataOf[T](&n.Out[3])[head] = sum
	}
}

// backing is a worker's state while it computes dk, dv and parts of dq.
type backing[T vec.Real] struct {
	headRows[T]
	width  int // of v
	delta  []T
	dq     []T // of the part
	q, do  []T // [gradTile, d], [gradTile, width]
	p, ds  []T // [gradTile, keyBlock]
	turned []T // [keyBlock, gradTile]
	dk, dv []T // [keyBlock, d], [keyBlock, width]

	kRows, kCols, vCols, qRows, doRows gemm.Strips
	memory                             [5]unsafe.Pointer
}

func (a *backing[T]) begin(w *worker, n *op.Node) {
	p := n.Op.(*op.AttentionGrad).Forward()
	a.headRows.begin(w, n, &p, 3)
	a.width, a.delta = n.In[2].Last(), deltas[T](n)
	mem := carver[T](wide[T](w, 0, (gradTile+keyBlock)*(a.d+a.width)+3*gradTile*keyBlock))
	a.q, a.do = mem.take(gradTile*a.d), mem.take(gradTile*a.width)
	a.p, a.ds, a.turned = mem.take(gradTile*keyBlock), mem.take(gradTile*keyBlock), mem.take(gradTile*keyBlock)
	a.dk, a.dv = mem.take(keyBlock*a.d), mem.take(keyBlock*a.width)
	sizes := [...][2]int{{keyBlock, a.d}, {a.d, keyBlock}, {a.width, keyBlock}, {gradTile, a.d}, {gradTile, a.width}}
	total := 0
	for _, s := range sizes {
		total += a.stripBytes(s[0], s[1])
	}
	bytes := scratch[uint8](w, 1, total)
	for i, s := range sizes {
		a.memory[i] = unsafe.Pointer(unsafe.SliceData(bytes))
		bytes = bytes[a.stripBytes(s[0], s[1]):]
	}
}

func attentionGradKeys[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	var a backing[T]
	a.begin(w, n)
	parts, keys := gradParts(&n.In[0].Type, &n.In[1].Type)
	for task := lo; task < hi; task++ {
		part, kv := task%parts, task/parts
		batch, head := kv/a.heads.heads, kv%a.heads.heads
		a.dq = dqPart[T](n, part)
		own := a.group * a.t * a.d
		clear(a.dq[kv*own : (kv+1)*own])
		last := min((part+1)*keys, n.In[1].Dims[2])
		for from := part * keys; from < last; {
			s, next := a.sequenceAt(batch, head, from, last)
			for ; from < next; from += keyBlock {
				a.seq = s
				a.overKeys(from-s.first, min(keyBlock, next-from))
			}
			from = next
		}
	}
}

// overKeys computes dk and dv of n keys from j on of the sequence.
func (a *backing[T]) overKeys(j, n int) {
	clear(a.dk)
	clear(a.dv)
	if exist := min(n, a.seq.n-j); exist > 0 {
		e, x := a.w.engine, &a.w.products
		k, v := a.keyMatrix(&a.node.In[1], j, exist), a.keyMatrix(&a.node.In[2], j, exist)
		a.kRows, a.kCols = x.Pack(e, a.memory[0], k, exist, a.d), x.Pack(e, a.memory[1], k.T(), a.d, exist)
		a.vCols = x.Pack(e, a.memory[2], v.T(), a.width, exist)
		for g := range a.group {
			for i := 0; i < a.seq.t; i += gradTile {
				a.overRows(g, i, min(gradTile, a.seq.t-i), j, exist)
			}
		}
	}
	dk, dv := &a.node.Out[1], &a.node.Out[2]
	for i := range n {
		key := a.seq.first + j + i
		storeAt(a.w, dk, a.seq.batch*dk.Strides[0]+a.seq.head*dk.Strides[1]+key*dk.Strides[2], a.dk[i*a.d:][:a.d])
		storeAt(a.w, dv, a.seq.batch*dv.Strides[0]+a.seq.head*dv.Strides[1]+key*dv.Strides[2], a.dv[i*a.width:][:a.width])
	}
}

// overRows adds what rows i… of a query head contribute to the gradients of n keys from j on, and the other way round.
func (a *backing[T]) overRows(g, i, rows, j, n int) {
	s := &a.seq
	position := s.n - s.t + i
	var span gemm.Span
	for r := range rows {
		span = union(span, within(a.sees(position+r, s.n), j, n))
	}
	if span.From >= span.To {
		return
	}
	first := (s.batch*a.node.In[0].Dims[1]+s.head*a.group+g)*a.t + s.first + i
	a.gather(first, rows)
	e, x := a.w.engine, &a.w.products
	block := func(m []T) gemm.Matrix { return gemm.Of(m, keyBlock, 1) }
	x.Multiply(e, block(a.p), gemm.Of(a.q, a.d, 1), a.kCols, rows, span, gemm.Span{To: a.d}, false)
	x.Multiply(e, block(a.ds), gemm.Of(a.do, a.width, 1), a.vCols, rows, span, gemm.Span{To: a.width}, false)
	a.differentiate(first, rows, position, j, span)

	keys, all := span.To-span.From, gemm.Span{To: rows}
	turned := gemm.Of(a.turned, gradTile, 1)
	a.turn(a.p[span.From:], rows, keys)
	x.Multiply(e, gemm.Of(a.dv[span.From*a.width:], a.width, 1), turned, a.doRows, keys, gemm.Span{To: a.width}, all, true)
	a.turn(a.ds[span.From:], rows, keys)
	x.Multiply(e, gemm.Of(a.dk[span.From*a.d:], a.d, 1), turned, a.qRows, keys, gemm.Span{To: a.d}, all, true)
	x.Multiply(e, gemm.Of(a.dq[first*a.d:], a.d, 1), block(a.ds[span.From:]), a.kRows, rows, gemm.Span{To: a.d}, span, true)
}

// gather brings rows of q and dout together and packs them.
func (a *backing[T]) gather(first, rows int) {
	q, dout := &a.node.In[0], &a.node.In[5]
	for r := range rows {
		copy(a.q[r*a.d:], rowAt[T](a.w, q, rowPlace(q, first+r), a.d, 5))
		copy(a.do[r*a.width:], rowAt[T](a.w, dout, rowPlace(dout, first+r), a.width, 5))
	}
	e, x := a.w.engine, &a.w.products
	a.qRows = x.Pack(e, a.memory[3], gemm.Of(a.q, a.d, 1), rows, a.d)
	a.doRows = x.Pack(e, a.memory[4], gemm.Of(a.do, a.width, 1), rows, a.width)
}

// differentiate turns scores in p into probabilities, and their gradients in ds into those of q k.
func (a *backing[T]) differentiate(first, rows, position, j int, span gemm.Span) {
	lse := dataOf[T](&a.node.In[4])
	for r := range rows {
		p, ds := a.p[r*keyBlock:][:span.To], a.ds[r*keyBlock:][:span.To]
		s := within(a.sees(position+r, a.seq.n), j, span.To)
		if s.From >= s.To {
			s = gemm.Span{From: span.To, To: span.To}
		}
		clear(p[span.From:s.From])
		clear(ds[span.From:s.From])
		clear(p[s.To:])
		clear(ds[s.To:])
		p, ds = p[s.From:s.To], ds[s.From:s.To]
		a.f.ExpScaled(p, p, a.scale, lse[first+r])
		a.f.MulShift(ds, p, ds, a.scale, a.delta[first+r])
	}
}

// turn transposes a tile.
func (a *backing[T]) turn(x []T, rows, keys int) {
	if to, ok := any(a.turned).([]float32); ok {
		a.w.vec.Transpose32(bitsOf[uint32](to), gradTile, bitsOf[uint32](x), keyBlock, rows, keys)
	} else {
		vec.Transpose(bitsOf[uint64](a.turned), gradTile, bitsOf[uint64](x), keyBlock, rows, keys)
	}
}

// bitsOf views numbers as the words of the same size that they are.
func bitsOf[W uint32 | uint64, T vec.Real](x []T) []W {
	return unsafe.Slice((*W)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
