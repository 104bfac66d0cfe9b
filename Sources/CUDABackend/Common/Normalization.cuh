// SPDX-License-Identifier: MIT
// The factor of a normalisation: 1 / sqrt(mean square + epsilon). For RMSNorm the mean square is
// that of the row, for LayerNorm that of the row minus its mean.
#pragma once
#include "Common/Kernel.cuh"

__device__ __forceinline__ float norm_factor(float square_sum, int width, float epsilon) {
  return 1.0f / sqrtf(square_sum / width + epsilon);
}

// The same from the hardware's approximation of the reciprocal square root (2 ulp), for the frame
// kernel, where every SM computes every factor.
__device__ __forceinline__ float norm_factor_approximate(float square_sum, int width,
                                                         float epsilon) {
  return rsqrtf(square_sum / width + epsilon);
}
