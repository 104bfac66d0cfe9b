// SPDX-License-Identifier: MIT
// What the host writes: a constant, or rows that it sends as bf16. One thread per element.
// Bound: bytes read and written.
#include "Common/Kernel.cuh"

// out[i · stride] = value
KERNEL fill(u32 *out, i64 stride, i64 count, u32 value) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) out[i * stride] = value;
}

// out = source, bf16 widened to F32; a thread per pair.
KERNEL widen_rows(const u32 *source, float2 *out, i64 pairs) {
  IN_ORDER
  i64 i = global_index();
  if (i < pairs)
    out[i] = make_float2(__uint_as_float(source[i] << 16),
                         __uint_as_float(source[i] & 0xffff0000u));
}
