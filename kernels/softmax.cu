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
#include "math.cuh"
#include "rows.cuh"

// HELD is how many chunks of four a thread keeps in registers; 0 reads the row again in every pass.
constexpr u32 HELD = 4;

template <u32 TEAM, u32 held, class T> struct RowValues {
  Four<f32> kept[held ? held : 1];
  const T *x;
  f32 scale;
  u32 n;

  INLINE RowValues(const T *x, f32 scale, Row<TEAM> row) : x(x), scale(scale), n(row.n) {
    if constexpr (held > 0) {
#pragma unroll
      for (u32 c = 0; c < held; c++) kept[c] = fetch(row.first + c * row.STEP);
    }
  }

  // fetch reads four values times scale, -Inf past the row's end.
  INLINE Four<f32> fetch(u32 i) const {
    Four<f32> v = load4(x, i, n);
#pragma unroll
    for (u32 k = 0; k < 4; k++) v.v[k] = i + k < n ? v.v[k] * scale : from_bits(0xFF800000u);
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
        Four<f32> v = fetch(i);
        f(i, v);
      }
    }
  }
};

template <u32 TEAM, u32 held, bool logarithm, class T> DEV void softmax(T *out, const T *x, u64 rows, u32 n, f32 scale) {
  __shared__ f32 shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  out += row.index * n;
  RowValues<TEAM, held, T> values(x + row.index * n, scale, row);
  f32 m = from_bits(0xFF800000u);
  values.each(row, [&](u32, Four<f32> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) m = Max::fold(m, v.v[k]);
  });
  m = team_fold<Max, TEAM>(m, shared);
  f32 sum = 0.f;
  values.each(row, [&](u32, Four<f32> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      f32 e = math::exp(v.v[k] - m);  // past the row's end exp(-Inf) = 0, or NaN if the row is not finite: then all is
      sum += e;
      if (held > 0 && !logarithm) v.v[k] = e;
    }
  });
  sum = team_fold<Sum, TEAM>(sum, shared);
  f32 last = logarithm ? math::log(sum) : 1.f / sum;
  values.each(row, [&](u32 i, Four<f32> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if (logarithm) v.v[k] = (v.v[k] - m) - last;
      else v.v[k] = (held > 0 ? v.v[k] : math::exp(v.v[k] - m)) * last;
    }
    store4(out, i, n, v);
  });
}

template <u32 TEAM, bool logarithm, class T> DEV void softmax_grad(T *dx, const T *y, const T *dy, u64 rows, u32 n, f32 scale) {
  __shared__ f32 shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  y += row.index * n;
  dy += row.index * n;
  dx += row.index * n;
  f32 sum = 0.f;
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<f32> v = load4(y, i, n);
    Four<f32> d = load4(dy, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++) sum = logarithm ? sum + d.v[k] : fma(v.v[k], d.v[k], sum);
  }
  sum = team_fold<Sum, TEAM>(sum, shared);
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<f32> v = load4(y, i, n);
    Four<f32> d = load4(dy, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++)
      v.v[k] = logarithm ? scale * (d.v[k] - math::exp(v.v[k]) * sum) : (scale * v.v[k]) * (d.v[k] - sum);
    store4(dx, i, n, v);
  }
}

#define SOFTMAX(name, logarithm, T)                                                                                          \
  KERNEL(256) name##_warp_##T(T *out, const T *x, u64 rows, u32 n, f32 scale) {                                              \
    softmax<32, HELD, logarithm>(out, x, rows, n, scale);                                                                    \
  }                                                                                                                          \
  KERNEL(256) name##_block_##T(T *out, const T *x, u64 rows, u32 n, f32 scale) {                                             \
    softmax<BLOCK, HELD, logarithm>(out, x, rows, n, scale);                                                                 \
  }                                                                                                                          \
  KERNEL(256) name##_long_##T(T *out, const T *x, u64 rows, u32 n, f32 scale) {                                              \
    softmax<BLOCK, 0, logarithm>(out, x, rows, n, scale);                                                                    \
  }                                                                                                                          \
  KERNEL(256) name##_grad_warp_##T(T *dx, const T *y, const T *dy, u64 rows, u32 n, f32 scale) {                             \
    softmax_grad<32, logarithm>(dx, y, dy, rows, n, scale);                                                                  \
  }                                                                                                                          \
  KERNEL(256) name##_grad_##T(T *dx, const T *y, const T *dy, u64 rows, u32 n, f32 scale) {                                  \
    softmax_grad<BLOCK, logarithm>(dx, y, dy, rows, n, scale);                                                               \
  }

SOFTMAX(softmax, false, f32)
SOFTMAX(softmax, false, f16)
SOFTMAX(softmax, false, bf16)
SOFTMAX(log_softmax, true, f32)
SOFTMAX(log_softmax, true, f16)
SOFTMAX(log_softmax, true, bf16)

template <class T> DEV void cross_entropy(f32 *loss, f32 *lse, const T *x, const i32 *target, u32 n) {
  __shared__ f32 shared[BLOCK / 32];
  Row<BLOCK> row(n);
  x += row.index * n;
  RowValues<BLOCK, 0, T> values(x, 1.f, row);
  f32 m = from_bits(0xFF800000u), sum = 0.f;
  values.each(row, [&](u32, Four<f32> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) m = Max::fold(m, v.v[k]);
  });
  m = team_fold<Max, BLOCK>(m, shared);
  values.each(row, [&](u32, Four<f32> &v) {
#pragma unroll
    for (int k = 0; k < 4; k++) sum += math::exp(v.v[k] - m);
  });
  sum = team_fold<Sum, BLOCK>(sum, shared);
  if (threadIdx.x > 0) return;
  f32 total = m + math::log(sum);
  u32 t = (u32)target[row.index];
  lse[row.index] = total;
  loss[row.index] = t < n ? total - widen(x[t]) : 0.f;
}

template <class T> DEV void cross_entropy_grad(T *dx, const T *x, const i32 *target, const f32 *lse, const f32 *dloss, u32 n) {
  Row<BLOCK> row(n);
  x += row.index * n;
  dx += row.index * n;
  u32 t = (u32)target[row.index];
  f32 total = lse[row.index], d = dloss[row.index];
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<f32> v = load4(x, i, n);
#pragma unroll
    for (u32 k = 0; k < 4; k++) v.v[k] = t < n ? d * (math::exp(v.v[k] - total) - (i + k == t ? 1.f : 0.f)) : 0.f;
    store4(dx, i, n, v);
  }
}

#define CROSS_ENTROPY(T)                                                                                                     \
  KERNEL(256) cross_entropy_##T(f32 *loss, f32 *lse, const T *x, const i32 *target, u32 n) {                                 \
    cross_entropy(loss, lse, x, target, n);                                                                                  \
  }                                                                                                                          \
  KERNEL(256) cross_entropy_grad_##T(T *dx, const T *x, const i32 *target, const f32 *lse, const f32 *dloss, u32 n) {        \
    cross_entropy_grad(dx, x, target, lse, dloss, n);                                                                        \
  }

CROSS_ENTROPY(f32)
CROSS_ENTROPY(f16)
CROSS_ENTROPY(bf16)
