// What the elementwise kernels share: contiguous maps and the description of strided operands.
#pragma once
#include "gpu.cuh"

constexpr int AXES = 6;

template <int N> struct Places {
  i64 v[N];
};

// Description lies in device memory and describes N operands, the output first: 32 + 48 N bytes. Sizes and strides count elements;
// axis 5 is the innermost, and axes before 6 - rank are absent. There are fewer than 2^31 elements.
template <int N> struct Description {
  u32 rank;
  u32 size[AXES];
  u32 unused;
  i64 stride[N][AXES];
};
typedef Description<3> Layout;

// locate finds element i of every operand. A null description means that all are contiguous.
template <int N> DEV Places<N> locate(const Description<N> *layout, u32 i) {
  Places<N> at;
  if (layout == nullptr) {
    for (int k = 0; k < N; k++) at.v[k] = i;
    return at;
  }
  for (int k = 0; k < N; k++) at.v[k] = 0;
  u32 first = AXES - layout->rank;
#pragma unroll 1
  for (u32 axis = AXES - 1; axis > first; axis--) {
    u32 next = i / layout->size[axis];
    u32 index = i - next * layout->size[axis];
    for (int k = 0; k < N; k++) at.v[k] += index * layout->stride[k][axis];
    i = next;
  }
  for (int k = 0; k < N; k++) at.v[k] += i * layout->stride[k][first];
  return at;
}

// each4 is r[k] = f(x[k]) for four neighbours as a loop that rotates them through one place: a long f stands in the code once.
template <class R, class A, class F> DEV Pack<R, 4> each4(Pack<A, 4> x, F f) {
  Pack<R, 4> r = {};
#pragma unroll 1
  for (int k = 0; k < 4; k++) {
    A first = x.v[0];
    x = {{x.v[1], x.v[2], x.v[3], first}};
    r = {{r.v[1], r.v[2], r.v[3], f(first)}};
  }
  return r;
}

// map1 writes f(a[i]) to out[i] for i < n, `N` neighbours at a time when both pointers are 16-byte aligned, the tail singly.
template <int N, class R, class A, class F> DEV void map1(R *out, const A *a, u64 n, F f) {
  u64 packs = aligned16(out) && aligned16(a) ? n / N : 0;
  for (u64 i = grid_index(); i < packs; i += grid_size()) {
    Pack<A, N> x = ((const Pack<A, N> *)a)[i];
    Pack<R, N> r;
#pragma unroll
    for (int k = 0; k < N; k++) r.v[k] = f(x.v[k]);
    ((Pack<R, N> *)out)[i] = r;
  }
#pragma unroll 1
  for (u64 i = packs * N + grid_index(); i < n; i += grid_size()) out[i] = f(a[i]);
}

// map1_long is map1 for a function that is long: the code holds it twice instead of N + 1 times.
template <class R, class A, class F> DEV void map1_long(R *out, const A *a, u64 n, F f) {
  u64 packs = aligned16(out) && aligned16(a) ? n / 4 : 0;
#pragma unroll 1
  for (u64 i = grid_index(); i < packs; i += grid_size())
    ((Pack<R, 4> *)out)[i] = each4<R>(((const Pack<A, 4> *)a)[i], f);
#pragma unroll 1
  for (u64 i = packs * 4 + grid_index(); i < n; i += grid_size()) out[i] = f(a[i]);
}

// map2 writes f(a[i], b[i]).
template <int N, class T, class F> DEV void map2(T *out, const T *a, const T *b, u64 n, F f) {
  u64 packs = aligned16(out) && aligned16(a) && aligned16(b) ? n / N : 0;
  for (u64 i = grid_index(); i < packs; i += grid_size()) {
    Pack<T, N> x = ((const Pack<T, N> *)a)[i];
    Pack<T, N> y = ((const Pack<T, N> *)b)[i];
    Pack<T, N> r;
#pragma unroll
    for (int k = 0; k < N; k++) r.v[k] = f(x.v[k], y.v[k]);
    ((Pack<T, N> *)out)[i] = r;
  }
#pragma unroll 1
  for (u64 i = packs * N + grid_index(); i < n; i += grid_size()) out[i] = f(a[i], b[i]);
}

// wide<T> is how many elements fill 16 bytes.
template <class T> constexpr int wide = 16 / sizeof(T);
