// Package vec holds the bricks of the CPU backend: loops over contiguous slices, written once in plain Go and again in
// assembly where they are hot.
//
// For(level) returns a table of functions. The plain Go entry of each function is its definition; a faster entry gives
// the same bits, so a level changes speed and nothing else. (Of a NaN only that it is one is promised, not its payload.)
// Three things make that possible:
//
//   - a fused multiply-add is asked for explicitly (FMA32 in Go, VFMADD in assembly), and nothing else is fused;
//   - transcendental functions are polynomials of our own, the operations of kernels/math.cuh in the same order (a softmax's
//     weights have an exponential of their own, which needs less);
//   - a sum has one order, made for SIMD and the same everywhere: see Float.Sum.
//
// The AVX-512 table has kernels of its own where models spend their time on float32, and those of AVX2 elsewhere. They are tested on machines
// without AVX-512 too: .ci/avx512-emulated/run has an emulated processor execute them.
//
// Functions assume validated arguments: all slices as long as the first one, outputs equal to an input or apart from it,
// never overlapping it in part. None allocates.
package vec
