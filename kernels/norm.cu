// RMSNorm and LayerNorm, and their gradients.
//
//	rmsnorm    out[r][i] = x[r][i] s (offset + w[i]),               s = 1 / sqrt(mean(x[r]^2) + eps)
//	layernorm  out[r][i] = (x[r][i] - m) s (offset + w[i]) + b[i],  m = mean(x[r]),  s = 1 / sqrt(mean((x[r] - m)^2) + eps)
//
// layernorm without w and b is the normalised row alone. w and b are rows r / period of [.., n]: a period of `rows` shares one,
// a smaller one modulates by batch or token (with an offset of 1).
//
// Bound by memory: 3 flops per element against 8 bytes of f32 that must move. The second pass over a row finds it in L1 or L2
// (a row of 8192 floats is 32 KB), so the kernel should run near a copy's speed.
//
//   rmsnorm_*        one row per block of 256 threads
//   rmsnorm_warp_*   one row per warp, eight rows per block: for rows of up to 1024 elements, where a block would be half idle.
//                    The choice may depend on n alone, for the two sum in different orders.
//
// Gradients, with g = dy (offset + w) and y the normalised row:
//
//	rmsnorm    dx = s (g - y mean(g y)),            dw = sum over rows of dy y
//	layernorm  dx = s (g - mean(g) - y mean(g y)),  dw likewise, db = sum over rows of dy
//
// dx is a row kernel, which leaves s (and m) for the others; dw and db are summed down the columns in two stages with a fixed
// order: 64 rows at a time, then the partial sums. A version with float atomics would save the second stage and lose the
// reproducible bits.
#include "moments.cuh"

template <u32 TEAM, class T> DEV void rmsnorm(T *out, const T *x, const T *w, u64 rows, u32 n, f32 eps, f32 offset) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  x += row.index * n;
  out += row.index * n;
  C squares = 0;
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++) squares = fma(v.v[k], v.v[k], squares);
  }
  squares = team_fold<Sum, TEAM>(squares, shared);
  C s = C(1) / sqrt(squares / (C)n + (C)eps);
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n);
    Four<C> g = load4(w, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++) v.v[k] = (v.v[k] * s) * ((C)offset + g.v[k]);
    store4(out, i, n, v);
  }
}

// rmsnorm_grad writes dx, and s of every row to scale[rows].
template <u32 TEAM, class T>
DEV void rmsnorm_grad(T *dx, compute<T> *scale, const T *x, const T *w, const T *dy, u64 rows, u32 n, f32 eps, f32 offset) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  x += row.index * n;
  dy += row.index * n;
  dx += row.index * n;
  C squares = 0, dot = 0;
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n);
    Four<C> g = load4(w, i, n);
    Four<C> d = load4(dy, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++) {
      squares = fma(v.v[k], v.v[k], squares);
      dot = fma(d.v[k] * ((C)offset + g.v[k]), v.v[k], dot);
    }
  }
  squares = team_fold<Sum, TEAM>(squares, shared);
  dot = team_fold<Sum, TEAM>(dot, shared);
  C s = C(1) / sqrt(squares / (C)n + (C)eps);
  C pull = (s * s) * (dot / (C)n);
  if (row.first == 0) scale[row.index] = s;
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n);
    Four<C> g = load4(w, i, n);
    Four<C> d = load4(dy, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++) v.v[k] = s * (d.v[k] * ((C)offset + g.v[k]) - v.v[k] * pull);
    store4(dx, i, n, v);
  }
}

constexpr u32 ROWS_PER_PART = 64;

// rmsnorm_grad_parts sums dy x s over the rows of one part: parts[p][i] for rows 64p to 64p + 63.
template <class T> DEV void rmsnorm_grad_parts(compute<T> *parts, const T *x, const T *dy, const compute<T> *scale, u64 rows, u32 n) {
  u32 i = grid_index();
  if (i >= n) return;
  u64 first = (u64)blockIdx.y * ROWS_PER_PART;
  u64 end = first + ROWS_PER_PART < rows ? first + ROWS_PER_PART : rows;
  compute<T> sum = 0;
  for (u64 r = first; r < end; r++) sum = fma(widen(dy[r * n + i]), widen(x[r * n + i]) * scale[r], sum);
  parts[blockIdx.y * (u64)n + i] = sum;
}

// sum_parts adds the parts in order.
template <class T> DEV void sum_parts(T *dw, const compute<T> *parts, u32 count, u32 n) {
  u32 i = grid_index();
  if (i >= n) return;
  compute<T> sum = 0;
  for (u32 p = 0; p < count; p++) sum += parts[p * (u64)n + i];
  dw[i] = narrow<T>(sum);
}

#define RMSNORM(name, team, T)                                                                                              \
  KERNEL(256) rmsnorm##name##_##T(T *out, const T *x, const T *w, u64 rows, u32 n, f32 eps, f32 offset) {                   \
    rmsnorm<team>(out, x, w, rows, n, eps, offset);                                                                         \
  }                                                                                                                         \
  KERNEL(256)                                                                                                               \
  rmsnorm_grad##name##_##T(T *dx, compute<T> *scale, const T *x, const T *w, const T *dy, u64 rows, u32 n, f32 eps, f32 offset) { \
    rmsnorm_grad<team>(dx, scale, x, w, dy, rows, n, eps, offset);                                                          \
  }
#define RMSNORMS(T)                                                                                                         \
  RMSNORM(, BLOCK, T)                                                                                                       \
  RMSNORM(_warp, 32, T)                                                                                                     \
  KERNEL(256)                                                                                                               \
  rmsnorm_grad_parts_##T(compute<T> *parts, const T *x, const T *dy, const compute<T> *scale, u64 rows, u32 n) {            \
    rmsnorm_grad_parts(parts, x, dy, scale, rows, n);                                                                       \
  }                                                                                                                         \
  KERNEL(256) norm_sum_parts_##T(T *dw, const compute<T> *parts, u32 count, u32 n) { sum_parts(dw, parts, count, n); }

RMSNORMS(f32)
RMSNORMS(f64)
RMSNORMS(f16)
RMSNORMS(bf16)

template <u32 TEAM, class T>
DEV void layernorm(T *out, const T *x, const T *w, const T *b, u64 rows, u32 n, u64 period, f32 eps, f32 offset) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  x += row.index * n;
  out += row.index * n;
  Moments<C> m = moments<TEAM>(x, row, eps, shared);
  u64 weights = row.index / period * n;
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++) v.v[k] = (v.v[k] - m.mean) * m.scale;
    if (w) {
      Four<C> g = load4(w + weights, i, n), h = load4(b + weights, i, n);
#pragma unroll
      for (int k = 0; k < 4; k++) v.v[k] = v.v[k] * ((C)offset + g.v[k]) + h.v[k];
    }
    store4(out, i, n, v);
  }
}

// layernorm_grad writes dx, and mean and scale of every row to stats[rows][2]. w may be null.
template <u32 TEAM, class T> DEV void layernorm_grad(T *dx, compute<T> *stats, const T *x, const T *w, const T *dy, u64 rows, u32 n, f32 eps) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  x += row.index * n;
  dy += row.index * n;
  dx += row.index * n;
  Moments<C> m = moments<TEAM>(x, row, eps, shared);
  C sum = 0, dot = 0;
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n), g = load4(dy, i, n);
    if (w) {
      Four<C> f = load4(w, i, n);
#pragma unroll
      for (int k = 0; k < 4; k++) g.v[k] *= f.v[k];
    }
#pragma unroll
    for (int k = 0; k < 4; k++) {
      sum += g.v[k];
      dot = fma(g.v[k], (v.v[k] - m.mean) * m.scale, dot);
    }
  }
  C mean_g = team_fold<Sum, TEAM>(sum, shared) / (C)n;
  C mean_gy = team_fold<Sum, TEAM>(dot, shared) / (C)n;
  if (row.first == 0) {
    stats[row.index * 2] = m.mean;
    stats[row.index * 2 + 1] = m.scale;
  }
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n), g = load4(dy, i, n);
    if (w) {
      Four<C> f = load4(w, i, n);
#pragma unroll
      for (int k = 0; k < 4; k++) g.v[k] *= f.v[k];
    }
#pragma unroll
    for (int k = 0; k < 4; k++) v.v[k] = m.scale * ((g.v[k] - mean_g) - (v.v[k] - m.mean) * m.scale * mean_gy);
    store4(dx, i, n, v);
  }
}

// layernorm_grad_parts sums dy y and dy over the rows of one part, as rmsnorm_grad_parts does.
template <class T>
DEV void layernorm_grad_parts(compute<T> *dw, compute<T> *db, const T *x, const T *dy, const compute<T> *stats, u64 rows, u32 n) {
  u32 i = grid_index();
  if (i >= n) return;
  u64 first = (u64)blockIdx.y * ROWS_PER_PART;
  u64 end = first + ROWS_PER_PART < rows ? first + ROWS_PER_PART : rows;
  compute<T> w = 0, b = 0;
  for (u64 r = first; r < end; r++) {
    compute<T> d = widen(dy[r * n + i]);
    w = fma(d, (widen(x[r * n + i]) - stats[r * 2]) * stats[r * 2 + 1], w);
    b += d;
  }
  dw[blockIdx.y * (u64)n + i] = w;
  db[blockIdx.y * (u64)n + i] = b;
}

#define LAYERNORM(name, team, T)                                                                                               \
  KERNEL(256)                                                                                                                  \
  layernorm##name##_##T(T *out, const T *x, const T *w, const T *b, u64 rows, u32 n, u64 period, f32 eps, f32 offset) {        \
    layernorm<team>(out, x, w, b, rows, n, period, eps, offset);                                                               \
  }                                                                                                                            \
  KERNEL(256)                                                                                                                  \
  layernorm_grad##name##_##T(T *dx, compute<T> *stats, const T *x, const T *w, const T *dy, u64 rows, u32 n, f32 eps) {        \
    layernorm_grad<team>(dx, stats, x, w, dy, rows, n, eps);                                                                   \
  }
#define LAYERNORMS(T)                                                                                                          \
  LAYERNORM(, BLOCK, T)                                                                                                        \
  LAYERNORM(_warp, 32, T)                                                                                                      \
  KERNEL(256)                                                                                                                  \
  layernorm_grad_parts_##T(compute<T> *dw, compute<T> *db, const T *x, const T *dy, const compute<T> *stats, u64 rows, u32 n) { \
    layernorm_grad_parts(dw, db, x, dy, stats, rows, n);                                                                       \
  }

LAYERNORMS(f32)
LAYERNORMS(f64)
LAYERNORMS(f16)
LAYERNORMS(bf16)
