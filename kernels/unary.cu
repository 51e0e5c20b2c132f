// Functions of one element, and their gradients.
//
// Memory bound like the binary kernels: an f32 kernel moves 8 bytes per element, a gradient 12. A function of math.cuh takes
// 10 to 40 instructions; at 2 TB/s an A100 has room for about 80 per f32 element, so all of them should reach the memory's
// speed, sin and cos beyond 2^17 excepted.
//
//   exp_f32 ...         contiguous, four neighbours at a time. A first version unrolled every function four times: 1.1 MB of
//                       PTX, and local memory where the compiler gave up. Now a long function stands in a rolled loop.
//   unary_strided_f32   any layout, any function by its code; contiguous with a null layout. Also for f64 and the integers.
//                       f64 has no other: its threads take an element at a time, 8 bytes of 256 that a warp asks for.
//   unary_grad_f32 ...  dx = f'(x) dy. v is x, or f(x) where the derivative is shorter in terms of it (`from_output`). The
//                       function is a uniform branch, once per element.
#include "elementwise.cuh"
#include "math64.cuh"

// signum is -1, 0 or 1; zeros and NaN stay.
template <class C> DEV C signum(C x) { return x > 0 ? C(1) : x < 0 ? C(-1) : x; }

template <class C> DEV C transcendental(u32 fn, C x) {
  if constexpr (same<C, f64>) {  // the reduction of large angles stands in the code once
    if (fn == SIN || fn == COS) return math::sine(x, fn == COS);
  }
  switch (fn) {
    case EXP: return math::exp(x);
    case EXP2: return math::exp2(x);
    case EXPM1: return math::expm1(x);
    case LOG: return math::log(x);
    case LOG2: return math::log2(x);
    case LOG1P: return math::log1p(x);
    case SIN: return math::sin(x);
    case COS: return math::cos(x);
    case TANH: return math::tanh(x);
    case ERF: return math::erf(x);
    case SIGMOID: return math::sigmoid(x);
    case SILU: return math::silu(x);
    case GELU: return math::gelu(x);
    case GELU_TANH: return math::gelu_tanh(x);
    case SOFTPLUS: return math::softplus(x);
  }
  return 0;
}

template <class C> DEV C real(u32 fn, C x) {
  switch (fn) {
    case NEG: return -x;
    case ABS: return x < 0 || x == 0 ? C(0) - x : x;
    case SIGNUM: return signum(x);
    case SQUARE: return x * x;
    case SQRT: return sqrt(x);
    case RSQRT: return C(1) / sqrt(x);
    case RECIPROCAL: return C(1) / x;
    case FLOOR: return floor(x);
    case CEIL: return ceil(x);
    case ROUND: return rint(x);
    case TRUNC: return trunc(x);
    case RELU: return x < 0 ? C(0) : x;
  }
  return transcendental(fn, x);
}

template <class C> DEV C integer(u32 fn, C x) {
  switch (fn) {
    case NEG: return -x;
    case ABS: return x < 0 ? -x : x;
    case SIGNUM: return signum(x);
    case SQUARE: return x * x;
    case RELU: return x < 0 ? 0 : x;
    case NOT: return ~x;
  }
  return 0;
}

DEV f32 unary(u32 fn, f32 x) { return real(fn, x); }
DEV f64 unary(u32 fn, f64 x) { return real(fn, x); }
DEV i32 unary(u32 fn, i32 x) { return integer(fn, x); }
DEV i64 unary(u32 fn, i64 x) { return integer(fn, x); }

// gelu_slope is Phi(x) + x phi(x), with the normal distribution's function and density.
DEV f32 gelu_slope(f32 x) {
  f32 density = 0.398942292f * math::exp(-0.5f * (x * x));
  return fma(x, density, math::normal_cdf(x));
}

// gelu_tanh_slope is s + x s (1 - s) w' with s = sigmoid(w), w = 1.5958 x + 0.07135 x^3.
DEV f32 gelu_tanh_slope(f32 x) {
  f32 q = x * x;
  f32 s = math::sigmoid(x * fma(q, 0.0713548139f, 1.59576917f));
  return fma((x * s) * (1.f - s), fma(q, 0.214064449f, 1.59576917f), s);
}

DEV f32 silu_slope(f32 x) {
  f32 s = math::sigmoid(x);
  return s * fma(x, 1.f - s, 1.f);
}

// The slopes in f64 are 0 and 1 to the last bit where x is cut; beyond, Inf - Inf would come in.
DEV f64 cut(f64 x, f64 limit) { return math::at_least(-limit, math::at_most(limit, x)); }

DEV f64 gelu_slope(f64 x) {
  f64 density;
  x = cut(x, 40.0);
  f64 cdf = math::normal_cdf(x, density);
  return fma(0.3989422804014327 * x, density, cdf);
}

DEV f64 gelu_tanh_slope(f64 x) {
  x = cut(x, 40.0);
  f64 q = x * x;
  f64 s = math::sigmoid(x * fma(q, 0.07135481627260025, 1.5957691216057308));
  return fma((x * s) * (1.0 - s), fma(q, 0.21406444881780073, 1.5957691216057308), s);
}

DEV f64 silu_slope(f64 x) {
  x = cut(x, 746.0);
  f64 s = math::sigmoid(x);
  return s * fma(x, 1.0 - s, 1.0);
}

// slope is f'(x), given v = x or v = f(x).
template <class C> DEV C slope(u32 fn, C v) {
  if constexpr (same<C, f64>) {
    if (fn == SIN || fn == COS) {
      f64 s = math::sine(v, fn == SIN);
      return fn == SIN ? s : -s;
    }
  }
  switch (fn) {
    case NEG: return C(-1);
    case ABS: return signum(v);
    case SQUARE: return v + v;
    case SQRT: return C(0.5) / v;                   // from_output
    case RSQRT: return C(-0.5) * (v * (v * v));     // from_output
    case RECIPROCAL: return -(v * v);               // from_output
    case EXP: return v;                             // from_output
    case EXP2: return v * C(0.69314718055994529);   // from_output
    case EXPM1: return math::exp(v);
    case LOG: return C(1) / v;
    case LOG2: return C(1.4426950408889634) / v;
    case LOG1P: return C(1) / (C(1) + v);
    case SIN: return math::cos(v);
    case COS: return -math::sin(v);
    case TANH: return fma(-v, v, C(1));             // from_output
    case ERF: return C(1.1283791670955126) * math::exp(-(v * v));
    case SIGMOID: return v * (C(1) - v);            // from_output
    case RELU: return v > 0 ? C(1) : C(0);          // from_output
    case SILU: return silu_slope(v);
    case GELU: return gelu_slope(v);
    case GELU_TANH: return gelu_tanh_slope(v);
    case SOFTPLUS: return math::sigmoid(v);
  }
  return 0;  // sign, floor, ceil, round, trunc
}

template <class T> DEV void unary_strided(T *out, const T *x, u32 n, const Layout *layout, u32 fn) {
#pragma unroll 1
  for (u32 i = grid_index(); i < n; i += grid_size()) {
    Places<3> at = locate(layout, i);
    out[at.v[0]] = narrow<T>(unary(fn, widen(x[at.v[1]])));
  }
}

#define STRIDED(T)                                                                                      \
  KERNEL(256) unary_strided_##T(T *out, const T *x, u32 n, const Layout *layout, u32 fn) {              \
    unary_strided(out, x, n, layout, fn);                                                               \
  }

#define GRAD(T)                                                                                         \
  KERNEL(256) unary_grad_##T(T *dx, const T *v, const T *dy, u64 n, u32 fn) {                           \
    for (u64 i = grid_index(); i < n; i += grid_size()) dx[i] = narrow<T>(slope(fn, widen(v[i])) * widen(dy[i])); \
  }
#define SHORT_ON(name, fn, T)                                                                           \
  KERNEL(256) name##_##T(T *out, const T *x, u64 n) {                                                   \
    map1<4>(out, x, n, [](T e) { return narrow<T>(unary(fn, widen(e))); });                             \
  }
#define LONG_ON(name, fn, T)                                                                            \
  KERNEL(256) name##_##T(T *out, const T *x, u64 n) {                                                   \
    map1_long(out, x, n, [](T e) { return narrow<T>(unary(fn, widen(e))); });                           \
  }
#define SHORT(name, fn) SHORT_ON(name, fn, f32) SHORT_ON(name, fn, f16) SHORT_ON(name, fn, bf16)
#define LONG(name, fn) LONG_ON(name, fn, f32) LONG_ON(name, fn, f16) LONG_ON(name, fn, bf16)

STRIDED(f32)
STRIDED(f64)
STRIDED(f16)
STRIDED(bf16)
STRIDED(i64)
STRIDED(i32)
STRIDED(i8)
STRIDED(u8)

GRAD(f32)
GRAD(f64)
GRAD(f16)
GRAD(bf16)

SHORT(neg, NEG)
SHORT(abs, ABS)
SHORT(sign, SIGNUM)
SHORT(square, SQUARE)
SHORT(floor, FLOOR)
SHORT(ceil, CEIL)
SHORT(round, ROUND)
SHORT(trunc, TRUNC)
SHORT(relu, RELU)
LONG(sqrt, SQRT)
LONG(rsqrt, RSQRT)
LONG(reciprocal, RECIPROCAL)
LONG(exp, EXP)
LONG(exp2, EXP2)
LONG(expm1, EXPM1)
LONG(log, LOG)
LONG(log2, LOG2)
LONG(log1p, LOG1P)
LONG(sin, SIN)
LONG(cos, COS)
LONG(tanh, TANH)
LONG(erf, ERF)
LONG(sigmoid, SIGMOID)
LONG(silu, SILU)
LONG(gelu, GELU)
LONG(gelutanh, GELU_TANH)
LONG(softplus, SOFTPLUS)
