// SPDX-License-Identifier: MIT
// What the kernels without tensor cores share: the epilogue of a linear layer, and its weight as a
// functor for tiles.
#pragma once
#include "Common/Elements.cuh"

__device__ __forceinline__ void linear_epilogue(float value, const float *bias, const float *scale,
                                                int accumulate, float *out, i64 at, int column) {
  if (bias) value += bias[column];
  if (scale) value *= scale[column];
  out[at] = accumulate ? out[at] + value : value;
}

template <int T> struct LinearWeight {
  static constexpr bool along_columns = false;
  const void *base;
  int k;
  __device__ __forceinline__ float operator()(int column, int kk) const {
    return element<T>(base, (i64)column * k + kk);
  }
};
