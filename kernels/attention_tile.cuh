// The two products of attention on a tile of 64 by 64, with 256 threads of 4x4: rows times rows, and weights times rows.
#pragma once
#include "attention.cuh"

constexpr u32 SLICE = 32, LD = TILE + 4;

// Buffers hold slices of both operands while scores are made, weights and rows of the values after that.
template <u32 DV, class C> union Buffers {
  static constexpr u32 KEYS = sizeof(C) == 8 ? 4 : 16;
  struct {
    alignas(16) C q[SLICE][LD], k[SLICE][LD];
  };
  struct {
    alignas(16) C weights[TILE][LD], v[KEYS][DV + 4];
  };
};

template <class C> DEV const Pack<C, 4> &four(const C *p) { return *(const Pack<C, 4> *)p; }

// load_slice brings dimensions d0 to d0 + 31 of this thread's row (threadIdx.x % 64) to shared memory, transposed. p is null for
// a row that does not exist.
template <class T> DEV void load_slice(compute<T> (*to)[LD], const T *p, u32 d0, u32 d) {
  u32 row = threadIdx.x % TILE, first = threadIdx.x / TILE * 8;
#pragma unroll 8 / sizeof(compute<T>)
  for (u32 i = 0; i < 8; i += 4) {
    Four<compute<T>> x = load_first(p + d0 + first + i, p ? (i32)(d - (d0 + first + i)) : 0);
#pragma unroll
    for (u32 k = 0; k < 4; k++) to[first + i + k][row] = x.v[k];
  }
}

// scores computes this thread's 4x4 products of 64 rows q and 64 rows k, of which q and k are those that this thread loads.
template <u32 DV, class T, class C> DEV void scores(C (&s)[4][4], Buffers<DV, C> &b, const T *q, const T *k, u32 d) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
  for (u32 i = 0; i < 16; i++) s[i / 4][i % 4] = 0;
#pragma unroll 1
  for (u32 d0 = 0; d0 < d; d0 += SLICE) {
    barrier();
    load_slice(b.q, q, d0, d);
    load_slice(b.k, k, d0, d);
    barrier();
#pragma unroll sizeof(C) == 8 ? 1 : 8
    for (u32 e = 0; e < SLICE; e++) {
      Pack<C, 4> x = four(&b.q[e][ty * 4]), y = four(&b.k[e][tx * 4]);
#pragma unroll
      for (u32 i = 0; i < 16; i++) s[i / 4][i % 4] = fma(x.v[i / 4], y.v[i % 4], s[i / 4][i % 4]);
    }
  }
}

// put leaves the tile in shared memory by column, then row.
template <u32 DV, class C> DEV void put(Buffers<DV, C> &b, const C (&s)[4][4]) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
  barrier();
#pragma unroll
  for (u32 c = 0; c < 4; c++) *(Pack<C, 4> *)&b.weights[tx * 4 + c][ty * 4] = {{s[0][c], s[1][c], s[2][c], s[3][c]}};
}

// gather adds the weights that were put times the rows of another operand, in order: sum[i][..] += w[j][4 ty + i] at(j)[..]. at(j)
// is null for a row that does not exist.
template <u32 DV, class T, class C, class F> DEV void gather(C (&sum)[4][DV / 16], Buffers<DV, C> &b, u32 width, F at) {
  constexpr u32 KEYS = Buffers<DV, C>::KEYS;
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll 1
  for (u32 chunk = 0; chunk < TILE; chunk += KEYS) {
    barrier();
#pragma unroll
    for (u32 i = threadIdx.x; i < KEYS * DV / 4; i += 256) {
      u32 row = i / (DV / 4), col = i % (DV / 4) * 4;
      const T *p = at(chunk + row);
      Four<C> x = load_first(p + col, p ? (i32)(width - col) : 0);
      *(Pack<C, 4> *)&b.v[row][col] = {{x.v[0], x.v[1], x.v[2], x.v[3]}};
    }
    barrier();
#pragma unroll KEYS / 4
    for (u32 row = 0; row < KEYS; row++) {
      Pack<C, 4> w = four(&b.weights[chunk + row][ty * 4]);
#pragma unroll
      for (u32 g = 0; g < DV / 64; g++) {
        Pack<C, 4> x = four(&b.v[row][g * 64 + tx * 4]);
#pragma unroll
        for (u32 i = 0; i < 16; i++) sum[i / 4][g * 4 + i % 4] = fma(w.v[i / 4], x.v[i % 4], sum[i / 4][g * 4 + i % 4]);
      }
    }
  }
}
