// Drawing a token from each row of logits, after temperature, top-k, top-p and min-p: see op.Categorical for the contract.
//
// A draw is exact business: one uniform number, and the token where the running sum of weights passes it. The CPU adds in f64,
// in ascending order for the draw and in order of likelihood for top-p, and the same address must give the same token on every
// path. A chain of 128k dependent additions takes 0.6 ms on a GPU, more than the product that made the logits. So the sums are
// taken in parallel, in any order, and each choice is checked: when the number lies further from both neighbouring sums than
// all roundings together could move them, every order makes the same choice. It is checked without a margin when no addition
// could have rounded (all weights are multiples of the least one's last digit, and the sum has room for them). Otherwise, once
// in some 2^17 draws from 128k tokens, the block starts over in the CPU's order.
//
// The story of the cuts. Sorting 128k logits for each token is waste, for the cut is one number. With rank = (descending logit,
// index), top-k and top-p each keep the ranks up to a limit, which is found by halving: count, or weigh, the candidates below
// the middle of the interval; keep the half with the limit in it. Candidates are lists of each thread, in place, so that
// threads agree by two folds per step and nothing is moved between them. After some eight steps few candidates are left, after
// 14 to 24 one is. For top-p the lists start with the weights above (1 - p) / n of the whole: all others together weigh less
// than 1 - p. A histogram by digits of the rank needs four passes instead, but its bins want float atomics for top-p, whose
// order is not fixed.
//
// One block per row: 256 threads up to 8192 logits, 512 beyond. A row is read for the largest logit, for the weights, for each
// cut and for the draw: 4 passes of 512 KB at 128k f32, from L2 after the first, at some 100 GB/s for one block: 20 to 25 us a
// row plus 1 us per halving, and rows run beside each other. About 60 instructions per logit, two exponentials among them. The
// limit it should hit is one multiprocessor's path to L2. A row over several blocks would be quicker for a single request, for
// three more launches.
//
// weights [rows, stride] and list [rows, stride] are scratch, stride a multiple of 4 THREADS and at least n. The key is addressed
// as in sample.cu: word 0 of the row's own key (key_stride 3), or word r of the common one (key_stride 0).
#include "math.cuh"
#include "philox.cuh"
#include "rows.cuh"

struct Min {
  template <class C> DEV C fold(C a, C b) { return a < b ? a : b; }
};
struct Most {
  template <class C> DEV C fold(C a, C b) { return a > b ? a : b; }
};

constexpr u64 ALL = ~0ull;  // as a limit: beyond every rank
constexpr u32 NONE = ~0u;
constexpr f32 INFINITE = __builtin_inff();

// from_lane31 hands the last lane's value to all.
DEV f64 from_lane31(f64 x) {
  u32 low = (u32)bits(x), high = (u32)(bits(x) >> 32);
  asm volatile("shfl.sync.idx.b32 %0, %0, 31, 31, 0xffffffff;" : "+r"(low));
  asm volatile("shfl.sync.idx.b32 %0, %0, 31, 31, 0xffffffff;" : "+r"(high));
  return from_bits((u64)high << 32 | low);
}

// Sums is what was added up: a total, and its least positive term.
struct Sums {
  f64 total;
  f32 least;

  INLINE void add(f32 w) {
    total += w;
    least = w > 0.f && w < least ? w : least;
  }

  // doubt bounds how far a sum of up to n of these terms, or a share of all of them, in one order may lie from that in another:
  // 4 n + 2 roundings of half a unit of the total. Terms of 24 digits that end no lower than 2^-53 of the total add without any.
  INLINE f64 doubt(u32 n) const { return total < (f64)least * 536870912.0 ? 0.0 : total * ((f64)n + 128.0) * 4.44089209850062616e-16; }
};

template <u32 THREADS> struct Shared {
  f64 sums[THREADS / 32];
  u64 ranks[THREADS / 32];
  u32 counts[THREADS / 32];
  f32 least[THREADS / 32];
  u32 chosen;
};

// Candidates are this block's lists, and the interval (lo, hi] of ranks to which they belong. `before` is the weight of what lies
// at lo and below, `mine` the length of this thread's list.
struct Candidates {
  u64 lo, hi;
  f64 before;
  u32 count, mine;
  Sums sums;
};

template <u32 THREADS, class T> struct Chooser {
  const T *x;
  f32 *weights;
  u32 *list;
  u32 n, index_bits;
  u64 first;  // rank of the likeliest
  Shared<THREADS> &shared;

  // fold folds one value of every thread, by butterflies within the warps and among their values; all get the result.
  template <class F, class C> INLINE C fold(C x, C *room) {
    x = team_fold<F, 32>(x, room);
    if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = x;
    barrier();
    x = room[threadIdx.x % (THREADS / 32)];
#pragma unroll
    for (u32 mask = THREADS / 64; mask > 0; mask >>= 1) x = F::fold(x, lane_xor(x, mask));
    barrier();
    return x;
  }
  INLINE Sums fold(Sums s) { return {fold<Sum>(s.total, shared.sums), fold<Min>(s.least, shared.least)}; }

  INLINE u32 padded() const { return (n + 127) / 128 * 128; }  // as far as a warp reads
  INLINE u32 index(u64 rank) const { return (u32)rank & ((1u << index_bits) - 1); }
  INLINE f32 logit(u32 i) const { return (f32)widen(x[i]); }
  INLINE u64 rank(u32 i) const { return rank(i, logit(i)); }

  // rank is lower for the likelier, of equals for the lower index; a NaN is likelier than all.
  INLINE u64 rank(u32 i, f32 v) const {
    u32 b = bits(v + 0.f);  // -0 equals 0
    u32 ascending = b >> 31 ? ~b : b | 0x80000000u;
    return (u64)(v == v ? ~ascending : 0u) << index_bits | i;
  }

  // find_first sets the rank of the likeliest.
  INLINE void find_first() {
    u64 least = ALL;
#pragma unroll 1
    for (u32 i = threadIdx.x * 4; i < padded(); i += THREADS * 4) {
      Four<compute<T>> v = load_first(x + i, (i32)(n - i));
#pragma unroll
      for (u32 k = 0; k < 4; k++)
        if (i + k < n) least = Min::fold(least, rank(i + k, (f32)v.v[k]));
    }
    first = fold<Min>(least, shared.ranks);
  }

  // weigh stores the weights exp((x - top) / temperature) and adds them up, and adds exp(x - top) to `natural`. Without a
  // temperature there are none.
  INLINE Sums weigh(f32 top, f32 temperature, f32 &natural) {
    Sums s = {0, INFINITE};
    bool greedy = temperature <= 0.f;
    natural = 0;
#pragma unroll 1
    for (u32 i = threadIdx.x * 4; i < padded(); i += THREADS * 4) {
      Four<compute<T>> v = load_first(x + i, (i32)(n - i));
      Four<f32> w;
#pragma unroll
      for (u32 k = 0; k < 4; k++) {
        f32 below = (f32)v.v[k] - top;
        natural += i + k < n ? math::exp(below) : 0.f;
        w.v[k] = i + k < n ? math::exp(below / temperature) : 0.f;
        s.add(w.v[k]);
      }
      if (!greedy) *(Pack<f32, 4> *)(weights + i) = {{w.v[0], w.v[1], w.v[2], w.v[3]}};
    }
    natural = fold<Sum>(natural, (f32 *)shared.least);
    return fold(s);
  }

  // four reads the weights i to i + 3; i is a multiple of 4. Zeros follow the row, up to padded().
  INLINE Pack<f32, 4> four(u32 i) const { return *(const Pack<f32, 4> *)(weights + i); }

  INLINE u32 &mine(u32 j) { return list[j * THREADS + threadIdx.x]; }

  // collect lists the indices with ranks up to a limit and weights from `floor` on.
  INLINE Candidates collect(u64 limit, f32 floor) {
    Candidates c = {first - 1, 0, 0, 0, 0, {0, INFINITE}};
#pragma unroll 1
    for (u32 i = threadIdx.x * 4; i < n; i += THREADS * 4) {
#pragma unroll 1
      for (u32 k = i; k < i + 4 && k < n; k++) {
        u64 r = rank(k);
        f32 w = weights[k];
        if (r > limit || !(w >= floor)) continue;
        mine(c.mine++) = k;
        c.hi = Most::fold(c.hi, r);
        c.sums.add(w);
      }
    }
    c.hi = fold<Most>(c.hi, shared.ranks);
    c.count = fold<Sum>(c.mine, shared.counts);
    c.sums = fold(c.sums);
    return c;
  }

  // narrow halves the interval until one candidate is in it: the first at which the running count, or weight, reaches the goal.
  // It returns that one's rank, ALL if there is none.
  INLINE u64 narrow(Candidates &c, f64 goal, bool by_weight) {
#pragma unroll 1
    while (c.count > 1) {
      u64 mid = c.lo + (c.hi - c.lo) / 2;
      f64 sum = 0;
      u32 count = 0;
#pragma unroll 1
      for (u32 j = 0; j < c.mine; j++) {
        u32 i = mine(j);
        if (rank(i) > mid) continue;
        sum += by_weight ? weights[i] : 1.f;
        count++;
      }
      sum = fold<Sum>(sum, shared.sums);
      count = fold<Sum>(count, shared.counts);
      bool lower = c.before + sum >= goal;
      if (lower) {
        c.hi = mid;
        c.count = count;
      } else {
        c.lo = mid;
        c.count -= count;
        c.before += sum;
      }
      u32 kept = 0;
#pragma unroll 1
      for (u32 j = 0; j < c.mine; j++) {
        u32 i = mine(j);
        if ((rank(i) <= mid) == lower) mine(kept++) = i;
      }
      c.mine = kept;
    }
    return fold<Min>(c.mine > 0 ? rank(mine(0)) : ALL, shared.ranks);
  }

  // walk adds weights in the order of ranks, up to a limit and from `floor` on, until the goal is reached. It returns the last
  // rank.
  INLINE u64 walk(u64 limit, f32 floor, f64 goal, f64 &sum) {
    u64 last = first - 1;
    sum = 0;
#pragma unroll 1
    while (sum < goal) {
      u64 next = ALL;
#pragma unroll 1
      for (u32 i = threadIdx.x; i < n; i += THREADS) {
        u64 r = rank(i);
        if (r > last && r <= limit && weights[i] >= floor) next = Min::fold(next, r);
      }
      next = fold<Min>(next, shared.ranks);
      if (next == ALL) break;
      last = next;
      sum += weights[index(next)];
    }
    return last;
  }

  // whole_in_order adds all weights in order: one warp does.
  INLINE f64 whole_in_order() {
    if (threadIdx.x < 32) {
      f64 whole = 0;
#pragma unroll 1
      for (u32 i = 0; i < n; i += 4) {
        Pack<f32, 4> w = four(i);
#pragma unroll
        for (u32 k = 0; k < 4; k++) whole += w.v[k];
      }
      if (threadIdx.x == 0) shared.sums[0] = whole;
    }
    barrier();
    f64 whole = shared.sums[0];
    barrier();
    return whole;
  }

  // cut_in_order is top-p in the CPU's order: once over what top-k left, or over all, for its weight, and once for the share.
  INLINE u64 cut_in_order(u64 limit, f64 p) {
    f64 whole = 0, goal = INFINITE;
    f32 floor = -INFINITE;
    if (limit == ALL) {
      whole = whole_in_order();
      floor = floor_of(p, whole);
      goal = p * whole;
    }
#pragma unroll 1
    for (;;) {
      u64 last = walk(limit, floor, goal, whole);
      if (goal < INFINITE) return last;
      goal = p * whole;
    }
  }

  // floor_of is a weight below which all together weigh less than 1 - p of the whole, for p < 1.
  INLINE f32 floor_of(f64 p, f64 whole) const { return (f32)((1 - p) * whole / (f64)n * 0.999); }

  // cut returns the last rank that top-k, which comes first, and top-p leave.
  INLINE u64 cut(f32 top_k, f32 top_p, Sums whole) {
    u64 limit = ALL;
    f64 p = top_p;
#pragma unroll 1
    for (u32 pass = 0; pass < 2; pass++) {
      bool by_weight = pass == 1;
      if (by_weight ? !(top_p < 1.f) : !(top_k >= 1.f && (f64)top_k < (f64)n)) continue;
      Candidates c = collect(limit, by_weight && limit == ALL ? floor_of(p, whole.total) : -INFINITE);
      if (limit != ALL) whole = c.sums;
      f64 goal = trunc((f64)top_k);
      if (by_weight) goal = p > 0 ? p * whole.total : 0.5;  // the likeliest, which weighs 1, stays
      u64 last = narrow(c, goal, by_weight);
      f64 doubt = whole.doubt(n), upto = c.before + (last != ALL ? weights[index(last)] : 0.f);
      bool sure = upto - goal >= doubt && (c.before == 0 || goal - c.before > doubt);
      limit = !by_weight || sure ? last : cut_in_order(limit, p);
    }
    return limit;
  }

  INLINE bool kept(u32 i, f32 w, u64 limit, f32 min_p) const { return w >= min_p && (limit == ALL || rank(i) <= limit); }

  // kept4 reads four weights, 0 for those that are cut.
  INLINE Pack<f32, 4> kept4(u32 i, u64 limit, f32 min_p) const {
    Pack<f32, 4> w = four(i);
#pragma unroll
    for (u32 k = 0; k < 4; k++) w.v[k] = i + k < n && kept(i + k, w.v[k], limit, min_p) ? w.v[k] : 0.f;
    return w;
  }

  // draw_in_order is the draw in the CPU's order, by one warp: once over all that is kept for its weight, and once for the share.
  INLINE u32 draw_in_order(u64 limit, f32 min_p, f64 u) {
    f64 target = INFINITE;
    u32 found = NONE;
#pragma unroll 1
    for (u32 pass = 0; pass < 2; pass++) {
      f64 sum = 0;
#pragma unroll 1
      for (u32 i = 0; i < n && found == NONE; i += 4) {
        Pack<f32, 4> w = kept4(i, limit, min_p);
#pragma unroll
        for (u32 k = 0; k < 4; k++) {
          sum += w.v[k];
          found = sum > target && found == NONE ? i + k : found;
        }
      }
      target = u * sum;
    }
    return found;
  }

  // draw returns the first kept index at which the running sum passes u times the whole, NONE if nothing is kept. Each warp
  // adds up its segment of the row, the warp whose segment has the target in it finds it there, 128 weights at a time.
  INLINE u32 draw(u64 limit, f32 min_p, f64 u) {
    constexpr u32 WARPS = THREADS / 32;
    u32 warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    u32 length = (n + WARPS * 128 - 1) / (WARPS * 128) * 128, from = warp * length, to = n < from + length ? n : from + length;
    Sums s = {0, INFINITE};
#pragma unroll 1
    for (u32 i = from + lane * 4; i < to; i += 128) {
      Pack<f32, 4> w = kept4(i, limit, min_p);
#pragma unroll
      for (u32 k = 0; k < 4; k++) s.add(w.v[k]);
    }
    s.least = fold<Min>(s.least, shared.least);
    s.total = team_fold<Sum, 32>(s.total, shared.sums);
    if (threadIdx.x == 0) shared.chosen = NONE;
    if (lane == 0) shared.sums[warp] = s.total;
    barrier();
    s.total = 0;
#pragma unroll 1
    for (u32 i = 0; i < WARPS; i++) s.total += shared.sums[i];
    f64 target = u * s.total, before = 0;
    u32 holds = 0;
#pragma unroll 1
    while (holds < WARPS && before + shared.sums[holds] <= target) before += shared.sums[holds++];
    if (warp == holds) find(from, to, limit, min_p, target, before, s.doubt(n));
    barrier();
    u32 chosen = shared.chosen;
    if (chosen != NONE) return chosen;
    barrier();
    if (warp == 0) {
      chosen = draw_in_order(limit, min_p, u);
      if (lane == 0) shared.chosen = chosen;
    }
    barrier();
    return shared.chosen;
  }

  // find looks for the target in a warp's segment, and chooses if there is no doubt.
  INLINE void find(u32 from, u32 to, u64 limit, f32 min_p, f64 target, f64 before, f64 doubt) {
    u32 lane = threadIdx.x % 32;
#pragma unroll 1
    for (u32 i = from + lane * 4; i - lane * 4 < to; i += 128) {
      Pack<f32, 4> w = kept4(i, limit, min_p);
      f64 own = (f64)w.v[0] + w.v[1] + w.v[2] + w.v[3], upto = own;
#pragma unroll
      for (u32 by = 1; by < 32; by *= 2) {
        f64 other = lane_up(upto, by);
        if (lane >= by) upto += other;
      }
      f64 below = lane_up(upto, 1);
      u32 lanes = lanes_where(before + upto > target);
      if (lanes != 0) {
        if (lane != lowest_bit(lanes)) return;
        f64 sum = lane > 0 ? before + below : before;
#pragma unroll 1
        for (u32 k = 0; k < 4; k++) {
          f64 next = sum + w.v[0];
          if (next > target && next - target > doubt && (sum == 0 || target - sum >= doubt)) shared.chosen = i + k;
          if (next > target) return;
          sum = next;
          w = {{w.v[1], w.v[2], w.v[3], 0}};
        }
        return;
      }
      before += from_lane31(upto);
    }
  }
};

template <u32 THREADS, class T>
DEV void categorical(i32 *token, f32 *logprob, const T *logits, const f32 *params, const i64 *key, u64 key_stride, f32 *weights, u32 *list,
                     u32 n, u32 stride, u32 index_bits) {
  __shared__ Shared<THREADS> shared;
  u32 row = blockIdx.x;
  u64 scratch = (u64)row * stride;
  Chooser<THREADS, T> c = {logits + (u64)row * n, weights + scratch, list + scratch, n, index_bits, 0, shared};
  c.find_first();
  u32 chosen = c.index(c.first);
  f32 top = c.logit(chosen), natural, temperature = params[row * 4];
  if (top - top != 0.f) {
    if (threadIdx.x == 0) token[row] = -1, logprob[row] = from_bits(0x7FC00000u);
    return;
  }
  Sums whole = c.weigh(top, temperature, natural);
  if (!(temperature <= 0.f)) {
    const i64 *k = key + row * key_stride;
    u32 number = key_stride ? 0 : row;
    PhiloxBlock words = philox(number / 4, (u32)k[2], (u32)k[1], (u64)k[0]);
    u32 odd = number & 1 ? words.v[1] : words.v[0], high = number & 1 ? words.v[3] : words.v[2];
    u64 limit = c.cut(params[row * 4 + 1], params[row * 4 + 2], whole);
    chosen = c.draw(limit, params[row * 4 + 3], unit(number & 2 ? high : odd));
  }
  if (threadIdx.x > 0) return;
  token[row] = (i32)chosen;
  logprob[row] = chosen == NONE ? from_bits(0x7FC00000u) : c.logit(chosen) - (top + math::log(natural));
}

// The 1 in the bounds says that registers come first: without it ptxas stops at 64 and spills.
#define CATEGORICAL(threads, T)                                                                                                     \
  KERNEL(threads, 1)                                                                                                                \
  categorical##threads##_##T(i32 *token, f32 *logprob, const T *logits, const f32 *params, const i64 *key, u64 key_stride,          \
                             f32 *weights, u32 *list, u32 n, u32 stride, u32 index_bits) {                                          \
    categorical<threads>(token, logprob, logits, params, key, key_stride, weights, list, n, stride, index_bits);                    \
  }
#define CATEGORICALS(T)     \
  CATEGORICAL(256, T)       \
  CATEGORICAL(512, T)

CATEGORICALS(f32)
CATEGORICALS(f64)
CATEGORICALS(f16)
CATEGORICALS(bf16)
