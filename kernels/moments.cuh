// Mean and scale of a row, as the norms that centre their rows take them.
#pragma once
#include "rows.cuh"

template <class C> struct Moments {
  C mean, scale;
};

// moments reads the row twice: the mean first, then the squares of what differs from it.
template <u32 TEAM, class T> DEV Moments<compute<T>> moments(const T *x, Row<TEAM> row, f32 eps, compute<T> *shared) {
  typedef compute<T> C;
  C sum = 0, squares = 0;
  for (u32 i = row.first; i < row.n; i += row.STEP) {
    Four<C> v = load4(x, i, row.n);
#pragma unroll
    for (int k = 0; k < 4; k++) sum += v.v[k];
  }
  C mean = team_fold<Sum, TEAM>(sum, shared) / (C)row.n;
  for (u32 i = row.first; i < row.n; i += row.STEP) {
    Four<C> v = load4(x, i, row.n, mean);
#pragma unroll
    for (int k = 0; k < 4; k++) squares = fma(v.v[k] - mean, v.v[k] - mean, squares);
  }
  squares = team_fold<Sum, TEAM>(squares, shared);
  return {mean, C(1) / sqrt(squares / (C)row.n + (C)eps)};
}
