// Rows by index: gather, scatter, and the sum of rows with one target.
//
//	gather_rows        out[i] = table[index[i]]                    zeros for an index outside the table
//	scatter_rows       out[index[i]] = x[i]                        the last of several for one place stays; those outside are left out
//	scatter_sum        out[r] = sum of x[i] with index[i] = r      in the order of i; rows without any are zero
//
// Gather and scatter move their bytes and nothing else, by 16 at a time where rows allow it; before it writes, a row's warp looks
// for a later row with its index (some ten microseconds for a thousand rows, nothing for the one of a decoder). scatter_sum is the gradient of gather.
// Atomics would add in another order every time; sorting first needs workspace and several passes. Here a block per target row
// looks through the indices, 256 at a time (a few microseconds for some thousand indices, from L2), and adds what it finds in
// order: exact, one pass, and only slow for a table of very many rows with very many indices.
#include "four.cuh"

// move copies a row of n elements with the 32 lanes of a warp; a null `from` clears it.
template <class T> DEV void move(T *to, const T *from, u64 n) {
  constexpr u32 N = 16 / sizeof(T);
  u32 lane = threadIdx.x % 32;
  u64 packs = aligned16(to) && aligned16(from) ? n / N : 0;
  for (u64 i = lane; i < packs; i += 32) ((uint4 *)to)[i] = from ? ((const uint4 *)from)[i] : uint4{0, 0, 0, 0};
#pragma unroll 1
  for (u64 i = packs * N + lane; i < n; i += 32) to[i] = from ? from[i] : T(0);
}

DEV u64 warp_index() { return grid_index() / 32; }
DEV u64 warp_count() { return grid_size() / 32; }

template <class T> DEV void gather_rows(T *out, const T *table, const i32 *index, u64 count, u64 width, u32 rows) {
  for (u64 i = warp_index(); i < count; i += warp_count()) {
    i32 r = index[i];
    move(out + i * width, (u32)r < rows ? table + r * width : nullptr, width);
  }
}

// again reports whether a warp finds index[i] a second time behind i: of several rows for one place the last one stays.
DEV bool again(const i32 *index, u64 i, u64 count) {
  for (u64 base = i + 1; base < count; base += 32) {
    u64 j = base + threadIdx.x % 32;
    if (lanes_where(j < count && index[j] == index[i])) return true;
  }
  return false;
}

template <class T> DEV void scatter_rows(T *out, const T *x, const i32 *index, u64 count, u64 width, u32 rows) {
  for (u64 i = warp_index(); i < count; i += warp_count()) {
    i32 r = index[i];
    if ((u32)r < rows && !again(index, i, count)) move(out + r * width, x + i * width, width);
  }
}

#define MOVES(name, T)                                                                                                   \
  KERNEL(256) gather_rows_##name(T *out, const T *table, const i32 *index, u64 count, u64 width, u32 rows) {             \
    gather_rows(out, table, index, count, width, rows);                                                                  \
  }                                                                                                                      \
  KERNEL(256) scatter_rows_##name(T *out, const T *x, const i32 *index, u64 count, u64 width, u32 rows) {                \
    scatter_rows(out, x, index, count, width, rows);                                                                     \
  }

MOVES(b8, u8)
MOVES(b16, u16)
MOVES(b32, u32)
MOVES(b64, u64)

// scatter_sum is one block per target row (blockIdx.x) and 1024 columns (blockIdx.y), four neighbours per thread.
template <class T> DEV void scatter_sum(T *out, const T *x, const i32 *index, u32 count, u32 width) {
  typedef compute<T> C;
  __shared__ u32 found[8];  // which of 256 indices are ours, a bit each
  u32 col = (blockIdx.y * 256 + threadIdx.x) * 4;
  i32 row = blockIdx.x;
  Four<C> sum = {};
  for (u32 base = 0; base < count; base += 256) {
    u32 i = base + threadIdx.x;
    u32 bits = lanes_where(i < count && index[i] == row);
    if (threadIdx.x % 32 == 0) found[threadIdx.x / 32] = bits;
    barrier();
#pragma unroll 1
    for (u32 w = 0; w < 8; w++)
      for (u32 rest = found[w]; rest != 0; rest &= rest - 1) {
        u32 at = base + w * 32 + lowest_bit(rest);
        if (col >= width) continue;
        Four<C> v = load4(x + (u64)at * width, col, width);
#pragma unroll
        for (u32 k = 0; k < 4; k++) sum.v[k] += v.v[k];
      }
    barrier();
  }
  if (col < width) store4(out + (u64)row * width, col, width, sum);
}

#define SUMS(T) \
  KERNEL(256) scatter_sum_##T(T *out, const T *x, const i32 *index, u32 count, u32 width) { scatter_sum(out, x, index, count, width); }

SUMS(f32)
SUMS(f64)
SUMS(f16)
SUMS(bf16)
