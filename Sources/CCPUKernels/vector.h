// SPDX-License-Identifier: MIT
//
// Sixteen floats at a time, in the compiler's vector types: one AVX-512 register, two of AVX, four of
// NEON. Included by kernels.inc once for each instruction set.

#ifndef QT_VECTOR_H
#define QT_VECTOR_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Vectors never cross a call: every function that takes one is inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define LANES 16
#define INLINE static inline __attribute__((always_inline))

/// Before every loop over an array of accumulators: they live in registers only where all are
/// unrolled.
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float vf __attribute__((vector_size(64)));
typedef float vf8 __attribute__((vector_size(32)));
typedef float vf4 __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef uint32_t vu __attribute__((vector_size(64)));
typedef uint16_t vh __attribute__((vector_size(32)));

#endif
