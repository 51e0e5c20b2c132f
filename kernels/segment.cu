// Statistics of ragged groups of rows: group i of x [n, inner] is the rows offsets[i] to offsets[i+1] - 1.
//
//	segment          sum, mean, std or max of each group and column
//	segment_grad     its gradient        segment_softmax, segment_softmax_grad      softmax within a group and column
//	segment_expand   every row of a group becomes the group's row
//
// A thread per group and column walks down the rows in order; neighbours read side by side. 4 bytes of f32 per flop: bound by
// memory when there are groups and columns enough. That is the shape at hand (rewards of some hundred groups, features of tokens);
// few long groups of one column would want a block each. Rows in no group are not written: the backend clears them first.
// Offsets are cut to 0..n. An empty group gives 0, and -Inf for the maximum. A NaN wins the maximum.
#include "math64.cuh"

// Codes of internal/op.
enum SegmentFn { SEGMENT_SUM, SEGMENT_MEAN, SEGMENT_STD, SEGMENT_MAX };

// Group is this thread's part: the rows from `from` to `to` of one column, at row * inner + column.
struct Group {
  u64 index;  // of the group's value for this column
  u32 column, inner;
  i32 from, to;
  bool exists;

  INLINE Group(const i32 *offsets, u32 groups, u32 n, u32 inner) : inner(inner) {
    u64 i = grid_index();
    exists = i < (u64)groups * inner;
    index = exists ? i : 0;
    u32 g = index / inner;
    column = index - (u64)g * inner;
    from = clamp(offsets[g], n);
    to = clamp(offsets[g + 1], n);
  }
  static INLINE i32 clamp(i32 x, u32 n) { return x < 0 ? 0 : x > (i32)n ? (i32)n : x; }
  INLINE u64 at(i32 row) const { return (u64)row * inner + column; }
  INLINE u32 count() const { return to > from ? to - from : 0; }
};

template <class C> DEV C lowest() { return (C)from_bits(0xFF800000u); }

template <class T> DEV compute<T> sum(const T *x, const Group &g) {
  compute<T> s = 0;
#pragma unroll 1
  for (i32 r = g.from; r < g.to; r++) s += widen(x[g.at(r)]);
  return s;
}

template <class T> DEV compute<T> maximum(const T *x, const Group &g) {
  compute<T> m = lowest<compute<T>>();
#pragma unroll 1
  for (i32 r = g.from; r < g.to; r++) {
    compute<T> v = widen(x[g.at(r)]);
    m = m != m || m > v ? m : v;
  }
  return m;
}

// deviation is sqrt(sum (x - mean)^2 / (count - sample)), 0 where that divides by nothing.
template <class T> DEV compute<T> deviation(const T *x, const Group &g, u32 sample) {
  typedef compute<T> C;
  u32 count = g.count();
  if (count <= sample) return 0;
  C mean = sum(x, g) / (C)count, squares = 0;
#pragma unroll 1
  for (i32 r = g.from; r < g.to; r++) {
    C v = widen(x[g.at(r)]) - mean;
    squares = fma(v, v, squares);
  }
  return sqrt(squares / (C)(count - sample));
}

template <class T> DEV void segment(T *out, const T *x, const i32 *offsets, u32 groups, u32 n, u32 inner, u32 fn, u32 sample) {
  typedef compute<T> C;
  Group g(offsets, groups, n, inner);
  if (!g.exists) return;
  C r = 0;
  switch (fn) {
    case SEGMENT_SUM: r = sum(x, g); break;
    case SEGMENT_MEAN: r = g.count() ? sum(x, g) / (C)g.count() : C(0); break;
    case SEGMENT_STD: r = deviation(x, g, sample); break;
    case SEGMENT_MAX: r = maximum(x, g); break;
  }
  out[g.index] = narrow<T>(r);
}

// segment_grad: dx = dy (sum), dy / count (mean), dy (x - mean) / ((count - sample) y) (std), dy at the first row that has it (max).
template <class T>
DEV void segment_grad(T *dx, const T *x, const T *y, const i32 *offsets, const T *dy, u32 groups, u32 n, u32 inner, u32 fn, u32 sample) {
  typedef compute<T> C;
  Group g(offsets, groups, n, inner);
  if (!g.exists || g.count() == 0) return;
  C d = widen(dy[g.index]), value = widen(y[g.index]), mean = 0;
  C share = fn == SEGMENT_MEAN ? d / (C)g.count() : d;
  if (fn == SEGMENT_STD) {
    mean = sum(x, g) / (C)g.count();
    share = value == 0 || g.count() <= sample ? C(0) : d / ((C)(g.count() - sample) * value);
  }
  bool taken = false;
#pragma unroll 1
  for (i32 r = g.from; r < g.to; r++) {
    C v = fn == SEGMENT_SUM || fn == SEGMENT_MEAN ? C(0) : widen(x[g.at(r)]), result = share;
    if (fn == SEGMENT_STD) result = share * (v - mean);
    if (fn == SEGMENT_MAX) {
      bool same = !taken && (v == value || (v != v && value != value));
      taken = taken || same;
      result = same ? share : C(0);
    }
    dx[g.at(r)] = narrow<T>(result);
  }
}

template <class T> DEV void segment_softmax(T *out, const T *x, const i32 *offsets, u32 groups, u32 n, u32 inner) {
  Group g(offsets, groups, n, inner);
  if (!g.exists) return;
  typedef compute<T> C;
  C m = maximum(x, g), total = 0;
#pragma unroll 1
  for (i32 r = g.from; r < g.to; r++) total += math::exp(widen(x[g.at(r)]) - m);
  C scale = C(1) / total;
#pragma unroll 1
  for (i32 r = g.from; r < g.to; r++) out[g.at(r)] = narrow<T>(math::exp(widen(x[g.at(r)]) - m) * scale);
}

template <class T> DEV void segment_softmax_grad(T *dx, const T *y, const i32 *offsets, const T *dy, u32 groups, u32 n, u32 inner) {
  typedef compute<T> C;
  Group g(offsets, groups, n, inner);
  if (!g.exists) return;
  C dot = 0;
#pragma unroll 1
  for (i32 r = g.from; r < g.to; r++) dot = fma(widen(y[g.at(r)]), widen(dy[g.at(r)]), dot);
#pragma unroll 1
  for (i32 r = g.from; r < g.to; r++) dx[g.at(r)] = narrow<T>(widen(y[g.at(r)]) * (widen(dy[g.at(r)]) - dot));
}

template <class T> DEV void segment_expand(T *out, const T *v, const i32 *offsets, u32 groups, u32 n, u32 inner) {
  Group g(offsets, groups, n, inner);
  if (!g.exists) return;
  T value = v[g.index];
#pragma unroll 1
  for (i32 r = g.from; r < g.to; r++) out[g.at(r)] = value;
}

#define SEGMENTS(T)                                                                                                             \
  KERNEL(256) segment_##T(T *out, const T *x, const i32 *offsets, u32 groups, u32 n, u32 inner, u32 fn, u32 sample) {           \
    segment(out, x, offsets, groups, n, inner, fn, sample);                                                                     \
  }                                                                                                                             \
  KERNEL(256)                                                                                                                   \
  segment_grad_##T(T *dx, const T *x, const T *y, const i32 *offsets, const T *dy, u32 groups, u32 n, u32 inner, u32 fn,        \
                   u32 sample) {                                                                                                \
    segment_grad(dx, x, y, offsets, dy, groups, n, inner, fn, sample);                                                          \
  }                                                                                                                             \
  KERNEL(256) segment_softmax_grad_##T(T *dx, const T *y, const i32 *offsets, const T *dy, u32 groups, u32 n, u32 inner) {      \
    segment_softmax_grad(dx, y, offsets, dy, groups, n, inner);                                                                 \
  }

#define SOFTMAX(T)                                                                                                              \
  KERNEL(256) segment_softmax_##T(T *out, const T *x, const i32 *offsets, u32 groups, u32 n, u32 inner) {                       \
    segment_softmax(out, x, offsets, groups, n, inner);                                                                         \
  }

#define EXPAND(name, T)                                                                                                         \
  KERNEL(256) segment_expand_##name(T *out, const T *v, const i32 *offsets, u32 groups, u32 n, u32 inner) {                     \
    segment_expand(out, v, offsets, groups, n, inner);                                                                          \
  }

SEGMENTS(f32)
SEGMENTS(f64)
SEGMENTS(f16)
SEGMENTS(bf16)
SOFTMAX(f32)
SOFTMAX(f64)
SOFTMAX(f16)
SOFTMAX(bf16)
EXPAND(b8, u8)
EXPAND(b16, u16)
EXPAND(b32, u32)
EXPAND(b64, u64)
