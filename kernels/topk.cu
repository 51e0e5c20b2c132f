// Selecting from rows without sorting them: the k first in some order, the element of one rank, quantiles.
//
// The key of a rank is found digit by digit of eight bits from the highest: a histogram of the digits of those keys that agree so
// far, then the digit under which the rank falls. That reads a row once per byte of an element, whatever k is; a last walk
// knows what is before the key and which of its equals count, and writes winners in the order of their indices: ties go to the
// lowest, and sort.cu, which is stable, puts the k in order.
//
//	select_part_b*      a block per part of a row: its k winners. Rows of more than 4096 elements are cut into parts of about that
//	                    length, or four times k, and the winners of the parts are selected from in turn. The keys of a part
//	                    are made once and kept in shared memory for the later looks.
//	select_b*           the same for longer parts, whose elements are read at every look.
//	kth_b*  quantile_T  the element of a rank, and what lies between two ranks.
//	*_warp_*            the same by one warp for rows of up to 1024.
//	rank_*              the element of a rank of a row of more than 32768, by up to 256 blocks: one launch counts the digits of
//	                    every piece, the next adds them up and picks; at last one block walks the piece that has it.
//
// Elements are read as they lie, 32 side by side, so a request is 128 bytes for f32. A part takes some 130 instructions for 32
// elements (15 for each of four looks, 25 for the keys and as much for the walk, and what a digit costs a warp) and reads them once. A
// row of 131072 logits (512 kB) is 32 parts and 0.7 million instructions, about 8 us on 32 multiprocessors, with two small
// launches for the merge and the sort. 64 such rows are 32 MB, 10 us at 3.35 TB/s, but 43 million instructions, 0.09 ms at two
// per clock on 132 multiprocessors: bound by instructions, not by memory; it would pay to look at fewer elements after the first
// digit. The element of a rank of 2^24 f32 reads 64 MB four times, 0.08 ms, in 10 launches and with 256 kB of scratch memory; one
// block alone would take 10 ms, a sort five times the bytes.
//
// Heaps and bitonic top-k beat this for k of a few; they were not taken because their cost grows with k, and this is one
// kernel for every k.
#include "order.cuh"

template <u32 TEAM> DEV void team_barrier() {
  if constexpr (TEAM == 32)
    warp_barrier();
  else
    barrier();
}

// Team is the threads that share a row or part, and their memory.
template <u32 TEAM> struct Team {
  static constexpr u32 TEAMS = BLOCK / TEAM;
  u32 *digits;  // of DIGITS counts
  u64 index;  // of the row or part
  u32 thread;

  INLINE Team(u32 (&shared)[TEAMS][DIGITS])
      : digits(shared[threadIdx.x / TEAM]), index((u64)blockIdx.x * TEAMS + threadIdx.x / TEAM), thread(threadIdx.x % TEAM) {}
};

// Elements and Keys are a row's keys: made from its elements at every look, or once and for all in shared memory.
template <class U> struct Elements {
  typedef Key<U> K;
  static constexpr u32 SIZE = sizeof(U);
  const U *x;
  Order<U> order;

  INLINE K operator[](u32 i) const { return order.key(x[i]); }
};
template <class U> struct Keys {
  typedef Key<U> K;
  static constexpr u32 SIZE = sizeof(U);
  const K *keys;

  INLINE K operator[](u32 i) const { return keys[i]; }
};

// count_digits counts the digits at a shift of those keys whose higher digits are the prefix.
template <u32 TEAM, class S> DEV void count_digits(Team<TEAM> team, S source, u32 n, u32 shift, typename S::K prefix) {
#pragma unroll
  for (u32 i = 0; i < DIGITS; i += TEAM) team.digits[i + team.thread] = 0;
  team_barrier<TEAM>();
#pragma unroll 1
  for (u32 i = team.thread; i < n; i += 4 * TEAM) {
    typename S::K keys[4];
#pragma unroll
    for (u32 k = 0; k < 4; k++)
      if (i + k * TEAM < n) keys[k] = source[i + k * TEAM];
#pragma unroll
    for (u32 k = 0; k < 4; k++)
      if (i + k * TEAM < n && keys[k] >> shift >> 8 == prefix) tick(&team.digits[keys[k] >> shift & (DIGITS - 1)]);
  }
  team_barrier<TEAM>();
}

// Digit is the one under which a rank falls, and how many are below it.
struct Digit {
  u32 value, below;
};

// search finds the digit of a rank, every warp by itself: eight counts in each lane, and of all lanes the one in which the rank falls.
DEV Digit search(const u32 *digits, u32 rank) {
  u32 counts[8], sum = 0;
#pragma unroll
  for (u32 k = 0; k < 8; k += 4) {
    uint4 four = *(const uint4 *)&digits[lane() * 8 + k];
    counts[k] = four.x, counts[k + 1] = four.y, counts[k + 2] = four.z, counts[k + 3] = four.w;
  }
#pragma unroll
  for (u32 k = 0; k < 8; k++) sum += counts[k];
  u32 below = up_to(sum) - sum, digit = lane() * 8;
  u32 where = lowest_bit(lanes_where(below <= rank && rank < below + sum));
#pragma unroll
  for (u32 k = 0; k < 7; k++) {
    if (rank < below + counts[k]) break;
    below += counts[k];
    digit++;
  }
  return {lane_at(digit, where), lane_at(below, where)};
}

// Pivot is the key of a rank, and how many keys are below it.
template <class K> struct Pivot {
  K key;
  u32 below;
};

// find is the key of a rank, counted from 0, among n > rank keys.
template <u32 TEAM, class S> DEV Pivot<typename S::K> find(Team<TEAM> team, S source, u32 n, u32 rank) {
  Pivot<typename S::K> pivot = {0, 0};
#pragma unroll 1
  for (i32 shift = 8 * S::SIZE - 8; shift >= 0; shift -= 8) {
    count_digits(team, source, n, shift, pivot.key);
    Digit digit = search(team.digits, rank - pivot.below);
    pivot = {pivot.key << 8 | digit.value, pivot.below + digit.below};
    team_barrier<TEAM>();
  }
  return pivot;
}

// Found is a key that is less than the pivot or equal to it, and how many of either are before it.
struct Found {
  u32 i;
  bool less, equal;
  u32 lesses, equals;
};

// walk calls f with every key up to the pivot. Each warp takes a stretch of the row, whose counts the warps before have added up.
template <u32 TEAM, class S, class F> DEV void walk(Team<TEAM> team, S source, u32 n, Pivot<typename S::K> pivot, F f) {
  constexpr u32 WARPS = TEAM / 32;
  u32 stretch = (n + TEAM - 1) / TEAM * 32, warp = team.thread / 32, lesses = 0, equals = 0;
  u32 first = warp * stretch + lane(), end = (warp + 1) * stretch < n ? (warp + 1) * stretch : n;
  if constexpr (WARPS > 1) {
#pragma unroll 1
    for (u32 i = first; i < end; i += 32) {
      typename S::K key = source[i];
      lesses += key < pivot.key;
      equals += key == pivot.key;
    }
    lesses = up_to(lesses);
    equals = up_to(equals);
    if (lane() == 31) {
      team.digits[warp] = lesses;
      team.digits[WARPS + warp] = equals;
    }
    barrier();
    lesses = equals = 0;
#pragma unroll
    for (u32 w = 0; w < WARPS; w++)
      if (w < warp) {
        lesses += team.digits[w];
        equals += team.digits[WARPS + w];
      }
  }
  u32 i = first;
#pragma unroll 1
  do {  // at least once, as nearly every warp has something
    typename S::K key = i < end ? source[i] : 0;
    bool is_less = i < end && key < pivot.key, is_equal = i < end && key == pivot.key;
    u32 less = lanes_where(is_less), equal = lanes_where(is_equal);
    if (is_less || is_equal)
      f(Found{i, is_less, is_equal, lesses + count_bits(less & lanes_below()), equals + count_bits(equal & lanes_below())});
    lesses += count_bits(less);
    equals += count_bits(equal);
  } while ((i += 32) - lane() < end);
}

constexpr u32 PART = 4096;  // the longest part whose keys fit into shared memory

// select_first writes the k first of each part of x [rows, n], k at most the length of a part, to [rows, parts, k].
template <u32 TEAM, bool CACHED, class U>
DEV void select_first(U *values, i32 *indices, const U *x, const i32 *from, u64 rows, u32 n, u32 parts, u32 k, Order<U> order) {
  alignas(16) __shared__ u32 shared[Team<TEAM>::TEAMS][DIGITS];
  Team<TEAM> team(shared);
  u32 row = (u32)team.index / parts, part = (u32)team.index - row * parts;
  if (row >= rows) return;
  u32 even = n / parts, rest = n - even * parts;  // the first parts take what is left over
  u32 first = part * even + (part < rest ? part : rest), length = even + (part < rest);
  x += row * (u64)n + first;
  auto select = [&](auto source) {
    auto pivot = find(team, source, length, k - 1);
    u32 wanted = k - pivot.below;
    walk(team, source, length, pivot, [&](Found e) {
      if (!e.less && e.equals >= wanted) return;
      u64 to = team.index * k + e.lesses + (e.equals < wanted ? e.equals : wanted);
      values[to] = x[e.i];
      indices[to] = from ? from[row * (u64)n + first + e.i] : (i32)(first + e.i);
    });
  };
  if constexpr (CACHED) {
    __shared__ Key<U> keys[PART];
#pragma unroll 4
    for (u32 i = threadIdx.x; i < length; i += BLOCK) keys[i] = order.key(x[i]);
    select(Keys<U>{keys});  // which begins with a barrier
  } else {
    select(Elements<U>{x, order});
  }
}

template <u32 TEAM, class U> DEV void kth(U *out, const U *x, u64 rows, u32 n, u32 rank, Order<U> order) {
  alignas(16) __shared__ u32 shared[Team<TEAM>::TEAMS][DIGITS];
  Team<TEAM> team(shared);
  if (team.index >= rows) return;
  x += team.index * n;
  Elements<U> source = {x, order};
  auto pivot = find(team, source, n, rank);
  walk(team, source, n, pivot, [&](Found e) {
    if (e.equal && e.equals == rank - pivot.below) out[team.index] = x[e.i];
  });
}

// Long rows have several blocks, each with a piece. Progress is what is known of the element of a rank in one of them: its key so
// far, how many are below, and where it is among the equals: in which block's piece, after how many others.
struct Progress {
  u64 key;
  u32 below, piece, skip, unused;
};

struct Piece {
  u32 first, length;

  INLINE Piece(u32 piece, u32 n, u32 pieces) {
    u32 size = (n + pieces - 1) / pieces;
    first = piece * size;
    length = first >= n ? 0 : n - first < size ? n - first : size;
  }
};

template <class U>
DEV void rank_count(u32 *counts, const Progress *progress, const U *x, u64 rows, u32 n, u32 pieces, u32 shift, Order<U> order) {
  alignas(16) __shared__ u32 shared[1][DIGITS];
  Team<BLOCK> team(shared);
  u32 row = blockIdx.x / pieces;
  if (row >= rows) return;
  Piece piece(blockIdx.x - row * pieces, n, pieces);
  count_digits(team, Elements<U>{x + row * (u64)n + piece.first, order}, piece.length, shift, (Key<U>)progress[row].key);
  counts[blockIdx.x * (u64)DIGITS + threadIdx.x] = team.digits[threadIdx.x];
}

// rank_pick is a block per row: the next digit. There are at most as many pieces as threads.
KERNEL(256) rank_pick(Progress *progress, const u32 *counts, const i32 *count, u64 per, u64 rows, u32 pieces, u32 rank) {
  alignas(16) __shared__ u32 digits[DIGITS];
  __shared__ u32 shared[BLOCK / 32];
  u64 row = blockIdx.x;
  if (row >= live_rows(count, per, rows)) return;
  counts += row * pieces * DIGITS;
  u32 sum = 0, t = threadIdx.x;
#pragma unroll 1
  for (u32 p = 0; p < pieces; p++) sum += counts[p * DIGITS + t];
  digits[t] = sum;
  barrier();
  Progress now = progress[row];
  Digit digit = search(digits, rank - now.below);
  now.key = now.key << 8 | digit.value;
  now.below += digit.below;
  u32 equals = t < pieces ? counts[t * DIGITS + digit.value] : 0, before = sum_below(equals, shared), left = rank - now.below;
  if (before <= left && left < before + equals) {
    now.piece = t;
    now.skip = left - before;
    progress[row] = now;
  }
}

template <class U>
DEV void rank_write(U *out, u32 stride, const Progress *progress, const U *x, u64 rows, u32 n, u32 pieces, Order<U> order) {
  alignas(16) __shared__ u32 shared[1][DIGITS];
  Team<BLOCK> team(shared);
  u64 row = blockIdx.x;
  if (row >= rows) return;
  Progress at = progress[row];
  Piece piece(at.piece, n, pieces);
  x += row * n + piece.first;
  walk(team, Elements<U>{x, order}, piece.length, {(Key<U>)at.key, at.below}, [&](Found e) {
    if (e.equal && e.equals == at.skip) out[row * stride] = x[e.i];
  });
}

struct Least {
  template <class C> DEV C fold(C a, C b) { return b < a ? b : a; }
};

// value is the number that has a key in ascending order.
DEV f32 value(u32 key) { return from_bits(key >> 31 ? key ^ 1u << 31 : ~key); }
DEV f64 value(u64 key) { return from_bits(key >> 63 ? key ^ 1ull << 63 : ~key); }

// quantile is the number of a rank plus a fraction of what is from there to the next one; a row with a NaN has none.
template <u32 TEAM, class T> DEV void quantile(T *out, const T *x, u64 rows, u32 n, u32 rank, f64 fraction) {
  typedef decltype(bits(T())) U;
  alignas(16) __shared__ u32 shared[Team<TEAM>::TEAMS][DIGITS];
  __shared__ U folds[BLOCK / 32];
  Team<TEAM> team(shared);
  if (team.index >= rows) return;
  Order<U> order(bits((T)from_bits(0x7F800000u)), SIGNED);
  const U *row = (const U *)x + team.index * n;
  auto pivot = find(team, Elements<U>{row, order}, n, rank);
  u32 equals = 0;
  U next = order.ALL, last = 0;  // the least key above the pivot's, the greatest of all
#pragma unroll 1
  for (u32 i = team.thread; i < n; i += TEAM) {
    U key = order.key(row[i]);
    if (key == pivot.key) equals++;
    if (key > pivot.key && key < next) next = key;
    if (key > last) last = key;
  }
  equals = team_fold<Sum, TEAM>((U)equals, folds);
  next = team_fold<Least, TEAM>(next, folds);
  last = team_fold<Max, TEAM>(last, folds);
  if (team.thread != 0) return;
  f64 a = value(pivot.key), b = pivot.below + equals > rank + 1 ? a : (f64)value(next);
  if (fraction > 0 && a != b) a += (b - a) * fraction;
  out[team.index] = last == order.ALL ? (T)from_bits(0x7FC00000u) : (T)a;
}

#define SELECTIONS(name, U)                                                                                                        \
  KERNEL(256) select_##name(U *values, i32 *indices, const U *x, const i32 *from, const i32 *count, u64 per, u64 rows, u32 n,       \
                            u32 parts, u32 k, u64 infinity, u32 flags) {                                                           \
    select_first<BLOCK, false, U>(values, indices, x, from, live_rows(count, per, rows), n, parts, k, {infinity, flags});                 \
  }                                                                                                                                \
  KERNEL(256) select_part_##name(U *values, i32 *indices, const U *x, const i32 *from, const i32 *count, u64 per, u64 rows, u32 n,  \
                                 u32 parts, u32 k, u64 infinity, u32 flags) {                                                      \
    select_first<BLOCK, true, U>(values, indices, x, from, live_rows(count, per, rows), n, parts, k, {infinity, flags});           \
  }                                                                                                                                \
  KERNEL(256) select_warp_##name(U *values, i32 *indices, const U *x, const i32 *count, u64 per, u64 rows, u32 n, u32 k,            \
                                 u64 infinity, u32 flags) {                                                                        \
    select_first<32, false, U>(values, indices, x, nullptr, live_rows(count, per, rows), n, 1, k, {infinity, flags});                     \
  }                                                                                                                                \
  KERNEL(256) kth_##name(U *out, const U *x, const i32 *count, u64 per, u64 rows, u32 n, u32 rank, u64 infinity, u32 flags) {       \
    kth<BLOCK, U>(out, x, live_rows(count, per, rows), n, rank, {infinity, flags});                                                \
  }                                                                                                                                \
  KERNEL(256) kth_warp_##name(U *out, const U *x, const i32 *count, u64 per, u64 rows, u32 n, u32 rank, u64 infinity, u32 flags) {  \
    kth<32, U>(out, x, live_rows(count, per, rows), n, rank, {infinity, flags});                                                   \
  }                                                                                                                                \
  KERNEL(256) rank_count_##name(u32 *counts, const Progress *progress, const U *x, const i32 *count, u64 per, u64 rows, u32 n,      \
                                u32 pieces, u32 shift, u64 infinity, u32 flags) {                                                  \
    rank_count<U>(counts, progress, x, live_rows(count, per, rows), n, pieces, shift, {infinity, flags});                          \
  }                                                                                                                                \
  KERNEL(256) rank_write_##name(U *out, u32 stride, const Progress *progress, const U *x, const i32 *count, u64 per, u64 rows,      \
                                u32 n, u32 pieces, u64 infinity, u32 flags) {                                                      \
    rank_write<U>(out, stride, progress, x, live_rows(count, per, rows), n, pieces, {infinity, flags});                            \
  }

SELECTIONS(b8, u8)
SELECTIONS(b16, u16)
SELECTIONS(b32, u32)
SELECTIONS(b64, u64)

#define QUANTILES(T)                                                                                                               \
  KERNEL(256) quantile_##T(T *out, const T *x, const i32 *count, u64 per, u64 rows, u32 n, u32 rank, f64 fraction) {                \
    quantile<BLOCK>(out, x, live_rows(count, per, rows), n, rank, fraction);                                                       \
  }                                                                                                                                \
  KERNEL(256) quantile_warp_##T(T *out, const T *x, const i32 *count, u64 per, u64 rows, u32 n, u32 rank, f64 fraction) {           \
    quantile<32>(out, x, live_rows(count, per, rows), n, rank, fraction);                                                          \
  }

QUANTILES(f32)
QUANTILES(f64)
