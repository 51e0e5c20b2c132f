package blas

import "gonum.org/v1/gonum/blas"

// Strmm is B = alpha op(A) B, or on the right B = alpha B op(A), with A triangular and B m×n.
func (im *Implementation) Strmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	im.f32.trmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Dtrmm is Strmm in double precision.
func (im *Implementation) Dtrmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	im.f64.trmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Strsm solves op(A) X = alpha B, or on the right X op(A) = alpha B, with A triangular; X replaces the m×n matrix B.
func (im *Implementation) Strsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	im.f32.trsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Dtrsm is Strsm in double precision.
func (im *Implementation) Dtrsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	im.f64.trsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

func (e *engine[T]) trmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int) {
	t := triangular[T]{e, s, ul, tA, d, m, n, lda, ldb}
	if t.worthwhile(alpha, a, b) {
		t.multiply(t.order(), alpha, a, b)
	} else {
		e.native.trmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	}
}

func (e *engine[T]) trsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int) {
	t := triangular[T]{e, s, ul, tA, d, m, n, lda, ldb}
	if t.worthwhile(alpha, a, b) {
		t.solve(t.order(), alpha, a, b)
	} else {
		e.native.trsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	}
}

// triangular is a product or a system with a triangular matrix; m×n is B outside the dimension that is cut.
type triangular[T float] struct {
	*engine[T]
	side     blas.Side
	uplo     blas.Uplo
	trans    blas.Transpose
	diag     blas.Diag
	m, n     int
	lda, ldb int
}

func (t *triangular[T]) order() int {
	if t.side == blas.Left {
		return t.m
	}
	return t.n
}

func (t *triangular[T]) worthwhile(alpha T, a, b []T) bool {
	_, ok := transposed(t.trans)
	return ok && (t.side == blas.Left || t.side == blas.Right) && (t.diag == blas.NonUnit || t.diag == blas.Unit) &&
		t.blocked(t.uplo, alpha, t.m, t.n, t.order()) && t.order() > t.leaf() &&
		fits(a, t.order(), t.order(), t.lda) && fits(b, t.m, t.n, t.ldb)
}

// leaf is the order of a triangle that is left to gonum: half a block, for these do most of what gemm does not.
func (t *triangular[T]) leaf() int { return max(1, t.block/2) }

// cut is A's square block off the diagonal and its second diagonal block, and the second part of B.
func (t *triangular[T]) cut(h int, a, b []T) (off, a2, b2 []T) {
	off, b2 = a[h:], b[h:]
	if t.uplo == blas.Lower {
		off = a[h*t.lda:]
	}
	if t.side == blas.Left {
		b2 = b[h*t.ldb:]
	}
	return off, a[h*t.lda+h:], b2
}

// couples says whether op(A)'s square lets the first part of B take part in the second: below the diagonal on the
// left, above it on the right. Otherwise the second takes part in the first.
func (t *triangular[T]) couples() bool {
	trans, _ := transposed(t.trans)
	return (t.uplo == blas.Lower) != trans == (t.side == blas.Left)
}

// add is to = alpha op(off) from + beta to, or from op(off) on the right: a part of B with sizes p takes in one with q.
func (t *triangular[T]) add(p, q int, alpha T, off, from []T, beta T, to []T) {
	if t.side == blas.Left {
		t.gemm(t.trans, blas.NoTrans, p, t.n, q, alpha, off, t.lda, from, t.ldb, beta, to, t.ldb)
	} else {
		t.gemm(blas.NoTrans, t.trans, t.m, p, q, alpha, from, t.ldb, off, t.lda, beta, to, t.ldb)
	}
}

// multiply replaces the part of B that others do not need any more first.
func (t *triangular[T]) multiply(order int, alpha T, a, b []T) {
	if order <= t.leaf() {
		t.native.trmm(t.side, t.uplo, t.trans, t.diag, t.rows(order), t.cols(order), alpha, a, t.lda, b, t.ldb)
		return
	}
	h := t.split(order)
	off, a2, b2 := t.cut(h, a, b)
	if t.couples() {
		t.multiply(order-h, alpha, a2, b2)
		t.add(order-h, h, alpha, off, b, 1, b2)
		t.multiply(h, alpha, a, b)
		return
	}
	t.multiply(h, alpha, a, b)
	t.add(h, order-h, alpha, off, b2, 1, b)
	t.multiply(order-h, alpha, a2, b2)
}

// solve finds the part of X that depends on no other first.
func (t *triangular[T]) solve(order int, alpha T, a, b []T) {
	if order <= t.leaf() {
		t.native.trsm(t.side, t.uplo, t.trans, t.diag, t.rows(order), t.cols(order), alpha, a, t.lda, b, t.ldb)
		return
	}
	h := t.split(order)
	off, a2, b2 := t.cut(h, a, b)
	if t.couples() {
		t.solve(h, alpha, a, b)
		t.add(order-h, h, -1, off, b, alpha, b2)
		t.solve(order-h, 1, a2, b2)
		return
	}
	t.solve(order-h, alpha, a2, b2)
	t.add(h, order-h, -1, off, b2, alpha, b)
	t.solve(h, 1, a, b)
}

// split is where an order above the leaf is cut in two: at a multiple of the leaf.
func (t *triangular[T]) split(order int) int { return (order/t.leaf() + 1) / 2 * t.leaf() }

// rows and cols are B's sizes when its part along A has the given order.
func (t *triangular[T]) rows(order int) int {
	if t.side == blas.Left {
		return order
	}
	return t.m
}

func (t *triangular[T]) cols(order int) int {
	if t.side == blas.Left {
		return t.n
	}
	return order
}
