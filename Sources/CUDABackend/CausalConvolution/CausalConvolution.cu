// SPDX-License-Identifier: MIT
// Causal convolutions over [time, channels] of any shape and element type; `xx` is the history
// followed by x. The codec's own weights go through Linear/GEMM.cu.
#include "Common/ConvolutionInput.cuh"
#include "Common/SplitBF16Tile.cuh"
#include "Linear/Epilogue.cuh"

// Columns i · kernel + j of xx at row t: xx[t + j · dilation, i].
struct GatheredRows {
  ConvolutionInput input;
  int kernel, dilation;
  __device__ __forceinline__ float operator()(int t, int kk) const {
    int i = kk / kernel;
    return input(t, (kk - i * kernel) * dilation, i);
  }
};

// out[t, o] = bias[o] + Σ_{i, j} W[o, i · kernel + j] · xx[t + j · dilation, i].
template <int T>
__device__ __forceinline__ void convolve(const float *x, const float *history, const void *weight,
                                         const float *bias, float *out, float *partials, int time,
                                         int inputs, int outputs, int kernel, int dilation,
                                         const StreamFrames &streams) {
  int k = inputs * kernel;
  ConvolutionInput input = {history, x, (kernel - 1) * dilation, inputs, streams};
  split_bf16_tile(GatheredRows{input, kernel, dilation}, LinearWeight<T>{weight, k},
                  ConvolutionOutput{bias, out, partials, time, outputs, outputs, 1}, time, outputs,
                  k);
}

#define CAUSAL_CONVOLUTION(name, T)                                                                \
  KERNEL causal_convolution_##name(const float *x, const float *history, const void *weight,       \
                                   const float *bias, float *out, float *partials, int time,       \
                                   int inputs, int outputs, int kernel, int dilation,              \
                                   const int *frames, int frame_rows, int slot_stride) {           \
    IN_ORDER                                                                                       \
    convolve<T>(x, history, weight, bias, out, partials, time, inputs, outputs, kernel, dilation,  \
                {(const int2 *)frames, frame_rows, 0, slot_stride});                               \
  }
FOR_EACH_ELEMENT(CAUSAL_CONVOLUTION)

// The partial sums of a convolution, added in ascending order of the splits.
KERNEL convolution_reduce(const float *partials, const float *bias, float *out, int rows,
                          int columns, int outputs, int stride, int count) {
  IN_ORDER
  i64 i = global_index(), size = (i64)rows * columns;
  if (i >= size) return;
  float sum = 0;
  for (int split = 0; split < count; split++) sum += partials[split * size + i];
  ConvolutionOutput{bias, out, 0, rows, columns, outputs, stride}.store(
    (int)(i / columns), (int)(i % columns), sum);
}
