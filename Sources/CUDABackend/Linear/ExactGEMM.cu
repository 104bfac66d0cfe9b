// SPDX-License-Identifier: MIT
// GEMM in F32, for the encoders of cloned voices: a code there is decided by the last bits of a
// sum, so their products keep all bits of F32 (docs/kernels.md).
#include "Linear/Epilogue.cuh"

// out[t, o] (+)= scale[o] · (bias[o] + Σ_j Σ_i W[o, j, i] xx[t + j · dilation, i]), `xx` being
// `history_rows` of history followed by x, and W [outputs][taps · inputs].
struct ExactGEMMArguments {
  const float *x, *history, *weight, *bias, *scale;
  float *out, *partials;
  int m, n, k, inputs, dilation, history_rows, accumulate;
};
template <int N> struct Floats { float v[N]; };
template <> struct __align__(8) Floats<2> { float v[2]; };
template <> struct __align__(16) Floats<4> { float v[4]; };

// A block of 16 × 16 threads computes 16 TM rows by 16 TN outputs, a thread TM by TN of them. k
// comes in chunks of 16, the next one loading while this one is multiplied. Each chunk has an
// accumulator of its own, so that errors grow with the root of k / 16. Split K: with gridDim.z > 1
// a block leaves its sums in `partials`, [split][m][n]. TM is 4 or 8, TN 2 or 4. Bound:
// multiply-adds in F32.
template <int TM, int TN>
__device__ __forceinline__ void exact_gemm(const ExactGEMMArguments &p) {
  constexpr int BM = 16 * TM, BN = 16 * TN, BK = 16;
  constexpr int X_LOADS = BM / 64, W_LOADS = (BN + 63) / 64;
  __shared__ __align__(16) float x_tile[2][BK][BM + 4], w_tile[2][BK][BN + 4];
  int line = threadIdx.x / 4, unit = threadIdx.x % 4 * 4;
  int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  int first_row = blockIdx.y * BM, first_column = blockIdx.x * BN;
  int chunks = (p.k + BK - 1) / BK, per_split = (chunks + gridDim.z - 1) / gridDim.z;
  int begin = blockIdx.z * per_split, end = min(begin + per_split, chunks);
  // Four adjacent k are adjacent in memory.
  bool aligned = p.inputs % 4 == 0;
  auto row_of = [&](int t) {
    return t < p.history_rows ? p.history + (i64)t * p.inputs
                              : p.x + (i64)(t - p.history_rows) * p.inputs;
  };
  float4 x_next[X_LOADS], w_next[W_LOADS];
  auto load = [&](int chunk) {
    int kk = BK * chunk + unit, tap = kk / p.inputs, input = kk - tap * p.inputs;
#pragma unroll
    for (int j = 0; j < X_LOADS; j++) {
      int t = first_row + line + 64 * j;
      float v[4] = {};
      if (t < p.m && kk < p.k) {
        if (aligned) {
          float4 four = *(const float4 *)(row_of(t + tap * p.dilation) + input);
          v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
        } else {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            int q = (kk + e) / p.inputs;
            if (kk + e < p.k) v[e] = row_of(t + q * p.dilation)[kk + e - q * p.inputs];
          }
        }
      }
      x_next[j] = make_float4(v[0], v[1], v[2], v[3]);
    }
#pragma unroll
    for (int j = 0; j < W_LOADS; j++) {
      int o = first_column + line + 64 * j;
      float v[4] = {};
      if (line + 64 * j < BN && o < p.n && kk < p.k) {
        const float *from = p.weight + (i64)o * p.k + kk;
        if (aligned) {
          float4 four = *(const float4 *)from;
          v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
        } else {
#pragma unroll
          for (int e = 0; e < 4; e++)
            if (kk + e < p.k) v[e] = from[e];
        }
      }
      w_next[j] = make_float4(v[0], v[1], v[2], v[3]);
    }
  };
  auto store = [&](int slot) {
#pragma unroll
    for (int j = 0; j < X_LOADS; j++) {
      int row = line + 64 * j;
      x_tile[slot][unit][row] = x_next[j].x, x_tile[slot][unit + 1][row] = x_next[j].y;
      x_tile[slot][unit + 2][row] = x_next[j].z, x_tile[slot][unit + 3][row] = x_next[j].w;
    }
#pragma unroll
    for (int j = 0; j < W_LOADS; j++) {
      int column = line + 64 * j;
      if (column >= BN) continue;
      w_tile[slot][unit][column] = w_next[j].x, w_tile[slot][unit + 1][column] = w_next[j].y;
      w_tile[slot][unit + 2][column] = w_next[j].z, w_tile[slot][unit + 3][column] = w_next[j].w;
    }
  };
  float sums[TM][TN] = {};
  if (begin < end) {
    load(begin);
    store(0);
  }
  __syncthreads();
#pragma unroll 1
  for (int chunk = begin, slot = 0; chunk < end; chunk++, slot ^= 1) {
    if (chunk + 1 < end) load(chunk + 1);
    float own[TM][TN] = {};
#pragma unroll
    for (int kk = 0; kk < BK; kk++) {
      float left[TM];
#pragma unroll
      for (int g = 0; g < TM / 4; g++) {
        float4 four = *(const float4 *)&x_tile[slot][kk][64 * g + 4 * ty];
        left[4 * g] = four.x, left[4 * g + 1] = four.y;
        left[4 * g + 2] = four.z, left[4 * g + 3] = four.w;
      }
      Floats<TN> right = *(const Floats<TN> *)&w_tile[slot][kk][TN * tx];
#pragma unroll
      for (int i = 0; i < TM; i++)
#pragma unroll
        for (int j = 0; j < TN; j++) own[i][j] += left[i] * right.v[j];
    }
#pragma unroll
    for (int i = 0; i < TM; i++)
#pragma unroll
      for (int j = 0; j < TN; j++) sums[i][j] += own[i][j];
    if (chunk + 1 < end) store(slot ^ 1);
    __syncthreads();
  }
  bool whole = p.n % TN == 0, partial = gridDim.z > 1;
  int column = first_column + TN * tx;
#pragma unroll
  for (int i = 0; i < TM; i++) {
    int row = first_row + i / 4 * 64 + 4 * ty + i % 4;
    if (row >= p.m) continue;
    float *to = (partial ? p.partials + (i64)blockIdx.z * p.m * p.n : p.out) + (i64)row * p.n +
                column;
    Floats<TN> value;
#pragma unroll
    for (int j = 0; j < TN; j++) {
      value.v[j] = sums[i][j];
      if (partial || column + j >= p.n) continue;
      if (p.bias) value.v[j] += p.bias[column + j];
      if (p.scale) value.v[j] *= p.scale[column + j];
      if (p.accumulate) value.v[j] += to[j];
    }
    if (whole && column < p.n) *(Floats<TN> *)to = value;
#pragma unroll
    for (int j = 0; j < TN; j++)
      if (!whole && column + j < p.n) to[j] = value.v[j];
  }
}

// Twins of `ExactGEMMTile.all`.
#define EXACT_GEMM(BM, BN)                                                                         \
  extern "C" __global__ void __launch_bounds__(256) exact_gemm_##BM##x##BN(                        \
    const float *x, const float *history, const float *weight, const float *bias,                  \
    const float *scale, float *out, float *partials, int m, int n, int k, int inputs, int dilation,\
    int history_rows, int accumulate) {                                                            \
    IN_ORDER                                                                                       \
    exact_gemm<BM / 16, BN / 16>({x, history, weight, bias, scale, out, partials, m, n, k,         \
                                     inputs, dilation, history_rows, accumulate});                 \
  }
EXACT_GEMM(128, 64)
EXACT_GEMM(128, 32)
EXACT_GEMM(64, 64)
EXACT_GEMM(64, 32)

// Sums the partial sums of a product in ascending order of the splits; then the epilogue.
KERNEL exact_gemm_reduce(const float *partials, const float *bias, const float *scale,
                         int accumulate, float *out, i64 size, int n, int count) {
  IN_ORDER
  i64 i = global_index();
  if (i >= size) return;
  float sum = 0;
  for (int split = 0; split < count; split++) sum += partials[split * size + i];
  linear_epilogue(sum, bias, scale, accumulate, out, i, (int)(i % n));
}
