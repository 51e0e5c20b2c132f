// Rows by index: gather, scatter, single elements along an axis, and the indices of rows that stay.
//
//	gather_rows    out[i] = table[index[i]]                      zeros for an index outside the table
//	scatter_rows   out[index[i]] = x[i]                          the last of several for one place stays; those outside are left out
//	scatter_sorted_rows                                          the same from sorted indices, for many
//	take_along     out[o][i][c] = x[o][index[o][i][c]][c]        zero for an index outside
//	keep_count, keep_list                                        the indices of the true ones of n flags, in order, and their number
//
// Gather and scatter move their bytes and nothing else, by 16 at a time where rows allow it; before it writes, a row's warp looks
// for a later row with its index (some microseconds for a thousand rows, nothing for the one of a decoder); as that grows with the
// square of their number, more than 1024 are sorted first (sort.cu). take_along has
// a thread per element: 12 bytes for f32 when neighbours take neighbours, 40 when each takes a sector of its own.
//
// Compaction is a prefix sum in two launches: counts of 2048 flags a block, then every block adds up those before it, a few
// loads a thread for a million rows, and lists what it has. A gather of the list moves the rows. 9 bytes per row beside the
// rows themselves; atomics would save a launch and lose the order.
#include "order.cuh"

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

// scatter_sorted_rows has the indices sorted, with where they stood: the last of a run of equals is the last row for its place.
template <class T> DEV void scatter_sorted_rows(T *out, const T *x, const u32 *keys, const i32 *from, u64 count, u64 width, u32 rows) {
  for (u64 i = warp_index(); i < count; i += warp_count()) {
    u32 r = keys[i];
    if (r < rows && (i + 1 == count || keys[i + 1] != r)) move(out + r * width, x + from[i] * width, width);
  }
}

#define MOVES(name, T)                                                                                                   \
  KERNEL(256) gather_rows_##name(T *out, const T *table, const i32 *index, u64 count, u64 width, u32 rows) {             \
    gather_rows(out, table, index, count, width, rows);                                                                  \
  }                                                                                                                      \
  KERNEL(256) scatter_rows_##name(T *out, const T *x, const i32 *index, u64 count, u64 width, u32 rows) {                \
    scatter_rows(out, x, index, count, width, rows);                                                                     \
  }                                                                                                                      \
  KERNEL(256) scatter_sorted_rows_##name(T *out, const T *x, const u32 *keys, const i32 *from, u64 count, u64 width,      \
                                         u32 rows) {                                                                     \
    scatter_sorted_rows(out, x, keys, from, count, width, rows);                                                         \
  }

MOVES(b8, u8)
MOVES(b16, u16)
MOVES(b32, u32)
MOVES(b64, u64)

// take_along is one thread per element of out and index [outer, m, inner], from x [outer, n, inner].
template <class T> DEV void take_along(T *out, const T *x, const i32 *index, u32 count, u32 n, u32 m, u32 inner) {
#pragma unroll 1
  for (u32 i = grid_index(); i < count; i += grid_size()) {
    u32 lead = i / inner, column = i - lead * inner, k = index[i];
    out[i] = k < n ? x[(lead / m * (u64)n + k) * inner + column] : T(0);
  }
}

#define ALONGS(name, T)                                                                                                  \
  KERNEL(256) take_along_##name(T *out, const T *x, const i32 *index, u32 count, u32 n, u32 m, u32 inner) {              \
    take_along(out, x, index, count, n, m, inner);                                                                       \
  }

ALONGS(b8, u8)
ALONGS(b16, u16)
ALONGS(b32, u32)
ALONGS(b64, u64)

// kept is which of a thread's eight neighbouring rows stay, a bit each.
DEV u32 kept(const u8 *keep, u64 n) {
  u32 bits = 0;
#pragma unroll
  for (u32 k = 0; k < 8; k++) {
    u64 i = grid_index() * 8 + k;
    if (i < n && keep[i]) bits |= 1 << k;
  }
  return bits;
}

// keep_count is one block per 2048 rows.
KERNEL(256) keep_count(u32 *counts, const u8 *keep, u64 n) {
  __shared__ u32 shared[BLOCK / 32];
  u32 sum = team_fold<Sum, BLOCK>(count_bits(kept(keep, n)), shared);
  if (threadIdx.x == 0) counts[blockIdx.x] = sum;
}

// keep_list writes the indices of the rows that stay, in order, -1 behind them, and how many they are.
KERNEL(256) keep_list(i32 *list, i32 *total, const u32 *counts, const u8 *keep, u64 n) {
  __shared__ u32 shared[BLOCK / 32];
  u32 before = 0, all = 0;
#pragma unroll 1
  for (u32 b = threadIdx.x; b < gridDim.x; b += BLOCK) {
    u32 c = counts[b];
    before += b < blockIdx.x ? c : 0;
    all += c;
  }
  before = team_fold<Sum, BLOCK>(before, shared);
  all = team_fold<Sum, BLOCK>(all, shared);
  u32 bits = kept(keep, n);
  u64 at = before + sum_below(count_bits(bits), shared);  // for the next row that stays
#pragma unroll
  for (u32 k = 0; k < 8; k++) {
    u64 i = grid_index() * 8 + k;
    if (i >= n) continue;
    bool stays = bits >> k & 1;
    list[stays ? at : all + (i - at)] = stays ? (i32)i : -1;
    at += stays;
  }
  if (grid_index() == 0) *total = all;
}
