// GroupNorm and its gradient. x [images, channels, space] is normalised over each of `groups` groups of an image's channels:
//
//	groupnorm  out = (x - m) s w[c] + b[c],  m = mean(x) of the group,  s = 1 / sqrt(mean((x - m)^2) + eps)
//
// A group is contiguous: it is a row of n = channels / groups * space elements, and the kernels are layernorm's with weights that
// change only every `space` elements. A thread divides once per four elements to find its channel and counts on from there.
//
// Bound by memory as layernorm is, but groups are long (ten channels of 64x64 are 160 KB of f32): the passes behind the first come
// from L2. Few groups (one image of 32) leave most of the machine idle; a group in several blocks would cost a launch for the
// moments, and was not worth it yet.
//
// Gradients, with g = dy w[c] and y the normalised row:
//
//	dx = s (g - mean(g) - y mean(g y)),    dw[c] = sum of dy y and db[c] = sum of dy over images and space
//
//   groupnorm_grad_*        dx, and m and s of every group for the next
//   groupnorm_grad_parts_*  the sums over space: one value for each image and channel, which norm_sum_parts_* adds in order
//
// All have a form with a block of 256 threads for a row and one with a warp (rows of up to 1024 elements), chosen by the row's
// length.
#include "moments.cuh"

// Channels are the weights of four successive elements of a row.
template <class T> struct Channels {
  u32 at[4];

  // The row's first channel is `first`; element i and the three behind it.
  INLINE Channels(u32 first, u32 i, u32 space, u32 channels) {
    u32 c = i / space, left = space - i % space;
#pragma unroll
    for (u32 k = 0; k < 4; k++) {
      at[k] = first + (c < channels ? c : channels - 1);  // none is read past the last
      if (--left == 0) c++, left = space;
    }
  }
  INLINE Four<compute<T>> of(const T *w) const { return {{widen(w[at[0]]), widen(w[at[1]]), widen(w[at[2]]), widen(w[at[3]])}}; }
};

template <u32 TEAM, class T>
DEV void groupnorm(T *out, const T *x, const T *w, const T *b, u64 rows, u32 groups, u32 channels, u32 space, f32 eps) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(channels * space);
  if (row.index >= rows) return;
  x += row.index * row.n;
  out += row.index * row.n;
  u32 first = (u32)row.index % groups * channels;
  Moments<C> m = moments<TEAM>(x, row, eps, shared);
  for (u32 i = row.first; i < row.n; i += row.STEP) {
    Channels<T> c(first, i, space, channels);
    Four<C> v = load4(x, i, row.n), g = c.of(w), h = c.of(b);
#pragma unroll
    for (int k = 0; k < 4; k++) v.v[k] = (v.v[k] - m.mean) * m.scale * g.v[k] + h.v[k];
    store4(out, i, row.n, v);
  }
}

// groupnorm_grad writes dx, and mean and scale of every group to stats[rows][2].
template <u32 TEAM, class T>
DEV void groupnorm_grad(T *dx, compute<T> *stats, const T *x, const T *w, const T *dy, u64 rows, u32 groups, u32 channels, u32 space,
                        f32 eps) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(channels * space);
  u32 n = row.n;
  if (row.index >= rows) return;
  x += row.index * n;
  dy += row.index * n;
  dx += row.index * n;
  u32 first = (u32)row.index % groups * channels;
  Moments<C> m = moments<TEAM>(x, row, eps, shared);
  C sum = 0, dot = 0;
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n), g = load4(dy, i, n), f = Channels<T>(first, i, space, channels).of(w);
#pragma unroll
    for (int k = 0; k < 4; k++) {
      C e = g.v[k] * f.v[k];
      sum += e;
      dot = fma(e, (v.v[k] - m.mean) * m.scale, dot);
    }
  }
  C mean_g = team_fold<Sum, TEAM>(sum, shared) / (C)n;
  C mean_gy = team_fold<Sum, TEAM>(dot, shared) / (C)n;
  if (row.first == 0) {
    stats[row.index * 2] = m.mean;
    stats[row.index * 2 + 1] = m.scale;
  }
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> v = load4(x, i, n), g = load4(dy, i, n), f = Channels<T>(first, i, space, channels).of(w);
#pragma unroll
    for (int k = 0; k < 4; k++) {
      C y = (v.v[k] - m.mean) * m.scale;
      v.v[k] = m.scale * ((g.v[k] * f.v[k] - mean_g) - y * mean_gy);
    }
    store4(dx, i, n, v);
  }
}

// groupnorm_grad_parts sums dy y and dy over the space of one image and channel; rows are images times channels, of which
// `channels` make a group.
template <u32 TEAM, class T>
DEV void groupnorm_grad_parts(compute<T> *dw, compute<T> *db, const T *x, const T *dy, const compute<T> *stats, u64 rows, u32 channels,
                              u32 space) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(space);
  if (row.index >= rows) return;
  x += row.index * space;
  dy += row.index * space;
  stats += (u64)((u32)row.index / channels) * 2;
  C mean = stats[0], scale = stats[1], dot = 0, sum = 0;
  for (u32 i = row.first; i < space; i += row.STEP) {
    Four<C> v = load4(x, i, space, mean), d = load4(dy, i, space);
#pragma unroll
    for (int k = 0; k < 4; k++) {
      dot = fma(d.v[k], (v.v[k] - mean) * scale, dot);
      sum += d.v[k];
    }
  }
  dot = team_fold<Sum, TEAM>(dot, shared);
  sum = team_fold<Sum, TEAM>(sum, shared);
  if (row.first > 0) return;
  dw[row.index] = dot;
  db[row.index] = sum;
}

#define GROUPNORM(name, team, T)                                                                                               \
  KERNEL(256)                                                                                                                  \
  groupnorm##name##_##T(T *out, const T *x, const T *w, const T *b, u64 rows, u32 groups, u32 channels, u32 space, f32 eps) {  \
    groupnorm<team>(out, x, w, b, rows, groups, channels, space, eps);                                                         \
  }                                                                                                                            \
  KERNEL(256)                                                                                                                  \
  groupnorm_grad##name##_##T(T *dx, compute<T> *stats, const T *x, const T *w, const T *dy, u64 rows, u32 groups, u32 channels, \
                             u32 space, f32 eps) {                                                                             \
    groupnorm_grad<team>(dx, stats, x, w, dy, rows, groups, channels, space, eps);                                             \
  }                                                                                                                            \
  KERNEL(256)                                                                                                                  \
  groupnorm_grad_parts##name##_##T(compute<T> *dw, compute<T> *db, const T *x, const T *dy, const compute<T> *stats, u64 rows, \
                                   u32 channels, u32 space) {                                                                  \
    groupnorm_grad_parts<team>(dw, db, x, dy, stats, rows, channels, space);                                                   \
  }
#define GROUPNORMS(T)       \
  GROUPNORM(, BLOCK, T)     \
  GROUPNORM(_warp, 32, T)

GROUPNORMS(f32)
GROUPNORMS(f64)
GROUPNORMS(f16)
GROUPNORMS(bf16)
