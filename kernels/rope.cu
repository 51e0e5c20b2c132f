// Rotary position embedding: pairs of elements of each head turn by position * frequency (Su and others, RoFormer, 2021).
//
//	(a, b) -> (a cos - b sin, b cos + a sin), or with the sign of sin turned (inverse)
//
// A pair is elements i and i + width/2 of a head, or 2i and 2i + 1 (interleaved); elements from width on are copied. The
// frequencies are f64 [width/2], made by the host from theta and the scaling, and may be divided by factors f32 [width/2]. Angles
// are reduced in f64, so that position 10^6 costs no digits, and end as f32 sine and cosine.
//
// 8 bytes per f32 element for 3 flops: bound by memory. One block per token works out the width/2 angles once, in shared memory,
// and turns all heads; a version with an angle per thread and head spent more time in the reduction than in the memory.
#include "gpu.cuh"
#include "math.cuh"

constexpr u32 MOST = 512;  // pairs per head

struct Pairs {
  u32 heads, d, width, interleaved, inverse;
  u64 x_token, x_head, out_token, out_head;
};

// positions has one entry per token, or the tokens repeat after `period`.
template <class T>
DEV void rope(T *out, const T *x, const i32 *positions, const f64 *frequencies, const f32 *factors, u32 period, const Pairs &p) {
  __shared__ f32 sines[MOST], cosines[MOST];
  u32 token = blockIdx.x, half = p.width / 2;
  f64 position = positions[token % period];
  for (u32 i = threadIdx.x; i < half; i += 256) {
    f64 angle = position * (factors ? frequencies[i] / (f64)factors[i] : frequencies[i]);
    math::Angle t = math::reduce_double(angle);
    f32 s = math::sine(t);
    sines[i] = p.inverse ? -s : s;
    cosines[i] = math::cosine(t);
  }
  barrier();
  x += token * p.x_token;
  out += token * p.out_token;
  u32 units = half + (p.d - p.width);  // pairs to turn, then elements to keep
  for (u32 i = threadIdx.x; i < p.heads * units; i += 256) {
    u32 head = i / units, unit = i - head * units;
    const T *from = x + head * p.x_head;
    T *to = out + head * p.out_head;
    if (unit >= half) {
      to[unit + half] = from[unit + half];
      continue;
    }
    u32 first = p.interleaved ? unit * 2 : unit, second = p.interleaved ? first + 1 : unit + half;
    compute<T> a = widen(from[first]), b = widen(from[second]), s = sines[unit], c = cosines[unit];
    to[first] = narrow<T>(a * c - b * s);
    to[second] = narrow<T>(b * c + a * s);
  }
}

#define ROPE(T)                                                                                                                \
  KERNEL(256)                                                                                                                  \
  rope_##T(T *out, const T *x, const i32 *positions, const f64 *frequencies, const f32 *factors, u32 period, u32 heads, u32 d, \
           u32 width, u32 interleaved, u32 inverse, u64 x_token, u64 x_head, u64 out_token, u64 out_head) {                    \
    rope(out, x, positions, frequencies, factors, period,                                                                      \
         Pairs{heads, d, width, interleaved, inverse, x_token, x_head, out_token, out_head});                                  \
  }

ROPE(f32)
ROPE(f64)
ROPE(f16)
ROPE(bf16)
