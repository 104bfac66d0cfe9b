// SPDX-License-Identifier: MIT
// Linear layers of any shape and element type, W [n, k] row-major:
//   out[r] = x[r] Wᵀ + bias, or out[r] += scale · (x[r] Wᵀ + bias)
// Slower than the specialised kernels, and taken where none of them fits.
#include "Common/Reductions.cuh"
#include "Linear/Epilogue.cuh"

// C = A B over tiles of 64 × 64, 256 threads of 4 × 4. `a(row, k)` and `b(column, k)` load,
// `store(row, column, value)` stores. `B::along_columns`: adjacent addresses are adjacent columns.
// Bound: multiply-adds in F32.
template <class A, class B, class Store>
__device__ __forceinline__ void tile_product(const A &a, const B &b, const Store &store, int m,
                                             int n, int k) {
  __shared__ float a_tile[16][65], b_tile[16][65];
  int m0 = blockIdx.y * 64, n0 = blockIdx.x * 64;
  int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float sums[4][4] = {};
  for (int k0 = 0; k0 < k; k0 += 16) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int index = threadIdx.x + 256 * i;
      int kk = index % 16, r = index / 16;
      a_tile[kk][r] = m0 + r < m && k0 + kk < k ? a(m0 + r, k0 + kk) : 0.0f;
      if (B::along_columns) {
        kk = index / 64;
        r = index % 64;
      }
      b_tile[kk][r] = n0 + r < n && k0 + kk < k ? b(n0 + r, k0 + kk) : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int kk = 0; kk < 16; kk++) {
      float left[4], right[4];
#pragma unroll
      for (int i = 0; i < 4; i++) left[i] = a_tile[kk][ty + 16 * i];
#pragma unroll
      for (int j = 0; j < 4; j++) right[j] = b_tile[kk][tx + 16 * j];
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) sums[i][j] += left[i] * right[j];
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      int row = m0 + ty + 16 * i, column = n0 + tx + 16 * j;
      if (row < m && column < n) store(row, column, sums[i][j]);
    }
}

// At most M rows of x: one warp per row of W, loads of 16 bytes when k is a multiple of 8.
// Bound: bytes of W.
template <int T, int M>
__device__ __forceinline__ void gemv_fallback(const float *x, const void *weight, const float *bias,
                                              const float *scale, int accumulate, float *out, int m,
                                              int n, int k) {
  int column = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (column >= n) return;
  float sums[M] = {};
  if (k % 8 == 0) {
    constexpr int L = Lanes<T>::count;
    const char *row = (const char *)weight + (i64)column * k * (T == F32 ? 4 : 2);
#pragma unroll 4
    for (int c = lane * L; c < k; c += 32 * L) {
      float w[L];
      load_lanes<T>(row + (i64)c * (T == F32 ? 4 : 2), w);
#pragma unroll
      for (int r = 0; r < M; r++) {
        if (r >= m) break;
        const float4 *values = (const float4 *)(x + (i64)r * k + c);
#pragma unroll
        for (int q = 0; q < L / 4; q++) {
          float4 v = values[q];
          sums[r] += w[4 * q] * v.x + w[4 * q + 1] * v.y + w[4 * q + 2] * v.z + w[4 * q + 3] * v.w;
        }
      }
    }
  } else {
    for (int c = lane; c < k; c += 32) {
      float w = element<T>(weight, (i64)column * k + c);
#pragma unroll
      for (int r = 0; r < M; r++)
        if (r < m) sums[r] += w * x[(i64)r * k + c];
    }
  }
#pragma unroll
  for (int r = 0; r < M; r++) {
    float sum = warp_sum(sums[r]);
    if (lane == 0 && r < m)
      linear_epilogue(sum, bias, scale, accumulate, out, (i64)r * n + column, column);
  }
}

// More rows: tiles.
template <int T>
__device__ __forceinline__ void gemm_fallback(const float *x, const void *weight, const float *bias,
                                              const float *scale, int accumulate, float *out, int m,
                                              int n, int k) {
  tile_product(
    [=](int row, int kk) { return x[(i64)row * k + kk]; }, LinearWeight<T>{weight, k},
    [=](int row, int column, float value) {
      linear_epilogue(value, bias, scale, accumulate, out, (i64)row * n + column, column);
    },
    m, n, k);
}

#define FALLBACK_KERNEL(name, body)                                                                \
  KERNEL name(const float *x, const void *weight, const float *bias, const float *scale,           \
              int accumulate, float *out, int m, int n, int k) {                                   \
    IN_ORDER                                                                                       \
    body(x, weight, bias, scale, accumulate, out, m, n, k);                                        \
  }
#define FALLBACKS(name, T)                                                                         \
  FALLBACK_KERNEL(gemv_fallback_1_##name, (gemv_fallback<T, 1>))                                   \
  FALLBACK_KERNEL(gemv_fallback_2_##name, (gemv_fallback<T, 2>))                                   \
  FALLBACK_KERNEL(gemv_fallback_8_##name, (gemv_fallback<T, 8>))                                   \
  FALLBACK_KERNEL(gemm_fallback_##name, (gemm_fallback<T>))
FOR_EACH_ELEMENT(FALLBACKS)
