// SPDX-License-Identifier: MIT
// Depthwise causal convolution and LayerNorm of a ConvNeXt block, fused:
//   out[t] = split rows of layer_norm(depthwise convolution of [history, x] at t)
// One block per row. Bound: bytes; each row of x is read `kernel` times, from L2.
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"
#include "Common/SplitBF16.cuh"
#include "Common/StreamFrames.cuh"

KERNEL depthwise_layer_norm_split(const float *x, const float *history, const float *weight,
                                  const float *bias, const float *norm, const float *norm_bias,
                                  float epsilon, u16 *out, int columns, int kernel,
                                  const int *frames, int frame_rows, int slot_stride) {
  IN_ORDER
  int t = blockIdx.x;
  i64 past;
  int begin = StreamFrames{(const int2 *)frames, frame_rows, 0, slot_stride}.first_row(t, past);
  float2 v[ROW_PAIRS];
  int pairs = load_row(bias, columns, v);
  for (int j = 0; j < kernel; j++) {
    int r = t - begin + j;
    const float *row = r < kernel - 1 ? history + past + (i64)r * columns
                                      : x + (i64)(t + j - kernel + 1) * columns;
#pragma unroll
    for (int i = 0; i < ROW_PAIRS; i++) {
      int c = 2 * (threadIdx.x + i * blockDim.x);
      if (i >= pairs || c >= columns) continue;
      float2 value = *(const float2 *)(row + c);
      v[i].x += weight[(i64)c * kernel + j] * value.x;
      v[i].y += weight[(i64)(c + 1) * kernel + j] * value.y;
    }
  }
  float sum = 0, square = 0;
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) sum += v[i].x + v[i].y;
  float mean = block_sum(sum) / columns;
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    int c = 2 * (threadIdx.x + i * blockDim.x);
    if (i >= pairs || c >= columns) continue;
    square += (v[i].x - mean) * (v[i].x - mean) + (v[i].y - mean) * (v[i].y - mean);
  }
  float factor = norm_factor(block_sum(square), columns, epsilon);
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    int c = 2 * (threadIdx.x + i * blockDim.x);
    if (i >= pairs || c >= columns) continue;
    v[i].x = (v[i].x - mean) * factor * norm[c] + norm_bias[c];
    v[i].y = (v[i].y - mean) * factor * norm[c + 1] + norm_bias[c + 1];
  }
  store_split_row(out + (i64)t * 2 * columns, columns, v, pairs);
}
