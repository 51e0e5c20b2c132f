// Matrix product for up to eight rows: out = activation(alpha A B + bias) + beta C, as a decoder's step asks for it.
//
// Every element of B is used m <= 8 times, so B's way from memory is all that counts: 2 flops per byte of f32 and row. The
// story. A thread per column that walks down k keeps too few requests in flight when B is [k, n] with n = 4096 (one warp per
// multiprocessor), and reads strided when B is [n, k]. Splitting k over warps would fix both, but then the sum's order, and
// with it a row's bits, would differ from those of the large kernels. So the copying is taken apart from the adding: 128 threads
// bring 64 steps of k for 32 columns by cp.async, four stages deep (32 KB under way per block), and each thread adds its column
// for two rows of A in the order of k, from shared memory. The chain of 4096 fma takes about 12 us, the 64 MB of a 4096 x 4096 B
// some 32 us at 2 TB/s: the limit it should hit is memory. Where n is small and k huge, a split of k with the partial sums added
// in a fixed order would fill the machine; op.MatMul promises each element in the order of k, which forbids it.
//
//   gemm_skinny_nn_*   B is [k, n]          gemm_skinny_nt_*   B is [n, k]; A is [m, k] in both
//
// The sums are the same chains of fma as in gemm.cu; f16 and bf16 have gemm_mma16_*. Addresses and rows must be multiples of
// 16 bytes as for gemm_mma_*.
// Blocks of 128 threads, grid (ceil(n/32), 1, batch).
#include "gemm.cuh"

constexpr u32 ROWS = 8, COLS = 32, STEP = 64, STAGES = 4, THREADS = 128;

// Stage is the part of B and A for one step. Rows of a transposed B get one more piece, so that 32 lanes that read the same
// place of successive rows meet all banks.
template <bool TB, class T> struct alignas(16) Stage {
  static constexpr u32 PIECE = 16 / sizeof(T);
  static constexpr u32 LD = TB ? STEP + PIECE : COLS;
  T b[(TB ? COLS : STEP) * LD];
  T a[ROWS * STEP];
};

template <bool TB, class T> union Buffers {
  Stage<TB, T> stages[STAGES];
  alignas(16) f32 result[ROWS * COLS];
};

// copy brings `height` rows of `width` elements to shared memory, zeros where they lie outside [rows, cols] of the matrix.
template <u32 height, u32 width, u32 to_ld, class T>
DEV void copy(T *to, const T *from, u32 ld, u32 row0, u32 rows, u32 col0, u32 cols) {
  constexpr u32 PIECE = 16 / sizeof(T), PIECES = width / PIECE;
#pragma unroll
  for (u32 i = threadIdx.x; i < height * PIECES; i += THREADS) {
    u32 r = i / PIECES, c = i % PIECES * PIECE;
    i32 left = row0 + r < rows ? (i32)(cols - (col0 + c)) : 0;
    u32 valid = left <= 0 ? 0 : left >= (i32)PIECE ? 16 : left * sizeof(T);
    copy_async16(shared_address(to + r * to_ld + c), valid ? from + (u64)(row0 + r) * ld + col0 + c : from, valid);
  }
}

template <class T> using Piece = Pack<T, 16 / sizeof(T)>;

// add continues the two sums of this thread over one stage.
template <bool TB, class T> DEV void add(f32 (&sum)[2], const Stage<TB, T> &s, u32 row, u32 col) {
  constexpr u32 PIECE = Stage<TB, T>::PIECE, LD = Stage<TB, T>::LD;
#pragma unroll 4
  for (u32 k = 0; k < STEP; k += PIECE) {
    Piece<T> a[2] = {*(const Piece<T> *)&s.a[row * STEP + k], *(const Piece<T> *)&s.a[(row + 1) * STEP + k]}, b;
    if constexpr (TB) b = *(const Piece<T> *)&s.b[col * LD + k];
#pragma unroll
    for (u32 i = 0; i < PIECE; i++) {
      f32 y = widen(TB ? b.v[i] : s.b[(k + i) * LD + col]);
      sum[0] = fma(widen(a[0].v[i]), y, sum[0]);
      sum[1] = fma(widen(a[1].v[i]), y, sum[1]);
    }
  }
}

template <bool TB, class T> DEV void gemm_skinny(const Product<T> &p) {
  __shared__ Buffers<TB, T> buffers;
  u32 col0 = blockIdx.x * COLS, col = threadIdx.x % 32, row = threadIdx.x / 32 * 2;
  u32 steps = (p.k + STEP - 1) / STEP;
  f32 sum[2] = {0, 0};

  auto start = [&](u32 step) {
    if (step < steps) {
      auto &s = buffers.stages[step % STAGES];
      if constexpr (TB)
        copy<COLS, STEP, Stage<TB, T>::LD>(s.b, p.b, p.ldb, col0, p.n, step * STEP, p.k);
      else
        copy<STEP, COLS, Stage<TB, T>::LD>(s.b, p.b, p.ldb, step * STEP, p.k, col0, p.n);
      copy<ROWS, STEP, STEP>(s.a, p.a, p.lda, 0, p.m, step * STEP, p.k);
    }
    commit_copies();
  };
#pragma unroll
  for (u32 i = 0; i < STAGES - 1; i++) start(i);
#pragma unroll 1
  for (u32 step = 0; step < steps; step++) {
    wait_copies<STAGES - 2>();
    barrier();
    start(step + STAGES - 1);
    if (row < p.m) add<TB>(sum, buffers.stages[step % STAGES], row, col);
  }
  wait_copies<0>();
  barrier();
  buffers.result[row * COLS + col] = sum[0];
  buffers.result[(row + 1) * COLS + col] = sum[1];
  barrier();
  finish_tile<ROWS, COLS, COLS, THREADS>(p, buffers.result, 0, col0);
}

KERNEL(128) gemm_skinny_nn_f32(PRODUCT_PARAMETERS(f32)) { gemm_skinny<false>(PRODUCT(f32)); }
KERNEL(128) gemm_skinny_nt_f32(PRODUCT_PARAMETERS(f32)) { gemm_skinny<true>(PRODUCT(f32)); }
