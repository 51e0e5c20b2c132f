package blas

import (
	"fmt"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/tandem-compute/tandem"
)

// Implementation is blas.Float32 and blas.Float64 (and, by gonum's code alone, the complex ones) on one device. It is
// safe for concurrent use. The device must stay open while it is in use.
type Implementation struct {
	gonum.Implementation
	f32 engine[float32]
	f64 engine[float64]
}

var (
	_ blas.Float32    = (*Implementation)(nil)
	_ blas.Float64    = (*Implementation)(nil)
	_ blas.Complex64  = (*Implementation)(nil)
	_ blas.Complex128 = (*Implementation)(nil)
)

// New is gonum's BLAS on dev.
func New(dev *tandem.Device) (*Implementation, error) {
	if dev == nil {
		return nil, fmt.Errorf("blas: the device is nil: %w", tandem.ErrDevice)
	}
	im, native := new(Implementation), gonum.Implementation{}
	im.f32.native = routines[float32]{native.Sgemm, native.Sgemv, native.Ssyrk, native.Ssyr2k, native.Ssymm, native.Strmm, native.Strsm}
	im.f64.native = routines[float64]{native.Dgemm, native.Dgemv, native.Dsyrk, native.Dsyr2k, native.Dsymm, native.Dtrmm, native.Dtrsm}
	im.f32.open(dev)
	im.f64.open(dev)
	return im, nil
}

type float interface{ float32 | float64 }

// engine is the routines of one precision.
type engine[T float] struct {
	dev       *tandem.Device
	host      bool
	native    routines[T] // gonum's
	minGemm   float64     // multiplications from which on the device multiplies matrices,
	minVector float64     // and a matrix and a vector
	block     int         // side of the triangular blocks that level 3 is cut into
	calls     sync.Pool   // of *product[T]
	tiles     sync.Pool   // of *[]T, block x block elements
}

// routines are the functions of a BLAS that the engine may replace.
type routines[T float] struct {
	gemm  func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	gemv  func(tA blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int)
	syrk  func(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int)
	syr2k func(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	symm  func(s blas.Side, ul blas.Uplo, m, n int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	trmm  func(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int)
	trsm  func(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int)
}

// Multiplications from which on the device wins: on a host as measured against gonum's kernels on one core of a Zen 3,
// elsewhere where arithmetic at a CPU's pace takes longer than copying three square matrices over a bus, by estimate.
const (
	hostGemm, hostVector = 1 << 13, 1 << 16
	farGemm              = 1 << 27
	hostBlock            = 64
)

func (e *engine[T]) open(dev *tandem.Device) {
	e.dev, e.host, e.block = dev, dev.Host(), hostBlock
	e.minGemm, e.minVector = hostGemm, hostVector
	if !e.host {
		e.minGemm = farGemm
	}
	e.calls.New = func() any {
		p := new(product[T])
		p.near, p.far = p.inPlace, p.copied
		return p
	}
	e.tiles.New = func() any {
		t := make([]T, e.block*e.block)
		return &t
	}
}

// fits says whether data holds a matrix of these sizes. What does not fit goes to gonum, which panics with its text.
func fits[T float](data []T, rows, cols, ld int) bool {
	return ld >= max(1, cols) && len(data) >= (rows-1)*ld+cols
}

// transposed reads t; ok is false for what is no transposition.
func transposed(t blas.Transpose) (trans, ok bool) {
	return t == blas.Trans || t == blas.ConjTrans, t == blas.NoTrans || t == blas.Trans || t == blas.ConjTrans
}

// flip exchanges two sizes or strides of a transposed matrix.
func flip(trans bool, rows, cols int) (int, int) {
	if trans {
		return cols, rows
	}
	return rows, cols
}
