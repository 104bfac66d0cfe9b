// SPDX-License-Identifier: MIT
// Activation functions, each written once for all kernels.
#pragma once
#include "Common/Kernel.cuh"

// x · sigmoid(x). SwiGLU is silu(gate) · up.
__device__ __forceinline__ float silu_value(float x) { return x / (1.0f + expf(-x)); }

// SwiGLU of two columns, with a norm's factor still to be applied to `up`. Products of their own, so
// that what is left of the result after rounding does not depend on the kernel.
__device__ __forceinline__ float2 gated(float2 gate, float2 up, float factor) {
  return make_float2(__fmul_rn(silu_value(gate.x), __fmul_rn(up.x, factor)),
                     __fmul_rn(silu_value(gate.y), __fmul_rn(up.y, factor)));
}

// silu_value from the hardware's approximate exponential and division, for the frame kernel.
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
