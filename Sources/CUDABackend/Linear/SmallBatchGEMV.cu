// SPDX-License-Identifier: MIT
// GEMV for one to four rows of x and a weight in split bf16, [2][n][k], k of 256 S: the codec's
// transformer, a frame or a few at a time. A warp has R rows of W, which it loads before it waits
// for the previous kernel; a lane has columns 256 s + 8 lane … + 7, s < S.
// Bound: bytes of W.
#include "Common/Activations.cuh"
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"
#include "Common/SplitBF16.cuh"

// out = x Wᵀ + bias, out += scale · (x Wᵀ + bias), or with GATED out = silu(x Gᵀ) · (x Uᵀ), G
// being the first n rows of W and U the next. x is RMS-normalised first when there is a norm, whose
// factor is applied to the sums. With GATED half of a warp's rows are rows of G.
template <int S, int R, int M, bool GATED>
__device__ __forceinline__ void small_batch_gemv(const float *x, const float *norm, float epsilon,
                                                 const u16 *weight, const float *bias,
                                                 const float *scale, int accumulate, float *out,
                                                 int m, int n) {
  constexpr int K = 256 * S, OWN = GATED ? R / 2 : R;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  int first = (blockIdx.x * 4 + warp) * OWN;
  i64 plane = (i64)(GATED ? 2 * n : n) * K;
  launch_dependents();
  uint4 high[R][S], low[R][S];
#pragma unroll
  for (int r = 0; r < R; r++) {
    int row = first + r % OWN;
    bool inside = row < n;
    if (r >= OWN) row += n;
#pragma unroll
    for (int s = 0; s < S; s++) {
      i64 at = (i64)row * K + 256 * s + 8 * lane;
      high[r][s] = inside ? load_weight(weight, at) : make_uint4(0, 0, 0, 0);
      low[r][s] = inside ? load_weight(weight, plane + at) : make_uint4(0, 0, 0, 0);
    }
  }
  wait_for_previous();
  float sums[M][R] = {}, squares[M] = {};
#pragma unroll
  for (int s = 0; s < S; s++) {
    int column = 256 * s + 8 * lane;
    float gain[8], v[M][8];
#pragma unroll
    for (int row = 0; row < M; row++) {
      float4 a = make_float4(0, 0, 0, 0), b = a;
      if (row < m) {
        const float4 *from = (const float4 *)(x + (i64)row * K + column);
        a = from[0], b = from[1];
      }
      v[row][0] = a.x, v[row][1] = a.y, v[row][2] = a.z, v[row][3] = a.w;
      v[row][4] = b.x, v[row][5] = b.y, v[row][6] = b.z, v[row][7] = b.w;
    }
    if (norm) {
#pragma unroll
      for (int i = 0; i < 8; i++) gain[i] = norm[column + i];
#pragma unroll
      for (int row = 0; row < M; row++)
#pragma unroll
        for (int i = 0; i < 8; i++) {
          squares[row] += v[row][i] * v[row][i];
          v[row][i] *= gain[i];
        }
    }
#pragma unroll
    for (int r = 0; r < R; r++) {
      float w[8];
      join_halves(high[r][s], low[r][s], w);
#pragma unroll
      for (int row = 0; row < M; row++)
#pragma unroll
        for (int i = 0; i < 8; i++) sums[row][r] += w[i] * v[row][i];
    }
  }
#pragma unroll
  for (int row = 0; row < M; row++) {
    float factor = norm ? norm_factor(warp_sum(squares[row]), K, epsilon) : 1.0f;
#pragma unroll
    for (int r = 0; r < R; r++) sums[row][r] = warp_sum(sums[row][r]) * factor;
  }
#pragma unroll
  for (int row = 0; row < M; row++)
#pragma unroll
    for (int r = 0; r < OWN; r++) {
      int column = first + r;
      if (lane != row * OWN + r || row >= m || column >= n) continue;
      float value = sums[row][r], *entry = out + (i64)row * n + column;
      if (GATED) value = silu_value(value) * sums[row][r + OWN];
      if (bias) value += bias[column];
      if (scale) value *= scale[column];
      *entry = accumulate ? *entry + value : value;
    }
}

#define SMALL_BATCH(name, S, R, M, GATED)                                                          \
  extern "C" __global__ void __launch_bounds__(128) name##_##S##_##M(                              \
    const float *x, const float *norm, float epsilon, const u16 *weight, const float *bias,        \
    const float *scale, int accumulate, float *out, int m, int n) {                                \
    small_batch_gemv<S, R, M, GATED>(x, norm, epsilon, weight, bias, scale, accumulate, out, m,    \
                                     n);                                                           \
  }
#define SMALL_BATCHES(name, S, R, GATED)                                                           \
  SMALL_BATCH(name, S, R, 1, GATED) SMALL_BATCH(name, S, R, 2, GATED)                              \
  SMALL_BATCH(name, S, R, 4, GATED)
SMALL_BATCHES(small_batch_gemv, 1, 4, false)
SMALL_BATCHES(small_batch_gemv, 2, 4, false)
SMALL_BATCHES(small_batch_gemv, 4, 2, false)
SMALL_BATCHES(small_batch_swiglu, 2, 4, true)
