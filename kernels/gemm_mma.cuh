// Tiles of a matrix product on tensor cores; gemm_mma.cu tells their story.
//
// Both tiles give an element the same chain of mma, 16 steps of k each, with zeros up to the next multiple of 32: the bits do
// not tell which one made it, nor where in the tile it lay.
#pragma once
#include "gemm.cuh"

constexpr u32 PIECE = 8;  // elements of 16 bytes

// offset is where piece `piece` of row `row` lies in a tile whose rows are `pieces` wide, in bytes. Eight successive rows of one
// piece, which ldmatrix gathers, are spread over all banks.
template <u32 pieces> DEV u32 offset(u32 row, u32 piece) {
  constexpr u32 SPREAD = pieces < 8 ? pieces : 8;
  return (row * pieces + (piece ^ (row / (8 / SPREAD) & (SPREAD - 1)))) * 16;
}

// load starts the copy of `height` rows of `width` elements, of which what lies outside [rows, cols] of the matrix becomes zero.
template <u32 height, u32 width, u32 threads, class T>
DEV void load(u32 tile, const T *p, u32 ld, u32 row0, u32 rows, u32 col0, u32 cols) {
  constexpr u32 PIECES = width / PIECE;
#pragma unroll
  for (u32 i = threadIdx.x; i < height * PIECES; i += threads) {
    u32 r = row0 + i / PIECES, piece = i % PIECES, c = col0 + piece * PIECE;
    i32 left = r < rows ? (i32)(cols - c) : 0;
    u32 valid = left <= 0 ? 0 : left >= (i32)PIECE ? 16 : left * 2;
    copy_async16(tile + offset<PIECES>(i / PIECES, piece), valid ? p + (u64)r * ld + c : p, valid);
  }
}

// load_matrix copies the tile of A or B at row0 (of m or n) and k0. along_k says that neighbours in memory are neighbours in k.
template <bool along_k, u32 size, u32 step, u32 threads, class T>
DEV void load_matrix(u32 tile, const T *p, u32 ld, u32 row0, u32 rows, u32 k0, u32 ks) {
  if constexpr (along_k)
    load<size, step, threads>(tile, p, ld, row0, rows, k0, ks);
  else
    load<step, size, threads>(tile, p, ld, k0, ks, row0, rows);
}

// fragment reads a 16x16 fragment of a tile of `size` by `step`, at row m and step k: lane l gives the address of row l%8 of one
// of four 8x8 parts. Their order is upper left, lower left, upper right, lower right for A, whose rows are m; for B, whose rows
// are n, it is left to right first, so that r[0], r[1] are columns 0 to 7 and r[2], r[3] columns 8 to 15.
template <bool along_k, bool of_b, u32 size, u32 step> DEV void fragment(u32 (&r)[4], u32 tile, u32 m, u32 k) {
  u32 lane = threadIdx.x % 32, second = lane / 8 % 2, fourth = lane / 16;
  u32 right = of_b ? second : fourth, lower = of_b ? fourth : second;
  if constexpr (along_k)
    ldmatrix4(r, tile + offset<step / PIECE>(m + lower * 8 + lane % 8, k / PIECE + right));
  else
    ldmatrix4_transposed(r, tile + offset<size / PIECE>(k + right * 8 + lane % 8, m / PIECE + lower));
}

// The tile of 128x128: 256 threads, eight warps of 64x32, three stages of 32 steps of k.

constexpr u32 SIZE = 128, STEP = 32, STAGES = 3;
constexpr u32 TILE_BYTES = SIZE * STEP * 2;
constexpr u32 RESULT_LD = SIZE + 8;  // the pad keeps the stores of a fragment off each other's banks

union Buffers {
  alignas(16) u8 tiles[STAGES][2][TILE_BYTES];
  f32 result[SIZE / 2 * RESULT_LD];
};

// keep is x, as what only a register can hold: ptxas computes cheap addresses anew in every round rather than keep them.
DEV u32 keep(u32 x) { return lane_up(x, 0); }

// Source is what a thread copies of an operand's tiles while these lie within k: two pieces of each.
//
// Along k, the pieces are 64 rows apart; of rows that the matrix does not have the last one stands in, which only sums see that
// nobody stores. Across k, they are 64 columns apart in one row, and what lies beyond the row is the next one: there is one, for
// the last tile is not copied this way, and it is long enough, or else fits() says no.
template <bool along_k> struct Source;

template <> struct Source<true> {
  const char *piece[2];
  u32 to;

  template <class T> INLINE Source(const T *p, u32 ld, u32 row0, u32 rows) {
    u32 r = threadIdx.x / 4, c = threadIdx.x % 4, last = rows - 1 - row0;
    piece[0] = (const char *)(p + (u64)(row0 + (r < last ? r : last)) * ld + c * PIECE);
    piece[1] = (const char *)(p + (u64)(row0 + (r + 64 < last ? r + 64 : last)) * ld + c * PIECE);
    to = keep(offset<STEP / PIECE>(r, c));
  }
  static INLINE bool fits(u32, u32, u32) { return true; }
  INLINE void skip(u32 tiles) { piece[0] += tiles * STEP * 2, piece[1] += tiles * STEP * 2; }
  // copy copies to a tile what lies `tiles` further on.
  INLINE void copy(u32 tile, u32 tiles) const {
    copy_async16(tile + to, piece[0] + tiles * STEP * 2);
    copy_async16(tile + to + 64 * STEP * 2, piece[1] + tiles * STEP * 2);
  }
  INLINE void next() {}
};

template <> struct Source<false> {
  const char *piece;
  u64 advance;
  u32 to;

  template <class T> INLINE Source(const T *p, u32 ld, u32 row0, u32) : advance((u64)STEP * 2 * ld) {
    u32 r = threadIdx.x / 8, c = threadIdx.x % 8;
    piece = (const char *)(p + (u64)r * ld + row0 + c * PIECE);
    to = offset<SIZE / PIECE>(r, c);
  }
  static INLINE bool fits(u32 ld, u32 row0, u32 rows) { return ld >= SIZE || row0 + SIZE <= rows; }
  INLINE void skip(u32 tiles) { piece += tiles * advance; }
  INLINE void copy(u32 tile, u32) const {
    copy_async16(tile + to, piece);
    copy_async16(tile + to + 128, piece + 128);
  }
  INLINE void next() { piece += advance; }
};

// Fragments is where a thread finds its part of an operand's fragments in a tile: `count` of them, 16 rows apart, for 16 steps of
// k each. What the permutation of pieces leaves linear is an offset that the instruction itself can hold.
template <bool along_k, bool of_b, u32 count> struct Fragments {
  u32 at[along_k ? STEP / 16 : count];

  INLINE Fragments(u32 tile, u32 m) {
    u32 lane = threadIdx.x % 32, second = lane / 8 % 2, fourth = lane / 16;
    u32 right = of_b ? second : fourth, lower = of_b ? fourth : second;
    if constexpr (along_k) {
#pragma unroll
      for (u32 k = 0; k < STEP; k += 16) at[k / 16] = keep(tile + offset<STEP / PIECE>(m + lower * 8 + lane % 8, k / PIECE + right));
    } else {
#pragma unroll
      for (u32 i = 0; i < count; i++) at[i] = tile + offset<SIZE / PIECE>(right * 8 + lane % 8, (m + i * 16) / PIECE + lower);
    }
  }
  INLINE void read(u32 (&r)[4], u32 tile, u32 i, u32 k) const {
    if constexpr (along_k)
      ldmatrix4(r, at[k / 16] + tile + i * 16 * STEP * 2);
    else
      ldmatrix4_transposed(r, at[i] + tile + k * SIZE * 2);
  }
};

template <class T, class A, class B> DEV void multiply(f32 (&sum)[4][4][4], const A &a, const B &b, u32 tile) {
#pragma unroll
  for (u32 k = 0; k < STEP; k += 16) {
    u32 x[4][4], y[2][4];
#pragma unroll
    for (u32 i = 0; i < 4; i++) a.read(x[i], tile, i, k);
#pragma unroll
    for (u32 j = 0; j < 2; j++) b.read(y[j], tile, j, k);
#pragma unroll
    for (u32 i = 0; i < 4; i++)
#pragma unroll
      for (u32 j = 0; j < 4; j++) mma_16x8x16<T>(sum[i][j], x[i], y[j / 2][j % 2 * 2], y[j / 2][j % 2 * 2 + 1]);
  }
}

// put stores a fragment of the sums: lane l holds columns 2(l%4), +1 of rows l/4 and l/4 + 8.
template <u32 ld> DEV void put(f32 *result, const f32 (&sum)[4], u32 row, u32 col) {
  u32 lane = threadIdx.x % 32;
#pragma unroll
  for (u32 half = 0; half < 2; half++)
    *(Pack<f32, 2> *)&result[(row + half * 8 + lane / 4) * ld + col + lane % 4 * 2] = {{sum[half * 2], sum[half * 2 + 1]}};
}

template <bool TA, bool TB, class T> DEV void gemm_mma(const Product<T> &p, u32 row0, u32 col0) {
  __shared__ Buffers buffers;
  u32 warp = threadIdx.x / 32, m = warp / 4 * 64, n = warp % 4 * 32;
  u32 base = shared_address(&buffers);
  u32 steps = (p.k + STEP - 1) / STEP;
  f32 sum[4][4][4];
#pragma unroll
  for (u32 i = 0; i < 64; i++) sum[i / 16][i / 4 % 4][i % 4] = 0;

  auto start = [&](u32 step) {
    u32 tile = base + step % STAGES * 2 * TILE_BYTES;
    if (step < steps) {
      load_matrix<!TA, SIZE, STEP, 256>(tile, p.a, p.lda, row0, p.m, step * STEP, p.k);
      load_matrix<TB, SIZE, STEP, 256>(tile + TILE_BYTES, p.b, p.ldb, col0, p.n, step * STEP, p.k);
    }
    commit_copies();
  };
#pragma unroll 1
  for (u32 step = 0; step < STAGES - 1; step++) start(step);
  Source<!TA> a(p.a, p.lda, row0, p.m);
  Source<TB> b(p.b, p.ldb, col0, p.n);
  a.skip(STAGES - 1), b.skip(STAGES - 1);
  Fragments<!TA, false, 4> x(base, m);
  Fragments<TB, true, 2> y(base + TILE_BYTES, n);
  bool fits = a.fits(p.lda, row0, p.m) && b.fits(p.ldb, col0, p.n);
  u32 step = 0;
  // The last tile may reach beyond k, and its last row beyond the matrix. All others take the short way, a whole round of stages at
  // a time, so that the addresses in shared memory are constants.
#pragma unroll 1
  for (; step + 2 * STAGES - 1 < steps && fits; step += STAGES) {
#pragma unroll
    for (u32 i = 0; i < STAGES; i++) {
      wait_copies<STAGES - 2>();
      barrier();  // tile `step` is whole, and nobody reads the one that the next copy overwrites
      u32 next = base + (i + STAGES - 1) % STAGES * 2 * TILE_BYTES;
      a.copy(next, i), b.copy(next + TILE_BYTES, i);
      a.next(), b.next();
      commit_copies();
      multiply<T>(sum, x, y, i * 2 * TILE_BYTES);
    }
    if (!TA) a.skip(STAGES);
    if (TB) b.skip(STAGES);
  }
#pragma unroll 1
  for (; step < steps; step++) {
    wait_copies<STAGES - 2>();
    barrier();
    start(step + STAGES - 1);
    multiply<T>(sum, x, y, step % STAGES * 2 * TILE_BYTES);
  }
  wait_copies<0>();
  barrier();
#pragma unroll 1
  for (u32 half = 0; half < SIZE; half += SIZE / 2) {
    if (m == half) {
#pragma unroll
      for (u32 i = 0; i < 16; i++) put<RESULT_LD>(buffers.result, sum[i / 4][i % 4], i / 4 * 16, n + i % 4 * 8);
    }
    barrier();
    finish_tile<SIZE / 2, SIZE, RESULT_LD, 256>(p, buffers.result, row0 + half, col0);
    barrier();
  }
}

// The tile of 16x32 for few rows: 128 threads, a warp for eight columns, six stages of 64 steps of k.
namespace few {

constexpr u32 ROWS = 16, COLS = 32, STEP = 64, STAGES = 6, THREADS = 128;
constexpr u32 A_BYTES = ROWS * STEP * 2, STAGE_BYTES = A_BYTES + COLS * STEP * 2;
constexpr u32 RESULT_LD = COLS + 8;

union Buffers {
  alignas(16) u8 stages[STAGES][STAGE_BYTES];
  f32 result[ROWS * RESULT_LD];
};

// fragment_b reads eight columns and 32 steps of k: r[0], r[1] are the first 16.
template <bool along_k> DEV void fragment_b(u32 (&r)[4], u32 tile, u32 n, u32 k) {
  u32 lane = threadIdx.x % 32;
  if constexpr (along_k)
    ldmatrix4(r, tile + offset<STEP / PIECE>(n + lane % 8, k / PIECE + lane / 8));
  else
    ldmatrix4_transposed(r, tile + offset<COLS / PIECE>(k + lane, n / PIECE));
}

template <bool TB, class T> DEV void gemm_mma(const Product<T> &p, u32 row0, u32 col0) {
  __shared__ Buffers buffers;
  u32 n = threadIdx.x / 32 * 8, base = shared_address(&buffers);
  u32 steps = (p.k + STEP - 1) / STEP;
  f32 sum[4] = {0, 0, 0, 0};

  auto start = [&](u32 step) {
    u32 tile = base + step % STAGES * STAGE_BYTES;
    if (step < steps) {
      load_matrix<TB, COLS, STEP, THREADS>(tile + A_BYTES, p.b, p.ldb, col0, p.n, step * STEP, p.k);
      load_matrix<true, ROWS, STEP, THREADS>(tile, p.a, p.lda, row0, p.m, step * STEP, p.k);
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
    u32 tile = base + step % STAGES * STAGE_BYTES;
#pragma unroll
    for (u32 k = 0; k < STEP; k += ::STEP) {
      if (step * STEP + k >= p.k) break;  // where the other tile has no step, there must be none
      u32 x[2][4], y[4];
      fragment_b<TB>(y, tile + A_BYTES, n, k);
      fragment<true, false, ROWS, STEP>(x[0], tile, 0, k);
      fragment<true, false, ROWS, STEP>(x[1], tile, 0, k + 16);
      mma_16x8x16<T>(sum, x[0], y[0], y[1]);
      mma_16x8x16<T>(sum, x[1], y[2], y[3]);
    }
  }
  wait_copies<0>();
  barrier();
  put<RESULT_LD>(buffers.result, sum, 0, n);
  barrier();
  finish_tile<ROWS, COLS, RESULT_LD, THREADS>(p, buffers.result, row0, col0);
}

}  // namespace few
