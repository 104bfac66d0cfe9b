// SPDX-License-Identifier: MIT
// out[r] = x[r] Wᵀ + bias, or out[r] += scale · (x[r] Wᵀ + bias). W is [n, k], row-major.

__device__ __forceinline__ void finish_linear(float value, const float *bias, const float *scale,
                                              int accumulate, float *out, i64 at, int column) {
  if (bias) value += bias[column];
  if (scale) value *= scale[column];
  out[at] = accumulate ? out[at] + value : value;
}

// At most M rows of x: one warp a row of W, loads of 16 bytes when k is a multiple of 8.
// Bound: bytes of W.
template <int T, int M>
__device__ __forceinline__ void linear_rows(const float *x, const void *weight, const float *bias,
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
      finish_linear(sum, bias, scale, accumulate, out, (i64)r * n + column, column);
  }
}

template <int T> struct LinearWeight {
  static constexpr bool along_columns = false;
  const void *base;
  int k;
  __device__ __forceinline__ float operator()(int column, int kk) const {
    return element<T>(base, (i64)column * k + kk);
  }
};

// More rows: tiles.
template <int T>
__device__ __forceinline__ void linear_tiles(const float *x, const void *weight, const float *bias,
                                             const float *scale, int accumulate, float *out, int m,
                                             int n, int k) {
  tile_product(
    [=](int row, int kk) { return x[(i64)row * k + kk]; }, LinearWeight<T>{weight, k},
    [=](int row, int column, float value) {
      finish_linear(value, bias, scale, accumulate, out, (i64)row * n + column, column);
    },
    m, n, k);
}

#define LINEAR_KERNEL(name, body)                                                                  \
  KERNEL name(const float *x, const void *weight, const float *bias, const float *scale,           \
              int accumulate, float *out, int m, int n, int k) {                                   \
    IN_ORDER                                                                                       \
    body(x, weight, bias, scale, accumulate, out, m, n, k);                                        \
  }
#define LINEAR(name, T)                                                                            \
  LINEAR_KERNEL(linear_rows1_##name, (linear_rows<T, 1>))                                          \
  LINEAR_KERNEL(linear_rows2_##name, (linear_rows<T, 2>))                                          \
  LINEAR_KERNEL(linear_rows8_##name, (linear_rows<T, 8>))                                          \
  LINEAR_KERNEL(linear_tiles_##name, (linear_tiles<T>))
FOR_EACH_ELEMENT(LINEAR)
