package blas

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"

	"github.com/tandem-compute/tandem"
	"github.com/tandem-compute/tandem/cpu"
)

// guarded is memory for n elements after which comes a page that faults when touched: the kernels get slices of
// unknown neighbours, so not even a read may go past the end.
func guarded[T float](t *testing.T, n int) []T {
	page, size := os.Getpagesize(), n*int(unsafe.Sizeof(*new(T)))
	whole := (size+page-1)/page*page + page
	mem, err := syscall.Mmap(-1, 0, whole, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(mem)) })
	require.NoError(t, syscall.Mprotect(mem[whole-page:], syscall.PROT_NONE))
	x := unsafe.Slice((*T)(unsafe.Pointer(&mem[whole-page-size])), n)
	copy(x, random[T](51, n))
	return x
}

func TestNothingIsReadPastTheEnd(t *testing.T) {
	for _, level := range cpu.Variants() {
		t.Run(level, func(t *testing.T) {
			im := open(t, tandem.Variant(level))
			im.f32.eager(16)
			im.f64.eager(16)
			past(t, &im.f32)
			past(t, &im.f64)
			im.reached(t)
		})
	}
}

func past[T float](t *testing.T, e *engine[T]) {
	for _, size := range [][3]int{{1, 1, 1}, {1, 70, 33}, {3, 5, 7}, {70, 1, 129}, {37, 41, 43}, {130, 97, 65}} {
		m, n, k := size[0], size[1], size[2]
		a, b, c := guarded[T](t, m*k), guarded[T](t, k*n), guarded[T](t, m*n)
		for _, tA := range transposes {
			for _, tB := range transposes {
				t.Log(fmt.Sprint(tA, tB, size)) // a fault ends the test here
				_, lda := flip(tA == blas.Trans, m, k)
				_, ldb := flip(tB == blas.Trans, k, n)
				e.gemm(tA, tB, m, n, k, 0.1, a, lda, b, ldb, 0.5, c, n)
			}
		}
		x, y := guarded[T](t, k), guarded[T](t, m)
		e.gemv(blas.NoTrans, m, k, 1, a, k, x, 1, 0, y, 1)
		e.gemv(blas.Trans, k, m, 1, a, m, x, 1, 1, y, 1)
	}
}
