// SPDX-License-Identifier: MIT
//   out[r] = x[r] / sqrt(mean(x[r]²) + epsilon) · weight
// out may be x. One block of 256 threads per row.
// Bound: two reads of the row, of which the second hits L1.
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"

KERNEL rms_norm(const float *x, const float *weight, float epsilon, float *out, int columns) {
  IN_ORDER
  const float *row = x + (i64)blockIdx.x * columns;
  float sum = 0;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += row[c] * row[c];
  float factor = norm_factor(block_sum(sum), columns, epsilon);
  for (int c = threadIdx.x; c < columns; c += blockDim.x)
    out[(i64)blockIdx.x * columns + c] = row[c] * factor * weight[c];
}
