package blas

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas/testblas"

	"github.com/tandem-compute/tandem"
	"github.com/tandem-compute/tandem/cpu"
)

// open is the implementation under test on a CPU device.
func open(t testing.TB, opts ...tandem.Option) *Implementation {
	dev, err := tandem.Open(append([]tandem.Option{tandem.OnDevice("cpu")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.Zero(t, dev.Stats().Tensors, "tensors left open")
		require.Zero(t, dev.Stats().Live, "memory left in use")
		require.NoError(t, dev.Close())
	})
	im, err := New(dev)
	require.NoError(t, err)
	return im
}

// reached fails a test whose cases never came to the device.
func (im *Implementation) reached(t *testing.T) {
	require.NotZero(t, im.f64.dev.Stats().Ops, "the device computed nothing")
}

// eager makes the engine take all that it can, in the smallest blocks, so that the small cases of the suite reach it.
func (e *engine[T]) eager(block int) {
	e.minGemm, e.minVector, e.block = 0, 0, block
}

// variants are the implementations that the suite runs on.
func variants(t *testing.T, f func(t *testing.T, im *Implementation)) {
	t.Run("as shipped", func(t *testing.T) { f(t, open(t)) })
	for _, level := range cpu.Variants() {
		for _, block := range []int{1, 2, 5} {
			t.Run(fmt.Sprintf("%s, blocks of %d", level, block), func(t *testing.T) {
				im := open(t, tandem.Variant(level), tandem.Threads(2))
				im.f32.eager(block)
				im.f64.eager(block)
				f(t, im)
				im.reached(t)
			})
		}
	}
	t.Run("copied", func(t *testing.T) {
		im := open(t)
		im.f32.eager(2)
		im.f64.eager(2)
		im.f32.host, im.f64.host = false, false
		f(t, im)
		im.reached(t)
	})
}

// TestCompliance is gonum's own suite for double precision.
func TestCompliance(t *testing.T) {
	variants(t, func(t *testing.T, im *Implementation) {
		ours(t, im)
		rest(t, im)
	})
}

// TestComplianceSingle runs the same cases in single precision, held to the double-precision answers.
func TestComplianceSingle(t *testing.T) {
	variants(t, func(t *testing.T, im *Implementation) { ours(t, &single{t: t, im: im}) })
}

// replaced are the routines that this package computes.
type replaced interface {
	testblas.Dgemver
	testblas.Dgemmer
	testblas.Dsymmer
	testblas.Dsyker
	testblas.Dsyr2ker
	testblas.Dtrmmer
	testblas.Dtrsmer
}

func ours(t *testing.T, im replaced) {
	t.Run("gemv", func(t *testing.T) { testblas.DgemvTest(t, im) })
	t.Run("gemm", func(t *testing.T) { testblas.TestDgemm(t, im) })
	t.Run("symm", func(t *testing.T) { testblas.DsymmTest(t, im) })
	t.Run("syrk", func(t *testing.T) { testblas.DsyrkTest(t, im) })
	t.Run("syr2k", func(t *testing.T) { testblas.Dsyr2kTest(t, im) })
	t.Run("trmm", func(t *testing.T) { testblas.DtrmmTest(t, im) })
	t.Run("trsm", func(t *testing.T) { testblas.DtrsmTest(t, im) })
}

// rest is what gonum computes, through the same value: nothing may get lost on the way.
func rest(t *testing.T, im *Implementation) {
	t.Run("dot", func(t *testing.T) { testblas.DdotTest(t, im) })
	t.Run("nrm2", func(t *testing.T) { testblas.Dnrm2Test(t, im) })
	t.Run("asum", func(t *testing.T) { testblas.DasumTest(t, im) })
	t.Run("iamax", func(t *testing.T) { testblas.IdamaxTest(t, im) })
	t.Run("swap", func(t *testing.T) { testblas.DswapTest(t, im) })
	t.Run("copy", func(t *testing.T) { testblas.DcopyTest(t, im) })
	t.Run("axpy", func(t *testing.T) { testblas.DaxpyTest(t, im) })
	t.Run("rot", func(t *testing.T) { testblas.DrotTest(t, im) })
	t.Run("scal", func(t *testing.T) { testblas.DscalTest(t, im) })
	t.Run("ger", func(t *testing.T) { testblas.DgerTest(t, im) })
	t.Run("symv", func(t *testing.T) { testblas.DsymvTest(t, im) })
	t.Run("syr", func(t *testing.T) { testblas.DsyrTest(t, im) })
	t.Run("syr2", func(t *testing.T) { testblas.Dsyr2Test(t, im) })
	t.Run("trmv", func(t *testing.T) { testblas.DtrmvTest(t, im) })
	t.Run("trsv", func(t *testing.T) { testblas.DtrsvTest(t, im) })
}
