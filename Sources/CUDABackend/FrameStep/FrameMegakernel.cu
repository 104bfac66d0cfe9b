// SPDX-License-Identifier: MIT
// A whole frame of one utterance in one persistent kernel: the talker's step over the last frame,
// its head and draw, then fifteen passes of the code predictor with theirs (`FrameStep.advance`,
// `makeCodes`).
//
// One block of nine warps stays on every SM. What makes it fast stands in the headers: weights flow
// (WeightPipeline.cuh), results carry their own flag (Mailbox.cuh), tensor cores multiply a vector
// (VectorProduct.cuh). Heads have 128 entries, and two query heads share a key head. Widths are
// multiples of 1024.
//
// Bound: bytes of the weights, 3.3 GB a frame at 0.6B and 5.3 GB at 1.7B.
#define FRAME_KERNEL
#include "FrameStep/FrameStack.cuh"
#include "FrameStep/FrameSampling.cuh"

// One pass of the predictor over M rows; returns the code of `codebook`.
template <int M, class Quad>
__device__ __forceinline__ int predict(Consumer &weights, Shared &s, int &buffer, Epochs &epochs,
                                       int codebook, const Quad &quad) {
  epochs.parities ^= PASS_PARITY;
#if PROJECTED
  // Its first row is used once a pass, its second once a frame.
  auto projected = [&](int m) {
    return (epochs.parities & (m == 0 ? PASS_PARITY : FRAME_PARITY)) != 0;
  };
  {
    float4 x[M][T_HIDDEN / 1024];
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
      for (int p = 0; p < T_HIDDEN / 1024; p++) x[m][p] = quad(m, own_float4<T_HIDDEN>(p));
    buffer ^= 1;
    Operand<T_HIDDEN> operand;
    split_to_fragments<T_HIDDEN, M>(s, x, operand);
    const float *bias = (const float *)s.pointers[STEP_AT(PROJECTION_BIAS)];
    u32 *flagged = (u32 *)s.pointers[STEP_AT(FLAGGED)] + PredictorStack::INPUT;
    gemv<T_HIDDEN, M, P_HIDDEN, false>(
      weights, s, buffer, operand, [&](int row, int m, float value, float) {
        store_flagged(flagged + m * P_HIDDEN + row, value + bias[row], projected(m));
      });
  }
  auto source = [&](int m, int q) {
    const u32 *address = s.own_copy + PredictorStack::INPUT + m * P_HIDDEN + 4 * q;
    uint4 got = load_16_bytes(address);
    for (u32 spins = 0; poll_flagged4(got, address, projected(m)); spins++)
      if (spins > 1u << 23) asm volatile("trap;");
    return unflagged4(got);
  };
#else
  const Quad &source = quad;
#endif
  // The second row of pass 0 stands at position 1, the row of pass g > 0 at g + 1.
  run_stack<PredictorStack, M>(weights, s, buffer, epochs, PREDICTOR_LAYERS, PREDICTOR_STACK,
                               M == 2 ? 0 : codebook, 1, P_EPSILON, source);
  float4 gain[P_HIDDEN / 1024], y[1][P_HIDDEN / 1024];
  load_gain<P_HIDDEN>(gain, s.pointers[PREDICTOR_STACK + FRAME_STACK_NORM]);
  wait_for_vectors<PredictorStack, P_HIDDEN, M, M - 1>(y, s, epochs, PredictorStack::STREAM);
  buffer ^= 1;
  scale_by_norm<P_HIDDEN, 1>(s, buffer, y, gain);
  Operand<P_HIDDEN> operand;
  split_to_fragments<P_HIDDEN, 1>(s, y, operand);
  compute_scores<PredictorStack>(weights, s, buffer, (epochs.parities & PASS_PARITY) != 0, operand,
                                 true, P_EPSILON);
  return sample_code<PredictorStack>(s, (epochs.parities & PASS_PARITY) != 0, codebook);
}

// Grid: one block per SM, all resident at once (a cooperative launch). `advances` is 0 for the
// frame after a prompt, which has left its hidden state.
extern "C" __global__ void __launch_bounds__(THREADS + 32, 1)
frame_step(const u64 *pointers, int advances) {
  extern __shared__ __align__(128) char memory[];
  Shared &s = *(Shared *)(memory + STAGES * FRAME_STAGE_BYTES);
  int thread = threadIdx.x;
  for (int i = thread; i < POINTERS; i += THREADS + 32) s.pointers[i] = pointers[i];
  if (thread == 0) {
    s.own_copy =
      (const u32 *)pointers[STEP_AT(FLAGGED)] + (blockIdx.x % FRAME_COPIES) * FLAGGED_COUNT;
    s.frame = *(const u32 *)pointers[STEP_AT(INDEX)] + (advances ? 1 : 0);
  }
  if (thread < STAGES) {
#ifdef BULK_COPIES
    make_barrier(s.full + thread, 1);
#else
    make_barrier(s.full + thread, 32);
#endif
    make_barrier(s.empty + thread, WARPS);
#ifdef BULK_COPIES
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
  }
  __syncthreads();
  // From here on the producer runs on its own, and barriers are for the other eight warps.
  if (thread >= THREADS) {
    produce_frame(s, memory, advances != 0);
    return;
  }
  Consumer weights = {
    memory + thread % 32 / 4 * FRAME_ROW_BYTES + thread / 32 * 256 + 16 * (thread % 4), 0, 0};
  Epochs epochs = *(const Epochs *)s.pointers[STEP_AT(EPOCHS)];
  epochs.parities ^= FRAME_PARITY;
  int buffer = 0;
  float4 x[1][T_HIDDEN / 1024];
  if (advances) {
    int position = *(const int *)s.pointers[STEP_AT(POSITION)];
    int text_row = ((const int *)s.pointers[STEP_AT(TRAILING)])[
      min((int)s.frame - 1, *(const int *)s.pointers[STEP_AT(TRAILING_COUNT)])];
    run_stack<TalkerStack, 1>(
      weights, s, buffer, epochs, TALKER_LAYERS, TALKER_STACK, position,
      min(MAX_SPLITS, position / 32 + 1), T_EPSILON, [&](int, int q) {
        const int *codes = (const int *)s.pointers[STEP_AT(CODES)];
        float4 sum = table_quad<T_HIDDEN>(s.pointers[TABLES], codes[0], q);
#pragma unroll
        for (int g = 1; g < CODEBOOKS; g++) {
          float4 y = table_quad<T_HIDDEN>(s.pointers[TABLES + g], codes[g], q);
          sum.x += y.x, sum.y += y.y, sum.z += y.z, sum.w += y.w;
        }
        float4 text = ((const float4 *)s.pointers[STEP_AT(TEXT)])[
          (i64)text_row * (T_HIDDEN / 4) + q];
        sum.x += text.x, sum.y += text.y, sum.z += text.z, sum.w += text.w;
        return sum;
      });
    float4 gain[T_HIDDEN / 1024];
    load_gain<T_HIDDEN>(gain, s.pointers[TALKER_STACK + FRAME_STACK_NORM]);
    wait_for_vectors<TalkerStack, T_HIDDEN, 1>(x, s, epochs, TalkerStack::STREAM);
    buffer ^= 1;
    scale_by_norm<T_HIDDEN, 1>(s, buffer, x, gain);
  } else {
#pragma unroll
    for (int p = 0; p < T_HIDDEN / 1024; p++)
      x[0][p] = ((const float4 *)s.pointers[STEP_AT(HIDDEN_STATE)])[own_float4<T_HIDDEN>(p)];
    buffer ^= 1;
  }
  {
    Operand<T_HIDDEN> operand;
    split_to_fragments<T_HIDDEN, 1>(s, x, operand);
    compute_scores<TalkerStack>(weights, s, buffer, (epochs.parities & FRAME_PARITY) != 0, operand,
                                advances != 0, T_EPSILON);
  }
  float factor = advances ? vector_norm_factor<T_HIDDEN>(s, buffer, 0, T_EPSILON) : 1.0f;
#pragma unroll
  for (int p = 0; p < T_HIDDEN / 1024; p++) {
    float4 h = x[0][p];
    h.x *= factor, h.y *= factor, h.z *= factor, h.w *= factor;
    ((float4 *)s.hidden)[own_float4<T_HIDDEN>(p)] = h;
    if (blockIdx.x == 0 && advances)
      ((float4 *)s.pointers[STEP_AT(HIDDEN_STATE)])[own_float4<T_HIDDEN>(p)] = h;
  }
  int code = sample_code<TalkerStack>(s, (epochs.parities & FRAME_PARITY) != 0, 0);
  if (thread == 0) s.codes[0] = code;

  int sampled = code;
  code = predict<2>(weights, s, buffer, epochs, 1, [&](int m, int q) {
    return m == 0 ? ((const float4 *)s.hidden)[q]
                  : table_quad<T_HIDDEN>(s.pointers[TABLES], sampled, q);
  });
  if (thread == 0) s.codes[1] = code;
#pragma unroll 1
  for (int codebook = 2; codebook < CODEBOOKS; codebook++) {
    int before = code;
    code = predict<1>(weights, s, buffer, epochs, codebook, [&](int, int q) {
      return table_quad<T_HIDDEN>(s.pointers[TABLES + codebook - 1], before, q);
    });
    if (thread == 0) s.codes[codebook] = code;
  }

  // What the next frame reads is written once every block has read the old values: the last draw of
  // this block needed scores from all.
  if (blockIdx.x != 0) return;
  int count = *(const int *)s.pointers[STEP_AT(RING_COUNTER)];
  __syncwarp();
  if (thread < CODEBOOKS) {
    ((int *)s.pointers[STEP_AT(CODES)])[thread] = s.codes[thread];
    ((int *)s.pointers[STEP_AT(RING)])[(u32)count % RING_DEPTH * CODEBOOKS + thread] =
      s.codes[thread];
    __threadfence_system();
  }
  block_barrier();
  if (thread == 0) {
    *(volatile int *)s.pointers[STEP_AT(PUBLISHED)] = count + 1;
    *(int *)s.pointers[STEP_AT(RING_COUNTER)] = count + 1;
    ((int *)s.pointers[STEP_AT(SEEN)])[s.codes[0]] = 1;
    *(Epochs *)s.pointers[STEP_AT(EPOCHS)] = epochs;
    if (advances) {
      *(u32 *)s.pointers[STEP_AT(INDEX)] = s.frame;
      ++*(int *)s.pointers[STEP_AT(POSITION)];
    }
  }
}
