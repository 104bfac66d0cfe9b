// SPDX-License-Identifier: MIT
// What the products of `Product.cu` read: rows in bf16 parts, and weights laid out for them.

// A thread's pairs of a row of at most 4096 numbers, each block taking one row: read all, then write,
// so that the parts may take the row's place.
enum { ROW_PAIRS = 8 };
__device__ __forceinline__ void store_row(u16 *row, int columns, const float2 *v, int pairs) {
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    int c = 2 * (threadIdx.x + i * blockDim.x);
    if (i >= pairs || c >= columns) continue;
    u32 low, high = split_pair(v[i].x, v[i].y, low);
    *(u32 *)(row + c) = high;
    *(u32 *)(row + columns + c) = low;
  }
}
__device__ __forceinline__ int load_row(const float *row, int columns, float2 *v) {
  int pairs = (columns / 2 + blockDim.x - 1) / blockDim.x;
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    int c = 2 * (threadIdx.x + i * blockDim.x);
    v[i] = i < pairs && c < columns ? *(const float2 *)(row + c) : make_float2(0, 0);
  }
  return pairs;
}

// out = parts of the rows of the history and of x behind it, after a snake when there is one. Without a
// history `out` may be `x`. A block a row. Bound: bytes.
KERNEL row_parts(const float *x, const float *history, int history_rows, const float *alpha,
                 const float *inverse_beta, u16 *out, int columns) {
  IN_ORDER
  float2 v[ROW_PAIRS];
  int r = blockIdx.x;
  int pairs = load_row(r < history_rows ? history + (i64)r * columns
                                        : x + (i64)(r - history_rows) * columns, columns, v);
  if (alpha) {
#pragma unroll
    for (int i = 0; i < ROW_PAIRS; i++) {
      int c = 2 * (threadIdx.x + i * blockDim.x);
      if (i >= pairs || c >= columns) continue;
      v[i].x = snake_value(v[i].x, alpha[c], inverse_beta[c]);
      v[i].y = snake_value(v[i].y, alpha[c + 1], inverse_beta[c + 1]);
    }
  }
  __syncthreads();
  store_row(out + (i64)blockIdx.x * 2 * columns, columns, v, pairs);
}

// out[r] = parts of rms_norm(x[r]). A block a row. Bound: bytes.
KERNEL rms_norm_parts(const float *x, const float *weight, float epsilon, u16 *out, int columns) {
  start_next();
  float2 v[ROW_PAIRS], gain[ROW_PAIRS];
  load_row(weight, columns, gain);
  wait_for_previous();
  int pairs = load_row(x + (i64)blockIdx.x * columns, columns, v);
  float square = 0;
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) square += v[i].x * v[i].x + v[i].y * v[i].y;
  float factor = 1.0f / sqrtf(block_sum(square) / columns + epsilon);
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    v[i].x *= factor * gain[i].x;
    v[i].y *= factor * gain[i].y;
  }
  store_row(out + (i64)blockIdx.x * 2 * columns, columns, v, pairs);
}

// out[t] = parts of layer_norm(depthwise convolution of [history, x] at t). A block a row.
// Bound: bytes; each row of x is read `kernel` times, from the second-level cache.
KERNEL depthwise_norm_parts(const float *x, const float *history, const float *weight,
                            const float *bias, const float *norm, const float *norm_bias,
                            float epsilon, u16 *out, int columns, int kernel) {
  IN_ORDER
  int t = blockIdx.x;
  float2 v[ROW_PAIRS];
  int pairs = load_row(bias, columns, v);
  for (int j = 0; j < kernel; j++) {
    int r = t + j;
    const float *row = r < kernel - 1 ? history + (i64)r * columns
                                      : x + (i64)(r - kernel + 1) * columns;
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
  float factor = 1.0f / sqrtf(block_sum(square) / columns + epsilon);
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    int c = 2 * (threadIdx.x + i * blockDim.x);
    if (i >= pairs || c >= columns) continue;
    v[i].x = (v[i].x - mean) * factor * norm[c] + norm_bias[c];
    v[i].y = (v[i].y - mean) * factor * norm[c + 1] + norm_bias[c + 1];
  }
  store_row(out + (i64)t * 2 * columns, columns, v, pairs);
}

// A convolution with one output, its input through a snake: out[t] = bias + Σ_j Σ_i W[i, j] xx[t + j, i].
// `xx` is the history, which the snake has been through, followed by snake(x); `kept` gets its last
// rows, which are all of x: time ≥ kernel − 1. A block of 8 warps takes 16 rows, a warp every eighth of
// them. columns ≤ 128, even; kernel ≤ 8. Bound: bytes of x.
enum { SINGLE_ROWS = 16, SINGLE_THREADS = 256 };
KERNEL snake_convolution_1(const float *x, const float *alpha, const float *inverse_beta,
                           const float *history, const float *weight, const float *bias,
                           float *out, float *kept, int time, int columns, int kernel) {
  start_next();
  __shared__ float rows[SINGLE_ROWS + 7][128], taps[8][128], slopes[128], heights[128];
  int first = blockIdx.x * SINGLE_ROWS, past = kernel - 1, half = columns / 2;
  for (int i = threadIdx.x; i < columns * kernel; i += SINGLE_THREADS)
    taps[i % kernel][i / kernel] = weight[i];
  if ((int)threadIdx.x < columns) {
    slopes[threadIdx.x] = alpha[threadIdx.x];
    heights[threadIdx.x] = inverse_beta[threadIdx.x];
  }
  wait_for_previous();
  __syncthreads();
  constexpr int MOST = ((SINGLE_ROWS + 7) * 64 + SINGLE_THREADS - 1) / SINGLE_THREADS;
  float2 v[MOST];
#pragma unroll
  for (int j = 0; j < MOST; j++) {
    int i = threadIdx.x + j * SINGLE_THREADS, r = i / half, c = i - r * half, t = first + r - past;
    v[j] = make_float2(0, 0);
    if (r >= SINGLE_ROWS + past || t >= time) continue;
    v[j] = ((const float2 *)(t < 0 ? history + (i64)(t + past) * columns
                                   : x + (i64)t * columns))[c];
  }
#pragma unroll
  for (int j = 0; j < MOST; j++) {
    int i = threadIdx.x + j * SINGLE_THREADS, r = i / half, c = 2 * (i - r * half);
    int t = first + r - past;
    if (r >= SINGLE_ROWS + past) continue;
    if (t >= 0) {
      v[j].x = snake_value(v[j].x, slopes[c], heights[c]);
      v[j].y = snake_value(v[j].y, slopes[c + 1], heights[c + 1]);
      if (t >= time - past && t < time && r >= past)
        *(float2 *)(kept + (i64)(t - time + past) * columns + c) = v[j];
    }
    *(float2 *)&rows[r][c] = v[j];
  }
  __syncthreads();
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
  for (int step = 0; step < SINGLE_ROWS / 8; step++) {
    int r = warp + 8 * step;
    float sum = 0;
    for (int c = lane; c < columns; c += 32)
#pragma unroll
      for (int j = 0; j < 8; j++)
        if (j < kernel) sum += taps[j][c] * rows[r + j][c];
    sum = warp_sum(sum);
    if (lane == 0 && first + r < time) out[first + r] = sum + bias[0];
  }
}

// High and low parts of a stored weight as [outputs][taps][inputs]; a thread a number. `stride` 0: a
// causal convolution, stored [outputs][inputs][taps]. Else a transposed one, stored
// [inputs][outputs / stride][taps · stride]: output j · (outputs / stride) + o is channel o of the
// j-th row that a row of x becomes, and tap q takes the row taps − 1 − q before it.
template <int T>
__device__ __forceinline__ void pack(const void *weight, u16 *out, int outputs, int inputs,
                                     int taps, int stride) {
  i64 i = global_index(), size = (i64)outputs * inputs * taps;
  if (i >= size) return;
  int input = (int)(i % inputs), tap = (int)(i / inputs % taps), output = (int)(i / inputs / taps);
  i64 at = ((i64)output * inputs + input) * taps + tap;
  if (stride > 0) {
    int channels = outputs / stride, j = output / channels, o = output % channels;
    at = ((i64)input * channels + o) * (taps * stride) + j + (taps - 1 - tap) * stride;
  }
  float value = element<T>(weight, at);
  u32 low, high = split_pair(value, 0, low);
  out[i] = (u16)high;
  out[size + i] = (u16)low;
}
#define PACK(name, T)                                                                              \
  KERNEL pack_##name(const void *weight, u16 *out, int outputs, int inputs, int taps,              \
                     int stride) {                                                                 \
    IN_ORDER                                                                                       \
    pack<T>(weight, out, outputs, inputs, taps, stride);                                           \
  }
FOR_EACH_ELEMENT(PACK)
