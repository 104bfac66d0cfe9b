// SPDX-License-Identifier: MIT
// What an RMSNorm that goes from product to product has of each row: sums of the squares of
// SQUARE_COLUMNS columns each.
#pragma once
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"

// Columns whose squares are one sum; twin of `GEMMNorm.columns`.
enum { SQUARE_COLUMNS = 16 };

// The sum of the squares of the columns of eight lanes, which have two each.
__device__ __forceinline__ float sum_of_squares(float a, float b) {
  float square = __fmaf_rn(a, a, b * b);
  u32 lanes = 0xffu << (threadIdx.x & 24);
#pragma unroll
  for (int step = SQUARE_COLUMNS / 4; step > 0; step >>= 1)
    square += __shfl_xor_sync(lanes, square, step);
  return square;
}

// The factor of the norm of a row of so many columns, from their sums; one warp.
__device__ __forceinline__ float factor_of_squares(const float *sums, int columns, float epsilon) {
  float sum = 0;
  for (int i = threadIdx.x % 32; i < columns / SQUARE_COLUMNS; i += 32) sum += sums[i];
  return norm_factor(warp_sum(sum), columns, epsilon);
}
