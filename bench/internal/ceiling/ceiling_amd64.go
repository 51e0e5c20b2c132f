//go:build !purego

package ceiling

import "golang.org/x/sys/cpu"

const (
	chains   = 12 // accumulators: more than latency times throughput of any FMA unit so far
	yWidth   = 32 // bytes of a Y register
	zWidth   = 64 // of a Z register
	blockLen = 16 // words that a round of the read loop loads
)

// f32AVX2 does n rounds of 12 independent VFMADD231PS on Y registers.
//
//go:noescape
func f32AVX2(n int)

// f64AVX2 does n rounds of 12 independent VFMADD231PD on Y registers.
//
//go:noescape
func f64AVX2(n int)

// f32AVX512 does n rounds of 12 independent VFMADD231PS on Z registers.
//
//go:noescape
func f32AVX512(n int)

// f64AVX512 does n rounds of 12 independent VFMADD231PD on Z registers.
//
//go:noescape
func f64AVX512(n int)

// loadAVX2 loads n blocks of 16 words from p on.
//
//go:noescape
func loadAVX2(p *uint64, n int)

var best = choose()

// choose takes the widest vectors there are: none of these loops is slower per flop than a narrower one.
func choose() loops {
	l := generic
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return l
	}
	l.read = readAVX2
	l.variant, l.f32, l.f64 = "avx2", f32AVX2, f64AVX2
	l.f32PerRound, l.f64PerRound = 2*chains*yWidth/4, 2*chains*yWidth/8
	if cpu.X86.HasAVX512F {
		l.variant, l.f32, l.f64 = "avx512", f32AVX512, f64AVX512
		l.f32PerRound, l.f64PerRound = 2*chains*zWidth/4, 2*chains*zWidth/8
	}
	return l
}

func readAVX2(p []uint64) {
	blocks := len(p) / blockLen
	if blocks > 0 {
		loadAVX2(&p[0], blocks)
	}
	readGeneric(p[blocks*blockLen:])
}
