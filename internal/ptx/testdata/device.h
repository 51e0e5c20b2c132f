// The little of a CUDA header that the test kernels need; clang and nvcc bring the rest.
#pragma once

#define KERNEL extern "C" __global__ void
#define FULL 0xffffffffu

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned u32;
typedef unsigned long long u64;

#ifdef __clang__
#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(n) __attribute__((launch_bounds(n)))
#define INLINE static __device__ inline __attribute__((always_inline))
typedef float float4 __attribute__((ext_vector_type(4)));
#define tid __nvvm_read_ptx_sreg_tid_x()
#define bid __nvvm_read_ptx_sreg_ctaid_x()
#define bidy __nvvm_read_ptx_sreg_ctaid_y()
#define threads __nvvm_read_ptx_sreg_ntid_x()
#define blocks __nvvm_read_ptx_sreg_nctaid_x()
INLINE void barrier() { __nvvm_bar_sync(0); }
INLINE void fence() { __nvvm_membar_gl(); }
INLINE float shfl_xor(float v, int mask) { return __nvvm_shfl_sync_bfly_f32(FULL, v, mask, 31); }
INLINE u32 shared_address(const void *p) { return (u32)(u64)(const __attribute__((address_space(3))) void *)p; }
INLINE void add(int *p, int v) { __nvvm_atom_add_gen_i(p, v); }
INLINE void add(float *p, float v) { __nvvm_atom_add_gen_f(p, v); }
INLINE void increment(u32 *p, u32 limit) { __nvvm_atom_inc_gen_ui(p, limit); }
INLINE void maximum(u64 *p, u64 v) { __nvvm_atom_max_gen_ull(p, v); }
#else
#define INLINE static __device__ __forceinline__
#define tid threadIdx.x
#define bid blockIdx.x
#define bidy blockIdx.y
#define threads blockDim.x
#define blocks gridDim.x
INLINE void barrier() { __syncthreads(); }
INLINE void fence() { __threadfence(); }
INLINE float shfl_xor(float v, int mask) { return __shfl_xor_sync(FULL, v, mask); }
INLINE u32 shared_address(const void *p) { return (u32)__cvta_generic_to_shared(p); }
INLINE void add(int *p, int v) { atomicAdd(p, v); }
INLINE void add(float *p, float v) { atomicAdd(p, v); }
INLINE void increment(u32 *p, u32 limit) { atomicInc(p, limit); }
INLINE void maximum(u64 *p, u64 v) { atomicMax(p, v); }
#endif
