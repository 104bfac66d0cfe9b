// SPDX-License-Identifier: MIT
// Rows of a table by index; one thread per element. Bound: bytes read and written.
#include "Common/Elements.cuh"

// out[r] (+)= scale[ids[r]] · table[ids[r]]; a negative id stands for a row of zeros.
template <int T>
__device__ __forceinline__ void gather_element(const void *table, const int *ids, int id_stride,
                                               const float *scale, int accumulate, float *out,
                                               int rows, int columns) {
  i64 i = global_index();
  if (i >= (i64)rows * columns) return;
  int r = (int)(i / columns), c = (int)(i % columns);
  int id = ids[(i64)r * id_stride];
  float value = 0;
  if (id >= 0) {
    value = element<T>(table, (i64)id * columns + c);
    if (scale) value *= scale[id];
  }
  out[i] = accumulate ? out[i] + value : value;
}
#define GATHER(name, T)                                                                            \
  KERNEL gather_##name(const void *table, const int *ids, int id_stride, const float *scale,       \
                       int accumulate, float *out, int rows, int columns) {                        \
    IN_ORDER                                                                                       \
    gather_element<T>(table, ids, id_stride, scale, accumulate, out, rows, columns);               \
  }
FOR_EACH_ELEMENT(GATHER)

// out[r] = Σ_g scale[i] · table[i] with i = g · entries + codes[r · width + g], first ≤ g < end.
// The rows that one call sums are loaded together. end − first ≤ 16.
template <int T>
__device__ __forceinline__ void gather_sum(const void *table, int entries, const float *scale,
                                           const int *codes, int width, int first, int end,
                                           float *out, int rows, int columns) {
  i64 i = global_index();
  if (i >= (i64)rows * columns) return;
  int r = (int)(i / columns), c = (int)(i % columns);
  float sum = 0;
#pragma unroll
  for (int g = 0; g < 16; g++) {
    if (first + g >= end) continue;
    int id = (first + g) * entries + codes[(i64)r * width + first + g];
    sum += scale[id] * element<T>(table, (i64)id * columns + c);
  }
  out[i] = sum;
}
#define GATHER_SUM(name, T)                                                                        \
  KERNEL gather_sum_##name(const void *table, int entries, const float *scale, const int *codes,   \
                           int width, int first, int end, float *out, int rows, int columns) {     \
    IN_ORDER                                                                                       \
    gather_sum<T>(table, entries, scale, codes, width, first, end, out, rows, columns);            \
  }
FOR_EACH_ELEMENT(GATHER_SUM)

// out[ids[r]] = source[r]; a negative id stands for none, and none comes twice.
KERNEL scatter_rows(const float *source, const int *ids, int id_stride, float *out, int rows,
                    int columns) {
  IN_ORDER
  i64 i = global_index();
  if (i >= (i64)rows * columns) return;
  int id = ids[i / columns * id_stride];
  if (id >= 0) out[(i64)id * columns + i % columns] = source[i];
}

// out[r] = source[ids[r]], or out[ids[r]] = source[r], of rows of `width` numbers; a negative id
// stands for none.
template <bool SCATTERS>
__device__ __forceinline__ void move_indices(const int *source, int source_stride, int width,
                                             const int *ids, int id_stride, int *out,
                                             int out_stride, int rows) {
  i64 i = global_index();
  if (i >= (i64)rows * width) return;
  int id = ids[i / width * id_stride];
  if (id < 0) return;
  i64 there = (i64)id * width + i % width, from = SCATTERS ? i : there, to = SCATTERS ? there : i;
  out[to * out_stride] = source[from * source_stride];
}
#define MOVE_INDICES(name, SCATTERS)                                                               \
  KERNEL name(const int *source, int source_stride, int width, const int *ids, int id_stride,      \
              int *out, int out_stride, int rows) {                                                \
    IN_ORDER                                                                                       \
    move_indices<SCATTERS>(source, source_stride, width, ids, id_stride, out, out_stride, rows);   \
  }
MOVE_INDICES(gather_indices, false)
MOVE_INDICES(scatter_indices, true)
