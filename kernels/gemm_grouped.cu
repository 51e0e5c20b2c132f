// Products of ragged groups of rows, on the ordinary arithmetic units: what a mixture of experts computes.
//
//	gemm_grouped   out[r] = x[r] w[g], for the rows r of each group g of x [n, k], w [groups, k, m] (nn) or [groups, m, k] (nt)
//	gemm_outer     out[g] = x_g^T dy_g over the rows of group g: the gradient of w
//
// One launch for all groups: one per group would cost 128 launches of a few microseconds and leave most of the machine idle in
// each. The tile is gemm.cu's of 64x64, at any row: a tile begins where its group does, so rows are lost only at the end of
// each group. For f32 and f64, and for f16 and bf16 whose rows tensor cores cannot load; see gemm_grouped_mma.cu for those that
// they can. Each element is the chain of fma in the order of k that gemm.cu computes, and that the CPU computes.
//
// Limits: with some hundred rows a group the fma rate, as in gemm.cu; with few rows a group, the weights' way from memory.
//
// Rows in no group are not written: the backend clears them first. Grids: gemm_grouped (ceil(m/64), tiles as in groups.cuh),
// gemm_outer (ceil(m/64), ceil(k/64), groups). Blocks of 256 threads.
#include "gemm_tile.cuh"
#include "groups.cuh"

constexpr u32 PER = 4, SIZE = 16 * PER;

template <bool TB, class T> DEV void gemm_grouped(GROUPED_PARAMETERS(T)) {
  Rows r = rest_of_group<SIZE>(offsets, groups, n, blockIdx.y);
  if (r.count == 0) return;
  gemm<false, TB, PER>(grouped<TB>(out, x, w, r, k, m), 0, blockIdx.x * SIZE);
}

template <class T> DEV void gemm_outer(OUTER_PARAMETERS(T)) {
  gemm<true, false, PER>(outer(out, x, dy, group_rows(offsets, blockIdx.z, n), k, m), blockIdx.y * SIZE, blockIdx.x * SIZE);
}

#define GROUPED(T, blocks)                                                                                                    \
  KERNEL(256, blocks) gemm_grouped_nn_##T(GROUPED_PARAMETERS(T)) { gemm_grouped<false>(out, x, w, offsets, groups, n, k, m); } \
  KERNEL(256, blocks) gemm_grouped_nt_##T(GROUPED_PARAMETERS(T)) { gemm_grouped<true>(out, x, w, offsets, groups, n, k, m); }  \
  KERNEL(256, blocks) gemm_outer_##T(OUTER_PARAMETERS(T)) { gemm_outer(out, x, dy, offsets, n, k, m); }

GROUPED(f32, 3)
GROUPED(f64, 2)
GROUPED(f16, 3)
GROUPED(bf16, 3)
