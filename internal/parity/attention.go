package parity

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

// attentionShape is the sizes of an attention: k and v have heads for queries to share.
type attentionShape struct{ b, hq, hkv, t, s, d, dv int }

// operands are q, k and v.
func (z attentionShape) operands(d op.DType) []Operand {
	return []Operand{Of(Normal, d, z.b, z.hq, z.t, z.d), Of(Normal, d, z.b, z.hkv, z.s, z.d), Of(Normal, d, z.b, z.hkv, z.s, z.dv)}
}

func (z attentionShape) scale() float32 { return float32(1 / math.Sqrt(float64(z.d))) }

// sumType is what lse and sinks are kept in.
func sumType(d op.DType) op.DType {
	if d == op.F64 {
		return op.F64
	}
	return op.F32
}

// seen is a set of options for what rows see.
var seen = []struct {
	tag string
	op.Attention
}{
	{"full", op.Attention{}}, {"causal", op.Attention{Causal: true}}, {"window=5", op.Attention{Causal: true, Window: 5}},
	{"both=7", op.Attention{Window: 7}}, {"one", op.Attention{Causal: true, Window: 1}},
}

func attentions() []Case {
	var cs []Case
	for _, d := range floats {
		cs = append(cs, attentionForwards(d)...)
		cs = append(cs, attentionOptions(d)...)
		cs = append(cs, attentionGrads(d)...)
		if d == op.F16 || d == op.BF16 {
			cs = append(cs, attentionHalves(d)...)
		}
	}
	return cs
}

// attend makes a case of the forward. extra stands in the order lengths, sink, gate, offsets, pages.
func attend(p op.Attention, z attentionShape, in []Operand, tag string, opts ...Option) Case {
	p.Scale = z.scale()
	return New(&p, in, append([]Option{Spreading(attentionSpread), Tag("%s", tag)}, opts...)...)
}

func attentionForwards(d op.DType) []Case {
	var cs []Case
	for _, z := range []attentionShape{
		{1, 2, 2, 33, 33, 16, 16}, {1, 1, 1, 1, 1, 1, 1}, {2, 4, 2, 7, 7, 5, 3}, {1, 2, 1, 63, 65, 8, 24}, {1, 1, 1, 64, 1, 4, 4},
		{1, 2, 2, 65, 63, 64, 64}, {1, 1, 1, 70, 130, 16, 16}, {1, 6, 2, 3, 200, 40, 40}, {1, 8, 1, 1, 130, 128, 128},
	} {
		for _, v := range seen {
			if d == op.F32 || z.t < 60 && v.Causal {
				cs = append(cs, attend(v.Attention, z, z.operands(d), v.tag))
			}
		}
	}
	for _, z := range []attentionShape{{1, 1, 1, 0, 3, 4, 4}, {1, 1, 1, 3, 0, 4, 4}, {0, 2, 1, 3, 3, 4, 4}} {
		cs = append(cs, attend(op.Attention{}, z, z.operands(d), "empty", ZeroAllowed()))
	}
	if d == op.F32 { // several chunks of keys
		for _, z := range []attentionShape{{1, 2, 1, 1, 1500, 16, 16}, {1, 1, 1, 3, 1030, 8, 8}} {
			for _, v := range []op.Attention{{Causal: true}, {Causal: true, Window: 600}} {
				cs = append(cs, attend(v, z, z.operands(d), map[int32]string{0: "causal", 600: "window=600"}[v.Window]))
			}
		}
		z := attentionShape{1, 1, 1, 40, 520, 8, 8}
		cs = append(cs, attend(op.Attention{Causal: true, Window: 300}, z, z.operands(d), "window=300"))
	}
	busy := attentionShape{2, 4, 4, 1, 560, 40, 8} // more blocks than a small device has room for
	cs = append(cs, attend(op.Attention{Causal: true, Window: 70}, busy, busy.operands(d), "busy"))
	return append(append(cs, attentionWide(d)...), attentionViews(d)...)
}

// attentionWide are heads of other widths than those above, some of them odd, and rows that see one chunk of keys or two.
func attentionWide(d op.DType) []Case {
	var cs []Case
	for _, dv := range []int{15, 79, 143, 207} {
		for _, t := range []int{3, 33} {
			z := attentionShape{1, 2, 2, t, 5, 15, dv}
			cs = append(cs, attend(op.Attention{}, z, z.operands(d), "odd"))
			z = attentionShape{1, 1, 1, t, 300, 8, dv}
			cs = append(cs, attend(op.Attention{Causal: true, Window: int32(46 - t/2)}, z, z.operands(d), "chunks"))
		}
	}
	for _, z := range []attentionShape{{1, 2, 1, 34, 40, 12, 72}, {1, 2, 1, 34, 40, 12, 201}, {1, 2, 1, 2, 290, 137, 201}, {1, 1, 1, 3, 66, 33, 130}, {1, 1, 1, 1, 1030, 8, 8}} {
		cs = append(cs, attend(op.Attention{Causal: true}, z, z.operands(d), "wide"))
	}
	for _, dv := range []int{64, 128, 256} {
		for _, x := range [][2]int{{12, 200}, {12, 280}, {40, 280}} {
			t, keys := x[0], x[1]
			cs = append(cs, attend(everythingAtOnce, attentionShape{d: 8}, everything(d, t, keys, dv), "everything", ZeroAllowed()))
		}
		for _, t := range []int{12, 40} {
			z := attentionShape{1, 1, 1, t, t, 8, dv}
			cs = append(cs, attend(op.Attention{HasOffsets: true, HasSink: true}, z, append(z.operands(d), Of(Normal, sumType(d), 1), offsets(3, t)), "packed", ZeroAllowed()))
		}
	}
	return cs
}

// everythingAtOnce is all options that go together; everything are operands for it, of t queries and so many keys on pages.
var everythingAtOnce = op.Attention{Causal: true, Window: 30, HasLengths: true, HasSink: true, HasGate: true, HasPages: true}

func everything(d op.DType, t, keys, dv int) []Operand {
	const b, page = 3, 40
	return []Operand{Of(Normal, d, b, 1, t, 8), Of(Normal, d, 5, 1, page, 8), Of(Normal, d, 5, 1, page, dv),
		lengthsOf(b, keys), Of(Normal, sumType(d), 1), Of(Normal, d, b, t, 1), {Type: op.Make(op.I32, b, keys/page), Gen: Index, Limit: 5}}
}

// headsLast is an operand [b, h, t, d] that is a view of [b, t, h, d].
func headsLast(x Operand) Operand {
	h, t, d := x.Dims[1], x.Dims[2], x.Dims[3]
	x.Strides = [op.MaxRank]int{t * h * d, d, h * d, 1}
	return x
}

func attentionViews(d op.DType) []Case {
	z := attentionShape{2, 4, 2, 9, 21, 16, 8}
	views, padded, turned := z.operands(d), z.operands(d), z.operands(d)
	for i := range views {
		views[i], padded[i] = headsLast(views[i]), padded[i].Padded()
	}
	turned[1] = turned[1].Turned()
	shared := z.operands(d)
	shared[1], shared[2] = shared[1].Stretched(0), shared[2].Stretched(0)
	negative := attend(op.Attention{}, z, z.operands(d), "negative scale")
	negative.Op.(*op.Attention).Scale *= -1
	return []Case{attend(op.Attention{Causal: true}, z, views, "views"), attend(op.Attention{Causal: true}, z, padded, "padded"),
		attend(op.Attention{Causal: true}, z, turned, "turned"), attend(op.Attention{Causal: true}, z, shared, "shared"), negative}
}

// lengthsOf is an operand of lengths, some below 1 and some beyond the keys.
func lengthsOf(b, keys int) Operand {
	return Operand{Type: op.Make(op.I32, b), Gen: Index, Limit: keys + keys/4 + 2}
}

func attentionOptions(d op.DType) []Case {
	var cs []Case
	for t := 1; t <= 8; t++ { // decoding
		if d != op.F32 && t > 2 {
			break
		}
		z := attentionShape{3, 4, 2, t, 70, 16, 16}
		cs = append(cs, attend(op.Attention{Causal: true, HasLengths: true}, z, append(z.operands(d), lengthsOf(3, 70)), "decode", ZeroAllowed()))
	}
	z := attentionShape{2, 2, 1, 20, 90, 16, 12}
	sink, gate, lengths := Of(Normal, sumType(d), z.hq), Of(Normal, d, z.b, z.t, z.hq), lengthsOf(z.b, z.s)
	cs = append(cs,
		attend(op.Attention{HasLengths: true}, z, append(z.operands(d), lengths), "lengths"),
		attend(op.Attention{HasSink: true}, z, append(z.operands(d), sink), "sink"),
		attend(op.Attention{HasGate: true}, z, append(z.operands(d), gate), "gate"),
		attend(op.Attention{HasGate: true}, z, append(z.operands(d), gate.Turned()), "gate"),
		attend(op.Attention{Causal: true, Window: 9, HasLengths: true, HasSink: true, HasGate: true}, z, append(z.operands(d), lengths, sink, gate), "all"))
	blind := attentionShape{1, 2, 1, 12, 5, 8, 8} // the first rows stand before the first key
	cs = append(cs,
		attend(op.Attention{Causal: true}, blind, blind.operands(d), "blind"),
		attend(op.Attention{Causal: true, HasSink: true}, blind, append(blind.operands(d), Of(Normal, sumType(d), 2)), "blind/sink"))
	for _, z := range []attentionShape{{1, 2, 2, 12, 12, 8, 4}, {1, 4, 2, 150, 150, 4, 4}} {
		for _, g := range []int{1, 7} {
			for _, v := range seen[:4] {
				if d != op.F32 && z.t > 50 {
					continue
				}
				v.HasOffsets = true
				cs = append(cs, attend(v.Attention, z, append(z.operands(d), offsets(g, z.t)), v.tag, ZeroAllowed()))
			}
		}
	}
	return append(cs, attentionPaged(d)...)
}

func attentionPaged(d op.DType) []Case {
	var cs []Case
	for _, z := range []struct{ b, hq, hkv, t, pages, m, page, d, dv int }{
		{2, 4, 2, 1, 12, 5, 16, 16, 16}, {3, 2, 1, 4, 40, 30, 5, 8, 12}, {1, 2, 2, 30, 3, 3, 128, 32, 32}, {1, 2, 2, 5, 4, 2, 256, 16, 16},
	} {
		keys := z.m * z.page
		in := []Operand{Of(Normal, d, z.b, z.hq, z.t, z.d), Of(Normal, d, z.pages, z.hkv, z.page, z.d), Of(Normal, d, z.pages, z.hkv, z.page, z.dv),
			lengthsOf(z.b, keys), {Type: op.Make(op.I32, z.b, z.m), Gen: Index, Limit: z.pages}}
		for _, v := range []op.Attention{{Causal: true}, {Causal: true, Window: 11}} {
			v.HasLengths, v.HasPages = true, true
			shape := attentionShape{d: z.d}
			cs = append(cs, attend(v, shape, in, map[int32]string{0: "paged", 11: "paged/window"}[v.Window], ZeroAllowed()))
		}
		outside := append([]Operand{}, in...)
		outside[4].Gen = SmallInt // pages before the first and beyond the last
		cs = append(cs, attend(op.Attention{HasLengths: true, HasPages: true}, attentionShape{d: z.d}, outside, "paged/outside", ZeroAllowed()))
	}
	return cs
}

// attendHalves makes a case whose weights may be rounded to halves.
func attendHalves(p op.Attention, z attentionShape, in []Operand, tag string, opts ...Option) Case {
	p.HalfWeights, p.Scale = true, z.scale()
	return attend(p, z, in, "halves/"+tag, append([]Option{Spreading(halfWeightsSpread(p)), Loosely(1)}, opts...)...)
}

// attentionHalves are of heads that tensor cores can load, and some that they cannot.
func attentionHalves(d op.DType) []Case {
	var cs []Case
	for _, z := range []attentionShape{{1, 2, 1, 33, 70, 16, 24}, {1, 1, 1, 66, 66, 64, 64}, {1, 3, 1, 1, 65, 128, 72}, {2, 2, 2, 9, 9, 5, 3}} {
		for _, v := range seen {
			cs = append(cs, attendHalves(v.Attention, z, z.operands(d), v.tag))
		}
	}
	z := attentionShape{2, 4, 2, 20, 90, 16, 8}
	lengths, sink, gate := lengthsOf(z.b, z.s), Of(Normal, sumType(d), z.hq), Of(Normal, d, z.b, z.t, z.hq)
	padded := z.operands(d)
	for i := range padded {
		padded[i] = headsLast(padded[i])
	}
	blind := attentionShape{1, 2, 1, 12, 5, 8, 8} // the first rows stand before the first key
	cs = append(cs,
		attendHalves(op.Attention{Causal: true}, z, padded, "views"),
		attendHalves(op.Attention{HasLengths: true}, z, append(z.operands(d), lengths), "lengths"),
		attendHalves(op.Attention{HasSink: true}, z, append(z.operands(d), sink), "sink"),
		attendHalves(op.Attention{HasGate: true}, z, append(z.operands(d), gate), "gate"),
		attendHalves(op.Attention{Causal: true, Window: 9, HasLengths: true, HasSink: true, HasGate: true}, z, append(z.operands(d), lengths, sink, gate), "all"),
		attendHalves(op.Attention{Causal: true, HasSink: true}, blind, append(blind.operands(d), Of(Normal, sumType(d), 2)), "blind/sink"))
	packed := attentionShape{1, 2, 1, 90, 90, 8, 16}
	for _, v := range seen[:3] {
		v.HasOffsets = true
		cs = append(cs, attendHalves(v.Attention, packed, append(packed.operands(d), offsets(4, packed.t)), v.tag, ZeroAllowed()))
	}
	for _, v := range []op.Attention{{Causal: true}, {Causal: true, Window: 600}} { // several chunks of keys
		many, tag := attentionShape{1, 4, 2, 3, 1100, 16, 16}, map[int32]string{0: "causal", 600: "window=600"}[v.Window]
		cs = append(cs, attendHalves(v, many, many.operands(d), tag))
		v.HasLengths, v.HasPages = true, true
		in := []Operand{Of(Normal, d, 2, 4, 3, 16), Of(Normal, d, 9, 2, 100, 16), Of(Normal, d, 9, 2, 100, 16),
			lengthsOf(2, 1100), {Type: op.Make(op.I32, 2, 11), Gen: Index, Limit: 9}}
		cs = append(cs, attendHalves(v, many, in, "paged/"+tag, ZeroAllowed()))
	}
	for _, width := range []int{64, 128} { // in more blocks than a small device has room for, and in fewer
		for _, heads := range []int{4, 2} {
			z := attentionShape{1, heads, heads, 66, 576, 8, width}
			cs = append(cs, attendHalves(op.Attention{Causal: true, Window: 20}, z, z.operands(d), "chunks"))
		}
		shape := attentionShape{d: 8}
		for _, keys := range []int{200, 560} {
			cs = append(cs, attendHalves(everythingAtOnce, shape, everything(d, 66, keys, width), "everything", ZeroAllowed()))
		}
		z := attentionShape{1, 1, 1, 70, 70, 8, width}
		cs = append(cs, attendHalves(op.Attention{HasOffsets: true}, z, append(z.operands(d), offsets(3, z.t)), "packed", ZeroAllowed()))
	}
	return cs
}

func attentionGrads(d op.DType) []Case {
	var cs []Case
	for _, z := range []attentionShape{
		{1, 2, 2, 33, 33, 16, 16}, {1, 1, 1, 1, 1, 1, 1}, {2, 4, 2, 9, 30, 5, 3}, {1, 2, 1, 12, 5, 8, 8}, {1, 2, 1, 65, 65, 12, 8}, {1, 1, 1, 70, 130, 8, 8},
		{1, 2, 2, 15, 15, 15, 15}, {1, 2, 2, 15, 15, 79, 79}, {1, 2, 2, 15, 15, 207, 143}, {1, 2, 2, 15, 15, 143, 207}, {1, 2, 1, 12, 12, 128, 128}, {1, 2, 1, 12, 12, 256, 256},
		{1, 1, 1, 5, 70, 8, 16}, {1, 1, 1, 5, 70, 72, 68}, {1, 1, 1, 5, 70, 68, 136}, {3, 1, 1, 2, 2, 72, 68}, {0, 2, 1, 3, 3, 4, 4},
	} {
		if d != op.F32 && z.t > 50 {
			continue
		}
		in := append(z.operands(d), Of(Normal, d, z.b, z.hq, z.t, z.dv), Of(Positive, sumType(d), z.b, z.hq, z.t), Of(Normal, d, z.b, z.hq, z.t, z.dv))
		lengths, sink := lengthsOf(z.b, z.s), Of(Normal, sumType(d), z.hq)
		for _, v := range seen[:4] {
			p := op.AttentionGrad{Causal: v.Causal, Window: v.Window}
			cs = append(cs, unattend(p, z, in, v.tag))
			p.HasLengths, p.HasSink = true, true
			cs = append(cs, unattend(p, z, append(in[:6:6], lengths, sink), v.tag))
			if z.b == 1 && z.t == z.s {
				p.HasLengths, p.HasOffsets = false, true
				cs = append(cs, unattend(p, z, append(in[:6:6], sink, offsets(4, z.t)), v.tag))
			}
			q := &op.AttentionProbs{Scale: z.scale(), Causal: v.Causal, Window: v.Window}
			opts := []Option{Spreading(probsSpread), Tag("%s", v.tag), ZeroAllowed()}
			cs = append(cs, New(q, []Operand{in[0], in[1], in[4]}, opts...))
			q = &op.AttentionProbs{Scale: z.scale(), Causal: v.Causal, Window: v.Window, HasLengths: true}
			cs = append(cs, New(q, []Operand{in[0], in[1], in[4], lengths}, opts...))
		}
		views := append([]Operand{}, in...)
		for _, i := range []int{0, 1, 2, 3, 5} {
			views[i] = headsLast(views[i])
		}
		cs = append(cs, unattend(op.AttentionGrad{Causal: true}, z, views, "views"))
	}
	return cs
}

// unattend makes a case of the backward. out and lse need not be those of the forward: the formulas hold for any.
func unattend(p op.AttentionGrad, z attentionShape, in []Operand, tag string) Case {
	p.Scale = z.scale()
	return New(&p, in, Spreading(attentionGradSpread), Tag("%s", tag), ZeroAllowed())
}
