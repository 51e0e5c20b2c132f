package blas

import "gonum.org/v1/gonum/blas"

// Ssyrk is C = alpha A Aᵀ + beta C, or with t C = alpha Aᵀ A + beta C, on one triangle of the n×n matrix C.
func (im *Implementation) Ssyrk(ul blas.Uplo, t blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) {
	im.f32.syrk(ul, t, n, k, alpha, a, lda, beta, c, ldc)
}

// Dsyrk is Ssyrk in double precision.
func (im *Implementation) Dsyrk(ul blas.Uplo, t blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	im.f64.syrk(ul, t, n, k, alpha, a, lda, beta, c, ldc)
}

// Ssyr2k is C = alpha (A Bᵀ + B Aᵀ) + beta C, or with t C = alpha (Aᵀ B + Bᵀ A) + beta C, on one triangle of C.
func (im *Implementation) Ssyr2k(ul blas.Uplo, t blas.Transpose, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	im.f32.syr2k(ul, t, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dsyr2k is Ssyr2k in double precision.
func (im *Implementation) Dsyr2k(ul blas.Uplo, t blas.Transpose, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	im.f64.syr2k(ul, t, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Ssymm is C = alpha A B + beta C, or on the right C = alpha B A + beta C, with A symmetric and given by one triangle.
func (im *Implementation) Ssymm(s blas.Side, ul blas.Uplo, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	im.f32.symm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dsymm is Ssymm in double precision.
func (im *Implementation) Dsymm(s blas.Side, ul blas.Uplo, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	im.f64.symm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (e *engine[T]) syrk(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int) {
	trans, ok := transposed(t)
	rows, cols := flip(trans, n, k)
	if !ok || !e.blocked(ul, alpha, n, n, k) || !fits(a, rows, cols, lda) || !fits(c, n, n, ldc) {
		e.native.syrk(ul, t, n, k, alpha, a, lda, beta, c, ldc)
		return
	}
	u := update[T]{e, ul == blas.Lower, trans, false, k, alpha, beta, lda, lda, ldc}
	u.triangle(n, a, a, c)
}

func (e *engine[T]) syr2k(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	trans, ok := transposed(t)
	rows, cols := flip(trans, n, k)
	if !ok || !e.blocked(ul, alpha, n, n, k) || !fits(a, rows, cols, lda) || !fits(b, rows, cols, ldb) || !fits(c, n, n, ldc) {
		e.native.syr2k(ul, t, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	u := update[T]{e, ul == blas.Lower, trans, true, k, alpha, beta, lda, ldb, ldc}
	u.triangle(n, a, b, c)
}

// blocked says whether a routine on a triangle is worth cutting into blocks.
func (e *engine[T]) blocked(ul blas.Uplo, alpha T, m, n, k int) bool {
	return e.host && (ul == blas.Lower || ul == blas.Upper) && alpha != 0 && m > 0 && n > 0 && k > 0 &&
		float64(m)*float64(n)*float64(k) >= 2*e.minGemm
}

// half is where n is cut in two: at a multiple of the block.
func (e *engine[T]) half(n int) int { return (n/e.block + 1) / 2 * e.block }

// update is a symmetric update of a triangle by A Bᵀ, with B = A for syrk, and by B Aᵀ too when both is set.
type update[T float] struct {
	*engine[T]
	lower, trans, both bool
	k                  int
	alpha, beta        T
	lda, ldb, ldc      int
}

// triangle updates the n×n triangle at c: a square of it by gemm, and what is left, two triangles, in the same way.
func (u *update[T]) triangle(n int, a, b, c []T) {
	if n <= u.block {
		u.diagonal(n, a, b, c)
		return
	}
	h := u.half(n)
	a2, b2 := u.part(a, h, u.lda), u.part(b, h, u.ldb)
	u.triangle(h, a, b, c)
	u.triangle(n-h, a2, b2, c[h*u.ldc+h:])
	if u.lower {
		u.square(n-h, h, a2, b, b2, a, c[h*u.ldc:])
	} else {
		u.square(h, n-h, a, b2, b, a2, c[h:])
	}
}

// part is the operand from its row i on, or its column if transposed.
func (u *update[T]) part(a []T, i, lda int) []T {
	if u.trans {
		return a[i:]
	}
	return a[i*lda:]
}

// square is c = alpha a bᵀ + beta c for an m×n block off the diagonal, and with both alpha b2 a2ᵀ more.
func (u *update[T]) square(m, n int, a, b, b2, a2, c []T) {
	tA, tB := blas.NoTrans, blas.Trans
	if u.trans {
		tA, tB = blas.Trans, blas.NoTrans
	}
	u.gemm(tA, tB, m, n, u.k, u.alpha, a, u.lda, b, u.ldb, u.beta, c, u.ldc)
	if u.both {
		u.gemm(tA, tB, m, n, u.k, u.alpha, b2, u.ldb, a2, u.lda, 1, c, u.ldc)
	}
}

// diagonal computes a whole block on the side and adds its triangle.
func (u *update[T]) diagonal(n int, a, b, c []T) {
	tile := u.tiles.Get().(*[]T)
	defer u.tiles.Put(tile)
	x := (*tile)[:n*n]
	side := *u
	side.beta, side.ldc, side.both = 0, n, false
	side.square(n, n, a, b, nil, nil, x)
	for i := range n {
		from, to := i, n
		if u.lower {
			from, to = 0, i+1
		}
		for j := from; j < to; j++ {
			v := x[i*n+j]
			if u.both {
				v += x[j*n+i]
			}
			if u.beta != 0 {
				v += u.beta * c[i*u.ldc+j]
			}
			c[i*u.ldc+j] = v
		}
	}
}

func (e *engine[T]) symm(s blas.Side, ul blas.Uplo, m, n int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	order := m
	if s == blas.Right {
		order = n
	}
	if s != blas.Left && s != blas.Right || !e.blocked(ul, alpha, m, n, order) ||
		!fits(a, order, order, lda) || !fits(b, m, n, ldb) || !fits(c, m, n, ldc) {
		e.native.symm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	y := symmetric[T]{e, s == blas.Left, ul == blas.Lower, m, n, alpha, lda, ldb, ldc}
	y.multiply(order, a, b, beta, c)
}

// symmetric is the product of a symmetric matrix with b, or of b with it: m×n outside the dimension that is cut.
type symmetric[T float] struct {
	*engine[T]
	left, lower   bool
	m, n          int
	alpha         T
	lda, ldb, ldc int
}

// multiply is c = alpha a b + beta c (or b a) for a of the given order: two squares by gemm, and its two diagonal
// blocks in the same way.
func (y *symmetric[T]) multiply(order int, a, b []T, beta T, c []T) {
	if order <= y.block {
		y.diagonal(order, a, b, beta, c)
		return
	}
	h := y.half(order)
	rest := order - h
	b2, c2 := b[h:], c[h:]
	if y.left {
		b2, c2 = b[h*y.ldb:], c[h*y.ldc:]
	}
	y.multiply(h, a, b, beta, c)
	y.multiply(rest, a[h*y.lda+h:], b2, beta, c2)
	off, over, under := a[h:], blas.NoTrans, blas.Trans // how the stored block becomes those above and below the diagonal
	if y.lower {
		off, over, under = a[h*y.lda:], blas.Trans, blas.NoTrans
	}
	if y.left {
		y.gemm(over, blas.NoTrans, h, y.n, rest, y.alpha, off, y.lda, b2, y.ldb, 1, c, y.ldc)
		y.gemm(under, blas.NoTrans, rest, y.n, h, y.alpha, off, y.lda, b, y.ldb, 1, c2, y.ldc)
		return
	}
	y.gemm(blas.NoTrans, under, y.m, h, rest, y.alpha, b2, y.ldb, off, y.lda, 1, c, y.ldc)
	y.gemm(blas.NoTrans, over, y.m, rest, h, y.alpha, b, y.ldb, off, y.lda, 1, c2, y.ldc)
}

// diagonal completes a block of a on the side and multiplies with that.
func (y *symmetric[T]) diagonal(n int, a, b []T, beta T, c []T) {
	tile := y.tiles.Get().(*[]T)
	defer y.tiles.Put(tile)
	x := (*tile)[:n*n]
	for i := range n {
		for j := range i + 1 {
			v := a[j*y.lda+i]
			if y.lower {
				v = a[i*y.lda+j]
			}
			x[i*n+j], x[j*n+i] = v, v
		}
	}
	if y.left {
		y.gemm(blas.NoTrans, blas.NoTrans, n, y.n, n, y.alpha, x, n, b, y.ldb, beta, c, y.ldc)
	} else {
		y.gemm(blas.NoTrans, blas.NoTrans, y.m, n, n, y.alpha, b, y.ldb, x, n, beta, c, y.ldc)
	}
}
