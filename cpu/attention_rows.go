package cpu

import (
	"math"
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/gemm"
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// attending is a worker's state while it computes attention.
type attending[T vec.Real] struct {
	headRows[T]
	current int // the task in progress

	q                []T // [rows, d]
	scores           []T // [rowTile, keyBlock]
	total, fresh     partial[T]
	a, b, c          []T // of the rows of a tile
	packedK, packedV unsafe.Pointer
}

// partial is the softmax of a block of rows over some of the keys: out = sum / l.
type partial[T vec.Real] struct {
	width int
	m     []T // the largest score
	l     []T // Σ exp(score - m)
	sums  []T // Σ exp(score - m) v, [rows, width]
}

func partialSize(rows, width int) int { return rows * (width + 2) }

func partialOf[T vec.Real](x []T, rows, width int) partial[T] {
	return partial[T]{width, x[:rows], x[rows : 2*rows], x[2*rows : partialSize(rows, width)]}
}

func (p *partial[T]) reset() {
	vec.Fill(p.m, T(math.Inf(-1)))
	clear(p.l)
	clear(p.sums)
}

// sum is that of row r.
func (p *partial[T]) sum(r int) []T { return p.sums[r*p.width:][:p.width] }

func (a *attending[T]) begin(w *worker, n *op.Node) {
	a.headRows.begin(w, n, n.Op.(*op.Attention), 0)
	rows, width := a.rows*a.group, n.In[2].Last()
	part := partialSize(rows, width)
	mem := carver[T](wide[T](w, 0, rows*a.d+rowTile*keyBlock+2*part+3*rowTile))
	a.q, a.scores = mem.take(rows*a.d), mem.take(rowTile*keyBlock)
	a.total, a.fresh = partialOf(mem.take(part), rows, width), partialOf(mem.take(part), rows, width)
	a.a, a.b, a.c = mem.take(rowTile), mem.take(rowTile), mem.take(rowTile)
	a.packedK, a.packedV = a.strips(1, a.d, keyBlock), a.strips(2, keyBlock, width)
}

// nextPart looks at the rows of the current task from query `from` on, as many as are of one sequence; it returns where
// the next part begins and whether there was one.
func (a *attending[T]) nextPart(from int) (next int, ok bool) {
	end := min(a.current%a.blocks*a.rows+a.rows, a.t)
	if from >= end {
		return 0, false
	}
	kv := a.current / a.blocks
	s, next := a.sequenceAt(kv/a.heads.heads, kv%a.heads.heads, from, end)
	a.look(s, from, next)
	return next, true
}

func (a *attending[T]) firstRow() int { return a.current % a.blocks * a.rows }

func attentionWhole[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	var a attending[T]
	a.begin(w, n)
	for a.current = lo; a.current < hi; a.current++ {
		for from, ok := a.nextPart(a.firstRow()); ok; from, ok = a.nextPart(from) {
			a.whole()
		}
	}
}

// attentionChunks leaves the partial results of each chunk of keys in the node's scratch memory; attentionJoins makes
// results of them. There is one sequence to a task then.
func attentionChunks[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	var a attending[T]
	a.begin(w, n)
	for i := lo; i < hi; i++ {
		a.current = i / a.chunks
		a.nextPart(a.firstRow())
		if c := i % a.chunks; c >= a.firstChunk() && c < a.lastChunk() {
			part := a.stored(c)
			part.reset()
			a.load(a.q, &n.In[0])
			a.overChunk(&part, c)
		}
	}
}

func attentionJoins[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	var a attending[T]
	a.begin(w, n)
	for a.current = lo; a.current < hi; a.current++ {
		a.nextPart(a.firstRow())
		a.joined()
	}
}

// stored is the place of a chunk of the current task in the node's scratch memory.
func (a *attending[T]) stored(chunk int) partial[T] {
	rows, width := a.rows*a.group, a.total.width
	size := partialSize(rows, width)
	return partialOf(partials[T](a.node, size)[(a.current*a.chunks+chunk)*size:], rows, width)
}

// firstChunk and lastChunk enclose the chunks that some row sees.
func (a *attending[T]) firstChunk() int { return a.all.From / keyChunk }
func (a *attending[T]) lastChunk() int  { return (a.all.To + keyChunk - 1) / keyChunk }

// whole computes a block of rows over all of their keys.
func (a *attending[T]) whole() {
	a.load(a.q, &a.node.In[0])
	a.total.reset()
	for c := a.firstChunk(); c < a.lastChunk(); c++ {
		if c == a.firstChunk() {
			a.overChunk(&a.total, c)
			continue
		}
		a.fresh.reset()
		a.overChunk(&a.fresh, c)
		a.join(&a.total, &a.fresh)
	}
	a.finish(&a.total)
}

// joined finishes a block of rows whose chunks have been computed, with the operations of whole.
func (a *attending[T]) joined() {
	total := a.total
	if c := a.firstChunk(); c < a.lastChunk() {
		total = a.stored(c)
	} else {
		total.reset()
	}
	for c := a.firstChunk() + 1; c < a.lastChunk(); c++ {
		part := a.stored(c)
		a.join(&total, &part)
	}
	a.finish(&total)
}

// overChunk adds the keys of a chunk to p.
func (a *attending[T]) overChunk(p *partial[T], c int) {
	end := min((c+1)*keyChunk, a.all.To)
	for j := max(c*keyChunk, a.all.From/keyBlock*keyBlock); j < end; j += keyBlock {
		a.overBlock(p, j, min(keyBlock, end-j))
	}
}

// overBlock adds n keys from j on to p.
func (a *attending[T]) overBlock(p *partial[T], j, n int) {
	e, x := a.w.engine, &a.w.products
	k := x.Pack(e, a.packedK, a.keyMatrix(&a.node.In[1], j, n).T(), a.d, n)
	v := x.Pack(e, a.packedV, a.keyMatrix(&a.node.In[2], j, n), n, p.width)
	for r := 0; r < a.rowCount(); r += rowTile {
		rows := min(rowTile, a.rowCount()-r)
		var span gemm.Span
		for _, s := range a.seen[r : r+rows] {
			span = union(span, within(s, j, n))
		}
		if span.From >= span.To {
			continue
		}
		x.Multiply(e, gemm.Of(a.scores, keyBlock, 1), gemm.Of(a.q[r*a.d:], a.d, 1), k, rows, span, gemm.Span{To: a.d}, false)
		a.soften(p, r, rows, j, span)
		x.Multiply(e, gemm.Of(p.sums[r*p.width:], p.width, 1), gemm.Of(a.scores[span.From:], keyBlock, 1), v, rows, gemm.Span{To: p.width}, span, true)
	}
}

// soften turns a tile's scores into weights exp(score - m) and rescales what p has so far to the new m. A key that a row
// does not see but a neighbour does has weight 0.
func (a *attending[T]) soften(p *partial[T], r0, rows, j int, span gemm.Span) {
	shift, keep := a.a[:rows], a.b[:rows]
	for i := range rows {
		top := p.m[r0+i]
		if s := within(a.seen[r0+i], j, span.To); s.From < s.To {
			top = max(top, a.top(a.scores[i*keyBlock:][s.From:s.To]))
		}
		shift[i] = top
		if math.IsInf(float64(top), -1) {
			shift[i] = 0
		}
		keep[i] = p.m[r0+i] - shift[i]
		p.m[r0+i] = top
	}
	a.f.Exp(keep, keep)
	for i := range rows {
		row, s, sum := a.scores[i*keyBlock:][:span.To], within(a.seen[r0+i], j, span.To), T(0)
		if s.From >= s.To {
			clear(row[span.From:])
		} else {
			clear(row[span.From:s.From])
			sum = a.f.ExpSum(row[s.From:s.To], row[s.From:s.To], a.scale, shift[i])
			clear(row[s.To:])
		}
		p.l[r0+i] = T(p.l[r0+i]*keep[i]) + sum
		if keep[i] != 1 {
			a.f.MulS(p.sum(r0+i), p.sum(r0+i), keep[i])
		}
	}
}

// top is the largest of some scores after scaling.
func (a *attending[T]) top(scores []T) T {
	if a.scale < 0 {
		return a.f.MinOf(scores) * a.scale
	}
	return a.f.MaxOf(scores) * a.scale
}

// join adds the keys of one partial result to another.
func (a *attending[T]) join(to, from *partial[T]) {
	for r0 := 0; r0 < a.rowCount(); r0 += rowTile {
		rows := min(rowTile, a.rowCount()-r0)
		left, right := a.a[:rows], a.b[:rows]
		for i := range rows {
			r := r0 + i
			top := max(to.m[r], from.m[r])
			left[i], right[i] = 0, T(math.Inf(-1))
			if !math.IsInf(float64(from.m[r]), -1) {
				left[i], right[i] = to.m[r]-top, from.m[r]-top
			}
			to.m[r] = top
		}
		a.f.Exp(left, left)
		a.f.Exp(right, right)
		for i := range rows {
			r := r0 + i
			to.l[r] = T(to.l[r]*left[i]) + T(from.l[r]*right[i])
			a.f.ScaleAdd(to.sum(r), to.sum(r), from.sum(r), left[i], right[i])
		}
	}
}

// finish stores the results of a block of rows.
func (a *attending[T]) finish(p *partial[T]) {
	n := a.node
	lse := dataOf[T](&n.Out[1])
	for r0 := 0; r0 < a.rowCount(); r0 += rowTile {
		rows := min(rowTile, a.rowCount()-r0)
		factor := a.conclude(p, r0, rows)
		logs := a.b[:rows]
		a.f.Log(logs, p.l[r0:r0+rows])
		for i := range rows {
			r := r0 + i
			lse[a.number(r)] = p.m[r] + logs[i]
			a.f.MulS(p.sum(r), p.sum(r), factor[i])
			storeAt(a.w, &n.Out[0], a.place(&n.Out[0], r), p.sum(r))
		}
	}
}

// conclude adds the sink to m and l and returns what the sums must be multiplied with: gate / l, or 0 without keys.
func (a *attending[T]) conclude(p *partial[T], r0, rows int) []T {
	factor, gate := a.a[:rows], a.c[:rows]
	vec.Fill(factor, 1)
	if i := a.at.Sink; i >= 0 {
		a.addSink(p, dataOf[T](&a.node.In[i]), r0, rows)
	}
	if i := a.at.Gate; i >= 0 {
		for r := range gate {
			at := (a.seq.batch*a.t+a.row0+(r0+r)%a.count)*a.node.In[0].Dims[1] + a.queryHead(r0+r)
			gate[r] = rowAt[T](a.w, &a.node.In[i], at, 1, 5)[0]
		}
		a.f.Sigmoid(gate, gate)
		a.f.Mul(factor, factor, gate)
	}
	for i := range factor {
		if l := p.l[r0+i]; l == 0 {
			factor[i] = 0
		} else {
			factor[i] /= l
		}
	}
	return factor
}

// addSink adds one more logit, which has no value, to the sums of a tile's rows.
func (a *attending[T]) addSink(p *partial[T], sink []T, r0, rows int) {
	factor, own := a.a[:rows], a.b[:rows]
	for i := range rows {
		r := r0 + i
		top := max(p.m[r], sink[a.queryHead(r)])
		factor[i], own[i] = 0, T(math.Inf(-1))
		if !math.IsInf(float64(top), -1) {
			factor[i], own[i] = p.m[r]-top, sink[a.queryHead(r)]-top
		}
		p.m[r] = top
	}
	a.f.Exp(factor, factor)
	a.f.Exp(own, own)
	for i := range rows {
		p.l[r0+i] = T(p.l[r0+i]*factor[i]) + own[i]
	}
}
