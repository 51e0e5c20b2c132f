package ptx

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func normals(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// rateCase is a kernel of rate.cu with its launch and the plain Go that says what must come out.
type rateCase struct {
	name  string
	build func(t testing.TB, m *Memory, size int) (l *Launch, check func(t testing.TB))
}

func gemmCase(name string, tile, size int, run func(t testing.TB, m *Memory, rng *rand.Rand, n, k int) (args []any, check func(t testing.TB))) rateCase {
	return rateCase{name, func(t testing.TB, m *Memory, scale int) (*Launch, func(t testing.TB)) {
		n, k := tile*scale, size*scale
		values, check := run(t, m, rand.New(rand.NewPCG(3, 3)), n, k)
		kernel := load(t, "rate.ptx", name)
		threads := map[string]int{"gemm32": 256, "gemm16": 128}[name]
		return &Launch{Grid: [3]int{n / tile, n / tile}, Block: [3]int{threads}, Memory: m, Params: params(t, kernel, values...)}, check
	}}
}

var rateCases = []rateCase{
	gemmCase("gemm32", 128, 16, func(t testing.TB, m *Memory, rng *rand.Rand, n, k int) ([]any, func(testing.TB)) {
		a, b := normals(rng, n*k), normals(rng, k*n)
		c := alloc(t, m, 4*n*n)
		return []any{upload(t, m, a), upload(t, m, b), c, int32(n), int32(n), int32(k)}, func(t testing.TB) {
			for i, got := range download[float32](t, m, c, n*n) {
				var s float32
				for kk := range k {
					s = fmaF32(a[i/n*k+kk], b[kk*n+i%n], s, roundNearest)
				}
				require.Equal(t, s, got)
			}
		}
	}),
	{"sum", func(t testing.TB, m *Memory, scale int) (*Launch, func(testing.TB)) {
		n := 5000 * scale
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i%17 - 8)
		}
		out := alloc(t, m, 4*4)
		k := load(t, "rate.ptx", "sum")
		return &Launch{Grid: [3]int{4}, Block: [3]int{256}, Memory: m, Params: params(t, k, upload(t, m, x), out, int32(n))}, func(t testing.TB) {
			var want, got float32
			for _, v := range x {
				want += v
			}
			for _, v := range download[float32](t, m, out, 4) {
				got += v
			}
			require.Equal(t, want, got)
		}
	}},
	{"expo", func(t testing.TB, m *Memory, scale int) (*Launch, func(testing.TB)) {
		n := 1000 * scale
		x := normals(rand.New(rand.NewPCG(4, 4)), n)
		y := alloc(t, m, 4*n)
		k := load(t, "rate.ptx", "expo")
		return &Launch{Grid: [3]int{(n + 255) / 256}, Block: [3]int{256}, Memory: m, Params: params(t, k, upload(t, m, x), y, int32(n))}, func(t testing.TB) {
			for i, v := range download[float32](t, m, y, n) {
				require.InEpsilon(t, math.Exp(float64(x[i])), v, 1e-6)
			}
		}
	}},
	{"diverge", func(t testing.TB, m *Memory, scale int) (*Launch, func(testing.TB)) {
		n := 300 * scale
		x := make([]uint32, n)
		for i := range x {
			x[i] = uint32(i)
		}
		y := alloc(t, m, 4*n)
		k := load(t, "rate.ptx", "diverge")
		return &Launch{Grid: [3]int{(n + 255) / 256}, Block: [3]int{256}, Memory: m, Params: params(t, k, upload(t, m, x), y, int32(n))}, func(t testing.TB) {
			for i, got := range download[uint32](t, m, y, n) {
				v, steps := x[i], uint32(0)
				for ; v > 1 && steps < 50; steps++ {
					if v&1 != 0 {
						v = 3*v + 1
					} else {
						v /= 2
					}
				}
				require.Equal(t, steps, got)
			}
		}
	}},
	gemmCase("gemm16", 64, 96, func(t testing.TB, m *Memory, rng *rand.Rand, n, k int) ([]any, func(testing.TB)) {
		half := func(n int) []uint16 {
			h := make([]uint16, n)
			for i := range h {
				h[i] = uint16(formatBF16.round(rng.NormFloat64(), roundNearest))
			}
			return h
		}
		a, b := half(n*k), half(k*n)
		c := alloc(t, m, 4*n*n)
		return []any{upload(t, m, a), upload(t, m, b), c, int32(n), int32(n), int32(k)}, func(t testing.TB) {
			for i, got := range download[float32](t, m, c, n*n) {
				var sum, scale float64
				for kk := range k {
					p := formatBF16.value(uint32(a[i/n*k+kk])) * formatBF16.value(uint32(b[kk*n+i%n]))
					sum += p
					scale += math.Abs(p)
				}
				require.InDelta(t, sum, got, 4*0x1p-24*float64(k/16+2)*scale)
			}
		}
	}),
}

// kernelOptions are the options that every kernel must give the right result under; the race detector gets few, since
// it makes everything slow.
func kernelOptions() []Options {
	if raceBuild {
		return []Options{{Workers: 2, Sanitize: true, Meter: &Meter{}, Coverage: &Coverage{}}}
	}
	return []Options{
		{}, {Sanitize: true, Meter: &Meter{}, Coverage: &Coverage{}}, {Sanitize: true, Precise: true},
		{Workers: 2, Sanitize: true}, {Seed: 5, Sanitize: true}, {MMA: MMATruncate8}, {MMA: MMATruncate16}, {MMA: MMAChain},
	}
}

// TestKernels runs the PTX of both compilers under all options, with both sets of rows.
func TestKernels(t *testing.T) {
	for _, c := range rateCases {
		t.Run(c.name, func(t *testing.T) {
			eachRowSet(t, func(t *testing.T) {
				for _, file := range []string{"rate.ptx", "rate_nvcc.ptx"} {
					for _, o := range kernelOptions() {
						m := NewMemory(0)
						l, verify := c.build(t, m, 1)
						l.Options = o
						require.NoError(t, load(t, file, c.name).Run(l))
						verify(t)
					}
				}
			})
		})
	}
}

// BenchmarkRate reports millions of warp instructions per second on one core: that of the fastest run, since a machine
// that does other work, too, only ever makes it slower.
func BenchmarkRate(b *testing.B) {
	for _, mode := range []struct {
		name string
		o    Options
	}{{"plain", Options{}}, {"everything", Options{Sanitize: true, Meter: &Meter{}, Coverage: &Coverage{}}}} {
		for _, c := range rateCases {
			b.Run(c.name+"/"+mode.name, func(b *testing.B) {
				m := NewMemory(0)
				l, _ := c.build(b, m, map[string]int{"gemm32": 4, "gemm16": 2, "sum": 40, "expo": 50, "diverge": 60}[c.name])
				k := load(b, "rate.ptx", c.name)
				counter := &Meter{}
				l.Options.Meter = counter
				require.NoError(b, k.Run(l))
				l.Options = mode.o
				best := time.Duration(math.MaxInt64)
				for b.Loop() {
					start := time.Now()
					require.NoError(b, k.Run(l))
					best = min(best, time.Since(start))
				}
				b.ReportMetric(float64(counter.Instructions)/1e6/best.Seconds(), "Minstr/s")
			})
		}
	}
}
