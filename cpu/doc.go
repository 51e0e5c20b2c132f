// Package cpu is the backend of plain Go and SIMD assembly: it runs every op on the processor.
//
// One file per op family maps ops to kernels; what is hot in them lives below internal/: vec (loops over slices), gemm
// (matrix products), pool (worker goroutines), isa (which instructions the machine has). Kernels are plain functions
// over a node, cut into ranges that the pool hands out. How a node is cut never changes a result: for one variant the
// bits are the same for any number of threads.
package cpu
