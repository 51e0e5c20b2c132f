// Products of ragged groups of rows on tensor cores, for f16 and bf16: gemm_grouped.cu with the tiles of gemm_mma.cu.
//
//   gemm_grouped_mma_*     tiles of 128x128, 256 threads: prompts and training, 100 rows and more per group
//   gemm_grouped_mma16_*   tiles of 16x32, 128 threads: a few rows per group, as in decoding. 64 rows among 128 experts make up to
//                          64 tiles of one row each, and with 128-row tiles 127/128 of the tensor cores' work would be on zeros
//   gemm_outer_mma_*       tiles of 128x128
//
// Both tiles have the same bits. Which one runs is chosen by the shapes, never by the offsets. The limit of the first is the
// tensor cores' rate, less the half tile that every group loses on average; of the second, the weights' way from memory: every
// expert that has a row is read once per 16 rows.
//
// k, m and the addresses must be multiples of 16 bytes. Grids as in gemm_grouped.cu, with these tiles.
#include "gemm_mma.cuh"
#include "groups.cuh"

template <bool TB, class T> DEV void gemm_grouped(GROUPED_PARAMETERS(T)) {
  Rows r = rest_of_group<SIZE>(offsets, groups, n, blockIdx.y);
  if (r.count == 0) return;
  gemm_mma<false, TB>(grouped<TB>(out, x, w, r, k, m), 0, blockIdx.x * SIZE);
}

template <bool TB, class T> DEV void gemm_grouped16(GROUPED_PARAMETERS(T)) {
  Rows r = rest_of_group<few::ROWS>(offsets, groups, n, blockIdx.y);
  if (r.count == 0) return;
  few::gemm_mma<TB>(grouped<TB>(out, x, w, r, k, m), 0, blockIdx.x * few::COLS);
}

template <class T> DEV void gemm_outer(OUTER_PARAMETERS(T)) {
  gemm_mma<true, false>(outer(out, x, dy, group_rows(offsets, blockIdx.z, n), k, m), blockIdx.y * SIZE, blockIdx.x * SIZE);
}

#define GROUPED(name, TB, T)                                                    \
  KERNEL(256, 2) gemm_grouped_mma_##name##_##T(GROUPED_PARAMETERS(T)) {         \
    gemm_grouped<TB>(out, x, w, offsets, groups, n, k, m);                      \
  }                                                                             \
  KERNEL(128) gemm_grouped_mma16_##name##_##T(GROUPED_PARAMETERS(T)) {          \
    gemm_grouped16<TB>(out, x, w, offsets, groups, n, k, m);                    \
  }
#define ALL(T)              \
  GROUPED(nn, false, T)     \
  GROUPED(nt, true, T)      \
  KERNEL(256, 2) gemm_outer_mma_##T(OUTER_PARAMETERS(T)) { gemm_outer(out, x, dy, offsets, n, k, m); }

ALL(f16)
ALL(bf16)
