// SPDX-License-Identifier: MIT
// Rows and single numbers: one thread a number. Bound: bytes read and written.

KERNEL fill(u32 *out, i64 stride, i64 count, u32 value) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) out[i * stride] = value;
}

KERNEL copy(const float *source, float *out, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) out[i] = source[i];
}

// Pairs of bf16 numbers to F32.
KERNEL widen(const u32 *source, float2 *out, i64 pairs) {
  IN_ORDER
  i64 i = global_index();
  if (i < pairs)
    out[i] = make_float2(__uint_as_float(source[i] << 16),
                         __uint_as_float(source[i] & 0xffff0000u));
}

// out[r] += source[r]; `period` numbers of the source repeat.
KERNEL add(const float *source, float *out, i64 count, i64 period) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) out[i] += source[i % period];
}

// out[r] (+)= scale[ids[r]] · table[ids[r]]; a negative id is a row of zeros.
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

// out[r] += source[slots[r] · rows_per_slot + min(frame[slot], count[slot])].
KERNEL add_trailing(const float *source, int rows_per_slot, const int *frame, int frame_stride,
                    const int *count, int count_stride, const int *slots, int slot_stride,
                    float *out, int rows, int columns) {
  IN_ORDER
  i64 i = global_index();
  if (i >= (i64)rows * columns) return;
  int r = (int)(i / columns), c = (int)(i % columns);
  int slot = slots[(i64)r * slot_stride];
  int index = min(frame[(i64)slot * frame_stride], count[(i64)slot * count_stride]);
  out[i] += source[((i64)slot * rows_per_slot + index) * columns + c];
}

// out[r] = Σ_g scale[i] · table[i], i = g · entries + codes[r · width + g], first ≤ g < end; a thread a
// number. Rows of one call are read together. end − first ≤ 16.
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

KERNEL increment(int *values, int stride, int count, int amount) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) values[i * stride] += amount;
}

// out[r, i] = silu(x[r, i]) · x[r, width + i].
KERNEL swiglu(const float *x, float *out, int rows, int width) {
  IN_ORDER
  i64 i = global_index();
  if (i >= (i64)rows * width) return;
  i64 r = i / width, c = i % width;
  out[i] = sigmoid_product(x[2 * r * width + c]) * x[2 * r * width + width + c];
}

KERNEL silu(float *x, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) x[i] = sigmoid_product(x[i]);
}

KERNEL gelu(float *x, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) x[i] = 0.5f * x[i] * (1.0f + erff(x[i] * 0.70710678f));
}

// out = x + sin²(x · alpha) · inverse_beta, both per column.
KERNEL snake(const float *x, const float *alpha, const float *inverse_beta, float *out, i64 count,
             int columns) {
  IN_ORDER
  i64 i = global_index();
  if (i >= count) return;
  int c = (int)(i % columns);
  float s = sinf(x[i] * alpha[c]);
  out[i] = x[i] + s * s * inverse_beta[c];
}

KERNEL clamp_unit(float *x, i64 count) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) x[i] = fminf(fmaxf(x[i], -1.0f), 1.0f);
}

// One block. Codes into the ring's next place, then, visible to the host after them, the number of
// frames published.
KERNEL publish(const int *codes, int stride, int count, int *counter, int *ring, int depth,
               volatile int *published) {
  IN_ORDER
  int frame = *counter;
  int *place = ring + (i64)((unsigned)frame % (unsigned)depth) * count;
  for (int i = threadIdx.x; i < count; i += blockDim.x) place[i] = codes[(i64)i * stride];
  __threadfence_system();
  __syncthreads();
  if (threadIdx.x == 0) {
    *counter = frame + 1;
    *published = frame + 1;
  }
}
