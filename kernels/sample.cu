// Random numbers that are addressed, not drawn: Philox4x32-10, a block cipher of ten rounds on a counter.
//
// Element i of a row is word i % 4 of the block with counter (low(i/4), high(i/4), step, stream) and key (low(seed),
// high(seed)). The key tensor holds i64 triples seed, stream, step: one for all rows (key_stride 0), or one per row
// (key_stride 3), which then counts its own elements.
//
//   bits        the word
//   uniform     u = (word >> 8) 2^-24, in [0, 1);     result a + (b - a) u
//   normal      of words w0, w1: r = sqrt(-2 log(((w0 >> 8) + 1) 2^-24)), t = (w1 >> 8) * fl(2 pi 2^-24):
//               z0 = r cos t, z1 = r sin t; words 2 and 3 alike (Box and Muller);     result a + b z
//   bernoulli   u < p, one byte
//   dropout     x / (1 - p) where u >= p, else 0
//
// One thread makes the four words of a block with 20 wide multiplications, about 90 instructions for 16 bytes: the kernel is at
// the balance of an A100, and log, sin and cos of math.cuh make `normal` bound by arithmetic (some 60 instructions per element).
// Salmon, Moraes, Dror and Shaw: Parallel random numbers: as easy as 1, 2, 3 (2011).
#include "elementwise.cuh"
#include "math.cuh"
#include "philox.cuh"

struct Pair {
  f32 a, b;
};

DEV Pair box_muller(u32 w0, u32 w1) {
  f32 r = sqrt(-2.f * math::log((f32)((w0 >> 8) + 1) * 5.96046448e-8f));
  f32 t = (f32)(w1 >> 8) * 3.74507039e-7f;
  return {r * math::cos(t), r * math::sin(t)};
}

// draw visits the blocks of every row and gives each element i of row r the value f(words of its block)[i % 4].
template <class F> DEV void draw(const i64 *key, u64 key_stride, u32 rows, u64 n, F f) {
  for (u32 r = blockIdx.y; r < rows; r += gridDim.y) {
    const i64 *k = key + r * key_stride;
    u64 seed = (u64)k[0];
    u32 stream = (u32)k[1], step = (u32)k[2];
#pragma unroll 1
    for (u64 i = grid_index(); i * 4 < n; i += grid_size()) f(r * n, i * 4, philox(i, step, stream, seed));
  }
}

// put4 stores the values of one block at out[row + i ...], without those past the row's end.
template <class R, class C> DEV void put4(R *out, u64 row, u64 i, u64 n, const C (&v)[4]) {
  out += row + i;
  if (i + 4 <= n && ((u64)out & (alignof(Pack<R, 4>) - 1)) == 0) {
    *(Pack<R, 4> *)out = {{(R)v[0], (R)v[1], (R)v[2], (R)v[3]}};
    return;
  }
#pragma unroll
  for (int k = 0; k < 4; k++)
    if (i + k < n) out[k] = (R)v[k];
}

KERNEL(256) random_bits(u32 *out, const i64 *key, u64 key_stride, u32 rows, u64 n) {
  draw(key, key_stride, rows, n, [=](u64 row, u64 i, PhiloxBlock w) { put4(out, row, i, n, w.v); });
}

template <class R> DEV void uniform(R *out, const i64 *key, u64 key_stride, u32 rows, u64 n, f32 a, f32 b) {
  f32 width = b - a;
  draw(key, key_stride, rows, n, [=](u64 row, u64 i, PhiloxBlock w) {
    f32 v[4];
#pragma unroll
    for (int k = 0; k < 4; k++) v[k] = a + width * unit(w.v[k]);
    put4(out, row, i, n, v);
  });
}

template <class R> DEV void normal(R *out, const i64 *key, u64 key_stride, u32 rows, u64 n, f32 a, f32 b) {
  draw(key, key_stride, rows, n, [=](u64 row, u64 i, PhiloxBlock w) {
    Pair p = box_muller(w.v[0], w.v[1]);
    Pair q = box_muller(w.v[2], w.v[3]);
    f32 v[4] = {a + b * p.a, a + b * p.b, a + b * q.a, a + b * q.b};
    put4(out, row, i, n, v);
  });
}

KERNEL(256) random_bernoulli(u8 *out, const i64 *key, u64 key_stride, u32 rows, u64 n, f32 p) {
  draw(key, key_stride, rows, n, [=](u64 row, u64 i, PhiloxBlock w) {
    u32 v[4];
#pragma unroll
    for (int k = 0; k < 4; k++) v[k] = unit(w.v[k]) < p;
    put4(out, row, i, n, v);
  });
}

#define DISTRIBUTIONS(T)                                                                                        \
  KERNEL(256) random_uniform_##T(T *out, const i64 *key, u64 key_stride, u32 rows, u64 n, f32 a, f32 b) {       \
    uniform(out, key, key_stride, rows, n, a, b);                                                               \
  }                                                                                                             \
  KERNEL(256) random_normal_##T(T *out, const i64 *key, u64 key_stride, u32 rows, u64 n, f32 a, f32 b) {        \
    normal(out, key, key_stride, rows, n, a, b);                                                                \
  }

DISTRIBUTIONS(f32)
DISTRIBUTIONS(f64)

template <class T> DEV void dropout(T *out, const T *x, const i64 *key, u64 key_stride, u32 rows, u64 n, f32 p) {
  typedef compute<T> C;
  C scale = 1.f / (1.f - p);
  draw(key, key_stride, rows, n, [=](u64 row, u64 i, PhiloxBlock w) {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if (i + k >= n) continue;
      u64 at = row + i + k;
      out[at] = narrow<T>(unit(w.v[k]) < p ? C(0) : widen(x[at]) * scale);
    }
  });
}

#define DROPOUT(T)                                                                                              \
  KERNEL(256) dropout_##T(T *out, const T *x, const i64 *key, u64 key_stride, u32 rows, u64 n, f32 p) {         \
    dropout(out, x, key, key_stride, rows, n, p);                                                               \
  }

DROPOUT(f32)
DROPOUT(f64)
DROPOUT(f16)
DROPOUT(bf16)
