// Attention: out = softmax(scale q k^T + mask) v, without storing the scores (Dao and others, FlashAttention, 2022).
//
// The story. Scores of t x s in memory make attention bound by memory and grow with the square of the length. Here a block keeps
// 64 rows of q and walks over the keys, 64 at a time: scores of the tile, running maximum m and sum l of each row, and the
// result so far, rescaled by exp(m_old - m_new) when the maximum moves. Both products are built like the matrix product of
// gemm.cu: 256 threads, 4x4 scores and 4 x dv/16 results each, operands in shared memory by k. Heads of 128 would need 112 KB
// if q, k and v lay there whole; in slices of 32 dimensions and 16 keys it is 35 KB, and q comes again from L1 or L2 for every 64
// keys (96 KB per tile for 2^20 fma: 11 fma per byte). 2 t s (d + dv) flops; the limit it should hit is the fma rate, some 50 to
// 60% of it, the rest going to exponentials and barriers.
//
// Keys are taken at fixed positions and in order, and a key that a row does not see adds exactly nothing, so a row's bits depend
// neither on the other rows nor on the tile it stands in. All types are computed in f32.
//
//	attention64_*, attention128_*, attention256_*    dv up to 64, 128, 256; any d
//
// attention_mma.cu does the same on tensor cores.
//
// Blocks of 256 threads, grid (ceil(group t / 64), key-value heads, batch or sequences).
#include "attention_tile.cuh"

// Running is the state of this thread's four rows, the same in the 16 threads that share them.
template <u32 DV> struct Running {
  f32 m[4], l[4], sum[4][DV / 16];
};

// soften turns scores into weights exp(s - m), which it leaves in shared memory by key, and rescales what is there.
template <u32 DV> DEV void soften(Running<DV> &run, f32 (&s)[4][4], f32 (*weights)[LD], const Rows &rows, f32 scale, i32 key0) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    i32 from = rows.from[ty * 4 + i], to = rows.to[ty * 4 + i];
    f32 top = run.m[i];
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      i32 key = key0 + (i32)(tx * 4 + j);
      s[i][j] = key >= from && key < to ? s[i][j] * scale : minus_inf();
      top = top != top || top > s[i][j] ? top : s[i][j];
    }
#pragma unroll
    for (u32 mask = 8; mask > 0; mask >>= 1) {
      f32 other = lane_xor(top, mask);
      top = top != top || top > other ? top : other;
    }
    f32 shift = top == minus_inf() ? 0.f : top;
    f32 part = 0;
#pragma unroll
    for (u32 j = 0; j < 4; j++) part += s[i][j] = math::exp(s[i][j] - shift);
#pragma unroll
    for (u32 mask = 8; mask > 0; mask >>= 1) part += lane_xor(part, mask);
    f32 keep = math::exp(run.m[i] - shift);
    run.l[i] = run.l[i] * keep + part;
    run.m[i] = top;
#pragma unroll
    for (u32 c = 0; c < DV / 16; c++) run.sum[i][c] *= keep;
  }
#pragma unroll
  for (u32 j = 0; j < 4; j++) *(Pack<f32, 4> *)&weights[tx * 4 + j][ty * 4] = {{s[0][j], s[1][j], s[2][j], s[3][j]}};
}

template <u32 DV, class T> DEV void finish(Running<DV> &run, Rows &rows, const Sequence<T> &seq, u32 row0, u32 count) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    if (tx > 0) continue;
    rows.m[ty * 4 + i] = run.m[i];
    rows.l[ty * 4 + i] = run.l[i];
  }
  barrier();
  conclude(rows, seq, row0, count);
  barrier();
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    u32 r = row0 + ty * 4 + i;
    if (r >= count) continue;
    T *out = seq.out_at(r);
#pragma unroll
    for (u32 g = 0; g < DV / 64; g++) {
      u32 col = g * 64 + tx * 4;
      Four<f32> x;
#pragma unroll
      for (u32 j = 0; j < 4; j++) x.v[j] = run.sum[i][g * 4 + j] * rows.l[ty * 4 + i];
      if (col < seq.a.dv) store4(out, col, seq.a.dv, x);
    }
  }
}

template <u32 DV, class T> DEV void attention(const Attention<T> &a) {
  __shared__ Buffers<DV> buffers;
  alignas(16) __shared__ f32 weights[TILE][LD];
  __shared__ Rows rows;
  Sequence<T> seq(a);
  u32 row0 = blockIdx.x * TILE, count = a.group * seq.t;
  if (row0 >= count) return;
  begin(rows, seq, row0, count);
  u32 mine = row0 + threadIdx.x % TILE;  // the row of q that this thread loads
  const T *q = mine < count ? seq.q_at(mine) : nullptr;
  Running<DV> run;
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    run.m[i] = minus_inf();
    run.l[i] = 0;
#pragma unroll
    for (u32 c = 0; c < DV / 16; c++) run.sum[i][c] = 0;
  }
  Steps range = steps(seq, row0);
#pragma unroll 1
  for (i32 key0 = range.from; key0 < range.to; key0 += TILE) {
    i32 j = key0 + (i32)(threadIdx.x % TILE);
    f32 s[4][4];
    scores(s, buffers, q, j < seq.n ? seq.k_at(j) : nullptr, a.d);
    soften(run, s, weights, rows, a.scale, key0);
    gather<DV, T>(run.sum, buffers, weights, a.dv, [&](u32 j) { return key0 + (i32)j < seq.n ? seq.v_at(key0 + j) : nullptr; });
  }
  finish(run, rows, seq, row0, count);
}

#define ATTENTIONS(T)                                                                                  \
  KERNEL(256) attention64_##T(ATTENTION_PARAMETERS(T)) { attention<64>(ATTENTION(T)); }                \
  KERNEL(256) attention128_##T(ATTENTION_PARAMETERS(T)) { attention<128>(ATTENTION(T)); }              \
  KERNEL(256) attention256_##T(ATTENTION_PARAMETERS(T)) { attention<256>(ATTENTION(T)); }

ATTENTIONS(f32)
ATTENTIONS(f16)
ATTENTIONS(bf16)
