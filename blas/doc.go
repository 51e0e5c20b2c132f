// Package blas is gonum's BLAS on a tandem.Device. One line moves a program that uses gonum's matrices:
//
//	dev, err := tandem.Open()
//	impl, err := blas.New(dev)
//	blas64.Use(impl)
//	blas32.Use(impl)
//
// after which mat, lapack, stat and all else above them multiply on the device.
//
// # What runs where
//
// On the device run gemm, and gemv where it is large. On a host device so do syrk, syr2k, symm, trmm and trsm, cut into
// blocks of which almost all work is gemm. Everything else is gonum's own code: rank-1 updates and vector operations
// do little arithmetic for the bytes that they move, and gonum's kernels were measured to keep up with memory. Products too small to
// repay a call of the device are gonum's as well.
//
// On a host device the caller's slices are used where they lie. On a device with its own memory gemm copies its
// operands there and its result back, which pays only for large products: keep data that is used more than once in a
// tandem.Tensor (FromDense).
//
// # Contract
//
// Results agree with gonum's to rounding, not to the bit: the order of sums is another. An element of the result does
// not depend on the number of threads. As in gonum, bad arguments panic, with gonum's own texts. BLAS has no way to
// report an error, so an error of the device (closed, out of memory) panics too, with an error value.
package blas
