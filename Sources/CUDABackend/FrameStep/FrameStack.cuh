// SPDX-License-Identifier: MIT
// The layers of the talker or of the code predictor.
#pragma once
#include "Common/Activations.cuh"
#include "FrameStep/FrameAttention.cuh"

// Runs the layers over M rows at positions `position` … `position + M − 1`. `quad(m, q)` are
// columns 4 q … 4 q + 3 of row m of the input. Afterwards the residual stream stands at S::STREAM.
template <class S, int M, class Quad>
__device__ __forceinline__ void run_stack(Consumer &weights, Shared &s, int &buffer, Epochs &epochs,
                                          int layers, int stack, int position, int splits,
                                          float epsilon, const Quad &quad) {
  constexpr int C = S::HIDDEN / 1024;
  u64 *tagged = (u64 *)s.pointers[STEP_AT(TAGGED)];
  u32 *flagged = (u32 *)s.pointers[STEP_AT(FLAGGED)];
  // The elements of the residual stream that this block owns; a thread always has the same.
  int first = 8 * first_group(S::HIDDEN), count = 8 * end_group(S::HIDDEN) - first;
#pragma unroll 1
  for (int i = threadIdx.x; i < count * M; i += THREADS) {
    int row = first + i % count;
    float4 x = quad(i / count, row / 4);
    s.residual[i] = row % 4 == 0 ? x.x : row % 4 == 1 ? x.y : row % 4 == 2 ? x.z : x.w;
  }
  prepare_rotation<S, M>(s, position, splits, s.pointers[stack + FRAME_STACK_FREQUENCIES]);
#pragma unroll 1
  for (int l = 0; l < S::LAYERS; l++) {
    const u64 *pointers = s.pointers + layers + l * FRAME_LAYER_POINTERS;
    auto add_to_stream = [&](int offset) {
      return [=, &s](int row, int m, float value, float) {
        float &old = s.residual[m * count + row - first];
        old += value;
        store_flagged(flagged + offset + m * S::HIDDEN + row, old, parity<S>(epochs, m));
      };
    };
    auto factor = [&](int buffer, int m) {
      return vector_norm_factor<S::HIDDEN>(s, buffer, m, epsilon);
    };
    {
      float4 gain[C], x[M][C];
      load_gain<S::HIDDEN>(gain, pointers[FRAME_LAYER_INPUT_NORM]);
      if (l == 0) {
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
          for (int p = 0; p < C; p++) x[m][p] = quad(m, own_float4<S::HIDDEN>(p));
      } else {
        wait_for_vectors<S, S::HIDDEN, M>(x, s, epochs, S::STREAM);
      }
      advance_epochs<S, M>(epochs);
      buffer ^= 1;
      Operand<S::HIDDEN> operand;
      scale_by_norm<S::HIDDEN, M>(s, buffer, x, gain);
      split_to_fragments<S::HIDDEN, M>(s, x, operand);
      gemv<S::HIDDEN, M, S::PACKED, false>(
        weights, s, buffer, operand, [&](int row, int m, float value, float) {
          store_tagged(tagged + TAGGED_QKV + m * MAX_PACKED + row, value * factor(buffer, m),
                       epochs.epoch);
        });
    }
#pragma unroll 1
    for (int m = 0; m < M; m++) {
      i64 capacity = S::ROWS == 1 ? (i64)s.pointers[STEP_AT(CAPACITY)] : CODEBOOKS;
      i64 layer_offset = l * capacity * (S::KV * S::CACHE_BYTES);
      attend<S>(s, epochs, m, position + m, splits,
                s.pointers[stack + FRAME_STACK_KEYS] + layer_offset,
                s.pointers[stack + FRAME_STACK_VALUES] + layer_offset,
                pointers[FRAME_LAYER_QUERY_NORM], pointers[FRAME_LAYER_KEY_NORM], epsilon);
    }
    {
      float4 x[M][S::QUERY / 1024];
      wait_for_vectors<S, S::QUERY, M>(x, s, epochs, S::ATTENDED);
      buffer ^= 1;
      gemv_splitting<S::QUERY, M, S::HIDDEN>(weights, s, buffer, x, add_to_stream(S::MIDDLE));
    }
    {
      float4 gain[C], x[M][C];
      load_gain<S::HIDDEN>(gain, pointers[FRAME_LAYER_POST_NORM]);
      wait_for_vectors<S, S::HIDDEN, M>(x, s, epochs, S::MIDDLE);
      buffer ^= 1;
      Operand<S::HIDDEN> operand;
      scale_by_norm<S::HIDDEN, M>(s, buffer, x, gain);
      split_to_fragments<S::HIDDEN, M>(s, x, operand);
      gemv<S::HIDDEN, M, S::INNER, true>(
        weights, s, buffer, operand, [&](int row, int m, float gate, float up) {
          float scale = factor(buffer, m), x = gate * scale;
          store_flagged(flagged + S::ACTIVATED + m * S::INNER + row,
                        silu_approximate(x) * (up * scale), parity<S>(epochs, m));
        });
    }
    {
      float4 x[M][S::INNER / 1024];
      wait_for_vectors<S, S::INNER, M>(x, s, epochs, S::ACTIVATED);
      buffer ^= 1;
      gemv_splitting<S::INNER, M, S::HIDDEN>(weights, s, buffer, x, add_to_stream(S::STREAM));
    }
  }
}
