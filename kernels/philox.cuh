// Philox4x32-10, the generator behind all random numbers; sample.cu says how elements are addressed.
#pragma once
#include "gpu.cuh"

struct PhiloxBlock {
  u32 v[4];
};

DEV PhiloxBlock philox(u64 counter, u32 step, u32 stream, u64 seed) {
  u32 c0 = (u32)counter, c1 = (u32)(counter >> 32), c2 = step, c3 = stream;
  u32 k0 = (u32)seed, k1 = (u32)(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    u64 p0 = (u64)c0 * 0xD2511F53u;
    u64 p1 = (u64)c2 * 0xCD9E8D57u;
    c0 = (u32)(p1 >> 32) ^ c1 ^ k0;
    c1 = (u32)p1;
    c2 = (u32)(p0 >> 32) ^ c3 ^ k1;
    c3 = (u32)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

DEV f32 unit(u32 word) { return (f32)(word >> 8) * 5.96046448e-8f; }
