package bench

import (
	"cmp"
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem"
)

func openTandem(t testing.TB) *Tandem {
	impl := NewTandem(tandem.OnDevice("cpu"))
	t.Cleanup(impl.Close)
	return impl
}

func prepareTandem(t testing.TB, impl *Tandem, d DType, s Spec) *tandemRunner {
	c, err := NewCase(d, s)
	require.NoError(t, err)
	r, err := impl.Prepare(c, 1)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r.(*tandemRunner)
}

// TestTandemComputesTheCase compares products of every layout and dtype with plain loops over the same numbers.
func TestTandemComputesTheCase(t *testing.T) {
	impl := openTandem(t)
	for _, d := range []DType{F64, F32, F16, BF16} {
		for _, layout := range []Layout{NN, NT, TN} {
			g := GEMM{M: 5, N: 7, K: 9, Layout: layout}
			r := prepareTandem(t, impl, d, g)
			_, err := r.Run(3)
			require.NoError(t, err)
			out, a, b := values(t, r, 0), values(t, r, 1), values(t, r, 2)
			for i := range g.M {
				for j := range g.N {
					want := 0.0
					for k := range g.K {
						x, y := a[i*g.K+k], b[k*g.N+j]
						if layout == TN {
							x = a[k*g.M+i]
						}
						if layout == NT {
							y = b[j*g.K+k]
						}
						want += x * y
					}
					require.InDelta(t, want, out[i*g.N+j], 0.03, "%s: [%d,%d]", r.c.Name, i, j)
				}
			}
		}
	}
}

// values reads the runner's i-th tensor.
func values(t *testing.T, r *tandemRunner, i int) (x []float64) {
	require.NoError(t, r.dev.Run(context.Background(), func(s *tandem.Scope) error {
		y := s.Cast(r.tensors[i], tandem.F64)
		x = make([]float64, y.Elems())
		return tandem.Read(s, y, x)
	}))
	return x
}

func TestTandemRowwise(t *testing.T) {
	impl := openTandem(t)
	r := prepareTandem(t, impl, F32, Rowwise{Op: Softmax, Rows: 3, Cols: 50})
	_, err := r.Run(1)
	require.NoError(t, err)
	out := values(t, r, 1)
	for row := range 3 {
		sum := 0.0
		for _, v := range out[row*50 : row*50+50] {
			sum += v
		}
		require.InDelta(t, 1, sum, 1e-5)
	}
	r = prepareTandem(t, impl, F32, Rowwise{Op: GELU, Rows: 3, Cols: 50})
	_, err = r.Run(1)
	require.NoError(t, err)
	x, y := values(t, r, 0), values(t, r, 1)
	for i := range x {
		require.InDelta(t, x[i]*0.5*math.Erfc(-x[i]/math.Sqrt2), y[i], 1e-6)
	}
}

// TestTandemAttends compares attention with plain loops over the same numbers.
func TestTandemAttends(t *testing.T) {
	const seq, dim = 7, 5
	for _, causal := range []bool{false, true} {
		r := prepareTandem(t, openTandem(t), F32, Attention{Batch: 1, Heads: 2, Seq: seq, Dim: dim, Causal: causal})
		_, err := r.Run(1)
		require.NoError(t, err)
		q, k, v, out := values(t, r, 0), values(t, r, 1), values(t, r, 2), values(t, r, 3)
		for row := range 2 * seq { // of both heads
			first, seen := row/seq*seq, seq
			if causal {
				seen = row%seq + 1
			}
			want, sum := [dim]float64{}, 0.0
			for j := first; j < first+seen; j++ {
				dot := 0.0
				for d := range dim {
					dot += q[row*dim+d] * k[j*dim+d]
				}
				e := math.Exp(dot / math.Sqrt(dim))
				sum += e
				for d := range dim {
					want[d] += e * v[j*dim+d]
				}
			}
			for d := range dim {
				require.InDelta(t, want[d]/sum, out[row*dim+d], 1e-5, "%s: row %d", r.c.Name, row)
			}
		}
	}
}

func TestTandemSelects(t *testing.T) {
	impl := openTandem(t)
	for _, c := range []struct {
		spec Spec
		n    int
		want func(a, b float64) int
	}{{TopK{N: 1000, K: 7}, 7, func(a, b float64) int { return cmp.Compare(b, a) }}, {Sort{N: 1000}, 1000, cmp.Compare[float64]}} {
		r := prepareTandem(t, impl, F32, c.spec)
		_, err := r.Run(1)
		require.NoError(t, err)
		x := values(t, r, 0)
		slices.SortFunc(x, c.want)
		require.Equal(t, x[:c.n], values(t, r, 1), r.c.Name)
	}
}

// TestTandemSteadyState wants no allocation per iteration, nor per sample.
func TestTandemSteadyState(t *testing.T) {
	impl := openTandem(t)
	for _, r := range []*tandemRunner{
		prepareTandem(t, impl, F32, GEMM{M: 8, N: 8, K: 8}),
		prepareTandem(t, impl, BF16, GEMM{M: 8, N: 8, K: 8, Layout: NT}),
		prepareTandem(t, impl, F32, Rowwise{Op: Softmax, Rows: 4, Cols: 8}),
		prepareTandem(t, impl, F32, Rowwise{Op: LayerNorm, Rows: 4, Cols: 8}),
		prepareTandem(t, impl, F32, Rowwise{Op: RMSNorm, Rows: 4, Cols: 8}),
		prepareTandem(t, impl, F32, Rowwise{Op: GELU, Rows: 4, Cols: 8}),
		prepareTandem(t, impl, F32, Attention{Batch: 1, Heads: 2, Seq: 8, Dim: 4, Causal: true}),
		prepareTandem(t, impl, F32, TopK{N: 100, K: 5}),
		prepareTandem(t, impl, F32, Sort{N: 100}),
	} {
		t.Run(r.c.Family, func(t *testing.T) {
			require.Zero(t, testing.AllocsPerRun(10, func() {
				if _, err := r.Run(burst + 3); err != nil {
					t.Fatal(err)
				}
			}), r.c.Name)
		})
	}
}

func TestTandemLeavesNothingOpen(t *testing.T) {
	impl := openTandem(t)
	c := mustCase(F32, GEMM{M: 8, N: 8, K: 8})
	r, err := impl.Prepare(c, 1)
	require.NoError(t, err)
	dev := impl.devices[1]
	require.Equal(t, 3, dev.Stats().Tensors)
	r.Close()
	require.Zero(t, dev.Stats().Tensors)
	require.Zero(t, dev.Stats().Reserved)
}

// TestTandemHasTheSuite wants every family, dtype and option of the suite, with small dimensions.
func TestTandemHasTheSuite(t *testing.T) {
	small := func(s Spec) Spec {
		switch s := s.(type) {
		case GEMM:
			return GEMM{M: 2, N: 3, K: 4, Layout: s.Layout}
		case Attention:
			return Attention{Batch: 1, Heads: 2, Seq: 3, Dim: 4, Causal: s.Causal}
		case Rowwise:
			return Rowwise{Op: s.Op, Rows: 2, Cols: 3}
		case TopK:
			return TopK{N: 4, K: 2}
		}
		return Sort{N: 4}
	}
	impl := openTandem(t)
	for _, c := range Suite() {
		prepareTandem(t, impl, c.DType, small(c.Spec))
	}
}

func TestTandemRefusesWhatItLacks(t *testing.T) {
	_, err := openTandem(t).Prepare(Case{Name: "riddle/f32/1", Family: "riddle", DType: F32}, 1)
	require.ErrorIs(t, err, ErrUnsupported)
}

// BenchmarkTandemCall is what one call costs beyond its work, which is a product of two numbers: as one of many in a
// Program, as a Program of its own, as one of many in a Scope, and as a Run of its own.
func BenchmarkTandemCall(b *testing.B) {
	r := prepareTandem(b, openTandem(b), F32, GEMM{M: 1, N: 1, K: 1})
	out, x, y := r.tensors[0], r.tensors[1], r.tensors[2]
	ctx := context.Background()
	many := func(n int) func(*tandem.Scope) error {
		return func(s *tandem.Scope) error {
			for range n {
				s.Into(out).MatMul(x, y)
			}
			return s.Err()
		}
	}
	for _, c := range []struct {
		name string
		run  func(n int) error
	}{
		{"replayed", func(n int) error { _, err := r.Run(max(n, burst)); return err }},
		{"program", func(n int) error { return times(n, func() error { return r.single.Run(ctx) }) }},
		{"eager", func(n int) error { return r.dev.Run(ctx, many(n)) }},
		{"run", func(n int) error { one := many(1); return times(n, func() error { return r.dev.Run(ctx, one) }) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			require.NoError(b, c.run(b.N))
		})
	}
}

func times(n int, f func() error) error {
	for range n {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}
