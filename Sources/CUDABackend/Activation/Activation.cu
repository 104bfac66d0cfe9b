// SPDX-License-Identifier: MIT
// Activation functions; one thread per element. Bound: bytes read and written.
#include "Common/Activations.cuh"

KERNEL silu(float *x, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) x[i] = silu_value(x[i]);
}

KERNEL gelu(float *x, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) x[i] = gelu_value(x[i]);
}

// x = min(max(x, −1), 1)
KERNEL clamp_unit(float *x, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) x[i] = fminf(fmaxf(x[i], -1.0f), 1.0f);
}

// Twins of `CUDABackend.code(of:)`.
enum { RELU = 0, ELU = 1, SIGMOID = 2, TANH = 3 };

// out[i] = function(x[i]); out may be x.
KERNEL activate(const float *x, float *out, i64 count, int function) {
  IN_ORDER
  i64 i = global_index();
  if (i >= count) return;
  float v = x[i];
  if (function == RELU) v = fmaxf(v, 0.0f);
  if (function == ELU) v = v > 0.0f ? v : expm1f(v);
  if (function == SIGMOID) v = 1.0f / (1.0f + expf(-v));
  if (function == TANH) v = tanhf(v);
  out[i] = v;
}
