// SPDX-License-Identifier: MIT
// rms_norm into split rows, for GEMM.cu; out may be x. One block per row.
// Bound: bytes.
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"
#include "Common/SplitBF16.cuh"
#include "Common/SquareSums.cuh"

KERNEL rms_norm_split(const float *x, const float *weight, float epsilon, u16 *out, int columns) {
  launch_dependents();
  float2 v[ROW_PAIRS], gain[ROW_PAIRS];
  load_row(weight, columns, gain);
  wait_for_previous();
  int pairs = load_row(x + (i64)blockIdx.x * columns, columns, v);
  float square = 0;
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) square += v[i].x * v[i].x + v[i].y * v[i].y;
  float factor = norm_factor(block_sum(square), columns, epsilon);
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    v[i].x *= factor * gain[i].x;
    v[i].y *= factor * gain[i].y;
  }
  store_split_row(out + (i64)blockIdx.x * 2 * columns, columns, v, pairs);
}

// What a product leaves for the norm after it (Linear/GEMM.cu), of rows that none made:
// out = split rows of x · gain, squares = sums of the squares of 16 columns of x each. One block
// per row. Bound: bytes.
KERNEL rms_gain_split(const float *x, const float *gain, u16 *out, float *squares, int columns) {
  launch_dependents();
  float2 v[ROW_PAIRS], by[ROW_PAIRS];
  load_row(gain, columns, by);
  wait_for_previous();
  int pairs = load_row(x + (i64)blockIdx.x * columns, columns, v);
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    float square = sum_of_squares(v[i].x, v[i].y);
    int c = 2 * (threadIdx.x + i * blockDim.x);
    if (i < pairs && c < columns && threadIdx.x % (SQUARE_COLUMNS / 2) == 0)
      squares[((i64)blockIdx.x * columns + c) / SQUARE_COLUMNS] = square;
    v[i] = make_float2(__fmul_rn(v[i].x, by[i].x), __fmul_rn(v[i].y, by[i].y));
  }
  store_split_row(out + (i64)blockIdx.x * 2 * columns, columns, v, pairs);
}
