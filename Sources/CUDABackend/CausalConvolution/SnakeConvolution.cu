// SPDX-License-Identifier: MIT
// The last layer of the codec, and the update of a convolution's state.
#include "Common/Activations.cuh"
#include "Common/ConvolutionInput.cuh"
#include "Common/Reductions.cuh"

// Stores the last rows of [history, x] of each stream in its history; a thread per column, a row of
// blocks per frame. Bound: bytes.
KERNEL update_state(const u32 *x, u32 *history, int time, int rows, int columns, const int *frames,
                    int frame_rows, int frame_count, int slot_stride) {
  IN_ORDER
  update_stream_column({(const int2 *)frames, frame_rows, frame_count, slot_stride}, x, history,
                       time, rows, columns, (int)(blockIdx.x * blockDim.x + threadIdx.x),
                       (int)blockIdx.y);
}

// Snake, then a convolution with one output: out[t] = bias + Σ_j Σ_i W[i, j] xx[t + j, i]. `xx` is
// the history, to which the snake has been applied, followed by snake(x); `state` gets its last
// rows, [frames] of them, which are all from x: a frame has at least kernel − 1 rows. A block of 8
// warps takes 16 rows of a frame (blockIdx.y), a warp every eighth of them. columns ≤ 128, even;
// kernel ≤ 8. Bound: bytes of x.
enum { SINGLE_ROWS = 16, SINGLE_THREADS = 256 };
KERNEL snake_convolution(const float *x, const float *alpha, const float *inverse_beta,
                         const float *history, const float *weight, const float *bias, float *out,
                         float *state, int time, int columns, int kernel, const int *frames,
                         int slot_stride) {
  launch_dependents();
  __shared__ float rows[SINGLE_ROWS + 7][128], taps[8][128], slopes[128], heights[128];
  int first = blockIdx.x * SINGLE_ROWS, past = kernel - 1, half = columns / 2;
  for (int i = threadIdx.x; i < columns * kernel; i += SINGLE_THREADS)
    taps[i % kernel][i / kernel] = weight[i];
  if ((int)threadIdx.x < columns) {
    slopes[threadIdx.x] = alpha[threadIdx.x];
    heights[threadIdx.x] = inverse_beta[threadIdx.x];
  }
  wait_for_previous();
  // From here on x and out are the frame's, and rows before it are its stream's.
  int before = 0;
  if (frames) {
    int2 where = ((const int2 *)frames)[blockIdx.y];
    history += (i64)where.x * slot_stride;
    before = where.y * time;
  }
  x += (i64)blockIdx.y * time * columns;
  out += (i64)blockIdx.y * time;
  state += (i64)blockIdx.y * past * columns;
  __syncthreads();
  constexpr int MOST = ((SINGLE_ROWS + 7) * 64 + SINGLE_THREADS - 1) / SINGLE_THREADS;
  float2 v[MOST];
#pragma unroll
  for (int j = 0; j < MOST; j++) {
    int i = threadIdx.x + j * SINGLE_THREADS, r = i / half, c = i - r * half, t = first + r - past;
    v[j] = make_float2(0, 0);
    if (r >= SINGLE_ROWS + past || t >= time) continue;
    v[j] = ((const float2 *)(t + before < 0 ? history + (i64)(t + before + past) * columns
                                            : x + (i64)t * columns))[c];
  }
#pragma unroll
  for (int j = 0; j < MOST; j++) {
    int i = threadIdx.x + j * SINGLE_THREADS, r = i / half, c = 2 * (i - r * half);
    int t = first + r - past;
    if (r >= SINGLE_ROWS + past) continue;
    if (t + before >= 0) {
      v[j].x = snake_value(v[j].x, slopes[c], heights[c]);
      v[j].y = snake_value(v[j].y, slopes[c + 1], heights[c + 1]);
      if (t >= time - past && t < time && r >= past)
        *(float2 *)(state + (i64)(t - time + past) * columns + c) = v[j];
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

// What `snake_convolution` left for each stream's last frame becomes its history.
KERNEL store_state(const u32 *state, u32 *history, int size, const int *frames, int frame_count,
                   int slot_stride) {
  IN_ORDER
  int i = blockIdx.x * blockDim.x + threadIdx.x, frame = blockIdx.y;
  StreamFrames streams = {(const int2 *)frames, 0, frame_count, slot_stride};
  if (i >= size) return;
  if (frames) {
    if (!streams.is_last(frame)) return;
    history += (i64)streams.at[frame].x * slot_stride;
  }
  history[i] = state[(i64)frame * size + i];
}
