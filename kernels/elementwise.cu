// Elementwise arithmetic on two operands, or on one and a scalar.
//
// Every kernel here moves a few bytes per flop and should run at the memory's speed: an f32 add reads 8 and writes 4 bytes for
// one flop. What helps is wide accesses (a warp asks for 512 bytes at once) and enough of them in flight; what hurts is
// index arithmetic. Hence three roads, and the backend takes the first one that fits:
//
//   add_f32 ...         contiguous operands of one shape. 16-byte accesses where all pointers allow it, else single elements;
//                       the function of an element is the same, so the road never shows in the result.
//   binary_rows_f32     out [rows, cols] contiguous, each operand with a stride per axis, 0 for a broadcast: rows, columns,
//                       scalars, outer sums. No division; the operator is a uniform branch.
//   binary_strided_f32  anything up to six axes, described by a Layout in device memory. A division per axis and element.
//
// f16 and bf16 are computed in f32 and rounded once, bytes in i32 and cut. Integers wrap.
#include "elementwise.cuh"
#include "math64.cuh"

// Division of integers truncates toward zero; by zero it gives 0.
template <class C> DEV C divide(C a, C b) {
  if constexpr (is_float<C>) return a / b;
  if (b == 0) return 0;
  return b == -1 ? -a : a / b;
}

// A NaN on either side comes through. Of two zeros the second operand is taken.
template <class C> DEV C smaller(C a, C b) { return a != a || a < b ? a : b; }
template <class C> DEV C larger(C a, C b) { return a != a || a > b ? a : b; }

// Shifts by the width or more move every bit out, shifts by a negative number give 0.
template <class T, class C> DEV C shift_left(C a, C by) { return by < 0 || by >= (C)sizeof(T) * 8 ? 0 : a << by; }
template <class T, class C> DEV C shift_right(C a, C by) {
  C most = sizeof(T) * 8 - !same<T, u8>;  // of a signed number the sign stays
  return by < 0 ? 0 : a >> (by > most ? most : by);
}

// binary applies an operator to computed values; those that T does not have give 0 and are never asked for.
template <class T> DEV compute<T> binary(u32 op, compute<T> a, compute<T> b) {
  switch (op) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return divide(a, b);
    case MIN: return smaller(a, b);
    case MAX: return larger(a, b);
  }
  if constexpr (is_float<compute<T>>) {
    if (op == POW) return math::pow(a, b);
  }
  if constexpr (!is_float<compute<T>>) {
    switch (op) {
      case AND: return a & b;
      case OR: return a | b;
      case XOR: return a ^ b;
      case SHL: return shift_left<T>(a, b);
      case SHR: return shift_right<T>(a, b);
    }
  }
  return 0;
}

template <u32 op, class T> DEV void binary_flat(T *out, const T *a, const T *b, u64 n) {
  map2<wide<T>>(out, a, b, n, [](T x, T y) { return narrow<T>(binary<T>(op, widen(x), widen(y))); });
}

template <class T>
DEV void binary_rows(T *out, const T *a, const T *b, u32 rows, u32 cols, i64 a_row, i64 a_col, i64 b_row, i64 b_col, u32 op) {
  u32 c = blockIdx.x * blockDim.x + threadIdx.x;
  if (c >= cols) return;
  a += c * a_col;
  b += c * b_col;
#pragma unroll 1
  for (u32 r = blockIdx.y; r < rows; r += gridDim.y)
    out[(u64)r * cols + c] = narrow<T>(binary<T>(op, widen(a[r * a_row]), widen(b[r * b_row])));
}

template <class T> DEV void binary_strided(T *out, const T *a, const T *b, u32 n, const Layout *layout, u32 op) {
#pragma unroll 1
  for (u32 i = grid_index(); i < n; i += grid_size()) {
    Places<3> at = locate(layout, i);
    out[at.v[0]] = narrow<T>(binary<T>(op, widen(a[at.v[1]]), widen(b[at.v[2]])));
  }
}

// scalar is out = op(x, value), or op(value, x) with flip.
template <class T> DEV void scalar_strided(T *out, const T *x, u32 n, const Layout *layout, compute<T> value, u32 op, u32 flip) {
#pragma unroll 1
  for (u32 i = grid_index(); i < n; i += grid_size()) {
    Places<3> at = locate(layout, i);
    compute<T> v = widen(x[at.v[1]]);
    out[at.v[0]] = narrow<T>(binary<T>(op, flip ? value : v, flip ? v : value));
  }
}

template <u32 op, class T> DEV void scalar_flat(T *out, const T *x, u64 n, compute<T> value, u32 flip) {
  map1<wide<T>>(out, x, n, [=](T e) {
    compute<T> v = widen(e);
    return narrow<T>(binary<T>(op, flip ? value : v, flip ? v : value));
  });
}

// add_scaled is out = a + (sign s) b with the scalar s in device memory. The product is rounded before the sum.
template <class T> DEV void add_scaled(T *out, const T *a, const T *b, const T *s, u64 n, f32 sign) {
  compute<T> scale = (compute<T>)sign * widen(*s);
  map2<wide<T>>(out, a, b, n, [=](T x, T y) { return narrow<T>(widen(x) + scale * widen(y)); });
}

#define FLAT(name, op, T)                                                                              \
  KERNEL(256) name##_##T(T *out, const T *a, const T *b, u64 n) { binary_flat<op>(out, a, b, n); }     \
  KERNEL(256) name##_scalar_##T(T *out, const T *x, u64 n, compute<T> value, u32 flip) {               \
    scalar_flat<op>(out, x, n, value, flip);                                                           \
  }

#define GENERAL(T)                                                                                                           \
  KERNEL(256)                                                                                                                \
  binary_rows_##T(T *out, const T *a, const T *b, u32 rows, u32 cols, i64 a_row, i64 a_col, i64 b_row, i64 b_col, u32 op) { \
    binary_rows(out, a, b, rows, cols, a_row, a_col, b_row, b_col, op);                                                      \
  }                                                                                                                          \
  KERNEL(256) binary_strided_##T(T *out, const T *a, const T *b, u32 n, const Layout *layout, u32 op) {                      \
    binary_strided(out, a, b, n, layout, op);                                                                                \
  }                                                                                                                          \
  KERNEL(256) scalar_strided_##T(T *out, const T *x, u32 n, const Layout *layout, compute<T> value, u32 op, u32 flip) {      \
    scalar_strided(out, x, n, layout, value, op, flip);                                                                      \
  }

#define FLOATS(T)                                                                                    \
  FLAT(add, ADD, T)                                                                                  \
  FLAT(sub, SUB, T)                                                                                  \
  FLAT(mul, MUL, T)                                                                                  \
  FLAT(div, DIV, T)                                                                                  \
  FLAT(min, MIN, T)                                                                                  \
  FLAT(max, MAX, T)                                                                                  \
  GENERAL(T)                                                                                         \
  KERNEL(256) add_scaled_##T(T *out, const T *a, const T *b, const T *s, u64 n, f32 sign) {          \
    add_scaled(out, a, b, s, n, sign);                                                               \
  }

FLOATS(f32)
FLOATS(f64)
FLOATS(f16)
FLOATS(bf16)
GENERAL(i64)
GENERAL(i32)
GENERAL(i8)
GENERAL(u8)
