// SPDX-License-Identifier: MIT
// Attention of any head width up to 256. The cache of a layer is
// [rows, kv_heads · head_dim], F32 or bf16; Common/CacheRows.cuh says where a position is.
#include "Common/CacheRows.cuh"
#include "Common/Elements.cuh"
#include "Common/Reductions.cuh"

// One block of 8 warps for each query head and row; a warp takes every eighth position with a
// running maximum, then the warps are merged. head_dim: a multiple of 32, at most 256.
// Bound: bytes of the keys and values seen.
template <int T>
__device__ __forceinline__ void attention(const float *qkv, const int *positions,
                                          int position_stride, const int *slots, int slot_stride,
                                          const void *keys, const void *values, float *out,
                                          int heads, int kv_heads, int head_dim, int window,
                                          int capacity, const int *pages) {
  IN_ORDER
  __shared__ float warp_top[8], warp_total[8], warp_sums[8][256];
  int h = blockIdx.x, r = blockIdx.y, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  int last = positions[(i64)r * position_stride];
  int first = window > 0 && last >= window ? last - window + 1 : 0;
  int slot = slots[(i64)r * slot_stride];
  int kv_head = h / (heads / kv_heads);
  const float *source = qkv + ((i64)r * (heads + 2 * kv_heads) + h) * head_dim;
  float scale = 1.0f / sqrtf((float)head_dim);
  float query[8], sums[8];
#pragma unroll
  for (int i = 0; i < 8; i++) {
    sums[i] = 0;
    query[i] = 32 * i < head_dim ? source[lane + 32 * i] * scale : 0.0f;
  }
  float top = NEGATIVE_INFINITY, total = 0;
  for (int p = first + warp; p <= last; p += 8) {
    i64 row = cache_rows(pages, capacity, slot, p)(p);
    i64 at = (row * kv_heads + kv_head) * head_dim + lane;
    float score = 0;
#pragma unroll
    for (int i = 0; i < 8; i++)
      if (32 * i < head_dim) score += query[i] * element<T>(keys, at + 32 * i);
    score = warp_sum(score);
    float next = fmaxf(top, score), kept = expf(top - next), weight = expf(score - next);
    total = total * kept + weight;
#pragma unroll
    for (int i = 0; i < 8; i++)
      if (32 * i < head_dim) sums[i] = sums[i] * kept + weight * element<T>(values, at + 32 * i);
    top = next;
  }
#pragma unroll
  for (int i = 0; i < 8; i++)
    if (32 * i < head_dim) warp_sums[warp][lane + 32 * i] = sums[i];
  if (lane == 0) {
    warp_top[warp] = top;
    warp_total[warp] = total;
  }
  __syncthreads();
  for (int e = threadIdx.x; e < head_dim; e += blockDim.x) {
    float best = NEGATIVE_INFINITY, sum = 0, all = 0;
    for (int w = 0; w < 8; w++) best = fmaxf(best, warp_top[w]);
    for (int w = 0; w < 8; w++) {
      float weight = expf(warp_top[w] - best);
      sum += weight * warp_sums[w][e];
      all += weight * warp_total[w];
    }
    out[((i64)r * heads + h) * head_dim + e] = sum / all;
  }
}

#define ATTENTION(name, T)                                                                         \
  KERNEL attention_##name(const float *qkv, const int *positions, int position_stride,             \
                          const int *slots, int slot_stride, const void *keys, const void *values, \
                          float *out, int heads, int kv_heads, int head_dim, int window,           \
                          int capacity, const int *pages) {                                        \
    attention<T>(qkv, positions, position_stride, slots, slot_stride, keys, values, out, heads,    \
                 kv_heads, head_dim, window, capacity, pages);                                     \
  }
FOR_EACH_CACHE(ATTENTION)
