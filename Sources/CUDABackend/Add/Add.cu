// SPDX-License-Identifier: MIT
// Sums of rows; one thread per element. Bound: bytes read and written.
#include "Common/Kernel.cuh"

// out[i] += source[i mod period]: with a period of one row, that row is added to every row.
KERNEL add(const float *source, float *out, i64 count, i64 period) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) out[i] += source[i % period];
}

// out[r] += scale · x[r], scale per column.
KERNEL add_scaled(const float *x, const float *scale, float *out, i64 count, int columns) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) out[i] += scale[i % columns] * x[i];
}
