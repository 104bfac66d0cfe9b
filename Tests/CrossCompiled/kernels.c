// SPDX-License-Identifier: MIT
//
// The C kernels against plain loops in double precision, for machines where Swift's tests cannot run: built for another
// architecture and run under emulation by scripts/check-aarch64. Odd sizes, every way weights are stored, one thread and four.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CCPUKernels.h"

static uint64_t state = 1;
static int failures, comparisons;

/// SplitMix64, as a number in -1 ... 1.
static float random_number(void) {
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (float)((double)((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1.0);
}

static float *numbers(long count) {
  float *x = malloc(sizeof(float) * (size_t)(count + 1));
  for (long i = 0; i < count; i++) x[i] = random_number();
  return x;
}

static float *unset(long count) {
  float *x = malloc(sizeof(float) * (size_t)(count + 1));
  for (long i = 0; i < count; i++) x[i] = NAN;
  return x;
}

/// Numbers as they are stored, at an odd address, and what they then are in `x`.
static char *stored(float *x, long count, qt_dtype dtype, char **block) {
  *block = malloc((size_t)count * 4 + 64);
  char *at = *block + 2;
  for (long i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], 4);
    if (dtype == QT_F32) {
      memcpy(at + 4 * i, &bits, 4);
    } else if (dtype == QT_BF16) {
      uint16_t half = (uint16_t)(bits >> 16);
      memcpy(at + 2 * i, &half, 2);
      bits = (uint32_t)half << 16;
      memcpy(&x[i], &bits, 4);
    } else {
      // The numbers are between 2^-14 and 1, or become 0.
      int exponent = (int)(bits >> 23 & 0xFF) - 127 + 15;
      uint16_t half = exponent <= 0 ? 0 : (uint16_t)((bits >> 16 & 0x8000) | (uint32_t)exponent << 10 | (bits >> 13 & 0x3FF));
      memcpy(at + 2 * i, &half, 2);
      bits = exponent <= 0 ? 0 : bits & 0xFFFFE000u;
      memcpy(&x[i], &bits, 4);
    }
  }
  return at;
}

static void expect_close(const char *what, int size, const float *found, const double *expected, long count, double tolerance) {
  comparisons++;
  for (long i = 0; i < count; i++) {
    double limit = tolerance * (1 + fabs(expected[i]));
    if (!(fabs(found[i] - expected[i]) <= limit)) {
      printf("FAILED %s, size %d: number %ld: expected %.9g, found %.9g\n", what, size, i, expected[i], (double)found[i]);
      failures++;
      return;
    }
  }
}

static const int sizes[] = {1, 2, 7, 16, 31, 128, 257};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const char *const dtypes[] = {"linear f32", "linear bf16", "linear f16"};

static void check_linear(void) {
  for (int dtype = QT_F32; dtype <= QT_F16; dtype++)
    for (int s = 0; s < SIZES; s++)
      for (int m = 1; m <= 33; m = m * 2 + 1) {
        int n = sizes[s], k = sizes[(s + 3) % SIZES];
        float *w = numbers((long)n * k), *x = numbers((long)m * k), *bias = numbers(n), *scale = numbers(n), *y = numbers((long)m * n);
        char *block, *at = stored(w, (long)n * k, (qt_dtype)dtype, &block);
        double *expected = malloc(sizeof(double) * (size_t)m * (size_t)n);
        for (int r = 0; r < m; r++)
          for (int o = 0; o < n; o++) {
            double sum = bias[o];
            for (int i = 0; i < k; i++) sum += (double)w[o * k + i] * x[r * k + i];
            expected[r * n + o] = y[r * n + o] + scale[o] * sum;
          }
        float *one = malloc(sizeof(float) * (size_t)m * (size_t)n);
        memcpy(one, y, sizeof(float) * (size_t)m * (size_t)n);
        qt_set_thread_count(4);
        qt_linear(at, (qt_dtype)dtype, n, k, x, m, bias, scale, true, y, n);
        expect_close(dtypes[dtype], n, y, expected, (long)m * n, 2e-5);
        // The promise of the header: each row has the same bits alone, and on one thread.
        qt_set_thread_count(1);
        for (int r = 0; r < m; r++) qt_linear(at, (qt_dtype)dtype, n, k, x + r * k, 1, bias, scale, true, one + r * n, n);
        comparisons++;
        if (memcmp(one, y, sizeof(float) * (size_t)m * (size_t)n) != 0) {
          printf("FAILED %s, %d rows: expected the same bits row by row\n", dtypes[dtype], m);
          failures++;
        }
        free(w), free(x), free(bias), free(scale), free(y), free(block), free(expected), free(one);
      }
}

static double snake(double x, double alpha, double inverse_beta) {
  double sine = sin(x * alpha);
  return x + sine * sine * inverse_beta;
}

static void check_convolutions(void) {
  for (int dtype = QT_F32; dtype <= QT_BF16; dtype++)
    for (int s = 0; s < 5; s++)
      for (int dilation = 1; dilation <= 9; dilation += 4) {
        int outputs = sizes[s], inputs = sizes[(s + 2) % 5], kernel = s % 2 ? 7 : 3, m = 19;
        int history = (kernel - 1) * dilation;
        float *w = numbers((long)outputs * inputs * kernel), *x = numbers((long)(history + m) * inputs);
        float *bias = numbers(outputs), *alpha = numbers(outputs), *beta = numbers(outputs), *y = unset((long)m * outputs);
        char *block, *at = stored(w, (long)outputs * inputs * kernel, (qt_dtype)dtype, &block);
        double *expected = malloc(sizeof(double) * (size_t)m * (size_t)outputs);
        for (int r = 0; r < m; r++)
          for (int o = 0; o < outputs; o++) {
            double sum = bias[o];
            for (int t = 0; t < kernel; t++)
              for (int i = 0; i < inputs; i++)
                sum += (double)w[((long)o * inputs + i) * kernel + t] * x[(long)(r + t * dilation) * inputs + i];
            expected[r * outputs + o] = snake(sum, alpha[o], beta[o]);
          }
        qt_convolution(at, (qt_dtype)dtype, outputs, inputs, kernel, dilation, x, m, bias, alpha, beta, false, y);
        expect_close("convolution", outputs, y, expected, (long)m * outputs, 5e-5);
        free(w), free(x), free(bias), free(alpha), free(beta), free(y), free(block), free(expected);
      }
  for (int s = 0; s < 5; s++)
    for (int stride = 2; stride <= 8; stride *= 2)
      for (int twice = 0; twice <= 1; twice++) {
        int outputs = sizes[s], inputs = sizes[(s + 2) % 5], kernel = stride * (1 + twice), m = 11;
        float *w = numbers((long)outputs * inputs * kernel), *x = numbers((long)(twice + m) * inputs), *bias = numbers(outputs);
        long count = (long)m * stride * outputs;
        float *y = unset(count);
        double *expected = malloc(sizeof(double) * (size_t)count);
        for (int r = 0; r < m; r++)
          for (int phase = 0; phase < stride; phase++)
            for (int o = 0; o < outputs; o++) {
              double sum = bias[o];
              for (int tap = 0; tap <= twice; tap++)
                for (int i = 0; i < inputs; i++)
                  sum += (double)w[((long)i * outputs + o) * kernel + (twice - tap) * stride + phase] * x[(long)(r + tap) * inputs + i];
              expected[((long)r * stride + phase) * outputs + o] = sum;
            }
        qt_transposed_convolution(w, QT_F32, outputs, inputs, kernel, stride, x, m, bias, y);
        expect_close("transposed convolution", outputs, y, expected, count, 5e-5);
        free(w), free(x), free(bias), free(y), free(expected);
      }
}

static void check_rows(void) {
  for (int s = 0; s < SIZES; s++) {
    int n = sizes[s], m = 5;
    float *x = numbers((long)m * n * 2), *weight = numbers(n), *bias = numbers(n), *y = unset((long)m * n);
    double *expected = malloc(sizeof(double) * (size_t)m * (size_t)n * 2);
    for (int r = 0; r < m; r++) {
      double squares = 0;
      for (int i = 0; i < n; i++) squares += (double)x[r * n + i] * x[r * n + i];
      for (int i = 0; i < n; i++) expected[r * n + i] = x[r * n + i] / sqrt(squares / n + 1e-6) * weight[i];
    }
    qt_rms_norm(x, m, n, weight, 1e-6f, y);
    expect_close("rms_norm", n, y, expected, (long)m * n, 1e-5);
    for (int r = 0; r < m; r++)
      for (int i = 0; i < n; i++) {
        double gate = x[2 * r * n + i];
        expected[r * n + i] = gate / (1 + exp(-gate)) * x[2 * r * n + n + i];
      }
    qt_swiglu(x, m, n, y);
    expect_close("swiglu", n, y, expected, (long)m * n, 1e-5);
    for (int i = 0; i < m * n; i++) expected[i] = snake(x[i], weight[i % n], bias[i % n]);
    qt_snake(x, m, n, weight, bias, y);
    expect_close("snake", n, y, expected, (long)m * n, 1e-5);
    memcpy(y, x, sizeof(float) * (size_t)n);
    for (int i = 0; i < n; i++) y[i] *= 20, expected[i] = y[i] / (1 + exp(-(double)y[i]));
    qt_silu(y, n);
    expect_close("silu", n, y, expected, n, 1e-5);
    for (int dtype = QT_F32; dtype <= QT_F16; dtype++) {
      char *block, *at = stored(x, n, (qt_dtype)dtype, &block);
      for (int i = 0; i < n; i++) expected[i] = y[i] + 0.5 * x[i];
      qt_add_row(at, (qt_dtype)dtype, n, 0.5f, true, y);
      expect_close("add_row", n, y, expected, n, 1e-6);
      free(block);
    }
    free(x), free(weight), free(bias), free(y), free(expected);
  }
}

static void check_attention(void) {
  enum { HEADS = 4, KV_HEADS = 2, DIM = 64, CAPACITY = 96, SLOTS = 2, WIDTH = (HEADS + 2 * KV_HEADS) * DIM };
  for (int dtype = QT_F32; dtype <= QT_BF16; dtype++)
    for (int window = 0; window <= 24; window += 12) {
      long rows = SLOTS * CAPACITY, kv = KV_HEADS * DIM;
      float *keys = numbers(rows * kv), *values = numbers(rows * kv), *qkv = numbers(3L * WIDTH), *y = unset(3L * HEADS * DIM);
      char *kb, *vb, *k = stored(keys, rows * kv, (qt_dtype)dtype, &kb), *v = stored(values, rows * kv, (qt_dtype)dtype, &vb);
      int32_t positions[3] = {0, 17, 90}, slots[3] = {1, 0, 1};
      float *scores = unset(3L * HEADS * CAPACITY);
      double *expected = malloc(sizeof(double) * 3 * HEADS * DIM);
      for (int r = 0; r < 3; r++)
        for (int h = 0; h < HEADS; h++) {
          double weights[CAPACITY], largest = -1e30, total = 0;
          int last = positions[r], first = window && last >= window ? last - window + 1 : 0;
          for (int p = first; p <= last; p++) {
            const float *key = keys + (slots[r] * CAPACITY + p) * kv + h / 2 * DIM;
            double dot = 0;
            for (int i = 0; i < DIM; i++) dot += (double)qkv[r * WIDTH + h * DIM + i] * key[i];
            weights[p] = dot / sqrt(DIM);
            if (weights[p] > largest) largest = weights[p];
          }
          for (int p = first; p <= last; p++) total += weights[p] = exp(weights[p] - largest);
          for (int i = 0; i < DIM; i++) {
            double sum = 0;
            for (int p = first; p <= last; p++) sum += weights[p] * values[(slots[r] * CAPACITY + p) * kv + h / 2 * DIM + i];
            expected[(r * HEADS + h) * DIM + i] = sum / total;
          }
        }
      qt_pages pages = {NULL, 0, 0, CAPACITY};
      qt_attention(qkv, 3, HEADS, KV_HEADS, DIM, window, positions, slots, pages, k, v, (qt_dtype)dtype, scores, CAPACITY, y);
      expect_close("attention", window, y, expected, 3L * HEADS * DIM, 1e-5);

      // Keys are rotated and stored; rounding to bf16 is to the nearest.
      int64_t at[1] = {CAPACITY + 3};
      float frequencies[DIM / 2], row[WIDTH];
      for (int i = 0; i < DIM / 2; i++) frequencies[i] = powf(10000, -2.0f * (float)i / DIM);
      memcpy(row, qkv, sizeof row);
      int32_t position = 11;
      qt_norm_rotate_append(row, 1, HEADS, KV_HEADS, DIM, NULL, NULL, 1e-6f, frequencies, &position, at, k, v, (qt_dtype)dtype);
      float kept[KV_HEADS * DIM];
      double rotated[KV_HEADS * DIM];
      for (int i = 0; i < KV_HEADS * DIM; i++) {
        long number = at[0] * kv + i;
        if (dtype == QT_F32) {
          memcpy(&kept[i], k + 4 * number, 4);
        } else {
          uint16_t half;
          memcpy(&half, k + 2 * number, 2);
          uint32_t bits = (uint32_t)half << 16;
          memcpy(&kept[i], &bits, 4);
        }
        int j = i % DIM, pair = j % (DIM / 2), base = HEADS * DIM + i - j;
        double angle = (double)position * frequencies[pair], a = qkv[base + pair], b = qkv[base + pair + DIM / 2];
        rotated[i] = j < DIM / 2 ? a * cos(angle) - b * sin(angle) : b * cos(angle) + a * sin(angle);
      }
      expect_close("norm_rotate_append", DIM, kept, rotated, KV_HEADS * DIM, dtype == QT_F32 ? 1e-5 : 0x1p-8);
      free(keys), free(values), free(qkv), free(y), free(kb), free(vb), free(scores), free(expected);
    }
}

int main(void) {
  printf("instruction set %d\n", (int)qt_current_isa());
  check_linear();
  check_convolutions();
  check_rows();
  check_attention();
  printf("%d comparisons, %d failed\n", comparisons, failures);
  return failures != 0;
}
