// SPDX-License-Identifier: MIT
// out[r] += table[ids[slots[r] · ids_per_slot + min(frame[slot], count[slot])]]: the text of a frame;
// one thread per element.
// Bound: bytes read and written.
#include "Common/Kernel.cuh"

KERNEL add_trailing_text(const float *table, const int *ids, int ids_per_slot, const int *frame,
                         int frame_stride, const int *count, int count_stride, const int *slots,
                         int slot_stride, float *out, int rows, int columns) {
  IN_ORDER
  i64 i = global_index();
  if (i >= (i64)rows * columns) return;
  int r = (int)(i / columns), c = (int)(i % columns);
  int slot = slots[(i64)r * slot_stride];
  int index = min(frame[(i64)slot * frame_stride], count[(i64)slot * count_stride]);
  out[i] += table[(i64)ids[(i64)slot * ids_per_slot + index] * columns + c];
}
