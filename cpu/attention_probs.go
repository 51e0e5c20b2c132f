package cpu

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/gemm"
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

func pickAttentionProbs(_ *Backend, _ *op.AttentionProbs, in, out []op.Type) (op.Kernel, error) {
	if err := rowsReadable(in[:2]); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(in[2:], out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].DType == op.F64 {
		return kernel(attentionProbs64)
	}
	return kernel(attentionProbs32)
}

func attentionProbs32(s op.Stream, n *op.Node) error {
	return attentionProbs(s.(*stream), n, attentionProbRows[float32])
}

func attentionProbs64(s op.Stream, n *op.Node) error {
	return attentionProbs(s.(*stream), n, attentionProbRows[float64])
}

func attentionProbs(s *stream, n *op.Node, rows body) error {
	h := s.cutHeads(&n.In[0].Type, &n.In[1].Type, n.In[1].Dims[2])
	return s.split(n, h.tasks(), 1, rows)
}

// probing is a worker's state while it computes probabilities.
type probing[T vec.Real] struct {
	headRows[T]
	q, scores []T
	packedK   unsafe.Pointer
}

func (a *probing[T]) begin(w *worker, n *op.Node) {
	p := n.Op.(*op.AttentionProbs)
	a.headRows.begin(w, n, &op.Attention{Scale: p.Scale, Window: p.Window, Causal: p.Causal, HasLengths: p.HasLengths}, 0)
	mem := carver[T](wide[T](w, 0, a.rows*a.group*a.d+rowTile*keyBlock))
	a.q, a.scores = mem.take(a.rows*a.group*a.d), mem.take(rowTile*keyBlock)
	a.packedK = a.strips(1, a.d, keyBlock)
}

func attentionProbRows[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	var a probing[T]
	a.begin(w, n)
	for task := lo; task < hi; task++ {
		kv, from := task/a.blocks, task%a.blocks*a.rows
		s, to := a.sequenceAt(kv/a.heads.heads, kv%a.heads.heads, from, min(from+a.rows, a.t))
		a.look(s, from, to)
		a.load(a.q, &n.In[0])
		for r := range a.rowCount() {
			clear(a.row(r))
		}
		for j := a.all.From / keyBlock * keyBlock; j < a.all.To; j += keyBlock {
			a.overBlock(j, min(keyBlock, a.all.To-j))
		}
	}
}

// row is the probabilities of row r of the block.
func (a *probing[T]) row(r int) []T {
	out := &a.node.Out[0]
	return dataOf[T](out)[a.number(r)*out.Last():][:out.Last()]
}

// overBlock computes the probabilities of n keys from j on.
func (a *probing[T]) overBlock(j, n int) {
	e, x, lse := a.w.engine, &a.w.products, dataOf[T](&a.node.In[2])
	k := x.Pack(e, a.packedK, a.keyMatrix(&a.node.In[1], j, n).T(), a.d, n)
	for r0 := 0; r0 < a.rowCount(); r0 += rowTile {
		rows := min(rowTile, a.rowCount()-r0)
		x.Multiply(e, gemm.Of(a.scores, keyBlock, 1), gemm.Of(a.q[r0*a.d:], a.d, 1), k, rows, gemm.Span{To: n}, gemm.Span{To: a.d}, false)
		for i := range rows {
			if s := within(a.seen[r0+i], j, n); s.From < s.To {
				a.f.ExpScaled(a.row(r0 + i)[j:][s.From:s.To], a.scores[i*keyBlock:][s.From:s.To], a.scale, lse[a.number(r0+i)])
			}
		}
	}
}
