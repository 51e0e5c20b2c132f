package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Suite lists the cases that `tandem bench` runs, by family.
func Suite() []Case {
	var cases []Case
	add := func(d DType, specs ...Spec) {
		for _, s := range specs {
			cases = append(cases, mustCase(d, s))
		}
	}
	for _, n := range []int{64, 128, 256, 512, 1024, 2048} {
		add(F32, GEMM{M: n, N: n, K: n})
	}
	for _, m := range []int{8, 1} { // a few rows against a weight: decoding
		add(F32, GEMM{M: m, N: 4096, K: 4096}, GEMM{M: m, N: 4096, K: 4096, Layout: NT})
	}
	for _, n := range []int{512, 1024} {
		add(F32, GEMM{M: n, N: n, K: n, Layout: NT}, GEMM{M: n, N: n, K: n, Layout: TN})
	}
	for i := range RandomShapes {
		c := mustCase(F32, randomGEMM(i))
		c.Name = fmt.Sprintf("gemm/f32/%s%d", randomPrefix, i)
		cases = append(cases, c)
	}
	add(F64, GEMM{M: 256, N: 256, K: 256}, GEMM{M: 1024, N: 1024, K: 1024})
	add(BF16, GEMM{M: 1024, N: 1024, K: 1024})
	add(F16, GEMM{M: 1024, N: 1024, K: 1024})
	add(F32,
		Attention{Batch: 1, Heads: 12, Seq: 1024, Dim: 64},
		Attention{Batch: 1, Heads: 12, Seq: 1024, Dim: 64, Causal: true},
		Rowwise{Op: LayerNorm, Rows: 4096, Cols: 4096},
		Rowwise{Op: RMSNorm, Rows: 4096, Cols: 4096},
		Rowwise{Op: GELU, Rows: 4096, Cols: 4096},
		Rowwise{Op: Softmax, Rows: 4096, Cols: 4096},
		TopK{N: 131072, K: 50},
		Sort{N: 1 << 20},
	)
	return cases
}

// mustCase serves the specs written above, whose validity a test holds.
func mustCase(d DType, s Spec) Case {
	c, err := NewCase(d, s)
	if err != nil {
		panic(err)
	}
	return c
}

// RandomShapes is how many seeded random products the suite holds.
const RandomShapes = 200

// Random shapes have each dimension log-uniform in [1, randomMaxDim]. They keep a library honest between the round
// sizes that everybody tunes for.
const (
	randomMaxDim = 2048
	randomSeed   = 20240229
)

// randomGEMM is the index-th random shape; it does not depend on the others.
func randomGEMM(index int) GEMM {
	r := rand.New(rand.NewPCG(randomSeed, uint64(index)))
	dim := func() int { return int(math.Exp(r.Float64() * math.Log(randomMaxDim+1))) }
	return GEMM{M: dim(), N: dim(), K: dim()}
}
