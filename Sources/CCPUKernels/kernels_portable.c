// SPDX-License-Identifier: MIT
// Baseline of the architecture: SSE2 on x86-64, NEON on aarch64.

#include "table.h"
#include "vector.h"

#define K(name) portable_##name
#if defined(__aarch64__)
#define FUSED 1
#define TILE_ROWS 6
#else
#define FUSED 0
#define TILE_ROWS 2
#endif
#define DOT_LANES 8
#define TILE_N 2
#include "kernels.inc"
