// SPDX-License-Identifier: MIT
// Activation functions, each written once for all kernels.
#pragma once
#include "Common/Kernel.cuh"

// x · sigmoid(x). SwiGLU is silu(gate) · up.
__device__ __forceinline__ float silu_value(float x) { return x / (1.0f + expf(-x)); }

// The same from the hardware's approximate exponential and division, for the frame kernel.
__device__ __forceinline__ float silu_approximate(float x) {
  return __fdividef(x, 1.0f + __expf(-x));
}

// x/2 · (1 + erf(x/√2))
__device__ __forceinline__ float gelu_value(float x) {
  return 0.5f * x * (1.0f + erff(x * 0.70710678f));
}

// x + sin²(x · alpha) · inverse_beta
__device__ __forceinline__ float snake_value(float x, float alpha, float inverse_beta) {
  float s = sinf(x * alpha);
  return x + s * s * inverse_beta;
}
