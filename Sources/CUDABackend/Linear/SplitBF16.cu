// SPDX-License-Identifier: MIT
// Split bf16 rows, which GEMM.cu reads, from F32 rows.
#include "Common/Activations.cuh"
#include "Common/SplitBF16.cuh"

// out = the split rows of the history followed by those of x, after a snake when there is one.
// Without a history `out` may be `x`. One block per row. Bound: bytes.
KERNEL split_rows(const float *x, const float *history, int history_rows, const float *alpha,
                  const float *inverse_beta, u16 *out, int columns) {
  IN_ORDER
  float2 v[ROW_PAIRS];
  int r = blockIdx.x;
  int pairs = load_row(r < history_rows ? history + (i64)r * columns
                                        : x + (i64)(r - history_rows) * columns, columns, v);
  if (alpha) {
#pragma unroll
    for (int i = 0; i < ROW_PAIRS; i++) {
      int c = 2 * (threadIdx.x + i * blockDim.x);
      if (i >= pairs || c >= columns) continue;
      v[i].x = snake_value(v[i].x, alpha[c], inverse_beta[c]);
      v[i].y = snake_value(v[i].y, alpha[c + 1], inverse_beta[c + 1]);
    }
  }
  __syncthreads();
  store_split_row(out + (i64)blockIdx.x * 2 * columns, columns, v, pairs);
}
