// SPDX-License-Identifier: MIT
// The products of a step of few voices: out = x Wᵀ for a bf16 W as stored, [n][k], and
// split rows x (Common/SplitBF16.cuh). A step has some four hundred of them, each with little to
// read, so what counts is the way from the end of the previous kernel to the end of this one: the
// block's rows of W are in shared memory by then, no chunk waits for another, and no block for
// another block.
//
// The sums are those of GEMM.cu, bit for bit: a warp has a segment of k, an eighth; the segments of
// a split are added in ascending order, then the splits.
#include "Common/Activations.cuh"
#include "Common/SplitBF16.cuh"
#include "Common/SquareSums.cuh"
#include "Common/TensorCore.cuh"
#include "Linear/GEMMFlags.cuh"

struct StepArguments {
  const u16 *x, *weight;
  const float *bias, *gain, *squares;
  float *out, *out_squares;
  u16 *out_split;
  // Segments of a split: 1, 2, 4 or 8.
  int m, n, k, segments, flags;
  float epsilon;
};

// A block of eight warps computes 16 TN rows of W by 8 TM rows of x. Shared memory: for each warp
// its segment of W, in chunks of 64 columns, each as lines of 128 bytes with swizzled words as in
// GEMM.cu; then R chunks of its segment of x at a time, lines of high halves and of low ones.
// k is a multiple of 512, n of 2.
// Bound: bytes of W.
template <int TN, int TM, int R> __device__ __forceinline__ void step_gemm(const StepArguments &p) {
  constexpr int BN = 16 * TN, BM = 8 * TM, PITCH = BN + 4, WARPS = 8;
  // Pairs of columns that a thread ends at most.
  constexpr int ENDS = (BN / 2 * BM + 32 * WARPS - 1) / (32 * WARPS);
  extern __shared__ __align__(128) unsigned char stages[];
  __shared__ float factors[BM];
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  bool swiglu = p.flags & SWIGLU;
  int own = swiglu ? BN / 2 : BN, first_column = blockIdx.x * own;
  int first_row = blockIdx.y * BM, rows = min(BM, p.m - first_row);
  launch_dependents();
  int chunks = p.k / (64 * WARPS), line = lane / 8, unit = lane % 8;
  int segment = 128 * (chunks * BN + min(chunks, R) * 2 * BM);
  u32 base = shared_address(stages + warp * segment), x_base = base + 128 * chunks * BN;
  int column = warp * chunks * 64 + 8 * unit;
#pragma unroll 1
  for (int c = 0; c < chunks; c++)
#pragma unroll
    for (int j = 0; j < BN / 4; j++) {
      int row = line + 4 * j;
      // The first half of a block's rows belongs to gates, the second to what they gate.
      int output = first_column + (swiglu && row >= BN / 2 ? row - BN / 2 : row);
      bool inside = output < p.n;
      if (swiglu && row >= BN / 2) output += p.n;
      copy_async(base + 128 * (c * BN + row) + ((unit ^ (row & 7)) << 4),
                 p.weight + (i64)(inside ? output : 0) * p.k + column + 64 * c, inside);
    }
  auto load_x = [&](int c) {
#pragma unroll
    for (int j = 0; j < 2 * BM / 4; j++) {
      int at = line + 4 * j, row = at % BM, half = at / BM;
      bool inside = row < rows;
      copy_async(x_base + 128 * (c % R * 2 * BM + at) + ((unit ^ (row & 7)) << 4),
                 p.x + (i64)(2 * (inside ? first_row + row : 0) + half) * p.k + column + 64 * c,
                 inside);
    }
  };
  // Adjacent columns of a row that this thread ends, and what is added to them.
  auto pair_at = [&](int e, int &row, int &column) {
    int i = thread + 32 * WARPS * e;
    row = i / (own / 2), column = i % (own / 2) * 2;
    return row < rows && first_column + column < p.n;
  };
  float2 gain[ENDS], old[ENDS];
#pragma unroll
  for (int e = 0; e < ENDS; e++) {
    int row, at;
    gain[e] = old[e] = make_float2(0, 0);
    if (pair_at(e, row, at) && p.flags & GAIN)
      gain[e] = *(const float2 *)(p.gain + first_column + at);
  }
  wait_for_previous();
#pragma unroll 1
  for (int c = 0; c < R; c++) {
    if (c < chunks) load_x(c);
    commit_copies();
  }
#pragma unroll
  for (int e = 0; e < ENDS; e++) {
    int row, at;
    if (pair_at(e, row, at) && p.flags & ACCUMULATE)
      old[e] = *(const float2 *)(p.out + (i64)(first_row + row) * p.n + first_column + at);
  }
  if (p.squares) {
    int groups = p.k / SQUARE_COLUMNS;
#pragma unroll
    for (int r = 0; r < TM; r++)
      if (warp + 8 * r < rows) {
        const float *from = p.squares + (i64)(first_row + warp + 8 * r) * groups;
        factors[warp + 8 * r] = factor_of_squares(from, p.k, p.epsilon);
      }
  }

  float sums[2][TN][TM][4] = {};
  int tile_row = lane % 8, tile = lane / 8;
  u32 w_line = (tile & 1) * 8 + tile_row, x_line = (tile >> 1) * BM + tile_row;
#pragma unroll 1
  for (int c = 0; c < chunks; c++) {
    wait_copies<R - 1>();
    __syncwarp();
    u32 w_from = base + 128 * (c * BN + w_line), x_from = x_base + 128 * (c % R * 2 * BM + x_line);
#pragma unroll
    for (int step = 0; step < 4; step++) {
      u32 w[TN][4], x[TM][4];
#pragma unroll
      for (int i = 0; i < TN; i++)
        load_matrices(w[i], w_from + 128 * 16 * i + (((2 * step + (tile >> 1)) ^ tile_row) << 4));
#pragma unroll
      for (int j = 0; j < TM; j++)
        load_matrices(x[j], x_from + 128 * 8 * j + (((2 * step + (tile & 1)) ^ tile_row) << 4));
      // The products with low halves first, as in GEMM.cu.
#pragma unroll
      for (int kind = 0; kind < 2; kind++)
#pragma unroll
        for (int j = 0; j < TM; j++)
#pragma unroll
          for (int i = 0; i < TN; i++)
            mma_bf16(sums[kind][i][j], w[i][0], w[i][1], w[i][2], w[i][3], x[j][2 - 2 * kind],
                     x[j][3 - 2 * kind]);
    }
    __syncwarp();
    if (c + R < chunks) load_x(c + R);
    commit_copies();
  }
  // Where the warp's copies were, which it has read.
  float *own_sums = (float *)(stages + warp * segment);
#pragma unroll
  for (int i = 0; i < TN; i++)
#pragma unroll
    for (int j = 0; j < TM; j++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        own_sums[(8 * j + 2 * (lane % 4) + e % 2) * PITCH + 16 * i + lane / 4 + e / 2 * 8] =
          sums[0][i][j][e] + sums[1][i][j][e];
  __syncthreads();
#pragma unroll
  for (int e = 0; e < ENDS; e++) {
    int row, at;
    if (!pair_at(e, row, at)) continue;
    auto reduced = [&](int column) {
      const unsigned char *from = stages + 4 * (row * PITCH + column);
      float2 total = make_float2(0, 0), part = total;
#pragma unroll
      for (int s = 0; s < WARPS; s++) {
        float2 v = *(const float2 *)(from + s * segment);
        part.x += v.x, part.y += v.y;
        if (((s + 1) & (p.segments - 1)) == 0) {
          bool first = s + 1 == p.segments;
          total.x = first ? part.x : total.x + part.x;
          total.y = first ? part.y : total.y + part.y;
          part = make_float2(0, 0);
        }
      }
      return total;
    };
    int end = first_column + at;
    i64 index = (i64)(first_row + row) * p.n + end;
    float2 v = reduced(at);
    float factor = p.squares ? factors[row] : 1.0f;
    v = make_float2(__fmul_rn(v.x, factor), __fmul_rn(v.y, factor));
    if (swiglu) v = gated(v, reduced(BN / 2 + at), factor);
    if (p.bias) v.x += p.bias[end], v.y += p.bias[end + 1];
    if (p.flags & ACCUMULATE) v.x += old[e].x, v.y += old[e].y;
    if (p.out) *(float2 *)(p.out + index) = v;
    if (!p.out_split) continue;
    if (p.flags & GAIN) {
      float square = sum_of_squares(v.x, v.y);
      if (thread % (SQUARE_COLUMNS / 2) == 0) p.out_squares[index / SQUARE_COLUMNS] = square;
      v = make_float2(__fmul_rn(v.x, gain[e].x), __fmul_rn(v.y, gain[e].y));
    }
    u32 low, high = split_pair(v.x, v.y, low);
    u16 *split = p.out_split + 2 * (index - end) + end;
    *(u32 *)split = high;
    *(u32 *)(split + p.n) = low;
  }
}

// Twins of `StepGEMMPlan.tiles`.
#define STEP_GEMM(BN, BM, R)                                                                       \
  extern "C" __global__ void __launch_bounds__(256) gemm_step_##BN##x##BM(                         \
    const u16 *x, const u16 *weight, const float *bias, const float *gain, const float *squares,   \
    float *out, u16 *out_split, float *out_squares, int m, int n, int k, int segments, int flags,  \
    float epsilon) {                                                                               \
    StepArguments p = {x, weight, bias, gain, squares, out, out_squares, out_split,                \
                       m, n, k, segments, flags, epsilon};                                         \
    step_gemm<BN / 16, BM / 8, R>(p);                                                              \
  }
#define STEP_GEMMS(BM, R) STEP_GEMM(16, BM, R) STEP_GEMM(32, BM, R) STEP_GEMM(48, BM, R)
STEP_GEMMS(8, 6)
STEP_GEMMS(16, 4)
STEP_GEMMS(32, 2)
