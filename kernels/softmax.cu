// Softmax and log-softmax over rows, and their gradients.
//
//	m = max(scale x),  e[i] = exp(scale x[i] - m),  softmax = e / sum(e),  log_softmax = (scale x - m) - log(sum(e))
//
// Some 40 flops per element against 8 bytes of f32: an A100 has room for about 80 instructions, so memory should be the limit as
// long as a row is read once. That is what the three roads are for; they give the same bits where they can be compared:
//
//   *_warp_*    one row per warp, kept in registers: n <= 512
//   *_block_*   one row per block of 256, kept in registers: n <= 4096
//   *_long_*    one row per block, read three times (twice from cache as long as the row fits there)
//
// The warp's sum has another order than the block's, so the choice depends on n alone.
//
// cross_entropy is lse = log(sum(exp(x))) and loss = lse - x[target], 0 for a target outside the row; its gradient is
// dx = dloss (exp(x - lse) - onehot(target)). One row per block, which reads it twice, forward, and once, backward.
//
// Gradients take the output y:  softmax: dx = scale y (dy - sum(y dy));  log_softmax: dx = scale (dy - exp(y) sum(dy)).
#include "math64.cuh"
#include "rows.cuh"

// HELD is how many chunks of four a thread keeps in registers; 0 reads the row again in every pass.
constexpr u32 HELD = 4;

template <class C> DEV C lowest() { return (C)from_bits(0xFF800000u); }

template <u32 TEAM, u32 held, class T> struct RowValues {
  typedef compute<T> C;
  Four<C> kept[held ? held : 1];
  const T *x;
  C scale;
  u32 n;

  INLINE RowValues(const T *x, C scale, Row<TEAM> row) : x(x), scale(scale), n(row.n) {
    if constexpr (held > 0) {
#pragma unroll
      for (u32 c = 0; c < held; c++) kept[c] = fetch(row.first + c * row.STEP);
    }
  }

  // fetch reads four values times scale, -Inf past the row's end.
  INLINE Four<C> fetch(u32 i) const {
    Four<C> v = held > 0 ? load_first(x + i, (i32)(n - i)) : load4(x, i, n);
#pragma unroll
    for (u32 k = 0; k < 4; k++) v.v[k] = i + k < n ? v.v[k] * scale : lowest<C>();
    return v;
  }

  // each calls f(element index, four values) for every chunk of this thread. What f changes stays when chunks are held.
  template <class F> INLINE void each(Row<TEAM> row, F f) {
    if constexpr (held > 0) {
#pragma unroll
      for (u32 c = 0; c < held; c++) {
        u32 i = row.first + c * row.STEP;
        if (i < n) f(i, kept[c]);
      }
    } else {
#pragma unroll 1
      for (u32 i = row.first; i < n; i += row.STEP) {
        Four<C> v = fetch(i);
        f(i, v);
      }
    }
  }
};

template <u32 TEAM, u32 held, bool logarithm, class T> DEV void softmax(T *out, const T *x, u64 rows, u32 n, compute<T> scale) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  out += row.index * n;
  RowValues<TEAM, held, T> values(x + row.index * n, scale, row);
  C m = lowest<C>();
  values.each(row, [&](u32, Four<C> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) m = Max::fold(m, v.v[k]);
  });
  m = team_fold<Max, TEAM>(m, shared);
  C sum = 0;
  values.each(row, [&](u32, Four<C> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      C e = math::exp(v.v[k] - m);  // past the row's end exp(-Inf) = 0, or NaN if the row is not finite: then all is
      sum += e;
      if (held > 0 && !logarithm) v.v[k] = e;
    }
  });
  sum = team_fold<Sum, TEAM>(sum, shared);
  C last = logarithm ? math::log(sum) : C(1) / sum;
  values.each(row, [&](u32 i, Four<C> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if (logarithm) v.v[k] = (v.v[k] - m) - last;
      else v.v[k] = (held > 0 ? v.v[k] : math::exp(v.v[k] - m)) * last;
    }
    store4(out, i, n, v);
  });
}

template <u32 TEAM, bool logarithm, class T> DEV void softmax_grad(T *dx, const T *y, const T *dy, u64 rows, u32 n, compute<T> scale) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  y += row.index * n;
  dy += row.index * n;
  dx += row.index * n;
  C sum = 0;
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(y, i, n);
    Four<C> d = load4(dy, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++) sum = logarithm ? sum + d.v[k] : fma(v.v[k], d.v[k], sum);
  }
  sum = team_fold<Sum, TEAM>(sum, shared);
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(y, i, n);
    Four<C> d = load4(dy, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++)
      v.v[k] = logarithm ? scale * (d.v[k] - math::exp(v.v[k]) * sum) : (scale * v.v[k]) * (d.v[k] - sum);
    store4(dx, i, n, v);
  }
}

#define SOFTMAX(name, logarithm, T)                                                                     \
  KERNEL(256) name##_warp_##T(T *out, const T *x, u64 rows, u32 n, compute<T> scale) {                  \
    softmax<32, HELD, logarithm>(out, x, rows, n, scale);                                               \
  }                                                                                                     \
  KERNEL(256) name##_block_##T(T *out, const T *x, u64 rows, u32 n, compute<T> scale) {                 \
    softmax<BLOCK, HELD, logarithm>(out, x, rows, n, scale);                                            \
  }                                                                                                     \
  KERNEL(256) name##_long_##T(T *out, const T *x, u64 rows, u32 n, compute<T> scale) {                  \
    softmax<BLOCK, 0, logarithm>(out, x, rows, n, scale);                                               \
  }                                                                                                     \
  KERNEL(256) name##_grad_warp_##T(T *dx, const T *y, const T *dy, u64 rows, u32 n, compute<T> scale) { \
    softmax_grad<32, logarithm>(dx, y, dy, rows, n, scale);                                             \
  }                                                                                                     \
  KERNEL(256) name##_grad_##T(T *dx, const T *y, const T *dy, u64 rows, u32 n, compute<T> scale) {      \
    softmax_grad<BLOCK, logarithm>(dx, y, dy, rows, n, scale);                                          \
  }

SOFTMAX(softmax, false, f32)
SOFTMAX(softmax, false, f64)
SOFTMAX(softmax, false, f16)
SOFTMAX(softmax, false, bf16)
SOFTMAX(log_softmax, true, f32)
SOFTMAX(log_softmax, true, f64)
SOFTMAX(log_softmax, true, f16)
SOFTMAX(log_softmax, true, bf16)

template <class T> DEV void cross_entropy(compute<T> *loss, compute<T> *lse, const T *x, const i32 *target, u32 n) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<BLOCK> row(n);
  x += row.index * n;
  RowValues<BLOCK, 0, T> values(x, C(1), row);
  C m = lowest<C>(), sum = 0;
  values.each(row, [&](u32, Four<C> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) m = Max::fold(m, v.v[k]);
  });
  m = team_fold<Max, BLOCK>(m, shared);
  values.each(row, [&](u32, Four<C> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) sum += math::exp(v.v[k] - m);
  });
  sum = team_fold<Sum, BLOCK>(sum, shared);
  if (threadIdx.x > 0) return;
  C total = m + math::log(sum);
  u32 t = (u32)target[row.index];
  lse[row.index] = total;
  loss[row.index] = t < n ? total - widen(x[t]) : C(0);
}

template <class T>
DEV void cross_entropy_grad(T *dx, const T *x, const i32 *target, const compute<T> *lse, const compute<T> *dloss, u32 n) {
  typedef compute<T> C;
  Row<BLOCK> row(n);
  x += row.index * n;
  dx += row.index * n;
  u32 t = (u32)target[row.index];
  C total = lse[row.index], d = dloss[row.index];
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n);
#pragma unroll
    for (u32 k = 0; k < 4; k++) v.v[k] = t < n ? d * (math::exp(v.v[k] - total) - (i + k == t ? C(1) : C(0))) : C(0);
    store4(dx, i, n, v);
  }
}

#define CROSS_ENTROPY(T)                                                                                                     \
  KERNEL(256) cross_entropy_##T(compute<T> *loss, compute<T> *lse, const T *x, const i32 *target, u32 n) {                   \
    cross_entropy(loss, lse, x, target, n);                                                                                  \
  }                                                                                                                          \
  KERNEL(256)                                                                                                                \
  cross_entropy_grad_##T(T *dx, const T *x, const i32 *target, const compute<T> *lse, const compute<T> *dloss, u32 n) {      \
    cross_entropy_grad(dx, x, target, lse, dloss, n);                                                                        \
  }

CROSS_ENTROPY(f32)
CROSS_ENTROPY(f64)
CROSS_ENTROPY(f16)
CROSS_ENTROPY(bf16)
