// Running sums: out[i] = x[0] + ... + x[i] along an axis; exclusive leaves x[i] out, reverse runs from the end.
//
//	cumsum_rows_*      the axis is the last one: a block per row, 1024 elements at a time. Each thread adds four neighbours, warps
//	                   scan their threads' sums by shuffles in five steps, the block its eight warps, and a carry goes on.
//	cumsum_columns_*   x [outer, n, inner]: a thread per column adds in order; neighbours read side by side.
//
// 8 bytes per f32 element: bound by memory when there are rows or columns enough to fill the machine; a single long row runs on
// one multiprocessor, for its order must not depend on anything but the shape, and a look-back over blocks was not worth it yet.
#include "rows.cuh"

// before returns the sum of x over the threads below this one, in a fixed order, and adds all of them to carry.
template <class C> DEV C before(C x, C &carry, C *shared) {
  u32 lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  C sum = x;
#pragma unroll
  for (u32 by = 1; by < 32; by *= 2) {
    C other = lane_up(sum, by);
    if (lane >= by) sum = other + sum;
  }
  if (lane == 31) shared[warp] = sum;
  C below = lane_up(sum, 1);
  if (lane == 0) below = 0;
  barrier();
  C start = carry;
#pragma unroll
  for (u32 w = 0; w < BLOCK / 32; w++) {
    if (w == warp) below = start + below;
    start += shared[w];
  }
  carry = start;
  barrier();
  return below;
}

template <class T> DEV void cumsum_rows(T *out, const T *x, u32 n, u32 reverse, u32 exclusive) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  x += blockIdx.x * (u64)n;
  out += blockIdx.x * (u64)n;
  C carry = 0;
#pragma unroll 1
  for (u32 base = 0; base < n; base += BLOCK * 4) {
    u32 i = base + threadIdx.x * 4;
    C v[4], sum = 0;
#pragma unroll
    for (u32 k = 0; k < 4; k++) {
      v[k] = i + k < n ? widen(x[reverse ? n - 1 - (i + k) : i + k]) : C(0);
      sum += v[k];
    }
    C running = before(sum, carry, shared);
#pragma unroll
    for (u32 k = 0; k < 4; k++) {
      C next = running + v[k];
      if (i + k < n) out[reverse ? n - 1 - (i + k) : i + k] = narrow<T>(exclusive ? running : next);
      running = next;
    }
  }
}

template <class T> DEV void cumsum_columns(T *out, const T *x, u32 n, u32 inner, u32 reverse, u32 exclusive) {
  u32 column = grid_index();
  if (column >= inner) return;
  u64 base = blockIdx.z * (u64)n * inner + column;
  compute<T> sum = 0;
#pragma unroll 1
  for (u32 r = 0; r < n; r++) {
    u64 at = base + (u64)(reverse ? n - 1 - r : r) * inner;
    compute<T> next = sum + widen(x[at]);
    out[at] = narrow<T>(exclusive ? sum : next);
    sum = next;
  }
}

#define SCANS(T)                                                                                                            \
  KERNEL(256) cumsum_rows_##T(T *out, const T *x, u32 n, u32 reverse, u32 exclusive) { cumsum_rows(out, x, n, reverse, exclusive); } \
  KERNEL(256) cumsum_columns_##T(T *out, const T *x, u32 n, u32 inner, u32 reverse, u32 exclusive) {                        \
    cumsum_columns(out, x, n, inner, reverse, exclusive);                                                                   \
  }

SCANS(f32)
SCANS(f64)
SCANS(f16)
SCANS(bf16)
SCANS(i64)
SCANS(i32)
SCANS(i8)
SCANS(u8)
