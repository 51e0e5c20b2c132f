// Package gpu is the CUDA backend: it runs ops with the kernels of package kernels on one device, through
// gorgonia.org/cu and the lazy driver of internal/cuda.
//
// One file per op family maps ops to kernels. A kernel of this package is a plain function over a node that picks the
// launch by dtype, size and layout; it does no arithmetic and checks nothing that Infer has checked.
//
// The driver's context is current per OS thread, so every call that talks to the driver locks its goroutine to a thread
// and makes the device's primary context current there first. A launch copies its parameters, so nodes may be reused at
// once. Nothing here falls back to the host: an op without a kernel says so.
//
// The package is empty unless it is built with the tag cuda, cgo and Linux.
package gpu
