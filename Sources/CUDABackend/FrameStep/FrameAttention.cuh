// SPDX-License-Identifier: MIT
// QK-norm, RoPE, KV append and attention of the frame kernel.
#pragma once
#include "Common/RoPE.cuh"
#include "FrameStep/VectorProduct.cuh"
#include "Sample/Sampling.cuh"

// Four stored elements: F32 in 16 bytes, bf16 in 8.
template <int T> struct CachedQuad {
  typedef uint4 Words;
};
template <> struct CachedQuad<BF16> {
  typedef uint2 Words;
};
__device__ __forceinline__ float4 widened(uint4 w) {
  return make_float4(__uint_as_float(w.x), __uint_as_float(w.y), __uint_as_float(w.z),
                     __uint_as_float(w.w));
}
__device__ __forceinline__ float4 widened(uint2 w) {
  return make_float4(__uint_as_float(w.x << 16), __uint_as_float(w.x & 0xffff0000u),
                     __uint_as_float(w.y << 16), __uint_as_float(w.y & 0xffff0000u));
}

// Four elements of a row of a bf16 table of K columns.
template <int K> __device__ __forceinline__ float4 table_quad(u64 table, int row, int q) {
  return widened(((const uint2 *)((const u16 *)table + (i64)row * K))[q]);
}

// Cosines and sines for the positions of a pass, in the blocks that attend.
template <class S, int M>
__device__ __forceinline__ void prepare_rotation(Shared &s, int position, int splits,
                                                 u64 frequencies) {
  int m = threadIdx.x / (HEAD / 2), e = threadIdx.x % (HEAD / 2);
  if ((int)blockIdx.x < S::KV_HEADS * splits && m < M)
    s.rotation[m][e] = rope_turn((float)(position + m) * ((const float *)frequencies)[e]);
}

// Entries 2 i and 2 i + 1 of a head, as the cache stores them.
template <int T> __device__ __forceinline__ void store_cached_pair(void *head, int i, float2 v) {
  if (T == BF16) ((u32 *)head)[i] = bf16_pair(v.x, v.y);
  else ((float2 *)head)[i] = v;
}

// A block has one key head with its two query heads, and every `splits`-th group of eight
// positions. Of a span of positions a warp takes every eighth. Keys and values of the first span
// are in flight before the query has arrived.
template <class S>
__device__ __forceinline__ void attend(Shared &s, const Epochs &epochs, int m, int last, int splits,
                                       u64 keys, u64 values, u64 query_norm, u64 key_norm,
                                       float epsilon) {
  typedef typename CachedQuad<S::CACHE>::Words Words;
  // The predictor has no more positions than codebooks.
  constexpr int GROUPS = S::ROWS == 2 && CODEBOOKS <= 16 ? 2 : 4, SPAN = GROUPS * WARPS;
  constexpr int STEP = 32 / (2 * GROUPS);
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  if ((int)blockIdx.x >= S::KV_HEADS * splits) return;
  u64 *tagged = (u64 *)s.pointers[STEP_AT(TAGGED)];
  u32 epoch = epochs.epoch;
  u32 *attended = (u32 *)s.pointers[STEP_AT(FLAGGED)] + S::ATTENDED + m * S::QUERY;
  float *query = s.scratch + m * ROW_SCRATCH, *key = query + 2 * HEAD, *value = key + HEAD;
  float *scores = value + HEAD, *rows = scores + 2 * 2 * FRAME_SPAN;
  int g = blockIdx.x % S::KV_HEADS, split = blockIdx.x / S::KV_HEADS;
  // Query heads, key and value, a warp each: entries 2 l, 2 l + 1 and the same of the other half,
  // with which they are rotated.
  int part = warp < 2 ? 2 * g + warp : S::QUERY / HEAD + (warp - 2) * S::KV_HEADS + g;
  const u64 *from = tagged + TAGGED_QKV + m * MAX_PACKED + part * HEAD + 2 * lane;
  // Initialised, or the last layer's would stay in registers for the warps that load none.
  uint4 first = make_uint4(0, 0, 0, 0), second = first;
  float2 low_gain = make_float2(0, 0), high_gain = low_gain;
  if (warp < 4) {
    first = load_16_bytes(from), second = load_16_bytes(from + HEAD / 2);
    const float2 *norm = (const float2 *)(warp < 2 ? query_norm : key_norm) + lane;
    low_gain = norm[0], high_gain = norm[HEAD / 4];
  }
  auto position = [&](int group) { return (group * splits + split) * WARPS + warp; };
  // A lane's four entries of a head at a position; no device has memory for 2²³ positions.
  auto quad_of = [&](int p) { return (u32)(p * S::KV_HEADS + g) * (HEAD / 4) + lane; };
  Words k[GROUPS], v[GROUPS];
  auto load = [&](int group) {
#pragma unroll
    for (int i = 0; i < GROUPS; i++) {
      int p = position(group + i);
      u32 at = quad_of(p);
      k[i] = p < last ? __ldcg((const Words *)keys + at) : Words();
      v[i] = p < last ? __ldcg((const Words *)values + at) : Words();
    }
  };
  load(0);
  if (warp < 4) {
    spin_wait([&] {
      return poll_tagged(first, from, epoch) | poll_tagged(second, from + HEAD / 2, epoch);
    });
    float2 low = make_float2(__uint_as_float(first.x), __uint_as_float(first.z));
    float2 high = make_float2(__uint_as_float(second.x), __uint_as_float(second.z));
    if (warp < 3) {
      float square = warp_sum(low.x * low.x + low.y * low.y + high.x * high.x + high.y * high.y);
      float factor = norm_factor_approximate(square, HEAD, epsilon);
      if (warp < 2) factor *= 0.08838834764831845f;  // 1/√128
      low.x *= factor * low_gain.x, low.y *= factor * low_gain.y;
      high.x *= factor * high_gain.x, high.y *= factor * high_gain.y;
      float2 a = s.rotation[m][2 * lane], b = s.rotation[m][2 * lane + 1];
      float x = low.x, y = low.y;
      low = make_float2(rope_low(x, high.x, a), rope_low(y, high.y, b));
      high = make_float2(rope_high(x, high.x, a), rope_high(y, high.y, b));
    }
    if (warp < 2) {
      store_cached_pair<F32>(query + warp * HEAD, lane, low);
      store_cached_pair<F32>(query + warp * HEAD, HEAD / 4 + lane, high);
    } else {
      store_cached_pair<S::CACHE>(warp == 2 ? key : value, lane, low);
      store_cached_pair<S::CACHE>(warp == 2 ? key : value, HEAD / 4 + lane, high);
    }
  }
  block_barrier();
  if (warp < 2 && last / WARPS % splits == split)
    __stcg((Words *)(warp == 0 ? keys : values) + quad_of(last),
           ((const Words *)(warp == 0 ? key : value))[lane]);
  float4 q[2] = {((const float4 *)query)[lane], ((const float4 *)query)[HEAD / 4 + lane]};
  float top[2] = {NEGATIVE_INFINITY, NEGATIVE_INFINITY}, total[2] = {0, 0};
  float4 sums[2] = {make_float4(0, 0, 0, 0), make_float4(0, 0, 0, 0)};
#pragma unroll 1
  for (int group = 0; (group * splits + split) * WARPS <= last; group += GROUPS) {
    if (group > 0) load(group);
    float dots[2 * GROUPS];
#pragma unroll
    for (int i = 0; i < GROUPS; i++) {
      // The newest is not in the cache yet.
      if (position(group + i) == last) {
        k[i] = ((const Words *)key)[lane];
        v[i] = ((const Words *)value)[lane];
      }
      float4 a = widened(k[i]);
#pragma unroll
      for (int h = 0; h < 2; h++)
        dots[2 * i + h] = q[h].x * a.x + q[h].y * a.y + q[h].z * a.z + q[h].w * a.w;
    }
    // Lane STEP (2 i + h) has the complete sum 2 i + h.
    float mine = warp_sums<2 * GROUPS>(dots);
    float *span = scores + group / GROUPS % 2 * 2 * FRAME_SPAN;
    if (lane % STEP == 0)
      span[lane / STEP % 2 * FRAME_SPAN + WARPS * (lane / STEP / 2) + warp] = mine;
    block_barrier();
    int p = ((group + lane / WARPS) * splits + split) * WARPS + lane % WARPS;
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float score = lane < SPAN && p <= last ? span[h * FRAME_SPAN + lane] : NEGATIVE_INFINITY;
      float best = score_of_key(__reduce_max_sync(0xffffffffu, score_key(score)));
      float next = fmaxf(top[h], best), kept = __expf(top[h] - next), weight = __expf(score - next);
      top[h] = next;
      total[h] = total[h] * kept + weight;
      sums[h].x *= kept, sums[h].y *= kept, sums[h].z *= kept, sums[h].w *= kept;
#pragma unroll
      for (int i = 0; i < GROUPS; i++) {
        float w = __shfl_sync(0xffffffffu, weight, WARPS * i + warp);
        float4 a = widened(v[i]);
        sums[h].x += w * a.x, sums[h].y += w * a.y, sums[h].z += w * a.z, sums[h].w += w * a.w;
      }
    }
  }
#pragma unroll
  for (int h = 0; h < 2; h++) ((float4 *)rows)[(warp * 2 + h) * (HEAD / 4) + lane] = sums[h];
  int h = thread / HEAD, e = thread % HEAD;
  float all = warp_sum(h == 0 ? total[0] : total[1]), best = h == 0 ? top[0] : top[1], sum = 0;
  block_barrier();
#pragma unroll
  for (int w = 0; w < WARPS; w++) sum += rows[(2 * w + h) * HEAD + e];
  sum = __fdividef(sum, all);
  if (splits == 1) {
    store_flagged(attended + (2 * g + h) * HEAD + e, sum, parity<S>(epochs, m));
    return;
  }
  store_tagged(tagged + TAGGED_PARTIALS + (i64)blockIdx.x * 2 * HEAD + thread, sum, epoch);
  if (e == 0)
    store_tagged(tagged + TAGGED_WEIGHTS + 2 * blockIdx.x + h, best + __logf(all), epoch);
  if (split > 0) return;
  // The block of a head's first split merges the partial results of all.
  best = NEGATIVE_INFINITY, all = 0, sum = 0;
#pragma unroll 1
  for (int start = 0; start < splits; start += 8) {
    uint2 partial[8], weight[8];
    auto unit = [&](int i) { return (start + i) * S::KV_HEADS + g; };
    auto partial_at = [&](int i) {
      return tagged + TAGGED_PARTIALS + unit(i) * 2 * HEAD + thread;
    };
    auto weight_at = [&](int i) { return tagged + TAGGED_WEIGHTS + 2 * unit(i) + h; };
#pragma unroll
    for (int i = 0; i < 8; i++) {
      partial[i] = weight[i] = make_uint2(__float_as_uint(NEGATIVE_INFINITY), epoch);
      if (start + i < splits) {
        partial[i] = load_tagged(partial_at(i));
        weight[i] = load_tagged(weight_at(i));
      }
    }
    spin_wait([&] {
      bool missing = false;
#pragma unroll
      for (int i = 0; i < 8; i++)
        missing |= poll_tagged(partial[i], partial_at(i), epoch) |
                   poll_tagged(weight[i], weight_at(i), epoch);
      return missing;
    });
    float next = best;
#pragma unroll
    for (int i = 0; i < 8; i++) next = fmaxf(next, __uint_as_float(weight[i].x));
    float kept = __expf(best - next);
    all *= kept, sum *= kept;
    best = next;
#pragma unroll
    for (int i = 0; i < 8; i++) {
      float factor = __expf(__uint_as_float(weight[i].x) - best);
      all += factor;
      if (factor > 0) sum += factor * __uint_as_float(partial[i].x);
    }
  }
  store_flagged(attended + (2 * g + h) * HEAD + e, __fdividef(sum, all), parity<S>(epochs, m));
}
