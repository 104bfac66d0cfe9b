// SPDX-License-Identifier: MIT
// QK-norm, RoPE and KV append: RMS-normalises the heads of queries and keys where they have a norm,
// rotates them by their position, and stores the key and value of each row in the cache,
// [rows, kv_heads · head_dim] for each layer (Common/CacheRows.cuh). Queries are updated in place.
// Decode steps and frames fuse the same with their attention (Attention/DecodeAttention.cu,
// FrameStep/FrameAttention.cuh).
#include "Common/CacheRows.cuh"
#include "Common/Elements.cuh"
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"
#include "Common/RoPE.cuh"

// Any head width up to 256: one block of head_dim threads for each head of q, k and v, and each
// row.
// Bound: launch.
template <int T>
__device__ __forceinline__ void qk_norm_rope_append(
  float *qkv, const float *query_norm, const float *key_norm, float epsilon,
  const float *inverse_frequencies, const int *positions, int position_stride, const int *slots,
  int slot_stride, void *keys, void *values, int heads, int kv_heads, int head_dim, int capacity,
  const int *pages) {
  IN_ORDER
  __shared__ float normed[512];
  int h = blockIdx.x, r = blockIdx.y, j = threadIdx.x;
  int position = positions[(i64)r * position_stride];
  float *head = qkv + ((i64)r * (heads + 2 * kv_heads) + h) * head_dim;
  i64 cache_row = cache_rows(pages, capacity, slots[(i64)r * slot_stride], position)(position);
  if (h >= heads + kv_heads) {
    store_cached<T>(values, (cache_row * kv_heads + h - heads - kv_heads) * head_dim + j, head[j]);
    return;
  }
  const float *norm = h < heads ? query_norm : key_norm;
  float value = head[j];
  if (norm) {
    value = value * norm_factor(block_sum(value * value), head_dim, epsilon) * norm[j];
  }
  normed[j] = value;
  __syncthreads();
  int half = head_dim / 2;
  float angle = (float)position * inverse_frequencies[j % half];
  float2 turn = rope_turn(angle);
  value = rope_entry(normed, j, half, value, turn);
  head[j] = value;
  if (h >= heads) store_cached<T>(keys, (cache_row * kv_heads + h - heads) * head_dim + j, value);
}

#define QK_NORM_ROPE_APPEND(name, T)                                                               \
  KERNEL qk_norm_rope_append_##name(                                                               \
    float *qkv, const float *query_norm, const float *key_norm, float epsilon,                     \
    const float *inverse_frequencies, const int *positions, int position_stride, const int *slots, \
    int slot_stride, void *keys, void *values, int heads, int kv_heads, int head_dim,              \
    int capacity, const int *pages) {                                                              \
    qk_norm_rope_append<T>(qkv, query_norm, key_norm, epsilon, inverse_frequencies, positions,     \
                          position_stride, slots, slot_stride, keys, values, heads, kv_heads,      \
                          head_dim, capacity, pages);                                              \
  }
FOR_EACH_CACHE(QK_NORM_ROPE_APPEND)
