// SPDX-License-Identifier: MIT
// Products of a matrix and one or two vectors on *tensor cores*: with F32 arithmetic the
// instructions, not the bytes, would set the time.
//
// A warp has 128 of every 1024 columns (a k-block). An F32 value is the sum of three bf16 terms,
// which are columns of the second factor: the products are exact, and M vectors take 3 M of its 8
// columns. In each 16 × 8 tile the columns of W stand in the order in which a lane has them, the
// same on both sides.
#pragma once
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"
#include "Common/TensorCore.cuh"
#include "FrameStep/Mailbox.cuh"
#include "FrameStep/WeightPipeline.cuh"

// The float4 of k-block p of a vector that a thread loads.
template <int K> __device__ __forceinline__ int own_float4(int p) { return 256 * p + threadIdx.x; }

// k-blocks that are split at once: there is room for six terms, of two vectors or of two k-blocks
// of one.
template <int M> __host__ __device__ constexpr int blocks_at_once() { return 2 / M; }

// Splits v[m][p] from k-block p on into terms and gives each lane its mma fragments, through shared
// memory of the warp's own.
template <int K, int M>
__device__ __forceinline__ void split_to_fragments(Shared &s, const float4 (*v)[K / 1024], int p,
                                                   uint4 (*fragments)[4]) {
  int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  char *address = (char *)s.terms[threadIdx.x / 32];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    if (p + i / M >= K / 1024) continue;
    float4 rest = v[i % M][p + i / M];
#pragma unroll
    for (int term = 0; term < 3; term++) {
      u32 low = bf16_pair(rest.x, rest.y), high = bf16_pair(rest.z, rest.w);
      *(uint2 *)(address + (3 * i + term) * FRAME_TERM_BYTES + 8 * lane) = make_uint2(low, high);
      rest.x -= __uint_as_float(low << 16), rest.y -= __uint_as_float(low & 0xffff0000u);
      rest.z -= __uint_as_float(high << 16), rest.w -= __uint_as_float(high & 0xffff0000u);
    }
  }
  __syncwarp();
#pragma unroll
  for (int r = 0; r < blocks_at_once<M>(); r++) {
    if (p + r >= K / 1024) continue;
#pragma unroll
    for (int j = 0; j < 4; j++)
      fragments[r][j] =
        g < 3 * M ? *(const uint4 *)(address + (3 * r + g) * FRAME_TERM_BYTES + 64 * j + 16 * t)
                  : make_uint4(0, 0, 0, 0);
  }
  __syncwarp();
}

// A whole vector, for matrices of many rows; for those of few rows it is split along the way.
template <int K> struct Operand {
  uint4 fragments[K / 1024][4];
};
template <int K, int M>
__device__ __forceinline__ void split_to_fragments(Shared &s, const float4 (*v)[K / 1024],
                                                   Operand<K> &x) {
#pragma unroll
  for (int p = 0; p < K / 1024; p += blocks_at_once<M>())
    split_to_fragments<K, M>(s, v, p, x.fragments + p);
}

// Scales by the norm's gain and stores the warp's sum of squares. The norm's factor is the same for
// all columns and is applied to the sums of the product.
template <int K, int M>
__device__ __forceinline__ void scale_by_norm(Shared &s, int buffer, float4 (*v)[K / 1024],
                                              const float4 *gain) {
#pragma unroll
  for (int m = 0; m < M; m++) {
    float square = 0;
#pragma unroll
    for (int p = 0; p < K / 1024; p++) {
      float4 &e = v[m][p];
      square += e.x * e.x + e.y * e.y + e.z * e.z + e.w * e.w;
      e.x *= gain[p].x, e.y *= gain[p].y, e.z *= gain[p].z, e.w *= gain[p].w;
    }
    square = warp_sum(square);
    if (threadIdx.x % 32 == 0) s.squares[buffer][m][threadIdx.x / 32] = square;
  }
}

template <int K>
__device__ __forceinline__ float vector_norm_factor(Shared &s, int buffer, int m, float epsilon) {
  float sum = 0;
#pragma unroll
  for (int w = 0; w < WARPS; w++) sum += s.squares[buffer][m][w];
  return norm_factor_approximate(sum, K, epsilon);
}

template <int K> __device__ __forceinline__ void load_gain(float4 *gain, u64 norm) {
#pragma unroll
  for (int p = 0; p < K / 1024; p++)
    gain[p] = *(const float4 *)(norm + 16 * threadIdx.x + 4096 * p);
}

// Waits for this thread's columns of rows FROM … M − 1 of a stack's vectors at `offset`.
template <class S, int K, int M, int FROM = 0>
__device__ __forceinline__ void wait_for_vectors(float4 (*v)[K / 1024], const Shared &s,
                                                 const Epochs &epochs, int offset) {
  constexpr int C = K / 1024, COUNT = (M - FROM) * C;
  const char *own = (const char *)s.own_copy + 16 * threadIdx.x;
  uint4 got[COUNT];
  auto from = [&](int i) {
    return (const u32 *)(own + 4 * (offset + (FROM + i / C) * K + 4 * 256 * (i % C)));
  };
#pragma unroll
  for (int i = 0; i < COUNT; i++) got[i] = load_16_bytes(from(i));
  spin_wait([&] {
    bool missing = false;
#pragma unroll
    for (int i = 0; i < COUNT; i++)
      missing |= poll_flagged4(got[i], from(i), parity<S>(epochs, FROM + i / C));
    return missing;
  });
#pragma unroll
  for (int i = 0; i < COUNT; i++) v[i / C][i % C] = unflagged4(got[i]);
}

// W x for the block's rows of W, or pairs of rows. Each warp leaves its partial sum of every row;
// after the barrier `emit(row, m, value, up)`, the epilogue, runs in one thread for each result.
// `buffer` alternates between products, so that one barrier is enough. `fragments(p)` are those of
// k-block p; it is called in ascending order.
template <int K, int M, int N, bool PAIRED, class Fragments, class Emit>
__device__ __forceinline__ void gemv_tiles(Consumer &weights, Shared &s, int buffer,
                                           const Fragments &fragments, const Emit &emit) {
  int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  int first = first_group(N), groups = end_group(N) - first;
  float *partial = s.partials[buffer][threadIdx.x / 32];
  // Two groups fill a tile's sixteen rows.
#pragma unroll 1
  for (int group = 0; group < groups; group += PAIRED ? 1 : 2) {
    bool two = PAIRED || group + 1 < groups;
    // Four accumulators, since one would make a long chain of dependent products.
    float d[4][4];
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) d[j][e] = 0;
#pragma unroll
    for (int p = 0; p < K / 1024; p++) {
      const uint4 *x = fragments(p);
      uint4 w[2][4];
      if (two) {
        consume_tiles<2>(weights, s, w);
      } else {
        consume_tiles<1>(weights, s, w);
#pragma unroll
        for (int j = 0; j < 4; j++) w[1][j] = make_uint4(0, 0, 0, 0);
      }
#pragma unroll
      for (int j = 0; j < 4; j++) {
        mma_bf16(d[j], w[0][j].x, w[1][j].x, w[0][j].y, w[1][j].y, x[j].x, x[j].y);
        mma_bf16(d[j], w[0][j].z, w[1][j].z, w[0][j].w, w[1][j].w, x[j].z, x[j].w);
      }
    }
#pragma unroll
    for (int second = 0; second < 2; second++) {
      if (second == 1 && !two) continue;
      // Columns 2 t and 2 t + 1 of row g; vector m is the sum of columns 3 m … 3 m + 2.
      float even = (d[0][2 * second] + d[1][2 * second]) + (d[2][2 * second] + d[3][2 * second]);
      float odd = (d[0][2 * second + 1] + d[1][2 * second + 1])
        + (d[2][2 * second + 1] + d[3][2 * second + 1]);
      float both = even + odd, next_even = __shfl_down_sync(0xffffffffu, even, 1);
      float *row = partial + 8 * (PAIRED ? second * groups + group : group + second) + g;
      if (t == 0) row[0] = both + next_even;
      if (M == 2) {
        float next_both = __shfl_down_sync(0xffffffffu, both, 1);
        if (t == 1) row[MAX_ROWS] = odd + next_both;
      }
    }
  }
  block_barrier();
#pragma unroll 1
  for (int i = threadIdx.x; i < 8 * groups * M; i += THREADS) {
    int m = M == 1 ? 0 : i / (8 * groups), r = M == 1 ? i : i % (8 * groups);
    float value = 0, up = 0;
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      const float *from = s.partials[buffer][w] + m * MAX_ROWS + r;
      value += from[0];
      if (PAIRED) up += from[8 * groups];
    }
    emit(8 * first + r, m, value, up);
  }
}

template <int K, int M, int N, bool PAIRED, class Emit>
__device__ __forceinline__ void gemv(Consumer &weights, Shared &s, int buffer, const Operand<K> &x,
                                     const Emit &emit) {
  gemv_tiles<K, M, N, PAIRED>(weights, s, buffer, [&](int p) { return x.fragments[p]; }, emit);
}
template <int K, int M, int N, class Emit>
__device__ __forceinline__ void gemv_splitting(Consumer &weights, Shared &s, int buffer,
                                               const float4 (*v)[K / 1024], const Emit &emit) {
  uint4 fragments[blocks_at_once<M>()][4];
  gemv_tiles<K, M, N, false>(
    weights, s, buffer,
    [&](int p) {
      if (p % blocks_at_once<M>() == 0) split_to_fragments<K, M>(s, v, p, fragments);
      return fragments[p % blocks_at_once<M>()];
    },
    emit);
}
