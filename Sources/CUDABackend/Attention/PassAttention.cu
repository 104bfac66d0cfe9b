// SPDX-License-Identifier: MIT
// Attention of a pass of the code predictor for several voices: QK-norm, RoPE, KV append and
// attention of a row of each of some slots, of which each has at most sixteen positions. A pass has
// five of these, each with little to read, so a warp has a group's two query heads alone and waits for
// no other.
#include "Common/HeadNorm.cuh"
#include "Common/Reductions.cuh"
#include "Common/RoPE.cuh"
#include "Common/SplitBF16.cuh"

enum { PASS_POSITIONS = 16, PASS_WARPS = 4 };

// QK-norm and RoPE of a head whose entries lane, lane + 32, … a lane has.
template <int D>
__device__ __forceinline__ void turn_head(float *v, const float *gain, float epsilon,
                                          const float2 *turn) {
  head_norm<D>(v, gain, epsilon);
#pragma unroll
  for (int i = 0; i < D / 64; i++) {
    float a = v[i], b = v[i + D / 64];
    v[i] = rope_low(a, b, turn[i]), v[i + D / 64] = rope_high(a, b, turn[i]);
  }
}

// A warp for the two query heads of a group and each row; keys and values in F32, [slot][capacity]
// [kv_heads][D]. `positions` and `slots` are written before the step begins.
// Bound: latency.
template <int D>
__device__ __forceinline__ void pass_attention(const float *qkv, const float *query_norm,
                                               const float *key_norm, float epsilon,
                                               const float *inverse_frequencies,
                                               const int *positions, const int *slots, float *keys,
                                               float *values, u16 *split, int kv_heads,
                                               int capacity) {
  constexpr int PER_LANE = D / 32;
  int lane = threadIdx.x % 32, head = blockIdx.x * PASS_WARPS + threadIdx.x / 32;
  int row = blockIdx.y, heads = 2 * kv_heads;
  launch_dependents();
  if (head >= kv_heads) return wait_for_previous();
  int last = positions[row];
  i64 stride = kv_heads * D, first = ((i64)slots[row] * capacity * kv_heads + head) * D + lane;
  float query_gain[PER_LANE], key_gain[PER_LANE];
  float2 turn[D / 64];
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) {
    query_gain[i] = query_norm[lane + 32 * i];
    key_gain[i] = key_norm[lane + 32 * i];
  }
#pragma unroll
  for (int i = 0; i < D / 64; i++)
    turn[i] = rope_turn(inverse_frequencies[lane + 32 * i] * (float)last);
  wait_for_previous();

  qkv += (i64)row * (heads + 2 * kv_heads) * D + lane;
  float query[2][PER_LANE], key[PER_LANE], value[PER_LANE];
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) {
    query[0][i] = qkv[2 * head * D + 32 * i];
    query[1][i] = qkv[(2 * head + 1) * D + 32 * i];
    key[i] = qkv[(heads + head) * D + 32 * i];
    value[i] = qkv[(heads + kv_heads + head) * D + 32 * i];
  }
  float k[PASS_POSITIONS][PER_LANE], v[PASS_POSITIONS][PER_LANE];
#pragma unroll
  for (int p = 0; p < PASS_POSITIONS; p++)
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) {
      k[p][i] = p < last ? keys[first + p * stride + 32 * i] : 0.0f;
      v[p][i] = p < last ? values[first + p * stride + 32 * i] : 0.0f;
    }
  turn_head<D>(query[0], query_gain, epsilon, turn);
  turn_head<D>(query[1], query_gain, epsilon, turn);
  turn_head<D>(key, key_gain, epsilon, turn);
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) {
    keys[first + last * stride + 32 * i] = key[i];
    values[first + last * stride + 32 * i] = value[i];
  }

  // Score 16 g + p of head g and position p comes to that lane.
  float scores[2 * PASS_POSITIONS];
#pragma unroll
  for (int p = 0; p < PASS_POSITIONS; p++)
#pragma unroll
    for (int g = 0; g < 2; g++) {
      float sum = 0;
#pragma unroll
      for (int i = 0; i < PER_LANE; i++) sum += query[g][i] * (p == last ? key[i] : k[p][i]);
      scores[PASS_POSITIONS * g + p] = sum;
    }
  float score = warp_sums<2 * PASS_POSITIONS>(scores) * (1.0f / sqrtf((float)D));
  if (lane % PASS_POSITIONS > last) score = NEGATIVE_INFINITY;
  float top = score;
#pragma unroll
  for (int step = PASS_POSITIONS / 2; step > 0; step >>= 1)
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, step));
  float weight = expf(score - top), total = weight;
#pragma unroll
  for (int step = PASS_POSITIONS / 2; step > 0; step >>= 1)
    total += __shfl_xor_sync(0xffffffffu, total, step);
  float sums[2][PER_LANE] = {};
#pragma unroll
  for (int p = 0; p < PASS_POSITIONS; p++)
#pragma unroll
    for (int g = 0; g < 2; g++) {
      float by = __shfl_sync(0xffffffffu, weight, PASS_POSITIONS * g + p);
#pragma unroll
      for (int i = 0; i < PER_LANE; i++) sums[g][i] += by * (p == last ? value[i] : v[p][i]);
    }
  int width = heads * D;
  split += 2 * (i64)row * width + lane;
#pragma unroll
  for (int g = 0; g < 2; g++) {
    float all = __shfl_sync(0xffffffffu, total, PASS_POSITIONS * g);
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) {
      float result = sums[g][i] / all;
      store_split(split + (2 * head + g) * D + 32 * i, width, result);
    }
  }
}

#define PASS_ATTENTION(D)                                                                          \
  extern "C" __global__ void __launch_bounds__(32 * PASS_WARPS) pass_attention_##D(                \
    const float *qkv, const float *query_norm, const float *key_norm, float epsilon,               \
    const float *inverse_frequencies, const int *positions, const int *slots, float *keys,         \
    float *values, u16 *split, int kv_heads, int capacity) {                                       \
    pass_attention<D>(qkv, query_norm, key_norm, epsilon, inverse_frequencies, positions, slots,   \
                      keys, values, split, kv_heads, capacity);                                    \
  }
PASS_ATTENTION(64)
PASS_ATTENTION(128)
