#include "device.h"

#define NOINLINE static __device__ __noinline__

struct Pair { int a; float b; u64 c; };

__constant__ int primes[8] = {2, 3, 5, 7, 11, 13, 17, 19};
__device__ u32 counter = 5;
extern __shared__ int dynamic[];

// A jump table, a constant array and a struct parameter.
KERNEL table(int *y, Pair p) {
  const int i = tid;
  int v;
  switch (i % 9) {
    case 0: v = p.a; break;
    case 1: v = (int)p.b; break;
    case 2: v = (int)p.c; break;
    case 3: v = i * 7; break;
    case 4: v = i ^ 0x55; break;
    case 5: v = i * i; break;
    case 6: v = -i; break;
    case 7: v = i << 3; break;
    default: v = 99;
  }
  y[i] = v + primes[i & 7];
}

// An array that is indexed at run time lives in local memory.
KERNEL local(const int *x, int *y, int n) {
  int a[16];
  for (int i = 0; i < 16; i++) a[i] = x[(tid + i) % n];
  int s = 0;
  for (int i = 0; i < 16; i++) s = s * 3 + a[(x[tid] + i * 5) & 15];
  y[tid] = s;
}

// Calls with several arguments, in divergent code.
NOINLINE int twice(int x, int n) {
  int s = 0;
  for (int i = 0; i < n; i++) s += x ^ i;
  return s;
}
NOINLINE int thrice(int x) { return twice(x, 3) - twice(x + 1, 2); }
KERNEL calls(int *y) {
  int v = tid;
  if (v % 3 == 0) v = twice(v, v & 7);
  else if (v % 3 == 1) v = thrice(v);
  y[tid] = v;
}

// One pointer, three state spaces: lanes of a warp load from different ones.
KERNEL generic(int *g, int *y) {
  __shared__ int s[64];
  int l[2] = {(int)tid * 100, (int)tid * 100 + 1};
  s[tid] = tid * 10;
  barrier();
  int *p = tid % 3 == 0 ? g + tid : tid % 3 == 1 ? s + (63 - tid) : l + (tid & 1);
  y[tid] = *p;
}

// Loops with breaks, continues and returns inside.
KERNEL loops(const int *x, int *y, int n) {
  int s = 0;
  for (int i = 0; i < n; i++) {
    int v = x[(tid + i) % n];
    if (v < 0) { y[tid] = -1000 - i; return; }
    if (v % 5 == 0) continue;
    for (int j = 0; j < v; j++) {
      if (j * j > v) break;
      s += j;
    }
    if (s > 200) break;
  }
  y[tid] = s;
}

KERNEL dynamic_shared(int *y, int n) {
  for (int i = tid; i < n; i += threads) dynamic[i] = i * i;
  barrier();
  for (int i = tid; i < n; i += threads) y[i] = dynamic[n - 1 - i];
}

// Atomics on global and shared memory.
KERNEL atomics(int *sum, u32 *wrap, float *fsum, u64 *big, int *hist) {
  __shared__ int h[4];
  if (tid < 4) h[tid] = 0;
  barrier();
  add(sum, tid);
  increment(wrap, 9);
  add(fsum, 0.5f);
  maximum(big, (u64)tid << 33);
  add(&h[tid & 3], 1);
  add((int *)&counter, 1);
  barrier();
  if (tid < 4) add(hist + tid, h[tid]);
}

// Blocks take turns: each waits for the one before (or, reversed, after) it and adds to what that one left.
KERNEL turns(volatile int *turn, volatile int *total, int reverse) {
  const int me = reverse ? blocks - 1 - bid : bid;
  if (tid == 0) {
    while (*turn != me) {}
    fence();
    *total = *total * 2 + me;
    fence();
    *turn = me + 1;
  }
}

// Plain data published by a fence and a flag.
KERNEL publish(int *data, volatile int *flag, int *out) {
  if (bid == 0) {
    data[tid] = tid * 3;
    fence();
    barrier();
    if (tid == 0) *flag = 1;
    return;
  }
  if (tid == 0) while (*flag == 0) {}
  barrier();
  fence();
  out[(bid - 1) * threads + tid] = data[tid] + bid;
}

// Faults on purpose.
KERNEL out_of_bounds(int *y, int n) { y[tid + n] = 1; }
KERNEL misaligned(char *y) { *(int *)(y + tid) = 1; }
KERNEL uninitialised(const int *x, int *y) { y[tid] = x[tid] + 1; }
KERNEL shared_race(int *y) {
  __shared__ int s[64];
  s[tid] = 0;
  barrier();
  s[tid] = tid;
  if (y[0] == 0) barrier();
  s[(tid + 32) & 63] += 1;
  barrier();
  y[tid] = s[tid];
}
KERNEL divergent_barrier(int *y) {
  __shared__ int s[32];
  s[tid] = y[tid];
  if (y[tid] > 0) { barrier(); s[tid] += s[31 - tid]; }
  y[tid] = s[tid];
}
KERNEL block_race(int *y) { y[tid] = bid; }
KERNEL spin(volatile int *y) { while (*y == 0) {} }
