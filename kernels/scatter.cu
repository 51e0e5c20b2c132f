// Sums by index: rows, or single elements, that go to one place are added up there in the order of their indices.
//
//	scatter_add_T        out[r] += x[i] for all i with index[i] = r      rows; the gradient of a gather starts from zeros
//	take_along_grad_T    the same along an axis, where every lane beside the axis has indices of its own
//
// Atomics would add in another order every time. A block per place that looks through all indices, the first version, is exact but
// costs places times indices: 128k rows of an embedding with 64k tokens took 8 G comparisons. So the indices are sorted first
// (sort.cu, stable, 32 bits): equal ones then lie side by side in the order of their rows. A kernel's thread that stands at the
// first of such a run adds up the run; all others leave at once. The cost is that of the bytes: x once, out twice for places
// that get something, plus the sort, and places without an index are not touched. A long run is a chain of additions, as the order
// asks for, with four loads under way.
//
// Bytes per element of x in f32: 4 read, and 8 / (mean length of a run) for out; nothing is computed that shows. 64k tokens of
// 4096: 1 GB and as much again for distinct rows, 0.9 ms at 3.35 TB/s; their sort is 12 launches over 0.25 MB, 40 us.
#include "four.cuh"

// Threads of a block stand in a rectangle, x along a row and y down the rows, so that short rows fill blocks too.
DEV u32 grid_column() { return blockIdx.y * blockDim.x + threadIdx.x; }

template <class T> DEV void scatter_add(T *out, const T *x, const u32 *keys, const i32 *from, u64 count, u64 width, u32 rows) {
  typedef compute<T> C;
  u64 i = (u64)blockIdx.x * blockDim.y + threadIdx.y;
  if (i >= count) return;
  u32 key = keys[i];
  if (key >= rows || (i > 0 && keys[i - 1] == key)) return;
  out += key * width;
#pragma unroll 1
  for (u64 column = (u64)grid_column() * 4; column < width; column += (u64)gridDim.y * blockDim.x * 4) {
    u32 left = width - column < 4 ? width - column : 4;
    Four<C> sum = load_first(out + column, left);
    bool in[4] = {};
#pragma unroll 1
    for (u64 j = i; j == i || in[3]; j += 4) {
      Four<C> v[4];
#pragma unroll
      for (u32 k = 0; k < 4; k++) {
        in[k] = j + k < count && keys[j + k] == key;
        if (in[k]) v[k] = load_first(x + from[j + k] * width + column, left);
      }
#pragma unroll
      for (u32 k = 0; k < 4; k++)
        if (in[k])
          for (u32 e = 0; e < 4; e++) sum.v[e] += v[k].v[e];
    }
    store4(out + column, 0, left, sum);
  }
}

// take_along_grad adds dy [outer, m, inner] up in out [outer, n, inner]; keys and from are the sorted indices of every lane,
// [outer, inner, m].
template <class T>
DEV void take_along_grad(T *out, const T *dy, const u32 *keys, const i32 *from, u32 lanes, u32 n, u32 m, u32 inner) {
  u32 lane = blockIdx.x * blockDim.y + threadIdx.y;
  if (lane >= lanes) return;
  u32 outer = lane / inner, column = lane - outer * inner;
  out += outer * (u64)n * inner + column;
  dy += outer * m * inner + column;
  keys += lane * m;
  from += lane * m;
#pragma unroll 1
  for (u32 j = grid_column(); j < m; j += gridDim.y * blockDim.x) {
    u32 key = keys[j];
    if (key >= n || (j > 0 && keys[j - 1] == key)) continue;
    compute<T> sum = 0;
#pragma unroll 1
    for (u32 k = j; k < m && keys[k] == key; k++) sum += widen(dy[from[k] * inner]);
    out[(u64)key * inner] = narrow<T>(sum);
  }
}

#define ADDS(T)                                                                                                                 \
  KERNEL(256) scatter_add_##T(T *out, const T *x, const u32 *keys, const i32 *from, u64 count, u64 width, u32 rows) {           \
    scatter_add(out, x, keys, from, count, width, rows);                                                                        \
  }

ADDS(f32)
ADDS(f64)
ADDS(f16)
ADDS(bf16)
ADDS(i64)
ADDS(i32)
ADDS(i8)
ADDS(u8)

#define ALONG_GRADS(T)                                                                                                          \
  KERNEL(256) take_along_grad_##T(T *out, const T *dy, const u32 *keys, const i32 *from, u32 lanes, u32 n, u32 m, u32 inner) {  \
    take_along_grad(out, dy, keys, from, lanes, n, m, inner);                                                                   \
  }

ALONG_GRADS(f32)
ALONG_GRADS(f64)
ALONG_GRADS(f16)
ALONG_GRADS(bf16)
