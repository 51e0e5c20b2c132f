// Matrix product on the ordinary arithmetic units: out = activation(alpha A B + bias) + beta C.
//
// Each element of the product is one chain of fma in the order of k, whatever the tile: the bits depend neither on the tile nor
// on the other rows, and agree with the CPU's.
//
// The story. One thread per element reads 2 floats for every fma and stops at the speed of the L1 cache. A tile of 128x128
// in shared memory needs each float of A and B once per 128 fma from global memory (at K = 8: 8 KB for 131072 fma, 16 fma per
// byte; an A100 wants 5). Shared memory is the next limit: with 8x8 elements per thread, 16 floats are read for 64 fma, four
// fma per float, which four-wide reads and broadcasts sustain. Two buffers hide the global latency: the next tile is fetched into
// registers before the current one is used, so there is one barrier per 8 steps of k. The inner loop is 512 fma and 32 wide reads;
// the limit it should hit is the fma rate, some 80 to 90% of it with two blocks per multiprocessor.
//
//   gemm128_*   128x128 tiles, f32: 256 threads of 8x8
//   gemm64_*    64x64 tiles, 256 threads of 4x4: small matrices, f64, and f16/bf16 whose rows tensor cores cannot load
//
// nn, nt, tn, tt say how A and B are stored: n as [m, k] and [k, n], t transposed. Grid (ceil(n/tile), ceil(m/tile), batch).
#include "gemm_tile.cuh"

#define GEMM(name, TA, TB, PER, blocks, T)                                              \
  KERNEL(256, blocks) name##_##T(PRODUCT_PARAMETERS(T)) {                               \
    gemm<TA, TB, PER>(PRODUCT(T), blockIdx.y * (16 * PER), blockIdx.x * (16 * PER));    \
  }
#define GEMMS(name, PER, blocks, T)                 \
  GEMM(name##_nn, false, false, PER, blocks, T)     \
  GEMM(name##_nt, false, true, PER, blocks, T)      \
  GEMM(name##_tn, true, false, PER, blocks, T)      \
  GEMM(name##_tt, true, true, PER, blocks, T)

GEMMS(gemm128, 8, 2, f32)
GEMMS(gemm64, 4, 3, f32)
GEMMS(gemm64, 4, 2, f64)
GEMMS(gemm64, 4, 3, f16)
GEMMS(gemm64, 4, 3, bf16)
