// SPDX-License-Identifier: MIT
// Attention for several rows, of one slot or of several, once their keys are in the cache: prompts,
// the codec, and batches.
#include "Common/CacheRows.cuh"
#include "Common/Elements.cuh"
#include "Common/SplitBF16.cuh"
#include "Common/TensorCore.cuh"

// Four elements of a cache.
template <int T> __device__ __forceinline__ void load_quad(const u32 *from, u32 *words) {
  if (T == BF16) {
    uint2 v = *(const uint2 *)from;
    words[0] = v.x, words[1] = v.y;
  } else {
    uint4 v = *(const uint4 *)from;
    words[0] = v.x, words[1] = v.y, words[2] = v.z, words[3] = v.w;
  }
}
// The halves of elements 4 q … 4 q + 3 of words of a cache; those stored in bf16 have no low half.
template <int T>
__device__ __forceinline__ void split_quad(const u32 *words, int q, u32 *high, u32 *low) {
#pragma unroll
  for (int i = 0; i < 2; i++) {
    if (T == BF16) high[i] = words[2 * q + i];
    else
      high[i] =
        split_pair(widen<T>(words, 4 * q + 2 * i), widen<T>(words, 4 * q + 2 * i + 1), low[i]);
  }
}
// The same of element e of `a` and element e of `b`.
template <int T>
__device__ __forceinline__ u32 split_pair_of(const u32 *a, const u32 *b, int e, u32 &low) {
  if (T == BF16) return __byte_perm(a[e / 2], b[e / 2], e % 2 ? 0x7632 : 0x5410);
  return split_pair(widen<T>(a, e), widen<T>(b, e), low);
}

// softmax(q kᵀ / √D) v on tensor cores, F32 values in split bf16. A block of four warps takes 16
// queries of one key head: `per_block` rows, at most 16 / G, and the G query heads that share the key
// head, so that blocks of fewer rows have fewer slots to walk; bits do not depend on it. A warp takes
// every fourth tile of 16 positions with a running maximum; then the warps are merged. The entries
// of a head are permuted in the same way on both sides of a product, so that those of a lane are
// adjacent in memory. `split`: the result is split rows, otherwise F32. G divides 16.
// Bound: bytes of keys and values from L2, once for each block.
template <int D, int T>
__device__ __forceinline__ void flash_attention(const float *qkv, const int *positions,
                                                int position_stride, const int *slots,
                                                int slot_stride, const void *keys,
                                                const void *values, float *out, int split, int rows,
                                                int per_block, int heads, int kv_heads, int window,
                                                int capacity, const int *pages) {
  constexpr int CHUNKS = D / 16, TILES = D / 8, WARPS = 4;
  // Elements in a word of the cache, and words of a key that a lane has.
  constexpr int PER_WORD = T == F32 ? 1 : 2, WORDS = D / 4 / PER_WORD;
  __shared__ float merged[WARPS / 2][16][D + 4], tops[WARPS][16], totals[WARPS][16];
  __shared__ int last_of[16], slot_of[16];
  IN_ORDER
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  int group = heads / kv_heads, kv_head = blockIdx.x;
  int first_row = blockIdx.y * per_block, end_row = min(first_row + per_block, rows);
  if (threadIdx.x < 16) {
    int row = first_row + threadIdx.x / group;
    bool inside = row < end_row;
    last_of[threadIdx.x] = inside ? positions[(i64)row * position_stride] : -1;
    slot_of[threadIdx.x] = inside ? slots[(i64)row * slot_stride] : -1;
  }
  __syncthreads();

  // A lane has queries g and g + 8, of each chunk of 16 entries those at t · D / 4 + 4 chunk … + 3.
  u32 q_high[CHUNKS][4], q_low[CHUNKS][4];
  float scale = 1.0f / sqrtf((float)D);
  int last[2], oldest[2], slot[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int query = g + 8 * half, row = first_row + query / group;
    last[half] = last_of[query];
    slot[half] = slot_of[query];
    oldest[half] = window > 0 ? max(0, last[half] - window + 1) : 0;
    const float *from = qkv + ((i64)row * (heads + 2 * kv_heads) + kv_head * group +
                               query % group) * D + t * (D / 4);
#pragma unroll
    for (int c = 0; c < CHUNKS; c++) {
      float4 v = row < end_row ? *(const float4 *)(from + 4 * c) : make_float4(0, 0, 0, 0);
      q_high[c][half] = split_pair(v.x * scale, v.y * scale, q_low[c][half]);
      q_high[c][half + 2] = split_pair(v.z * scale, v.w * scale, q_low[c][half + 2]);
    }
  }

  float top[2] = {NEGATIVE_INFINITY, NEGATIVE_INFINITY}, total[2] = {}, sums[TILES][4] = {};
  // One pass for each slot among the rows; those of a prompt all have one.
  for (int pass = 0; pass < 16; pass += group) {
    int current = slot_of[pass];
    bool seen = current < 0;
    for (int other = 0; other < pass; other += group) seen = seen || slot_of[other] == current;
    if (seen) continue;
    int from = 0x7fffffff, to = -1;
    for (int other = pass; other < 16; other += group) {
      if (slot_of[other] != current) continue;
      int end = last_of[other];
      to = max(to, end);
      from = min(from, window > 0 ? max(0, end - window + 1) : 0);
    }
    // Tiles and the warps that take them depend on the position alone, not on what other rows see.
    int start = from / (16 * WARPS) * (16 * WARPS) + 16 * warp;
    if (start + 16 <= from) start += 16 * WARPS;
    for (int first = start; first <= to; first += 16 * WARPS) {
      // A tile is in one page.
      CacheRows row = cache_rows(pages, capacity, current, first);
      // One accumulator for each pair of halves, so that the products need not wait for each other.
      float scores[2][4], kinds[3][2][4] = {};
#pragma unroll
      for (int j = 0; j < 2; j++) {
        int p = min(max(first + 8 * j + g, from), to);
        const uint4 *key = (const uint4 *)((const u32 *)keys +
          ((row(p) * kv_heads + kv_head) * D + t * (D / 4)) / PER_WORD);
        u32 words[WORDS];
#pragma unroll
        for (int i = 0; i < WORDS; i += 4) {
          uint4 v = key[i / 4];
          words[i] = v.x, words[i + 1] = v.y, words[i + 2] = v.z, words[i + 3] = v.w;
        }
#pragma unroll
        for (int c = 0; c < CHUNKS; c++) {
          u32 h[2], l[2];
          split_quad<T>(words, c, h, l);
          mma_bf16(kinds[0][j], q_low[c][0], q_low[c][1], q_low[c][2], q_low[c][3], h[0], h[1]);
          if (T == F32)
            mma_bf16(kinds[1][j], q_high[c][0], q_high[c][1], q_high[c][2], q_high[c][3], l[0],
                          l[1]);
          mma_bf16(kinds[2][j], q_high[c][0], q_high[c][1], q_high[c][2], q_high[c][3], h[0],
                        h[1]);
        }
#pragma unroll
        for (int e = 0; e < 4; e++) scores[j][e] = kinds[0][j][e] + kinds[1][j][e] + kinds[2][j][e];
      }
      u32 w_high[4], w_low[4];
      float kept[2];
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float best = top[half];
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
          for (int e = 0; e < 2; e++) {
            int p = first + 8 * j + 2 * t + e;
            bool visible = slot[half] == current && p >= oldest[half] && p <= last[half];
            float &score = scores[j][2 * half + e];
            score = visible ? score : NEGATIVE_INFINITY;
            best = fmaxf(best, score);
          }
        best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, 1));
        best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, 2));
        // A query that has seen nothing yet keeps −∞ and no weight.
        float base = best == NEGATIVE_INFINITY ? 0.0f : best;
        kept[half] = expf(top[half] - base);
        top[half] = best;
        total[half] *= kept[half];
#pragma unroll
        for (int j = 0; j < 2; j++) {
          float a = expf(scores[j][2 * half] - base), b = expf(scores[j][2 * half + 1] - base);
          total[half] += a + b;
          w_high[half + 2 * j] = split_pair(a, b, w_low[half + 2 * j]);
        }
      }
#pragma unroll
      for (int n = 0; n < TILES; n++) {
        sums[n][0] *= kept[0], sums[n][1] *= kept[0];
        sums[n][2] *= kept[1], sums[n][3] *= kept[1];
      }
      // A lane has positions 2t, 2t + 1 and 8 more, entries g · D / 8 … of the values.
      const u32 *value[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int p = min(max(first + 2 * t + i % 2 + i / 2 * 8, from), to);
        value[i] = (const u32 *)values +
          ((row(p) * kv_heads + kv_head) * D + g * TILES) / PER_WORD;
      }
#pragma unroll
      for (int n = 0; n < TILES; n += 4) {
        u32 v[4][4 / PER_WORD], h[4][2], l[4][2];
#pragma unroll
        for (int i = 0; i < 4; i++) load_quad<T>(value[i] + n / PER_WORD, v[i]);
#pragma unroll
        for (int e = 0; e < 4; e++) {
          h[e][0] = split_pair_of<T>(v[0], v[1], e, l[e][0]);
          h[e][1] = split_pair_of<T>(v[2], v[3], e, l[e][1]);
        }
#pragma unroll
        for (int e = 0; e < 4; e++)
          mma_bf16(sums[n + e], w_low[0], w_low[1], w_low[2], w_low[3], h[e][0], h[e][1]);
        if (T == F32) {
#pragma unroll
          for (int e = 0; e < 4; e++)
            mma_bf16(sums[n + e], w_high[0], w_high[1], w_high[2], w_high[3], l[e][0], l[e][1]);
        }
#pragma unroll
        for (int e = 0; e < 4; e++)
          mma_bf16(sums[n + e], w_high[0], w_high[1], w_high[2], w_high[3], h[e][0], h[e][1]);
      }
    }
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    total[half] += __shfl_xor_sync(0xffffffffu, total[half], 1);
    total[half] += __shfl_xor_sync(0xffffffffu, total[half], 2);
    if (t == 0) {
      tops[warp][g + 8 * half] = top[half];
      totals[warp][g + 8 * half] = total[half];
    }
  }
  __syncthreads();
  // Each warp's sums against the common maximum, then added up, two warps and one at a time.
  float factor[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int query = g + 8 * half;
    float best = NEGATIVE_INFINITY, all = 0;
#pragma unroll
    for (int w = 0; w < WARPS; w++) best = fmaxf(best, tops[w][query]);
    if (best == NEGATIVE_INFINITY) best = 0;
#pragma unroll
    for (int w = 0; w < WARPS; w++) all += expf(tops[w][query] - best) * totals[w][query];
    factor[half] = all > 0 ? expf(top[half] - best) / all : 0.0f;
  }
  auto sum_at = [&](int n, int e) {
    return &merged[warp % 2][g + e / 2 * 8][(2 * t + e % 2) * TILES + n];
  };
  if (warp >= 2) {
#pragma unroll
    for (int n = 0; n < TILES; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) *sum_at(n, e) = sums[n][e] * factor[e / 2];
  }
  __syncthreads();
  if (warp < 2) {
#pragma unroll
    for (int n = 0; n < TILES; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) *sum_at(n, e) += sums[n][e] * factor[e / 2];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * D / 2; i += 32 * WARPS) {
    int query = i / (D / 2), e = i % (D / 2) * 2, row = first_row + query / group;
    if (row >= end_row) continue;
    float a = merged[0][query][e] + merged[1][query][e];
    float b = merged[0][query][e + 1] + merged[1][query][e + 1];
    int width = heads * D, column = (kv_head * group + query % group) * D + e;
    if (split) {
      u32 low, high = split_pair(a, b, low);
      u16 *to = (u16 *)out + (i64)row * 2 * width + column;
      *(u32 *)to = high;
      *(u32 *)(to + width) = low;
    } else {
      *(float2 *)(out + (i64)row * width + column) = make_float2(a, b);
    }
  }
}

#define FLASH_ATTENTION(D, name, T)                                                                \
  extern "C" __global__ void __launch_bounds__(128) flash_attention_##D##_##name(                  \
    const float *qkv, const int *positions, int position_stride, const int *slots,                 \
    int slot_stride, const void *keys, const void *values, float *out, int split, int rows,        \
    int per_block, int heads, int kv_heads, int window, int capacity, const int *pages) {          \
    flash_attention<D, T>(qkv, positions, position_stride, slots, slot_stride, keys, values, out,  \
                          split, rows, per_block, heads, kv_heads, window, capacity, pages);       \
  }
#define FLASH_ATTENTION_64(name, T) FLASH_ATTENTION(64, name, T)
#define FLASH_ATTENTION_128(name, T) FLASH_ATTENTION(128, name, T)
FOR_EACH_CACHE(FLASH_ATTENTION_64)
FOR_EACH_CACHE(FLASH_ATTENTION_128)
