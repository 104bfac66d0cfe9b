// SPDX-License-Identifier: MIT
// RMSNorm of a head of queries or keys.
#pragma once
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"

// One warp; a lane has every 32nd entry.
template <int D>
__device__ __forceinline__ void head_norm(float *v, const float *gain, float epsilon) {
  float square = 0;
#pragma unroll
  for (int i = 0; i < D / 32; i++) square += v[i] * v[i];
  float factor = norm_factor(warp_sum(square), D, epsilon);
#pragma unroll
  for (int i = 0; i < D / 32; i++) v[i] = v[i] * factor * gain[i];
}
