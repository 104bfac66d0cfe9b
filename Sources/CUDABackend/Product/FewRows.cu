// SPDX-License-Identifier: MIT
// Products of at most four rows with a weight in bf16 parts, [2][n][k]: the codec's transformer a frame
// or a few at a time. A warp has R rows of W, which it loads before it waits for the kernel in front;
// a lane has columns 256 s + 8 lane … + 7, s < S, so k is 256 S.
// Bound: bytes of W.

// 16 bytes of a weight. Volatile, so that the load stays in front of the wait.
__device__ __forceinline__ uint4 load_ahead(const u16 *address) {
  uint4 w;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.x), "=r"(w.y), "=r"(w.z), "=r"(w.w)
               : "l"(address));
  return w;
}

// Eight numbers from their parts.
__device__ __forceinline__ void join_parts(uint4 high, uint4 low, float *out) {
  u32 h[4] = {high.x, high.y, high.z, high.w}, l[4] = {low.x, low.y, low.z, low.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    out[2 * i] = __uint_as_float(h[i] << 16) + __uint_as_float(l[i] << 16);
    out[2 * i + 1] = __uint_as_float(h[i] & 0xffff0000u) + __uint_as_float(l[i] & 0xffff0000u);
  }
}

// out = x Wᵀ + bias, out += scale · (x Wᵀ + bias), or with GATE out = silu(x Gᵀ) · (x Uᵀ), G being the
// first n rows of W and U the next. x is RMS-normalised first when there is a norm; its factor is
// applied to the sums. With GATE half of a warp's rows are G's.
template <int S, int R, int M, bool GATE>
__device__ __forceinline__ void multiply_few(const float *x, const float *norm, float epsilon,
                                             const u16 *weight, const float *bias,
                                             const float *scale, int accumulate, float *out, int m,
                                             int n) {
  constexpr int K = 256 * S, OWN = GATE ? R / 2 : R;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  int first = (blockIdx.x * 4 + warp) * OWN;
  i64 plane = (i64)(GATE ? 2 * n : n) * K;
  start_next();
  uint4 high[R][S], low[R][S];
#pragma unroll
  for (int r = 0; r < R; r++) {
    int row = first + r % OWN;
    bool inside = row < n;
    if (r >= OWN) row += n;
#pragma unroll
    for (int s = 0; s < S; s++) {
      i64 at = (i64)row * K + 256 * s + 8 * lane;
      high[r][s] = inside ? load_ahead(weight + at) : make_uint4(0, 0, 0, 0);
      low[r][s] = inside ? load_ahead(weight + plane + at) : make_uint4(0, 0, 0, 0);
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
      join_parts(high[r][s], low[r][s], w);
#pragma unroll
      for (int row = 0; row < M; row++)
#pragma unroll
        for (int i = 0; i < 8; i++) sums[row][r] += w[i] * v[row][i];
    }
  }
#pragma unroll
  for (int row = 0; row < M; row++) {
    float factor = norm ? 1.0f / sqrtf(warp_sum(squares[row]) / K + epsilon) : 1.0f;
#pragma unroll
    for (int r = 0; r < R; r++) sums[row][r] = warp_sum(sums[row][r]) * factor;
  }
#pragma unroll
  for (int row = 0; row < M; row++)
#pragma unroll
    for (int r = 0; r < OWN; r++) {
      int column = first + r;
      if (lane != row * OWN + r || row >= m || column >= n) continue;
      float value = sums[row][r], *place = out + (i64)row * n + column;
      if (GATE) value = sigmoid_product(value) * sums[row][r + OWN];
      if (bias) value += bias[column];
      if (scale) value *= scale[column];
      *place = accumulate ? *place + value : value;
    }
}

#define FEW(name, S, R, M, GATE)                                                                   \
  extern "C" __global__ void __launch_bounds__(128) name##_##S##_##M(                              \
    const float *x, const float *norm, float epsilon, const u16 *weight, const float *bias,        \
    const float *scale, int accumulate, float *out, int m, int n) {                                \
    multiply_few<S, R, M, GATE>(x, norm, epsilon, weight, bias, scale, accumulate, out, m, n);     \
  }
#define FEW_ROWS(name, S, R, GATE)                                                                 \
  FEW(name, S, R, 1, GATE) FEW(name, S, R, 2, GATE) FEW(name, S, R, 4, GATE)
FEW_ROWS(few, 1, 4, false)
FEW_ROWS(few, 2, 4, false)
FEW_ROWS(few, 4, 2, false)
FEW_ROWS(few_gated, 2, 4, true)
