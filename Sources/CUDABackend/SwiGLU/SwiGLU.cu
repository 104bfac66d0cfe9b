// SPDX-License-Identifier: MIT
// out[r, i] = silu(x[r, i]) · x[r, width + i]; one thread per element.
// Bound: bytes read and written.
#include "Common/Activations.cuh"

KERNEL swiglu(const float *x, float *out, int rows, int width) {
  IN_ORDER
  i64 i = global_index();
  if (i >= (i64)rows * width) return;
  i64 r = i / width, c = i % width;
  out[i] = silu_value(x[2 * r * width + c]) * x[2 * r * width + width + c];
}
