// SPDX-License-Identifier: MIT
// Sums over a warp and over a block, and the dot product they usually end.
#pragma once
#include "Common/Kernel.cuh"

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}

// Sums V values over a warp at once. Afterwards the lanes from v · 32 / V on hold the sum of value
// v.
template <int V> __device__ __forceinline__ float warp_sums(float *v) {
  int lane = threadIdx.x % 32;
#pragma unroll
  for (int bit = 16, n = V; bit > 0; bit >>= 1) {
    if (n > 1) {
      n /= 2;
      bool upper = lane & bit;
#pragma unroll
      for (int i = 0; i < V / 2; i++)
        if (i < n) {
          float given = upper ? v[i] : v[i + n];
          v[i] = (upper ? v[i + n] : v[i]) + __shfl_xor_sync(0xffffffffu, given, bit);
        }
    } else {
      v[0] += __shfl_xor_sync(0xffffffffu, v[0], bit);
    }
  }
  return v[0];
}

// Sum over a block of whole warps; every thread gets it.
__device__ __forceinline__ float block_sum(float value) {
  __shared__ float partial[32];
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
  value = warp_sum(value);
  __syncthreads();
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  return warp_sum(lane < warps ? partial[lane] : 0.0f);
}

// a += w · x over eight bf16 weights.
__device__ __forceinline__ float dot8(uint4 w, const float *x, float a) {
  u32 word[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    a += __uint_as_float(word[i] << 16) * x[2 * i];
    a += __uint_as_float(word[i] & 0xffff0000u) * x[2 * i + 1];
  }
  return a;
}
