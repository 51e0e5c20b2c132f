package tandem

// fuzzRows runs op n of the families that work on rows: index, segment, attention, rope, softmax, norm, sample, and ops
// that make and follow device counts.
func fuzzRows(s *Scope, f *script, n int, x, y, z Tensor) Tensor {
	first := func(a, _ Tensor) Tensor { return a }
	switch n {
	case 0:
		return s.Take(x, f.size(), y)
	case 1:
		return s.TakeAlong(x, f.size(), y)
	case 2:
		return s.ScatterAdd(x, y, z)
	case 3:
		return s.PutRows(x, y, z)
	case 4:
		return s.Concat(f.size(), x, y, z)
	case 5:
		for _, part := range s.Split(x, f.size(), f.size(), f.size()) {
			return part
		}
	case 6:
		return first(s.Compact(x, y))
	case 7:
		return first(s.Nonzero(x))
	case 8:
		return s.Full(x)
	case 9:
		return first(s.Sort(x))
	case 10:
		return first(s.TopK(x, f.size()))
	case 11:
		return s.KthValue(x, f.size())
	case 12:
		return s.Quantile(x, float64(f.next(5))/2-0.5)
	case 13:
		return s.SegmentSum(x, y)
	case 14:
		return s.SegmentSoftmax(x, y)
	case 15:
		return s.SegmentStd(x, y, f.next(2) == 1)
	case 16:
		return s.SegmentExpand(x, y, f.size())
	case 17:
		return s.SegmentWeightedSum(x, y, z)
	case 18, 19:
		return s.Attention(x, y, z, f.attention(x, y, z))
	case 20:
		return s.AttentionProbs(x, y, f.attention(x, y, z))
	case 21:
		return s.Rope(x, y, RopeOptions{Width: f.size(), Interleaved: f.next(2) == 1, Inverse: f.next(2) == 1, Factors: [2]Tensor{{}, z}[f.next(2)]})
	case 22:
		return s.LogSoftmax(x)
	case 23:
		return s.CrossEntropy(x, y)
	case 24:
		return s.KL(x, y)
	case 25:
		return s.LayerNorm(x, y, z, 1e-5)
	case 26:
		return s.GroupNorm(x, y, z, f.size(), 1e-5)
	case 27:
		return s.Dropout(x, y, 0.5)
	case 28:
		return first(s.Categorical(x, y, z))
	case 29:
		return s.CumSum(x, f.size())
	case 30:
		return s.ArgMax(x, f.size())
	case 31:
		return s.GroupedMatMul(x, y, z)
	case 32:
		return s.LogSumExp(x, f.sizes()...)
	case 33:
		for _, part := range s.Into(x).Split(y, f.size(), f.size(), f.size()) {
			return part
		}
	}
	return s.BiasAct(x, y, Act(f.next(9)))
}

const fuzzedRows = 35

// attention is options with any of the extras, of any kind.
func (f *script) attention(x, y, z Tensor) AttentionOptions {
	o := AttentionOptions{Scale: float32(f.next(2)), Causal: f.next(2) == 1, Window: []int{0, 0, 1, 2, -1}[f.next(5)]}
	some := [...]Tensor{x, y, z}
	for _, extra := range []*Tensor{&o.Lengths, &o.Sink, &o.Gate, &o.Offsets, &o.Pages} {
		if f.next(6) == 5 {
			*extra = some[f.next(3)]
		}
	}
	return o
}
