// Attention on tensor cores: as attention.cu, for f16 and bf16 whose weights may be rounded to their own type.
//
// The story. Four warps hold 16 rows of q each, as fragments in registers; 64 keys at a time come by cp.async. Scores are
// fragments too, and the layout of an mma's result is that of the next one's left operand, so weights never see shared memory: they
// are rounded to 16 bits and multiplied with the values at once. Keys of the next step are under way during the second product,
// values during the first. Per step of a warp 128 mma stand against 32 exponentials of each thread: with the polynomial of math.cuh
// those would take longer than the products, hence ex2.approx, and nothing here is specified to the bit. For one device a row
// still depends on itself alone, as in attention.cu. The limit it should hit is the tensor cores' rate (312 TFLOP/s on an A100, 990 on
// an H100, of which mma.sync reaches some 60%); such kernels reach 60 to 70% of an A100's.
//
// Every 512 keys the softmax begins anew, so that a block may take one chunk alone (`part`), where there are few rows: a step of
// decoding is one tile for each key-value head, and 8 blocks would leave most of 132 multiprocessors idle. Most of a tile's rows are
// then padding, but a chunk of 512 keys of 128 takes 8 k clocks of an A100's tensor cores and its 256 KB some 19 k clocks at 14 bytes
// per clock: memory is the limit all the same. attention_join_* makes results of the parts. A block that takes all chunks
// keeps the sums of those before in global memory (64 KB there and back for each 16.8 M multiply-adds, some 5% of the time), as no
// register is left for them.
//
//	attention_mma64_*, attention_mma128_*    d and dv up to 64 and 128, multiples of 8; all addresses and row strides multiples of 16 bytes
//
// Blocks of 128 threads, grid (ceil(group t / 64), key-value heads, batch or sequences), x times the chunks if they are parts: tiles
// come first. Parameters as for attention64_*.
#include "attention.cuh"

constexpr u32 THREADS = 128, PIECE = 8;

// A tile is 64 rows of D elements. The 16-byte pieces of a row are permuted by its number, so that ldmatrix meets all banks.
template <u32 D> constexpr u32 tile_bytes = TILE * D * 2;
template <u32 D> DEV u32 offset(u32 row, u32 piece) { return row * D * 2 + (piece ^ (row & 7)) * 16; }

// load starts the copy of 64 rows; at(row) is where a row begins, null for one that does not exist. What does not exist is named
// by the address `nothing`, of which no byte is read.
template <u32 D, class T, class F> DEV void load(u32 tile, u32 width, const T *nothing, F at) {
#pragma unroll
  for (u32 i = threadIdx.x; i < TILE * D / PIECE; i += THREADS) {
    u32 row = i / (D / PIECE), piece = i % (D / PIECE);
    const T *p = at(row);
    bool exists = p && piece * PIECE < width;
    copy_async16(tile + offset<D>(row, piece), exists ? p + piece * PIECE : nothing, exists ? 16 : 0);
  }
}

template <u32 D> struct Fragments {
  u32 v[D / 16][4];
};

// read_rows reads this warp's 16 rows as left operands.
template <u32 D> DEV void read_rows(Fragments<D> &f, u32 tile) {
  u32 lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane % 16;
#pragma unroll
  for (u32 k = 0; k < D / 16; k++) ldmatrix4(f.v[k], tile + offset<D>(row, k * 2 + lane / 16));
}

// scores multiplies this warp's rows with all 64 keys: s[j] are the keys 8j to 8j + 7.
template <u32 D, class T> DEV void scores(f32 (&s)[8][4], const Fragments<D> &q, u32 keys) {
  u32 lane = threadIdx.x % 32;
#pragma unroll
  for (u32 i = 0; i < 32; i++) s[i / 4][i % 4] = 0;
#pragma unroll
  for (u32 k = 0; k < D / 16; k++)
#pragma unroll
    for (u32 j = 0; j < 8; j += 2) {
      u32 b[4];
      ldmatrix4(b, keys + offset<D>(j * 8 + lane / 16 * 8 + lane % 8, k * 2 + lane / 8 % 2));
      mma_16x8x16<T>(s[j], q.v[k], b[0], b[1]);
      mma_16x8x16<T>(s[j + 1], q.v[k], b[2], b[3]);
    }
}

// Running is the state of this thread's two rows, lane/4 and lane/4 + 8 of its warp's 16. m is in units of log2.
template <u32 D> struct Running {
  f32 m[2], l[2], sum[D / 8][4];

  INLINE void reset() {
#pragma unroll
    for (u32 h = 0; h < 2; h++) m[h] = minus_inf<f32>(), l[h] = 0;
#pragma unroll
    for (u32 i = 0; i < D / 2; i++) sum[i / 4][i % 4] = 0;
  }
  // maximum is m in the units of scores.
  INLINE f32 maximum(u32 h) const { return m[h] * 0.693147182f; }
};

// soften turns scores into weights, and rescales what is there. Element i of a fragment belongs to row i / 2.
template <u32 D> DEV void soften(Running<D> &run, f32 (&s)[8][4], const Rows<f32> &rows, f32 scale, i32 key0) {
  u32 lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane / 4;
#pragma unroll
  for (u32 h = 0; h < 2; h++) {
    i32 from = rows.from[row + h * 8], to = rows.to[row + h * 8];
    f32 top = run.m[h];
#pragma unroll
    for (u32 i = 0; i < 16; i++) {
      f32 &x = s[i / 2][h * 2 + i % 2];
      i32 key = key0 + (i32)(i / 2 * 8 + lane % 4 * 2 + i % 2);
      x = key >= from && key < to ? x * scale : minus_inf<f32>();
      top = larger(top, x);
    }
#pragma unroll
    for (u32 mask = 1; mask < 4; mask *= 2) top = larger(top, lane_xor(top, mask));
    f32 shift = top == minus_inf<f32>() ? 0.f : top, part = 0;
#pragma unroll
    for (u32 i = 0; i < 16; i++) {
      f32 &x = s[i / 2][h * 2 + i % 2];
      x = ex2_approx(x - shift);
      part += x;
    }
#pragma unroll
    for (u32 mask = 1; mask < 4; mask *= 2) part += lane_xor(part, mask);
    f32 keep = ex2_approx(run.m[h] - shift);
    run.l[h] = run.l[h] * keep + part;
    run.m[h] = top;
#pragma unroll
    for (u32 c = 0; c < D / 8; c++) {
      run.sum[c][h * 2] *= keep;
      run.sum[c][h * 2 + 1] *= keep;
    }
  }
}

// gather adds weights times values, 16 keys at a time.
template <u32 D, class T> DEV void gather(Running<D> &run, const f32 (&s)[8][4], u32 values) {
  u32 lane = threadIdx.x % 32;
#pragma unroll
  for (u32 k = 0; k < 4; k++) {
    const f32(&x)[4] = s[k * 2], (&y)[4] = s[k * 2 + 1];
    u32 w[4] = {pack_halves<T>(x[0], x[1]), pack_halves<T>(x[2], x[3]), pack_halves<T>(y[0], y[1]), pack_halves<T>(y[2], y[3])};
#pragma unroll
    for (u32 c = 0; c < D / 8; c += 2) {
      u32 b[4];
      ldmatrix4_transposed(b, values + offset<D>(k * 16 + lane / 8 % 2 * 8 + lane % 8, c + lane / 16));
      mma_16x8x16<T>(run.sum[c], w, b[0], b[1]);
      mma_16x8x16<T>(run.sum[c + 1], w, b[2], b[3]);
    }
  }
}

// Earlier is what the chunks before this one gave, but for the sums, which lie in a.work as soon as there are any. m is in the units
// of scores.
struct Earlier {
  f32 m[2], l[2];
};

// Pair is the place of two neighbouring sums.
DEV Pack<f32, 2> *pair(f32 *sums, u32 col) { return (Pack<f32, 2> *)(sums + col); }

// join adds what the chunks before this one gave, and puts m in the units of scores.
template <u32 D, class T> DEV void join(Running<D> &run, const Earlier &earlier, const Sequence<T> &seq, u32 row0) {
  u32 lane = threadIdx.x % 32, row = row0 + threadIdx.x / 32 * 16 + lane / 4;
#pragma unroll
  for (u32 h = 0; h < 2; h++) {
    u32 r = row + h * 8;
    run.m[h] = run.maximum(h);
    if (r >= seq.count() || earlier.m[h] == minus_inf<f32>()) continue;
    Joint<f32> both(earlier.m[h], earlier.l[h], run.m[h], run.l[h]);
    run.m[h] = both.m;
    run.l[h] = both.l;
    f32 *sums = seq.sums_at(r);
#pragma unroll
    for (u32 c = 0; c < D / 8; c++) {
      u32 col = c * 8 + lane % 4 * 2;
      if (col >= seq.a.dv) continue;
      Pack<f32, 2> x = *pair(sums, col);
      run.sum[c][h * 2] = both.sum(x.v[0], run.sum[c][h * 2]);
      run.sum[c][h * 2 + 1] = both.sum(x.v[1], run.sum[c][h * 2 + 1]);
    }
  }
}

// store writes the sums of this thread's rows; at(r) is where those of a row begin.
template <u32 D, class T, class F> DEV void store(const Running<D> &run, const Sequence<T> &seq, u32 row0, F at) {
  u32 lane = threadIdx.x % 32, row = row0 + threadIdx.x / 32 * 16 + lane / 4;
#pragma unroll
  for (u32 h = 0; h < 2; h++) {
    u32 r = row + h * 8;
    if (r >= seq.count()) continue;
    f32 *sums = at(r);
#pragma unroll
    for (u32 c = 0; c < D / 8; c++) {
      u32 col = c * 8 + lane % 4 * 2;
      if (col < seq.a.dv) *pair(sums, col) = {{run.sum[c][h * 2], run.sum[c][h * 2 + 1]}};
    }
  }
}

// store_part leaves the results of one chunk for attention_join_*.
template <u32 D, class T> DEV void store_part(const Running<D> &run, const Sequence<T> &seq, u32 row0, u32 chunk) {
  u32 lane = threadIdx.x % 32, row = row0 + threadIdx.x / 32 * 16 + lane / 4;
  store(run, seq, row0, [&](u32 r) { return seq.part_at(chunk, r); });
#pragma unroll
  for (u32 h = 0; h < 2; h++)
    if (lane % 4 == 0 && row + h * 8 < seq.count()) *pair(seq.part_at(chunk, row + h * 8), seq.a.dv) = {{run.m[h], run.l[h]}};
}

template <u32 D, class T> DEV void finish(const Running<D> &run, Rows<f32> &rows, const Sequence<T> &seq, u32 row0) {
  u32 lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane / 4;
#pragma unroll
  for (u32 h = 0; h < 2; h++) {
    if (lane % 4 > 0) continue;
    rows.m[row + h * 8] = run.m[h];
    rows.l[row + h * 8] = run.l[h];
  }
  barrier();
  conclude(rows, seq, row0);
  barrier();
#pragma unroll
  for (u32 h = 0; h < 2; h++) {
    u32 r = row0 + row + h * 8;
    if (r >= seq.count()) continue;
    f32 last = rows.l[row + h * 8];
    T *out = seq.out_at(r);
#pragma unroll
    for (u32 c = 0; c < D / 8; c++) {
      u32 col = c * 8 + lane % 4 * 2;
      if (col < seq.a.dv) *(u32 *)(out + col) = pack_halves<T>(run.sum[c][h * 2] * last, run.sum[c][h * 2 + 1] * last);
    }
  }
}

template <u32 D, class T> DEV void attention_mma(const Attention<T> &a) {
  alignas(16) __shared__ u8 tiles[2][tile_bytes<D>];
  __shared__ Rows<f32> rows;
  Sequence<T> seq(a);
  u32 blocks = (a.group * a.t + TILE - 1) / TILE, row0 = blockIdx.x % blocks * TILE, chunk = blockIdx.x / blocks, count = seq.count();
  if (row0 >= count) return;
  Steps range = steps(seq, row0);
  if (a.part) {
    range.only(chunk * HALF_CHUNK, HALF_CHUNK);
    if (range.from >= range.to) return;
  }
  u32 keys = shared_address(tiles[0]), values = shared_address(tiles[1]);
  auto load_keys = [&](i32 key0) {
    load<D>(keys, a.d, a.q, [&](u32 j) { return key0 + (i32)j < seq.n ? seq.k_at(key0 + j) : nullptr; });
  };
  auto load_values = [&](i32 key0) {
    load<D>(values, a.dv, a.q, [&](u32 j) { return key0 + (i32)j < seq.n ? seq.v_at(key0 + j) : nullptr; });
  };

  begin(rows, seq, row0);
  load<D>(keys, a.d, a.q, [&](u32 i) { return row0 + i < count ? seq.q_at(row0 + i) : nullptr; });
  commit_copies();
  wait_copies<0>();
  barrier();
  Fragments<D> q;
  read_rows<D>(q, keys);
  barrier();

  Running<D> run;
  run.reset();
  Earlier earlier = {{run.m[0], run.m[0]}, {}};
  f32 scale = a.scale * 1.44269502f;
  if (range.from < range.to) load_keys(range.from);
  commit_copies();
#pragma unroll 1
  for (i32 key0 = range.from; key0 < range.to;) {
    load_values(key0);
    commit_copies();
    wait_copies<1>();
    barrier();
    f32 s[8][4];
    scores<D, T>(s, q, keys);
    barrier();
    if (key0 + (i32)TILE < range.to) load_keys(key0 + TILE);
    commit_copies();
    soften<D>(run, s, rows, scale, key0);
    wait_copies<1>();
    barrier();
    gather<D, T>(run, s, values);
    barrier();
    key0 += TILE;
    if (key0 < range.to && key0 % HALF_CHUNK != 0) continue;
    join(run, earlier, seq, row0);
    if (key0 >= range.to) continue;
    store(run, seq, row0, [&](u32 r) { return seq.sums_at(r); });
#pragma unroll
    for (u32 h = 0; h < 2; h++) earlier.m[h] = run.m[h], earlier.l[h] = run.l[h];
    run.reset();
  }
  wait_copies<0>();
  if (a.part) store_part(run, seq, row0, chunk);
  else finish(run, rows, seq, row0);
}

#define ATTENTIONS(T)                                                                                          \
  KERNEL(128, 2) attention_mma64_##T(ATTENTION_PARAMETERS(T)) { attention_mma<64>(ATTENTION(T)); }             \
  KERNEL(128, 2) attention_mma128_##T(ATTENTION_PARAMETERS(T)) { attention_mma<128>(ATTENTION(T)); }

ATTENTIONS(f16)
ATTENTIONS(bf16)
