package parity

import (
	"math"
	"slices"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref"
)

// The S of attention. A score Scale q·k is a sum whose rounding error is below u ε with ε = Scale Σ|q||k|, as large as
// √d for vectors of independent elements, and at most Scale |q||k|. exp makes of it a relative error of the weight.
// Rounding the exponent itself, exp and the sums over keys add a few u more: 1 + ε in all.

// attentionSpread: out is a mean of values, so a relative error of the weights moves it by that times max|v|. (Σ, by
// which is divided, has the same weights in it.) lse moves by the relative error, and has its own rounding.
func attentionSpread(in, want []ref.Array) []ref.Array {
	e := 1 + scoreSize(1/math.Sqrt(float64(in[0].Last())), &in[0], &in[1])
	out, lse := ref.NewArray(want[0].Type), ref.NewArray(want[1].Type)
	top := maxAbs(in[2].F)
	for i := range out.F {
		out.F[i] = e * top
	}
	for i, v := range want[1].F {
		if lse.F[i] = e; !math.IsInf(v, 0) {
			lse.F[i] += math.Abs(v)
		}
	}
	return []ref.Array{out, lse}
}

// halfWeightsSpread is the bound of attention whose weights are rounded to halves, made by tensor cores, in units of u = 2⁻²⁴ and
// with a factor of 1. Beside what attentionSpread says, four times of it:
//
//   - A weight w = exp(score - m) is off by u½ w, half a unit in the last place of its type, or, where f16 has no more
//     digits below 2⁻¹⁴, by 2⁻²⁵: out is Σ w v / Σ w, and Σ w is at least 1. So out is off by u½ Σ p|v|, p the
//     probabilities, and by keys 2⁻²⁵ max|v|. A sink makes p smaller and Σ w larger; a gate is below 1.
//   - Their exponentials are those of a device, to 2⁻²² of w: 4 u of every weight, above and below the fraction, and of lse.
//   - Tensor cores cut the sums that they carry on, by 2 u of Scale Σ|q||k| for every 16 of d dimensions.
func halfWeightsSpread(p op.Attention) Spread {
	return func(in, want []ref.Array) []ref.Array {
		s := attentionSpread(in, want)
		cut := float64(in[0].Last()) / 8 * scoreSize(1/math.Sqrt(float64(in[0].Last())), &in[0], &in[1])
		top, half := maxAbs(in[2].F), halfUnit(in[2].DType)
		types := make([]op.Type, len(in))
		for i := range in {
			types[i] = in[i].Type
		}
		keys := float64(p.Keys(types))
		means := absoluteMeans(p, in)
		for i := range s[0].F {
			s[0].F[i] = 4*s[0].F[i] + (8+2*cut+keys/2)*top + half/0x1p-24*means.F[i]
		}
		for i := range s[1].F {
			s[1].F[i] = 4*s[1].F[i] + 4 + cut
		}
		return s
	}
}

// halfUnit is the largest relative error of rounding to d.
func halfUnit(d op.DType) float64 {
	if d == op.F16 {
		return 0x1p-11
	}
	return 0x1p-8
}

// absoluteMeans is Σ p|v| for every element of the result.
func absoluteMeans(p op.Attention, in []ref.Array) ref.Array {
	abs := slices.Clone(in)
	abs[2].F = slices.Clone(in[2].F)
	for i, v := range abs[2].F {
		abs[2].F[i] = math.Abs(v)
	}
	out, err := ref.Eval(&p, abs)
	if err != nil {
		panic(err) // the case itself would have failed
	}
	return out[0]
}

// probsSpread: a probability is off by the relative error of exp(score - lse).
func probsSpread(in, want []ref.Array) []ref.Array {
	scale := 1 / math.Sqrt(float64(in[0].Last()))
	e := 1 + scoreSize(scale, &in[0], &in[1]) + maxAbs(in[2].F)
	s := probabilities(scale, &in[0], &in[1], &in[2])
	for i := range s.F {
		s.F[i] *= e
	}
	return []ref.Array{s}
}

// attentionGradSpread: with p off by e p as above, and dp - delta by u D with D the largest |dout||v| + |dout||out|,
//
//	dq = Σ Scale p (dp - delta) k   is off by   Σ Scale p e D |k|
//	dk = Σ Scale p (dp - delta) q               Σ Scale p e D |q|
//	dv = Σ p dout                               Σ p e |dout|
//
// where the sums may as well run over the keys that a row does not see.
func attentionGradSpread(in, want []ref.Array) []ref.Array {
	q, k, v, o, lse, do := &in[0], &in[1], &in[2], &in[3], &in[4], &in[5]
	scale := 1 / math.Sqrt(float64(q.Last()))
	e := 1 + scoreSize(scale, q, k) + maxAbs(lse.F)
	top := longest(do) * (longest(v) + longest(o))
	p := probabilities(scale, q, k, lse)
	s := make([]ref.Array, len(want))
	for i := range want {
		s[i] = ref.NewArray(want[i].Type)
	}
	group, keys, d, width := q.Dims[1]/k.Dims[1], k.Dims[2], q.Last(), v.Last()
	for row := range lse.F {
		head := row / q.Dims[2]
		first := (head/q.Dims[1]*k.Dims[1] + head%q.Dims[1]/group) * keys
		for j := range keys {
			w := p.F[row*keys+j] * e
			for c := range d {
				s[0].F[row*d+c] += scale * w * top * math.Abs(k.F[(first+j)*d+c])
				s[1].F[(first+j)*d+c] += scale * w * top * math.Abs(q.F[row*d+c])
			}
			for c := range width {
				s[2].F[(first+j)*width+c] += w * math.Abs(do.F[row*width+c])
			}
		}
		if len(s) > 3 {
			h := head % q.Dims[1]
			sink := sinkOf(in, q.Dims[1]).F[h]
			s[3].F[h] += math.Exp(sink-lse.F[row]) * (e + math.Abs(sink)) * longest(do) * longest(o)
		}
	}
	return s
}

// sinkOf is the operand that has a number for each head.
func sinkOf(in []ref.Array, heads int) *ref.Array {
	for i := 6; i < len(in); i++ {
		if in[i].F != nil && in[i].Elems() == heads {
			return &in[i]
		}
	}
	panic("parity: attention.grad has no sink")
}

// scoreSize is at least Scale Σ|q||k| of every pair.
func scoreSize(scale float64, q, k *ref.Array) float64 { return scale * longest(q) * longest(k) }

// longest is the norm of an array's longest row.
func longest(x *ref.Array) (top float64) {
	n := max(1, x.Last())
	for r := 0; r+n <= len(x.F); r += n {
		squares := 0.0
		for _, v := range x.F[r : r+n] {
			squares += v * v
		}
		top = math.Max(top, math.Sqrt(squares))
	}
	return top
}

// probabilities are exp(Scale q k - lse) of every pair, seen or not.
func probabilities(scale float64, q, k, lse *ref.Array) ref.Array {
	out, err := ref.Eval(&op.AttentionProbs{Scale: float32(scale)}, []ref.Array{*q, *k, *lse})
	if err != nil {
		panic(err) // the case itself would have failed
	}
	return out[0]
}
