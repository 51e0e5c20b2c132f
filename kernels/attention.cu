// Attention: out = softmax(scale q k^T + mask) v, without storing the scores (Dao and others, FlashAttention, 2022).
//
// The story. Scores of t x s in memory make attention bound by memory and grow with the square of the length. Here a block keeps
// 64 rows of q and walks over the keys, 64 at a time: scores of the tile, running maximum m and sum l of each row, and the
// result so far, rescaled by exp(m_old - m_new) when the maximum moves. Both products are built like the matrix product of
// gemm.cu: 256 threads, 4x4 scores and 4 x dv/16 results each, operands in shared memory by k. Heads of 128 would need 112 KB
// if q, k and v lay there whole; in slices of 32 dimensions and 16 keys, which share their room with the weights, it is 26 KB, and q
// comes again from L1 or L2 for every 64 keys (96 KB per tile for 2^20 fma: 11 fma per byte). 2 t s (d + dv) flops; the limit it should
// hit is the fma rate, some 50 to 60% of it (19.5 TFLOP/s on an A100, 67 on an H100), the rest going to exponentials and barriers.
//
// Keys are taken at fixed positions and in order, and a key that a row does not see adds exactly nothing, so a row's bits depend
// neither on the other rows nor on the tile it stands in. Every 256 keys the softmax begins anew and the chunks are joined in order:
// then attention_decode.cu can give the chunks of few rows to different blocks, with the same bits. The sums of the chunks so far
// would take another dv/4 registers of each thread and half of the occupancy; they wait in global memory instead, which is L2: 64 rows
// of 128 are 64 KB there and back for 4 M fma, under 1% of the time. Up to 256 keys nothing of this happens.
//
// All types but f64 are computed in f32. f64 is there to check others by: one kernel for all widths.
//
//	attention64_*, attention128_*, attention256_*    dv up to 64, 128, 256; any d
//
// attention_mma.cu does the same on tensor cores, with weights rounded to halves.
//
// Blocks of 256 threads, grid (ceil(group t / 64), key-value heads, batch or sequences).
#include "attention_tile.cuh"

// Running is the state of this thread's four rows, the same in the 16 threads that share them.
template <u32 DV, class C> struct Running {
  C m[4], l[4], sum[4][DV / 16];

  INLINE void reset() {
#pragma unroll
    for (u32 i = 0; i < 4; i++) {
      m[i] = minus_inf<C>();
      l[i] = 0;
#pragma unroll
      for (u32 c = 0; c < DV / 16; c++) sum[i][c] = 0;
    }
  }
};

// soften turns scores into weights exp(s - m), and rescales what is there.
template <u32 DV, class C> DEV void soften(Running<DV, C> &run, C (&s)[4][4], const Rows<C> &rows, C scale, i32 key0) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    i32 from = rows.from[ty * 4 + i], to = rows.to[ty * 4 + i];
    C top = run.m[i];
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      i32 key = key0 + (i32)(tx * 4 + j);
      s[i][j] = key >= from && key < to ? s[i][j] * scale : minus_inf<C>();
      top = larger(top, s[i][j]);
    }
#pragma unroll
    for (u32 mask = 8; mask > 0; mask >>= 1) top = larger(top, lane_xor(top, mask));
    C shift = top == minus_inf<C>() ? (C)0 : top;
    C part = 0;
#pragma unroll
    for (u32 j = 0; j < 4; j++) part += s[i][j] = math::exp(s[i][j] - shift);
#pragma unroll
    for (u32 mask = 8; mask > 0; mask >>= 1) part += lane_xor(part, mask);
    C keep = math::exp(run.m[i] - shift);
    run.l[i] = run.l[i] * keep + part;
    run.m[i] = top;
#pragma unroll
    for (u32 c = 0; c < DV / 16; c++) run.sum[i][c] *= keep;
  }
}

// Earlier is what the chunks before this one gave, but for the sums, which lie in a.work as soon as there are any.
template <class C> struct Earlier {
  C m[4], l[4];
};

// join adds what the chunks before this one gave.
template <u32 DV, class C, class T> DEV void join(Running<DV, C> &run, const Earlier<C> &earlier, const Sequence<T> &seq, u32 row0) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    u32 r = row0 + ty * 4 + i;
    if (r >= seq.count() || earlier.m[i] == minus_inf<C>()) continue;
    Joint<C> both(earlier.m[i], earlier.l[i], run.m[i], run.l[i]);
    run.m[i] = both.m;
    run.l[i] = both.l;
#pragma unroll
    for (u32 g = 0; g < DV / 64; g++) {
      u32 col = g * 64 + tx * 4;
      if (col >= seq.a.dv) continue;
      Pack<C, 4> x = four(seq.sums_at(r) + col);
#pragma unroll
      for (u32 j = 0; j < 4; j++) run.sum[i][g * 4 + j] = both.sum(x.v[j], run.sum[i][g * 4 + j]);
    }
  }
}

// set_aside begins a new chunk.
template <u32 DV, class C, class T> DEV void set_aside(Running<DV, C> &run, Earlier<C> &earlier, const Sequence<T> &seq, u32 row0) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    earlier.m[i] = run.m[i];
    earlier.l[i] = run.l[i];
    u32 r = row0 + ty * 4 + i;
    if (r >= seq.count()) continue;
#pragma unroll
    for (u32 g = 0; g < DV / 64; g++) {
      u32 col = g * 64 + tx * 4;
      const C *x = &run.sum[i][g * 4];
      if (col < seq.a.dv) *(Pack<C, 4> *)(seq.sums_at(r) + col) = {{x[0], x[1], x[2], x[3]}};
    }
  }
  run.reset();
}

template <u32 DV, class C, class T> DEV void finish(Running<DV, C> &run, Rows<C> &rows, const Sequence<T> &seq, u32 row0) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    if (tx > 0) continue;
    rows.m[ty * 4 + i] = run.m[i];
    rows.l[ty * 4 + i] = run.l[i];
  }
  barrier();
  conclude(rows, seq, row0);
  barrier();
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    u32 r = row0 + ty * 4 + i;
    if (r >= seq.count()) continue;
    T *out = seq.out_at(r);
#pragma unroll
    for (u32 g = 0; g < DV / 64; g++) {
      u32 col = g * 64 + tx * 4;
      Four<C> x;
#pragma unroll
      for (u32 j = 0; j < 4; j++) x.v[j] = run.sum[i][g * 4 + j] * rows.l[ty * 4 + i];
      if (col < seq.a.dv) store4(out, col, seq.a.dv, x);
    }
  }
}

template <u32 DV, class T> DEV void attention(const Attention<T> &a) {
  typedef compute<T> C;
  constexpr bool chunks = !same<T, f64>;  // nobody has parts of f64 to agree with
  __shared__ Buffers<DV, C> buffers;
  __shared__ Rows<C> rows;
  Sequence<T> seq(a);
  u32 row0 = blockIdx.x * TILE;
  if (row0 >= seq.count()) return;
  begin(rows, seq, row0);
  u32 mine = row0 + threadIdx.x % TILE;  // the row of q that this thread loads
  const T *q = mine < seq.count() ? seq.q_at(mine) : nullptr;
  Running<DV, C> run;
  run.reset();
  Earlier<C> earlier = {{run.m[0], run.m[0], run.m[0], run.m[0]}, {}};
  Steps range = steps(seq, row0);
#pragma unroll 1
  for (i32 key0 = range.from;; key0 += TILE) {
    bool end = key0 >= range.to;
    if (end || key0 % CHUNK == 0) {
      if (chunks) join(run, earlier, seq, row0);
      if (end) break;
      if (chunks && key0 > range.from) set_aside(run, earlier, seq, row0);
    }
    i32 j = key0 + (i32)(threadIdx.x % TILE);
    C s[4][4];
    scores(s, buffers, q, j < seq.n ? seq.k_at(j) : nullptr, a.d);
    soften(run, s, rows, (C)a.scale, key0);
    put(buffers, s);
    gather<DV, T>(run.sum, buffers, a.dv, [&](u32 j) { return key0 + (i32)j < seq.n ? seq.v_at(key0 + j) : nullptr; });
  }
  finish(run, rows, seq, row0);
}

#define ATTENTION_UP_TO(DV, T) \
  KERNEL(256) attention##DV##_##T(ATTENTION_PARAMETERS(T)) { attention<DV>(ATTENTION(T)); }
#define ATTENTIONS(T) ATTENTION_UP_TO(64, T) ATTENTION_UP_TO(128, T) ATTENTION_UP_TO(256, T)

ATTENTIONS(f32)
ATTENTIONS(f16)
ATTENTIONS(bf16)
ATTENTION_UP_TO(256, f64)
