// Entropy of a row of logits and divergence between two, and their gradients, without storing probabilities.
//
//	p = softmax(a), q = softmax(b);  entropy = -sum(p log p),  kl = sum(p (log p - log q))
//	entropy_grad: dx = -dy p (log p + entropy);  kl_grad: da = dy p (log p - log q - kl), db = dy (q - p)
//
// With m the maximum and s = sum(exp(a - m)), log p = (a - m) - log s, so both are one more sum of weighted differences. Logits of a
// that are -Inf count nothing. One row per block, read three times (from cache but for the first): bound by memory for rows that
// fit there, and the exponentials of the second and third pass otherwise.
#include "math64.cuh"
#include "rows.cuh"

template <class C> DEV C lowest() { return (C)from_bits(0xFF800000u); }

// Logits is a row's maximum and the sum of its exponentials.
template <class C> struct Logits {
  C m, s, log_s;
};

template <class T, class C> DEV Logits<C> measure(const T *x, Row<BLOCK> row, C *shared) {
  C m = lowest<C>(), s = 0;
  for (u32 i = row.first; i < row.n; i += row.STEP) {
    Four<C> v = load4(x, i, row.n, lowest<C>());
#pragma unroll
    for (int k = 0; k < 4; k++) m = Max::fold(m, v.v[k]);
  }
  m = team_fold<Max, BLOCK>(m, shared);
#pragma unroll 1
  for (u32 i = row.first; i < row.n; i += row.STEP) {
    Four<C> v = load4(x, i, row.n, lowest<C>());
#pragma unroll
    for (int k = 0; k < 4; k++) s += math::exp(v.v[k] - m);
  }
  s = team_fold<Sum, BLOCK>(s, shared);
  return {m, s, math::log(s)};
}

// mean is the sum of p times f(i, k, x - m) over the row, where x is not -Inf.
template <class T, class C, class F> DEV C mean(const T *x, Row<BLOCK> row, Logits<C> l, C *shared, F f) {
  C sum = 0;
#pragma unroll 1
  for (u32 i = row.first; i < row.n; i += row.STEP) {
    Four<C> v = load4(x, i, row.n, lowest<C>());
#pragma unroll
    for (u32 k = 0; k < 4; k++) {
      C d = v.v[k] - l.m;
      if (d != lowest<C>()) sum = fma(math::exp(d), f(i + k, d), sum);
    }
  }
  return team_fold<Sum, BLOCK>(sum, shared) / l.s;
}

template <class T, class C> DEV C entropy_of(const T *x, Row<BLOCK> row, Logits<C> l, C *shared) {
  return l.log_s - mean(x, row, l, shared, [](u32, C d) { return d; });
}

template <class T, class C> DEV C kl_of(const T *a, const T *b, Row<BLOCK> row, Logits<C> la, Logits<C> lb, C *shared) {
  return mean(a, row, la, shared, [&](u32 i, C d) { return d - (widen(b[i]) - lb.m); }) - la.log_s + lb.log_s;
}

template <class T> DEV void entropy(T *out, const T *x, u32 n) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<BLOCK> row(n);
  x += row.index * n;
  C h = entropy_of(x, row, measure(x, row, shared), shared);
  if (threadIdx.x == 0) out[row.index] = narrow<T>(h);
}

template <class T> DEV void entropy_grad(T *dx, const T *x, const T *dy, u32 n) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<BLOCK> row(n);
  x += row.index * n;
  dx += row.index * n;
  Logits<C> l = measure(x, row, shared);
  C h = entropy_of(x, row, l, shared), d = widen(dy[row.index]);
#pragma unroll 1
  for (u32 i = threadIdx.x; i < n; i += BLOCK) {
    C log_p = (widen(x[i]) - l.m) - l.log_s;
    dx[i] = narrow<T>(log_p == lowest<C>() ? C(0) : -d * math::exp(log_p) * (log_p + h));
  }
}

template <class T> DEV void kl(T *out, const T *a, const T *b, u32 n) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<BLOCK> row(n);
  a += row.index * n;
  b += row.index * n;
  Logits<C> la = measure(a, row, shared), lb = measure(b, row, shared);
  C k = kl_of(a, b, row, la, lb, shared);
  if (threadIdx.x == 0) out[row.index] = narrow<T>(k);
}

template <class T> DEV void kl_grad(T *da, T *db, const T *a, const T *b, const T *dy, u32 n) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<BLOCK> row(n);
  u64 at = row.index * n;
  Logits<C> la = measure(a + at, row, shared), lb = measure(b + at, row, shared);
  C k = kl_of(a + at, b + at, row, la, lb, shared), d = widen(dy[row.index]);
#pragma unroll 1
  for (u32 i = threadIdx.x; i < n; i += BLOCK) {
    C log_p = (widen(a[at + i]) - la.m) - la.log_s, log_q = (widen(b[at + i]) - lb.m) - lb.log_s;
    C p = math::exp(log_p), q = math::exp(log_q);
    da[at + i] = narrow<T>(log_p == lowest<C>() ? C(0) : d * p * ((log_p - log_q) - k));
    db[at + i] = narrow<T>(d * (q - p));
  }
}

#define DIVERGENCES(T)                                                                                                       \
  KERNEL(256) entropy_##T(T *out, const T *x, u32 n) { entropy(out, x, n); }                                                 \
  KERNEL(256) entropy_grad_##T(T *dx, const T *x, const T *dy, u32 n) { entropy_grad(dx, x, dy, n); }                        \
  KERNEL(256) kl_##T(T *out, const T *a, const T *b, u32 n) { kl(out, a, b, n); }                                            \
  KERNEL(256) kl_grad_##T(T *da, T *db, const T *a, const T *b, const T *dy, u32 n) { kl_grad(da, db, a, b, dy, n); }

DIVERGENCES(f32)
DIVERGENCES(f64)
DIVERGENCES(f16)
DIVERGENCES(bf16)
