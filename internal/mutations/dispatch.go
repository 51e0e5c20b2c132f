package mutations

import "slices"

// dispatch are mutations of what stands between a node and the loops.
func dispatch() []Mutation {
	return slices.Concat(elementwise(), rowwise(), reductions(), indexing(), sampling(), attention())
}

const fast = "avx2" // the variant that both assembly and what calls it are held by

func elementwise() []Mutation {
	return slices.Concat(
		in("cpu/walk.go", fast,
			row{"func (k *walk) mergeable(", "range k.operands", "range 1", Index, `^add/f32`, 0},
			row{"func (k *walk) stretch(", "at == 0 || k.strides[i][last] != 0", "at == 0", Index, `^cast/`, 0},
		),
		in("cpu/elementwise_logic.go", fast,
			row{"func cutGrad[", "min(act[i], limit)", "act[i]", Operand, `^swiglu.grad/`, 0},
		),
	)
}

func rowwise() []Mutation {
	return slices.Concat(
		in("cpu/rows.go", fast,
			row{"func putRow[", "r*stride : r*stride+v.Last()", "r*stride/2 : r*stride/2+v.Last()", Index, `^softmax/`, 0},
		),
		in("cpu/norm.go", fast,
			row{"func rmsNormRows[", "putRow(w, &n.Out[0], r, y)", "putRow(w, &n.Out[0], lo, y)", Index, `^rmsnorm/`, 0},
			row{"func sumPartials[", "at += cols", "at += 2 * cols", Index, `^rmsnorm.grad/`, 0},
		),
		in("cpu/norm_layer.go", fast,
			row{"func groupNormGroups[", "k := g%int(p.Groups)*channels + c", "k := c", Index, `^groupnorm/`, 0},
			row{"func groupNormGrad[", "part[c:2*c]", "part[:c]", Operand, `^groupnorm.grad/`, 0},
		),
		in("cpu/softmax_loss.go", fast,
			row{"func finiteWhereZero[", "v == 0", "v < 0", Operand, `^entropy/`, 0},
			row{"func crossEntropyGradRows[", "dx[i]--", "dx[0]--", Index, `^crossentropy.grad/`, 0},
		),
		in("cpu/rope.go", fast,
			row{"func (t *turning[T]) neighbours(", "T(b*cos) + T(a*t.sin[i])", "T(b*cos) - T(a*t.sin[i])", Operand, `^rope/`, 0},
			row{"func (t *turning[T]) head(", "copy(out[t.p.Width:], in[t.p.Width:])", "copy(out[t.p.Width+1:], in[t.p.Width+1:])", Tail, `^rope/f32`, 0},
		),
	)
}

func reductions() []Mutation {
	return slices.Concat(
		in("cpu/reduce.go", fast,
			row{"func (f *folding) offset(", "at += i % f.dims[d] * step", "at += i * step", Index, `^sum/f32`, 0},
			row{"func foldAcross[", "min(first+blockRows, last)", "min(first+blockRows, last-1)", Tail, `^sum/f32`, 0},
			row{"func joinPieces[", "i := 1", "i := 2", Index, `^sum/`, 0},
		),
		in("cpu/reduce_int.go", fast,
			row{"func joinInts[", "t.Max(acc, acc, row)", "t.Min(acc, acc, row)", Operand, `^maxof/`, 0},
		),
		in("cpu/reduce_scan.go", fast,
			row{"func scanLines[", "sum += float64(x[c])", "sum = float64(float32(sum + float64(x[c])))", Rounding, `^cumsum/`, 0},
			row{"func argLines[", "i/inner*k*inner+i%inner", "i/inner*k*inner", Index, `^argm`, 0},
		),
		in("cpu/segment.go", fast,
			row{"func groupSum[", "min(first+blockRows, last)", "min(first+blockRows, last-1)", Tail, `^segment.sum/`, 0},
			row{"func firstMax[", "break", "", Index, `^segment.max.grad/`, 0},
		),
	)
}

func indexing() []Mutation {
	return slices.Concat(
		in("cpu/index_scatter.go", fast,
			row{"func (c chains) link(", "j >= 0", "j > 0", Tail, `^scatteradd/`, 0},
			row{"func takeAlongGradBody[", "min(l.width, l.inner-first)", "min(l.width, l.inner)", Tail, `^takealong.grad/f32`, 0},
		),
		in("cpu/index_rows.go", fast,
			row{"func compactBody[", "clear(dst[tail*size", "clear(dst[(tail+1)*size", Tail, `^compact/`, 0},
			row{"func putRowsBody[", "to[k*y.Strides[0]:]", "to[j*y.Strides[0]:]", Index, `^putrows/`, 0},
		),
		in("cpu/internal/radix/key.go", fast,
			row{"func key32(", "b == 1<<31", "b == 1<<30", Operand, `^sort/f32`, 0},
		),
	)
}

func sampling() []Mutation {
	return slices.Concat(
		in("cpu/sample.go", fast,
			row{"func stretches[", "min(hi, (r+1)*per)", "hi", Index, `^uniform/`, 0},
			row{"func dropoutBody(", "min(hi-lo, per-from, blockLen)", "min(hi-lo, blockLen)", Tail, `^dropout/`, 0},
		),
		in("cpu/sample_categorical.go", fast,
			row{"func categoricalRows(", "Word(uint64(r))", "Word(0)", Index, `^categorical/`, 0},
		),
	)
}

func attention() []Mutation {
	return slices.Concat(
		in("cpu/attention.go", fast,
			row{"func (a *headRows[T]) sees(", "position-a.window+1", "position-a.window", Index, `^attention/f32`, 0},
			row{"func (a *headRows[T]) queryHead(", "r/a.count", "r%a.group", Index, `^attention/f32`, 0},
		),
		in("cpu/attention_rows.go", fast,
			row{"func (a *attending[T]) soften(", "keep[i] != 1", "keep[i] > 1", Operand, `^attention/f32`, 0},
			row{"func (a *attending[T]) addSink(", "sink[a.queryHead(r)]-top", "sink[0]-top", Index, `^attention/f32`, 0},
		),
		in("cpu/attention_probs.go", fast,
			row{"func (a *probing[T]) overBlock(", "lse[a.number(r0+i)]", "lse[a.number(i)]", Index, `^attention.probs/f32`, 0},
			row{"func attentionProbRows[", "clear(a.row(r))", "clear(a.row(r)[1:])", Tail, `^attention.probs/f32`, 0},
		),
		in("cpu/attention_grad.go", fast,
			row{"func rowPlace(", "r/t%h*v.Strides[1]", "r/t*v.Strides[1]", Index, `^attention.grad/f32`, 0},
			row{"func attentionGradQueries[", "p := 1; p < parts", "p := 2; p < parts", Index, `^attention.grad/f32`, 0},
			row{"func attentionGradSinks[", "-1, -sink[head]", "-1, sink[head]", Operand, `^attention.grad/f32`, 0},
			row{"func attentionGradSinks[", "(i*h + head) * t", "(i*t + head) * h", Index, `^attention.grad/f32`, 0},
			row{"func attentionGradKeys[", "min((part+1)*keys, n.In[1].Dims[2])", "min((part+1)*keys, n.In[1].Dims[2]-1)", Tail, `^attention.grad/f32`, 0},
			row{"func attentionGradKeys[", "clear(a.dq[kv*own : (kv+1)*own])", "clear(a.dq[kv*own+1 : (kv+1)*own])", Operand, `^attention.grad/f32`, 0},
			row{"func (a *backing[T]) overRows(", "turned, a.doRows", "turned, a.qRows", Operand, `^attention.grad/f32`, 0},
			row{"func (a *backing[T]) overRows(", "a.turn(a.ds[span.From:], rows, keys)", "", Transpose, `^attention.grad/f32`, 0},
			row{"func (a *backing[T]) differentiate(", "a.delta[first+r]", "a.delta[first]", Index, `^attention.grad/f32`, 0},
			row{"func (a *backing[T]) differentiate(", "clear(ds[s.To:])", "", Tail, `^attention.grad/f32`, 0},
			row{"func (a *backing[T]) overKeys(", "a.seq.t-i", "a.seq.t-i-1", Tail, `^attention.grad/f32`, 0},
		),
	)
}
