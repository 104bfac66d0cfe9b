// SPDX-License-Identifier: MIT
// QK-norm, RoPE, KV append and attention of a decode step: a row of each of some slots.
#include "Attention/SplitAttention.cuh"
#include "Common/CacheRows.cuh"
#include "Common/HeadNorm.cuh"
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"
#include "Common/RoPE.cuh"
#include "Common/SplitBF16.cuh"

// QK-norm and RoPE of one head of D entries; one warp, a lane has every 32nd entry.
template <int D>
__device__ __forceinline__ void qk_norm_rope(float *v, const float *gain, float epsilon,
                                             const float *angles, float *out) {
  int lane = threadIdx.x % 32;
  if (gain) head_norm<D>(v, gain, epsilon);
#pragma unroll
  for (int i = 0; i < D / 64; i++) {
    float a = v[i], b = v[i + D / 64];
    float2 by = rope_turn(angles[i]);
    out[lane + 32 * i] = rope_low(a, b, by);
    out[lane + 32 * i + D / 2] = rope_high(a, b, by);
  }
}

// A block of 8 warps for each G query heads of a group, every gridDim.y-th span of positions, and
// each row; a warp takes 8 positions of a span. With SPLIT each block leaves its sums for
// gemv_merge_add, of one row; otherwise there is one block per G heads and row, which writes the
// result: to `out`, or as split rows to `split`. Bound: bytes of the keys and values seen.
template <int D, int T, int G, bool SPLIT>
__device__ __forceinline__ void decode_attention(const float *qkv, const float *query_norm,
                                                 const float *key_norm, float epsilon,
                                                 const float *inverse_frequencies,
                                                 const int *positions, const int *slots, void *keys,
                                                 void *values, float *out, float *stats, u16 *split,
                                                 int heads, int kv_heads, int window, int capacity,
                                                 const int *pages) {
  constexpr int WARPS = 8, LANES = D / 8, TOGETHER = 32 / LANES, STEPS = SPAN / WARPS;
  constexpr int ROUNDS = STEPS / TOGETHER, PER_LANE = D / 32;
  // Elements in a word of the cache, and a lane's words of a key and of a value.
  constexpr int PER_WORD = T == F32 ? 1 : 2;
  constexpr int KEY_WORDS = 8 / PER_WORD, VALUE_WORDS = PER_LANE / PER_WORD;
  __shared__ __align__(16) float query[G][D], key[D], value[D];
  __shared__ float tops[WARPS][G], totals[WARPS][G], rows[WARPS][G][D];
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, h = blockIdx.x * G;
  int kv_head = h / (heads / kv_heads);
  launch_dependents();
  const float *norm = warp < G ? query_norm : warp == G ? key_norm : 0;
  float gain[PER_LANE], angles[D / 64];
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) gain[i] = norm ? norm[lane + 32 * i] : 0.0f;
#pragma unroll
  for (int i = 0; i < D / 64; i++) angles[i] = inverse_frequencies[lane + 32 * i];
  wait_for_previous();

  int last = positions[blockIdx.z], oldest, spans, slot = slots[blockIdx.z];
  qkv += (i64)blockIdx.z * (heads + 2 * kv_heads) * D;
  float own[PER_LANE];
  if (warp < G + 2) {
    int part = warp < G ? h + warp : warp == G ? heads + kv_head : heads + kv_heads + kv_head;
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) own[i] = qkv[part * D + lane + 32 * i];
  }
  spans = span_count(last, window, &oldest);
  if ((int)blockIdx.y >= spans) return;

  u32 k[ROUNDS][KEY_WORDS], v[STEPS][VALUE_WORDS];
  // Keys and values of a span, into registers; the row's own are not in the cache yet.
  auto load = [&](int span) {
    int first = oldest + span * SPAN;
    // A span that does not begin with a page ends in the next one.
    CacheRows begin = cache_rows(pages, capacity, slot, first), end = begin;
    if (pages && first % PAGE != 0)
      end = cache_rows(pages, capacity, slot, min(first + SPAN - 1, last));
    int next_page = (first / PAGE + 1) * PAGE;
    auto row = [&](int p) {
      return CacheRows{p < next_page ? begin.first : end.first, begin.count}(p);
    };
#pragma unroll
    for (int s = 0; s < ROUNDS; s++) {
      int p = first + (s * WARPS + warp) * TOGETHER + lane / LANES;
      const uint4 *from = (const uint4 *)((const u32 *)keys +
        ((row(p) * kv_heads + kv_head) * D + 8 * (lane % LANES)) / PER_WORD);
#pragma unroll
      for (int i = 0; i < KEY_WORDS; i += 4) {
        uint4 word = p < last ? from[i / 4] : make_uint4(0, 0, 0, 0);
        k[s][i] = word.x, k[s][i + 1] = word.y, k[s][i + 2] = word.z, k[s][i + 3] = word.w;
      }
    }
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      int p = first + (s / TOGETHER * WARPS + warp) * TOGETHER + s % TOGETHER;
      const u32 *from = (const u32 *)values +
        (row(p) * kv_heads + kv_head) * D / PER_WORD + lane;
#pragma unroll
      for (int i = 0; i < VALUE_WORDS; i++) v[s][i] = p < last ? from[32 * i] : 0;
    }
  };
  load(blockIdx.y);
#pragma unroll
  for (int i = 0; i < D / 64; i++) angles[i] *= (float)last;
  if (warp <= G) {
    qk_norm_rope<D>(own, norm ? gain : 0, epsilon, angles, warp < G ? query[warp] : key);
    // Entries of the lane's own.
    if (warp == G) {
#pragma unroll
      for (int i = 0; i < PER_LANE; i++) key[lane + 32 * i] = cached<T>(key[lane + 32 * i]);
    }
  } else if (warp == G + 1) {
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) value[lane + 32 * i] = cached<T>(own[i]);
  }
  __syncthreads();
  // Every block has the key and value; one of each group keeps them.
  if (blockIdx.y == 0 && h % (heads / kv_heads) == 0 && thread < D) {
    i64 row = cache_rows(pages, capacity, slot, last)(last);
    i64 at = (row * kv_heads + kv_head) * D + thread;
    store_cached<T>(keys, at, key[thread]);
    store_cached<T>(values, at, value[thread]);
  }

  float scale = 1.0f / sqrtf((float)D), q[G][8];
#pragma unroll
  for (int g = 0; g < G; g++)
#pragma unroll
    for (int i = 0; i < 8; i++) q[g][i] = query[g][8 * (lane % LANES) + i] * scale;
  // A lane has every 32nd word of a value.
  auto column = [&](int i) { return (lane + 32 * (i / PER_WORD)) * PER_WORD + i % PER_WORD; };
  float top[G], total[G] = {}, sums[G][PER_LANE] = {};
#pragma unroll
  for (int g = 0; g < G; g++) top[g] = NEGATIVE_INFINITY;
  for (int span = blockIdx.y; span < spans; span += gridDim.y) {
    if (span != (int)blockIdx.y) load(span);
    int first = oldest + span * SPAN;
    float scores[G][ROUNDS], next[G];
#pragma unroll
    for (int g = 0; g < G; g++) next[g] = top[g];
#pragma unroll
    for (int s = 0; s < ROUNDS; s++) {
      int p = first + (s * WARPS + warp) * TOGETHER + lane / LANES;
      float a[8];
#pragma unroll
      for (int i = 0; i < 8; i++) a[i] = widen<T>(k[s], i);
      if (p == last) {
#pragma unroll
        for (int i = 0; i < 8; i++) a[i] = key[8 * (lane % LANES) + i];
      }
#pragma unroll
      for (int g = 0; g < G; g++) {
        float score = 0;
#pragma unroll
        for (int i = 0; i < 8; i++) score += q[g][i] * a[i];
#pragma unroll
        for (int step = LANES / 2; step > 0; step >>= 1)
          score += __shfl_xor_sync(0xffffffffu, score, step);
        scores[g][s] = p <= last ? score : NEGATIVE_INFINITY;
        next[g] = fmaxf(next[g], scores[g][s]);
      }
    }
#pragma unroll
    for (int g = 0; g < G; g++)
#pragma unroll
      for (int step = LANES; step < 32; step <<= 1)
        next[g] = fmaxf(next[g], __shfl_xor_sync(0xffffffffu, next[g], step));
    // A warp that has seen no position yet keeps −∞ and nothing else.
    if (next[0] == NEGATIVE_INFINITY) continue;
#pragma unroll
    for (int g = 0; g < G; g++) {
      float kept = expf(top[g] - next[g]);
      total[g] *= kept;
#pragma unroll
      for (int i = 0; i < PER_LANE; i++) sums[g][i] *= kept;
#pragma unroll
      for (int s = 0; s < ROUNDS; s++) scores[g][s] = expf(scores[g][s] - next[g]);
      top[g] = next[g];
    }
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      int p = first + (s / TOGETHER * WARPS + warp) * TOGETHER + s % TOGETHER;
#pragma unroll
      for (int g = 0; g < G; g++) {
        float weight =
          __shfl_sync(0xffffffffu, scores[g][s / TOGETHER], s % TOGETHER * LANES);
        total[g] += weight;
#pragma unroll
        for (int i = 0; i < PER_LANE; i++)
          sums[g][i] += weight * (p == last ? value[column(i)] : widen<T>(v[s], i));
      }
    }
  }
#pragma unroll
  for (int g = 0; g < G; g++) {
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) rows[warp][g][column(i)] = sums[g][i];
    if (lane == 0) {
      tops[warp][g] = top[g];
      totals[warp][g] = total[g];
    }
  }
  __syncthreads();
  if (thread >= G * D) return;
  int g = thread / D, e = thread % D;
  float best = NEGATIVE_INFINITY, sum = 0, all = 0;
#pragma unroll
  for (int w = 0; w < WARPS; w++) best = fmaxf(best, tops[w][g]);
#pragma unroll
  for (int w = 0; w < WARPS; w++) {
    float weight = expf(tops[w][g] - best);
    all += weight * totals[w][g];
    sum += weight * rows[w][g][e];
  }
  if (!SPLIT) {
    i64 row = blockIdx.z;
    int width = heads * D, c = (h + g) * D + e;
    float result = sum / all;
    if (split) {
      store_split(split + 2 * row * width + c, width, result);
    } else {
      out[row * width + c] = result;
    }
    return;
  }
  i64 block = (i64)(h + g) * gridDim.y + blockIdx.y;
  out[block * D + e] = sum;
  if (e == 0) {
    stats[2 * block] = best;
    stats[2 * block + 1] = all;
  }
}

#define DECODE_ATTENTION(kind, D, G, SPLIT, name, T)                                               \
  extern "C" __global__ void __launch_bounds__(256) kind##_##D##_##name(                           \
    const float *qkv, const float *query_norm, const float *key_norm, float epsilon,               \
    const float *inverse_frequencies, const int *positions, const int *slots, void *keys,          \
    void *values, float *out, float *stats, u16 *split, int heads, int kv_heads, int window,       \
    int capacity, const int *pages) {                                                              \
    decode_attention<D, T, G, SPLIT>(qkv, query_norm, key_norm, epsilon, inverse_frequencies,      \
                                     positions, slots, keys, values, out, stats, split, heads,     \
                                     kv_heads, window, capacity, pages);                           \
  }
#define DECODE_ATTENTIONS(name, T)                                                                 \
  DECODE_ATTENTION(decode_attention, 64, 1, false, name, T)                                        \
  DECODE_ATTENTION(decode_attention, 128, 1, false, name, T)                                       \
  DECODE_ATTENTION(decode_attention_pairs, 64, 2, false, name, T)                                  \
  DECODE_ATTENTION(decode_attention_pairs, 128, 2, false, name, T)                                 \
  DECODE_ATTENTION(decode_attention_split, 64, 1, true, name, T)                                   \
  DECODE_ATTENTION(decode_attention_split, 128, 1, true, name, T)
FOR_EACH_CACHE(DECODE_ATTENTIONS)
