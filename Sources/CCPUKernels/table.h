// SPDX-License-Identifier: MIT
//
// What each instruction set provides.

#ifndef QT_TABLE_H
#define QT_TABLE_H

#include "CCPUKernels.h"

/// Numbers of a row that a product takes at a time: in bf16 a line of the cache.
enum { STEP = 32 };

/// y[m, n] (+)= scale[n] * (dot(w row n, x row m) + bias[n]), with rows of x `ldx` numbers apart, a
/// multiple of STEP, as `arrange` makes them.
typedef struct {
  const void *w;
  qt_dtype dtype;
  int n, k, m;
  const float *x;
  long ldx;
  const float *bias, *scale;
  bool accumulate;
  float *y;
  long ldy;
} linear_job;

/// A causal convolution: `taps` is its kernel and `phases` 1; or a transposed one, which is one of
/// few taps for each of the steps that a row becomes:
///
///     y[r, phase, o] (+)= bias[o] + sum of x[r * inputs + tap * reach + i] * w[o, i, tap]
///                                     or, transposed, w[i, o, (taps - 1 - tap) * phases + phase]
///
/// over taps and inputs; then Snake, if there is an `alpha`.
typedef struct {
  const void *w;
  qt_dtype dtype;
  int outputs, inputs, kernel;
  bool transposed;
  int taps, phases;
  const float *x;
  long reach;
  const float *bias, *alpha, *inverse_beta;
  bool accumulate;
  float *y;
} convolution_job;

/// Attention of one head of one row over positions `first` … `last`. Rows of keys and values are
/// `kv_width` numbers apart; the head's begin `offset` numbers into a row. Position p is row p % size of
/// page pages[p / size]; a cache without pages is one page, and `size` its capacity.
typedef struct {
  const float *q;
  int head_dim;
  const void *keys, *values;
  qt_dtype dtype;
  long offset, kv_width;
  int first, last, size;
  const int32_t *pages;
} attention_head;

/// The rows of the cache where consecutive positions are: `row` is the current one's. A division for every
/// position would take as long as its product.
typedef struct {
  long row;
  int position, left;
} cache_walk;

static inline cache_walk cache_walk_from(const attention_head *h, int position) {
  int place = position % h->size;
  long row = h->pages ? (long)h->pages[position / h->size] * h->size + place : place;
  return (cache_walk){row, position, h->size - place};
}

/// Goes on to the next position, which is no later than the head's last.
static inline void cache_walk_on(const attention_head *h, cache_walk *walk) {
  walk->position++;
  if (--walk->left > 0)
    walk->row++;
  else if (walk->position <= h->last)
    *walk = cache_walk_from(h, walk->position);
}

/// Weights of an output that are packed at once: for sixteen outputs, half a first-level cache.
enum { DEPTH = 256 };
/// Numbers from one unpacked row to the next: whole vectors, and not a power of two, whose rows
/// would share the lines of a cache.
#define PITCH(depth) ((depth) / LANES * LANES + 3 * LANES)

typedef struct {
  void (*arrange)(const float *x, qt_dtype dtype, int k, int m, long ldx, float *out);
  void (*linear)(const linear_job *job, int n0, int n1, int m0, int m1);
  void (*convolution)(const convolution_job *job, int output, int m0, int m1);
  void (*add_row)(const void *row, qt_dtype dtype, long count, float scale, bool accumulate,
                  float *out);
  void (*rms_norm)(const float *x, int n, const float *weight, float epsilon, float *y);
  void (*swiglu)(const float *x, int n, float *y);
  void (*silu)(float *x, long count);
  void (*snake)(const float *x, int n, const float *alpha, const float *inverse_beta, float *y);
  void (*narrow)(const float *x, long count, uint16_t *out);
  void (*attend)(const attention_head *head, float *scores, float *out);
} kernel_table;

const kernel_table *portable_kernels(void);
const kernel_table *avx2_kernels(void);
const kernel_table *avx512_kernels(void);

#endif
