// SPDX-License-Identifier: MIT
// Scores of a stack's head, and the draw of a code from them.
#pragma once
#include "FrameStep/VectorProduct.cuh"
#include "Sample/Sampling.cuh"

// Draws a code from a stack's scores; every block draws the same one.
template <class S>
__device__ __forceinline__ int sample_code(Shared &s, bool odd, int codebook) {
  constexpr int VOCABULARY = S::VOCABULARY, PER = (VOCABULARY + THREADS - 1) / THREADS;
  const u32 *flagged = s.own_copy + S::SCORES;
  const int *seen = (const int *)s.pointers[STEP_AT(SEEN)];
  float *plain =
    (float *)s.pointers[codebook == 0 ? STEP_AT(TALKER_LOGITS) : STEP_AT(PREDICTOR_LOGITS)];
  u32 marked[PER];
  bool was_seen[PER];
  // Distance from a thread's first score to its i-th, or to one that exists: mostly a constant.
  flagged += threadIdx.x, seen += threadIdx.x;
  auto away = [&](int i) {
    return i < VOCABULARY / THREADS ? i * THREADS
                                    : min(i * THREADS, VOCABULARY - 1 - (int)threadIdx.x);
  };
#pragma unroll
  for (int i = 0; i < PER; i++) {
    marked[i] = load_flagged(flagged + away(i));
    was_seen[i] = codebook == 0 && seen[away(i)] != 0;
  }
  spin_wait([&] {
    bool missing = false;
#pragma unroll
    for (int i = 0; i < PER; i++) missing |= poll_flagged(marked[i], flagged + away(i), odd);
    return missing;
  });
  float scores[PER];
#pragma unroll
  for (int i = 0; i < PER; i++) {
    int t = threadIdx.x + i * THREADS;
    scores[i] = t < VOCABULARY ? unflagged(marked[i]) : NEGATIVE_INFINITY;
    if (blockIdx.x == 0 && t < VOCABULARY) plain[t] = scores[i];
  }
  return sample_token<PER>(scores, was_seen, VOCABULARY,
                           (const int *)s.pointers[STEP_AT(SETTINGS)], s.frame, codebook,
                           codebook == 0 ? END_TOKEN : -1, codebook == 0 ? SUPPRESSED_START : 0,
                           codebook == 0 ? SUPPRESSED_END : 0, codebook == 0 ? MINIMUM_TOKENS : 0,
                           s.scratch, (u16 *)(s.scratch + MAX_VOCABULARY),
                           (u16 *)(s.scratch + MAX_VOCABULARY) + MAX_VOCABULARY);
}

// Scores of a stack's head over the vector in x; where it is `normed`, the norm's factor is applied
// here.
template <class S>
__device__ __forceinline__ void compute_scores(Consumer &weights, Shared &s, int buffer, bool odd,
                                               const Operand<S::HIDDEN> &x, bool normed,
                                               float epsilon) {
  u32 *flagged = (u32 *)s.pointers[STEP_AT(FLAGGED)] + S::SCORES;
  gemv<S::HIDDEN, 1, S::VOCABULARY, false>(
    weights, s, buffer, x, [&](int row, int, float value, float) {
      if (normed) value *= vector_norm_factor<S::HIDDEN>(s, buffer, 0, epsilon);
      store_flagged(flagged + row, value, odd);
    });
}
