package vec

import "math/bits"

// Address names a sequence of random words: the words of one seed, stream and step.
type Address struct {
	Seed   uint64
	Stream uint32 // a request, a row, a layer
	Step   uint32
}

// Philox is the Philox 4x32-10 generator: four random words of a counter and a key.
func Philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		hi0, lo0 := bits.Mul32(0xd2511f53, c[0])
		hi1, lo1 := bits.Mul32(0xcd9e8d57, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0}
		k[0] += 0x9e3779b9
		k[1] += 0xbb67ae85
	}
	return c
}

// block returns words 4i … 4i+3 of a sequence.
func (a Address) block(i uint64) [4]uint32 {
	return Philox(
		[4]uint32{uint32(i), uint32(i >> 32), a.Step, a.Stream},
		[2]uint32{uint32(a.Seed), uint32(a.Seed >> 32)},
	)
}

// Word returns word i of a sequence: lane i%4 of counter i/4.
func (a Address) Word(i uint64) uint32 {
	w := a.block(i / 4)
	return w[i%4]
}

// Unit maps a random word to [0, 1): its upper 24 bits times 2^-24.
func Unit(w uint32) float32 { return float32(w>>8) * 0x1p-24 }

func random(dst []uint32, at Address, start uint64) {
	fromBlocks(dst, at, start, func(dst []uint32, w [4]uint32, first int) { copy(dst, w[first:]) })
}

func uniform(dst []float32, at Address, start uint64) {
	fromBlocks(dst, at, start, func(dst []float32, w [4]uint32, first int) {
		for i := range dst {
			dst[i] = Unit(w[first+i])
		}
	})
}

// boxMuller makes two standard normal numbers of two words.
func boxMuller(w0, w1 uint32) (z0, z1 float32) {
	r := sqrt(-2 * Log(float32(w0>>8+1)*0x1p-24))
	t := float32(w1>>8) * 3.74507039e-7 // 2π 2^-24
	return r * Cos(t), r * Sin(t)
}

// fromBlocks visits the counters of elements start, start+1, … and hands f the part of dst that each covers, with the first word's place in it.
func fromBlocks[T any](dst []T, at Address, start uint64, f func(dst []T, words [4]uint32, first int)) {
	for len(dst) > 0 {
		first := int(start % 4)
		n := min(4-first, len(dst))
		f(dst[:n], at.block(start/4), first)
		dst, start = dst[n:], start+uint64(n)
	}
}

func normal(dst []float32, at Address, start uint64) {
	fromBlocks(dst, at, start, func(dst []float32, w [4]uint32, first int) {
		var z [4]float32
		z[0], z[1] = boxMuller(w[0], w[1])
		z[2], z[3] = boxMuller(w[2], w[3])
		copy(dst, z[first:])
	})
}

func bernoulli(dst []bool, at Address, start uint64, p float32) {
	fromBlocks(dst, at, start, func(dst []bool, w [4]uint32, first int) {
		for i := range dst {
			dst[i] = Unit(w[first+i]) < p
		}
	})
}

func dropout(dst, x []float32, at Address, start uint64, p, scale float32) {
	for i := range dst {
		dst[i] = x[i] * scale
	}
	fromBlocks(dst, at, start, func(dst []float32, w [4]uint32, first int) {
		for i := range dst {
			if Unit(w[first+i]) < p {
				dst[i] = 0
			}
		}
	})
}
