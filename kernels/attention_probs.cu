// The probabilities by which attention weighs the values: probs = exp(scale q k^T - lse), [batch, heads, t, s], 0 where a row does not
// see a key.
//
// The story. One product of the tiles of attention_tile.cuh, and 4 bytes (8 of f64) to memory for each of its sums of d terms: with
// d = 128, 256 flops for 4 bytes. An A100 does 39 flops while it writes that much and an H100 80, so the fma rate is the limit down
// to d = 20 and 40. A tile that no row sees is written without being computed, and causal attention has half of those.
//
// Blocks of 256 threads, grid (ceil(group t / 64) ceil(s / 64), key-value heads, batch).
#include "attention_tile.cuh"

template <class T> DEV void probs(compute<T> *out, const Attention<T> &a) {
  typedef compute<T> C;
  __shared__ Buffers<64, C> buffers;
  __shared__ Rows<C> rows;
  Sequence<T> seq(a);
  u32 tiles = (a.s + TILE - 1) / TILE, row0 = blockIdx.x / tiles * TILE, ty = threadIdx.x / 16, tx = threadIdx.x % 16;
  i32 key0 = blockIdx.x % tiles * TILE, key = key0 + threadIdx.x % TILE;
  begin(rows, seq, row0);
  Steps range = steps(seq, row0);
  C s[4][4] = {};
  if (key0 + (i32)TILE > range.from && key0 < range.to) {
    u32 mine = row0 + threadIdx.x % TILE;
    scores(s, buffers, mine < seq.count() ? seq.q_at(mine) : nullptr, key < seq.n ? seq.k_at(key) : nullptr, a.d);
  } else {
    barrier();
  }
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    u32 r = row0 + ty * 4 + i;
    if (r >= seq.count()) continue;
    C lse = *seq.lse_at(r);
    Four<C> p;
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      i32 k = key0 + (i32)(tx * 4 + j);
      p.v[j] = k >= rows.from[ty * 4 + i] && k < rows.to[ty * 4 + i] ? math::exp(s[i][j] * (C)a.scale - lse) : (C)0;
    }
    store4(out + seq.number(r) * a.s, key0 + tx * 4, a.s, p);
  }
}

#define PROBS(T)                                                                                                              \
  KERNEL(256)                                                                                                                 \
  attention_probs_##T(compute<T> *out, const T *q, const T *k, compute<T> *lse, const i32 *lengths, u32 heads, u32 group,     \
                      u32 t, u32 s, u32 d, u64 q_batch, u64 q_head, u64 q_row, u64 k_batch, u64 k_head, u64 k_row, f32 scale, \
                      u32 causal, u32 window) {                                                                               \
    probs(out, Attention<T>{nullptr, lse,    q,     k,       nullptr, lengths, nullptr, nullptr, nullptr, nullptr,            \
                            heads,   group,  t,     s,       d,       0,       0,       0,       q_batch, q_head,             \
                            q_row,   k_batch, k_head, k_row, 0,       0,       0,       0,       0,       0,                  \
                            scale,   causal, window, nullptr, 0});                                                            \
  }

PROBS(f32)
PROBS(f16)
PROBS(bf16)
PROBS(f64)
