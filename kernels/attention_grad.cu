// The gradient of attention, from out, lse and dout, without storing the scores.
//
//	p = exp(scale q k^T - lse),  delta = sum(dout out),  ds = p (dout v^T - delta)
//	dq = scale ds k,  dk = scale ds^T q,  dv = p^T dout,  dsink = -sum over rows of exp(sink - lse) delta
//
// Five products of t x s x d where the forward has two. The story: one kernel that owns a tile of keys could add its part of dq
// with atomics, in another order every time. Instead there are two kernels, one owning rows of q and one owning keys, which both
// work p out again: seven products, and every sum in a fixed order (dk and dv run over the query heads of the group, then over their
// rows). The tiles are those of attention.cu; the limit they should hit is the fma rate. Above 128 the registers do not hold dk and
// dv at once, 64 numbers of a thread each, so they are two kernels more: nine products.
//
// It does not matter that a forward with rounded weights (attention_mma.cu) gave out: p comes from lse, which sums the weights as they
// were, and delta carries the error of out, which is rounded to a half anyhow.
//
//	attention_delta_*                            delta of every row: one warp per row, grid (ceil(heads t / 8), batch)
//	attention_grad_q64_*  128, 256               dq: grid as the forward
//	attention_grad_kv64_* 128                    dk and dv: grid (ceil(s/64), key-value heads, batch or sequences)
//	attention_grad_k256_*, attention_grad_v256_* dk and dv alone
//	attention_grad_sink_*                        dsink: one block per head
//
// The number is the largest of d and dv. Blocks of 256 threads. f64 is there to check others by: one kernel for all widths.
#include "attention_tile.cuh"

// Gradient is what the backward has beside the operands of the forward. The output pointers and strides of Attention are those of
// dout here, and its lse is an input.
template <class T> struct Gradient {
  T *dq, *dk, *dv;
  const compute<T> *delta;
};

template <class T> DEV void delta(compute<T> *delta, const T *out, const T *dout, u32 t, u32 heads, u32 dv, u64 batch, u64 head, u64 row) {
  u32 r = blockIdx.x * 8 + threadIdx.x / 32;
  if (r >= heads * t) return;
  u64 at = blockIdx.y * batch + r / t * head + r % t * row;
  compute<T> sum = 0;
  for (u32 i = threadIdx.x % 32; i < dv; i += 32) sum = fma(widen(out[at + i]), widen(dout[at + i]), sum);
#pragma unroll
  for (u32 mask = 16; mask > 0; mask >>= 1) sum += lane_xor(sum, mask);
  if (threadIdx.x % 32 == 0) delta[(u64)blockIdx.y * heads * t + r] = sum;
}

// Known are numbers of the 64 rows of q from row0 on: which keys they see, their lse and delta.
template <class C> struct Known {
  alignas(16) i32 from[TILE];
  alignas(16) i32 to[TILE];
  alignas(16) C lse[TILE], delta[TILE];

  template <class T> INLINE void read(const Sequence<T> &seq, const C *deltas, u32 row0) {
    u32 i = threadIdx.x, r = row0 + i;
    if (i >= TILE) return;
    bool exists = r < seq.count();
    i32 position = exists ? seq.position(r) : 0;
    from[i] = seq.first_key(position);
    to[i] = exists ? seq.end_key(position) : 0;
    lse[i] = exists ? *seq.lse_at(r) : (C)0;
    delta[i] = exists ? deltas[seq.number(r)] : (C)0;
  }
};

// weigh turns this thread's scores into p, 0 where the row does not see the key. ROWS says whether rows of q are the tile's rows, or
// its columns.
template <bool ROWS, class C> DEV void weigh(C (&s)[4][4], const Known<C> &known, i32 key0, C scale) {
  u32 ty = threadIdx.x / 16, tx = threadIdx.x % 16, first = (ROWS ? ty : tx) * 4;
  Pack<i32, 4> from = *(const Pack<i32, 4> *)&known.from[first], to = *(const Pack<i32, 4> *)&known.to[first];
  Pack<C, 4> lse = four(&known.lse[first]);
#pragma unroll
  for (u32 i = 0; i < 16; i++) {
    u32 row = ROWS ? i / 4 : i % 4;
    i32 key = key0 + (i32)(ROWS ? tx * 4 + i % 4 : ty * 4 + i / 4);
    C &x = s[i / 4][i % 4];
    x = key >= from.v[row] && key < to.v[row] ? math::exp(x * scale - lse.v[row]) : (C)0;
  }
}

// differentiate turns p into scale ds.
template <bool ROWS, class C> DEV void differentiate(C (&p)[4][4], const C (&dp)[4][4], const Known<C> &known, C scale) {
  Pack<C, 4> delta = four(&known.delta[(ROWS ? threadIdx.x / 16 : threadIdx.x % 16) * 4]);
#pragma unroll
  for (u32 i = 0; i < 16; i++) p[i / 4][i % 4] *= (dp[i / 4][i % 4] - delta.v[ROWS ? i / 4 : i % 4]) * scale;
}

template <u32 D, class T, class C, class F> DEV void store(const C (&sum)[4][D / 16], u32 width, F at) {
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

template <u32 D, class C> DEV void clear(C (&sum)[4][D / 16]) {
#pragma unroll
  for (u32 i = 0; i < D / 4; i++) sum[i / (D / 16)][i % (D / 16)] = 0;
}

template <u32 D, class T> DEV void attention_grad_q(const Attention<T> &a, const Gradient<T> &g) {
  typedef compute<T> C;
  __shared__ Buffers<D, C> buffers;
  __shared__ Known<C> known;
  Sequence<T> seq(a);
  u32 row0 = blockIdx.x * TILE, count = seq.count();
  if (row0 >= count) return;
  u32 mine = row0 + threadIdx.x % TILE;
  const T *q = mine < count ? seq.q_at(mine) : nullptr, *dout = mine < count ? seq.out_at(mine) : nullptr;
  known.read(seq, g.delta, row0);
  C scale = a.scale, sum[4][D / 16];
  clear<D>(sum);
  Steps range = steps(seq, row0);
#pragma unroll 1
  for (i32 key0 = range.from; key0 < range.to; key0 += TILE) {
    i32 j = key0 + (i32)(threadIdx.x % TILE);
    C s[4][4], dp[4][4];
    scores(s, buffers, q, j < seq.n ? seq.k_at(j) : nullptr, a.d);
    weigh<true>(s, known, key0, scale);
    scores(dp, buffers, dout, j < seq.n ? seq.v_at(j) : nullptr, a.dv);
    differentiate<true>(s, dp, known, scale);
    put(buffers, s);
    gather<D, T>(sum, buffers, a.d, [&](u32 k) { return key0 + (i32)k < seq.n ? seq.k_at(key0 + k) : nullptr; });
  }
  store<D, T>(sum, a.d, [&](u32 i) { return row0 + i < count ? g.dq + (seq.q_at(row0 + i) - a.q) : nullptr; });
}

// In attention_grad_kv a tile has keys for rows and queries for columns. dk and dv lie as k and v do. KEYS and VALUES are what is
// wanted.
template <u32 D, bool KEYS, bool VALUES, class T> DEV void attention_grad_kv(const Attention<T> &a, const Gradient<T> &g) {
  typedef compute<T> C;
  __shared__ Buffers<D, C> buffers;
  __shared__ Known<C> known;
  Sequence<T> seq(a);
  i32 key0 = blockIdx.x * TILE;
  u32 count = seq.count();
  i32 exist = a.offsets ? seq.t : (i32)a.s;  // keys beyond a length have a gradient too: 0
  if (key0 >= exist) return;
  i32 mine = key0 + (i32)(threadIdx.x % TILE);
  const T *k = mine < seq.n ? seq.k_at(mine) : nullptr, *v = mine < seq.n ? seq.v_at(mine) : nullptr;
  C scale = a.scale, dk[4][D / 16], dv[4][D / 16];
  clear<D>(dk);
  clear<D>(dv);
#pragma unroll 1
  for (u32 row0 = 0; row0 < count; row0 += TILE) {
    Steps range = steps(seq, row0);
    if (key0 + (i32)TILE <= range.from || key0 >= range.to) continue;
    u32 r = row0 + threadIdx.x % TILE;
    const T *q = r < count ? seq.q_at(r) : nullptr, *dout = r < count ? seq.out_at(r) : nullptr;
    known.read(seq, g.delta, row0);
    C s[4][4], dp[4][4];
    scores(s, buffers, k, q, a.d);
    weigh<false>(s, known, key0, scale);
    if constexpr (VALUES) {
      put(buffers, s);
      gather<D, T>(dv, buffers, a.dv, [&](u32 i) { return row0 + i < count ? seq.out_at(row0 + i) : nullptr; });
    }
    if constexpr (KEYS) {
      scores(dp, buffers, v, dout, a.dv);
      differentiate<false>(s, dp, known, scale);
      put(buffers, s);
      gather<D, T>(dk, buffers, a.d, [&](u32 i) { return row0 + i < count ? seq.q_at(row0 + i) : nullptr; });
    }
  }
  if constexpr (KEYS) store<D, T>(dk, a.d, [&](u32 i) { return key0 + (i32)i < exist ? g.dk + (seq.k_at(key0 + i) - a.k) : nullptr; });
  if constexpr (VALUES) store<D, T>(dv, a.dv, [&](u32 i) { return key0 + (i32)i < exist ? g.dv + (seq.v_at(key0 + i) - a.v) : nullptr; });
}

// dsink is one block per head: threads take rows 256 apart, batch by batch, and are added in order.
template <class C> DEV void attention_grad_sink(C *dsink, const C *sink, const C *lse, const C *delta, u32 batch, u32 heads, u32 t) {
  __shared__ C parts[256];
  u32 head = blockIdx.x;
  C sum = 0, logit = sink[head];
#pragma unroll 1
  for (u32 b = 0; b < batch; b++) {
    u64 first = ((u64)b * heads + head) * t;
#pragma unroll 1
    for (u32 i = threadIdx.x; i < t; i += 256) sum -= math::exp(logit - lse[first + i]) * delta[first + i];
  }
  parts[threadIdx.x] = sum;
  barrier();
  if (threadIdx.x > 0) return;
#pragma unroll 1
  for (u32 i = 1; i < 256; i++) sum += parts[i];
  dsink[head] = sum;
}

#define GRAD_SINK(C)                                                                                                          \
  KERNEL(256) attention_grad_sink_##C(C *dsink, const C *sink, const C *lse, const C *delta, u32 batch, u32 heads, u32 t) {   \
    attention_grad_sink(dsink, sink, lse, delta, batch, heads, t);                                                            \
  }

#define GRADIENT_PARAMETERS(T)                                                                                                \
  T *dq, T *dk, T *dv, const compute<T> *delta, const T *dout, compute<T> *lse, const T *q, const T *k, const T *v,           \
      const i32 *lengths, const i32 *offsets, u32 heads, u32 group, u32 t, u32 s, u32 d, u32 dv_width, u64 q_batch,           \
      u64 q_head, u64 q_row, u64 k_batch, u64 k_head, u64 k_row, u64 v_batch, u64 v_head, u64 v_row, u64 o_batch, u64 o_head, \
      u64 o_row, f32 scale, u32 causal, u32 window
#define FORWARD(T)                                                                                                            \
  (Attention<T>{(T *)dout, lse,    q,      k,       v,      lengths, nullptr, nullptr, offsets, nullptr, heads,  group,   t,  \
                s,         d,      dv_width, 0,     0,      q_batch, q_head,  q_row,   k_batch, k_head,  k_row,  v_batch,     \
                v_head,    v_row,  o_batch, o_head, o_row,  scale,   causal,  window,  nullptr, 0})

#define GRAD_Q(D, T)                                                                                                          \
  KERNEL(256) attention_grad_q##D##_##T(GRADIENT_PARAMETERS(T)) {                                                             \
    attention_grad_q<D>(FORWARD(T), Gradient<T>{dq, dk, dv, delta});                                                          \
  }
#define GRAD_KV(NAME, D, KEYS, VALUES, T)                                                                                     \
  KERNEL(256) attention_grad_##NAME##D##_##T(GRADIENT_PARAMETERS(T)) {                                                        \
    attention_grad_kv<D, KEYS, VALUES>(FORWARD(T), Gradient<T>{dq, dk, dv, delta});                                           \
  }
#define GRADS(T)                                                                                                              \
  KERNEL(256)                                                                                                                 \
  attention_delta_##T(compute<T> *out_delta, const T *out, const T *dout, u32 t, u32 heads, u32 dv, u64 o_batch, u64 o_head,  \
                      u64 o_row) {                                                                                            \
    delta(out_delta, out, dout, t, heads, dv, o_batch, o_head, o_row);                                                        \
  }                                                                                                                           \
  GRAD_Q(256, T) GRAD_KV(k, 256, true, false, T) GRAD_KV(v, 256, false, true, T)
#define GRADS_OF_SHORTS(T)                                                                                                    \
  GRADS(T) GRAD_Q(64, T) GRAD_Q(128, T) GRAD_KV(kv, 64, true, true, T) GRAD_KV(kv, 128, true, true, T)

GRADS_OF_SHORTS(f32)
GRADS_OF_SHORTS(f16)
GRADS_OF_SHORTS(bf16)
GRADS(f64)
GRAD_SINK(f32)
GRAD_SINK(f64)
