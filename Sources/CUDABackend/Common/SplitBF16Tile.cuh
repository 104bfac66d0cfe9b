// SPDX-License-Identifier: MIT
// The convolutions of any shape and element type, as products of tiles on tensor cores: both sides
// are split into bf16 halves as they are loaded (Common/SplitBF16.cuh).
#pragma once
#include "Common/SplitBF16.cuh"
#include "Common/TensorCore.cuh"

// C = A B over tiles of 64 × 64 and steps of 32, 8 warps of 16 × 32. `left(row, k)` and
// `right(column, k)` load. Split K: with gridDim.z > 1 each block has a split of k, which `store`
// gets as its last argument.
template <class Left, class Right, class Store>
__device__ __forceinline__ void split_bf16_tile(Left left, Right right, const Store &store, int m,
                                                int n, int k) {
  constexpr int STRIDE = 40;
  __shared__ u16 a_tile[2][64][STRIDE], b_tile[2][64][STRIDE];
  int m0 = blockIdx.y * 64, n0 = blockIdx.x * 64;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  int steps = (k + 31) / 32, per_split = (steps + gridDim.z - 1) / gridDim.z;
  int begin = blockIdx.z * per_split, end = min(begin + per_split, steps);
  float a[8], b[8], tile[4][4] = {};
  auto load = [&](int step) {
    int k0 = 32 * step, kk = k0 + lane;
#pragma unroll
    for (int i = 0; i < 8; i++) {
      int row = m0 + warp + 8 * i;
      a[i] = row < m && kk < k ? left(row, kk) : 0.0f;
      if (Right::along_columns) {
        int column = n0 + threadIdx.x % 64, kb = k0 + threadIdx.x / 64 + 4 * i;
        b[i] = column < n && kb < k ? right(column, kb) : 0.0f;
      } else {
        int column = n0 + warp + 8 * i;
        b[i] = column < n && kk < k ? right(column, kk) : 0.0f;
      }
    }
  };
  auto split = [&](u16 (*half)[64][STRIDE], int row, int column, float v) {
    u32 big = bf16_pair(v, v);
    half[0][row][column] = (u16)big;
    half[1][row][column] = (u16)bf16_pair(v - __uint_as_float(big << 16), 0.0f);
  };
  if (begin < end) load(begin);
  for (int step = begin; step < end; step++) {
#pragma unroll
    for (int i = 0; i < 8; i++) {
      split(a_tile, warp + 8 * i, lane, a[i]);
      if (Right::along_columns)
        split(b_tile, threadIdx.x % 64, threadIdx.x / 64 + 4 * i, b[i]);
      else
        split(b_tile, warp + 8 * i, lane, b[i]);
    }
    __syncthreads();
    if (step + 1 < end) load(step + 1);
    int row = warp % 4 * 16 + g, column = warp / 4 * 32 + g;
#pragma unroll
    for (int chunk = 0; chunk < 2; chunk++) {
      int c = 16 * chunk + 2 * t;
      u32 x[2][4];
#pragma unroll
      for (int half = 0; half < 2; half++) {
        x[half][0] = *(const u32 *)&a_tile[half][row][c];
        x[half][1] = *(const u32 *)&a_tile[half][row + 8][c];
        x[half][2] = *(const u32 *)&a_tile[half][row][c + 8];
        x[half][3] = *(const u32 *)&a_tile[half][row + 8][c + 8];
      }
#pragma unroll
      for (int j = 0; j < 4; j++) {
        u32 b0 = *(const u32 *)&b_tile[0][column + 8 * j][c];
        u32 b1 = *(const u32 *)&b_tile[0][column + 8 * j][c + 8];
        u32 s0 = *(const u32 *)&b_tile[1][column + 8 * j][c];
        u32 s1 = *(const u32 *)&b_tile[1][column + 8 * j][c + 8];
        mma_bf16(tile[j], x[1][0], x[1][1], x[1][2], x[1][3], b0, b1);
        mma_bf16(tile[j], x[0][0], x[0][1], x[0][2], x[0][3], s0, s1);
        mma_bf16(tile[j], x[0][0], x[0][1], x[0][2], x[0][3], b0, b1);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int j = 0; j < 4; j++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      int row = m0 + warp % 4 * 16 + g + e / 2 * 8;
      int column = n0 + warp / 4 * 32 + 8 * j + 2 * t + e % 2;
      if (row < m && column < n) store(row, column, tile[j][e], (int)blockIdx.z);
    }
}

// Where the tile goes: to `out`, or with split K to `partials`, [split][rows][columns], which
// convolution_reduce sums in ascending order.
struct ConvolutionOutput {
  const float *bias;
  float *out, *partials;
  int rows, columns, outputs, stride;
  __device__ __forceinline__ void operator()(int row, int column, float value, int split) const {
    if (gridDim.z > 1) {
      partials[((i64)split * rows + row) * columns + column] = value;
    } else {
      store(row, column, value);
    }
  }
  // Column o · stride + j of row t is channel o of row t · stride + j.
  __device__ __forceinline__ void store(int row, int column, float value) const {
    int o = column / stride;
    out[((i64)row * stride + column % stride) * outputs + o] = value + bias[o];
  }
};
