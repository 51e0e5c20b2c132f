package blas

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/blas"

	"github.com/tandem-compute/tandem"
)

// Sgemm is C = alpha op(A) op(B) + beta C, with op(A) m×k, op(B) k×n and C m×n.
func (im *Implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	im.f32.gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dgemm is Sgemm in double precision.
func (im *Implementation) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	im.f64.gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Sgemv is y = alpha op(A) x + beta y, with A m×n.
func (im *Implementation) Sgemv(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	im.f32.gemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Dgemv is Sgemv in double precision.
func (im *Implementation) Dgemv(tA blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	im.f64.gemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

func (e *engine[T]) gemm(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	ta, okA := transposed(tA)
	tb, okB := transposed(tB)
	aRows, aCols := flip(ta, m, k)
	bRows, bCols := flip(tb, k, n)
	if !okA || !okB || m <= 0 || n <= 0 || k <= 0 || alpha == 0 || float64(m)*float64(n)*float64(k) < e.minGemm ||
		!fits(a, aRows, aCols, lda) || !fits(b, bRows, bCols, ldb) || !fits(c, m, n, ldc) {
		e.native.gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	p := e.calls.Get().(*product[T])
	p.a, p.b, p.c = operand[T]{a, aRows, aCols, lda}, operand[T]{b, bRows, bCols, ldb}, operand[T]{c, m, n, ldc}
	p.transA, p.transB, p.alpha, p.beta = ta, tb, alpha, beta
	e.multiply(p)
}

func (e *engine[T]) gemv(tA blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
	ta, ok := transposed(tA)
	rows, cols := flip(ta, m, n)
	least := e.minVector
	if ta {
		least *= 16 // gonum's loop along the rows of A keeps up with memory for longer
	}
	if !ok || !e.host || m <= 0 || n <= 0 || alpha == 0 || float64(m)*float64(n) < least ||
		incX <= 0 || incY <= 0 || !fits(a, m, n, lda) || !fits(x, cols, 1, incX) || !fits(y, rows, 1, incY) {
		e.native.gemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	p := e.calls.Get().(*product[T])
	p.a, p.b, p.c = operand[T]{a, m, n, lda}, operand[T]{x, cols, 1, incX}, operand[T]{y, rows, 1, incY}
	p.transA, p.transB, p.alpha, p.beta = ta, false, alpha, beta
	e.multiply(p)
}

// product is one call of gemm, kept from call to call with the functions that Device.Run gets, so that a steady caller
// allocates next to nothing.
type product[T float] struct {
	dev            *tandem.Device
	a, b, c        operand[T]
	transA, transB bool
	alpha, beta    T
	near, far      func(*tandem.Scope) error // inPlace and copied
}

// operand is a matrix in the caller's memory, its rows ld elements apart.
type operand[T float] struct {
	data           []T
	rows, cols, ld int
}

// multiply runs p on the device and gives it back.
func (e *engine[T]) multiply(p *product[T]) {
	p.dev = e.dev
	run := p.near
	if !e.host {
		run = p.far
	}
	if err := e.dev.Run(context.Background(), run); err != nil {
		panic(fmt.Errorf("blas: %w", err))
	}
	p.a, p.b, p.c = operand[T]{}, operand[T]{}, operand[T]{}
	e.calls.Put(p)
}

// inPlace multiplies where the operands lie.
func (p *product[T]) inPlace(s *tandem.Scope) error {
	a, b, c := p.a.borrow(s), p.b.borrow(s), p.c.borrow(s)
	g := p.gemm()
	if p.beta != 0 {
		g.C = c
	}
	s.Into(c).MatMulWith(a, b, g)
	return nil
}

func (p *product[T]) gemm() tandem.Gemm {
	return tandem.Gemm{TransA: p.transA, TransB: p.transB, Alpha: float64(p.alpha), Beta: float64(p.beta)}
}

func (o *operand[T]) borrow(s *tandem.Scope) tandem.Tensor {
	dims, strides := [2]int{o.rows, o.cols}, [2]int{o.ld, 1}
	return tandem.Borrow(s, o.data, dims[:], strides[:])
}
