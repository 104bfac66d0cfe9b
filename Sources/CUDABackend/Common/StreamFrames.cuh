// SPDX-License-Identifier: MIT
// Rows of several streams beside each other: a batch is made of frames, each of `rows` rows at a
// stage of the codec, and the frames of a stream follow one another. Twin of `StreamFrames`.
#pragma once
#include "Common/Kernel.cuh"

struct StreamFrames {
  // For each frame the slot of its stream, and its place among the stream's frames of the batch;
  // null: all rows are of one stream.
  const int2 *at;
  // Rows of a frame, frames, and 32-bit words from one slot's history to the next one's.
  int rows, count, slot_stride;

  // The first row of the batch that is of the same stream as `row`; what the history of its stream
  // lies beyond that of slot 0 goes to `past`.
  __device__ __forceinline__ int first_row(int row, i64 &past) const {
    past = 0;
    if (!at) return 0;
    int frame = row / rows;
    int2 where = at[frame];
    past = (i64)where.x * slot_stride;
    return (frame - where.y) * rows;
  }
  // Whether a frame is its stream's last of the batch.
  __device__ __forceinline__ bool is_last(int frame) const {
    return frame + 1 >= count || at[frame + 1].y == 0;
  }
};
