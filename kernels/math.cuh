// Transcendental functions in single precision, from fma, mul, add, compare, select and bit operations only.
//
// This file defines the functions for both paths: cpu/internal/vec evaluates the same operations in the same order, so the
// GPU and the CPU return the same bits (a NaN result is any NaN: its payload is not part of the contract).
//
// Reading rules. Every `*`, `+`, `-` and `/` below is one IEEE operation rounded to nearest even; fma(a, b, c) is a*b + c with
// one rounding; nothing is fused or reordered (clang -ffp-contract=off, nvcc -fmad=false). Subnormals are kept. `c ? a : b` is
// a select: both sides may be evaluated. Constants are the nearest float32 of the decimal shown. Integer arithmetic wraps.
//
// The polynomials are minimax fits (Sollya's fpminimax with float32 coefficients). The error in each heading is the largest
// seen against a float64 reference over every 31st float32 of the whole domain, in units in the last place of the result.
#pragma once
#include "gpu.cuh"

namespace math {

// Adding and subtracting 1.5 * 2^23 rounds |z| < 2^22 to an integer, which also stands in the low bits of the sum.
constexpr float ROUND = 12582912.f;
constexpr u32 ROUND_BITS = 0x4B400000u;
constexpr u32 SIGN = 0x80000000u;

DEV float abs(float x) { return from_bits(bits(x) & ~SIGN); }
DEV float with_sign_of(float magnitude, float s) { return from_bits(bits(magnitude) | (bits(s) & SIGN)); }
DEV float pow2(i32 k) { return from_bits((u32)(k + 127) << 23); }  // 2^k for -126 <= k <= 127

// scale returns (1 + e) * 2^k for -252 <= k <= 254. The two factors keep every intermediate a normal number, so only a
// subnormal result is rounded a second time and an overflow ends in +Inf.
DEV float scale(float e, i32 k) {
  i32 half = k >> 1;
  float s = pow2(half);
  return fma(e, s, s) * pow2(k - half);
}

struct Reduced {
  float r;
  i32 k;
};

// reduce_exp writes x as k ln2 + r with |r| <= ln2/2, for |x| < 2^21.
DEV Reduced reduce_exp(float x) {
  float z = fma(x, 1.44269502f, ROUND);
  float n = z - ROUND;
  float r = fma(n, -0.693147182f, x);
  return {fma(n, 1.90465421e-9f, r), (i32)(bits(z) - ROUND_BITS)};
}

// expm1_poly is e^r - 1 = r + r^2 q(r) for |r| <= ln2/2.
DEV float expm1_poly(float r) {
  float q = 0.000199713642f;
  q = fma(q, r, 0.00139309035f);
  q = fma(q, r, 0.00833317824f);
  q = fma(q, r, 0.0416665077f);
  q = fma(q, r, 0.166666672f);
  q = fma(q, r, 0.5f);
  return fma(r * r, q, r);
}

// exp: 0.98 ulp. x = k ln2 + r; e^x = 2^k (1 + expm1(r)). Above 88.73 it is +Inf, below -103.98 it is 0.
DEV float exp(float x) {
  x = x > 89.f ? 89.f : x;
  x = x < -104.f ? -104.f : x;
  Reduced t = reduce_exp(x);
  return scale(expm1_poly(t.r), t.k);
}

// exp2: 0.92 ulp. x = n + r, |r| <= 1/2; 2^x = 2^n (1 + r ln2 + r^2 q(r)).
DEV float exp2(float x) {
  x = x > 129.f ? 129.f : x;
  x = x < -151.f ? -151.f : x;
  float z = x + ROUND;
  float r = x - (z - ROUND);
  i32 k = (i32)(bits(z) - ROUND_BITS);
  float q = 0.000154528316f;
  q = fma(q, r, 0.00133814442f);
  q = fma(q, r, 0.00961808395f);
  q = fma(q, r, 0.055503808f);
  q = fma(q, r, 0.240226507f);
  return scale(fma(r, 0.693147182f, (r * r) * q), k);
}

// expm1: 1.43 ulp. 2^k e + (2^k - 1) is taken as 2 (2^(k-1) e + (2^(k-1) - 1/2)), so that k = 128 does not overflow.
DEV float expm1(float x) {
  float a = x > 89.f ? 89.f : x;
  a = a < -20.f ? -20.f : a;
  Reduced t = reduce_exp(a);
  float e = expm1_poly(t.r);
  float s = pow2(t.k - 1);
  float y = fma(s, e, s - 0.5f);
  y = t.k == 0 ? e : y + y;
  return x == 0.f ? x : y;  // keeps the sign of -0
}

struct Split {
  float f, e;
};

// split writes a positive x as 2^e (1 + f) with 2/3 <= 1 + f < 4/3; e is an integer. Subnormals are scaled up first.
DEV Split split(float x) {
  bool tiny = x < 1.17549435e-38f;
  float y = tiny ? x * 8388608.f : x;
  u32 top = (bits(y) - 0x3F2AAAABu) & 0xFF800000u;
  float f = from_bits(bits(y) - top) - 1.f;
  float e = (float)((i32)top >> 23);
  return {f, tiny ? e - 23.f : e};
}

// log_tail is (log(1 + f) - f) / f^2 for 2/3 <= 1 + f < 4/3.
DEV float log_tail(float f) {
  float q = -0.12914753f;
  q = fma(q, f, 0.137553498f);
  q = fma(q, f, -0.121833116f);
  q = fma(q, f, 0.140544772f);
  q = fma(q, f, -0.166801363f);
  q = fma(q, f, 0.200073048f);
  q = fma(q, f, -0.249998182f);
  q = fma(q, f, 0.333332717f);
  return fma(q, f, -0.5f);
}

// log_edges replaces y, a logarithm of x, where x is no positive finite number: log 0 = -Inf, log of a negative is NaN.
DEV float log_edges(float x, float y) {
  float inf = from_bits(0x7F800000u);
  y = x < inf ? y : x;  // +Inf and NaN stay
  y = x < 0.f ? from_bits(0x7FC00000u) : y;
  return x == 0.f ? -inf : y;
}

// log: 0.94 ulp. x = 2^e (1 + f); log x = e ln2 + (f + f^2 tail(f)).
DEV float log(float x) {
  Split s = split(x);
  float y = fma(s.f * s.f, log_tail(s.f), s.f);
  return log_edges(x, fma(s.e, 0.693147182f, y));
}

// log2: 1.58 ulp. The product with log2(e) = 1.44269502 + 1.92596303e-8 is taken in two parts before e is added.
DEV float log2(float x) {
  Split s = split(x);
  float t = (s.f * s.f) * log_tail(s.f);
  float low = fma(s.f, 1.92596303e-8f, t * 1.44269502f);
  return log_edges(x, s.e + fma(s.f, 1.44269502f, low));
}

// log1p: 0.91 ulp. 1 + x = 2^e (1 + f) with 3/4 <= 1 + f < 3/2, where f = x 2^-e + (2^-e - 1) carries one rounding.
DEV float log1p(float x) {
  u32 top = (bits(1.f + x) - 0x3F400000u) & 0xFF800000u;
  float s = from_bits(0x40800000u - top) * 0.25f;  // 2^-e
  float f = fma(x, s, s - 1.f);
  float q = 0.0421318226f;
  q = fma(q, f, -0.0957525149f);
  q = fma(q, f, 0.117586687f);
  q = fma(q, f, -0.126623467f);
  q = fma(q, f, 0.142617479f);
  q = fma(q, f, -0.166584671f);
  q = fma(q, f, 0.200003132f);
  q = fma(q, f, -0.250001103f);
  q = fma(q, f, 0.333333313f);
  q = fma(q, f, -0.5f);
  float y = fma(f * f, q, f);
  y = fma((float)((i32)top >> 23), 0.693147182f, y);
  float inf = from_bits(0x7F800000u);
  y = x < inf ? y : x;
  y = x < -1.f ? from_bits(0x7FC00000u) : y;
  y = x == -1.f ? -inf : y;
  return x == 0.f ? x : y;
}

// tanh: 1.34 ulp. Below 0.6 an odd polynomial, above 1 - 2 / (e^2a + 1).
DEV float tanh(float x) {
  float a = abs(x);
  float s = a * a;
  float q = -0.00629766332f;
  q = fma(q, s, 0.021132784f);
  q = fma(q, s, -0.0538793728f);
  q = fma(q, s, 0.13332963f);
  q = fma(q, s, -0.333333313f);
  float small = fma(a * s, q, a);
  float large = 1.f - 2.f / (exp(a + a) + 1.f);
  return with_sign_of(a < 0.6f ? small : large, x);
}

// sigmoid: 2.32 ulp. 1 / (1 + e^-x), as e^x / (1 + e^x) for negative x: the exponential never overflows.
DEV float sigmoid(float x) {
  float z = exp(-abs(x));
  return (x < 0.f ? z : 1.f) / (1.f + z);
}

// softplus: 1.62 ulp. log(1 + e^x) = max(x, 0) + log1p(e^-|x|).
DEV float softplus(float x) { return (x < 0.f ? 0.f : x) + log1p(exp(-abs(x))); }

// erf: 1.03 ulp. Below 1 an odd polynomial, above 1 - e^(a p(a)) with a p(a) = log erfc a; from 4 on it is 1.
DEV float erf(float x) {
  float a = abs(x);
  float s = a * a;
  float q = 7.98057808e-05f;
  q = fma(q, s, -0.000804309733f);
  q = fma(q, s, 0.00519133126f);
  q = fma(q, s, -0.0268549267f);
  q = fma(q, s, 0.112835988f);
  q = fma(q, s, -0.37612626f);
  q = fma(q, s, 0.128379166f);
  float small = fma(a, q, a);
  float b = a > 4.f ? 4.f : a;
  float p = -4.4655726e-06f;
  p = fma(p, b, 3.93050323e-05f);
  p = fma(p, b, 8.42320296e-05f);
  p = fma(p, b, -0.0030333444f);
  p = fma(p, b, 0.0228534322f);
  p = fma(p, b, -0.105444655f);
  p = fma(p, b, -0.635525286f);
  p = fma(p, b, -1.12857473f);
  float large = 1.f - exp(p * b);
  return with_sign_of(a < 1.f ? small : large, x);
}

struct Angle {
  float r;
  u32 quadrant;
};

// The first 224 bits of 2/pi behind the binary point; the leading word is a zero to start from.
static __constant__ u32 two_over_pi[8] = {0u, 0xA2F9836Eu, 0x4E441529u, 0xFC2757D1u, 0xF534DDC0u, 0xDB629599u, 0x3C439041u, 0xFE5163ABu};

// reduce_large is Payne and Hanek's reduction of a finite a > 2^17: the product of the 24-bit significand with the 96 bits of
// 2/pi that matter, modulo 4, in integers. The signed fraction is turned into radians in float64: two rounded operations.
DEV Angle reduce_large(float a) {
  u32 b = bits(a);
  u32 shift = (b >> 23) - 150 + 32 - 2;  // a = m 2^(shift - 30): bit `shift` of the table is worth 4 in m * (2/pi)
  u64 m = (b & 0x7FFFFFu) | 0x800000u;
  const u32 *w = two_over_pi + (shift >> 5);
  u32 left = shift & 31;
  u32 hi = funnel_left(w[0], w[1], left);
  u32 mid = funnel_left(w[1], w[2], left);
  u32 low = funnel_left(w[2], w[3], left);
  u64 product = ((m * hi) << 32) + m * mid + ((m * low) >> 32);
  u32 quadrant = (u32)(product >> 62);
  i64 fraction = (i64)(product << 2);  // in units of pi/2 2^-64, made signed: above one half it belongs to the next quadrant
  quadrant += fraction < 0 ? 1 : 0;
  double radians = (double)fraction * 8.5153039502163873e-20;
  return {(float)radians, quadrant};
}

// reduce writes a >= 0 as quadrant pi/2 + r with |r| <= 0.80. Up to 2^17 the first of three fma is exact and the constants
// 1.57079637 - 4.37113883e-8 - 1.71512489e-15 stand for pi/2. Larger arguments, Inf and NaN take the other road.
DEV Angle reduce(float a) {
  if (a > 131072.f) {
    return a < from_bits(0x7F800000u) ? reduce_large(a) : Angle{a - a, 0};
  }
  float z = fma(a, 0.636619747f, ROUND);
  float n = z - ROUND;
  float r = fma(n, -1.57079637f, a);
  r = fma(n, 4.37113883e-8f, r);
  r = fma(n, 1.71512489e-15f, r);
  return {r, bits(z)};
}

DEV float sin_poly(float r) {
  float s = r * r;
  float q = 2.89871446e-06f;
  q = fma(q, s, -0.000198595735f);
  q = fma(q, s, 0.0083333943f);
  q = fma(q, s, -0.166666672f);
  return fma(r * s, q, r);
}

DEV float cos_poly(float r) {
  float s = r * r;
  float q = 2.45365609e-05f;
  q = fma(q, s, -0.00138882431f);
  q = fma(q, s, 0.0416666642f);
  return fma(s * s, q, fma(s, -0.5f, 1.f));
}

// sine and cosine finish a reduced angle.
DEV float sine(Angle t) {
  float y = (t.quadrant & 1) != 0 ? cos_poly(t.r) : sin_poly(t.r);
  return from_bits(bits(y) ^ ((t.quadrant & 2) << 30));
}
DEV float cosine(Angle t) {
  float y = (t.quadrant & 1) != 0 ? sin_poly(t.r) : cos_poly(t.r);
  return from_bits(bits(y) ^ (((t.quadrant + 1) & 2) << 30));
}

// sin: 1.58 ulp for every finite x. sin |x| by quadrant, then the sign of x.
DEV float sin(float x) { return from_bits(bits(sine(reduce(abs(x)))) ^ (bits(x) & SIGN)); }

// cos: 1.58 ulp for every finite x.
DEV float cos(float x) { return cosine(reduce(abs(x))); }

// pow: 0.51 ulp. |x|^y = 2^t with t = y log2 |x| in float64; log2 by s = f / (2 + f), 2^t as 2^n (1 + r q(r)).
// Edges as in C: x^0 = 1 and 1^y = 1 even for NaN, a negative x needs an integer y, odd y keeps the sign of x.
DEV float pow(float x, float y) {
  float a = abs(x);
  Split m = split(a);
  double f = m.f;
  double s = f / (f + 2.0);
  double v = s * s;
  double p = 0.29087415990903998;
  p = fma(p, v, 0.31928118724898746);
  p = fma(p, v, 0.41222629280111966);
  p = fma(p, v, 0.57707775410925011);
  p = fma(p, v, 0.96179669483173724);
  p = fma(p, v, 2.8853900817774205);
  double l = fma(s, p, (double)m.e);
  l = a == 0.f || a >= from_bits(0x7F800000u) ? (double)log_edges(a, 0.f) : l;
  double t = (double)y * (a == a ? l : (double)a);
  t = t > 200.0 ? 200.0 : t;
  t = t < -200.0 ? -200.0 : t;
  double z = t + 6755399441055744.0;  // 1.5 * 2^52: rounds to an integer
  double r = t - (z - 6755399441055744.0);
  double q = 1.5310313032787907e-05;
  q = fma(q, r, 0.00015461679451946015);
  q = fma(q, r, 0.0013333453707679752);
  q = fma(q, r, 0.009618056088949084);
  q = fma(q, r, 0.055504109295156097);
  q = fma(q, r, 0.24022650925069805);
  q = fma(q, r, 0.69314718055361557);
  double e = fma(r, q, 1.0);
  float w = (float)from_bits(bits(e) + (bits(z) << 52));
  w = t != t ? from_bits(0x7FC00000u) : w;
  float half = y * 0.5f;
  bool integer = floor(y) == y;
  bool odd = integer && floor(half) != half;
  w = odd ? with_sign_of(w, x) : w;
  w = x < 0.f && a < from_bits(0x7F800000u) && !integer ? from_bits(0x7FC00000u) : w;
  w = x == -1.f && abs(y) >= from_bits(0x7F800000u) && y == y ? 1.f : w;
  return y == 0.f || x == 1.f ? 1.f : w;
}

// reduce_double is reduce for an angle in float64 below 2^31: pi/2 in two parts, and r rounded to f32 at the end.
DEV Angle reduce_double(double a) {
  double z = fma(a, 0.63661977236758138, 6755399441055744.0);
  double n = z - 6755399441055744.0;
  double r = fma(n, -1.5707963267948966, a);
  return {(float)fma(n, -6.123233995736766e-17, r), (u32)bits(z)};
}

// The activations that every path spells the same way.

DEV float silu(float x) { return x * sigmoid(x); }

// normal_cdf is Phi(x) to 2 units of 2^-24 everywhere: 1/2 + x p(x^2) / q(x^2) for |x| < 5.35, there 0 and 1. The weighted minimax quotient
// of two quintics does without an exponential; its bound keeps rounding from making a negative number.
DEV float normal_cdf(float x) {
  float c = x > 5.35f ? 5.35f : x;
  c = c < -5.35f ? -5.35f : c;
  float s = c * c;
  float p = 0.0193329044f;
  p = fma(p, s, 5.19121742f);
  p = fma(p, s, 132.269684f);
  p = fma(p, s, 3781.61304f);
  p = fma(p, s, 27021.748f);
  p = fma(p, s, 325213.813f);
  float q = s + 58.5706291f;
  q = fma(q, s, 1505.94446f);
  q = fma(q, s, 23033.1348f);
  q = fma(q, s, 203598.063f);
  q = fma(q, s, 815190.375f);
  float y = 0.5f + (c * p) / q;
  return y < 0.f ? 0.f : y;
}

// gelu: x Phi(x).
DEV float gelu(float x) { return x * normal_cdf(x); }
// gelu_tanh: x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3).
DEV float gelu_tanh(float x) { return x * sigmoid(x * fma(x * x, 0.0713548139f, 1.59576917f)); }

}  // namespace math
