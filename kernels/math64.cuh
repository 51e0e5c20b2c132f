// Transcendental functions in double precision: the functions of math.cuh under the same names, with the same reading rules.
//
// The CPU computes these with Go's package math, so here the two paths agree within a bound, not to the bit. Polynomials are
// minimax fits with float64 coefficients. The error in each heading is the largest seen against quadruple precision on some
// million arguments over the function's whole domain, in units in the last place of the result. Where a function is the sum of a
// large and a small part, the large one is kept unrounded, as head and tail, until the last addition.
//
// An A100's 4.9 T operations in f64 a second against 2 TB/s leave room for 39 per element that is read and written. exp takes some
// 26, log 15 and a division, sin and cos 40: they should run near the memory's speed. erf and pow, with 70 to 80 and a division, do
// half of that.
#pragma once
#include "math.cuh"

namespace math {

constexpr double ROUND64 = 6755399441055744.0;  // 1.5 * 2^52, see ROUND
constexpr u64 SIGN64 = 0x8000000000000000ull, INF64 = 0x7FF0000000000000ull, NAN64 = 0x7FF8000000000000ull;
constexpr double LN2 = 0.69314718055994529, LN2_LOW = 2.3190468138462996e-17;
constexpr double LOG2E = 1.4426950408889634, LOG2E_LOW = 2.0355273740931033e-17;

DEV double abs(double x) { return from_bits(bits(x) & ~SIGN64); }
DEV double with_sign_of(double magnitude, double s) { return from_bits(bits(magnitude) | (bits(s) & SIGN64)); }
DEV double at_least(double low, double x) { return x < low ? low : x; }   // a NaN stays
DEV double at_most(double high, double x) { return x > high ? high : x; }
DEV double double_pow2(i32 k) { return from_bits((u64)(k + 1023) << 52); }  // 2^k for -1022 <= k <= 1023

// near_one is (1 + head + tail) 2^k for |head| < 1, a small tail and -2044 <= k <= 2046. Only a subnormal result is rounded twice.
DEV double near_one(double head, double tail, i32 k) {
  double y = 1.0 + head;
  y += ((1.0 - y) + head) + tail;
  i32 half = k >> 1;
  return y * double_pow2(half) * double_pow2(k - half);
}

// Exponential is e^x = 2^k (1 + head + tail), with |head| <= ln2/2.
struct Exponential {
  double head, tail;
  i32 k;
};

// exp_parts takes |x| < 2^20. The first fma is exact: unless n is 0, neither x nor n ln2 has bits below 2^-54.
DEV Exponential exp_parts(double x) {
  double z = fma(x, LOG2E, ROUND64);
  double n = z - ROUND64;
  double first = fma(n, -LN2, x);
  double r = fma(n, -LN2_LOW, first);
  double rest = fma(n, -LN2_LOW, first - r);
  double q = 2.510838953327371e-08;
  q = fma(q, r, 2.761850207063719e-07);
  q = fma(q, r, 2.7557247466405906e-06);
  q = fma(q, r, 2.4801525534569427e-05);
  q = fma(q, r, 0.00019841269881068932);
  q = fma(q, r, 0.001388888891345995);
  q = fma(q, r, 0.008333333333324583);
  q = fma(q, r, 0.041666666666636286);
  q = fma(q, r, 0.1666666666666667);
  q = fma(q, r, 0.5);
  return {r, fma(r * r, q, rest), (i32)bits(z)};
}

// exp: 0.77 ulp. Above 709.79 it is +Inf, below -745.14 it is 0.
DEV double exp(double x) {
  Exponential t = exp_parts(at_least(-746.0, at_most(710.0, x)));
  return near_one(t.head, t.tail, t.k);
}

// pow2 is 2^(k + r + low), for |r| <= 0.51 and a low that is tiny beside r: 1 + r ln2 + r^2 q(r).
DEV double pow2(double r, double low, i32 k) {
  double q = 4.4480241969831884e-10;
  q = fma(q, r, 7.0708830786195244e-09);
  q = fma(q, r, 1.0178101430403117e-07);
  q = fma(q, r, 1.3215452159286174e-06);
  q = fma(q, r, 1.5252733756829563e-05);
  q = fma(q, r, 0.00015403530423807916);
  q = fma(q, r, 0.0013333558146467533);
  q = fma(q, r, 0.009618129107619321);
  q = fma(q, r, 0.0555041086648215);
  q = fma(q, r, 0.24022650695910075);
  double head = r * LN2;
  double tail = fma(r, LN2, -head) + fma(r, LN2_LOW, low * LN2);
  return near_one(head, fma(r * r, q, tail), k);
}

// exp2: 0.78 ulp.
DEV double exp2(double x) {
  x = at_least(-1076.0, at_most(1025.0, x));
  double z = x + ROUND64;
  return pow2(x - (z - ROUND64), 0.0, (i32)bits(z));
}

// expm1: 1.50 ulp. (2^k - 1) + 2^k (head + tail), taken in halves so that k = 1024 does not overflow.
DEV double expm1(double x) {
  Exponential t = exp_parts(at_least(-40.0, at_most(710.0, x)));
  double s = double_pow2(t.k - 1), b = s - 0.5;
  double head = fma(s, t.head, b);
  double tail = fma(s, t.head, b - head);
  double half = head + fma(s, t.tail, tail);
  return abs(x) < 0x1p-54 ? x : half + half;  // keeps the sign of -0 and every subnormal
}

// Logarithm is log(1 + f) = f + tail for sqrt(1/2) <= 1 + f < sqrt(2); e is the exponent that was split off.
struct Logarithm {
  double f, tail, e;
};

// log_parts: with s = f / (2 + f), log(1 + f) = 2 atanh(s) = f - s (f - s^2 p(s^2)).
DEV Logarithm log_parts(double f, double e) {
  double s = f / (2.0 + f);
  double v = s * s;
  double p = 0.14616625475387831;
  p = fma(p, v, 0.15331709579795574);
  p = fma(p, v, 0.18182889368251703);
  p = fma(p, v, 0.22222211134559172);
  p = fma(p, v, 0.28571428625936402);
  p = fma(p, v, 0.39999999999899832);
  p = fma(p, v, 0.66666666666666696);
  return {f, s * fma(v, p, -f), e};
}

DEV double log_of(Logarithm l) { return fma(l.e, LN2, l.f + fma(l.e, LN2_LOW, l.tail)); }

struct Split64 {
  double f, e;
};

constexpr u64 SQRT_HALF = 0x3FE6A09E00000000ull;  // bits of a number just below it

// exponent_above is the bits by which y's exponent differs from that of its kin between sqrt(1/2) and sqrt(2).
DEV u64 exponent_above(double y) { return (bits(y) - SQRT_HALF) & 0xFFF0000000000000ull; }
DEV double exponent_of(u64 above) { return (double)((i32)(above >> 32) >> 20); }

// split writes a positive x as 2^e (1 + f). Subnormals are scaled up first.
DEV Split64 split(double x) {
  bool tiny = x < 0x1p-1022;
  double y = tiny ? x * 0x1p54 : x;
  u64 above = exponent_above(y);
  double e = exponent_of(above);
  return {from_bits(bits(y) - above) - 1.0, tiny ? e - 54.0 : e};
}

// log_edges replaces y, a logarithm of x, where x is no positive finite number: log 0 = -Inf, log of a negative is NaN.
DEV double log_edges(double x, double y) {
  double inf = from_bits(INF64);
  y = x < inf ? y : x;  // +Inf and NaN stay
  y = x < 0.0 ? from_bits(NAN64) : y;
  return x == 0.0 ? -inf : y;
}

// log: 0.90 ulp.
DEV double log(double x) {
  Split64 s = split(x);
  return log_edges(x, log_of(log_parts(s.f, s.e)));
}

// log2: 1.14 ulp. The head's product with log2(e) is taken in two parts before e is added.
DEV double log2(double x) {
  Split64 s = split(x);
  Logarithm l = log_parts(s.f, s.e);
  double low = fma(l.f, LOG2E_LOW, l.tail * LOG2E);
  return log_edges(x, l.e + fma(l.f, LOG2E, low));
}

// log1p: 1.41 ulp. 1 + x = 2^e (1 + f), where f = x 2^-e + (2^-e - 1) carries one rounding, and none for e = 0.
DEV double log1p(double x) {
  u64 above = exponent_above(1.0 + x);
  double s = from_bits(0x4010000000000000ull - above) * 0.25;  // 2^-e
  double y = log_of(log_parts(fma(x, s, s - 1.0), exponent_of(above)));
  y = log_edges(1.0 + x, y);
  return x == 0.0 ? x : y;
}

// tanh: 1.37 ulp. Below 0.6 an odd polynomial, above 1 - 2 / (e^2a + 1).
DEV double tanh(double x) {
  double a = abs(x);
  double s = a * a;
  double q = -1.8301437615965373e-05;
  q = fma(q, s, 8.1481864247415536e-05);
  q = fma(q, s, -0.00023219773679055161);
  q = fma(q, s, 0.00058802986913810166);
  q = fma(q, s, -0.0014554580145712307);
  q = fma(q, s, 0.0035920819673294483);
  q = fma(q, s, -0.0088632319806726171);
  q = fma(q, s, 0.021869488374919560);
  q = fma(q, s, -0.053968253964432264);
  q = fma(q, s, 0.13333333333329647);
  q = fma(q, s, -0.33333333333333326);
  double small = fma(a * s, q, a);
  double large = 1.0 - 2.0 / (exp(a + a) + 1.0);
  return with_sign_of(a < 0.6 ? small : large, x);
}

// sigmoid: 2.23 ulp. 1 / (1 + e^-x), as e^x / (1 + e^x) for negative x: the exponential never overflows.
DEV double sigmoid(double x) {
  double z = exp(-abs(x));
  return (x < 0.0 ? z : 1.0) / (1.0 + z);
}

// softplus: 1.71 ulp. log(1 + e^x) = max(x, 0) + log1p(e^-|x|).
DEV double softplus(double x) { return (x < 0.0 ? 0.0 : x) + log1p(exp(-abs(x))); }

// erf_head is erf(a) / a - 1 for 0 <= a < 0.75, in s = a^2.
DEV double erf_head(double s) {
  double q = 1.169049218029734e-08;
  q = fma(q, s, -1.6004371886603503e-07);
  q = fma(q, s, 1.64388124689365e-06);
  q = fma(q, s, -1.4924771207140085e-05);
  q = fma(q, s, 0.00012055314490609649);
  q = fma(q, s, -0.00085483268707332947);
  q = fma(q, s, 0.0052239776271104056);
  q = fma(q, s, -0.026866170645631956);
  q = fma(q, s, 0.11283791670959396);
  q = fma(q, s, -0.37612638903183893);
  return fma(q, s, 0.12837916709551259);
}

// Tail is the normal distribution far out: exp(-a^2) and erfc(a).
struct Tail {
  double density, erfc;
};

// erf_tail takes a >= 0.75; below, the density alone is right. erfc is exp(-a^2) p(t) / (a + K) with t = (a - K) / (a + K), to 4.6 ulp.
// From 27.3 on both vanish.
DEV Tail erf_tail(double a) {
  constexpr double K = 3.34375;
  a = at_most(28.0, a);
  double square = a * a, square_rest = fma(a, a, -square);
  double e = exp(-square);
  double s = a + K, rest = a - (s - K);
  double w = 1.0 / s;
  double lost = fma(w, -rest, fma(w, -s, 1.0));  // 1 / (a + K) is w + w lost
  double t = fma(w * lost, -2.0 * K, fma(w, -2.0 * K, 1.0));
  double p = 5.6868017085983053e-09;
  p = fma(p, t, -3.3749687508855561e-08);
  p = fma(p, t, -9.4501121784845799e-09);
  p = fma(p, t, 2.4392540506400297e-07);
  p = fma(p, t, 2.636448604080881e-08);
  p = fma(p, t, -1.4877109451195053e-06);
  p = fma(p, t, -1.4619876935339943e-08);
  p = fma(p, t, 9.654378303289845e-06);
  p = fma(p, t, -4.43177388727155e-06);
  p = fma(p, t, -6.568149349937439e-05);
  p = fma(p, t, 0.00010240406868399045);
  p = fma(p, t, 0.00038145332482670104);
  p = fma(p, t, -0.00160825437317425);
  p = fma(p, t, 0.00042431809824217874);
  p = fma(p, t, 0.015192504704781094);
  p = fma(p, t, -0.069462789643851207);
  p = fma(p, t, 0.19211130222873607);
  p = fma(p, t, -0.39826234353299644);
  p = fma(p, t, 0.66465849992589321);
  p = fma(p, t, -0.92280354251482027);
  p = fma(p, t, 1.083517759691818);
  double y = p * w * e;
  return {fma(e, -square_rest, e), fma(y, lost - square_rest, y)};
}

// erf: 2.02 ulp.
DEV double erf(double x) {
  double a = abs(x);
  double small = fma(a, erf_head(a * a), a);
  double large = 1.0 - erf_tail(a).erfc;
  return with_sign_of(a < 0.75 ? small : large, x);
}

struct Angle64 {
  double r, low;  // the angle is r + low
  u32 quadrant;
};

// Bits of 2/pi behind the binary point; the leading word is a zero to start from.
static __constant__ u64 two_over_pi_wide[20] = {
    0ull,                  0xA2F9836E4E441529ull, 0xFC2757D1F534DDC0ull, 0xDB6295993C439041ull, 0xFE5163ABDEBBC561ull,
    0xB7246E3A424DD2E0ull, 0x06492EEA09D1921Cull, 0xFE1DEB1CB129A73Eull, 0xE88235F52EBB4484ull, 0xE99C7026B45F7E41ull,
    0x3991D639835339F4ull, 0x9C845F8BBDF9283Bull, 0x1FF897FFDE05980Full, 0xEF2F118B5A0A6D1Full, 0x6D367ECF27CB09B7ull,
    0x4F463F669E5FEA2Dull, 0x7527BAC7EBE5F17Bull, 0x3D0739F78A5292EAull, 0x6BFB5FB11F8D5D08ull, 0x56033046FC7B6BABull};

DEV u64 mul_high(u64 a, u64 b) {
  u64 r;
  asm("mul.hi.u64 %0, %1, %2;" : "=l"(r) : "l"(a), "l"(b));
  return r;
}
DEV u64 funnel_left(u64 hi, u64 lo, u32 n) { return hi << n | (lo >> 1) >> (63 - n); }  // for 0 <= n < 64

// reduce_large is Payne and Hanek's reduction of a finite a > 2^17, see math.cuh: the product of the 53-bit significand with 192
// bits of 2/pi, modulo 4, of which 128 bits are kept. The signed fraction becomes two float64, and these radians.
DEV Angle64 reduce_large(double a) {
  u64 b = bits(a);
  u32 shift = (u32)(b >> 52) - 1013;  // a = m 2^(shift - 62): bit `shift` of the table is worth 2 in m (2/pi)
  u64 m = (b & 0xFFFFFFFFFFFFFull) | 0x10000000000000ull;
  const u64 *w = two_over_pi_wide + (shift >> 6);
  u32 left = shift & 63;
  u64 hi = funnel_left(w[0], w[1], left);
  u64 mid = funnel_left(w[1], w[2], left);
  u64 low = funnel_left(w[2], w[3], left);
  u64 lower = m * mid, upper = m * hi + mul_high(m, mid);
  lower += mul_high(m, low);
  upper += lower < m * mid ? 1 : 0;
  u32 quadrant = (u32)(upper >> 62);
  u64 first = upper << 2 | lower >> 62, second = lower << 2;  // in units of pi/2 2^-64 and 2^-128, made signed
  quadrant += (u32)(first >> 63);
  double x = (double)(i64)(first & ~0x7FFull);                // 53 bits: exact
  double y = fma((double)second, 0x1p-64, (double)(first & 0x7FFull));
  double head = x + y, tail = (x - head) + y;
  constexpr double UNIT = 8.515303950216386e-20, UNIT_LOW = 3.319411800407449e-36;  // pi/2 2^-64
  double r = head * UNIT;
  return {r, fma(head, UNIT, -r) + fma(head, UNIT_LOW, tail * UNIT), quadrant};
}

// reduce writes a >= 0 as quadrant pi/2 + (r + low) with |r| <= 0.79. Up to 2^17 the first fma is exact and three constants stand
// for pi/2. Larger arguments, Inf and NaN take the other road.
DEV Angle64 reduce(double a) {
  if (a > 131072.0) {
    return a < from_bits(INF64) ? reduce_large(a) : Angle64{a - a, 0.0, 0};
  }
  double z = fma(a, 0.63661977236758138, ROUND64);
  double n = z - ROUND64;
  double head = fma(n, -1.5707963267948966, a);
  double p = n * 6.123233995736766e-17;
  double r = head - p, gone = r - head;
  double low = (head - (r - gone)) - (p + gone);  // exactly what r has lost
  low -= fma(n, 6.123233995736766e-17, -p);
  return {r, fma(n, 1.4973849048591698e-33, low), (u32)bits(z)};
}

DEV double sin_poly(double r, double low) {
  double s = r * r;
  double q = 1.5919140674271577e-10;
  q = fma(q, s, -2.5051149290230084e-08);
  q = fma(q, s, 2.7557316212390953e-06);
  q = fma(q, s, -0.00019841269837062736);
  q = fma(q, s, 0.008333333333331295);
  q = fma(q, s, -0.16666666666666666);
  return r + fma(r * s, q, fma(low * s, -0.5, low));
}

DEV double cos_poly(double r, double low) {
  double s = r * r;
  double q = -1.1381508981231307e-11;
  q = fma(q, s, 2.0876127296736557e-09);
  q = fma(q, s, -2.755731715536128e-07);
  q = fma(q, s, 2.4801587298453913e-05);
  q = fma(q, s, -0.0013888888888887057);
  q = fma(q, s, 0.041666666666666664);
  double head = fma(s, -0.5, 1.0);
  double tail = fma(s, -0.5, 1.0 - head);
  return head + fma(s * s, q, fma(r, -low, tail));
}

// sine: 0.80 ulp for every finite x. It is sin(x) or, one quarter of a turn further, cos(x).
DEV double sine(double x, u32 quarters) {
  Angle64 t = reduce(abs(x));
  u32 quadrant = t.quadrant + quarters;
  double y = (quadrant & 1) != 0 ? cos_poly(t.r, t.low) : sin_poly(t.r, t.low);
  u64 sign = quarters == 0 ? bits(x) & SIGN64 : 0;
  return from_bits(bits(y) ^ sign ^ ((u64)(quadrant & 2) << 62));
}

DEV double sin(double x) { return sine(x, 0); }
DEV double cos(double x) { return sine(x, 1); }

// Double is a sum of two numbers, the second small beside the first.
struct Double {
  double head, tail;
};

DEV Double product(Double a, Double b) {
  double p = a.head * b.head;
  return {p, fma(a.head, b.head, -p) + fma(a.head, b.tail, a.tail * b.head)};
}

// sum wants a to be the larger, or 0.
DEV Double sum(Double a, Double b) {
  double s = a.head + b.head;
  return {s, ((a.head - s) + b.head) + (a.tail + b.tail)};
}

// log2_double is log2 of a positive finite x to 64 bits and more: 2 atanh(s) log2(e), of which all but the far terms of the series
// are taken in two parts.
DEV Double log2_double(double x) {
  Split64 m = split(x);
  double d = 2.0 + m.f;
  double rest = m.f - (d - 2.0);
  double w = 1.0 / d;
  Double s = {m.f * w, 0.0};
  s.tail = fma(-s.head, rest, fma(-s.head, d, m.f)) * w;
  Double v = product(s, s);
  double p = 0.17200281565851449;
  p = fma(p, v.head, 0.16856833829129901);
  p = fma(p, v.head, 0.19239455035634012);
  p = fma(p, v.head, 0.2219524744225715);
  p = fma(p, v.head, 0.26230819524701987);
  p = fma(p, v.head, 0.3205988979438287);
  p = fma(p, v.head, 0.41219858311120733);
  p = fma(p, v.head, 0.57707801635558532);
  Double q = sum({0.96179669392597556, 5.0577616648125907e-17}, {v.head * p, 0.0});
  q = sum({2.8853900817779268, 4.0710547481862066e-17}, product(v, q));
  return sum({m.e, 0.0}, product(s, q));
}

// pow: 0.77 ulp. |x|^y = 2^t with t = y log2 |x|, both in two parts. Edges as in C, see math.cuh.
DEV double pow(double x, double y) {
  double a = abs(x), inf = from_bits(INF64);
  Double l = log2_double(a);
  l.head = log_edges(a, l.head);
  double t = y * l.head;
  double low = fma(y, l.head, -t) + y * l.tail;
  low = abs(t) < 1100.0 ? low : 0.0;
  t = at_least(-1100.0, at_most(1100.0, t));
  double z = t + ROUND64;
  double rest = t - (z - ROUND64);
  double r = rest + low;
  double w = pow2(r, low - (r - rest), (i32)bits(z));
  double half = y * 0.5;
  bool integer = floor(y) == y;
  bool odd = integer && floor(half) != half;
  w = odd ? with_sign_of(w, x) : w;
  w = x < 0.0 && a < inf && !integer ? from_bits(NAN64) : w;
  w = x == -1.0 && abs(y) == inf ? 1.0 : w;
  return y == 0.0 || x == 1.0 ? 1.0 : w;
}

// The activations, as cpu/internal/vec has them: where the sigmoid has vanished an infinite x does not matter any more.

DEV double silu(double x) {
  x = at_least(-746.0, x);
  return x * sigmoid(x);
}

// normal_cdf is Phi(x); density becomes exp(-x^2/2).
DEV double normal_cdf(double x, double &density) {
  double a = abs(x) * 0.70710678118654757;
  Tail t = erf_tail(a);
  density = t.density;
  double inside = fma(0.5, with_sign_of(fma(a, erf_head(a * a), a), x), 0.5);
  double outside = x < 0.0 ? 0.5 * t.erfc : fma(t.erfc, -0.5, 1.0);
  return a < 0.75 ? inside : outside;
}

DEV double gelu(double x) {
  double density;
  x = at_least(-40.0, x);
  return x * normal_cdf(x, density);
}
DEV double gelu_tanh(double x) {
  x = at_least(-40.0, x);
  return x * sigmoid(x * fma(x * x, 0.07135481627260025, 1.5957691216057308));
}

}  // namespace math
