// The tile of a matrix product on the ordinary arithmetic units; gemm.cu tells its story.
#pragma once
#include "gemm.cuh"

constexpr u32 STEP = 8;

// Tile is a slice of A or B in shared memory, k by k: rows of `SIZE` elements along m or n, and a pad that spreads the
// transposing stores over the banks.
template <class C, u32 SIZE> struct Tile {
  static constexpr u32 LD = SIZE + 4;
  alignas(16) C v[STEP][LD];

  INLINE const Pack<C, 4> &at(u32 k, u32 i) const { return *(const Pack<C, 4> *)&v[k][i]; }
};

// Buffers are two tiles of A and two of B, and later a piece of the result.
template <class C, u32 SIZE> union Buffers {
  struct {
    Tile<C, SIZE> a[2], b[2];
  };
  alignas(16) C result[32 * SIZE];
};

// Source is this thread's walk along k through A or B, four elements of each tile at a time, zeros outside the matrix. along_k
// says that neighbours in memory are neighbours in k; rows are those of m or n.
template <bool along_k, u32 SIZE, class T> struct Source {
  const T *p;
  u64 stride;
  i32 rows;  // left from here, 0 or less if this thread has none
  i32 ks;    // left from here; along k, 0 or less without rows

  INLINE Source(const T *matrix, u32 ld, u32 m, u32 k, u32 row0) {
    u32 row = row0 + (along_k ? threadIdx.x / 2 : threadIdx.x % (SIZE / 4) * 4);
    u32 first = along_k ? threadIdx.x % 2 * 4 : threadIdx.x / (SIZE / 4);
    rows = threadIdx.x < SIZE * STEP / 4 ? (i32)(m - row) : 0;
    ks = (i32)(k - first);
    if (along_k && rows <= 0) ks = 0;
    p = matrix + (along_k ? (u64)row * ld + first : (u64)first * ld + row);
    stride = along_k ? STEP : (u64)ld * STEP;
  }

  INLINE Four<compute<T>> next() {
    i32 count = along_k ? ks : ks > 0 ? rows : 0;
    Four<compute<T>> x = load_first(p, count);
    p += stride;
    ks -= STEP;
    return x;
  }
};

template <bool along_k, u32 SIZE, class C> DEV void put(Tile<C, SIZE> &tile, Four<C> x) {
  if (threadIdx.x >= SIZE * STEP / 4) return;
  if constexpr (along_k) {
    u32 row = threadIdx.x / 2, k = threadIdx.x % 2 * 4;
#pragma unroll
    for (u32 i = 0; i < 4; i++) tile.v[k + i][row] = x.v[i];
  } else {
    u32 k = threadIdx.x / (SIZE / 4), row = threadIdx.x % (SIZE / 4) * 4;
    *(Pack<C, 4> *)&tile.v[k][row] = {{x.v[0], x.v[1], x.v[2], x.v[3]}};
  }
}

// gemm computes the tile of 16 PER rows and columns at (row0, col0). Thread (ty, tx) of 16x16 owns PER neighbouring rows, and
// columns in groups of four, 64 apart, so that a warp's reads of B are contiguous.
template <bool TA, bool TB, u32 PER, class T> DEV void gemm(const Product<T> &p, u32 row0, u32 col0) {
  typedef compute<T> C;
  constexpr u32 SIZE = 16 * PER;
  __shared__ Buffers<C, SIZE> buffers;
  Tile<C, SIZE> *as = buffers.a, *bs = buffers.b;
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
  C sum[PER][PER];
#pragma unroll
  for (u32 i = 0; i < PER; i++)
#pragma unroll
    for (u32 j = 0; j < PER; j++) sum[i][j] = 0;

  Source<!TA, SIZE, T> a(p.a, p.lda, p.m, p.k, row0);
  Source<TB, SIZE, T> b(p.b, p.ldb, p.n, p.k, col0);
  put<!TA, SIZE>(as[0], a.next());
  put<TB, SIZE>(bs[0], b.next());
  barrier();
  u32 now = 0;
#pragma unroll 1
  for (u32 k0 = 0; k0 < p.k; k0 += STEP) {
    Four<C> next_a = a.next();
    Four<C> next_b = b.next();
#pragma unroll
    for (u32 k = 0; k < STEP; k++) {
      Pack<C, 4> x[PER / 4], y[PER / 4];
#pragma unroll
      for (u32 g = 0; g < PER / 4; g++) x[g] = as[now].at(k, ty * PER + g * 4), y[g] = bs[now].at(k, g * 64 + tx * 4);
#pragma unroll
      for (u32 i = 0; i < PER; i++)
#pragma unroll
        for (u32 j = 0; j < PER; j++) sum[i][j] = fma(x[i / 4].v[i % 4], y[j / 4].v[j % 4], sum[i][j]);
    }
    now ^= 1;
    put<!TA, SIZE>(as[now], next_a);
    put<TB, SIZE>(bs[now], next_b);
    barrier();
  }

  // Through shared memory, 32 rows at a time, so that stores are contiguous and the last step stands in the code once.
#pragma unroll 1
  for (u32 rows = 0; rows < SIZE; rows += 32) {
    if (ty * PER / 32 == rows / 32) {
#pragma unroll
      for (u32 i = 0; i < PER; i++)
#pragma unroll
        for (u32 g = 0; g < PER / 4; g++)
          *(Pack<C, 4> *)&buffers.result[(ty * PER - rows + i) * SIZE + g * 64 + tx * 4] = {
              {sum[i][g * 4], sum[i][g * 4 + 1], sum[i][g * 4 + 2], sum[i][g * 4 + 3]}};
    }
    barrier();
    finish_tile<32, SIZE, SIZE, 256>(p, buffers.result, row0 + rows, col0);
    barrier();
  }
}
