// SPDX-License-Identifier: MIT
//
// What each instruction set provides.

#ifndef QT_TABLE_H
#define QT_TABLE_H

#include "CCPUKernels.h"

typedef struct {
  const void *w;
  qt_dtype dtype;
  int n, k, m;
  const float *x, *bias, *scale;
  bool accumulate;
  float *y;
  long ldy;
} linear_job;

/// A causal convolution, or a transposed one as one for each of the `phases` steps between two rows:
///
///     y[r, phase, o] (+)= bias[o] + sum of x[r * inputs + tap * reach + i]
///                                     * w[o, i, tap]
///
/// or, in a transposed one, * w[i, o, (taps - 1 - tap) * phases + phase]; then Snake, if there is an
/// `alpha`.
typedef struct {
  const void *w;
  qt_dtype dtype;
  int outputs, inputs, kernel, taps, phases;
  const float *x;
  long reach;
  const float *bias, *alpha, *inverse_beta;
  bool accumulate;
  float *y;
} convolution_job;

/// Weights of an output that are packed at once: for sixteen outputs, half a first-level cache.
enum { DEPTH = 256 };
/// Numbers from one unpacked row to the next: whole vectors, and not a power of two, whose rows would
/// share the lines of a cache.
#define PITCH(depth) ((depth) / LANES * LANES + 3 * LANES)

typedef struct {
  void (*linear)(const linear_job *job, int n0, int n1, int m0, int m1);
  void (*convolution)(const convolution_job *job, int output, int m0, int m1);
  void (*add_row)(const void *row, qt_dtype dtype, long count, float scale, bool accumulate,
                  float *out);
  void (*rms_norm)(const float *x, int n, const float *weight, float epsilon, float *y);
  void (*swiglu)(const float *x, int n, float *y);
  void (*silu)(float *x, long count);
  void (*snake)(const float *x, int n, const float *alpha, const float *inverse_beta, float *y);
  void (*attend)(const float *q, int head_dim, long kv_width, const float *keys,
                 const float *values, int first, int last, int capacity, float *scores, float *out);
} kernel_table;

const kernel_table *portable_kernels(void);
const kernel_table *avx2_kernels(void);
const kernel_table *avx512_kernels(void);

#endif
