package ref

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var attentions = table{on(attention), on(attentionGrad), on(attentionProbs)}

// heads is how attention reads its operands: rows of q and out, keys and values wherever they lie.
type heads struct {
	op.Attention
	q, k, v                              *Array
	lengths, sink, gate, offsets, pages  *Array
	batch, queryHeads, group, t, d, wide int // wide is dv
}

func newHeads(p *op.Attention, in []Array) *heads {
	h := &heads{Attention: *p, q: &in[0], k: &in[1], v: &in[2]}
	at := p.Extras()
	for _, x := range []struct {
		to *(*Array)
		i  int
	}{{&h.lengths, at.Lengths}, {&h.sink, at.Sink}, {&h.gate, at.Gate}, {&h.offsets, at.Offsets}, {&h.pages, at.Pages}} {
		if x.i >= 0 {
			*x.to = &in[x.i]
		}
	}
	h.batch, h.queryHeads, h.t, h.d, h.wide = h.q.Dims[0], h.q.Dims[1], h.q.Dims[2], h.q.Dims[3], h.v.Dims[3]
	h.group = h.queryHeads / h.k.Dims[1]
	return h
}

// each calls f for every row of q with the number of the row and the keys that it sees.
func (h *heads) each(f func(b, head, i, row int, keys []int)) {
	for b := range h.batch {
		for head := range h.queryHeads {
			for i := range h.t {
				f(b, head, i, (b*h.queryHeads+head)*h.t+i, h.visible(b, i))
			}
		}
	}
}

// visible lists the keys of query i of a batch, as numbers of rows of the whole k, or of the sequence that pages make.
func (h *heads) visible(b, i int) (keys []int) {
	first, t, n := 0, h.t, h.k.Dims[2]
	if h.pages != nil {
		n = h.pages.Dims[1] * h.k.Dims[2]
		if h.k.Dims[0] == 0 {
			n = 0
		}
	}
	if h.lengths != nil {
		n = min(max(0, int(h.lengths.I[b])), n)
	}
	if h.offsets != nil {
		t, n = 0, 0
		for g := range h.offsets.Dims[0] - 1 {
			if lo, hi := bounds(h.offsets, g, h.t); lo <= i && i < hi {
				first, t, n = lo, hi-lo, hi-lo
			}
		}
	}
	position := n - t + i - first
	for j := range n {
		behind := position - j
		switch {
		case h.Causal && behind < 0:
		case h.Window > 0 && (behind >= int(h.Window) || -behind >= int(h.Window)):
		default:
			keys = append(keys, first+j)
		}
	}
	return keys
}

// key is where key j of a batch and query head begins in k or v.
func (h *heads) key(x *Array, b, head, j int) int {
	if h.pages != nil {
		page := int(h.pages.I[b*h.pages.Dims[1]+j/x.Dims[2]])
		b, j = min(max(0, page), x.Dims[0]-1), j%x.Dims[2]
	}
	return ((b*x.Dims[1]+head/h.group)*x.Dims[2] + j) * x.Dims[3]
}

// score is Scale q·k.
func (h *heads) score(b, head, row, j int) float64 {
	var s sum
	k := h.key(h.k, b, head, j)
	for c := range h.d {
		s.addProduct(h.q.F[row*h.d+c], h.k.F[k+c])
	}
	return float64(h.Scale) * s.total()
}

func attention(p *op.Attention, in, out []Array) error {
	h := newHeads(p, in)
	h.each(func(b, head, i, row int, keys []int) {
		scores, top := make([]float64, len(keys)), math.Inf(-1)
		for n, j := range keys {
			scores[n] = h.score(b, head, row, j)
			top = math.Max(top, scores[n])
		}
		if h.sink != nil {
			top = math.Max(top, h.sink.F[head])
		}
		out[1].F[row] = math.Inf(-1)
		if math.IsInf(top, -1) {
			return
		}
		var total sum
		if h.sink != nil {
			total.add(math.Exp(h.sink.F[head] - top))
		}
		results := make([]sum, h.wide)
		for n, j := range keys {
			weight, v := math.Exp(scores[n]-top), h.key(h.v, b, head, j)
			total.add(weight)
			for c := range results {
				results[c].addProduct(weight, h.v.F[v+c])
			}
		}
		out[1].F[row] = top + math.Log(total.total())
		gate := 1.0
		if h.gate != nil {
			gate = Function(op.Sigmoid, h.gate.F[(b*h.t+i)*h.queryHeads+head])
		}
		for c := range results {
			out[0].F[row*h.wide+c] = results[c].total() / total.total() * gate
		}
	})
	return nil
}

func attentionGrad(p *op.AttentionGrad, in, out []Array) error {
	f := p.Forward()
	h := newHeads(&f, append([]Array{in[0], in[1], in[2]}, in[6:]...))
	o, lse, do := in[3].F, in[4].F, in[5].F
	dq, dk, dv := make([]sum, len(out[0].F)), make([]sum, len(out[1].F)), make([]sum, len(out[2].F))
	dsink := make([]sum, h.queryHeads)
	scale := float64(p.Scale)
	h.each(func(b, head, i, row int, keys []int) {
		var delta sum
		for c := range h.wide {
			delta.addProduct(do[row*h.wide+c], o[row*h.wide+c])
		}
		for _, j := range keys {
			k, v := h.key(h.k, b, head, j), h.key(h.v, b, head, j)
			weight := math.Exp(h.score(b, head, row, j) - lse[row])
			var dp sum
			for c := range h.wide {
				dp.addProduct(do[row*h.wide+c], h.v.F[v+c])
				dv[v+c].addProduct(weight, do[row*h.wide+c])
			}
			ds := scale * weight * (dp.total() - delta.total())
			for c := range h.d {
				dq[row*h.d+c].addProduct(ds, h.k.F[k+c])
				dk[k+c].addProduct(ds, h.q.F[row*h.d+c])
			}
		}
		if h.sink != nil {
			dsink[head].addProduct(-math.Exp(h.sink.F[head]-lse[row]), delta.total())
		}
	})
	for i, sums := range [][]sum{dq, dk, dv, dsink}[:len(out)] {
		for j := range sums {
			out[i].F[j] = sums[j].total()
		}
	}
	return nil
}

func attentionProbs(p *op.AttentionProbs, in, out []Array) error {
	f := op.Attention{Scale: p.Scale, Window: p.Window, Causal: p.Causal, HasLengths: p.HasLengths}
	h := newHeads(&f, append([]Array{in[0], in[1], in[1]}, in[3:]...))
	h.each(func(b, head, _, row int, keys []int) {
		for _, j := range keys {
			out[0].F[row*out[0].Dims[3]+j] = math.Exp(h.score(b, head, row, j) - in[2].F[row])
		}
	})
	return nil
}
