// SPDX-License-Identifier: MIT
//
// The operations: how each is cut into tasks, and the parts that need no vectors by hand.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "CCPUKernels.h"
#include "pool.h"
#include "table.h"
#include "vector.h"

// Multiply-adds below which a job is done by its caller: about 10 us of work, against 1-2 us for
// sharing it, and much more when another program holds a core.
enum { WORTH_SHARING = 262144, LEAST_ROWS = 96 };

static const kernel_table *kernels;
static qt_isa isa;

static qt_isa best_isa(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    return QT_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return QT_AVX2;
#endif
  return QT_PORTABLE;
}

qt_isa qt_select_isa(qt_isa wanted) {
  qt_isa best = best_isa();
  isa = wanted < best ? wanted : best;
#if defined(__x86_64__)
  kernels = isa == QT_AVX512 ? avx512_kernels() : isa == QT_AVX2 ? avx2_kernels() : portable_kernels();
#else
  kernels = portable_kernels();
#endif
  return isa;
}

__attribute__((constructor)) static void choose(void) {
  const char *name = getenv("QWEN3_TTS_CPU");
  qt_isa wanted = QT_AVX512;
  if (name && strcmp(name, "portable") == 0) wanted = QT_PORTABLE;
  if (name && strcmp(name, "avx2") == 0) wanted = QT_AVX2;
  qt_select_isa(wanted);
}

qt_isa qt_current_isa(void) { return isa; }

_Noreturn void qt_out_of_memory(size_t bytes) {
  // No memory may be asked for here.
  char text[160];
  int length = snprintf(text, sizeof text,
                        "Error: memory: expected room for %zu bytes more, found none. Use a smaller model, "
                        "or raise the limit.\n", bytes);
  if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0) _exit(69);
  _exit(69);
}

// MARK: Linear

typedef struct {
  linear_job job;
  int n_step, n_tasks, m_step;
} linear_tasks;

static void linear_task(void *context, int task) {
  const linear_tasks *t = context;
  int n0 = task % t->n_tasks * t->n_step;
  int m0 = task / t->n_tasks * t->m_step;
  int n1 = n0 + t->n_step < t->job.n ? n0 + t->n_step : t->job.n;
  int m1 = m0 + t->m_step < t->job.m ? m0 + t->m_step : t->job.m;
  kernels->linear(&t->job, n0, n1, m0, m1);
}

void qt_linear(const void *w, qt_dtype dtype, int n, int k, const float *x, int m,
               const float *bias, const float *scale, bool accumulate, float *y, int ldy) {
  long ldx = ((long)k + STEP - 1) / STEP * STEP;
  size_t bytes = sizeof(float) * (size_t)m * ldx;
  float *arranged = malloc(bytes);
  if (!arranged) qt_out_of_memory(bytes);
  kernels->arrange(x, dtype, k, m, ldx, arranged);
  linear_tasks t = {{w, dtype, n, k, m, arranged, ldx, bias, scale, accumulate, y, ldy}, n, 1, m};
  if ((long)n * k * m >= WORTH_SHARING) {
    // Rows of w in pieces of whole tiles; rows of x in blocks that stay in the second-level cache.
    int pieces = 4 * qt_thread_count();
    int step = (n + pieces - 1) / pieces;
    t.n_step = (step + 7) / 8 * 8;
    t.n_tasks = (n + t.n_step - 1) / t.n_step;
    t.m_step = m > 256 ? 128 : m;
  }
  qt_parallel(t.n_tasks * ((m + t.m_step - 1) / t.m_step), linear_task, &t);
  free(arranged);
}

// MARK: Convolutions

typedef struct {
  convolution_job job;
  int m, panels, rows_a_task;
} convolution_tasks;

static void convolution_task(void *context, int task) {
  const convolution_tasks *t = context;
  int m0 = task / t->panels * t->rows_a_task;
  int m1 = m0 + t->rows_a_task < t->m ? m0 + t->rows_a_task : t->m;
  kernels->convolution(&t->job, task % t->panels * LANES, m0, m1);
}

static void convolve(const convolution_job *job, int m) {
  convolution_tasks t = {*job, m, (job->outputs + LANES - 1) / LANES, m};
  if ((long)job->outputs * job->inputs * job->kernel * m < WORTH_SHARING) {
    for (int task = 0; task < t.panels; task++) convolution_task(&t, task);
    return;
  }
  // Where panels are few, rows are cut too: into pieces large enough for a panel's packing to be
  // little next to its products.
  int pieces = (4 * qt_thread_count() + t.panels - 1) / t.panels;
  int rows = (m + pieces - 1) / pieces;
  t.rows_a_task = rows < LEAST_ROWS ? LEAST_ROWS : rows;
  qt_parallel(t.panels * ((m + t.rows_a_task - 1) / t.rows_a_task), convolution_task, &t);
}

void qt_convolution(const void *w, qt_dtype dtype, int outputs, int inputs, int kernel,
                    int dilation, const float *xx, int m, const float *bias, const float *alpha,
                    const float *inverse_beta, bool accumulate, float *y) {
  convolution_job job = {.w = w,
                         .dtype = dtype,
                         .outputs = outputs,
                         .inputs = inputs,
                         .kernel = kernel,
                         .taps = kernel,
                         .phases = 1,
                         .x = xx,
                         .reach = (long)dilation * inputs,
                         .bias = bias,
                         .alpha = alpha,
                         .inverse_beta = inverse_beta,
                         .accumulate = accumulate,
                         .y = y};
  convolve(&job, m);
}

void qt_transposed_convolution(const void *w, qt_dtype dtype, int outputs, int inputs, int kernel,
                               int stride, const float *xx, int m, const float *bias, float *y) {
  convolution_job job = {.w = w,
                         .dtype = dtype,
                         .outputs = outputs,
                         .inputs = inputs,
                         .kernel = kernel,
                         .transposed = true,
                         .taps = kernel / stride,
                         .phases = stride,
                         .x = xx,
                         .reach = inputs,
                         .bias = bias,
                         .y = y};
  convolve(&job, m);
}

void qt_depthwise(const float *w, int channels, int kernel, const float *xx, int m,
                  const float *bias, float *y) {
  for (int r = 0; r < m; r++)
    for (int c = 0; c < channels; c++) {
      float v = bias[c];
      for (int j = 0; j < kernel; j++) v += w[c * kernel + j] * xx[(long)(r + j) * channels + c];
      y[(long)r * channels + c] = v;
    }
}

// MARK: Rows

/// A task over rows or over pieces of a long array.
typedef struct {
  const float *x, *a, *b;
  float *y;
  int m, n, rows_a_task;
  float epsilon;
  long count;
} row_tasks;

enum { PIECE = 16384 };

static void share_rows(row_tasks *t, void (*body)(void *, int)) {
  long count = (long)t->m * t->n;
  t->rows_a_task = count < 2 * PIECE ? t->m : 1 + PIECE / t->n;
  qt_parallel((t->m + t->rows_a_task - 1) / t->rows_a_task, body, t);
}

static int last_row(const row_tasks *t, int task) {
  int end = (task + 1) * t->rows_a_task;
  return end < t->m ? end : t->m;
}

static void rms_task(void *context, int task) {
  const row_tasks *t = context;
  for (int r = task * t->rows_a_task; r < last_row(t, task); r++)
    kernels->rms_norm(t->x + (long)r * t->n, t->n, t->a, t->epsilon, t->y + (long)r * t->n);
}

void qt_rms_norm(const float *x, int m, int n, const float *weight, float epsilon, float *y) {
  row_tasks t = {.x = x, .a = weight, .y = y, .m = m, .n = n, .epsilon = epsilon};
  share_rows(&t, rms_task);
}

void qt_layer_norm(const float *x, int m, int n, const float *weight, const float *bias,
                   float epsilon, float *y) {
  for (int r = 0; r < m; r++) {
    const float *row = x + (long)r * n;
    double mean = 0, variance = 0;
    for (int i = 0; i < n; i++) mean += row[i];
    mean /= n;
    for (int i = 0; i < n; i++) variance += (row[i] - mean) * (row[i] - mean);
    double factor = 1.0 / sqrt(variance / n + epsilon);
    for (int i = 0; i < n; i++)
      y[(long)r * n + i] = (float)((row[i] - mean) * factor) * weight[i] + bias[i];
  }
}

static void swiglu_task(void *context, int task) {
  const row_tasks *t = context;
  for (int r = task * t->rows_a_task; r < last_row(t, task); r++)
    kernels->swiglu(t->x + 2 * (long)r * t->n, t->n, t->y + (long)r * t->n);
}

void qt_swiglu(const float *x, int m, int n, float *y) {
  row_tasks t = {.x = x, .y = y, .m = m, .n = n};
  share_rows(&t, swiglu_task);
}

static void snake_task(void *context, int task) {
  const row_tasks *t = context;
  for (int r = task * t->rows_a_task; r < last_row(t, task); r++)
    kernels->snake(t->x + (long)r * t->n, t->n, t->a, t->b, t->y + (long)r * t->n);
}

void qt_snake(const float *x, int m, int n, const float *alpha, const float *inverse_beta,
              float *y) {
  row_tasks t = {.x = x, .a = alpha, .b = inverse_beta, .y = y, .m = m, .n = n};
  share_rows(&t, snake_task);
}

void qt_silu(float *x, long count) { kernels->silu(x, count); }

static void gelu_task(void *context, int task) {
  const row_tasks *t = context;
  long end = (task + 1L) * PIECE < t->count ? (task + 1L) * PIECE : t->count;
  for (long i = (long)task * PIECE; i < end; i++)
    t->y[i] = 0.5f * t->y[i] * (1.0f + erff(t->y[i] * 0.70710678f));
}

void qt_gelu(float *x, long count) {
  row_tasks t = {.y = x, .count = count};
  qt_parallel((int)((count + PIECE - 1) / PIECE), gelu_task, &t);
}

void qt_clamp(float *x, long count) {
  for (long i = 0; i < count; i++) x[i] = x[i] < -1 ? -1 : x[i] > 1 ? 1 : x[i];
}

void qt_add(const float *in, float *out, long count) {
  for (long i = 0; i < count; i++) out[i] += in[i];
}

void qt_add_row(const void *row, qt_dtype dtype, long count, float scale, bool accumulate,
                float *out) {
  kernels->add_row(row, dtype, count, scale, accumulate, out);
}

// MARK: Attention

/// Puts numbers into a cache from number `at` on.
static void keep(const float *x, long count, void *cache, qt_dtype dtype, long at) {
  if (dtype == QT_BF16)
    kernels->narrow(x, count, (uint16_t *)cache + at);
  else
    memcpy((float *)cache + at, x, sizeof(float) * count);
}

void qt_norm_rotate_append(float *qkv, int m, int heads, int kv_heads, int head_dim,
                           const float *q_norm, const float *k_norm, float epsilon,
                           const float *inverse_frequencies, const int32_t *positions,
                           const int64_t *cache_rows, void *keys, void *values, qt_dtype dtype) {
  long width = (long)(heads + 2 * kv_heads) * head_dim;
  long kv_width = (long)kv_heads * head_dim;
  int half = head_dim / 2;
  float cosine[half], sine[half];
  for (int r = 0; r < m; r++) {
    float *row = qkv + r * width;
    for (int j = 0; j < half; j++) {
      float angle = (float)positions[r] * inverse_frequencies[j];
      cosine[j] = cosf(angle);
      sine[j] = sinf(angle);
    }
    for (int h = 0; h < heads + kv_heads; h++) {
      float *head = row + (long)h * head_dim;
      const float *norm = h < heads ? q_norm : k_norm;
      if (norm) kernels->rms_norm(head, head_dim, norm, epsilon, head);
      for (int j = 0; j < half; j++) {
        float a = head[j], b = head[j + half];
        head[j] = a * cosine[j] - b * sine[j];
        head[j + half] = b * cosine[j] + a * sine[j];
      }
    }
    const float *key = row + (long)heads * head_dim;
    keep(key, kv_width, keys, dtype, cache_rows[r] * kv_width);
    keep(key + kv_width, kv_width, values, dtype, cache_rows[r] * kv_width);
  }
}

typedef struct {
  const float *qkv;
  const void *keys, *values;
  qt_dtype dtype;
  int m, heads, kv_heads, head_dim, window;
  const int32_t *positions, *slots;
  qt_pages pages;
  float *scores, *y;
  long longest;
} attention_tasks;

static void attention_task(void *context, int task) {
  const attention_tasks *t = context;
  int r = task / t->heads, h = task % t->heads;
  long width = (long)(t->heads + 2 * t->kv_heads) * t->head_dim;
  long kv_width = (long)t->kv_heads * t->head_dim;
  int group = t->heads / t->kv_heads;
  int last = t->positions[r];
  attention_head head = {
      .q = t->qkv + r * width + (long)h * t->head_dim,
      .head_dim = t->head_dim,
      .keys = t->keys,
      .values = t->values,
      .dtype = t->dtype,
      .offset = (t->pages.table ? 0 : (long)t->slots[r] * t->pages.capacity * kv_width) +
                (long)(h / group) * t->head_dim,
      .kv_width = kv_width,
      .first = t->window > 0 && last >= t->window ? last - t->window + 1 : 0,
      .last = last,
      .size = t->pages.table ? t->pages.page_size : t->pages.capacity,
      .pages = t->pages.table ? t->pages.table + (long)t->slots[r] * t->pages.pages_per_slot : NULL};
  kernels->attend(&head, t->scores + task * t->longest,
                  t->y + ((long)r * t->heads + h) * t->head_dim);
}

void qt_attention(const float *qkv, int m, int heads, int kv_heads, int head_dim, int window,
                  const int32_t *positions, const int32_t *slots, qt_pages pages,
                  const void *keys, const void *values, qt_dtype dtype, float *scores,
                  long longest, float *y) {
  attention_tasks t = {qkv,    keys,      values, dtype, m,      heads, kv_heads, head_dim,
                       window, positions, slots,  pages, scores, y,     longest};
  if ((long)m * heads * head_dim * longest < WORTH_SHARING)
    for (int task = 0; task < m * heads; task++) attention_task(&t, task);
  else
    qt_parallel(m * heads, attention_task, &t);
}
