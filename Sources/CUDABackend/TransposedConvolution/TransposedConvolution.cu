// SPDX-License-Identifier: MIT
// Causal transposed convolutions of any shape and element type, as products; the codec's own
// weights go through Linear/GEMM.cu.
#include "Common/ConvolutionInput.cuh"
#include "Common/SplitBF16Tile.cuh"

// Tap 0 multiplies row t, tap 1 row t − 1.
struct TappedRows {
  ConvolutionInput input;
  int inputs;
  __device__ __forceinline__ float operator()(int t, int kk) const {
    return kk < inputs ? input(t, 1, kk) : input(t, 0, kk - inputs);
  }
};

// Column o · stride + j of tap 0 or 1: W[i, o · kernel + j + tap · stride].
template <int T> struct TransposedWeight {
  static constexpr bool along_columns = true;
  const void *base;
  int inputs, outputs, kernel, stride;
  __device__ __forceinline__ float operator()(int column, int kk) const {
    int tap = kk >= inputs, i = kk - tap * inputs, o = column / stride;
    return element<T>(
      base, ((i64)i * outputs + o) * kernel + column - o * stride + tap * stride);
  }
};

// out[t · stride + j, o] = bias[o] + Σ_i W[i, o, j] x[t, i] + Σ_i W[i, o, j + stride] x[t − 1, i].
template <int T>
__device__ __forceinline__ void convolve_transposed(const float *x, const float *history,
                                                    const void *weight, const float *bias,
                                                    float *out, float *partials, int time,
                                                    int inputs, int outputs, int kernel,
                                                    int stride, const StreamFrames &streams) {
  ConvolutionInput input = {history, x, 1, inputs, streams};
  int columns = outputs * stride;
  split_bf16_tile(TappedRows{input, inputs},
                  TransposedWeight<T>{weight, inputs, outputs, kernel, stride},
                  ConvolutionOutput{bias, out, partials, time, columns, outputs, stride}, time,
                  columns, inputs * (kernel / stride));
}

#define TRANSPOSED_CONVOLUTION(name, T)                                                            \
  KERNEL transposed_convolution_##name(const float *x, const float *history, const void *weight,   \
                                       const float *bias, float *out, float *partials, int time,   \
                                       int inputs, int outputs, int kernel, int stride,            \
                                       const int *frames, int frame_rows, int slot_stride) {       \
    IN_ORDER                                                                                       \
    convolve_transposed<T>(x, history, weight, bias, out, partials, time, inputs, outputs, kernel, \
                           stride, {(const int2 *)frames, frame_rows, 0, slot_stride});            \
  }
FOR_EACH_ELEMENT(TRANSPOSED_CONVOLUTION)
