package ref

import (
	"cmp"
	"math"
	"slices"

	"github.com/tandem-compute/tandem/internal/op"
)

var samples = table{on(random), on(dropout), on(categorical)}

// philox is Philox4x32 with ten rounds.
func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		p0, p1 := uint64(0xD2511F53)*uint64(c[0]), uint64(0xCD9E8D57)*uint64(c[2])
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k[0], uint32(p1), uint32(p0>>32) ^ c[3] ^ k[1], uint32(p0)}
		k[0], k[1] = k[0]+0x9E3779B9, k[1]+0xBB67AE85
	}
	return c
}

// word is random word i under a key of seed, stream and step.
func word(key []int64, i uint64) uint32 {
	c := [4]uint32{uint32(i / 4), uint32(i / 4 >> 32), uint32(key[2]), uint32(key[1])}
	return philox(c, [2]uint32{uint32(key[0]), uint32(uint64(key[0]) >> 32)})[i%4]
}

// random follows the op's float32 arithmetic: its results are exact, not approximated.
func random(p *op.Random, in, out []Array) error {
	y, key, per := &out[0], in[0].I, out[0].Elems()
	if in[0].Rank == 2 {
		per /= max(1, y.Dims[0])
	}
	for i := range y.Elems() {
		k := key
		if in[0].Rank == 2 {
			k = key[3*(i/per):]
		}
		w := word(k, uint64(i%per))
		u := unit(w)
		switch p.Dist {
		case op.Bits:
			y.I[i] = int64(int32(w))
		case op.Uniform:
			v := float32(u * (p.B - p.A))
			y.F[i] = float64(v + p.A)
		case op.Bernoulli:
			if u < p.A {
				y.I[i] = 1
			}
		case op.Normal:
			y.F[i] = float64(p.A) + float64(p.B)*gaussian(k, uint64(i%per))
		}
	}
	return nil
}

// unit is a word as a number in [0, 1).
func unit(w uint32) float32 { return float32(w>>8) * 0x1p-24 }

// gaussian is normal number i: Box and Muller on words 2⌊i/2⌋ and 2⌊i/2⌋+1. The angle's step is rounded to float32, as
// every device has it.
func gaussian(key []int64, i uint64) float64 {
	w0, w1 := word(key, i&^1), word(key, i|1)
	r := math.Sqrt(-2 * math.Log(float64((w0>>8)+1)*0x1p-24))
	t := float64(w1>>8) * float64(float32(2*math.Pi*0x1p-24))
	if i&1 == 0 {
		return r * math.Cos(t)
	}
	return r * math.Sin(t)
}

func dropout(p *op.Dropout, in, out []Array) error {
	x, key, per := &in[0], in[1].I, in[0].Elems()
	if in[1].Rank == 2 {
		per /= max(1, x.Dims[0])
	}
	for i, v := range x.F {
		k := key
		if in[1].Rank == 2 {
			k = key[3*(i/per):]
		}
		if unit(word(k, uint64(i%per))) >= p.P {
			out[0].F[i] = v * float64(1/(1-p.P))
		}
	}
	return nil
}

func categorical(_ *op.Categorical, in, out []Array) error {
	n := in[0].Last()
	for r := range out[0].I {
		x, p := in[0].F[r*n:(r+1)*n], in[1].F[4*r:4*r+4]
		u := unit(word(in[2].I, uint64(r)))
		if in[2].Rank == 2 {
			u = unit(word(in[2].I[3*r:], 0))
		}
		i := choose(x, p, float64(u))
		out[0].I[r], out[1].F[r] = int64(i), math.NaN()
		if i >= 0 {
			out[1].F[r] = x[i] - logSum(x)
		}
	}
	return nil
}

// choose is the index that u draws from logits x under temperature, top-k, top-p and min-p.
func choose(x, params []float64, u float64) int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[b], x[a]) })
	top := x[order[0]]
	if top-top != 0 || slices.ContainsFunc(x, math.IsNaN) {
		return -1
	}
	if params[0] <= 0 {
		return order[0]
	}
	weight := func(i int) float64 { return math.Exp((x[i] - top) / params[0]) }
	mass := func(is []int) (m float64) {
		for _, i := range is {
			m += weight(i)
		}
		return m
	}
	if k := int(params[1]); k > 0 && k < len(order) {
		order = order[:k]
	}
	if params[2] < 1 {
		whole, sofar := mass(order), 0.0
		for i, j := range order {
			if sofar += weight(j); sofar >= params[2]*whole {
				order = order[:i+1]
				break
			}
		}
	}
	for len(order) > 1 && weight(order[len(order)-1]) < params[3] {
		order = order[:len(order)-1]
	}
	slices.Sort(order)
	target, sofar := u*mass(order), 0.0
	for _, i := range order {
		if sofar += weight(i); sofar > target {
			return i
		}
	}
	return order[len(order)-1]
}
