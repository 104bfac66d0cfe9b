// SPDX-License-Identifier: MIT
// The input of a causal convolution: `xx`, the rows of its history followed by those of x; and the
// update of that history, the state between two calls.
#pragma once
#include "Common/StreamFrames.cuh"

struct ConvolutionInput {
  const float *history, *x;
  int history_rows, columns;
  StreamFrames streams;
  // Row t of the output sees rows t, t + 1, … of the `xx` of its stream; this is row t + shift.
  __device__ __forceinline__ float operator()(int t, int shift, int column) const {
    i64 past;
    int row = t - streams.first_row(t, past) + shift;
    return row < history_rows ? history[past + (i64)row * columns + column]
                              : x[(i64)(t + shift - history_rows) * columns + column];
  }
};

// Stores the last `rows` rows of [history, x], x having `time` rows, in the history: one column of
// 32-bit words. Groups of rows are read before they are written, in ascending order, which is safe
// in place.
__device__ __forceinline__ void update_state_column(const u32 *x, u32 *history, int time, int rows,
                                                    int columns, int column) {
  constexpr int GROUP = 18;
  if (column >= columns) return;
  for (int first = 0; first < rows; first += GROUP) {
    u32 words[GROUP];
#pragma unroll
    for (int i = 0; i < GROUP; i++) {
      int r = first + i + time;
      if (first + i < rows)
        words[i] = r < rows ? history[(i64)r * columns + column]
                            : x[(i64)(r - rows) * columns + column];
    }
#pragma unroll
    for (int i = 0; i < GROUP; i++)
      if (first + i < rows) history[(i64)(first + i) * columns + column] = words[i];
  }
}

// The same for the stream whose last frame of the batch `frame` is, if it is one's.
__device__ __forceinline__ void update_stream_column(const StreamFrames &streams, const u32 *x,
                                                     u32 *history, int time, int rows, int columns,
                                                     int column, int frame) {
  if (streams.at) {
    if (frame >= streams.count || !streams.is_last(frame)) return;
    int2 where = streams.at[frame];
    x += (i64)(frame - where.y) * streams.rows * columns;
    time = (where.y + 1) * streams.rows;
    history += (i64)where.x * streams.slot_stride;
  }
  update_state_column(x, history, time, rows, columns, column);
}
