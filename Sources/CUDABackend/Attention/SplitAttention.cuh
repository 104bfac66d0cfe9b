// SPDX-License-Identifier: MIT
#pragma once
#include "Common/Elements.cuh"

// Decode attention split over blocks of positions (flash decoding): what each block of a head
// leaves for the product that follows.
struct SplitAttention {
  const float *sums;   // [heads][blocks][width]: values weighted against the block's own maximum
  const float *stats;  // [heads][blocks][2]: that maximum, and the sum of the weights
  const int *position;
  int blocks, window, width;
};
enum { SPAN = 64 };

// Positions a query at `last` sees, in spans, and the first of them.
__device__ __forceinline__ int span_count(int last, int window, int *oldest) {
  *oldest = window > 0 && last >= window ? last - window + 1 : 0;
  return (last - *oldest) / SPAN + 1;
}

// Eight columns of the attention's result from `column` on, all of one head.
__device__ __forceinline__ void merge_attention(const SplitAttention &split, int blocks, int column,
                                                float *out) {
  int head = column / split.width, e = column % split.width;
  const float *stats = split.stats + (i64)head * split.blocks * 2;
  const float *sums = split.sums + (i64)head * split.blocks * split.width + e;
  float best = NEGATIVE_INFINITY, all = 0;
  for (int b = 0; b < blocks; b++) best = fmaxf(best, stats[2 * b]);
#pragma unroll
  for (int i = 0; i < 8; i++) out[i] = 0;
  for (int b = 0; b < blocks; b++) {
    float weight = expf(stats[2 * b] - best);
    all += weight * stats[2 * b + 1];
    const float4 *from = (const float4 *)(sums + (i64)b * split.width);
    float4 v = from[0], w = from[1];
    out[0] += weight * v.x, out[1] += weight * v.y, out[2] += weight * v.z, out[3] += weight * v.w;
    out[4] += weight * w.x, out[5] += weight * w.y, out[6] += weight * w.z, out[7] += weight * w.w;
  }
#pragma unroll
  for (int i = 0; i < 8; i++) out[i] /= all;
}
