// What the matrix products share: the problem, and the last step of every output element.
#pragma once
#include "activation.cuh"
#include "four.cuh"

// Matrices are rows of `ld` elements, batches `stride` elements apart (0 broadcasts). bias [n] and c [m, n] may be null.
template <class T> struct Product {
  T *out;
  const T *a, *b, *c, *bias;
  u32 m, n, k;
  u32 lda, ldb, ldc, ldo;
  f64 alpha, beta;
  u32 activation;
};

// The parameters of every matrix product, and their packing into a Product for this block's batch (blockIdx.z).
#define PRODUCT_PARAMETERS(T)                                                                                                  \
  T *out, const T *a, const T *b, const T *c, const T *bias, u32 m, u32 n, u32 k, u32 lda, u32 ldb, u32 ldc, u32 ldo,          \
      u64 stride_a, u64 stride_b, u64 stride_c, u64 stride_out, f64 alpha, f64 beta, u32 activation
#define PRODUCT(T)                                                                                                             \
  (Product<T>{out + blockIdx.z * stride_out, a + blockIdx.z * stride_a, b + blockIdx.z * stride_b,                             \
              c ? c + blockIdx.z * stride_c : c, bias, m, n, k, lda, ldb, ldc, ldo, alpha, beta, activation})

// finish turns four sums of one row into out = activation(alpha sum + bias) + beta c, each step rounded, and stores them.
template <class T> DEV void finish(const Product<T> &p, u32 row, u32 col, Four<compute<T>> sum) {
  typedef compute<T> C;
  if (row >= p.m || col >= p.n) return;
  Four<C> bias = {}, c = {};
  if (p.bias) bias = load4(p.bias, col, p.n);
  if (p.c) c = load4(p.c + (u64)row * p.ldc, col, p.n);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    sum.v[i] = (C)p.alpha * sum.v[i];
    if (p.bias) sum.v[i] += bias.v[i];
  }
  if (p.activation != NO_ACTIVATION) {
#pragma unroll 1
    for (int i = 0; i < 4; i++) sum = {{sum.v[1], sum.v[2], sum.v[3], activate(p.activation, sum.v[0])}};
  }
  if (p.c) {
#pragma unroll
    for (int i = 0; i < 4; i++) sum.v[i] += (C)p.beta * c.v[i];
  }
  store4(p.out + (u64)row * p.ldo, col, p.n, sum);
}

// finish_tile finishes `rows` rows of `cols` sums that lie in shared memory, rows `ld` apart, with all threads of the block.
template <u32 rows, u32 cols, u32 ld, u32 threads, class T>
DEV void finish_tile(const Product<T> &p, const compute<T> *tile, u32 row0, u32 col0) {
#pragma unroll 1
  for (u32 i = threadIdx.x; i < rows * cols / 4; i += threads) {
    u32 r = i / (cols / 4), c = i % (cols / 4) * 4;
    Pack<compute<T>, 4> v = *(const Pack<compute<T>, 4> *)&tile[r * ld + c];
    finish(p, row0 + r, col0 + c, {{v.v[0], v.v[1], v.v[2], v.v[3]}});
  }
}
