// SPDX-License-Identifier: MIT
// out = source; one thread per element. Bound: bytes read and written.
#include "Common/Kernel.cuh"

KERNEL copy(const float *source, float *out, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) out[i] = source[i];
}
