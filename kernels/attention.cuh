// What the attention kernels share: their parameters, which keys a row sees, and how parts of a row's keys are joined.
#pragma once
#include "four.cuh"
#include "math64.cuh"

// Strides count elements; the last dimension of q, k, v and out is contiguous, lse is [batch, heads, t], gate [batch, t, heads].
template <class T> struct Attention {
  T *out;
  compute<T> *lse;
  const T *q, *k, *v;
  const i32 *lengths;      // [batch], or null: s keys each
  const compute<T> *sink;  // [heads] or null
  const T *gate;           // or null
  const i32 *offsets;      // [sequences + 1] or null: blockIdx.z is a sequence, t and s are cut alike
  const i32 *pages;        // [batch, page_row] or null; s is then the number of pages, and others are cut to it
  u32 heads, group, t, s, d, dv, page, page_row;
  u64 q_batch, q_head, q_row, k_batch, k_head, k_row, v_batch, v_head, v_row, o_batch, o_head, o_row;
  f32 scale;
  u32 causal, window;
  compute<T> *work;  // sums of chunks that are done: [batch, heads, t, padded()]; of parts: see part_at
  u32 part;          // not 0: so many keys, one chunk, are a block's own, and another kernel joins the parts

  INLINE u32 padded() const { return (dv + 3) / 4 * 4; }  // sums of a row in `work`, in whole accesses of 16 bytes
};

#define ATTENTION_PARAMETERS(T)                                                                                               \
  T *out, compute<T> *lse, const T *q, const T *k, const T *v, const i32 *lengths, const compute<T> *sink, const T *gate,      \
      const i32 *offsets, const i32 *pages, u32 heads, u32 group, u32 t, u32 s, u32 d, u32 dv, u32 page, u32 page_row,         \
      u64 q_batch, u64 q_head, u64 q_row, u64 k_batch, u64 k_head, u64 k_row, u64 v_batch, u64 v_head, u64 v_row, u64 o_batch, \
      u64 o_head, u64 o_row, f32 scale, u32 causal, u32 window, compute<T> *work, u32 part
#define ATTENTION(T)                                                                                                          \
  (Attention<T>{out,    lse,     q,       k,      v,      lengths, sink,    gate,   offsets, pages,  heads,   group,  t,       \
                s,      d,       dv,      page,   page_row, q_batch, q_head, q_row, k_batch, k_head, k_row,   v_batch, v_head, \
                v_row,  o_batch, o_head,  o_row,  scale,  causal,  window,  work,   part})

constexpr u32 TILE = 64;         // query rows per block; keys per step, at multiples of 64 counted from the first key
constexpr i32 CHUNK = 256;       // keys after which the softmax begins anew, at multiples of this
constexpr i32 HALF_CHUNK = 512;  // the same where weights are rounded to halves

// Sequence is the block's part: one batch (or packed sequence) and one key-value head with its group of query heads. Row r of
// the group * t rows is query r % t of head r / t, so that a decoding step with grouped heads fills a tile.
template <class T> struct Sequence {
  typedef compute<T> C;
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

  INLINE u32 count() const { return a.group * t; }  // rows
  INLINE u32 head(u32 r) const { return kv_head * a.group + r / t; }
  INLINE i32 position(u32 r) const { return n - t + (i32)(r % t); }
  INLINE u64 number(u32 r) const { return ((u64)batch * a.heads + head(r)) * a.t + first + r % t; }  // among the rows of all

  INLINE const T *q_at(u32 r) const { return a.q + batch * a.q_batch + head(r) * a.q_head + (first + r % t) * a.q_row; }
  INLINE T *out_at(u32 r) const { return a.out + batch * a.o_batch + head(r) * a.o_head + (first + r % t) * a.o_row; }
  INLINE C *lse_at(u32 r) const { return a.lse + number(r); }
  INLINE C *sums_at(u32 r) const { return a.work + number(r) * a.padded(); }
  INLINE C gate_at(u32 r) const {
    return a.gate ? math::sigmoid(widen(a.gate[((u64)batch * a.t + first + r % t) * a.heads + head(r)])) : (C)1;
  }

  // A part is the sums of a row over one chunk, and behind them its m and l; four places, so that rows stay aligned. Packed
  // sequences have as many rows as keys, and no parts.
  INLINE C *part_at(u32 chunk, u32 r) const {
    u64 rows = (u64)gridDim.z * a.heads * a.t;
    return a.work + (chunk * rows + number(r)) * (a.padded() + 4);
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

// Steps is the range of keys that some rows need, begun at a multiple of TILE.
struct Steps {
  i32 from, to;

  // only cuts the range to `size` keys from `begin` on.
  INLINE void only(i32 begin, i32 size) {
    from = from > begin ? from : begin;
    to = to < begin + size ? to : begin + size;
  }
};

template <class T> DEV Steps steps(const Sequence<T> &s, u32 row0, u32 size = TILE) {
  u32 rows = s.count(), last = row0 + size < rows ? row0 + size - 1 : rows - 1;
  bool one_head = row0 / s.t == last / s.t;  // positions grow within a head; a tile of several may hold any
  i32 low = one_head ? s.position(row0) : s.n - s.t, high = one_head ? s.position(last) : s.n - 1;
  return {s.first_key(low) / (i32)TILE * (i32)TILE, s.end_key(high)};
}

template <class C> DEV C minus_inf() {
  if constexpr (same<C, f64>) return from_bits((u64)0xFFF0000000000000u);
  else return from_bits(0xFF800000u);
}

// larger is the maximum, NaN if one of them is.
template <class C> DEV C larger(C a, C b) { return ((a != a) | (a > b)) ? a : b; }

// Joint is the maximum m and the sum l of two parts of a row's keys, and what the sums of either must be multiplied with. A part
// that sees no key has m = -Inf and sums of 0; times -0 they change nothing, not even the sign of a zero, so it does not matter
// whether it was looked at.
template <class C> struct Joint {
  C m, l, left, right;

  INLINE Joint(C m0, C l0, C m1, C l1) {
    bool none0 = m0 == minus_inf<C>(), none1 = m1 == minus_inf<C>();
    m = larger(m0, m1);
    left = math::exp(m0 - m);
    right = math::exp(m1 - m);
    left = none1 ? (C)1 : none0 ? (C)-0.f : left;
    right = none1 ? (C)-0.f : right;
    l = sum(l0, l1);
  }
  INLINE C sum(C x, C y) const { return sum(x, y, left, right); }
  static INLINE C sum(C x, C y, C left, C right) { return fma(x, left, y * right); }
};

// Rows are numbers of the tile's rows that one thread works out for those that share a row.
template <class C, u32 N = TILE> struct Rows {
  i32 from[N], to[N];  // the keys that the row sees
  C m[N], l[N];
};

// begin works out which keys each row sees.
template <class C, u32 N, class T> DEV void begin(Rows<C, N> &rows, const Sequence<T> &seq, u32 row0) {
  u32 i = threadIdx.x, r = row0 + i;
  if (i >= N) return;
  i32 position = r < seq.count() ? seq.position(r) : 0;
  rows.from[i] = seq.first_key(position);
  rows.to[i] = r < seq.count() ? seq.end_key(position) : 0;
}

// Ending is the factor that a row's sums still need, and the logarithm of its sum.
template <class C> struct Ending {
  C factor, lse;

  template <class T> INLINE Ending(const Sequence<T> &seq, u32 r, C m, C l) {
    C keep = 1;
    if (seq.a.sink) {  // one more logit in the sum, without a value
      C sink = seq.a.sink[seq.head(r)], top = larger(m, sink);
      keep = math::exp(m - top);
      l = l * keep + math::exp(sink - top);
      m = top;
    }
    factor = l == (C)0 ? (C)0 : keep / l * seq.gate_at(r);
    lse = l == (C)0 ? minus_inf<C>() : m + math::log(l);
  }
};

// conclude turns the sum l of each row into the factor that its result still needs, and stores the logarithm of the sum.
template <class C, u32 N, class T> DEV void conclude(Rows<C, N> &rows, const Sequence<T> &seq, u32 row0) {
  u32 i = threadIdx.x, r = row0 + i;
  if (i >= N || r >= seq.count()) return;
  Ending<C> end(seq, r, rows.m[i], rows.l[i]);
  rows.l[i] = end.factor;
  *seq.lse_at(r) = end.lse;
}
