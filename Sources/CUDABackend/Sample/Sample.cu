// SPDX-License-Identifier: MIT
// Samples a code per row, by the settings of the row's slot: one block of 256 threads a row, 8 bytes
// of shared memory a token.
#include "Sample/Sampling.cuh"

template <int PER>
__device__ __forceinline__ void sample(const float *logits, int vocabulary, const int *settings,
                                       int settings_count, const int *frames, int *seen,
                                       int seen_count, const int *slots, int slot_stride,
                                       int codebook, int end_token, int suppressed_start,
                                       int suppressed_end, int minimum_tokens, int *codes,
                                       int code_stride) {
  extern __shared__ float list_scores[];
  u16 *list = (u16 *)(list_scores + vocabulary);
  int r = blockIdx.x, thread = threadIdx.x, slot = slots[(i64)r * slot_stride];
  int *row_seen = seen + (i64)slot * seen_count;
  float scores[PER];
  bool was_seen[PER];
#pragma unroll
  for (int i = 0; i < PER; i++) {
    int t = thread + i * SAMPLE_THREADS;
    scores[i] = t < vocabulary ? logits[(i64)r * vocabulary + t] : NEGATIVE_INFINITY;
    was_seen[i] = end_token >= 0 && t < vocabulary && row_seen[t] != 0;
  }
  int token = sample_token<PER>(scores, was_seen, vocabulary, settings + (i64)slot * settings_count,
                                (u32)frames[slot], codebook, end_token, suppressed_start,
                                suppressed_end, minimum_tokens, list_scores, list,
                                list + vocabulary);
  if (thread == 0) {
    if (end_token >= 0) row_seen[token] = 1;
    codes[(i64)r * code_stride] = token;
  }
}

#define SAMPLE(PER)                                                                                \
  extern "C" __global__ void __launch_bounds__(SAMPLE_THREADS) sample_##PER(                       \
    const float *logits, int vocabulary, const int *settings, int settings_count,                  \
    const int *frames, int *seen, int seen_count, const int *slots, int slot_stride, int codebook, \
    int end_token, int suppressed_start, int suppressed_end, int minimum_tokens, int *codes,       \
    int code_stride) {                                                                             \
    IN_ORDER                                                                                       \
    sample<PER>(logits, vocabulary, settings, settings_count, frames, seen, seen_count, slots,     \
                slot_stride, codebook, end_token, suppressed_start, suppressed_end,                \
                minimum_tokens, codes, code_stride);                                               \
  }
SAMPLE(8)
SAMPLE(16)
