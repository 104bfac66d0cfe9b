// SPDX-License-Identifier: MIT
// The input of a causal convolution: `xx`, the rows of its history followed by those of x; and the
// update of that history, the state between two calls.
#pragma once
#include "Common/Kernel.cuh"

struct ConvolutionInput {
  const float *history, *x;
  int history_rows, columns;
  __device__ __forceinline__ float operator()(int row, int column) const {
    return row < history_rows ? history[(i64)row * columns + column]
                              : x[(i64)(row - history_rows) * columns + column];
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
