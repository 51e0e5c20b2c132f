// The dialect of CUDA C++ that the kernels are written in. No NVIDIA header is used: clang compiles the kernels with
// -nocudainc -nocudalib, and this file names what they need. nvcc, which brings its own names, is used as a second compiler.
//
// Floating point is explicit: one operator is one IEEE operation (-ffp-contract=off), fma is the fused one.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char i8;
typedef int i32;
typedef long long i64;
typedef float f32;
typedef double f64;

// DEV begins every device function; a template specialisation takes INLINE, for it may not be static.
#define DEV static INLINE

#if defined(__clang__)
#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define INLINE __device__ inline __attribute__((always_inline))

// Vectors must be ext_vector types: with a struct, clang leaves a local stack frame in the GEMM.
typedef float float2 __attribute__((ext_vector_type(2)));
typedef float float4 __attribute__((ext_vector_type(4)));
typedef u32 uint2 __attribute__((ext_vector_type(2)));
typedef u32 uint4 __attribute__((ext_vector_type(4)));

// threadIdx and its kin are special registers, read through properties.
#define GPU_TRIPLE(T, S)                                                             \
  struct T {                                                                         \
    __declspec(property(get = get_x)) u32 x;                                         \
    __declspec(property(get = get_y)) u32 y;                                         \
    __declspec(property(get = get_z)) u32 z;                                         \
    DEV u32 get_x() { return __nvvm_read_ptx_sreg_##S##_x(); }                       \
    DEV u32 get_y() { return __nvvm_read_ptx_sreg_##S##_y(); }                       \
    DEV u32 get_z() { return __nvvm_read_ptx_sreg_##S##_z(); }                       \
  };
GPU_TRIPLE(ThreadIdx, tid)
GPU_TRIPLE(BlockIdx, ctaid)
GPU_TRIPLE(BlockDim, ntid)
GPU_TRIPLE(GridDim, nctaid)
#undef GPU_TRIPLE
extern const __device__ __attribute__((weak)) ThreadIdx threadIdx;
extern const __device__ __attribute__((weak)) BlockIdx blockIdx;
extern const __device__ __attribute__((weak)) BlockDim blockDim;
extern const __device__ __attribute__((weak)) GridDim gridDim;

DEV float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEV double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
DEV float sqrt(float a) { return __nvvm_sqrt_rn_f(a); }
DEV double sqrt(double a) { return __nvvm_sqrt_rn_d(a); }
DEV float floor(float a) { return __builtin_floorf(a); }
DEV double floor(double a) { return __builtin_floor(a); }
DEV float ceil(float a) { return __builtin_ceilf(a); }
DEV double ceil(double a) { return __builtin_ceil(a); }
DEV float trunc(float a) { return __builtin_truncf(a); }
DEV double trunc(double a) { return __builtin_trunc(a); }
DEV float rint(float a) { return __builtin_rintf(a); }
DEV double rint(double a) { return __builtin_rint(a); }
DEV u32 lowest_bit(u32 x) { return __builtin_ctz(x); }  // x is not 0
#else
#define INLINE __device__ __forceinline__
DEV u32 lowest_bit(u32 x) { return __ffs(x) - 1; }  // x is not 0
#endif

template <class T> constexpr bool is_float = false;
template <> constexpr bool is_float<f32> = true;
template <> constexpr bool is_float<f64> = true;
template <class A, class B> constexpr bool same = false;
template <class A> constexpr bool same<A, A> = true;

// KERNEL begins an entry point; launch bounds are given always, so that no kernel is compiled for a block it never gets.
#define KERNEL(...) extern "C" __global__ __launch_bounds__(__VA_ARGS__) void

// Codes of functions, as internal/op numbers them.
enum Unary {
  NEG, ABS, SIGNUM, SQUARE, SQRT, RSQRT, RECIPROCAL, FLOOR, CEIL, ROUND, TRUNC, EXP, EXP2, EXPM1, LOG, LOG2, LOG1P, SIN, COS, TANH,
  ERF, SIGMOID, RELU, SILU, GELU, GELU_TANH, SOFTPLUS, NOT
};
enum Binary { ADD, SUB, MUL, DIV, MIN, MAX, POW, AND, OR, XOR, SHL, SHR };

// Bits.

DEV u32 bits(float x) { return __builtin_bit_cast(u32, x); }
DEV u64 bits(double x) { return __builtin_bit_cast(u64, x); }
DEV float from_bits(u32 x) { return __builtin_bit_cast(float, x); }
DEV double from_bits(u64 x) { return __builtin_bit_cast(double, x); }

// funnel_left returns the upper word of (hi:lo) << n, for 0 <= n < 32.
DEV u32 funnel_left(u32 hi, u32 lo, u32 n) {
  u32 r;
  asm("shf.l.wrap.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(lo), "r"(hi), "r"(n));
  return r;
}

// Half precision is storage: two bytes, computed on as f32. Bytes are computed on as i32.

struct f16 {
  u16 v;
};
struct bf16 {
  u16 v;
};

// compute<T> is the type that arithmetic on T is done in.
template <class T> struct compute_of {
  typedef T type;
};
template <> struct compute_of<f16> {
  typedef f32 type;
};
template <> struct compute_of<bf16> {
  typedef f32 type;
};
template <> struct compute_of<i8> {
  typedef i32 type;
};
template <> struct compute_of<u8> {
  typedef i32 type;
};
template <class T> using compute = typename compute_of<T>::type;

template <class T> DEV compute<T> widen(T x) { return x; }
DEV f32 widen(f16 x) {
  f32 r;
  asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(x.v));
  return r;
}
DEV f32 widen(bf16 x) { return from_bits((u32)x.v << 16); }

// narrow<T> rounds a computed value to its storage type, to nearest even; integers keep their low bits.
template <class T> DEV T narrow(compute<T> x) { return (T)x; }
template <> INLINE f16 narrow<f16>(f32 x) {
  f16 r;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r.v) : "f"(x));
  return r;
}
template <> INLINE bf16 narrow<bf16>(f32 x) {
  bf16 r;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r.v) : "f"(x));
  return r;
}

// Memory. A Pack is N neighbours that move in as few, as wide accesses as their size allows.

template <class T, int N> struct alignas(sizeof(T) * N > 16 ? 16 : sizeof(T) * N) Pack {
  T v[N];
};

// load_wide and store_wide move a Pack in accesses of up to 16 bytes, whatever stands around them: where single elements are
// read on another branch, clang shares the last of them and is left with four narrow accesses in place of a wide one.
template <int WORDS> struct Words {
  u32 v[WORDS];
};
template <class P> DEV P load_wide(const P *p) {
  Words<sizeof(P) / 4> w;
  if constexpr (sizeof(P) == 4) {
    asm volatile("ld.global.u32 %0, [%1];" : "=r"(w.v[0]) : "l"(p) : "memory");
  } else if constexpr (sizeof(P) == 8) {
    asm volatile("ld.global.v2.u32 {%0, %1}, [%2];" : "=r"(w.v[0]), "=r"(w.v[1]) : "l"(p) : "memory");
  } else {
#pragma unroll
    for (u32 i = 0; i < sizeof(P) / 4; i += 4)
      asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                   : "=r"(w.v[i]), "=r"(w.v[i + 1]), "=r"(w.v[i + 2]), "=r"(w.v[i + 3])
                   : "l"((const char *)p + i * 4)
                   : "memory");
  }
  return __builtin_bit_cast(P, w);
}
template <class P> DEV void store_wide(P *p, P x) {
  Words<sizeof(P) / 4> w = __builtin_bit_cast(Words<sizeof(P) / 4>, x);
  if constexpr (sizeof(P) == 4) {
    asm volatile("st.global.u32 [%0], %1;" ::"l"(p), "r"(w.v[0]) : "memory");
  } else if constexpr (sizeof(P) == 8) {
    asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(p), "r"(w.v[0]), "r"(w.v[1]) : "memory");
  } else {
#pragma unroll
    for (u32 i = 0; i < sizeof(P) / 4; i += 4)
      asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"((char *)p + i * 4), "r"(w.v[i]), "r"(w.v[i + 1]), "r"(w.v[i + 2]),
                   "r"(w.v[i + 3])
                   : "memory");
  }
}

// Four is a Pack in registers, of the type that is computed in.
template <class C> struct Four {
  C v[4];
};

DEV bool aligned16(const void *p) { return ((u64)p & 15) == 0; }

// Index of this thread in the grid, and the number of threads in it, along x.
DEV u64 grid_index() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
DEV u64 grid_size() { return (u64)gridDim.x * blockDim.x; }

// Barriers and warps.

DEV void barrier() { asm volatile("bar.sync 0;" ::: "memory"); }

DEV u32 lane_xor(u32 x, u32 mask) {
  u32 r;
  asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;" : "=r"(r) : "r"(x), "r"(mask));
  return r;
}
DEV i32 lane_xor(i32 x, u32 mask) { return (i32)lane_xor((u32)x, mask); }
DEV f32 lane_xor(f32 x, u32 mask) { return from_bits(lane_xor(bits(x), mask)); }
DEV u64 lane_xor(u64 x, u32 mask) { return (u64)lane_xor((u32)(x >> 32), mask) << 32 | lane_xor((u32)x, mask); }
DEV i64 lane_xor(i64 x, u32 mask) { return (i64)lane_xor((u64)x, mask); }
DEV f64 lane_xor(f64 x, u32 mask) { return from_bits(lane_xor(bits(x), mask)); }

// lane_up takes the value of the lane `by` places below; the first lanes keep their own.
DEV u32 lane_up(u32 x, u32 by) {
  u32 r;
  asm volatile("shfl.sync.up.b32 %0, %1, %2, 0, 0xffffffff;" : "=r"(r) : "r"(x), "r"(by));
  return r;
}
DEV i32 lane_up(i32 x, u32 by) { return (i32)lane_up((u32)x, by); }
DEV f32 lane_up(f32 x, u32 by) { return from_bits(lane_up(bits(x), by)); }
DEV u64 lane_up(u64 x, u32 by) { return (u64)lane_up((u32)(x >> 32), by) << 32 | lane_up((u32)x, by); }
DEV i64 lane_up(i64 x, u32 by) { return (i64)lane_up((u64)x, by); }
DEV f64 lane_up(f64 x, u32 by) { return from_bits(lane_up(bits(x), by)); }

// lanes_where collects a bit of every lane.
DEV u32 lanes_where(bool x) {
  u32 r;
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %1, 0; vote.sync.ballot.b32 %0, p, 0xffffffff; }" : "=r"(r) : "r"((u32)x));
  return r;
}

// Shared memory addressed as the 32-bit numbers that cp.async and ldmatrix take.
DEV u32 shared_address(const void *p) {
#if defined(__clang__)
  return (u32)(unsigned long)(const __attribute__((address_space(3))) void *)p;
#else
  return (u32)__cvta_generic_to_shared(p);
#endif
}

// copy_async16 starts a copy of 16 bytes to shared memory, of which `valid` (0 to 16) are read and the rest are zero.
DEV void copy_async16(u32 to, const void *from, u32 valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(valid) : "memory");
}
DEV void copy_async16(u32 to, const void *from) { asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory"); }
DEV void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> DEV void wait_copies() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

// Tensor cores. ldmatrix fetches four 8x8 tiles of 16-bit elements: lane l gives the address of row l%8 of tile l/8.

DEV void ldmatrix4(u32 (&r)[4], u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}
DEV void ldmatrix4_transposed(u32 (&r)[4], u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}

// ex2_approx is 2^x with a relative error of about 2^-22, and not specified to the bit.
DEV f32 ex2_approx(f32 x) {
  f32 r;
  asm("ex2.approx.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}

// pack_halves rounds two values to a register of two 16-bit elements, the first in the lower half.
template <class T> DEV u32 pack_halves(f32 low, f32 high);
template <> INLINE u32 pack_halves<f16>(f32 low, f32 high) {
  u32 r;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
}
template <> INLINE u32 pack_halves<bf16>(f32 low, f32 high) {
  u32 r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
}

// mma_16x8x16 adds A (16x16) times B (16x8) to the f32 accumulators d.
template <class T> DEV void mma_16x8x16(f32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1);
template <> INLINE void mma_16x8x16<bf16>(f32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
template <> INLINE void mma_16x8x16<f16>(f32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
