// SPDX-License-Identifier: MIT
// One block of 1024 threads a row: the draw of Sampling.swift, in its order. Shared memory: scores
// and two orders, 12 bytes a token. Bound: barriers, about a hundred.

// Order-preserving integer of a score; −0 counts as 0.
__device__ __forceinline__ u32 score_key(float score) {
  u32 bits = __float_as_uint(score + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Largest key of a block, the first index of equal ones; -1 when every thread gives 0.
__device__ __forceinline__ int first_largest(u64 key) {
  __shared__ u64 partial[32];
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    u64 other = __shfl_xor_sync(0xffffffffu, key, step);
    key = other > key ? other : key;
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = key;
  __syncthreads();
  key = 0;
  for (int warp = 0; warp < blockDim.x / 32; warp++)
    key = partial[warp] > key ? partial[warp] : key;
  return key == 0 ? -1 : (int)~(u32)key;
}

__device__ __forceinline__ u64 indexed_key(float score, int token) {
  return (u64)score_key(score) << 32 | (u32)~token;
}

// −log(−log(u)), u from Philox4x32-10 (Philox.swift).
__device__ float noise(int token, u32 key0, u32 key1, u32 codebook, u32 frame, u32 utterance) {
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

// `end_token` is −1 for the code predictor, whose tokens are not remembered.
KERNEL sample(const float *logits, int vocabulary, const int *settings, int settings_count,
              const int *frames, int *seen, int seen_count, int codebook, int end_token,
              int suppressed_start, int suppressed_end, int minimum_tokens, int *codes,
              int code_stride) {
  IN_ORDER
  extern __shared__ float scores[];
  int *order = (int *)(scores + vocabulary), *list = order + vocabulary;
  __shared__ int dropped, listed;
  int r = blockIdx.x, first = threadIdx.x, step = blockDim.x;
  const int *words = settings + (i64)r * settings_count;
  u32 frame = (u32)frames[r];
  int base = codebook == 0 ? 0 : 5;
  bool samples = words[base] != 0;
  float temperature = __int_as_float(words[base + 1]);
  int top_k = words[base + 2];
  float top_p = __int_as_float(words[base + 3]);
  float penalty = codebook == 0 ? __int_as_float(words[4]) : 1.0f;
  int *row_seen = seen + (i64)r * seen_count;
  int token = -1;

  for (int t = first; t < vocabulary; t += step) {
    float score = logits[(i64)r * vocabulary + t];
    if (end_token >= 0 && penalty != 1.0f && row_seen[t] != 0)
      score = score < 0 ? score * penalty : score / penalty;
    if (t >= suppressed_start && t < suppressed_end && t != end_token) score = NEGATIVE_INFINITY;
    if (t == end_token && frame < (u32)minimum_tokens) score = NEGATIVE_INFINITY;
    if (samples && temperature != 1.0f) score = score / temperature;
    scores[t] = score;
  }
  __syncthreads();

  if (!samples) {
    u64 best = 0;
    for (int t = first; t < vocabulary; t += step) {
      u64 key = indexed_key(scores[t], t);
      best = key > best ? key : best;
    }
    token = first_largest(best);
  } else {
    // Top-k: the k-th largest key, found bit by bit from the top.
    int rounds = (vocabulary + step - 1) / step, possible = 0;
    for (int i = 0; i < rounds; i++) {
      int t = first + i * step;
      possible += __syncthreads_count(t < vocabulary && scores[t] > NEGATIVE_INFINITY);
    }
    u32 threshold = 0;
    if (top_k > 0 && top_k < possible) {
      for (int bit = 31; bit >= 0; bit--) {
        u32 candidate = threshold | 1u << bit;
        int count = 0;
        for (int i = 0; i < rounds; i++) {
          int t = first + i * step;
          count += __syncthreads_count(t < vocabulary && score_key(scores[t]) >= candidate);
        }
        if (count >= top_k) threshold = candidate;
      }
    }
    int kept = 0;
    for (int i = 0; i < rounds; i++) {
      int t = first + i * step;
      bool stays = t < vocabulary && scores[t] > NEGATIVE_INFINITY &&
                   score_key(scores[t]) >= threshold;
      if (t < vocabulary && !stays) scores[t] = NEGATIVE_INFINITY;
      kept += __syncthreads_count(stays);
    }
    // Top-p: kept tokens in ascending order, of equal scores the higher id first.
    if (top_p < 1.0f && kept > 0) {
      if (first == 0) listed = 0;
      __syncthreads();
      for (int t = first; t < vocabulary; t += step)
        if (scores[t] > NEGATIVE_INFINITY) list[atomicAdd(&listed, 1)] = t;
      __syncthreads();
      // Ranks are unique, so the order does not depend on that of the list.
      for (int i = first; i < kept; i += step) {
        u64 key = indexed_key(scores[list[i]], list[i]);
        int rank = 0;
        for (int o = 0; o < kept; o++) rank += indexed_key(scores[list[o]], list[o]) < key;
        order[rank] = list[i];
      }
      __syncthreads();
      if (first == 0) {
        float top = scores[order[kept - 1]], total = 0, sum = 0;
        for (int i = 0; i < kept; i++) total += expf(scores[order[i]] - top);
        dropped = 0;
        while (dropped < kept - 1) {
          sum += expf(scores[order[dropped]] - top) / total;
          if (sum > 1.0f - top_p) break;
          dropped++;
        }
      }
      __syncthreads();
      for (int i = first; i < dropped; i += step) scores[order[i]] = NEGATIVE_INFINITY;
      __syncthreads();
    }
    u64 best = 0;
    for (int t = first; t < vocabulary; t += step) {
      if (!(scores[t] > NEGATIVE_INFINITY)) continue;
      float value = scores[t] + noise(t, (u32)words[9], (u32)words[10], (u32)codebook, frame,
                                      (u32)words[11]);
      u64 key = indexed_key(value, t);
      best = key > best ? key : best;
    }
    token = first_largest(best);
  }
  if (first == 0) {
    if (token < 0) token = 0;
    if (end_token >= 0) row_seen[token] = 1;
    codes[(i64)r * code_stride] = token;
  }
}
