// What the attention kernels share: their parameters, and which keys a row sees.
#pragma once
#include "four.cuh"
#include "math.cuh"

// Strides count elements; the last dimension of q, k, v and out is contiguous, lse is [batch, heads, t], gate [batch, t, heads].
template <class T> struct Attention {
  T *out;
  f32 *lse;
  const T *q, *k, *v;
  const i32 *lengths;  // [batch], or null: s keys each
  const f32 *sink;     // [heads] or null
  const T *gate;       // or null
  const i32 *offsets;  // [sequences + 1] or null: blockIdx.z is a sequence, t and s are cut alike
  const i32 *pages;    // [batch, page_row] or null; s is then the number of pages, and others are cut to it
  u32 heads, group, t, s, d, dv, page, page_row;
  u64 q_batch, q_head, q_row, k_batch, k_head, k_row, v_batch, v_head, v_row, o_batch, o_head, o_row;
  f32 scale;
  u32 causal, window;
};

#define ATTENTION_PARAMETERS(T)                                                                                               \
  T *out, f32 *lse, const T *q, const T *k, const T *v, const i32 *lengths, const f32 *sink, const T *gate, const i32 *offsets, \
      const i32 *pages, u32 heads, u32 group, u32 t, u32 s, u32 d, u32 dv, u32 page, u32 page_row, u64 q_batch, u64 q_head,     \
      u64 q_row, u64 k_batch, u64 k_head, u64 k_row, u64 v_batch, u64 v_head, u64 v_row, u64 o_batch, u64 o_head, u64 o_row,    \
      f32 scale, u32 causal, u32 window
#define ATTENTION(T)                                                                                                          \
  (Attention<T>{out, lse, q, k, v, lengths, sink, gate, offsets, pages, heads, group, t, s, d, dv, page, page_row, q_batch,    \
                q_head, q_row, k_batch, k_head, k_row, v_batch, v_head, v_row, o_batch, o_head, o_row, scale, causal, window})

constexpr u32 TILE = 64;  // query rows per block; keys per step, at multiples of 64 counted from the first key

// Sequence is the block's part: one batch (or packed sequence) and one key-value head with its group of query heads. Row r of
// the group * t rows is query r % t of head r / t, so that a decoding step with grouped heads fills a tile.
template <class T> struct Sequence {
  const Attention<T> &a;
  u32 batch, kv_head, first;  // first row of a packed sequence
  i32 t, n;                   // queries, keys

  INLINE Sequence(const Attention<T> &a) : a(a), batch(a.offsets ? 0 : blockIdx.z), kv_head(blockIdx.y), first(0), t(a.t), n(a.s) {
    if (a.offsets) {
      i32 from = clamp(a.offsets[blockIdx.z], 0, (i32)a.t), to = clamp(a.offsets[blockIdx.z + 1], from, (i32)a.t);
      first = from;
      t = n = to - from;
    }
    if (a.lengths) n = clamp(a.lengths[batch], 0, (i32)(a.pages ? a.page * a.page_row : a.s));
  }

  static INLINE i32 clamp(i32 x, i32 low, i32 high) { return x < low ? low : x > high ? high : x; }

  INLINE u32 head(u32 r) const { return kv_head * a.group + r / t; }
  INLINE i32 position(u32 r) const { return n - t + (i32)(r % t); }

  INLINE const T *q_at(u32 r) const { return a.q + batch * a.q_batch + head(r) * a.q_head + (first + r % t) * a.q_row; }
  INLINE T *out_at(u32 r) const { return a.out + batch * a.o_batch + head(r) * a.o_head + (first + r % t) * a.o_row; }
  INLINE f32 *lse_at(u32 r) const { return a.lse + ((u64)batch * a.heads + head(r)) * a.t + first + r % t; }
  INLINE f32 gate_at(u32 r) const {
    return a.gate ? math::sigmoid(widen(a.gate[((u64)batch * a.t + first + r % t) * a.heads + head(r)])) : 1.f;
  }

  // Where key j begins in k or v.
  INLINE const T *key(const T *p, u64 batch_stride, u64 head_stride, u64 row_stride, u32 j) const {
    if (!a.pages) return p + batch * batch_stride + kv_head * head_stride + (first + j) * row_stride;
    i32 page = clamp(a.pages[(u64)batch * a.page_row + j / a.page], 0, (i32)a.s - 1);
    return p + page * batch_stride + kv_head * head_stride + j % a.page * row_stride;
  }
  INLINE const T *k_at(u32 j) const { return key(a.k, a.k_batch, a.k_head, a.k_row, j); }
  INLINE const T *v_at(u32 j) const { return key(a.v, a.v_batch, a.v_head, a.v_row, j); }

  // Row at `position` sees the keys from first_key to end_key - 1.
  INLINE i32 first_key(i32 position) const { return a.window ? clamp(position - (i32)a.window + 1, 0, n) : 0; }
  INLINE i32 end_key(i32 position) const {
    return a.causal ? clamp(position + 1, 0, n) : a.window ? clamp(position + (i32)a.window, 0, n) : n;
  }
};

// Steps is the range of keys that a tile of rows needs, begun at a multiple of TILE.
struct Steps {
  i32 from, to;
};

template <class T> DEV Steps steps(const Sequence<T> &s, u32 row0) {
  u32 rows = s.a.group * s.t, last = row0 + TILE < rows ? row0 + TILE - 1 : rows - 1;
  bool one_head = row0 / s.t == last / s.t;  // positions grow within a head; a tile of several may hold any
  i32 low = one_head ? s.position(row0) : s.n - s.t, high = one_head ? s.position(last) : s.n - 1;
  return {s.first_key(low) / (i32)TILE * (i32)TILE, s.end_key(high)};
}

DEV f32 minus_inf() { return from_bits(0xFF800000u); }

// Rows are numbers of the tile's rows that one thread works out for the 16 that share a row.
struct Rows {
  i32 from[TILE], to[TILE];  // the keys that the row sees
  f32 m[TILE], l[TILE];
};

// begin works out which keys each row sees.
template <class T> DEV void begin(Rows &rows, const Sequence<T> &seq, u32 row0, u32 count) {
  u32 i = threadIdx.x, r = row0 + i;
  if (i >= TILE) return;
  i32 position = r < count ? seq.position(r) : 0;
  rows.from[i] = seq.first_key(position);
  rows.to[i] = r < count ? seq.end_key(position) : 0;
}

// conclude turns the sum l of each row into the factor that its result still needs, and stores the logarithm of the sum.
template <class T> DEV void conclude(Rows &rows, const Sequence<T> &seq, u32 row0, u32 count) {
  u32 i = threadIdx.x, r = row0 + i;
  if (i >= TILE || r >= count) return;
  f32 m = rows.m[i], l = rows.l[i], keep = 1.f;
  if (seq.a.sink) {  // one more logit in the sum, without a value
    f32 sink = seq.a.sink[seq.head(r)], top = m != m || m > sink ? m : sink;
    keep = math::exp(m - top);
    l = l * keep + math::exp(sink - top);
    m = top;
  }
  rows.l[i] = l == 0.f ? 0.f : keep / l * seq.gate_at(r);
  *seq.lse_at(r) = l == 0.f ? minus_inf() : m + math::log(l);
}
