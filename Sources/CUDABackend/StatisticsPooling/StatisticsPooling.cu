// SPDX-License-Identifier: MIT
// Attentive statistics pooling: mean and deviation of each column over the rows, weighted by the
// softmax of its scores, or evenly. A block of 32 × 32 threads takes 32 columns, a warp every 32nd
// row.
// Bound: bytes of x and scores, which are read up to three times, from L2.
#include "Common/Kernel.cuh"

enum { POOL_WARPS = 32 };
template <class Merge>
__device__ __forceinline__ float pool_merge(float (*buffer)[33], float value, const Merge &merge) {
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  __syncthreads();
  buffer[warp][lane] = value;
  __syncthreads();
  float all = buffer[0][lane];
  for (int w = 1; w < POOL_WARPS; w++) all = merge(all, buffer[w][lane]);
  return all;
}
extern "C" __global__ void __launch_bounds__(1024)
statistics_pooling(const float *x, const float *scores, float *out, int rows, int columns) {
  IN_ORDER
  __shared__ float buffer[POOL_WARPS][33];
  int c = blockIdx.x * 32 + threadIdx.x % 32, first = threadIdx.x / 32;
  bool inside = c < columns;
  auto largest = [](float a, float b) { return fmaxf(a, b); };
  auto sum = [](float a, float b) { return a + b; };
  float top = NEGATIVE_INFINITY, total = 0, mean = 0, square = 0;
  if (scores) {
    if (inside)
      for (int r = first; r < rows; r += POOL_WARPS)
        top = fmaxf(top, scores[(i64)r * columns + c]);
    top = pool_merge(buffer, top, largest);
  }
  auto weight = [&](int r) { return scores ? expf(scores[(i64)r * columns + c] - top) : 1.0f; };
  if (inside)
    for (int r = first; r < rows; r += POOL_WARPS) {
      float w = weight(r);
      total += w;
      mean += w * x[(i64)r * columns + c];
    }
  total = pool_merge(buffer, total, sum);
  mean = pool_merge(buffer, mean, sum) / total;
  if (inside)
    for (int r = first; r < rows; r += POOL_WARPS) {
      float distance = x[(i64)r * columns + c] - mean;
      square += weight(r) * distance * distance;
    }
  square = pool_merge(buffer, square, sum) / total;
  if (inside && first == 0) {
    out[c] = mean;
    out[columns + c] = sqrtf(fmaxf(square, 1e-12f));
  }
}
