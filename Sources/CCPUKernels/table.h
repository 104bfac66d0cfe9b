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

typedef struct {
  void (*linear)(const linear_job *job, int n0, int n1, int m0, int m1);
  void (*columns)(const void *w, qt_dtype dtype, long first, long ldw, const float *x, int k, int m,
                  int columns, float *y);
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
