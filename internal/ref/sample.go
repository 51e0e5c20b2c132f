package ref

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/op"
)

var samples = table{on(random)}

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
		u := float32(w>>8) * 0x1p-24
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
		default:
			return fmt.Errorf("the oracle does not know %v numbers", p.Dist)
		}
	}
	return nil
}
