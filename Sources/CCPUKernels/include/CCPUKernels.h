// SPDX-License-Identifier: MIT
//
// Vectorised kernels of the CPU backend. Arithmetic is F32; weights keep their stored precision and
// may lie at any address. Each row of a result is computed by the same sequence of operations
// whatever the number of rows and threads, so chunks of any size give the same bits.

#ifndef CCPUKERNELS_H
#define CCPUKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// How a weight is stored, or a cache.
typedef enum { QT_F32 = 0, QT_BF16 = 1, QT_F16 = 2 } qt_dtype;

/// Instruction sets the kernels are built for, best last.
typedef enum { QT_PORTABLE = 0, QT_AVX2 = 1, QT_AVX512 = 2 } qt_isa;

/// The instruction set in use.
qt_isa qt_current_isa(void);
/// Chooses an instruction set if this machine has it; for tests. Returns what is in use afterwards.
qt_isa qt_select_isa(qt_isa isa);

/// Ends the process with a sentence on standard error and exit code 69. Operations cannot fail, so there is
/// no caller to tell; what a model needs is reserved before, where it can be refused (`CPUBackend.canMap`).
_Noreturn void qt_out_of_memory(size_t bytes);

/// Threads in use, the caller's included.
int qt_thread_count(void);
/// Sets the number of threads (at least 1); for tests and `--threads`.
void qt_set_thread_count(int count);

/// y[m, n] (+)= scale[n] * (sum_k w[n, k] * x[m, k] + bias[n]); `bias` and `scale` may be NULL.
void qt_linear(const void *w, qt_dtype dtype, int n, int k, const float *x, int m,
               const float *bias, const float *scale, bool accumulate, float *y, int ldy);

/// y (+)= causal convolution of `xx`, [history + m, inputs], by `w`, [outputs, inputs, kernel]; then
/// Snake, unless `alpha` is NULL.
void qt_convolution(const void *w, qt_dtype dtype, int outputs, int inputs, int kernel,
                    int dilation, const float *xx, int m, const float *bias, const float *alpha,
                    const float *inverse_beta, bool accumulate, float *y);

/// Causal transposed convolution; `xx` is [1 + m, inputs] when kernel == 2 * stride, [m, inputs] when
/// kernel == stride; `w` is [inputs, outputs, kernel]; y is [m * stride, outputs].
void qt_transposed_convolution(const void *w, qt_dtype dtype, int outputs, int inputs, int kernel,
                               int stride, const float *xx, int m, const float *bias, float *y);

/// Depthwise causal convolution; `xx` is [kernel - 1 + m, channels], `w` is [channels, kernel].
void qt_depthwise(const float *w, int channels, int kernel, const float *xx, int m,
                  const float *bias, float *y);

void qt_rms_norm(const float *x, int m, int n, const float *weight, float epsilon, float *y);
void qt_layer_norm(const float *x, int m, int n, const float *weight, const float *bias,
                   float epsilon, float *y);
/// y[m, i] = silu(x[m, i]) * x[m, n + i]; x is [m, 2 n].
void qt_swiglu(const float *x, int m, int n, float *y);
void qt_silu(float *x, long count);
void qt_gelu(float *x, long count);
void qt_clamp(float *x, long count);
/// y = x + sin^2(x * alpha) * inverse_beta, per column.
void qt_snake(const float *x, int m, int n, const float *alpha, const float *inverse_beta,
              float *y);
/// out += in.
void qt_add(const float *in, float *out, long count);
/// out (+)= scale * row of `count` stored numbers.
void qt_add_row(const void *row, qt_dtype dtype, long count, float scale, bool accumulate,
                float *out);

/// Normalises heads (weights may be NULL), turns queries and keys, writes keys and values to rows
/// `cache_rows[r]` of the caches, [.., kv_heads * head_dim], in F32 or rounded to bf16.
void qt_norm_rotate_append(float *qkv, int m, int heads, int kv_heads, int head_dim,
                           const float *q_norm, const float *k_norm, float epsilon,
                           const float *inverse_frequencies, const int32_t *positions,
                           const int64_t *cache_rows, void *keys, void *values, qt_dtype dtype);
/// Where the positions of a slot are among the rows of a cache: without a table, slot s starts at row
/// s * capacity and position p lies at row p % capacity after it; with one, position p lies at row
/// p % page_size of page table[s * pages_per_slot + p / page_size].
typedef struct {
  const int32_t *table;
  int pages_per_slot, page_size, capacity;
} qt_pages;

/// Attention over positions [first, position] of each row's slot. `scores` is scratch,
/// [m * heads, longest span].
void qt_attention(const float *qkv, int m, int heads, int kv_heads, int head_dim, int window,
                  const int32_t *positions, const int32_t *slots, qt_pages pages,
                  const void *keys, const void *values, qt_dtype dtype, float *scores,
                  long longest, float *y);

#endif
