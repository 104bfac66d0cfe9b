// SPDX-License-Identifier: MIT
// Copies on the device; one thread per element. Bound: bytes read and written.
#include "Common/Kernel.cuh"

// out = source
KERNEL copy(const float *source, float *out, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) out[i] = source[i];
}

// Of each of `blocks` blocks, `pitch` words apart, the `count` words at `to` become those at `from`.
KERNEL copy_slot(u32 *all, i64 blocks, i64 pitch, i64 from, i64 to, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i >= blocks * count) return;
  u32 *block = all + i / count * pitch;
  block[to + i % count] = block[from + i % count];
}
