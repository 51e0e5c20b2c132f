// Matrix product on tensor cores: out = activation(alpha A B + bias) + beta C for f16 and bf16, accumulated in f32.
//
// The story. mma.sync multiplies 16x8x16 per warp and instruction; feeding it is the work. A tile of 128x128 and 32 steps of k
// is 16 KB of operands for 2^20 flops: 64 flops per byte of global memory, which suffices from L2. The tile comes by
// cp.async, 16 bytes per thread and request, straight into shared memory, and three stages keep two tiles under way while one
// is used. Eight warps of 64x32 read fragments with ldmatrix: per 16 steps of k, 6 reads for 16 mma. Rows of 64 bytes (or
// columns of 256) would put the eight 16-byte pieces that ldmatrix gathers on the same banks, so the pieces of a row are permuted
// by its number. The limit it should hit is the tensor cores' rate; on an A100 such kernels reach about 70 to 80% of it.
//
// Sums run in the order of k between instructions; the order inside one is the hardware's.
//
// cp.async wants 16-byte addresses: all of a, b, 2 lda, 2 ldb and the batch strides must be multiples of 16 bytes. Otherwise
// the backend takes gemm64_*. Names and grid as there, with tiles of 128: gemm_mma_nn_f16, grid (ceil(n/128), ceil(m/128), batch).
#include "gemm.cuh"

constexpr u32 SIZE = 128, STEP = 32, STAGES = 3, PIECE = 8;
constexpr u32 TILE_BYTES = SIZE * STEP * 2;
constexpr u32 RESULT_LD = SIZE + 8;  // the pad keeps the stores of a fragment off each other's banks

union Buffers {
  alignas(16) u8 tiles[STAGES][2][TILE_BYTES];
  f32 result[SIZE / 2 * RESULT_LD];
};

// offset is where piece `piece` of row `row` lies in a tile, in bytes. along_k tiles are 128 rows of 4 pieces (m or n by k), the
// others 32 rows of 16 pieces (k by m or n). Both spread eight successive rows of one piece over all banks.
template <bool along_k> DEV u32 offset(u32 row, u32 piece) {
  if constexpr (along_k) return row * 64 + (piece ^ (row >> 1 & 3)) * 16;
  return row * 256 + (piece ^ (row & 7)) * 16;
}

// load starts the copy of one tile: two pieces per thread, of which what lies outside the matrix becomes zero.
template <bool along_k, class T> DEV void load(u32 tile, const T *p, u32 ld, u32 rows, u32 ks, u32 row0, u32 k0) {
#pragma unroll
  for (u32 i = threadIdx.x; i < SIZE * STEP / PIECE; i += 256) {
    u32 outer = along_k ? i / 4 : i / 16, piece = along_k ? i % 4 : i % 16;
    u32 r = outer + (along_k ? row0 : k0), c = piece * PIECE + (along_k ? k0 : row0);
    i32 left = r < (along_k ? rows : ks) ? (i32)((along_k ? ks : rows) - c) : 0;
    u32 valid = left <= 0 ? 0 : left >= (i32)PIECE ? 16 : left * 2;
    copy_async16(tile + offset<along_k>(outer, piece), valid ? p + (u64)r * ld + c : p, valid);
  }
}

// fragment_a reads the 16x16 fragment at row m, step k of a tile of A.
template <bool along_k> DEV void fragment_a(u32 (&r)[4], u32 tile, u32 m, u32 k) {
  u32 lane = threadIdx.x % 32, lower = lane / 8 % 2, right = lane / 16;
  if constexpr (along_k)
    ldmatrix4(r, tile + offset<true>(m + lower * 8 + lane % 8, k / PIECE + right));
  else
    ldmatrix4_transposed(r, tile + offset<false>(k + right * 8 + lane % 8, m / PIECE + lower));
}

// fragment_b reads two 16x8 fragments, columns n to n+15, step k: r[0], r[1] are the first, r[2], r[3] the second.
template <bool along_k> DEV void fragment_b(u32 (&r)[4], u32 tile, u32 n, u32 k) {
  u32 lane = threadIdx.x % 32, lower = lane / 8 % 2, right = lane / 16;
  if constexpr (along_k)
    ldmatrix4(r, tile + offset<true>(n + right * 8 + lane % 8, k / PIECE + lower));
  else
    ldmatrix4_transposed(r, tile + offset<false>(k + lower * 8 + lane % 8, n / PIECE + right));
}

template <bool TA, bool TB, class T> DEV void multiply(f32 (&sum)[4][4][4], u32 a, u32 b, u32 m, u32 n) {
#pragma unroll
  for (u32 k = 0; k < STEP; k += 16) {
    u32 x[4][4], y[2][4];
#pragma unroll
    for (u32 i = 0; i < 4; i++) fragment_a<!TA>(x[i], a, m + i * 16, k);
#pragma unroll
    for (u32 j = 0; j < 2; j++) fragment_b<TB>(y[j], b, n + j * 16, k);
#pragma unroll
    for (u32 i = 0; i < 4; i++)
#pragma unroll
      for (u32 j = 0; j < 4; j++) mma_16x8x16<T>(sum[i][j], x[i], y[j / 2][j % 2 * 2], y[j / 2][j % 2 * 2 + 1]);
  }
}

// put stores this warp's sums to rows 0 to 63 of the result: lane l holds columns 2(l%4), +1 of rows l/4 and l/4 + 8 of a fragment.
DEV void put(f32 *result, const f32 (&sum)[4][4][4], u32 n) {
  u32 lane = threadIdx.x % 32;
#pragma unroll
  for (u32 i = 0; i < 4; i++)
#pragma unroll
    for (u32 j = 0; j < 4; j++)
#pragma unroll
      for (u32 half = 0; half < 2; half++) {
        u32 row = i * 16 + half * 8 + lane / 4, col = n + j * 8 + lane % 4 * 2;
        *(Pack<f32, 2> *)&result[row * RESULT_LD + col] = {{sum[i][j][half * 2], sum[i][j][half * 2 + 1]}};
      }
}

template <bool TA, bool TB, class T> DEV void gemm_mma(const Product<T> &p) {
  __shared__ Buffers buffers;
  u32 row0 = blockIdx.y * SIZE, col0 = blockIdx.x * SIZE;
  u32 warp = threadIdx.x / 32, m = warp / 4 * 64, n = warp % 4 * 32;
  u32 base = shared_address(&buffers);
  u32 steps = (p.k + STEP - 1) / STEP;
  f32 sum[4][4][4];
#pragma unroll
  for (u32 i = 0; i < 64; i++) sum[i / 16][i / 4 % 4][i % 4] = 0;

  auto start = [&](u32 step) {
    u32 tile = base + step % STAGES * 2 * TILE_BYTES;
    if (step < steps) {
      load<!TA>(tile, p.a, p.lda, p.m, p.k, row0, step * STEP);
      load<TB>(tile + TILE_BYTES, p.b, p.ldb, p.n, p.k, col0, step * STEP);
    }
    commit_copies();
  };
  start(0);
  start(1);
#pragma unroll 1
  for (u32 step = 0; step < steps; step++) {
    wait_copies<STAGES - 2>();
    barrier();  // tile `step` is whole, and nobody reads the one that the next copy overwrites
    start(step + STAGES - 1);
    u32 tile = base + step % STAGES * 2 * TILE_BYTES;
    multiply<TA, TB, T>(sum, tile, tile + TILE_BYTES, m, n);
  }
  wait_copies<0>();
  barrier();
#pragma unroll 1
  for (u32 half = 0; half < SIZE; half += SIZE / 2) {
    if (m == half) put(buffers.result, sum, n);
    barrier();
    finish_tile<SIZE / 2, SIZE, RESULT_LD, 256>(p, buffers.result, row0 + half, col0);
    barrier();
  }
}

#define GEMM(name, TA, TB, T) \
  KERNEL(256, 2) gemm_mma_##name##_##T(PRODUCT_PARAMETERS(T)) { gemm_mma<TA, TB>(PRODUCT(T)); }
#define GEMMS(T)              \
  GEMM(nn, false, false, T)   \
  GEMM(nt, false, true, T)    \
  GEMM(tn, true, false, T)    \
  GEMM(tt, true, true, T)

GEMMS(f16)
GEMMS(bf16)
