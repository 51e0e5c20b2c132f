package peers

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/tandem-compute/tandem/bench"
)

// open skips the test, visibly, where the peer is not installed.
func open(t *testing.T, name string) bench.Impl {
	t.Helper()
	impl, err := Open(name)
	if err != nil {
		require.ErrorIs(t, err, ErrNotFound)
		t.Skip(err)
	}
	t.Cleanup(impl.Close)
	require.Equal(t, name, impl.Name())
	return impl
}

// shapes have odd sizes, every layout, and each operand in turn as a vector.
func shapes() []bench.GEMM {
	var gs []bench.GEMM
	for _, l := range []bench.Layout{bench.NN, bench.NT, bench.TN} {
		gs = append(gs, bench.GEMM{M: 5, N: 7, K: 33, Layout: l}, bench.GEMM{M: 64, N: 64, K: 64, Layout: l},
			bench.GEMM{M: 1, N: 9, K: 31, Layout: l}, bench.GEMM{M: 9, N: 1, K: 31, Layout: l}, bench.GEMM{M: 1, N: 1, K: 3, Layout: l})
	}
	return gs
}

func newCase(t *testing.T, d bench.DType, s bench.Spec) bench.Case {
	t.Helper()
	c, err := bench.NewCase(d, s)
	require.NoError(t, err)
	return c
}

// requireProduct poisons the output, does the work and holds it to float64 loops.
func requireProduct[T float32 | float64](t *testing.T, p *product[T], work func()) {
	t.Helper()
	for i := range p.c {
		p.c[i] = T(math.NaN())
	}
	work()
	eps := 0x1p-24
	if any(T(0)) == any(float64(0)) {
		eps = 0x1p-53
	}
	strideA, strideB := p.strides()
	for i := range p.M {
		for j := range p.N {
			sum, scale := 0.0, 0.0
			for k := range p.K {
				term := float64(p.a[i*strideA[0]+k*strideA[1]]) * float64(p.b[k*strideB[0]+j*strideB[1]])
				sum += term
				scale += math.Abs(term)
			}
			require.InDelta(t, sum, float64(p.c[i*p.N+j]), 4*eps*scale*math.Sqrt(float64(p.K)), "%+v at %d,%d", p.GEMM, i, j)
		}
	}
}

func TestGonumComputesTheProduct(t *testing.T) {
	for _, g := range shapes() {
		p := newProduct[float32](newCase(t, bench.F32, g), g)
		requireProduct(t, p, gonumWork(p, gonum.Implementation{}.Sgemm))
		q := newProduct[float64](newCase(t, bench.F64, g), g)
		requireProduct(t, q, gonumWork(q, gonum.Implementation{}.Dgemm))
	}
}

func TestNativeBLASComputesTheProduct(t *testing.T) {
	for _, name := range []string{"openblas", "blis"} {
		t.Run(name, func(t *testing.T) {
			peer := open(t, name).(*blasPeer)
			for _, g := range shapes() {
				p := newProduct[float32](newCase(t, bench.F32, g), g)
				for _, way := range blasWays(p, peer.sgemm, peer.sgemv) {
					requireProduct(t, p, way)
				}
				q := newProduct[float64](newCase(t, bench.F64, g), g)
				for _, way := range blasWays(q, peer.dgemm, peer.dgemv) {
					requireProduct(t, q, way)
				}
			}
		})
	}
}

func TestOneDNNComputesTheProduct(t *testing.T) {
	peer := open(t, "onednn")
	for _, g := range shapes() {
		r, err := peer.Prepare(newCase(t, bench.F32, g), 2)
		require.NoError(t, err)
		requireProduct(t, r.(*dnnlRunner).operands.(*product[float32]), func() {
			_, err := r.Run(1)
			require.NoError(t, err)
		})
		r.Close()
	}
}

// Every peer that is here runs a small case of each family, or says that it has no such case.
func TestPeersRun(t *testing.T) {
	cases := []bench.Case{
		newCase(t, bench.F32, bench.GEMM{M: 64, N: 64, K: 64}),
		newCase(t, bench.F64, bench.GEMM{M: 8, N: 16, K: 32, Layout: bench.NT}),
		newCase(t, bench.BF16, bench.GEMM{M: 1, N: 16, K: 32, Layout: bench.TN}),
		newCase(t, bench.F32, bench.Attention{Batch: 1, Heads: 2, Seq: 16, Dim: 8, Causal: true}),
		newCase(t, bench.F32, bench.Rowwise{Op: bench.LayerNorm, Rows: 4, Cols: 16}),
		newCase(t, bench.F32, bench.Rowwise{Op: bench.RMSNorm, Rows: 4, Cols: 16}),
		newCase(t, bench.F32, bench.Rowwise{Op: bench.GELU, Rows: 4, Cols: 16}),
		newCase(t, bench.F32, bench.Rowwise{Op: bench.Softmax, Rows: 4, Cols: 16}),
		newCase(t, bench.F32, bench.TopK{N: 128, K: 5}),
		newCase(t, bench.F32, bench.Sort{N: 128}),
	}
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			peer := open(t, name)
			ran := 0
			for _, c := range cases {
				r, err := peer.Prepare(c, 1)
				if err != nil {
					require.ErrorIs(t, err, bench.ErrUnsupported, c.Name)
					continue
				}
				d, err := r.Run(3)
				require.NoError(t, err, c.Name)
				require.Positive(t, d, c.Name)
				r.Close()
				ran++
			}
			require.Positive(t, ran)
		})
	}
}

// The suite's smoke case: a whole run of OpenBLAS against gonum, which it beats.
func TestOpenBLASAgainstGonum(t *testing.T) {
	impls := []bench.Impl{open(t, "openblas"), open(t, "gonum")}
	var got []bench.Result
	err := bench.Run(context.Background(), []bench.Case{newCase(t, bench.F32, bench.GEMM{M: 128, N: 128, K: 128})}, impls,
		bench.Options{Threads: 1, MinRounds: 3, MaxRounds: 3, Sample: 1, Reference: "openblas"}, collect(&got))
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Len(t, got[0].Rows, 2)
	require.Equal(t, "openblas", got[0].Rows[0].Impl)
	require.Nil(t, got[0].Rows[0].Ratio)
	require.Greater(t, got[0].Rows[1].Ratio.Median, 0.0)
}

type sinkFunc func(bench.Result) error

func (f sinkFunc) Write(r bench.Result) error { return f(r) }

func collect(into *[]bench.Result) bench.Sink {
	return sinkFunc(func(r bench.Result) error {
		*into = append(*into, r)
		return nil
	})
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	_, err := Open("mkl")
	require.ErrorContains(t, err, `no peer "mkl": want one of gonum, openblas`)
	require.NotErrorIs(t, err, ErrNotFound)

	for variable, name := range map[string]string{
		"TANDEM_PEER_OPENBLAS": "openblas", "TANDEM_PEER_BLIS": "blis",
		"TANDEM_PEER_ONEDNN": "onednn", pythonVariable: "pytorch",
	} {
		t.Setenv(variable, filepath.Join(t.TempDir(), "missing"))
		_, err := Open(name)
		require.ErrorIs(t, err, ErrNotFound, name)
		require.ErrorContains(t, err, variable)
	}
	impls, err := OpenAll([]string{"openblas", "gonum", "mkl"})
	require.Len(t, impls, 1)
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, "mkl")
}

// python stands a shell script in for the interpreter.
func python(t *testing.T, script string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755))
	t.Setenv(pythonVariable, path)
}

func TestPyTorchProtocol(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("no /bin/sh: ", err)
	}
	c := newCase(t, bench.F32, bench.Sort{N: 8})

	python(t, `echo '{"error":"No module named torch"}'`)
	_, err := Open("pytorch")
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, "No module named torch")

	python(t, `echo '{"version":"0"}'; read l; echo '{"unsupported":true}'; read l; echo '{"id":4}'; read l; echo "$l" >&2
echo '{"seconds":0.25}'; read l; echo '{"error":"out of memory"}'; read l; echo nonsense; read l`)
	peer, err := Open("pytorch")
	require.NoError(t, err)
	defer peer.Close()
	_, err = peer.Prepare(c, 1)
	require.ErrorIs(t, err, bench.ErrUnsupported)
	r, err := peer.Prepare(c, 1)
	require.NoError(t, err)
	d, err := r.Run(4)
	require.NoError(t, err)
	require.Equal(t, 1.0, d.Seconds())
	_, err = r.Run(4)
	require.ErrorContains(t, err, "out of memory")
	_, err = r.Run(4)
	require.ErrorContains(t, err, `answer "nonsense"`)
	_, err = r.Run(4)
	require.ErrorContains(t, err, "ended")
}

func TestToBF16RoundsToNearestEven(t *testing.T) {
	got := toBF16([]float32{1, -2, 1 + 0x1p-8, 1 + 3*0x1p-8, 1 + 0x1p-8 + 0x1p-20})
	require.Equal(t, []uint16{0x3f80, 0xc000, 0x3f80, 0x3f82, 0x3f81}, got)
}
