// Ragged groups of rows in grouped products: group g of x [n, ..] is the rows offsets[g] to offsets[g + 1] - 1.
//
// The grid must not depend on where the groups lie, for the host does not know. n rows in `groups` groups have at most
// ceil(n/tile) + groups tiles, and no more than n: that is the grid's height. A block finds its tile by walking along the offsets,
// which all threads read at once, from L1: some 10 cycles a group, 1 us for 128 experts. Blocks without a tile leave.
#pragma once
#include "gemm.cuh"

// Rows are some rows of one group.
struct Rows {
  u32 group, first, count;
};

// group_rows is the whole of a group, its offsets cut to 0..n.
DEV Rows group_rows(const i32 *offsets, u32 g, u32 n) {
  i32 end = (i32)n, from = offsets[g], to = offsets[g + 1];
  from = from < 0 ? 0 : from > end ? end : from;
  to = to < from ? from : to > end ? end : to;
  return {g, (u32)from, (u32)(to - from)};
}

// rest_of_group is the rows from tile number `tile` of all groups on to the end of its group; none if there are fewer tiles.
template <u32 tile_rows> DEV Rows rest_of_group(const i32 *offsets, u32 groups, u32 n, u32 tile) {
#pragma unroll 1
  for (u32 g = 0; g < groups; g++) {
    Rows r = group_rows(offsets, g, n);
    u32 tiles = (r.count + tile_rows - 1) / tile_rows;
    if (tile < tiles) return {g, r.first + tile * tile_rows, r.count - tile * tile_rows};
    tile -= tiles;
  }
  return {0, 0, 0};
}

// grouped is the product of some rows of x [n, k] with their group's w [k, m], or [m, k] when transposed.
template <bool TB, class T> DEV Product<T> grouped(T *out, const T *x, const T *w, Rows r, u32 k, u32 m) {
  return {out + (u64)r.first * m, x + (u64)r.first * k, w + (u64)r.group * k * m, nullptr, nullptr, r.count, m, k, k, TB ? k : m, 0, m,
          1, 0, NO_ACTIVATION};
}

// outer is the product of a group's rows of x [n, k], transposed, with those of dy [n, m]: out [groups, k, m].
template <class T> DEV Product<T> outer(T *out, const T *x, const T *dy, Rows r, u32 k, u32 m) {
  return {out + (u64)r.group * k * m, x + (u64)r.first * k, dy + (u64)r.first * m, nullptr, nullptr, k, m, r.count, k, m, 0, m,
          1, 0, NO_ACTIVATION};
}

#define GROUPED_PARAMETERS(T) T *out, const T *x, const T *w, const i32 *offsets, u32 groups, u32 n, u32 k, u32 m
#define OUTER_PARAMETERS(T) T *out, const T *x, const T *dy, const i32 *offsets, u32 n, u32 k, u32 m
