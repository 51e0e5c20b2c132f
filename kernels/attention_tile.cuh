// The two products of attention on a tile of 64 by 64, with 256 threads of 4x4: rows times rows, and weights times rows.
#pragma once
#include "attention.cuh"

constexpr u32 SLICE = 32, KEYS = 16, LD = TILE + 4;

template <u32 DV> union Buffers {
  struct {
    alignas(16) f32 q[SLICE][LD], k[SLICE][LD];
  };
  alignas(16) f32 v[KEYS][DV + 4];
};

DEV const Pack<f32, 4> &four(const f32 *p) { return *(const Pack<f32, 4> *)p; }

// load_slice brings dimensions d0 to d0 + 31 of this thread's row (threadIdx.x % 64) to shared memory, transposed. p is null for
// a row that does not exist.
template <class T> DEV void load_slice(f32 (*to)[LD], const T *p, u32 d0, u32 d) {
  u32 row = threadIdx.x % TILE, first = threadIdx.x / TILE * 8;
#pragma unroll
  for (u32 i = 0; i < 8; i += 4) {
    Four<f32> x = load_first(p + d0 + first + i, p ? (i32)(d - (d0 + first + i)) : 0);
#pragma unroll
    for (u32 k = 0; k < 4; k++) to[first + i + k][row] = x.v[k];
  }
}

// scores computes this thread's 4x4 products of 64 rows q and 64 rows k, of which q and k are those that this thread loads.
template <u32 DV, class T> DEV void scores(f32 (&s)[4][4], Buffers<DV> &b, const T *q, const T *k, u32 d) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
  for (u32 i = 0; i < 16; i++) s[i / 4][i % 4] = 0;
#pragma unroll 1
  for (u32 d0 = 0; d0 < d; d0 += SLICE) {
    barrier();
    load_slice(b.q, q, d0, d);
    load_slice(b.k, k, d0, d);
    barrier();
#pragma unroll 8
    for (u32 e = 0; e < SLICE; e++) {
      Pack<f32, 4> x = four(&b.q[e][ty * 4]), y = four(&b.k[e][tx * 4]);
#pragma unroll
      for (u32 i = 0; i < 16; i++) s[i / 4][i % 4] = fma(x.v[i / 4], y.v[i % 4], s[i / 4][i % 4]);
    }
  }
}

// gather adds weights (by column, then row) times the rows of another operand, in order: sum[i][..] += w[j][4 ty + i] at(j)[..]. at(j) is
// null for a row that does not exist.
template <u32 DV, class T, class F> DEV void gather(f32 (&sum)[4][DV / 16], Buffers<DV> &b, f32 (*weights)[LD], u32 width, F at) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll 1
  for (u32 chunk = 0; chunk < TILE; chunk += KEYS) {
    barrier();
#pragma unroll
    for (u32 i = threadIdx.x; i < KEYS * DV / 4; i += 256) {
      u32 row = i / (DV / 4), col = i % (DV / 4) * 4;
      const T *p = at(chunk + row);
      Four<f32> x = load_first(p + col, p ? (i32)(width - col) : 0);
      *(Pack<f32, 4> *)&b.v[row][col] = {{x.v[0], x.v[1], x.v[2], x.v[3]}};
    }
    barrier();
#pragma unroll 4
    for (u32 row = 0; row < KEYS; row++) {
      Pack<f32, 4> w = four(&weights[chunk + row][ty * 4]);
#pragma unroll
      for (u32 g = 0; g < DV / 64; g++) {
        Pack<f32, 4> x = four(&b.v[row][g * 64 + tx * 4]);
#pragma unroll
        for (u32 i = 0; i < 16; i++) sum[i / 4][g * 4 + i % 4] = fma(w.v[i / 4], x.v[i % 4], sum[i / 4][g * 4 + i % 4]);
      }
    }
  }
}
