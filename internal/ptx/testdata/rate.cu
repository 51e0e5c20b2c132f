#include "device.h"

// C[M,N] = A[M,K] B[K,N] in float32: 128 x 128 x 8 tiles, 8 x 8 results per thread.
KERNEL __launch_bounds__(256) gemm32(const float *A, const float *B, float *C, int M, int N, int K) {
  __shared__ __attribute__((aligned(16))) float a_tile[8][128], b_tile[8][128];
  const int t = tid, col = t % 16, row = t / 16;
  float sum[8][8] = {};
  for (int k0 = 0; k0 < K; k0 += 8) {
    const int ar = t / 2, ac = t % 2 * 4;
    float4 a = *(const float4 *)(A + (u64)(bidy * 128 + ar) * K + k0 + ac);
    a_tile[ac][ar] = a.x, a_tile[ac + 1][ar] = a.y, a_tile[ac + 2][ar] = a.z, a_tile[ac + 3][ar] = a.w;
    *(float4 *)&b_tile[t / 32][t % 32 * 4] = *(const float4 *)(B + (u64)(k0 + t / 32) * N + bid * 128 + t % 32 * 4);
    barrier();
#pragma unroll
    for (int k = 0; k < 8; k++) {
      const float4 a0 = *(float4 *)&a_tile[k][row * 4], a1 = *(float4 *)&a_tile[k][row * 4 + 64];
      const float4 b0 = *(float4 *)&b_tile[k][col * 4], b1 = *(float4 *)&b_tile[k][col * 4 + 64];
      const float x[8] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w};
      const float y[8] = {b0.x, b0.y, b0.z, b0.w, b1.x, b1.y, b1.z, b1.w};
#pragma unroll
      for (int i = 0; i < 8; i++)
#pragma unroll
        for (int j = 0; j < 8; j++) sum[i][j] = __builtin_fmaf(x[i], y[j], sum[i][j]);
    }
    barrier();
  }
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float4 v = {sum[i][4 * h], sum[i][4 * h + 1], sum[i][4 * h + 2], sum[i][4 * h + 3]};
      *(float4 *)(C + (u64)(bidy * 128 + i / 4 * 64 + row * 4 + i % 4) * N + bid * 128 + h * 64 + col * 4) = v;
    }
}

// out[block] = sum of x over the block's stride.
KERNEL __launch_bounds__(256) sum(const float *x, float *out, int n) {
  __shared__ float part[8];
  float s = 0;
  for (int i = bid * threads + tid; i < n; i += blocks * threads) s += x[i];
  for (int d = 16; d > 0; d /= 2) s += shfl_xor(s, d);
  if (tid % 32 == 0) part[tid / 32] = s;
  barrier();
  if (tid >= 32) return;
  s = tid < 8 ? part[tid] : 0;
  for (int d = 4; d > 0; d /= 2) s += shfl_xor(s, d);
  if (tid == 0) out[bid] = s;
}

// y = exp(x) by a polynomial: long straight-line code.
KERNEL __launch_bounds__(256) expo(const float *x, float *y, int n) {
  const int i = bid * threads + tid;
  if (i >= n) return;
  const float v = x[i], scaled = v * 1.44269504f;
  const int k = (int)(scaled + (scaled < 0 ? -0.5f : 0.5f));
  float r = __builtin_fmaf((float)k, -0.693145752f, v);
  r = __builtin_fmaf((float)k, -1.42860677e-6f, r);
  const float c[] = {1.f / 720, 1.f / 120, 1.f / 24, 1.f / 6, 0.5f, 1.f, 1.f};
  float p = c[0];
#pragma unroll
  for (int j = 1; j < 7; j++) p = __builtin_fmaf(p, r, c[j]);
  const int scale = (k + 127) << 23;
  y[i] = p * *(const float *)&scale;
}

// Lanes leave the loop at different times and take different branches.
KERNEL __launch_bounds__(256) diverge(const u32 *x, u32 *y, int n) {
  const int i = bid * threads + tid;
  if (i >= n) return;
  u32 v = x[i], steps = 0;
  while (v > 1 && steps < 50) {
    if (v & 1) v = 3 * v + 1;
    else v /= 2;
    steps++;
  }
  y[i] = steps;
}

// C[M,N] f32 = A[M,K] B[K,N], both bf16: 64 x 64 x 32 tiles, four warps, two cp.async stages.
KERNEL __launch_bounds__(128) gemm16(const u16 *A, const u16 *B, float *C, int M, int N, int K) {
  __shared__ __attribute__((aligned(16))) u16 a_tile[2][64][40], b_tile[2][32][72];
  const int t = tid, lane = t % 32, m0 = t / 64 * 32, n0 = t / 32 % 2 * 32;
  float acc[2][4][4] = {};
  auto fetch = [&](int stage, int k0) {
    for (int i = t; i < 256; i += 128) {
      const int ar = i / 4, ac = i % 4 * 8, br = i / 8, bc = i % 8 * 8;
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(&a_tile[stage][ar][ac])),
                   "l"(A + (u64)(bidy * 64 + ar) * K + k0 + ac) : "memory");
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(&b_tile[stage][br][bc])),
                   "l"(B + (u64)(k0 + br) * N + bid * 64 + bc) : "memory");
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  fetch(0, 0);
  for (int k0 = 0, stage = 0; k0 < K; k0 += 32, stage ^= 1) {
    if (k0 + 32 < K) {
      fetch(stage ^ 1, k0 + 32);
      asm volatile("cp.async.wait_group 1;" ::: "memory");
    } else {
      asm volatile("cp.async.wait_group 0;" ::: "memory");
    }
    barrier();
#pragma unroll
    for (int k = 0; k < 32; k += 16) {
      u32 a[2][4], b[2][4];
#pragma unroll
      for (int i = 0; i < 2; i++) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(a[i][0]), "=r"(a[i][1]), "=r"(a[i][2]), "=r"(a[i][3])
                     : "r"(shared_address(&a_tile[stage][m0 + i * 16 + lane % 16][k + lane / 16 * 8])));
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(b[i][0]), "=r"(b[i][1]), "=r"(b[i][2]), "=r"(b[i][3])
                     : "r"(shared_address(&b_tile[stage][k + lane % 16][n0 + i * 16 + lane / 16 * 8])));
      }
#pragma unroll
      for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
          float *c = acc[i][j];
          asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                       : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                       : "r"(a[i][0]), "r"(a[i][1]), "r"(a[i][2]), "r"(a[i][3]), "r"(b[j / 2][j % 2 * 2]), "r"(b[j / 2][j % 2 * 2 + 1]));
        }
    }
    barrier();
  }
#pragma unroll
  for (int i = 0; i < 2; i++)
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        C[(u64)(bidy * 64 + m0 + i * 16 + lane / 4 + e / 2 * 8) * N + bid * 64 + n0 + j * 8 + lane % 4 * 2 + e % 2] = acc[i][j][e];
}
