// What kernels over rows share: a team of threads per row, reductions in a fixed order, four neighbours per thread and step.
//
// Thread t of a team of T takes the chunks t, t + T, ... of four elements each, whatever the alignment: only the width of the
// accesses depends on it, so a row's result depends neither on where the row lies nor on how many rows there are.
#pragma once
#include "four.cuh"

constexpr u32 BLOCK = 256;

// Sum and Max fold two values. Max lets a NaN through.
struct Sum {
  template <class C> DEV C fold(C a, C b) { return a + b; }
};
struct Max {
  template <class C> DEV C fold(C a, C b) { return a != a || a > b ? a : b; }
};

// team_fold folds one value of every thread of a team: butterflies within the warps, then the warps' values in order. All
// threads get the result. `shared` holds one value per warp; a second barrier lets it be used again.
template <class F, u32 TEAM, class C> DEV C team_fold(C x, C *shared) {
#pragma unroll
  for (u32 mask = 16; mask > 0; mask >>= 1) x = F::fold(x, lane_xor(x, mask));
  if constexpr (TEAM > 32) {
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
    barrier();
    x = shared[0];
#pragma unroll
    for (u32 w = 1; w < TEAM / 32; w++) x = F::fold(x, shared[w]);
    barrier();
  }
  return x;
}

// Row is one team's view of its row: which thread it is, how many elements there are, whether packs of four may be used.
template <u32 TEAM> struct Row {
  static constexpr u32 STEP = TEAM * 4;
  u64 index;  // of the row
  u32 first;  // element where this thread begins
  u32 n;

  INLINE Row(u32 n) : index((u64)blockIdx.x * (BLOCK / TEAM) + threadIdx.x / TEAM), first(threadIdx.x % TEAM * 4), n(n) {}
};
