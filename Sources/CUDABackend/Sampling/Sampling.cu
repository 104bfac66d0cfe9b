// SPDX-License-Identifier: MIT
// One block of 256 threads a row; 8 bytes of shared memory a token.

template <int PER>
__device__ __forceinline__ void draw(const float *logits, int vocabulary, const int *settings,
                                     int settings_count, const int *frames, int *seen,
                                     int seen_count, int codebook, int end_token,
                                     int suppressed_start, int suppressed_end, int minimum_tokens,
                                     int *codes, int code_stride) {
  extern __shared__ float list_scores[];
  u16 *list = (u16 *)(list_scores + vocabulary);
  int r = blockIdx.x, thread = threadIdx.x;
  int *row_seen = seen + (i64)r * seen_count;
  float scores[PER];
  bool was_seen[PER];
#pragma unroll
  for (int i = 0; i < PER; i++) {
    int t = thread + i * DRAW_THREADS;
    scores[i] = t < vocabulary ? logits[(i64)r * vocabulary + t] : NEGATIVE_INFINITY;
    was_seen[i] = end_token >= 0 && t < vocabulary && row_seen[t] != 0;
  }
  int token = draw_token<PER>(scores, was_seen, vocabulary, settings + (i64)r * settings_count,
                              (u32)frames[r], codebook, end_token, suppressed_start,
                              suppressed_end, minimum_tokens, list_scores, list,
                              list + vocabulary);
  if (thread == 0) {
    if (end_token >= 0) row_seen[token] = 1;
    codes[(i64)r * code_stride] = token;
  }
}

#define DRAW(PER)                                                                                  \
  extern "C" __global__ void __launch_bounds__(DRAW_THREADS) sample_##PER(                         \
    const float *logits, int vocabulary, const int *settings, int settings_count,                  \
    const int *frames, int *seen, int seen_count, int codebook, int end_token,                     \
    int suppressed_start, int suppressed_end, int minimum_tokens, int *codes, int code_stride) {   \
    IN_ORDER                                                                                       \
    draw<PER>(logits, vocabulary, settings, settings_count, frames, seen, seen_count, codebook,    \
              end_token, suppressed_start, suppressed_end, minimum_tokens, codes, code_stride);    \
  }
DRAW(8)
DRAW(16)
