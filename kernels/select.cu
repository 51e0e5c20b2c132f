// Comparing and choosing: compare, where, clamp.
//
// Memory bound, like the arithmetic of elementwise.cu, and with the same roads: layouts for everything that broadcasts (a null layout
// when all operands are contiguous), and a contiguous one for clamp.
#include "elementwise.cuh"

enum Relation { EQ, NE, LT, LE, GT, GE };

// A NaN is unequal to everything, itself included.
template <class C> DEV bool holds(u32 relation, C a, C b) {
  switch (relation) {
    case EQ: return a == b;
    case NE: return a != b;
    case LT: return a < b;
    case LE: return a <= b;
    case GT: return a > b;
  }
  return a >= b;
}

template <class T> DEV void compare(u8 *out, const T *a, const T *b, u32 n, const Layout *layout, u32 relation) {
#pragma unroll 1
  for (u32 i = grid_index(); i < n; i += grid_size()) {
    Places<3> at = locate(layout, i);
    out[at.v[0]] = holds(relation, widen(a[at.v[1]]), widen(b[at.v[2]]));
  }
}

// where takes a where cond is not 0, else b. Operands of the description: out, cond, a, b.
template <class T> DEV void where(T *out, const u8 *cond, const T *a, const T *b, u32 n, const Description<4> *layout) {
#pragma unroll 1
  for (u32 i = grid_index(); i < n; i += grid_size()) {
    Places<4> at = locate(layout, i);
    out[at.v[0]] = cond[at.v[1]] ? a[at.v[2]] : b[at.v[3]];
  }
}

// clamp is min(max(x, low), high); NaN stays.
template <class T> DEV void clamp(T *out, const T *x, u64 n, compute<T> low, compute<T> high) {
  map1<wide<T>>(out, x, n, [=](T e) {
    compute<T> v = widen(e);
    v = v < low ? low : v;
    return narrow<T>(v > high ? high : v);
  });
}

#define SELECT(T)                                                                                                       \
  KERNEL(256) compare_strided_##T(u8 *out, const T *a, const T *b, u32 n, const Layout *layout, u32 relation) {         \
    compare(out, a, b, n, layout, relation);                                                                            \
  }                                                                                                                     \
  KERNEL(256) clamp_##T(T *out, const T *x, u64 n, compute<T> low, compute<T> high) { clamp(out, x, n, low, high); }

SELECT(f32)
SELECT(f64)
SELECT(f16)
SELECT(bf16)
SELECT(i64)
SELECT(i32)
SELECT(i8)
SELECT(u8)

#define WHERE(name, T)                                                                                                        \
  KERNEL(256) where_strided_##name(T *out, const u8 *cond, const T *a, const T *b, u32 n, const Description<4> *layout) {     \
    where(out, cond, a, b, n, layout);                                                                                        \
  }

WHERE(b8, u8)
WHERE(b16, u16)
WHERE(b32, u32)
WHERE(b64, u64)
