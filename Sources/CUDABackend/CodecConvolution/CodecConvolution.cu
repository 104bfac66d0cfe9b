// SPDX-License-Identifier: MIT
// Causal convolutions over [time, channels], as matrix products over gathered columns. `xx` is the
// history followed by x.

struct Joined {
  const float *history, *x;
  int history_rows, columns;
  __device__ __forceinline__ float operator()(int row, int column) const {
    return row < history_rows ? history[(i64)row * columns + column]
                              : x[(i64)(row - history_rows) * columns + column];
  }
};

// out[t, o] = bias[o] + Σ_{i, j} W[o, i · kernel + j] · xx[t + j · dilation, i].
template <int T>
__device__ __forceinline__ void convolve(const float *x, const float *history, const void *weight,
                                         const float *bias, float *out, int time, int inputs,
                                         int outputs, int kernel, int dilation) {
  int k = inputs * kernel;
  Joined joined = {history, x, (kernel - 1) * dilation, inputs};
  tile_product(
    [=](int t, int kk) { return joined(t + kk % kernel * dilation, kk / kernel); },
    LinearWeight<T>{weight, k},
    [=](int t, int o, float value) { out[(i64)t * outputs + o] = value + bias[o]; }, time, outputs,
    k);
}

// Column o · stride + j of tap 0 or 1: W[i, o · kernel + j + tap · stride].
template <int T> struct TransposedWeight {
  static constexpr bool along_columns = true;
  const void *base;
  int inputs, outputs, kernel, stride;
  __device__ __forceinline__ float operator()(int column, int kk) const {
    int tap = kk / inputs, i = kk % inputs;
    return element<T>(base, (i64)i * outputs * kernel + column / stride * kernel +
                              column % stride + tap * stride);
  }
};

// out[t · stride + j, o] = bias[o] + Σ_i W[i, o, j] x[t, i] + Σ_i W[i, o, j + stride] x[t − 1, i].
template <int T>
__device__ __forceinline__ void convolve_transposed(const float *x, const float *history,
                                                    const void *weight, const float *bias,
                                                    float *out, int time, int inputs, int outputs,
                                                    int kernel, int stride) {
  Joined joined = {history, x, 1, inputs};
  tile_product(
    [=](int t, int kk) { return joined(t + 1 - kk / inputs, kk % inputs); },
    TransposedWeight<T>{weight, inputs, outputs, kernel, stride},
    [=](int t, int column, float value) {
      int o = column / stride;
      out[((i64)t * stride + column % stride) * outputs + o] = value + bias[o];
    },
    time, outputs * stride, inputs * (kernel / stride));
}

#define CONVOLUTION(name, T)                                                                       \
  KERNEL causal_convolution_##name(const float *x, const float *history, const void *weight,       \
                                   const float *bias, float *out, int time, int inputs,            \
                                   int outputs, int kernel, int dilation) {                        \
    IN_ORDER                                                                                       \
    convolve<T>(x, history, weight, bias, out, time, inputs, outputs, kernel, dilation);           \
  }                                                                                                \
  KERNEL transposed_convolution_##name(const float *x, const float *history, const void *weight,   \
                                       const float *bias, float *out, int time, int inputs,        \
                                       int outputs, int kernel, int stride) {                      \
    IN_ORDER                                                                                       \
    convolve_transposed<T>(x, history, weight, bias, out, time, inputs, outputs, kernel, stride);  \
  }
FOR_EACH_ELEMENT(CONVOLUTION)

// out[t, c] = bias[c] + Σ_j weight[c, j] · xx[t + j, c].
KERNEL depthwise_convolution(const float *x, const float *history, const float *weight,
                             const float *bias, float *out, int time, int channels, int kernel) {
  IN_ORDER
  i64 i = global_index();
  if (i >= (i64)time * channels) return;
  int t = (int)(i / channels), c = (int)(i % channels);
  Joined joined = {history, x, kernel - 1, channels};
  float value = bias[c];
  for (int j = 0; j < kernel; j++) value += weight[(i64)c * kernel + j] * joined(t + j, c);
  out[i] = value;
}

// Afterwards the history holds the last rows of xx. One thread a column, rows in ascending order,
// which is safe in place.
KERNEL shift_history(const float *x, float *history, int time, int rows, int columns) {
  IN_ORDER
  i64 c = global_index();
  if (c >= columns) return;
  Joined joined = {history, x, rows, columns};
  for (int r = 0; r < rows; r++) history[(i64)r * columns + c] = joined(r + time, (int)c);
}
