// Moving and converting elements: fill, strided copy, transpose, cast.
//
//   fill_b32              every element the same bits; 16-byte stores.
//   copy_strided_b32      any layout to any layout. One side of a permutation is uncoalesced: up to 32 sectors per request.
//   transpose_b32         the permutation that matters, through a 32x33 tile in shared memory: both sides coalesced, and the odd
//                         row length spreads a column over all banks. It should reach 80% of a copy.
//   iota_f32              start + i step, in f64, then as a cast.
//   cast_f32_f16 ...      every pair of types, contiguous, four neighbours at a time.
//
// Casts round once, to nearest even. A float becomes an integer by truncation toward zero, saturating, NaN as 0; an integer
// becomes a smaller one by its low bits; to bool is x != 0.
#include "elementwise.cuh"

template <class T> DEV void fill(T *out, u64 n, T value) {
  constexpr int N = wide<T>;
  u64 packs = aligned16(out) ? n / N : 0;
  Pack<T, N> r;
#pragma unroll
  for (int k = 0; k < N; k++) r.v[k] = value;
  for (u64 i = grid_index(); i < packs; i += grid_size()) ((Pack<T, N> *)out)[i] = r;
  for (u64 i = packs * N + grid_index(); i < n; i += grid_size()) out[i] = value;
}

template <class T> DEV void copy_strided(T *out, const T *x, u32 n, const Layout *layout) {
  for (u32 i = grid_index(); i < n; i += grid_size()) {
    Places<3> at = locate(layout, i);
    out[at.v[0]] = x[at.v[1]];
  }
}

// transpose is out[z][c][r] = x[z][r][c] for x [rows, cols] with rows x_row apart. One block of 32x8 threads per 32x32 tile.
template <class T>
DEV void transpose(T *out, const T *x, u32 rows, u32 cols, u64 out_row, u64 x_row, u64 out_batch, u64 x_batch) {
  __shared__ T tile[32][33];
  out += blockIdx.z * out_batch;
  x += blockIdx.z * x_batch;
  u32 c = blockIdx.x * 32 + threadIdx.x;
  u32 r = blockIdx.y * 32 + threadIdx.y;
#pragma unroll
  for (u32 k = 0; k < 32; k += 8)
    if (c < cols && r + k < rows) tile[threadIdx.y + k][threadIdx.x] = x[(r + k) * x_row + c];
  barrier();
  r = blockIdx.y * 32 + threadIdx.x;
  c = blockIdx.x * 32 + threadIdx.y;
#pragma unroll
  for (u32 k = 0; k < 32; k += 8)
    if (r < rows && c + k < cols) out[(c + k) * out_row + r] = tile[threadIdx.x][threadIdx.y + k];
}

#define MOVES(name, T)                                                                                                  \
  KERNEL(256) fill_##name(T *out, u64 n, T value) { fill(out, n, value); }                                              \
  KERNEL(256) copy_strided_##name(T *out, const T *x, u32 n, const Layout *layout) { copy_strided(out, x, n, layout); } \
  KERNEL(256)                                                                                                           \
  transpose_##name(T *out, const T *x, u32 rows, u32 cols, u64 out_row, u64 x_row, u64 out_batch, u64 x_batch) {        \
    transpose(out, x, rows, cols, out_row, x_row, out_batch, x_batch);                                                  \
  }

MOVES(b8, u8)
MOVES(b16, u16)
MOVES(b32, u32)
MOVES(b64, u64)

// A bool is a byte, 0 or 1.
struct boolean {
  u8 v;
};
template <> struct compute_of<boolean> {
  typedef i32 type;
};
DEV i32 widen(boolean x) { return x.v; }

// odd rounds to f32 toward zero and keeps "there was more" in the last bit. A later rounding to a format at least two bits
// shorter then gives what rounding once would have given.
DEV f32 odd(f64 x) {
  f32 r;
  asm("cvt.rz.f32.f64 %0, %1;" : "=f"(r) : "d"(x));
  return (f64)r != x ? from_bits(bits(r) | 1) : r;
}
DEV f32 odd(i64 x) {
  f32 r;
  asm("cvt.rz.f32.s64 %0, %1;" : "=f"(r) : "l"(x));
  return (i64)r != x ? from_bits(bits(r) | 1) : r;
}
DEV f32 odd(i32 x) { return odd((f64)x); }
DEV f32 odd(f32 x) { return x; }

// truncate saturates to the 32 or 64 bits of its result.
DEV void truncate(i32 &r, f32 x) { asm("cvt.rzi.s32.f32 %0, %1;" : "=r"(r) : "f"(x)); }
DEV void truncate(i32 &r, f64 x) { asm("cvt.rzi.s32.f64 %0, %1;" : "=r"(r) : "d"(x)); }
DEV void truncate(i64 &r, f32 x) { asm("cvt.rzi.s64.f32 %0, %1;" : "=l"(r) : "f"(x)); }
DEV void truncate(i64 &r, f64 x) { asm("cvt.rzi.s64.f64 %0, %1;" : "=l"(r) : "d"(x)); }

template <class R> struct Range;
template <> struct Range<i8> {
  static constexpr i64 low = -128, high = 127;
};
template <> struct Range<u8> {
  static constexpr i64 low = 0, high = 255;
};
template <> struct Range<i32> {
  static constexpr i64 low = -2147483647 - 1, high = 2147483647;
};
template <> struct Range<i64> {
  static constexpr i64 low = -9223372036854775807 - 1, high = 9223372036854775807;
};

template <class R, class C> DEV R float_to_integer(C x) {
  compute<R> r;
  truncate(r, x);
  r = x != x ? 0 : r;
  return (R)(r < Range<R>::low ? Range<R>::low : r > Range<R>::high ? Range<R>::high : r);
}

template <class R, class C> DEV R convert(C x) {
  if constexpr (same<R, f16> || same<R, bf16>) {
    return narrow<R>(odd(x));
  } else if constexpr (same<R, boolean>) {
    return {(u8)(x != 0)};
  } else if constexpr (is_float<C> && !is_float<R>) {
    return float_to_integer<R>(x);
  } else {
    return (R)x;
  }
}

#define IOTA(R)                                                                                                   \
  KERNEL(256) iota_##R(R *out, u64 n, f64 start, f64 step) {                                                      \
    for (u64 i = grid_index(); i < n; i += grid_size()) out[i] = convert<R>(start + (f64)i * step);               \
  }

IOTA(f64)
IOTA(f32)
IOTA(f16)
IOTA(bf16)
IOTA(i64)
IOTA(i32)
IOTA(i8)
IOTA(u8)

#define CAST(A, from_name, R, to_name)                                                    \
  KERNEL(256) cast_##from_name##_##to_name(R *out, const A *x, u64 n) {                   \
    map1<4>(out, x, n, [](A e) { return convert<R>(widen(e)); });   \
  }
#define CASTS(A, name)         \
  CAST(A, name, f64, f64)      \
  CAST(A, name, f32, f32)      \
  CAST(A, name, f16, f16)      \
  CAST(A, name, bf16, bf16)    \
  CAST(A, name, i64, i64)      \
  CAST(A, name, i32, i32)      \
  CAST(A, name, i8, i8)        \
  CAST(A, name, u8, u8)        \
  CAST(A, name, boolean, bool)

CASTS(f64, f64)
CASTS(f32, f32)
CASTS(f16, f16)
CASTS(bf16, bf16)
CASTS(i64, i64)
CASTS(i32, i32)
CASTS(i8, i8)
CASTS(u8, u8)
CASTS(boolean, bool)
