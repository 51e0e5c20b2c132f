// Attention of few rows over many keys: decoding, with the bits of attention.cu.
//
// The story. A step of decoding reads the whole cache once and computes 2 (d + dv) flops per row with each key, so memory is the
// limit: 4 MB of keys and values of one head of 128 in f16, 8192 long, are 1.3 us of an H100 (3.35 TB/s) and 2.1 us of an A100 (2 TB/s). The
// tile of attention.cu computes 64 rows whoever needs them, 8 times too many for 8 query heads that share a key-value head; and one block
// for each key-value head leaves most multiprocessors idle. Here a block has 8 rows and a chunk of 256 keys, one per thread:
//
//	1. scores: a thread reads its key, 16 bytes at a time and 64 ahead, against 8 rows of q from shared memory (2 loads for 8 fma).
//	   A warp's request is for 32 lines, of which the next requests find the rest in L1: 32 clocks for 512 bytes.
//	2. softmax: 16 threads for a row and 64 keys. The maxima of all four steps first, so that steps need not wait for one another.
//	3. values: a thread owns a column of 4 rows (8 of dv > 128) and takes the keys in order, 16 ahead, in requests of whole rows.
//
// 2048 fma for each key of 128 and 128 are 32 clocks of an A100's multiprocessor and 16 of an H100's; its 512 bytes of f16 take 37 and
// 34 clocks of memory. The limit it should hit is memory, at 16 to 24 KB under way for each of two blocks on a multiprocessor.
//
// Every sum runs in the order of attention.cu (dimensions of a score, keys of a step, steps of a chunk, chunks), rescaled at the same
// places, so a row has the same bits there. Chunks are independent: with `part` each block takes one and leaves sums, m and l in
// memory, and attention_join_* joins them in order, one warp per row: 1.5% of the cache's bytes for 8 rows. Where there are blocks enough
// without that, one block takes all chunks of its rows and joins them itself.
//
//	attention_decode128_*, attention_decode256_*    dv up to 128 and 256; any d
//	attention_join_*                                dv up to 256; also of the parts of attention_mma.cu
//
// Blocks of 256 threads, grid (ceil(group t / 8), key-value heads, batch or sequences), x times the chunks if they are parts: tiles
// come first. Parameters as for attention64_*; those of attention_join_* too, with `part` the keys of a chunk.
#include "attention.cuh"

constexpr u32 FEW = 8, STEPS = CHUNK / TILE, PIECE = 128;

// place is where the numbers of a key lie: a gap after every 8 keeps 16 threads that read every fourth key in different banks.
DEV u32 place(u32 key) { return key + key / 8; }

// Chunk is what the block knows of its keys.
template <class T> struct Chunk {
  alignas(16) f32 q[PIECE][FEW];  // a piece of the rows' dimensions
  alignas(16) f32 weights[FEW / 4][CHUNK + CHUNK / 8][4];
  f32 top[STEPS][FEW], keep[STEPS][FEW], sum[STEPS][FEW];
  const T *values[CHUNK];
  f32 left[FEW], right[FEW];  // factors of the chunks before and of this one
};

// multiply adds x times q[e][..] to the scores of 8 rows.
DEV void multiply(f32 (&s)[FEW], const f32 (&q)[FEW], f32 x) {
#pragma unroll
  for (u32 i = 0; i < FEW; i += 4) {
    Pack<f32, 4> rows = *(const Pack<f32, 4> *)&q[i];
#pragma unroll
    for (u32 k = 0; k < 4; k++) s[i + k] = fma(rows.v[k], x, s[i + k]);
  }
}

// score adds the products of `width` dimensions of one key with 8 rows.
template <class T> DEV void score(f32 (&s)[FEW], const f32 (*q)[FEW], const T *key, u32 width) {
  u32 e = 0;
  if (aligned16(key)) {
#pragma unroll 1
    for (; e + 32 <= width; e += 32) {
      Pack<T, 8> x[4];
#pragma unroll
      for (u32 i = 0; i < 4; i++) x[i] = *(const Pack<T, 8> *)(key + e + i * 8);
#pragma unroll
      for (u32 i = 0; i < 32; i++) multiply(s, q[e + i], widen(x[i / 8].v[i % 8]));
    }
  }
#pragma unroll 1
  for (; e < width; e++) multiply(s, q[e], widen(key[e]));
}

// scores leaves the scaled scores of this thread's key, which may be null, in shared memory.
template <class T> DEV void scores(Chunk<T> &c, const Rows<f32, FEW> &rows, const Sequence<T> &seq, u32 row0, i32 key, const T *k) {
  f32 s[FEW] = {};
#pragma unroll 1
  for (u32 d0 = 0; d0 < seq.a.d; d0 += PIECE) {
    barrier();
    for (u32 i = threadIdx.x; i < PIECE * FEW; i += 256) {
      u32 r = row0 + i % FEW, e = d0 + i / FEW;
      c.q[i / FEW][i % FEW] = r < seq.count() && e < seq.a.d ? widen(seq.q_at(r)[e]) : 0.f;
    }
    barrier();
    if (k) score(s, c.q, k + d0, seq.a.d - d0 < PIECE ? seq.a.d - d0 : PIECE);
  }
#pragma unroll
  for (u32 i = 0; i < FEW; i++) s[i] = k && key >= rows.from[i] && key < rows.to[i] ? s[i] * seq.a.scale : minus_inf<f32>();
#pragma unroll
  for (u32 i = 0; i < FEW; i += 4) *(Pack<f32, 4> *)c.weights[i / 4][place(threadIdx.x)] = {{s[i], s[i + 1], s[i + 2], s[i + 3]}};
}

// soften turns scores into weights exp(s - m), m being the maximum up to their step, and notes what each step keeps of those
// before it and adds to l. Half a warp has a row of a step.
template <class T> DEV void soften(Chunk<T> &c) {
  u32 row = threadIdx.x / 16 % FEW, lane = threadIdx.x % 16;
  f32 s[STEPS / 2][4];
#pragma unroll
  for (u32 half = 0; half < STEPS / 2; half++) {
    u32 step = half * 2 + threadIdx.x / 128;
    f32 top = minus_inf<f32>();
#pragma unroll
    for (u32 j = 0; j < 4; j++) top = larger(top, s[half][j] = c.weights[row / 4][place(step * TILE + lane * 4 + j)][row % 4]);
#pragma unroll
    for (u32 mask = 8; mask > 0; mask >>= 1) top = larger(top, lane_xor(top, mask));
    if (lane == 0) c.top[step][row] = top;
  }
  barrier();
#pragma unroll
  for (u32 half = 0; half < STEPS / 2; half++) {
    u32 step = half * 2 + threadIdx.x / 128;
    f32 before = minus_inf<f32>(), part = 0;
#pragma unroll
    for (u32 i = 0; i < half * 2 + 1; i++) before = i < step ? larger(before, c.top[i][row]) : before;
    f32 top = larger(before, c.top[step][row]), shift = top == minus_inf<f32>() ? 0.f : top;
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      f32 w = math::exp(s[half][j] - shift);
      c.weights[row / 4][place(step * TILE + lane * 4 + j)][row % 4] = w;
      part += w;
    }
#pragma unroll
    for (u32 mask = 8; mask > 0; mask >>= 1) part += lane_xor(part, mask);
    if (lane > 0) continue;
    c.keep[step][row] = math::exp(before - shift);
    c.sum[step][row] = part;
  }
  barrier();
}

// gather adds this thread's column of the values of the chunk's keys [from, to) to 4 QUADS rows.
template <u32 QUADS, class T> DEV void gather(f32 (&sum)[QUADS][4], const Chunk<T> &c, u32 quad, u32 col, u32 from, u32 to) {
  auto add = [&](u32 j, f32 x) {
#pragma unroll
    for (u32 i = 0; i < QUADS; i++) {
      Pack<f32, 4> w = *(const Pack<f32, 4> *)c.weights[quad + i][place(j)];
#pragma unroll
      for (u32 k = 0; k < 4; k++) sum[i][k] = fma(w.v[k], x, sum[i][k]);
    }
  };
#pragma unroll 1
  for (u32 j = from; j < to;) {
    if (j % TILE == 0) {
#pragma unroll
      for (u32 i = 0; i < QUADS * 4; i++) sum[i / 4][i % 4] *= c.keep[j / TILE][quad * 4 + i];
    }
    if (j + 16 <= to) {
      f32 x[16];
#pragma unroll
      for (u32 k = 0; k < 16; k++) x[k] = widen(c.values[j + k][col]);
#pragma unroll
      for (u32 k = 0; k < 16; k++) add(j + k, x[k]);
      j += 16;
    } else {
      add(j, widen(c.values[j][col]));
      j++;
    }
  }
}

// join adds the chunk to the m and l of each row, and works out the factors of its sums and of those before.
template <class T> DEV void join(Chunk<T> &c, Rows<f32, FEW> &rows) {
  u32 r = threadIdx.x;
  if (r < FEW) {
    f32 m = minus_inf<f32>(), l = 0;
    for (u32 i = 0; i < STEPS; i++) {
      m = larger(m, c.top[i][r]);
      l = l * c.keep[i][r] + c.sum[i][r];
    }
    Joint<f32> both(rows.m[r], rows.l[r], m, l);
    rows.m[r] = both.m;
    rows.l[r] = both.l;
    c.left[r] = both.left;
    c.right[r] = both.right;
  }
  barrier();
}

template <u32 DV, class T> DEV void decode(const Attention<T> &a) {
  constexpr u32 QUADS = DV / 128;
  __shared__ Chunk<T> c;
  __shared__ Rows<f32, FEW> rows;
  Sequence<T> seq(a);
  u32 blocks = (a.group * a.t + FEW - 1) / FEW, row0 = blockIdx.x % blocks * FEW, chunk = blockIdx.x / blocks;
  if (row0 >= seq.count()) return;
  Steps range = steps(seq, row0, FEW);
  if (a.part) {
    range.only(chunk * CHUNK, CHUNK);
    if (range.from >= range.to) return;
  }
  begin(rows, seq, row0);
  if (threadIdx.x < FEW) rows.m[threadIdx.x] = minus_inf<f32>(), rows.l[threadIdx.x] = 0;
  barrier();
  u32 col = threadIdx.x % DV, quad = threadIdx.x / DV;
  f32 total[QUADS][4] = {};
#pragma unroll 1
  for (i32 key0 = range.from / CHUNK * CHUNK; key0 < range.to; key0 += CHUNK) {
    i32 key = key0 + (i32)threadIdx.x;
    bool seen = key >= range.from && key < range.to;
    scores(c, rows, seq, row0, key, seen ? seq.k_at(key) : nullptr);
    if (seen) c.values[threadIdx.x] = seq.v_at(key);
    barrier();
    soften(c);
    f32 sum[QUADS][4] = {};
    i32 from = range.from - key0, to = range.to - key0;
    if (col < a.dv) gather(sum, c, quad, col, from > 0 ? from : 0, to < CHUNK ? to : CHUNK);
    join(c, rows);
#pragma unroll
    for (u32 i = 0; i < QUADS * 4; i++) {
      u32 r = quad * 4 + i;
      total[i / 4][i % 4] = Joint<f32>::sum(total[i / 4][i % 4], sum[i / 4][i % 4], c.left[r], c.right[r]);
    }
  }
  if (!a.part) {
    conclude(rows, seq, row0);
    barrier();
  }
#pragma unroll
  for (u32 i = 0; i < QUADS * 4; i++) {
    u32 r = quad * 4 + i;
    if (row0 + r >= seq.count() || col >= a.padded()) continue;
    f32 x = total[i / 4][i % 4];
    if (a.part) seq.part_at(chunk, row0 + r)[col] = x;
    else if (col < a.dv) seq.out_at(row0 + r)[col] = narrow<T>(x * rows.l[r]);
  }
  u32 r = row0 + threadIdx.x;
  if (a.part && threadIdx.x < FEW && r < seq.count()) {
    f32 *part = seq.part_at(chunk, r) + a.padded();
    part[0] = rows.m[threadIdx.x];
    part[1] = rows.l[threadIdx.x];
  }
}

constexpr u32 AT_ONCE = 4;  // parts under way

// attention_join joins the parts of the chunks that a row sees; those were all computed. Packed sequences have no parts.
template <class T> DEV void attention_join(Attention<T> a) {
  a.offsets = nullptr;
  Sequence<T> seq(a);
  u32 r = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (r >= seq.count()) return;
  i32 position = seq.position(r), from = seq.first_key(position), to = seq.end_key(position);
  u32 begin = from / a.part, end = from < to ? (to + a.part - 1) / a.part : begin;
  for (u32 col = lane * 4; col < a.dv; col += 128) {
    f32 m = minus_inf<f32>(), l = 0;
    Four<f32> sum = {};
    for (u32 chunk = begin; chunk < end; chunk += AT_ONCE) {
      Pack<f32, 4> x[AT_ONCE];
      Pack<f32, 2> ml[AT_ONCE];
#pragma unroll
      for (u32 i = 0; i < AT_ONCE; i++) {  // parts that are not there change nothing
        ml[i] = {{minus_inf<f32>(), 0.f}};
        x[i] = {};
        if (chunk + i >= end) continue;
        const f32 *part = seq.part_at(chunk + i, r);
        x[i] = *(const Pack<f32, 4> *)(part + col);
        ml[i] = *(const Pack<f32, 2> *)(part + a.padded());
      }
#pragma unroll
      for (u32 i = 0; i < AT_ONCE; i++) {
        Joint<f32> both(m, l, ml[i].v[0], ml[i].v[1]);
        m = both.m;
        l = both.l;
#pragma unroll
        for (u32 k = 0; k < 4; k++) sum.v[k] = both.sum(sum.v[k], x[i].v[k]);
      }
    }
    Ending<f32> last(seq, r, m, l);
    if (col == 0) *seq.lse_at(r) = last.lse;
#pragma unroll
    for (u32 k = 0; k < 4; k++) sum.v[k] *= last.factor;
    store4(seq.out_at(r), col, a.dv, sum);
  }
}

#define DECODES(T)                                                                                  \
  KERNEL(256, 2) attention_decode128_##T(ATTENTION_PARAMETERS(T)) { decode<128>(ATTENTION(T)); }       \
  KERNEL(256, 2) attention_decode256_##T(ATTENTION_PARAMETERS(T)) { decode<256>(ATTENTION(T)); }       \
  KERNEL(256) attention_join_##T(ATTENTION_PARAMETERS(T)) { attention_join(ATTENTION(T)); }

DECODES(f32)
DECODES(f16)
DECODES(bf16)
