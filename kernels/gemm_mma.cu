// Matrix product on tensor cores: out = activation(alpha A B + bias) + beta C for f16 and bf16, accumulated in f32.
//
// The story. mma.sync multiplies 16x8x16 per warp and instruction; feeding it is the work. A tile of 128x128 and 32 steps of k
// is 16 KB of operands for 2^20 flops: 64 flops per byte of global memory, which suffices from L2. The tile comes by
// cp.async, 16 bytes per thread and request, straight into shared memory, and three stages keep two tiles under way while one
// is used. Eight warps of 64x32 read fragments with ldmatrix: per 16 steps of k, 6 reads for 16 mma. Rows of 64 bytes (or
// columns of 256) would put the eight 16-byte pieces that ldmatrix gathers on the same banks, so the pieces of a row are permuted
// by its number. The limit it should hit is the tensor cores' rate; on an A100 such kernels reach about 70 to 80% of it.
//
// The first version asked of every piece whether it lay within the matrix, which is 4 of 5 instructions of its loop. Now the tiles
// before the last take a short way: 96 mma, 36 ldmatrix and 12 cp.async in a loop of 176 instructions (sm_80), for three stages at
// a time, whose addresses in shared memory are constants.
//
// Sums run in the order of k between instructions; the order inside one is the hardware's.
//
// Few rows. A decoder's step has one row or a few, and 128 rows of tile would multiply zeros while n / 128 blocks leave most of
// the machine idle. What counts there is B's way from memory, as in gemm_skinny.cu: 2 flops per byte and row. A tile of 16x32 has
// four times the blocks and 20 KB of B under way in each (six stages); at n = 4096 that is 128 blocks with 2.6 MB, what 3.3 TB/s
// need at 0.8 us of latency. A warp has eight columns and all of k, for its mma must be the same chain as the large tile's: the
// bits of a row depend neither on the tile nor on how many rows there are, so packed weights take both. The chain of 256 mma at
// k = 4096 takes some 5 us, the 32 MB of B 10 us on an H100, 17 us on an A100: the limit it should hit is memory. Splitting
// k over warps or blocks would shorten the chain, but op.MatMul promises the order of k.
//
//   gemm_mma_*     tiles of 128x128, grid (ceil(n/128), ceil(m/128), batch), 256 threads: nn, nt, tn, tt as in gemm.cu
//   gemm_mma16_*   tiles of 16x32, grid (ceil(n/32), ceil(m/16), batch), 128 threads: nn, nt
//
// cp.async wants 16-byte addresses: all of a, b, 2 lda, 2 ldb and the batch strides must be multiples of 16 bytes. Otherwise
// the backend takes gemm64_*.
#include "gemm_mma.cuh"

#define GEMM(name, TA, TB, T)                                            \
  KERNEL(256, 2) gemm_mma_##name##_##T(PRODUCT_PARAMETERS(T)) {          \
    gemm_mma<TA, TB>(PRODUCT(T), blockIdx.y * SIZE, blockIdx.x * SIZE);  \
  }
#define GEMM16(name, TB, T)                                                                \
  KERNEL(128) gemm_mma16_##name##_##T(PRODUCT_PARAMETERS(T)) {                             \
    few::gemm_mma<TB>(PRODUCT(T), blockIdx.y * few::ROWS, blockIdx.x * few::COLS);         \
  }
#define GEMMS(T)              \
  GEMM(nn, false, false, T)   \
  GEMM(nt, false, true, T)    \
  GEMM(tn, true, false, T)    \
  GEMM(tt, true, true, T)     \
  GEMM16(nn, false, T)        \
  GEMM16(nt, true, T)

GEMMS(f16)
GEMMS(bf16)
