// SPDX-License-Identifier: MIT
// Weights laid out for the kernels that read them, once at load; one thread per element.
// Bound: bytes.
#include "Common/SplitBF16.cuh"

// Planes of the high and low halves of a stored weight, [2][outputs][taps][inputs]. `stride` 0: a
// causal convolution, stored [outputs][inputs][taps]. Otherwise a transposed one, stored
// [inputs][outputs / stride][taps · stride]: output j · (outputs / stride) + o is channel o of the
// j-th row that a row of x becomes, and tap q takes the row taps − 1 − q before it.
template <int T>
__device__ __forceinline__ void pack_split(const void *weight, u16 *out, int outputs, int inputs,
                                           int taps, int stride) {
  i64 i = global_index(), size = (i64)outputs * inputs * taps;
  if (i >= size) return;
  int input = (int)(i % inputs), tap = (int)(i / inputs % taps), output = (int)(i / inputs / taps);
  i64 at = ((i64)output * inputs + input) * taps + tap;
  if (stride > 0) {
    int channels = outputs / stride, j = output / channels, o = output % channels;
    at = ((i64)input * channels + o) * (taps * stride) + j + (taps - 1 - tap) * stride;
  }
  float value = element<T>(weight, at);
  u32 low, high = split_pair(value, 0, low);
  out[i] = (u16)high;
  out[size + i] = (u16)low;
}
#define PACK_SPLIT(name, T)                                                                        \
  KERNEL pack_split_##name(const void *weight, u16 *out, int outputs, int inputs, int taps,        \
                     int stride) {                                                                 \
    IN_ORDER                                                                                       \
    pack_split<T>(weight, out, outputs, inputs, taps, stride);                                     \
  }
FOR_EACH_ELEMENT(PACK_SPLIT)

// A stored weight [outputs][inputs][taps] as F32 [outputs][taps][inputs].
#define PACK_TAPS(name, T)                                                                         \
  KERNEL pack_taps_##name(const void *weight, float *out, int outputs, int inputs, int taps) {     \
    IN_ORDER                                                                                       \
    i64 i = global_index();                                                                        \
    if (i >= (i64)outputs * inputs * taps) return;                                                 \
    i64 input = i % inputs, tap = i / inputs % taps, output = i / inputs / taps;                   \
    out[i] = element<T>(weight, (output * inputs + input) * taps + tap);                           \
  }
FOR_EACH_ELEMENT(PACK_TAPS)
