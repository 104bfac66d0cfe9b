// SPDX-License-Identifier: MIT
// QKNormRoPEAppend.cu for heads of 64 or 128 entries: a warp for each head of a row, four per
// block. A lane has every 32nd entry of a head of D.
// Bound: launch.
#include "Common/CacheRows.cuh"
#include "Common/Elements.cuh"
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"
#include "Common/RoPE.cuh"

template <int D, int T>
__device__ __forceinline__ void qk_norm_rope_append_heads(
  float *qkv, const float *query_norm, const float *key_norm, float epsilon,
  const float *inverse_frequencies, const int *positions, int position_stride, const int *slots,
  int slot_stride, void *keys, void *values, int rows, int heads, int kv_heads, int capacity,
  const int *pages) {
  constexpr int PER = D / 32;
  int lane = threadIdx.x % 32, parts = heads + 2 * kv_heads;
  int index = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, r = index / parts;
  int h = index - r * parts;
  launch_dependents();
  float gain[PER], turn[PER / 2];
  const float *norm = h < heads ? query_norm : key_norm;
#pragma unroll
  for (int i = 0; i < PER; i++) gain[i] = norm ? norm[lane + 32 * i] : 1.0f;
#pragma unroll
  for (int i = 0; i < PER / 2; i++) turn[i] = inverse_frequencies[lane + 32 * i];
  wait_for_previous();
  if (r >= rows) return;
  float *head = qkv + (i64)index * D;
  int position = positions[(i64)r * position_stride];
  i64 row = cache_rows(pages, capacity, slots[(i64)r * slot_stride], position)(position);
  float v[PER];
#pragma unroll
  for (int i = 0; i < PER; i++) v[i] = head[lane + 32 * i];
  if (h >= heads + kv_heads) {
    i64 at = (row * kv_heads + h - heads - kv_heads) * D + lane;
#pragma unroll
    for (int i = 0; i < PER; i++) store_cached<T>(values, at + 32 * i, v[i]);
    return;
  }
  if (norm) {
    float square = 0;
#pragma unroll
    for (int i = 0; i < PER; i++) square += v[i] * v[i];
    float factor = norm_factor(warp_sum(square), D, epsilon);
#pragma unroll
    for (int i = 0; i < PER; i++) v[i] = v[i] * factor * gain[i];
  }
  i64 at = (row * kv_heads + h - heads) * D + lane;
  auto put = [&](int j, float x) {
    if (h < heads) head[lane + j] = x;
    else store_cached<T>(keys, at + j, x);
  };
#pragma unroll
  for (int i = 0; i < PER / 2; i++) {
    float a = v[i], b = v[i + PER / 2];
    float2 by = rope_turn((float)position * turn[i]);
    put(32 * i, rope_low(a, b, by));
    put(32 * i + D / 2, rope_high(a, b, by));
  }
}

#define QK_NORM_ROPE_APPEND_HEADS(D, name, T)                                                      \
  extern "C" __global__ void __launch_bounds__(128) qk_norm_rope_append_heads_##D##_##name(        \
    float *qkv, const float *query_norm, const float *key_norm, float epsilon,                     \
    const float *inverse_frequencies, const int *positions, int position_stride, const int *slots, \
    int slot_stride, void *keys, void *values, int rows, int heads, int kv_heads, int capacity,    \
    const int *pages) {                                                                            \
    qk_norm_rope_append_heads<D, T>(qkv, query_norm, key_norm, epsilon, inverse_frequencies,       \
                                    positions, position_stride, slots, slot_stride, keys, values,  \
                                    rows, heads, kv_heads, capacity, pages);                       \
  }
#define HEADS_64(name, T) QK_NORM_ROPE_APPEND_HEADS(64, name, T)
#define HEADS_128(name, T) QK_NORM_ROPE_APPEND_HEADS(128, name, T)
FOR_EACH_CACHE(HEADS_64)
FOR_EACH_CACHE(HEADS_128)
