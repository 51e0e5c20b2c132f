// Running sums: out[i] = x[0] + ... + x[i] along an axis; exclusive leaves x[i] out, reverse runs from the end.
//
//	cumsum_rows_*      the axis is the last one: a block per row, 1024 elements at a time. Each thread adds four neighbours, warps
//	                   scan their threads' sums by shuffles in five steps, the block its eight warps, and a carry goes on.
//	cumsum_parts_*     rows of more than 16384 are cut into parts of that length, a block each: their sums first, which are
//	                   scanned like a row in turn, and then every part with the sum before it as its carry.
//	cumsum_columns_*   x [outer, n, inner]: a thread per column adds in order; neighbours read side by side.
//
// 8 bytes per f32 element, 12 where the parts are summed first: bound by memory when there are parts enough to fill the machine, so
// a row of 2^24 takes 200 MB, 0.06 ms at 3.35 TB/s, where one block alone would need 16384 steps of about a microsecond. A
// look-back over the blocks would save the third of the bytes, but add in the order in which blocks come by; here the order
// depends on the shape alone.
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

constexpr u32 PART = 16384;

// Part is what a block has of its row, in the direction of the sum.
template <class T> struct Part {
  const T *x;
  u64 row, number;
  u32 n, first, end, reverse;

  INLINE Part(const T *all, u32 n, u32 reverse) : n(n), reverse(reverse) {
    u32 parts = n / PART + (n % PART != 0);
    row = blockIdx.x / parts;
    number = blockIdx.x;
    first = (blockIdx.x - row * parts) * PART;
    end = n - first < PART ? n : first + PART;
    x = all + row * n;
  }

  INLINE u32 at(u32 i) const { return reverse ? n - 1 - i : i; }

  // load reads four neighbours and returns their sum; what is not there is 0.
  INLINE compute<T> load(compute<T> (&v)[4], u32 i) const {
    compute<T> sum = 0;
#pragma unroll
    for (u32 k = 0; k < 4; k++) {
      v[k] = i + k < end ? widen(x[at(i + k)]) : compute<T>(0);
      sum += v[k];
    }
    return sum;
  }
};

// cumsum_parts is the sum of each part.
template <class T> DEV void cumsum_parts(compute<T> *sums, const T *x, u32 n, u32 reverse) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Part<T> part(x, n, reverse);
  C sum = 0;
#pragma unroll 1
  for (u32 i = part.first + threadIdx.x * 4; i < part.end; i += BLOCK * 4) {
    C v[4];
    sum += part.load(v, i);
  }
  sum = team_fold<Sum, BLOCK>(sum, shared);
  if (threadIdx.x == 0) sums[part.number] = sum;
}

// cumsum_rows is one part, which begins with a sum of its own or, when `starts` is null, with 0.
template <class T> DEV void cumsum_rows(T *out, const T *x, const compute<T> *starts, u32 n, u32 reverse, u32 exclusive) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Part<T> part(x, n, reverse);
  out += part.row * n;
  C carry = starts ? starts[part.number] : C(0);
#pragma unroll 1
  for (u32 base = part.first; base < part.end; base += BLOCK * 4) {
    u32 i = base + threadIdx.x * 4;
    C v[4], sum = part.load(v, i), running = before(sum, carry, shared);
#pragma unroll
    for (u32 k = 0; k < 4; k++) {
      C next = running + v[k];
      if (i + k < part.end) out[part.at(i + k)] = narrow<T>(exclusive ? running : next);
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
  KERNEL(256) cumsum_parts_##T(compute<T> *sums, const T *x, u32 n, u32 reverse) { cumsum_parts(sums, x, n, reverse); }     \
  KERNEL(256) cumsum_rows_##T(T *out, const T *x, const compute<T> *starts, u32 n, u32 reverse, u32 exclusive) {            \
    cumsum_rows(out, x, starts, n, reverse, exclusive);                                                                     \
  }                                                                                                                         \
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
