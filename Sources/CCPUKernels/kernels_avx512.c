// SPDX-License-Identifier: MIT

#include "table.h"

#if defined(__x86_64__)
#include "vector.h"
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#define K(name) avx512_##name
#define FUSED 1
#define TILE_ROWS 12
#define DOT_LANES 16
#define TILE_N 4
#include "kernels.inc"
#pragma clang attribute pop
#endif
