// The activations that other kernels take in, by their code.
#pragma once
#include "math64.cuh"

constexpr u32 NO_ACTIVATION = 255;

template <class C> DEV C activate(u32 fn, C x) {
  switch (fn) {
    case SIGMOID: return math::sigmoid(x);
    case TANH: return math::tanh(x);
    case SILU: return math::silu(x);
    case GELU: return math::gelu(x);
    case GELU_TANH: return math::gelu_tanh(x);
  }
  return fn == RELU && x < 0 ? C(0) : x;
}
