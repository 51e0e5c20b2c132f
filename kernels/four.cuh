// Four neighbours at a time: one wide access where the row's address allows it, single elements otherwise.
#pragma once
#include "gpu.cuh"

template <class T> DEV bool packs(const T *p) { return ((u64)p & (alignof(Pack<T, 4>) - 1)) == 0; }

// load_first reads the first `count` of four elements, `rest` for the others.
template <class T> DEV Four<compute<T>> load_first(const T *p, i32 count, compute<T> rest = 0) {
  Four<compute<T>> r;
  if (count >= 4 && packs(p)) {
    Pack<T, 4> x = load_wide((const Pack<T, 4> *)p);
#pragma unroll
    for (int k = 0; k < 4; k++) r.v[k] = widen(x.v[k]);
    return r;
  }
#pragma unroll
  for (int k = 0; k < 4; k++) r.v[k] = k < count ? widen(p[k]) : rest;
  return r;
}

// load4 reads the elements i to i+3 of a row of n < 2^31, `rest` for those at n and beyond. i < n: the first is there.
template <class T> DEV Four<compute<T>> load4(const T *row, u32 i, u32 n, compute<T> rest = 0) {
  i32 left = (i32)(n - i);
  __builtin_assume(left > 0);
  return load_first(row + i, left, rest);
}

// store4 writes the elements i to i+3 that lie before n.
template <class T> DEV void store4(T *row, u32 i, u32 n, Four<compute<T>> x) {
  if (i + 4 <= n && packs(row)) {
    Pack<T, 4> p;
#pragma unroll
    for (int k = 0; k < 4; k++) p.v[k] = narrow<T>(x.v[k]);
    store_wide((Pack<T, 4> *)(row + i), p);
    return;
  }
#pragma unroll
  for (int k = 0; k < 4; k++)
    if (i + k < n) row[i + k] = narrow<T>(x.v[k]);
}
