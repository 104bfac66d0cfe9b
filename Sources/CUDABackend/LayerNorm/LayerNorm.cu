// SPDX-License-Identifier: MIT
// out[r] = (x[r] − mean) / sqrt(variance + epsilon) · weight + bias; out may be x. One block of 256
// threads per row. Bound: three reads of the row, of which the later two hit L1.
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"

KERNEL layer_norm(const float *x, const float *weight, const float *bias, float epsilon, float *out,
                  int columns) {
  IN_ORDER
  const float *row = x + (i64)blockIdx.x * columns;
  float sum = 0, squares = 0;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += row[c];
  float mean = block_sum(sum) / columns;
  for (int c = threadIdx.x; c < columns; c += blockDim.x)
    squares += (row[c] - mean) * (row[c] - mean);
  float factor = norm_factor(block_sum(squares), columns, epsilon);
  for (int c = threadIdx.x; c < columns; c += blockDim.x)
    out[(i64)blockIdx.x * columns + c] = (row[c] - mean) * factor * weight[c] + bias[c];
}
