package parity

import (
	"math"
	"slices"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref"
)

func indexes() []Case {
	var cs []Case
	for _, f := range []func() []Case{takes, takeAlongs, scatters, concats, compacts, sorts, topKs, quantiles} {
		cs = append(cs, f()...)
	}
	return cs
}

// all are the types that ops which move bits take.
func all() []op.DType { return slices.Concat(floats, integers, []op.DType{op.Bool}) }

// ordered are the types whose elements can be ordered.
func ordered() []op.DType { return slices.Concat(floats, integers) }

// indices is an operand of indices below limit. Some lie outside when limit is beyond the tensor's size.
func indices(limit int, dims ...int) Operand {
	return Operand{Type: op.Make(op.I32, dims...), Gen: Index, Limit: limit}
}

// anywhere is an operand of indices from -4 to 4.
func anywhere(dims ...int) Operand { return Of(SmallInt, op.I32, dims...) }

func takes() []Case {
	var cs []Case
	for _, d := range all() {
		cs = append(cs,
			New(&op.Take{}, []Operand{Of(Normal, d, 9, 33), indices(9, 20)}),
			New(&op.Take{}, []Operand{Of(Normal, d, 9, 33), indices(12, 4, 5)}, Tag("outside")),
			New(&op.Take{Axis: 1}, []Operand{Of(Normal, d, 3, 7, 5), indices(7, 11)}, Tag("axis=1")))
	}
	for _, d := range []op.DType{op.F32, op.BF16} {
		cs = append(cs,
			New(&op.Take{Axis: -1}, []Operand{Of(Normal, d, 3, 7), indices(7, 2, 3)}, Tag("axis=-1")),
			New(&op.Take{Axis: 1}, []Operand{Of(Normal, d, 3, 7, 2), indices(7)}, Tag("axis=1")),
			New(&op.Take{}, []Operand{Of(Normal, d, 1), indices(1, 1)}),
			New(&op.Take{}, []Operand{Of(Normal, d, 0, 4), indices(9, 3)}, ZeroAllowed()),
			New(&op.Take{}, []Operand{Of(Normal, d, 5, 4), indices(5, 0)}),
			New(&op.Take{}, []Operand{Of(Normal, d, 5, 0), indices(5, 3)}),
			New(&op.Take{}, []Operand{Of(Normal, d, 20000), indices(20000, 9001)}),
			New(&op.Take{}, []Operand{Of(Normal, d, 50, 4099), anywhere(6)}, Tag("negative")),
			New(&op.Take{}, []Operand{Of(Normal, d, 9, 33).Strided(), indices(9, 20)}),
			New(&op.Take{Axis: 1}, []Operand{Of(Normal, d, 3, 7, 5).Padded(), indices(7, 11).Strided()}, Tag("axis=1")),
			New(&op.Take{Axis: 1}, []Operand{Of(Normal, d, 3, 7, 5).Turned(), indices(7, 4)}, Tag("axis=1")))
	}
	for _, d := range floats {
		for _, s := range []struct {
			axis, n int
			dy, idx []int
		}{{0, 9, []int{20, 33}, []int{20}}, {1, 7, []int{3, 11, 5}, []int{11}}, {1, 5, []int{2, 3, 4, 6}, []int{3, 4}}, {0, 30, []int{70}, []int{70}}, {0, 1, []int{1}, []int{1}}, {0, 4, []int{0, 3}, []int{0}}, {1, 3, []int{4, 6}, nil}, {0, 200, []int{900, 37}, []int{900}}} {
			o, zero := &op.TakeGrad{Axis: s.axis, N: s.n}, func(c *Case) { c.Zero = s.dy[0] == 0 || s.idx == nil } // the one index can lie outside
			cs = append(cs,
				New(o, []Operand{Of(Normal, d, s.dy...), indices(s.n+1, s.idx...)}, Linear(40), Tag("axis=%d", s.axis), zero),
				New(o, []Operand{Of(SmallInt, d, s.dy...), indices(s.n, s.idx...)}, Tag("axis=%d/int", s.axis), zero))
		}
		cs = append(cs, New(&op.TakeGrad{N: 3}, []Operand{Of(SmallInt, d, 20, 5).Padded(), anywhere(20).Strided()}, Tag("negative")))
	}
	return cs
}

func takeAlongs() []Case {
	var cs []Case
	for _, d := range all() {
		cs = append(cs, New(&op.TakeAlong{Axis: -1}, []Operand{Of(Normal, d, 5, 33), indices(33, 5, 9)}))
	}
	for _, d := range []op.DType{op.F32, op.F64, op.F16, op.I8} {
		cs = append(cs,
			New(&op.TakeAlong{Axis: 0}, []Operand{Of(Normal, d, 9, 7), indices(11, 20, 7)}, Tag("axis=0/outside")),
			New(&op.TakeAlong{Axis: 1}, []Operand{Of(Normal, d, 4, 9, 7), anywhere(4, 5, 7)}, Tag("axis=1/negative")),
			New(&op.TakeAlong{Axis: 0}, []Operand{Of(Normal, d, 1), indices(1, 1)}),
			New(&op.TakeAlong{Axis: 1}, []Operand{Of(Normal, d, 3, 5), indices(5, 3, 0)}),
			New(&op.TakeAlong{Axis: 0}, []Operand{Of(Normal, d, 12000), indices(12000, 9001)}),
			New(&op.TakeAlong{Axis: 1}, []Operand{Of(Normal, d, 2, 5000), indices(5000, 2, 1)}),
			New(&op.TakeAlong{Axis: 1}, []Operand{Of(Normal, d, 6, 9).Strided(), indices(9, 6, 4).Turned()}),
			New(&op.TakeAlong{Axis: 0}, []Operand{Of(Normal, d, 6, 9).Turned(), indices(6, 4, 9).Padded()}, Tag("axis=0")))
	}
	for _, d := range floats {
		for _, s := range []struct {
			axis, n int
			dims    []int
		}{{1, 9, []int{5, 33}}, {0, 6, []int{33, 5}}, {1, 40, []int{3, 70, 130}}, {0, 1, []int{1}}, {0, 3000, []int{9001}}, {1, 20000, []int{2, 50}}, {0, 3, []int{0, 4}}} {
			o, zero := &op.TakeAlongGrad{Axis: s.axis, N: s.n}, func(c *Case) { c.Zero = s.dims[0] == 0 }
			cs = append(cs,
				New(o, []Operand{Of(Normal, d, s.dims...), indices(s.n+1, s.dims...)}, Linear(40), Tag("axis=%d/n=%d", s.axis, s.n), zero),
				New(o, []Operand{Of(SmallInt, d, s.dims...), indices(s.n, s.dims...)}, Tag("axis=%d/n=%d/int", s.axis, s.n), zero))
		}
		cs = append(cs, New(&op.TakeAlongGrad{Axis: 1, N: 5}, []Operand{Of(SmallInt, d, 6, 9).Turned(), anywhere(6, 9).Padded()}, Tag("negative")))
	}
	return cs
}

func scatters() []Case {
	var cs []Case
	for _, d := range ordered() {
		g := Normal
		if d.Float() {
			g = SmallInt // exact
			cs = append(cs,
				New(&op.ScatterAdd{}, []Operand{Of(Normal, d, 9, 33), indices(10, 40), Of(Normal, d, 40, 33)}, Linear(9)),
				New(&op.ScatterAdd{}, []Operand{Of(Normal, d, 3), indices(3, 700), Of(Normal, d, 700)}, Linear(300)))
		}
		cs = append(cs,
			New(&op.ScatterAdd{}, []Operand{Of(g, d, 9, 33), indices(9, 40), Of(g, d, 40, 33)}, Tag("int")),
			New(&op.ScatterAdd{}, []Operand{Of(g, d, 3, 2, 5), anywhere(20), Of(g, d, 20, 2, 5)}, Tag("negative")),
			New(&op.ScatterAdd{}, []Operand{Of(g, d, 100), indices(100, 9001), Of(g, d, 9001)}, Tag("int")),
			New(&op.ScatterAdd{}, []Operand{Of(g, d, 7, 5).Padded(), indices(7, 9).Strided(), Of(g, d, 9, 5).Turned()}),
			New(&op.ScatterAdd{}, []Operand{Of(Positive, d, 1), indices(1, 1), Of(Positive, d, 1)}, ZeroAllowed(), Linear(1)),
			New(&op.ScatterAdd{}, []Operand{Of(g, d, 4, 3), indices(4, 0), Of(g, d, 0, 3)}))
	}
	for _, d := range all() {
		cs = append(cs,
			New(&op.PutRows{}, []Operand{Of(Normal, d, 9, 33), indices(9, 5), Of(Normal, d, 5, 33)}),
			New(&op.PutRows{}, []Operand{Of(Normal, d, 9, 4), indices(11, 40), Of(Normal, d, 40, 4)}, Tag("duplicates")))
	}
	for _, d := range []op.DType{op.F32, op.F16, op.I8} {
		cs = append(cs,
			New(&op.PutRows{}, []Operand{Of(Normal, d, 3, 2, 5), anywhere(7), Of(Normal, d, 7, 2, 5)}, Tag("negative")),
			New(&op.PutRows{}, []Operand{Of(Normal, d, 5), indices(5, 3), Of(Normal, d, 3)}),
			New(&op.PutRows{}, []Operand{Of(Normal, d, 1), indices(1, 1), Of(Normal, d, 1)}),
			New(&op.PutRows{}, []Operand{Of(Normal, d, 4, 3), indices(4, 0), Of(Normal, d, 0, 3)}),
			New(&op.PutRows{}, []Operand{Of(Normal, d, 0, 3), indices(4, 2), Of(Normal, d, 2, 3)}),
			New(&op.PutRows{}, []Operand{Of(Normal, d, 60, 700), indices(60, 50), Of(Normal, d, 50, 700)}),
			New(&op.PutRows{}, []Operand{Of(Normal, d, 6, 4, 5).Padded(), indices(6, 4).Strided(), Of(Normal, d, 4, 4, 5).Turned()}))
	}
	return cs
}

func concats() []Case {
	var cs []Case
	for _, d := range all() {
		cs = append(cs,
			New(&op.Concat{}, []Operand{Of(Normal, d, 3, 5), Of(Normal, d, 4, 5)}),
			New(&op.Concat{Axis: -1}, []Operand{Of(Normal, d, 3, 5), Of(Normal, d, 3, 1), Of(Normal, d, 3, 17)}, Tag("axis=-1")))
	}
	for _, d := range []op.DType{op.F32, op.BF16} {
		many := make([]Operand, op.MaxConcat)
		for i := range many {
			many[i] = Of(Normal, d, 2, i+1)
		}
		cs = append(cs,
			New(&op.Concat{Axis: 1}, many),
			New(&op.Concat{}, []Operand{Of(Normal, d, 3)}),
			New(&op.Concat{Axis: 1}, []Operand{Of(Normal, d, 2, 0, 3), Of(Normal, d, 2, 4, 3), Of(Normal, d, 2, 0, 3)}, Tag("axis=1")),
			New(&op.Concat{Axis: 1}, []Operand{Of(Normal, d, 2, 0), Of(Normal, d, 2, 0)}, Tag("axis=1")),
			New(&op.Concat{Axis: 1}, []Operand{Of(Normal, d, 30, 700), Of(Normal, d, 30, 33)}, Tag("axis=1")),
			New(&op.Concat{Axis: 1}, []Operand{Of(Normal, d, 3, 4, 5).Turned(), Of(Normal, d, 3, 6, 5).Strided(), Of(Normal, d, 3, 1, 5).Padded()}, Tag("axis=1")))
	}
	return cs
}

func compacts() []Case {
	var cs []Case
	keep := func(n int) Operand { return Of(Chances, op.Bool, n) }
	for _, d := range all() {
		cs = append(cs, New(&op.Compact{}, []Operand{Of(Normal, d, 23, 5), keep(23)}))
	}
	for _, d := range []op.DType{op.F32, op.F16} {
		cs = append(cs,
			New(&op.Compact{}, []Operand{Of(Normal, d, 9001), keep(9001)}),
			New(&op.Compact{}, []Operand{Of(Normal, d, 40, 3, 300), keep(40)}),
			New(&op.Compact{}, []Operand{Of(Normal, d, 1), keep(1)}),
			New(&op.Compact{}, []Operand{Of(Normal, d, 0, 3), keep(0)}),
			New(&op.Compact{}, []Operand{Of(Normal, d, 5, 0), keep(5)}),
			New(&op.Compact{}, []Operand{Of(Normal, d, 23, 5).Turned(), keep(23).Strided()}))
	}
	return cs
}

// orders are rows to sort: ties (small integers, zeros of both signs and NaN among them) and none, and shapes on both
// sides of every way to sort a row.
var orders = [][]int{{4, 33}, {1}, {1, 1}, {3, 7}, {2, 3, 64}, {5, 257}, {130, 8}, {0, 4}, {3, 0}}

// long reports whether d is among the types whose cases also have rows that threads share: one of each kind of key.
func long(d op.DType) bool { return d == op.F32 || d == op.BF16 || d == op.I64 || d == op.U8 }

func sorts() []Case {
	var cs []Case
	for _, descending := range []bool{false, true} {
		o, tag := &op.Sort{Descending: descending}, Tag("descending=%v", descending)
		for _, d := range ordered() {
			for _, s := range orders {
				cs = append(cs, New(o, []Operand{Of(Normal, d, s...)}, tag))
			}
			cs = append(cs, New(o, []Operand{Of(SmallInt, d, 5, 100)}, tag, Tag("ties")))
			if long(d) {
				cs = append(cs, New(o, []Operand{Of(Normal, d, 2, 40000)}, tag))
			}
		}
		cs = append(cs, New(o, []Operand{Of(Wide, op.F64, 33000)}, tag, Tag("wide")))
		for _, d := range floats {
			cs = append(cs,
				New(o, []Operand{Of(Wide, d, 3, 300)}, tag, Tag("wide")),
				New(o, []Operand{Of(Wide, d, 5, 9).Padded()}, tag),
				New(o, []Operand{Of(Normal, d, 5, 9).Turned()}, tag))
		}
	}
	return cs
}

func topKs() []Case {
	var cs []Case
	for _, least := range []bool{false, true} {
		top := func(g Gen, d op.DType, k int, dims ...int) Case {
			return New(&op.TopK{K: k, Least: least}, []Operand{Of(g, d, dims...)}, Tag("k=%d/least=%v/%d", k, least, g), func(c *Case) { c.Zero = least && d == op.U8 }) // zero is the least
		}
		for _, d := range ordered() {
			cs = append(cs, top(Normal, d, 8, 5, 128), top(SmallInt, d, 9, 4, 33), top(Normal, d, 1, 1), top(Normal, d, 7, 3, 7), top(Normal, d, 0, 3, 7),
				top(SmallInt, d, 70, 3, 500), top(Normal, d, 2, 0, 5))
			if long(d) {
				cs = append(cs, top(Normal, d, 50, 40000), top(SmallInt, d, 100, 33000), top(Normal, d, 20000, 33000))
			}
		}
		cs = append(cs, top(Wide, op.F32, 50, 33000))
		for _, d := range floats {
			cs = append(cs, top(Wide, d, 40, 3, 64), top(Wide, d, 60, 2, 90), top(Wide, d, 100, 2, 120),
				New(&op.TopK{K: 3, Least: least}, []Operand{Of(Normal, d, 5, 9).Padded()}, Tag("least=%v", least)),
				New(&op.TopK{K: 3, Least: least}, []Operand{Of(Normal, d, 5, 9).Turned()}, Tag("least=%v", least)))
		}
	}
	return cs
}

func quantiles() []Case {
	var cs []Case
	for _, d := range ordered() {
		for _, k := range []int{1, 20, 33} {
			cs = append(cs,
				New(&op.KthValue{K: k}, []Operand{Of(Normal, d, 4, 33)}, Tag("k=%d", k)),
				New(&op.KthValue{K: k}, []Operand{Of(SmallInt, d, 2, 3, 33)}, Tag("k=%d/ties", k), ZeroAllowed()))
		}
		cs = append(cs,
			New(&op.KthValue{K: 1}, []Operand{Of(Normal, d, 1)}),
			New(&op.KthValue{K: 1}, []Operand{Of(Normal, d, 0, 3)}),
			New(&op.KthValue{K: 3}, []Operand{Of(Normal, d, 5, 9).Turned()}))
		if long(d) {
			cs = append(cs, New(&op.KthValue{K: 20001}, []Operand{Of(Normal, d, 40000)}))
		}
	}
	for _, d := range floats {
		for _, k := range []int{1, 30, 90, 120} {
			cs = append(cs, New(&op.KthValue{K: k}, []Operand{Of(Wide, d, 6, 120).Padded()}, Tag("k=%d/wide", k)))
		}
	}
	for _, d := range []op.DType{op.F32, op.F64} {
		for _, q := range []float64{0, 0.25, 0.5, 0.9, 1} {
			o, tag := &op.Quantile{Q: q}, Tag("q=%v", q)
			cs = append(cs,
				New(o, []Operand{Of(Normal, d, 4, 33)}, Spreading(quantileSpread), tag),
				New(o, []Operand{Of(SmallInt, d, 2, 3, 40)}, Spreading(quantileSpread), tag, Tag("ties"), ZeroAllowed()),
				New(o, []Operand{Of(Wide, d, 8, 6)}, Spreading(quantileSpread), tag, Tag("wide")))
		}
		cs = append(cs,
			New(&op.Quantile{Q: 0.3}, []Operand{Of(Normal, d, 1)}, Spreading(quantileSpread)),
			New(&op.Quantile{Q: 0.3}, []Operand{Of(Normal, d, 0, 4)}, Spreading(quantileSpread)),
			New(&op.Quantile{Q: 0.3}, []Operand{Of(Normal, d, 5, 9).Turned()}, Spreading(quantileSpread)),
			New(&op.Quantile{Q: 0.7}, []Operand{Of(Normal, d, 40000)}, Spreading(quantileSpread)),
			New(&op.Quantile{Q: 0.7}, []Operand{Of(SmallInt, d, 2, 1500)}, Spreading(quantileSpread), Tag("ties"), ZeroAllowed()),
			New(&op.Quantile{Q: 0.3}, []Operand{Of(Normal, d, 6, 1100)}, Spreading(quantileSpread)))
	}
	return cs
}

// quantileSpread: the result lies between two elements of its row, whose difference is rounded.
func quantileSpread(in, want []ref.Array) []ref.Array {
	s, n := ref.NewArray(want[0].Type), in[0].Last()
	for r := range s.F {
		for _, v := range in[0].F[r*n : (r+1)*n] {
			if !math.IsInf(v, 0) {
				s.F[r] = max(s.F[r], math.Abs(v))
			}
		}
	}
	return []ref.Array{s}
}
