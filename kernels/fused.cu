// Small functions that would otherwise be several passes over memory: SwiGLU and its gradient, bias with activation, dot of rows.
//
//	swiglu    silu(gate) up; with a limit above 0 silu(gate) is cut to at most limit, up to [-limit, limit]
//	bias_act  activation(x + bias) for every row of x
//	dot       sum over a row of a b
//
// swiglu moves 12 bytes of f32 per element for some 40 instructions: just bound by memory. Its gradient works the sigmoid out
// again rather than keeping it (20 bytes per element instead of 24).
#include "activation.cuh"
#include "elementwise.cuh"
#include "rows.cuh"

template <class C> DEV C bound(C x, C limit) { return x < -limit ? -limit : x > limit ? limit : x; }

template <class T> DEV void swiglu(T *out, const T *gate, const T *up, u64 n, compute<T> limit) {
  typedef compute<T> C;
  map2<(sizeof(T) < 8 ? 4 : 2)>(out, gate, up, n, [=](T g, T u) {
    C act = math::silu(widen(g)), v = widen(u);
    if (limit > 0) {
      act = act > limit ? limit : act;
      v = bound(v, limit);
    }
    return narrow<T>(act * v);
  });
}

// swiglu_grad: the gradient of gate is 0 where the limit cuts silu(gate), that of up where it cuts up; at the limit both pass.
template <class T> DEV void swiglu_grad(T *dgate, T *dup, const T *gate, const T *up, const T *dy, u64 n, compute<T> limit) {
  typedef compute<T> C;
  for (u64 i = grid_index(); i < n; i += grid_size()) {
    C g = widen(gate[i]), u = widen(up[i]), d = widen(dy[i]);
    C s = math::sigmoid(g), act = g * s, slope = s * fma(g, C(1) - s, C(1)), cut = u;
    bool gate_passes = true, up_passes = true;
    if (limit > 0) {
      gate_passes = act <= limit;
      up_passes = u >= -limit && u <= limit;
      act = gate_passes ? act : limit;
      cut = bound(u, limit);
    }
    dgate[i] = narrow<T>(gate_passes ? d * cut * slope : C(0));
    dup[i] = narrow<T>(up_passes ? d * act : C(0));
  }
}

template <class T> DEV void bias_act(T *out, const T *x, const T *bias, u32 rows, u32 cols, u32 activation) {
  u32 c = blockIdx.x * blockDim.x + threadIdx.x;
  if (c >= cols) return;
  compute<T> b = widen(bias[c]);
#pragma unroll 1
  for (u32 r = blockIdx.y; r < rows; r += gridDim.y) {
    u64 at = (u64)r * cols + c;
    out[at] = narrow<T>(activate(activation, widen(x[at]) + b));
  }
}

template <u32 TEAM, class T> DEV void dot(T *out, const T *a, const T *b, u64 rows, u32 n) {
  typedef compute<T> C;
  __shared__ C shared[BLOCK / 32];
  Row<TEAM> row(n);
  if (row.index >= rows) return;
  C sum = 0;
  for (u32 i = row.first; i < n; i += row.STEP) {
    Four<C> x = load4(a + row.index * n, i, n), y = load4(b + row.index * n, i, n);
#pragma unroll
    for (int k = 0; k < 4; k++) sum = fma(x.v[k], y.v[k], sum);
  }
  sum = team_fold<Sum, TEAM>(sum, shared);
  if (row.first == 0) out[row.index] = narrow<T>(sum);
}

#define FUSED(T)                                                                                                           \
  KERNEL(256) swiglu_##T(T *out, const T *gate, const T *up, u64 n, compute<T> limit) { swiglu(out, gate, up, n, limit); } \
  KERNEL(256) swiglu_grad_##T(T *dgate, T *dup, const T *gate, const T *up, const T *dy, u64 n, compute<T> limit) {        \
    swiglu_grad(dgate, dup, gate, up, dy, n, limit);                                                                       \
  }                                                                                                                        \
  KERNEL(256) bias_act_##T(T *out, const T *x, const T *bias, u32 rows, u32 cols, u32 activation) {                        \
    bias_act(out, x, bias, rows, cols, activation);                                                                        \
  }

FUSED(f32)
FUSED(f64)
FUSED(f16)
FUSED(bf16)

#define DOT(T)                                                                                                              \
  KERNEL(256) dot_##T(T *out, const T *a, const T *b, u64 rows, u32 n) { dot<BLOCK>(out, a, b, rows, n); }                  \
  KERNEL(256) dot_warp_##T(T *out, const T *a, const T *b, u64 rows, u32 n) { dot<32>(out, a, b, rows, n); }

DOT(f32)
DOT(f64)
DOT(f16)
DOT(bf16)
