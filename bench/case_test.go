package bench

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSuiteNamesParseBack(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Suite() {
		require.False(t, seen[c.Name], "%s is twice in the suite", c.Name)
		seen[c.Name] = true
		got, err := ParseCase(c.Name)
		require.NoError(t, err)
		require.Equal(t, c, got)
		require.Positive(t, c.Bytes, c.Name)
		require.Less(t, c.Written, c.Bytes, c.Name)
	}
	for _, name := range []string{
		"gemm/f32/1024x1024x1024", "gemm/f32/8x4096x4096/nt", "gemm/f32/random/199", "attention/f32/b1h12s1024d64/causal",
		"gemm/bf16/1024x1024x1024", "topk/f32/131072/k50", "sort/f32/1048576",
	} {
		require.True(t, seen[name], name)
	}
}

func TestParseCaseRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"gemm":                        "want family/dtype/shape",
		"gemm/f32":                    "want family/dtype/shape",
		"conv/f32/3x3":                `no family "conv"`,
		"gemm/f8/1x2x3":               `dtype "f8"`,
		"gemm/f32/1x2":                "want it like NxNxN",
		"gemm/f32/1x2x0":              "dimension 0",
		"gemm/f32/1x2x3/tt":           `layout "tt"`,
		"gemm/f32/1x2x3x4":            `spelled "gemm/f32/1x2x3"`,
		"gemm/f32/01x2x3":             `spelled "gemm/f32/1x2x3"`,
		"gemm/f32/random/200":         "random shape 200: there are 200",
		"gemm/f32/random/-1":          "random shape -1",
		"attention/f32/b1h2s3d4/full": `spelled "attention/f32/b1h2s3d4"`,
		"attention/f32/b1h2s3":        "want it like bNhNsNdN",
		"softmax/f32/64":              "want it like NxN",
		"topk/f32/10/k11":             "k is 11",
		"sort/f32/many":               "want it like N",
	} {
		_, err := ParseCase(name)
		require.ErrorContains(t, err, want, name)
	}
}

func TestCaseCost(t *testing.T) {
	for name, want := range map[string]struct{ flops, bytes, written float64 }{
		"gemm/f32/2x3x5":                {60, 4 * (10 + 15 + 6), 24},
		"gemm/bf16/2x3x5/nt":            {60, 2 * (10 + 15 + 6), 12},
		"gemm/f64/2x3x5/tn":             {60, 8 * (10 + 15 + 6), 48},
		"attention/f32/b2h3s4d5":        {4 * 6 * 16 * 5, 4 * 4 * 120, 4 * 120},
		"attention/f32/b2h3s4d5/causal": {4 * 6 * 10 * 5, 4 * 4 * 120, 4 * 120},
		"layernorm/f32/2x8":             {7 * 16, 4 * (16 + 16 + 16), 64},
		"softmax/f32/2x8":               {5 * 16, 4 * 32, 64},
		"topk/f32/100/k3":               {0, 400 + 36, 36},
		"sort/f32/100":                  {0, 400 + 1200, 1200},
	} {
		c, err := ParseCase(name)
		require.NoError(t, err)
		require.Equal(t, want.flops, c.Flops, name)
		require.Equal(t, want.bytes, c.Bytes, name)
		require.Equal(t, want.written, c.Written, name)
	}
}

// A random case's name fixes its shape for good: figures of two versions must be of the same work.
func TestRandomShapes(t *testing.T) {
	require.Equal(t, GEMM{M: 106, N: 6, K: 1013}, randomGEMM(0))
	require.Equal(t, GEMM{M: 25, N: 298, K: 1953}, randomGEMM(3))
	logs, least, most := 0.0, randomMaxDim, 0
	for i := range RandomShapes {
		g := randomGEMM(i)
		for _, d := range []int{g.M, g.N, g.K} {
			least, most = min(least, d), max(most, d)
			logs += math.Log(float64(d))
		}
	}
	require.Equal(t, 1, least)
	require.LessOrEqual(t, most, randomMaxDim)
	require.Greater(t, most, randomMaxDim/2)
	require.InDelta(t, math.Log(randomMaxDim)/2, logs/(3*RandomShapes), 0.4, "log-uniform")
}

func TestFilter(t *testing.T) {
	kept, err := Filter(Suite(), `^gemm/f64/`)
	require.NoError(t, err)
	require.Len(t, kept, 2)
	all, err := Filter(Suite(), "")
	require.NoError(t, err)
	require.Len(t, all, len(Suite()))
	_, err = Filter(Suite(), "(")
	require.ErrorContains(t, err, "filter")
}

func TestUniformIsFixedByName(t *testing.T) {
	x := Uniform[float32]("case", 0, 1000)
	require.Equal(t, x, Uniform[float32]("case", 0, 1000))
	require.NotEqual(t, x, Uniform[float32]("case", 1, 1000))
	require.NotEqual(t, x, Uniform[float32]("other", 0, 1000))
	for _, v := range x {
		require.True(t, -1 <= v && v < 1, v)
	}
}

func TestCeilingsOfACase(t *testing.T) {
	c := Ceilings{Variant: "avx2", Levels: []Ceiling{{Threads: 2, F32: 200, F64: 100, Read: 20, Copy: 30}}}
	require.Equal(t, 200.0, c.Peak(F32, 2))
	require.Equal(t, 200.0, c.Peak(BF16, 2))
	require.Equal(t, 100.0, c.Peak(F64, 2))
	require.Zero(t, c.Peak(F32, 1), "not measured")
	require.Equal(t, 30.0, c.Bandwidth(mustCase(F32, Rowwise{Softmax, 8, 8}), 2))
	require.Equal(t, 20.0, c.Bandwidth(mustCase(F32, GEMM{M: 1, N: 512, K: 512}), 2))
	require.Zero(t, c.Bandwidth(mustCase(F32, Sort{8}), 1))
	c.Variant = "generic"
	require.Zero(t, c.Peak(F32, 2), "a scalar loop is no ceiling")
}
