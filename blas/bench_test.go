package blas

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/mat"

	"github.com/tandem-compute/tandem"
)

func random[T float](seed uint64, n int) []T {
	r, x := rand.New(rand.NewPCG(seed, 1)), make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

// versus runs f once with gonum's routines and once with ours.
func versus(b *testing.B, name string, flops int, f func(im blas.Float64, im32 blas.Float32)) {
	ours := open(b)
	for _, side := range []struct {
		name string
		f64  blas.Float64
		f32  blas.Float32
	}{{"gonum", gonum.Implementation{}, gonum.Implementation{}}, {"tandem", ours, ours}} {
		b.Run(name+"/"+side.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f(side.f64, side.f32)
			}
			if flops > 0 {
				b.ReportMetric(float64(flops)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			}
		})
	}
}

func BenchmarkDgemm(b *testing.B) {
	for _, n := range []int{8, 16, 32, 64, 256, 1024} {
		x, y, c := random[float64](1, n*n), random[float64](2, n*n), make([]float64, n*n)
		versus(b, fmt.Sprint(n), 2*n*n*n, func(im blas.Float64, _ blas.Float32) {
			im.Dgemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, x, n, y, n, 0, c, n)
		})
	}
}

func BenchmarkSgemm(b *testing.B) {
	for _, n := range []int{8, 16, 32, 64, 256, 1024} {
		x, y, c := random[float32](1, n*n), random[float32](2, n*n), make([]float32, n*n)
		versus(b, fmt.Sprint(n), 2*n*n*n, func(_ blas.Float64, im blas.Float32) {
			im.Sgemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, x, n, y, n, 0, c, n)
		})
	}
}

func BenchmarkDgemv(b *testing.B) {
	for _, trans := range []blas.Transpose{blas.NoTrans, blas.Trans} {
		for _, n := range []int{64, 128, 256, 512, 1024, 4096} {
			a, x, y := random[float64](1, n*n), random[float64](2, n), make([]float64, n)
			versus(b, fmt.Sprintf("%c/%d", trans, n), 2*n*n, func(im blas.Float64, _ blas.Float32) {
				im.Dgemv(trans, n, n, 1, a, n, x, 1, 0, y, 1)
			})
		}
	}
}

func BenchmarkSgemv(b *testing.B) {
	for _, trans := range []blas.Transpose{blas.NoTrans, blas.Trans} {
		for _, n := range []int{128, 512, 4096} {
			a, x, y := random[float32](1, n*n), random[float32](2, n), make([]float32, n)
			versus(b, fmt.Sprintf("%c/%d", trans, n), 2*n*n, func(_ blas.Float64, im blas.Float32) {
				im.Sgemv(trans, n, n, 1, a, n, x, 1, 0, y, 1)
			})
		}
	}
}

func BenchmarkLevel3(b *testing.B) {
	for _, n := range []int{64, 128, 512} {
		a, x, c := random[float64](1, n*n), random[float64](2, n*n), make([]float64, n*n)
		for i := range n {
			a[i*n+i] += float64(2 * n) // a system that can be solved
		}
		versus(b, fmt.Sprint("syrk/", n), n*n*n, func(im blas.Float64, _ blas.Float32) {
			im.Dsyrk(blas.Upper, blas.Trans, n, n, 1, x, n, 0, c, n)
		})
		versus(b, fmt.Sprint("symm/", n), 2*n*n*n, func(im blas.Float64, _ blas.Float32) {
			im.Dsymm(blas.Left, blas.Upper, n, n, 1, a, n, x, n, 0, c, n)
		})
		versus(b, fmt.Sprint("trmm/", n), n*n*n, func(im blas.Float64, _ blas.Float32) {
			copy(c, x)
			im.Dtrmm(blas.Left, blas.Upper, blas.NoTrans, blas.Unit, n, n, 1, a, n, c, n)
		})
		versus(b, fmt.Sprint("trsm/", n), n*n*n, func(im blas.Float64, _ blas.Float32) {
			copy(c, x)
			im.Dtrsm(blas.Left, blas.Lower, blas.NoTrans, blas.NonUnit, n, n, 1, a, n, c, n)
		})
	}
}

// Matrices of gonum, moved by blas64.Use alone.
func BenchmarkMat(b *testing.B) {
	const n = 512
	x, y := mat.NewDense(n, n, random[float64](1, n*n)), mat.NewDense(n, n, random[float64](2, n*n))
	defer blas64.Use(gonum.Implementation{})
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"mul", func() { var z mat.Dense; z.Mul(x, y) }},
		{"qr", func() { var qr mat.QR; qr.Factorize(x) }},
		{"lu", func() { var lu mat.LU; lu.Factorize(x) }},
		{"outer", func() { var s mat.SymDense; s.SymOuterK(1, x) }},
		{"cholesky", func() { var s mat.SymDense; s.SymOuterK(1, x); var c mat.Cholesky; c.Factorize(&s) }},
	} {
		versus(b, c.name, 0, func(im blas.Float64, _ blas.Float32) {
			blas64.Use(im)
			c.f()
		})
	}
}

// What a call costs beside the engine: the same product of tensors in a scope of its own.
func BenchmarkOverhead(b *testing.B) {
	const n = 64
	im := open(b)
	x, y, c := random[float64](1, n*n), random[float64](2, n*n), make([]float64, n*n)
	b.Run("blas", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			im.Dgemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, x, n, y, n, 0, c, n)
		}
	})
	b.Run("engine", func(b *testing.B) {
		dev := im.f64.dev
		var t [3]tandem.Tensor
		for i, data := range [][]float64{x, y, c} {
			var err error
			t[i], err = tandem.FromSlice(dev, data, n, n)
			require.NoError(b, err)
			defer func() { require.NoError(b, t[i].Close()) }()
		}
		step := func(s *tandem.Scope) error { s.Into(t[2]).MatMul(t[0], t[1]); return nil }
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, dev.Run(b.Context(), step))
		}
	})
}
