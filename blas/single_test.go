package blas

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// single runs a double-precision case in single precision: operands are rounded, the routine under test computes, and
// its answer is held to gonum's in double precision for the rounded operands. Then the suite goes on with gonum's
// answer for its own, for which it has its own opinion.
type single struct {
	gonum.Implementation
	t  *testing.T
	im *Implementation
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// agree compares a result with the reference; what neither may touch (NaN between rows) agrees too.
func (s *single) agree(routine string, got []float32, want []float64) {
	s.t.Helper()
	const tol = 1e-4 // sums of few terms; systems are conditioned up to some hundreds
	for i := range want {
		g, w := float64(got[i]), want[i]
		switch {
		case math.IsNaN(w) && math.IsNaN(g), g == w, math.IsInf(float64(float32(w)), 0):
		case math.Abs(g-w) <= tol*max(1, math.Abs(w)):
		default:
			require.Failf(s.t, routine, "element %d is %g, in double precision %g", i, g, w)
		}
	}
}

func (s *single) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	a32, b32, got := narrow(a), narrow(b), narrow(c)
	want := widen(got)
	s.im.Sgemm(tA, tB, m, n, k, float32(alpha), a32, lda, b32, ldb, float32(beta), got, ldc)
	s.Implementation.Dgemm(tA, tB, m, n, k, alpha, widen(a32), lda, widen(b32), ldb, beta, want, ldc)
	s.agree("sgemm", got, want)
	s.Implementation.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (s *single) Dgemv(tA blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	a32, x32, got := narrow(a), narrow(x), narrow(y)
	want := widen(got)
	s.im.Sgemv(tA, m, n, float32(alpha), a32, lda, x32, incX, float32(beta), got, incY)
	s.Implementation.Dgemv(tA, m, n, alpha, widen(a32), lda, widen(x32), incX, beta, want, incY)
	s.agree("sgemv", got, want)
	s.Implementation.Dgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

func (s *single) Dsyrk(ul blas.Uplo, t blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	a32, got := narrow(a), narrow(c)
	want := widen(got)
	s.im.Ssyrk(ul, t, n, k, float32(alpha), a32, lda, float32(beta), got, ldc)
	s.Implementation.Dsyrk(ul, t, n, k, alpha, widen(a32), lda, beta, want, ldc)
	s.agree("ssyrk", got, want)
	s.Implementation.Dsyrk(ul, t, n, k, alpha, a, lda, beta, c, ldc)
}

func (s *single) Dsyr2k(ul blas.Uplo, t blas.Transpose, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	a32, b32, got := narrow(a), narrow(b), narrow(c)
	want := widen(got)
	s.im.Ssyr2k(ul, t, n, k, float32(alpha), a32, lda, b32, ldb, float32(beta), got, ldc)
	s.Implementation.Dsyr2k(ul, t, n, k, alpha, widen(a32), lda, widen(b32), ldb, beta, want, ldc)
	s.agree("ssyr2k", got, want)
	s.Implementation.Dsyr2k(ul, t, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (s *single) Dsymm(side blas.Side, ul blas.Uplo, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	a32, b32, got := narrow(a), narrow(b), narrow(c)
	want := widen(got)
	s.im.Ssymm(side, ul, m, n, float32(alpha), a32, lda, b32, ldb, float32(beta), got, ldc)
	s.Implementation.Dsymm(side, ul, m, n, alpha, widen(a32), lda, widen(b32), ldb, beta, want, ldc)
	s.agree("ssymm", got, want)
	s.Implementation.Dsymm(side, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (s *single) Dtrmm(side blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	a32, got := narrow(a), narrow(b)
	want := widen(got)
	s.im.Strmm(side, ul, tA, d, m, n, float32(alpha), a32, lda, got, ldb)
	s.Implementation.Dtrmm(side, ul, tA, d, m, n, alpha, widen(a32), lda, want, ldb)
	s.agree("strmm", got, want)
	s.Implementation.Dtrmm(side, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

func (s *single) Dtrsm(side blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	a32, got := narrow(a), narrow(b)
	want := widen(got)
	s.im.Strsm(side, ul, tA, d, m, n, float32(alpha), a32, lda, got, ldb)
	s.Implementation.Dtrsm(side, ul, tA, d, m, n, alpha, widen(a32), lda, want, ldb)
	s.agree("strsm", got, want)
	s.Implementation.Dtrsm(side, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}
