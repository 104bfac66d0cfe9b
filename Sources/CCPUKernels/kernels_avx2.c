// SPDX-License-Identifier: MIT

#include "table.h"

#if defined(__x86_64__)
#include "vector.h"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define K(name) avx2_##name
#define FUSED 1
#define TILE_ROWS 6
#define DOT_LANES 8
#define TILE_N 2
#include "kernels.inc"
#pragma clang attribute pop
#endif
