// SPDX-License-Identifier: MIT
// out[t, c] = bias[c] + Σ_j weight[c, j] · xx[t + j, c]; one thread per element. Bound: bytes.
#include "Common/ConvolutionInput.cuh"

KERNEL depthwise_convolution(const float *x, const float *history, const float *weight,
                             const float *bias, float *out, int time, int channels, int kernel,
                             const int *frames, int frame_rows, int slot_stride) {
  IN_ORDER
  i64 i = global_index();
  if (i >= (i64)time * channels) return;
  int t = (int)(i / channels), c = (int)(i % channels);
  ConvolutionInput input = {history, x, kernel - 1, channels,
                            {(const int2 *)frames, frame_rows, 0, slot_stride}};
  float value = bias[c];
  for (int j = 0; j < kernel; j++) value += weight[(i64)c * kernel + j] * input(t, j, c);
  out[i] = value;
}
