//go:build !purego

package vec

import "unsafe"

// The kernels fill whole groups of eight counters, from the start of one; plain Go does both ends.

const group = 32

// interiorBlocks returns the bounds of the whole groups among n elements from start on.
func interiorBlocks(n int, start uint64) (from, to int) {
	from = min(int(-start&3), n)
	return from, from + (n-from)/group*group
}

func (a Address) key() (c2, c3, k0, k1 uint32) {
	return a.Step, a.Stream, uint32(a.Seed), uint32(a.Seed >> 32)
}

func randomBlocks(dst []uint32, at Address, start uint64) {
	from, to := interiorBlocks(len(dst), start)
	c2, c3, k0, k1 := at.key()
	random(dst[:from], at, start)
	randomAVX2(dst[from:to], (start+uint64(from))/4, c2, c3, k0, k1)
	random(dst[to:], at, start+uint64(to))
}

func uniformBlocks(dst []float32, at Address, start uint64) {
	from, to := interiorBlocks(len(dst), start)
	c2, c3, k0, k1 := at.key()
	uniform(dst[:from], at, start)
	uniformAVX2(dst[from:to], (start+uint64(from))/4, c2, c3, k0, k1)
	uniform(dst[to:], at, start+uint64(to))
}

// normalBlocks leaves the words where their numbers will be.
func normalBlocks(dst []float32, at Address, start uint64) {
	from, to := interiorBlocks(len(dst), start)
	c2, c3, k0, k1 := at.key()
	normal(dst[:from], at, start)
	if from < to {
		words := unsafe.Slice((*uint32)(unsafe.Pointer(&dst[from])), to-from)
		for i := 0; i < len(words); i += chunk {
			part := words[i:min(i+chunk, len(words))]
			randomAVX2(part, (start+uint64(from+i))/4, c2, c3, k0, k1)
			boxMullerAVX2(dst[from+i:][:len(part)], part)
		}
	}
	normal(dst[to:], at, start+uint64(to))
}

func bernoulliBlocks(dst []bool, at Address, start uint64, p float32) {
	from, to := interiorBlocks(len(dst), start)
	c2, c3, k0, k1 := at.key()
	bernoulli(dst[:from], at, start, p)
	var u [chunk]float32
	for i := from; i < to; i += chunk {
		n := min(chunk, to-i)
		uniformAVX2(u[:n], (start+uint64(i))/4, c2, c3, k0, k1)
		ltS32AVX2(dst[i:i+n], u[:], p)
	}
	bernoulli(dst[to:], at, start+uint64(to), p)
}

func dropoutBlocks(dst, x []float32, at Address, start uint64, p, scale float32) {
	from, to := interiorBlocks(len(dst), start)
	c2, c3, k0, k1 := at.key()
	dropout(dst[:from], x, at, start, p, scale)
	var u [chunk]float32
	for i := from; i < to; i += chunk {
		n := min(chunk, to-i)
		uniformAVX2(u[:n], (start+uint64(i))/4, c2, c3, k0, k1)
		dropBelow32AVX2(dst[i:i+n], x[i:], u[:], p, scale)
	}
	dropout(dst[to:], x[to:], at, start+uint64(to), p, scale)
}
