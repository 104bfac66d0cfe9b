// SPDX-License-Identifier: MIT
// One block of 256 threads a row. Bound: two reads of the row, of which the second hits L1.

// out[r] = x[r] / sqrt(mean(x[r]²) + epsilon) · weight; out may be x.
KERNEL rms_norm(const float *x, const float *weight, float epsilon, float *out, int columns) {
  IN_ORDER
  const float *row = x + (i64)blockIdx.x * columns;
  float sum = 0;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += row[c] * row[c];
  float factor = 1.0f / sqrtf(block_sum(sum) / columns + epsilon);
  for (int c = threadIdx.x; c < columns; c += blockDim.x)
    out[(i64)blockIdx.x * columns + c] = row[c] * factor * weight[c];
}

// out[r] = (x[r] − mean) / sqrt(variance + epsilon) · weight + bias; out may be x.
KERNEL layer_norm(const float *x, const float *weight, const float *bias, float epsilon, float *out,
                  int columns) {
  IN_ORDER
  const float *row = x + (i64)blockIdx.x * columns;
  float sum = 0, squares = 0;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += row[c];
  float mean = block_sum(sum) / columns;
  for (int c = threadIdx.x; c < columns; c += blockDim.x)
    squares += (row[c] - mean) * (row[c] - mean);
  float factor = 1.0f / sqrtf(block_sum(squares) / columns + epsilon);
  for (int c = threadIdx.x; c < columns; c += blockDim.x)
    out[(i64)blockIdx.x * columns + c] = (row[c] - mean) * factor * weight[c] + bias[c];
}
