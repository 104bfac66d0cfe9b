// SPDX-License-Identifier: MIT
// out = x + sin²(x · alpha) · inverse_beta, both per column; one thread per element.
// Bound: bytes read and written.
#include "Common/Activations.cuh"

KERNEL snake(const float *x, const float *alpha, const float *inverse_beta, float *out, i64 count,
             int columns) {
  IN_ORDER
  i64 i = global_index();
  if (i >= count) return;
  int c = (int)(i % columns);
  out[i] = snake_value(x[i], alpha[c], inverse_beta[c]);
}
