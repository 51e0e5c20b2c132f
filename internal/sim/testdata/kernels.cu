// The kernels of the simulator's tests. kernels.ptx is compiled from this file:
//
//   clang++-19 --cuda-device-only -nocudainc -nocudalib -x cuda --cuda-gpu-arch=sm_80 --cuda-feature=+ptx71 -O3
//     -std=c++20 -ffp-contract=off -S kernels.cu -o kernels.ptx

#define GLOBAL extern "C" __attribute__((global)) void
#define SHARED __attribute__((shared))

static __attribute__((device)) unsigned thread() {
  return __nvvm_read_ptx_sreg_ctaid_x() * __nvvm_read_ptx_sreg_ntid_x() + __nvvm_read_ptx_sreg_tid_x();
}

// saxpy: y += a x.
GLOBAL saxpy(float *y, const float *x, float a, unsigned n) {
  unsigned i = thread();
  if (i < n) y[i] = a * x[i] + y[i];
}

// params: every size of parameter, stored as one 64-bit word each.
GLOBAL params(unsigned long long *out, unsigned char a, unsigned short b, unsigned c, unsigned long long d, float e, double f) {
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
  out[4] = __builtin_bit_cast(unsigned, e);
  out[5] = __builtin_bit_cast(unsigned long long, f);
}

// reverse: each block reverses its part of x by way of dynamic shared memory.
GLOBAL reverse(unsigned *x) {
  extern SHARED unsigned buffer[];
  unsigned t = __nvvm_read_ptx_sreg_tid_x(), n = __nvvm_read_ptx_sreg_ntid_x();
  buffer[t] = x[thread()];
  __nvvm_bar_sync(0);
  x[thread()] = buffer[n - 1 - t];
}

// wild: writes far behind the end of whatever x is.
GLOBAL wild(unsigned *x) { x[(1u << 28) + thread()] = 1; }

// trap: gives up.
GLOBAL trap() { __builtin_trap(); }
