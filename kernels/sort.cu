// Sorting rows: stable, values and where each came from. Elements travel as their bits and are ordered by the keys of order.cuh,
// which are recomputed wherever they are looked at: five instructions against eight bytes that nobody has to write and read.
//
//	sort_short_b*   rows of at most 128: a warp per row. An element's place is the number of those that come before it, found by
//	                comparing it with each: n²/32 steps without a barrier, 1 launch, and the row is read once.
//	sort_tile_b*    rows of up to a tile (4096 elements, 2048 of 64 bits): a block per row, which sorts digit by digit of eight
//	                bits from the lowest in shared memory and registers.
//	longer rows     three launches for each digit: sort_count_b* counts the digits of every tile, sort_starts turns the counts into
//	                places (a warp per digit), sort_scatter_b* moves the elements. A tile is first put in order in shared
//	                memory, so elements of one digit leave side by side: runs of 8 on average. Tiles of 4096
//                make longer runs, but take 120 registers and twice the code.
//
// Stability comes from ranks: the elements of a warp lie in order, lane by lane. Eight ballots tell a lane which others have its
// digit; those below it, plus what its warp, the warps before and the tiles before have counted, are its rank.
//
// Bytes per f32 element and digit: 4 to count, 8 read and 8 written to move, 80 for all four (72 as the first digit reads no
// indices): 2^24 elements are 1.3 GB, 0.4 ms of an H100's 3.35 TB/s, 0.65 ms on an A100. Instructions: some 35 to count 32 elements
// and 135 to move them, of which the ballots are 32: 90 million a digit, 0.1 ms of 132 multiprocessors that issue four per
// clock, so both limits are near each other and half of either is what to expect. A single pass per digit with look-back over the
// tiles would save the 4 bytes to count (a fifth) and two launches; it needs blocks that wait for each other, and was not
// worth that yet. Bitonic networks (n log² n) lose to this from 512 elements on; match.any would replace the ballots by one
// instruction, whose time depends on how many different digits a warp has.
#include "order.cuh"

constexpr u32 WARPS = BLOCK / 32;
constexpr u32 SHORT = 128;
constexpr u32 ITEMS = 8;  // of a thread
constexpr u32 TILE = BLOCK * ITEMS;

// Rows is what to sort: rows of n elements, of which `keep` go to the outputs. A null `from` stands for 0, 1, 2, ...
template <class U> struct Rows {
  U *values;
  i32 *indices;
  const U *x;
  const i32 *from;
  u64 rows;
  u32 n, keep;

  INLINE i32 index(u64 row, u32 i) const { return from ? from[row * n + i] : (i32)i; }
};

template <class U> DEV void sort_short(Rows<U> r, Order<U> order) {
  alignas(16) __shared__ Key<U> shared[WARPS][SHORT];
  u64 row = (u64)blockIdx.x * WARPS + threadIdx.x / 32;
  if (row >= r.rows) return;
  Key<U> *keys = shared[threadIdx.x / 32];
  const U *x = r.x + row * r.n;
#pragma unroll 1
  for (u32 i = lane(); i < (r.n + 3) / 4 * 4; i += 32) keys[i] = i < r.n ? order.key(x[i]) : order.ALL;  // none of which is counted
  warp_barrier();
#pragma unroll 1
  for (u32 i = lane(); i < r.n; i += 32) {
    Key<U> key = keys[i];
    u32 place = 0;
#pragma unroll 1
    for (u32 j = 0; j < r.n; j += 4) {
      Pack<Key<U>, 4> four = *(const Pack<Key<U>, 4> *)(keys + j);
#pragma unroll
      for (u32 k = 0; k < 4; k++) place += four.v[k] < key || (four.v[k] == key && j + k < i);
    }
    if (place < r.keep) {
      r.values[row * r.keep + place] = x[i];
      r.indices[row * r.keep + place] = r.index(row, i);
    }
  }
}

// split leaves the lanes whose digit has the same bit as this lane's.
template <u32 BIT> DEV void split(u32 &lanes, u32 digit) {
  asm volatile(
      "{ .reg .pred p; .reg .b32 m; and.b32 m, %1, %2; setp.ne.u32 p, m, 0; vote.sync.ballot.b32 m, p, 0xffffffff;\n\t"
      "@!p not.b32 m, m; and.b32 %0, %0, m; }"
      : "+r"(lanes)
      : "r"(digit), "n"(BIT));
}

// peers is the lanes that have this lane's digit.
DEV u32 peers(u32 digit) {
  u32 lanes = ALL_LANES;
  split<1>(lanes, digit), split<2>(lanes, digit), split<4>(lanes, digit), split<8>(lanes, digit);
  split<16>(lanes, digit), split<32>(lanes, digit), split<64>(lanes, digit), split<128>(lanes, digit);
  return lanes;
}

// Tile is the elements of a block: each warp has a stretch of them, 32 side by side in its lanes at a time. What is missing in the
// last ones counts as having the greatest digit: it comes last in the tile and stays there.
template <class U> struct Tile {
  struct Shared {
    U values[TILE];
    i32 indices[TILE];
    u32 starts[WARPS][DIGITS];  // the next place for a warp's elements of a digit
    u32 sums[WARPS];
  };
  U values[ITEMS];
  i32 indices[ITEMS];
  u32 digits[ITEMS];
  u32 n, items;

  INLINE Tile(u32 n) : n(n), items((n + BLOCK - 1) / BLOCK) {}

  INLINE void load(const U *x, const i32 *from, u32 first, Order<U> order, u32 shift) {
    u32 at = threadIdx.x / 32 * items * 32 + lane();
#pragma unroll
    for (u32 j = 0; j < ITEMS; j++) {
      values[j] = 0;
      indices[j] = first + at + j * 32;
      digits[j] = DIGITS - 1;
      if (j < items && at + j * 32 < n) {
        values[j] = x[at + j * 32];
        if (from) indices[j] = from[at + j * 32];
        digits[j] = order.key(values[j]) >> shift & (DIGITS - 1);
      }
    }
  }

  // sort puts the elements into shared memory in the order of their digits, equals in the order they had, and returns the place
  // of the first one whose digit is the thread's number.
  INLINE u32 sort(Shared &s) {
    u32 t = threadIdx.x;
    u32 *starts = s.starts[t / 32];
#pragma unroll
    for (u32 w = 0; w < WARPS; w++) s.starts[w][t] = 0;
    barrier();
#pragma unroll
    for (u32 j = 0; j < ITEMS; j++)
      if (j < items) tick(&starts[digits[j]]);
    barrier();
    u32 sum = 0;
#pragma unroll
    for (u32 w = 0; w < WARPS; w++) {
      u32 count = s.starts[w][t];
      s.starts[w][t] = sum;
      sum += count;
    }
    u32 first = sum_below(sum, s.sums);
#pragma unroll
    for (u32 w = 0; w < WARPS; w++) s.starts[w][t] += first;
    barrier();
#pragma unroll
    for (u32 j = 0; j < ITEMS; j++) {
      if (j >= items) continue;
      u32 same = peers(digits[j]), before = count_bits(same & lanes_below()), place = starts[digits[j]] + before;
      warp_barrier();
      if (before == 0) starts[digits[j]] = place + count_bits(same);
      s.values[place] = values[j];
      s.indices[place] = indices[j];
      warp_barrier();
    }
    barrier();
    return first;
  }
};

template <class U> DEV void sort_tile(Rows<U> r, Order<U> order) {
  __shared__ typename Tile<U>::Shared shared;
  u64 row = blockIdx.x;
  if (row >= r.rows) return;
#pragma unroll 1
  for (u32 i = threadIdx.x; i < r.n; i += BLOCK) {
    shared.values[i] = r.x[row * r.n + i];
    shared.indices[i] = r.index(row, i);
  }
  barrier();
  Tile<U> tile(r.n);
#pragma unroll 1
  for (u32 shift = 0; shift < 8 * sizeof(U); shift += 8) {
    tile.load(shared.values, shared.indices, 0, order, shift);
    tile.sort(shared);
  }
#pragma unroll 1
  for (u32 i = threadIdx.x; i < r.keep; i += BLOCK) {
    r.values[row * r.keep + i] = shared.values[i];
    r.indices[row * r.keep + i] = shared.indices[i];
  }
}

// Long rows are cut into tiles, one for each block. counts is [row][tiles + 1][DIGITS]; the last of a row is the sums of all.
struct Place {
  u64 row;
  u32 tile, tiles;

  INLINE Place(u32 n, u32 size) : tiles((n + size - 1) / size) {
    row = blockIdx.x / tiles;
    tile = blockIdx.x % tiles;
  }
};

template <class U> DEV void sort_count(u32 *counts, const U *x, u64 rows, u32 n, u32 shift, Order<U> order) {
  __shared__ u32 digits[DIGITS];
  Place p(n, TILE);
  if (p.row >= rows) return;
  digits[threadIdx.x] = 0;
  barrier();
  u32 first = p.tile * TILE, length = n - first < TILE ? n - first : TILE, t = threadIdx.x;
  x += p.row * n + first;
  U values[ITEMS];
#pragma unroll
  for (u32 j = 0; j < ITEMS; j++)
    if (j * BLOCK + t < length) values[j] = x[j * BLOCK + t];
#pragma unroll
  for (u32 j = 0; j < ITEMS; j++)
    if (j * BLOCK + t < length) tick(&digits[order.key(values[j]) >> shift & (DIGITS - 1)]);
  barrier();
  counts[(p.row * (p.tiles + 1) + p.tile) * DIGITS + threadIdx.x] = digits[threadIdx.x];
}

template <class U> DEV void sort_scatter(Rows<U> r, const u32 *counts, u32 shift, Order<U> order) {
  __shared__ typename Tile<U>::Shared shared;
  __shared__ u32 offsets[DIGITS];  // from a place in the tile to one in the row
  Place p(r.n, TILE);
  if (p.row >= r.rows) return;
  u32 first = p.tile * TILE, length = r.n - first < TILE ? r.n - first : TILE, t = threadIdx.x;
  u64 base = p.row * r.n;
  Tile<U> tile(length);
  tile.load(r.x + base + first, r.from ? r.from + base + first : nullptr, first, order, shift);
  counts += p.row * (p.tiles + 1) * DIGITS;
  u32 start = sum_below(counts[p.tiles * DIGITS + t], shared.sums) + counts[p.tile * DIGITS + t];
  offsets[t] = start - tile.sort(shared);
  barrier();
#pragma unroll 4
  for (u32 i = t; i < length; i += BLOCK) {
    U v = shared.values[i];
    u32 to = offsets[order.key(v) >> shift & (DIGITS - 1)] + i;
    r.values[base + to] = v;
    r.indices[base + to] = shared.indices[i];
  }
}

// sort_starts gives a warp to each digit of each row: counts become the sums of those before.
KERNEL(256) sort_starts(u32 *counts, const i32 *count, u64 per, u64 rows, u32 tiles) {
  u64 row = blockIdx.x / (DIGITS / WARPS);
  if (row >= live_rows(count, per, rows)) return;
  counts += row * (tiles + 1) * DIGITS + blockIdx.x % (DIGITS / WARPS) * WARPS + threadIdx.x / 32;
  u32 sum = 0;
#pragma unroll 1
  for (u32 first = 0; first < tiles; first += 32) {
    u32 i = first + lane(), c = i < tiles ? counts[i * (u64)DIGITS] : 0, all = up_to(c);
    if (i < tiles) counts[i * (u64)DIGITS] = sum + all - c;
    sum += lane_at(all, 31);
  }
  if (lane() == 0) counts[tiles * (u64)DIGITS] = sum;
}

#define SORTS(name, U)                                                                                                              \
  KERNEL(256) sort_short_##name(U *values, i32 *indices, const U *x, const i32 *from, const i32 *count, u64 per, u64 rows, u32 n,    \
                                u32 keep, u64 infinity, u32 flags) {                                                                \
    sort_short<U>({values, indices, x, from, live_rows(count, per, rows), n, keep}, {infinity, flags});                             \
  }                                                                                                                                 \
  KERNEL(256) sort_tile_##name(U *values, i32 *indices, const U *x, const i32 *from, const i32 *count, u64 per, u64 rows, u32 n,     \
                               u32 keep, u64 infinity, u32 flags) {                                                                 \
    sort_tile<U>({values, indices, x, from, live_rows(count, per, rows), n, keep}, {infinity, flags});                              \
  }                                                                                                                                 \
  KERNEL(256) sort_count_##name(u32 *counts, const U *x, const i32 *count, u64 per, u64 rows, u32 n, u32 shift, u64 infinity,        \
                                u32 flags) {                                                                                        \
    sort_count<U>(counts, x, live_rows(count, per, rows), n, shift, {infinity, flags});                                             \
  }                                                                                                                                 \
  KERNEL(256) sort_scatter_##name(U *values, i32 *indices, const U *x, const i32 *from, const u32 *counts, const i32 *count,         \
                                  u64 per, u64 rows, u32 n, u32 shift, u64 infinity, u32 flags) {                                   \
    sort_scatter<U>({values, indices, x, from, live_rows(count, per, rows), n, n}, counts, shift, {infinity, flags});                \
  }

SORTS(b8, u8)
SORTS(b16, u16)
SORTS(b32, u32)
SORTS(b64, u64)
