// SPDX-License-Identifier: MIT
// Sampling of a token as in SpeechModel's Sampling.swift, in its order, by one block of 256
// threads. A thread holds every 256th score in registers; what top-k keeps is listed in shared
// memory, 8 bytes a token.
// Bound: barriers, about thirty.
#pragma once
#include "Common/Kernel.cuh"

// Order-preserving integer of a score; −0 counts as 0.
__device__ __forceinline__ u32 score_key(float score) {
  u32 bits = __float_as_uint(score + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float score_of_key(u32 key) {
  return __uint_as_float(key & 0x80000000u ? key ^ 0x80000000u : ~key);
}

__device__ __forceinline__ u64 indexed_key(float score, int token) {
  return (u64)score_key(score) << 32 | (u32)~token;
}

// Gumbel noise, −log(−log(u)), with u from Philox4x32-10 (Philox.swift).
__device__ float gumbel(int token, u32 key0, u32 key1, u32 codebook, u32 frame, u32 utterance) {
  u32 x[4] = {(u32)token >> 2, codebook, frame, utterance};
  for (int round = 0; round < 10; round++) {
    u64 left = (u64)x[0] * 0xD2511F53u, right = (u64)x[2] * 0xCD9E8D57u;
    u32 y0 = (u32)(right >> 32) ^ x[1] ^ key0, y2 = (u32)(left >> 32) ^ x[3] ^ key1;
    x[0] = y0;
    x[1] = (u32)right;
    x[2] = y2;
    x[3] = (u32)left;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  int word = token & 3;
  u32 bits = word == 0 ? x[0] : word == 1 ? x[1] : word == 2 ? x[2] : x[3];
  float u = ((float)(bits >> 9) + 0.5f) * 1.1920928955078125e-7f;
  return -logf(-logf(u));
}

enum { SAMPLE_THREADS = 256, SAMPLE_WARPS = SAMPLE_THREADS / 32 };

// Largest key of the block, as a token; −1 when every thread gives 0. Of equal scores the first
// token.
__device__ __forceinline__ int argmax_token(u64 key) {
  __shared__ u64 partial[SAMPLE_WARPS];
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    u64 other = __shfl_xor_sync(0xffffffffu, key, step);
    key = other > key ? other : key;
  }
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = key;
  block_barrier();
  key = 0;
#pragma unroll
  for (int warp = 0; warp < SAMPLE_WARPS; warp++) key = partial[warp] > key ? partial[warp] : key;
  return key == 0 ? -1 : (int)~(u32)key;
}

// Sum over the block; `buffer` alternates between calls, so that one barrier is enough.
__device__ __forceinline__ uint2 block_counts(u32 a, u32 b, uint2 (*buffer)[SAMPLE_WARPS]) {
  a = __reduce_add_sync(0xffffffffu, a);
  b = __reduce_add_sync(0xffffffffu, b);
  if (threadIdx.x % 32 == 0) (*buffer)[threadIdx.x / 32] = make_uint2(a, b);
  block_barrier();
  uint2 sum = make_uint2(0, 0);
#pragma unroll
  for (int warp = 0; warp < SAMPLE_WARPS; warp++) {
    sum.x += (*buffer)[warp].x;
    sum.y += (*buffer)[warp].y;
  }
  return sum;
}

// Samples a token from the scores, score i of a thread being that of token thread + 256 i; every
// thread gets it. `settings` are packed as `SamplingWord` says. `end_token` is −1 for the code
// predictor, which has no repetition penalty. `list_scores`, `list` and `order` have room for the
// vocabulary in shared memory; a vocabulary has at most 65,536 tokens.
template <int PER>
__device__ __forceinline__ int sample_token(float *scores, const bool *was_seen, int vocabulary,
                                            const int *settings, u32 frame, int codebook,
                                            int end_token, int suppressed_start, int suppressed_end,
                                            int minimum_tokens, float *list_scores, u16 *list,
                                            u16 *order) {
  __shared__ uint2 counts[2][SAMPLE_WARPS];
  __shared__ int listed, dropped;
  int thread = threadIdx.x, base = codebook == 0 ? 0 : 5;
  bool samples = settings[base] != 0;
  float temperature = __int_as_float(settings[base + 1]);
  int top_k = settings[base + 2];
  float top_p = __int_as_float(settings[base + 3]);
  float penalty = codebook == 0 ? __int_as_float(settings[4]) : 1.0f;
  if (thread == 0) listed = 0;

  u32 keys[PER];
#pragma unroll
  for (int i = 0; i < PER; i++) {
    int t = thread + i * SAMPLE_THREADS;
    float score = scores[i];
    if (was_seen[i] && penalty != 1.0f) score = score < 0 ? score * penalty : score / penalty;
    if (t >= suppressed_start && t < suppressed_end && t != end_token) score = NEGATIVE_INFINITY;
    if (t == end_token && frame < (u32)minimum_tokens) score = NEGATIVE_INFINITY;
    if (samples && temperature != 1.0f) score = score / temperature;
    scores[i] = score;
    // 0 stands for no token: the smallest finite score has a larger key.
    keys[i] = score > NEGATIVE_INFINITY ? score_key(score) : 0;
  }

  u64 best = 0;
  if (!samples) {
#pragma unroll
    for (int i = 0; i < PER; i++) {
      u64 key = indexed_key(scores[i], thread + i * SAMPLE_THREADS);
      if (thread + i * SAMPLE_THREADS < vocabulary && key > best) best = key;
    }
  } else {
    // Top-k: the k-th largest key, two bits at a time from the top. It is found early when exactly
    // k keys reach a candidate.
    u32 threshold = 1;
    if (top_k > 0) {
      u32 found = 0;
      for (int shift = 30, buffer = 0; shift >= 0; shift -= 2, buffer ^= 1) {
        u32 low = 0, high = 0;
#pragma unroll
        for (int i = 0; i < PER; i++) {
          low += (keys[i] >= (found | 1u << shift)) + ((keys[i] >= (found | 2u << shift)) << 16);
          high += keys[i] >= (found | 3u << shift);
        }
        uint2 count = block_counts(low, high, &counts[buffer]);
        u32 reach[4] = {0, count.x & 0xffff, count.x >> 16, count.y};
        for (u32 digit = 3; digit > 0; digit--)
          if (reach[digit] >= (u32)top_k) {
            found |= digit << shift;
            if (reach[digit] == (u32)top_k) shift = 0;
            break;
          }
      }
      // It stays 0 when there are fewer possible tokens than k.
      if (found > 0) threshold = found;
    } else {
      block_barrier();
    }
#pragma unroll
    for (int i = 0; i < PER; i++)
      if (keys[i] >= threshold) {
        int index = atomicAdd(&listed, 1);
        list[index] = (u16)(thread + i * SAMPLE_THREADS);
        list_scores[index] = scores[i];
      }
    block_barrier();
    int kept = listed;
    // Top-p: in ascending order, of equal scores the higher id first. Ranks are unique, so the
    // order of the list does not matter.
    if (top_p < 1.0f && kept > 0) {
      for (int i = thread; i < kept; i += SAMPLE_THREADS) {
        u64 key = indexed_key(list_scores[i], list[i]);
        int rank = 0;
        for (int o = 0; o < kept; o++) rank += indexed_key(list_scores[o], list[o]) < key;
        order[rank] = (u16)i;
      }
      block_barrier();
      if (thread == 0) {
        float top = list_scores[order[kept - 1]], total = 0, sum = 0;
        for (int i = 0; i < kept; i++) total += expf(list_scores[order[i]] - top);
        dropped = 0;
        while (dropped < kept - 1) {
          sum += expf(list_scores[order[dropped]] - top) / total;
          if (sum > 1.0f - top_p) break;
          dropped++;
        }
      }
      block_barrier();
      for (int i = thread; i < dropped; i += SAMPLE_THREADS)
        list_scores[order[i]] = NEGATIVE_INFINITY;
      block_barrier();
    }
    for (int i = thread; i < kept; i += SAMPLE_THREADS) {
      if (!(list_scores[i] > NEGATIVE_INFINITY)) continue;
      float value = list_scores[i] + gumbel(list[i], (u32)settings[9], (u32)settings[10],
                                            (u32)codebook, frame, (u32)settings[11]);
      u64 key = indexed_key(value, list[i]);
      best = key > best ? key : best;
    }
  }
  int token = argmax_token(best);
  return token < 0 ? 0 : token;
}
