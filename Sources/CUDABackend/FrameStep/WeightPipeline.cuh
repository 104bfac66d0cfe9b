// SPDX-License-Identifier: MIT
// *Weights flow.* Which rows of which matrix a block multiplies, and in which order, is known
// before the frame begins. So one warp, the producer, does nothing but copy them into a ring of
// stages in shared memory, as far ahead as the ring is long, across layers, passes and draws; the
// other eight consume them. The memory never waits for a result.
#pragma once
#include "FrameStep/FrameConstants.cuh"

// Barriers in shared memory that count arrivals and bytes (mbarrier).
__device__ __forceinline__ void make_barrier(u64 *barrier, int arrivals) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;"
               :
               : "r"(shared_address(barrier)), "r"(arrivals)
               : "memory");
}
__device__ __forceinline__ void arrive(u64 *barrier) {
  asm volatile("{ .reg .b64 state; mbarrier.arrive.shared.b64 state, [%0]; }"
               :
               : "r"(shared_address(barrier))
               : "memory");
}
// Waits until the phase of that parity has completed.
__device__ __forceinline__ void wait_phase(const u64 *barrier, u32 parity) {
  u32 done = 0, address = shared_address(barrier);
  for (u32 spins = 0; !done; spins++) {
#ifdef BULK_COPIES
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; "
                 "selp.u32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(address), "r"(parity)
                 : "memory");
#else
    asm volatile("{ .reg .pred p; mbarrier.test_wait.parity.shared.b64 p, [%1], %2; "
                 "selp.u32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(address), "r"(parity)
                 : "memory");
#endif
    if (spins > 1u << 27) asm volatile("trap;");
  }
}

// Groups of 8 rows, of a matrix of n rows, that this block multiplies.
__device__ __forceinline__ int first_group(int n) { return n / 8 * (int)blockIdx.x / GRID; }
__device__ __forceinline__ int end_group(int n) { return n / 8 * ((int)blockIdx.x + 1) / GRID; }

// Copies a tile, 8 rows of 1024 columns, as soon as its stage is empty and few enough are in
// flight. `count` tiles have been started before it.
__device__ __forceinline__ void produce_tile(int &count, Shared &s, char *ring, const char *from,
                                             i64 row_bytes) {
  int stage = count % STAGES, lane = threadIdx.x % 32;
  if (count >= STAGES) wait_phase(s.empty + stage, (count / STAGES - 1) & 1);
  if (count >= DEPTH) {
    int earlier = count - DEPTH;
    wait_phase(s.full + earlier % STAGES, earlier / STAGES & 1);
  }
  u32 to = shared_address(ring + stage * FRAME_STAGE_BYTES);
  u32 barrier = shared_address(s.full + stage);
  // The weights of a frame are read once and must not evict the mailbox from L2.
  u64 policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
#ifdef BULK_COPIES
  if (lane == 0)
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
                 :
                 : "r"(barrier), "r"(8 * 2048)
                 : "memory");
  __syncwarp();
  if (lane < 8)
    asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint "
      "[%0], [%1], %2, [%3], %4;"
      :
      : "r"(to + lane * FRAME_ROW_BYTES), "l"(from + lane * row_bytes), "r"(2048), "r"(barrier),
        "l"(policy)
      : "memory");
#else
#pragma unroll 1
  for (int row = 0; row < 8; row++)
#pragma unroll
    for (int i = 0; i < 4; i++)
      asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;"
                   :
                   : "r"(to + row * FRAME_ROW_BYTES + 512 * i + 16 * lane),
                     "l"(from + row * row_bytes + 512 * i + 16 * lane), "l"(policy)
                   : "memory");
  asm volatile("cp.async.mbarrier.arrive.noinc.shared.b64 [%0];" : : "r"(barrier) : "memory");
#endif
  count++;
}

// Copies this block's rows of a matrix [n, k], two groups next to each other, as `gemv_tiles`
// consumes them: gates with their up-projections, which stand n rows later, or adjacent groups.
__device__ __forceinline__ void produce_matrix(int &count, Shared &s, char *ring, u64 matrix, int n,
                                               int k, bool paired) {
  i64 row_bytes = 2 * k, beside = paired ? n * row_bytes : 8 * row_bytes;
  int end = end_group(n);
#pragma unroll 1
  for (int group = first_group(n); group < end; group += paired ? 1 : 2) {
    const char *from = (const char *)matrix + 8 * group * row_bytes;
    bool two = paired || group + 1 < end;
#pragma unroll 1
    for (int tile = 0; tile < k / 1024; tile++)
#pragma unroll 1
      for (int second = 0; second < (two ? 2 : 1); second++)
        produce_tile(count, s, ring, from + second * beside + 2048 * tile, row_bytes);
  }
}

template <class S>
__device__ __forceinline__ void produce_stack(int &count, Shared &s, char *ring, int layers) {
#pragma unroll 1
  for (int product = 0; product < 4 * S::LAYERS; product++) {
    int kind = product % 4;
    produce_matrix(
      count, s, ring, s.pointers[layers + product / 4 * FRAME_LAYER_POINTERS + kind],
      kind == FRAME_LAYER_QKV ? S::PACKED : kind == FRAME_LAYER_GATE_UP ? S::INNER : S::HIDDEN,
      kind == FRAME_LAYER_OUTPUT ? S::QUERY : kind == FRAME_LAYER_DOWN ? S::INNER : S::HIDDEN,
      kind == FRAME_LAYER_GATE_UP);
  }
}

// The producer: all weights of the frame, in the order of their use.
__device__ __forceinline__ void produce_frame(Shared &s, char *ring, bool advances) {
  int count = 0;
  if (advances) produce_stack<TalkerStack>(count, s, ring, TALKER_LAYERS);
  produce_matrix(count, s, ring, s.pointers[HEADS], T_VOCABULARY, T_HIDDEN, false);
#pragma unroll 1
  for (int pass = 0; pass < CODEBOOKS - 1; pass++) {
    if (PROJECTED)
      produce_matrix(count, s, ring, s.pointers[STEP_AT(PROJECTION)], P_HIDDEN, T_HIDDEN, false);
    produce_stack<PredictorStack>(count, s, ring, PREDICTOR_LAYERS);
    produce_matrix(count, s, ring, s.pointers[HEADS + 1 + pass], P_VOCABULARY, P_HIDDEN, false);
  }
}

// Where a consuming warp is.
struct Consumer {
  const char *ring;  // this lane's part of the first stage
  int stage;
  u32 parity;
};

// The next N tiles: a warp has 128 columns of each, lane 4 g + t those from 8 (4 j + t) on, eight
// of them, of row g, j < 4.
template <int N>
__device__ __forceinline__ void consume_tiles(Consumer &weights, Shared &s, uint4 (*w)[4]) {
  int stage[N];
#pragma unroll
  for (int i = 0; i < N; i++) {
    stage[i] = weights.stage;
    wait_phase(s.full + weights.stage, weights.parity);
    if (++weights.stage == STAGES) {
      weights.stage = 0;
      weights.parity ^= 1;
    }
  }
#pragma unroll
  for (int i = 0; i < N; i++)
#pragma unroll
    for (int j = 0; j < 4; j++)
      w[i][j] = *(const uint4 *)(weights.ring + stage[i] * FRAME_STAGE_BYTES + 64 * j);
  __syncwarp();
  if (threadIdx.x % 32 == 0)
#pragma unroll
    for (int i = 0; i < N; i++) arrive(s.empty + stage[i]);
}
