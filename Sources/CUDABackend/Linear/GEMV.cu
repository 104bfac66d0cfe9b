// SPDX-License-Identifier: MIT
// GEMV for a decode step: one or two rows of x, a weight in bf16, k of 1024 C. A step reads every
// weight once and has five kernels a layer, so nothing but those bytes may take time: each kernel
// loads its weights into registers *before* it waits for the previous kernel, and the memory never
// idles at the boundary of two kernels.
#include "Attention/SplitAttention.cuh"
#include "Common/Activations.cuh"
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"

enum { STORE = 0, ADD = 1, SWIGLU = 2, MERGE_ADD = 3 };

// out = x Wᵀ + bias, out += x Wᵀ, or out = swiGLU(x Wᵀ), with x RMS-normalised first when there is
// a norm, or merged from the blocks of an attention. M rows of x, R rows of W per block of 128
// threads; a thread has columns 1024 c + 8 t … + 7, c < C. `n` is the width of `out`; SWIGLU's
// up-projection begins at row n of W. The norm's factor is the same for all columns and is applied
// to the sums.
// Bound: bytes of W.
template <int KIND, bool NORM, int C, int R, int M>
__device__ __forceinline__ void gemv(const float *x, const SplitAttention &split, const float *norm,
                                     float epsilon, const void *weight, const float *bias,
                                     float *out, int n) {
  constexpr int K = 1024 * C, OWN = KIND == SWIGLU ? R / 2 : R;
  __shared__ float squares[M][4], sums[4][R * M];
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, first = blockIdx.x * OWN;
  launch_dependents();
  uint4 w[R][C];
#pragma unroll
  for (int r = 0; r < R; r++) {
    int row = first + r % OWN;
    bool inside = row < n;
    if (r >= OWN) row += n;
#pragma unroll
    for (int c = 0; c < C; c++)
      w[r][c] = inside ? load_weight(weight, (i64)row * K + 1024 * c + 8 * thread)
                       : make_uint4(0, 0, 0, 0);
  }
  float gain[C][8];
  if (NORM) {
#pragma unroll
    for (int c = 0; c < C; c++)
#pragma unroll
      for (int i = 0; i < 8; i++) gain[c][i] = norm[1024 * c + 8 * thread + i];
  }
  wait_for_previous();

  int blocks = 1;
  if (KIND == MERGE_ADD) {
    int oldest;
    blocks = min(split.blocks, span_count(*split.position, split.window, &oldest));
  }
  float partial[R * M];
#pragma unroll
  for (int i = 0; i < R * M; i++) partial[i] = 0;
#pragma unroll
  for (int m = 0; m < M; m++) {
    float square = 0;
#pragma unroll
    for (int c = 0; c < C; c++) {
      int column = 1024 * c + 8 * thread;
      float v[8];
      if (KIND == MERGE_ADD) {
        merge_attention(split, blocks, column, v);
      } else {
        const float4 *from = (const float4 *)(x + m * K + column);
        float4 a = from[0], b = from[1];
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w;
        v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
      }
      if (NORM) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
          square += v[i] * v[i];
          v[i] *= gain[c][i];
        }
      }
#pragma unroll
      for (int r = 0; r < R; r++) partial[m * R + r] = dot8(w[r][c], v, partial[m * R + r]);
    }
    if (NORM) {
      square = warp_sum(square);
      if (lane == 0) squares[m][warp] = square;
    }
  }
  float sum = warp_sums<R * M>(partial);
  constexpr int LANES = 32 / (R * M);
  if (lane % LANES == 0) sums[warp][lane / LANES] = sum;
  __syncthreads();
  if (thread >= OWN * M) return;
  int m = thread / OWN, r = thread % OWN, column = first + r;
  if (column >= n) return;
  float factor = 1;
  if (NORM)
    factor = norm_factor(squares[m][0] + squares[m][1] + squares[m][2] + squares[m][3], K, epsilon);
  auto total = [&](int row) {
    int i = m * R + row;
    return (sums[0][i] + sums[1][i] + sums[2][i] + sums[3][i]) * factor;
  };
  float value = total(r), *entry = out + (i64)m * n + column;
  if (KIND == SWIGLU) {
    *entry = silu_value(value) * total(r + OWN);
  } else if (KIND == STORE) {
    *entry = bias ? value + bias[column] : value;
  } else {
    *entry += value;
  }
}

#define GEMV(name, KIND, NORM, C, R, M)                                                            \
  extern "C" __global__ void __launch_bounds__(128)                                                \
    gemv_##name##_##C##_##M(const float *x, const float *norm, float epsilon,                      \
                              const void *weight, const float *bias, float *out, int n) {          \
    gemv<KIND, NORM, C, R, M>(x, SplitAttention(), norm, epsilon, weight, bias, out, n);           \
  }
#define GEMVS(name, KIND, NORM, C, R)                                                              \
  GEMV(name, KIND, NORM, C, R, 1) GEMV(name, KIND, NORM, C, R, 2)
GEMVS(norm_store, STORE, true, 1, 16)
GEMVS(norm_store, STORE, true, 2, 8)
GEMVS(norm_swiglu, SWIGLU, true, 1, 16)
GEMVS(norm_swiglu, SWIGLU, true, 2, 8)
GEMVS(store, STORE, false, 1, 16)
GEMVS(store, STORE, false, 2, 8)
GEMVS(add, ADD, false, 1, 8)
GEMVS(add, ADD, false, 2, 8)
GEMVS(add, ADD, false, 3, 8)
GEMV(add, ADD, false, 6, 4, 1)

#define GEMV_MERGE(C, R)                                                                           \
  extern "C" __global__ void __launch_bounds__(128)                                                \
    gemv_merge_add_##C(const float *sums, const float *stats, const int *position, int blocks,     \
                          int window, int width, const void *weight, float *out, int n) {          \
    SplitAttention split = {sums, stats, position, blocks, window, width};                         \
    gemv<MERGE_ADD, false, C, R, 1>(0, split, 0, 0, weight, 0, out, n);                            \
  }
GEMV_MERGE(1, 8)
GEMV_MERGE(2, 8)
