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

// Columns i · kernel + j of xx at row t: xx[t + j · dilation, i].
struct GatheredRows {
  Joined joined;
  int kernel, dilation;
  __device__ __forceinline__ float operator()(int t, int kk) const {
    int i = kk / kernel;
    return joined(t + (kk - i * kernel) * dilation, i);
  }
};

// Where a product goes: the result, or with several shares of k a place of its own in `shares`,
// `[share][rows][columns]`, which add_shares sums in order.
struct Result {
  const float *bias;
  float *out, *shares;
  int rows, columns, outputs, stride;
  __device__ __forceinline__ void operator()(int row, int column, float value, int share) const {
    if (gridDim.z > 1) {
      shares[((i64)share * rows + row) * columns + column] = value;
    } else {
      place(row, column, value);
    }
  }
  // Column o · stride + j of row t is channel o of row t · stride + j.
  __device__ __forceinline__ void place(int row, int column, float value) const {
    int o = column / stride;
    out[((i64)row * stride + column % stride) * outputs + o] = value + bias[o];
  }
};

KERNEL add_shares(const float *shares, const float *bias, float *out, int rows, int columns,
                  int outputs, int stride, int count) {
  IN_ORDER
  i64 i = global_index(), size = (i64)rows * columns;
  if (i >= size) return;
  float sum = 0;
  for (int share = 0; share < count; share++) sum += shares[share * size + i];
  Result{bias, out, 0, rows, columns, outputs, stride}.place((int)(i / columns), (int)(i % columns),
                                                             sum);
}

// out[t, o] = bias[o] + Σ_{i, j} W[o, i · kernel + j] · xx[t + j · dilation, i].
template <int T>
__device__ __forceinline__ void convolve(const float *x, const float *history, const void *weight,
                                         const float *bias, float *out, float *shares, int time,
                                         int inputs, int outputs, int kernel, int dilation) {
  int k = inputs * kernel;
  Joined joined = {history, x, (kernel - 1) * dilation, inputs};
  tile_product_parts(GatheredRows{joined, kernel, dilation}, LinearWeight<T>{weight, k},
                     Result{bias, out, shares, time, outputs, outputs, 1}, time, outputs, k);
}

// Tap 0 multiplies row t, tap 1 row t − 1.
struct TappedRows {
  Joined joined;
  int inputs;
  __device__ __forceinline__ float operator()(int t, int kk) const {
    return kk < inputs ? joined(t + 1, kk) : joined(t, kk - inputs);
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
                                                    float *out, float *shares, int time, int inputs,
                                                    int outputs, int kernel, int stride) {
  Joined joined = {history, x, 1, inputs};
  int columns = outputs * stride;
  tile_product_parts(TappedRows{joined, inputs},
                     TransposedWeight<T>{weight, inputs, outputs, kernel, stride},
                     Result{bias, out, shares, time, columns, outputs, stride}, time, columns,
                     inputs * (kernel / stride));
}

#define CONVOLUTION(name, T)                                                                       \
  KERNEL causal_convolution_##name(const float *x, const float *history, const void *weight,       \
                                   const float *bias, float *out, float *shares, int time,         \
                                   int inputs, int outputs, int kernel, int dilation) {            \
    IN_ORDER                                                                                       \
    convolve<T>(x, history, weight, bias, out, shares, time, inputs, outputs, kernel, dilation);   \
  }                                                                                                \
  KERNEL transposed_convolution_##name(const float *x, const float *history, const void *weight,   \
                                       const float *bias, float *out, float *shares, int time,     \
                                       int inputs, int outputs, int kernel, int stride) {          \
    IN_ORDER                                                                                       \
    convolve_transposed<T>(x, history, weight, bias, out, shares, time, inputs, outputs, kernel,   \
                           stride);                                                                \
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
