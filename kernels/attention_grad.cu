// The gradient of attention, from out, lse and dout, without storing the scores.
//
//	p = exp(scale q k^T - lse),  delta = sum(dout out),  ds = p (dout v^T - delta)
//	dq = scale ds k,  dk = scale ds^T q,  dv = p^T dout,  dsink = -sum over rows of exp(sink - lse) delta
//
// Five products of t x s x d where the forward has two. The story: one kernel that owns a tile of keys could add its part of dq
// with atomics, in another order every time. Instead there are two kernels, one owning rows of q and one owning keys, which both
// work p out again: seven products, and every sum in a fixed order (dk and dv run over the query heads of the group, then over their
// rows). The tiles are those of attention.cu; the limit they should hit is the fma rate.
//
//	attention_delta_*                    delta of every row: one warp per row
//	attention_grad_q64_*  128, 256       dq: grid as the forward
//	attention_grad_kv64_* 128            dk and dv: grid (ceil(s/64), key-value heads, batch or sequences)
//	attention_grad_sink                  dsink: one block per head
//
// The number is the largest of d and dv. Blocks of 256 threads.
#include "attention_tile.cuh"

// Gradient is what the backward has beside the operands of the forward. The output pointers and strides of Attention are those of
// dout here, and its lse is an input.
template <class T> struct Gradient {
  T *dq, *dk, *dv;
  const f32 *delta;
};

template <class T> DEV void delta(f32 *delta, const T *out, const T *dout, u64 rows, u32 t, u32 heads, u32 dv, u64 batch, u64 head, u64 row) {
  u64 r = grid_index() / 32;
  if (r >= rows) return;
  u64 at = r / t / heads * batch + r / t % heads * head + r % t * row;
  f32 sum = 0;
  for (u32 i = threadIdx.x % 32; i < dv; i += 32) sum = fma(widen(out[at + i]), widen(dout[at + i]), sum);
#pragma unroll
  for (u32 mask = 16; mask > 0; mask >>= 1) sum += lane_xor(sum, mask);
  if (threadIdx.x % 32 == 0) delta[r] = sum;
}

// Row4 are numbers of four rows of q: which keys they see, their lse and delta.
struct Row4 {
  i32 from[4], to[4];
  f32 lse[4], delta[4];
};

template <class T> DEV Row4 read_rows(const Sequence<T> &seq, const f32 *delta, u32 first, u32 count) {
  Row4 rows;
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    u32 r = first + i;
    i32 position = r < count ? seq.position(r) : 0;
    rows.from[i] = seq.first_key(position);
    rows.to[i] = r < count ? seq.end_key(position) : 0;
    rows.lse[i] = r < count ? *seq.lse_at(r) : 0.f;
    rows.delta[i] = r < count ? delta[seq.lse_at(r) - seq.a.lse] : 0.f;
  }
  return rows;
}

// weight is p of row i and one key, 0 where the row does not see it.
DEV f32 weight(const Row4 &rows, u32 i, i32 key, f32 score, f32 scale) {
  return key >= rows.from[i] && key < rows.to[i] ? math::exp(score * scale - rows.lse[i]) : 0.f;
}

template <u32 D, class T, class F> DEV void store(const f32 (&sum)[4][D / 16], u32 width, F at) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16;
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    T *p = at(ty * 4 + i);
    if (!p) continue;
#pragma unroll
    for (u32 g = 0; g < D / 64; g++) {
      u32 col = g * 64 + tx * 4;
      if (col < width) store4(p, col, width, {{sum[i][g * 4], sum[i][g * 4 + 1], sum[i][g * 4 + 2], sum[i][g * 4 + 3]}});
    }
  }
}

template <u32 D> DEV void clear(f32 (&sum)[4][D / 16]) {
#pragma unroll
  for (u32 i = 0; i < D / 4; i++) sum[i / (D / 16)][i % (D / 16)] = 0;
}

template <u32 D, class T> DEV void attention_grad_q(const Attention<T> &a, const Gradient<T> &g) {
  __shared__ Buffers<D> buffers;
  alignas(16) __shared__ f32 weights[TILE][LD];
  Sequence<T> seq(a);
  u32 row0 = blockIdx.x * TILE, count = a.group * seq.t, ty = threadIdx.x / 16, tx = threadIdx.x % 16;
  if (row0 >= count) return;
  u32 mine = row0 + threadIdx.x % TILE;
  const T *q = mine < count ? seq.q_at(mine) : nullptr, *dout = mine < count ? seq.out_at(mine) : nullptr;
  Row4 rows = read_rows(seq, g.delta, row0 + ty * 4, count);
  f32 sum[4][D / 16];
  clear<D>(sum);
  Steps range = steps(seq, row0);
#pragma unroll 1
  for (i32 key0 = range.from; key0 < range.to; key0 += TILE) {
    i32 j = key0 + (i32)(threadIdx.x % TILE);
    f32 s[4][4], dp[4][4];
    scores(s, buffers, q, j < seq.n ? seq.k_at(j) : nullptr, a.d);
    scores(dp, buffers, dout, j < seq.n ? seq.v_at(j) : nullptr, a.dv);
#pragma unroll
    for (u32 i = 0; i < 16; i++) {
      f32 p = weight(rows, i / 4, key0 + (i32)(tx * 4 + i % 4), s[i / 4][i % 4], a.scale);
      s[i / 4][i % 4] = p * (dp[i / 4][i % 4] - rows.delta[i / 4]) * a.scale;
    }
#pragma unroll
    for (u32 c = 0; c < 4; c++) *(Pack<f32, 4> *)&weights[tx * 4 + c][ty * 4] = {{s[0][c], s[1][c], s[2][c], s[3][c]}};
    gather<D, T>(sum, buffers, weights, a.d, [&](u32 k) { return key0 + (i32)k < seq.n ? seq.k_at(key0 + k) : nullptr; });
  }
  store<D, T>(sum, a.d, [&](u32 i) { return row0 + i < count ? g.dq + (seq.q_at(row0 + i) - a.q) : nullptr; });
}

// In attention_grad_kv a tile has keys for rows and queries for columns. dk and dv lie as k and v do.
template <u32 D, class T> DEV void attention_grad_kv(const Attention<T> &a, const Gradient<T> &g) {
  __shared__ Buffers<D> buffers;
  alignas(16) __shared__ f32 weights[TILE][LD];
  Sequence<T> seq(a);
  i32 key0 = blockIdx.x * TILE;
  u32 count = a.group * seq.t, ty = threadIdx.x / 16, tx = threadIdx.x % 16;
  i32 exist = a.offsets ? seq.t : (i32)a.s;  // keys beyond a length have a gradient too: 0
  if (key0 >= exist) return;
  i32 mine = key0 + (i32)(threadIdx.x % TILE);
  const T *k = mine < seq.n ? seq.k_at(mine) : nullptr, *v = mine < seq.n ? seq.v_at(mine) : nullptr;
  f32 dk[4][D / 16], dv[4][D / 16];
  clear<D>(dk);
  clear<D>(dv);
#pragma unroll 1
  for (u32 row0 = 0; row0 < count; row0 += TILE) {
    Steps range = steps(seq, row0);
    if (key0 + (i32)TILE <= range.from || key0 >= range.to) continue;
    u32 r = row0 + threadIdx.x % TILE;
    const T *q = r < count ? seq.q_at(r) : nullptr, *dout = r < count ? seq.out_at(r) : nullptr;
    Row4 rows = read_rows(seq, g.delta, row0 + tx * 4, count);
    f32 s[4][4], dp[4][4];
    scores(s, buffers, k, q, a.d);
    scores(dp, buffers, v, dout, a.dv);
#pragma unroll
    for (u32 i = 0; i < 16; i++) s[i / 4][i % 4] = weight(rows, i % 4, key0 + (i32)(ty * 4 + i / 4), s[i / 4][i % 4], a.scale);
#pragma unroll
    for (u32 c = 0; c < 4; c++) *(Pack<f32, 4> *)&weights[tx * 4 + c][ty * 4] = {{s[0][c], s[1][c], s[2][c], s[3][c]}};
    gather<D, T>(dv, buffers, weights, a.dv, [&](u32 i) { return row0 + i < count ? seq.out_at(row0 + i) : nullptr; });
#pragma unroll
    for (u32 i = 0; i < 16; i++) s[i / 4][i % 4] *= (dp[i / 4][i % 4] - rows.delta[i % 4]) * a.scale;
    barrier();
#pragma unroll
    for (u32 c = 0; c < 4; c++) *(Pack<f32, 4> *)&weights[tx * 4 + c][ty * 4] = {{s[0][c], s[1][c], s[2][c], s[3][c]}};
    gather<D, T>(dk, buffers, weights, a.d, [&](u32 i) { return row0 + i < count ? seq.q_at(row0 + i) : nullptr; });
  }
  store<D, T>(dk, a.d, [&](u32 i) { return key0 + (i32)i < exist ? g.dk + (seq.k_at(key0 + i) - a.k) : nullptr; });
  store<D, T>(dv, a.dv, [&](u32 i) { return key0 + (i32)i < exist ? g.dv + (seq.v_at(key0 + i) - a.v) : nullptr; });
}

// dsink is one block per head: threads take rows 256 apart, over all batches, and are added in order.
KERNEL(256) attention_grad_sink(f32 *dsink, const f32 *sink, const f32 *lse, const f32 *delta, u32 batch, u32 heads, u32 t) {
  __shared__ f32 parts[256];
  u32 head = blockIdx.x;
  f32 sum = 0, logit = sink[head];
  for (u64 i = threadIdx.x; i < (u64)batch * t; i += 256) {
    u64 row = (i / t * heads + head) * t + i % t;
    sum -= math::exp(logit - lse[row]) * delta[row];
  }
  parts[threadIdx.x] = sum;
  barrier();
  if (threadIdx.x > 0) return;
  for (u32 i = 1; i < 256; i++) sum += parts[i];
  dsink[head] = sum;
}

#define GRADIENT_PARAMETERS(T)                                                                                                \
  T *dq, T *dk, T *dv, const f32 *delta, const T *dout, f32 *lse, const T *q, const T *k, const T *v, const i32 *lengths,     \
      const i32 *offsets, u32 heads, u32 group, u32 t, u32 s, u32 d, u32 dv_width, u64 q_batch, u64 q_head, u64 q_row,         \
      u64 k_batch, u64 k_head, u64 k_row, u64 v_batch, u64 v_head, u64 v_row, u64 o_batch, u64 o_head, u64 o_row, f32 scale,   \
      u32 causal, u32 window
#define FORWARD(T)                                                                                                            \
  (Attention<T>{(T *)dout, lse, q, k, v, lengths, nullptr, nullptr, offsets, nullptr, heads, group, t, s, d, dv_width, 0, 0,   \
                q_batch, q_head, q_row, k_batch, k_head, k_row, v_batch, v_head, v_row, o_batch, o_head, o_row, scale, causal, window})

#define GRAD_Q(D, T)                                                                                    \
  KERNEL(256) attention_grad_q##D##_##T(GRADIENT_PARAMETERS(T)) {                                       \
    attention_grad_q<D>(FORWARD(T), Gradient<T>{dq, dk, dv, delta});                                    \
  }
#define GRAD_KV(D, T)                                                                                   \
  KERNEL(256) attention_grad_kv##D##_##T(GRADIENT_PARAMETERS(T)) {                                      \
    attention_grad_kv<D>(FORWARD(T), Gradient<T>{dq, dk, dv, delta});                                   \
  }
#define GRADS(T)                                                                                        \
  KERNEL(256)                                                                                           \
  attention_delta_##T(f32 *out_delta, const T *out, const T *dout, u64 rows, u32 t, u32 heads, u32 dv,  \
                      u64 o_batch, u64 o_head, u64 o_row) {                                             \
    delta(out_delta, out, dout, rows, t, heads, dv, o_batch, o_head, o_row);                            \
  }                                                                                                     \
  GRAD_Q(64, T) GRAD_Q(128, T) GRAD_Q(256, T) GRAD_KV(64, T) GRAD_KV(128, T)

GRADS(f32)
GRADS(f16)
GRADS(bf16)
