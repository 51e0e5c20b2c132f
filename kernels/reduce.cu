// Reductions over rows and over columns, argmax and argmin.
//
// One flop per element read: memory bound, 4 bytes per f32. The order of a sum depends on the shape alone. The story: a block
// per row is right for many rows, but leaves the machine idle for few long ones, and a thread that adds thousands of numbers
// in a chain loses digits. Hence rows of more than 16384 elements are cut into parts of that length (at most 64 numbers in a
// thread's chain), one block each, whose results are reduced like a short row. Columns are read side by side by neighbouring
// threads, and cut into parts of 64 rows when there are many. No float atomics: they would be one pass, with another sum every time.
//
//	sum, mean, prod, max, min, norm1, norm2 and sum of squares: a map of the element, a fold, and a last step.
//	logsumexp reads the row twice: m = max x, then m + log(sum(exp(x - m))).
//
// f16 and bf16 fold in f32, bytes in i32. A NaN wins max, min, argmax and argmin; of equals argmax and argmin take the first.
#include "math64.cuh"
#include "rows.cuh"

// Codes of internal/op. All and any are min and max of bools.
enum Reduction { SUM, MEAN, PROD, MAX_OF, MIN_OF, LOG_SUM_EXP, NORM1, NORM2, SUM_SQUARES };

template <class C> DEV C lowest() {
  if constexpr (is_float<C>)
    return (C)from_bits(0xFF800000u);
  else
    return (C)1 << (sizeof(C) * 8 - 1);
}
template <class C> DEV C highest() {
  if constexpr (is_float<C>)
    return -lowest<C>();
  else
    return ~lowest<C>();
}

template <class C> DEV C identity(u32 fn) {
  return fn == PROD ? C(1) : fn == MAX_OF ? lowest<C>() : fn == MIN_OF ? highest<C>() : C(0);
}

// map is for norms alone more than the element itself; integers have none.
template <class C> DEV C map(u32 fn, C x) {
  if constexpr (!is_float<C>) return x;
  return fn == NORM1 ? (x < 0 ? -x : x) : fn == NORM2 || fn == SUM_SQUARES ? x * x : x;
}

// zero is either of two equal numbers; of zeros the one with a minus when it is wanted, so that no order of folding shows.
template <class C> DEV C zero(bool minus, C a, C b) {
  if constexpr (is_float<C>)
    return from_bits(minus ? bits(a) | bits(b) : bits(a) & bits(b));
  else
    return a;
}

template <class C> DEV C fold(u32 fn, C a, C b) {
  switch (fn) {
    case PROD: return a * b;
    case MAX_OF: return a == b ? zero(false, a, b) : Max::fold(a, b);
    case MIN_OF: return a == b ? zero(true, a, b) : a != a || a < b ? a : b;
  }
  return a + b;
}

template <class C> DEV C last(u32 fn, C x, u64 n) {
  if constexpr (is_float<C>) {
    if (fn == MEAN) return x / (C)n;
    if (fn == NORM2) return sqrt(x);
  }
  return x;
}

template <u32 TEAM, class C> DEV C team_reduce(u32 fn, C x, C *shared) {
#pragma unroll 1
  for (u32 mask = 16; mask > 0; mask >>= 1) x = fold(fn, x, lane_xor(x, mask));
  if constexpr (TEAM > 32) {
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
    barrier();
    x = shared[0];
#pragma unroll 1
    for (u32 w = 1; w < TEAM / 32; w++) x = fold(fn, x, shared[w]);
  }
  return x;
}

// reduce folds the n elements at x with one team. mapped says that x holds results of a first pass.
template <u32 TEAM, bool mapped, class T> DEV compute<T> reduce(const T *x, u32 n, u32 fn, compute<T> *shared) {
  typedef compute<T> C;
  C sum = identity<C>(fn);
  for (u32 i = threadIdx.x % TEAM * 4; i < n; i += TEAM * 4) {
    Four<C> v = load4(x, i, n);
#pragma unroll
    for (u32 k = 0; k < 4; k++)
      if (i + k < n) sum = fold(fn, sum, mapped ? v.v[k] : map(fn, v.v[k]));
  }
  return team_reduce<TEAM>(fn, sum, shared);
}

// reduce_rows is one team per row of n elements; total is what a mean divides by.
template <u32 TEAM, bool mapped, class T, class R> DEV void reduce_rows(R *out, const T *x, u64 rows, u32 n, u64 total, u32 fn) {
  __shared__ compute<T> shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  compute<T> r = reduce<TEAM, mapped>(x + row.index * n, n, fn, shared);
  if (row.first == 0) out[row.index] = narrow<R>(last(fn, r, total));
}

constexpr u32 PART = 16384;

// reduce_parts is one block per part: parts[row][p] from the elements from p PART on.
template <class T> DEV void reduce_parts(compute<T> *parts, const T *x, u64 n, u32 fn) {
  __shared__ compute<T> shared[BLOCK / 32];
  u64 first = (u64)blockIdx.x * PART;
  u32 length = n - first < PART ? n - first : PART;
  compute<T> r = reduce<BLOCK, false>(x + blockIdx.y * n + first, length, fn, shared);
  if (threadIdx.x == 0) parts[blockIdx.y * (u64)gridDim.x + blockIdx.x] = r;
}

// reduce_column folds the rows `from` to `end` of column i of x [n, inner] in order, with four loads under way.
template <bool mapped, class T> DEV compute<T> reduce_column(const T *x, u32 i, u64 from, u64 end, u32 inner, u32 fn) {
  typedef compute<T> C;
  C sum = identity<C>(fn);
#pragma unroll 1
  for (u64 r = from; r < end; r += 4) {
    C v[4];
#pragma unroll
    for (u32 k = 0; k < 4; k++) v[k] = r + k < end ? widen(x[(r + k) * inner + i]) : C(0);
#pragma unroll
    for (u32 k = 0; k < 4; k++)
      if (r + k < end) sum = fold(fn, sum, mapped ? v[k] : map(fn, v[k]));
  }
  return sum;
}

template <bool mapped, class T, class R> DEV void reduce_columns(R *out, const T *x, u64 n, u32 inner, u64 total, u32 fn) {
  u32 i = grid_index();
  if (i >= inner) return;
  compute<T> r = reduce_column<mapped>(x + blockIdx.z * n * inner, i, 0, n, inner, fn);
  out[blockIdx.z * (u64)inner + i] = narrow<R>(last(fn, r, total));
}

constexpr u32 ROWS_PER_PART = 64;

template <class T> DEV void reduce_columns_parts(compute<T> *parts, const T *x, u64 n, u32 inner, u32 fn) {
  u32 i = grid_index();
  if (i >= inner) return;
  u64 from = (u64)blockIdx.y * ROWS_PER_PART, end = from + ROWS_PER_PART < n ? from + ROWS_PER_PART : n;
  parts[(blockIdx.z * (u64)gridDim.y + blockIdx.y) * inner + i] = reduce_column<false>(x + blockIdx.z * n * inner, i, from, end, inner, fn);
}

#define REDUCTIONS(T)                                                                                                     \
  KERNEL(256) reduce_rows_##T(T *out, const T *x, u64 rows, u32 n, u32 fn) {                                              \
    reduce_rows<BLOCK, false>(out, x, rows, n, n, fn);                                                                    \
  }                                                                                                                       \
  KERNEL(256) reduce_rows_warp_##T(T *out, const T *x, u64 rows, u32 n, u32 fn) {                                         \
    reduce_rows<32, false>(out, x, rows, n, n, fn);                                                                       \
  }                                                                                                                       \
  KERNEL(256) reduce_parts_##T(compute<T> *parts, const T *x, u64 n, u32 fn) { reduce_parts(parts, x, n, fn); }           \
  KERNEL(256) reduce_rows_finish_##T(T *out, const compute<T> *parts, u64 rows, u32 count, u64 n, u32 fn) {               \
    reduce_rows<BLOCK, true>(out, parts, rows, count, n, fn);                                                             \
  }                                                                                                                       \
  KERNEL(256) reduce_columns_##T(T *out, const T *x, u64 n, u32 inner, u32 fn) {                                          \
    reduce_columns<false>(out, x, n, inner, n, fn);                                                                       \
  }                                                                                                                       \
  KERNEL(256) reduce_columns_parts_##T(compute<T> *parts, const T *x, u64 n, u32 inner, u32 fn) {                         \
    reduce_columns_parts(parts, x, n, inner, fn);                                                                         \
  }                                                                                                                       \
  KERNEL(256) reduce_columns_finish_##T(T *out, const compute<T> *parts, u32 count, u32 inner, u64 n, u32 fn) {           \
    reduce_columns<true>(out, parts, count, inner, n, fn);                                                                \
  }

REDUCTIONS(f32)
REDUCTIONS(f64)
REDUCTIONS(f16)
REDUCTIONS(bf16)
REDUCTIONS(i64)
REDUCTIONS(i32)
REDUCTIONS(i8)
REDUCTIONS(u8)

template <u32 TEAM, class T> DEV void log_sum_exp(T *out, const T *x, u64 rows, u32 n) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  x += row.index * n;
  C m = lowest<C>();
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n, lowest<C>());
#pragma unroll
    for (u32 k = 0; k < 4; k++) m = Max::fold(m, v.v[k]);
  }
  m = team_fold<Max, TEAM>(m, shared);
  C shift = m == lowest<C>() || m == highest<C>() ? C(0) : m;  // a row of -Inf gives -Inf, one with +Inf gives +Inf
  C sum = 0;
#pragma unroll 1
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n, lowest<C>());
#pragma unroll
    for (u32 k = 0; k < 4; k++) sum += math::exp(v.v[k] - shift);
  }
  sum = team_fold<Sum, TEAM>(sum, shared);
  if (row.first == 0) out[row.index] = narrow<T>(shift + math::log(sum));
}

#define LOG_SUM_EXPS(T)                                                                                              \
  KERNEL(256) logsumexp_##T(T *out, const T *x, u64 rows, u32 n) { log_sum_exp<BLOCK>(out, x, rows, n); }            \
  KERNEL(256) logsumexp_warp_##T(T *out, const T *x, u64 rows, u32 n) { log_sum_exp<32>(out, x, rows, n); }

LOG_SUM_EXPS(f32)
LOG_SUM_EXPS(f64)
LOG_SUM_EXPS(f16)
LOG_SUM_EXPS(bf16)

// Best is an element and where it stands; NO_INDEX stands for none.
template <class C> struct Best {
  C value;
  u32 index;
};
constexpr u32 NO_INDEX = ~0u;

// better takes the larger (or smaller) element, a NaN before all others, the first among equals.
template <bool largest, class C> DEV Best<C> better(Best<C> a, Best<C> b) {
  if (a.index == NO_INDEX) return b;
  if (b.index == NO_INDEX) return a;
  bool a_nan = a.value != a.value, b_nan = b.value != b.value;
  bool equal = a.value == b.value || (a_nan && b_nan);
  bool ahead = a_nan || (!b_nan && (largest ? a.value > b.value : a.value < b.value));
  return (equal ? a.index < b.index : ahead) ? a : b;
}

template <bool largest, class T> DEV void arg_rows(i32 *out, const T *x, u64 rows, u32 n) {
  typedef compute<T> C;
  __shared__ Best<C> shared[BLOCK / 32];
  Row<BLOCK> row(n);
  if (row.index >= rows) return;
  x += row.index * n;
  Best<C> best = {0, NO_INDEX};
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n);
#pragma unroll
    for (u32 k = 0; k < 4; k++)
      if (i + k < n) best = better<largest>(best, Best<C>{v.v[k], i + k});
  }
#pragma unroll 1
  for (u32 mask = 16; mask > 0; mask >>= 1) best = better<largest>(best, Best<C>{lane_xor(best.value, mask), lane_xor(best.index, mask)});
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = best;
  barrier();
  if (threadIdx.x > 0) return;
#pragma unroll 1
  for (u32 w = 1; w < BLOCK / 32; w++) best = better<largest>(best, shared[w]);
  out[row.index] = best.index;
}

#define ARGS(T)                                                                                                \
  KERNEL(256) argmax_##T(i32 *out, const T *x, u64 rows, u32 n) { arg_rows<true>(out, x, rows, n); }           \
  KERNEL(256) argmin_##T(i32 *out, const T *x, u64 rows, u32 n) { arg_rows<false>(out, x, rows, n); }

ARGS(f32)
ARGS(f64)
ARGS(f16)
ARGS(bf16)
ARGS(i64)
ARGS(i32)
ARGS(i8)
ARGS(u8)
