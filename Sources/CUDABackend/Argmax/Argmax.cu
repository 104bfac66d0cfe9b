// SPDX-License-Identifier: MIT
// out[r · stride] = the column of the largest entry of row r, the first of equal ones. One block
// per row.
// Bound: launch.
#include "Common/Kernel.cuh"

struct Candidate {
  float value;
  int column;
  __device__ __forceinline__ void take(float v, int c) {
    if (v > value || (v == value && c < column)) value = v, column = c;
  }
};
KERNEL argmax(const float *x, int *out, int stride, int columns) {
  IN_ORDER
  __shared__ float values[8];
  __shared__ int columns_of[8];
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const float *row = x + (i64)blockIdx.x * columns;
  // A thread without a column repeats the first.
  Candidate best = {row[0], 0};
  for (int c = threadIdx.x; c < columns; c += blockDim.x) best.take(row[c], c);
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    float v = __shfl_xor_sync(0xffffffffu, best.value, step);
    int c = __shfl_xor_sync(0xffffffffu, best.column, step);
    best.take(v, c);
  }
  if (lane == 0) values[warp] = best.value, columns_of[warp] = best.column;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int w = 1; w < (int)blockDim.x / 32; w++) best.take(values[w], columns_of[w]);
  out[(i64)blockIdx.x * stride] = best.column;
}
