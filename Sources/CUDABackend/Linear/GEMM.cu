// SPDX-License-Identifier: MIT
// GEMM on tensor cores, and convolutions as implicit GEMM:
//   out[t, o] = Σ_j Σ_i W[o, j, i] xx[t + j · dilation, i]
// for the layers of a prompt and for the codec's linear layers and convolutions. `xx` is a history
// of rows followed by x; a plain product has one tap j and no history.
//
// x is split bf16 (Common/SplitBF16.cuh). W is [outputs][taps · inputs]: the stored bf16, or two
// planes of high and low halves. Sums are F32.
//
// Compiled with GEMM_MANY, for engines with several voices, it can do more: rows of several streams,
// and RMSNorm that goes from product to product: the one that makes x leaves x · gain and, of each
// 16 columns, the sum of the squares of x; the next divides its sums by the root of their mean. That
// is more code, and a kernel that follows another first waits for its code. With one plane of W the
// products of each `segment` chunks are then a sum of their own, as in StepGEMM.cu.
#include "Common/Activations.cuh"
#include "Common/ConvolutionInput.cuh"
#include "Common/Normalization.cuh"
#include "Common/Reductions.cuh"
#include "Common/SplitBF16.cuh"
#include "Common/SquareSums.cuh"
#include "Common/TensorCore.cuh"
#include "Linear/GEMMFlags.cuh"

struct GEMMArguments {
  const u16 *x, *history, *weight;
  const float *bias, *scale, *alpha, *inverse_beta;
  float *out, *partials;
  u16 *out_split;
  u32 *arrivals;
  int m, n, k, inputs, dilation, history_rows, channels, flags;
  const u32 *state_x;
  u32 *state;
  int state_time, state_rows, state_columns;
#ifdef GEMM_MANY
  StreamFrames streams;
  const float *squares;
  float *out_squares;
  float epsilon;
  int segment;
#endif
};

// Shared memory for the stages of the pipeline of a block that shares an SM with another, and of one
// that has it to itself; twin of `GEMMTile.stageBudget`.
#if __CUDA_ARCH__ == 900 || __CUDA_ARCH__ == 1000
enum { SHARED_SM_BUDGET = 112 << 10, WHOLE_SM_BUDGET = 208 << 10 };
#elif __CUDA_ARCH__ == 800 || __CUDA_ARCH__ == 870
enum { SHARED_SM_BUDGET = 96 << 10, WHOLE_SM_BUDGET = 160 << 10 };
#else
enum { SHARED_SM_BUDGET = 96 << 10, WHOLE_SM_BUDGET = 96 << 10 };
#endif

// The epilogue for two adjacent columns, to `out` and `out_split`. `channels` columns are one row
// of `out_split`, and bias, scale and snake repeat after as many.
__device__ __forceinline__ void epilogue(const GEMMArguments &p, int row, int column, float a,
                                         float b) {
  int c = column % p.channels;
  if (p.bias) a += p.bias[c], b += p.bias[c + 1];
  if (p.scale) a *= p.scale[c], b *= p.scale[c + 1];
  if (p.flags & GELU) a = gelu_value(a), b = gelu_value(b);
  if (p.flags & SILU) a = silu_value(a), b = silu_value(b);
  i64 at = (i64)row * p.n + column;
  if (p.out) {
    float2 *to = (float2 *)(p.out + at);
    if (p.flags & ACCUMULATE) {
      float2 old = *to;
      a += old.x, b += old.y;
    }
    *to = make_float2(a, b);
  }
  if (p.out_split) {
#ifdef GEMM_MANY
    if (p.flags & GAIN) {
      float square = sum_of_squares(a, b);
      if (threadIdx.x % (SQUARE_COLUMNS / 2) == 0)
        p.out_squares[((i64)row * p.n + column) / SQUARE_COLUMNS] = square;
      // As a product of its own: what is left of it after rounding must not depend on the kernel.
      a = __fmul_rn(a, p.alpha[c]), b = __fmul_rn(b, p.alpha[c + 1]);
    }
#endif
    if (p.flags & SNAKE) {
      a = snake_value(a, p.alpha[c], p.inverse_beta[c]);
      b = snake_value(b, p.alpha[c + 1], p.inverse_beta[c + 1]);
    }
    u32 low, high = split_pair(a, b, low);
    u16 *to = p.out_split + 2 * (at - c) + c;
    *(u32 *)to = high;
    *(u32 *)(to + p.channels) = low;
  }
}

// Shared memory of the other blocks of a cluster, which have the other splits of k.
__device__ __forceinline__ void cluster_barrier() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;"
               ::: "memory");
#endif
}
__device__ __forceinline__ float2 load_from_block(u32 address, int block) {
  float2 v = make_float2(0, 0);
#if __CUDA_ARCH__ >= 900
  u32 there;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(block));
  asm volatile("ld.shared::cluster.v2.f32 {%0, %1}, [%2];" : "=f"(v.x), "=f"(v.y) : "r"(there)
               : "memory");
#endif
  return v;
}

// A block of four or eight warps, WN × WM of them, computes a tile of 16 WN TN rows of W by 8 WM TM
// rows of x, a warp TN tiles of 16 by TM of 8. It walks k, or its split of k (blockIdx.z), in chunks of 64
// columns. A chunk stands in shared memory in lines of 128 bytes whose 16-byte words are swizzled
// by the line's number, so that neither copies nor ldmatrix have bank conflicts. Copies run some
// stages ahead; those of W begin before the previous kernel has finished.
//
// Split K: the blocks of a tile form a cluster, and each reduces every gridDim.z-th row of the
// tile; without clusters the last block to arrive reduces all. Partial sums are added in ascending
// order of the splits, so results repeat. Which products of halves an output adds, and in which order,
// does not depend on the tile: only on the splits.
//
// Blocks after the last tile update the states of a convolution whose rows the previous kernel read.
// inputs and k are multiples of 8, n and channels of 2. P: planes of W.
// Bound: bytes of W for few rows, multiply-adds for many.
template <int WN, int WM, int TN, int TM, int P>
__device__ __forceinline__ void gemm(const GEMMArguments &p) {
  constexpr int BN = 16 * WN * TN, BM = 8 * WM * TM;
  constexpr int STAGE = 128 * (BN * P + 2 * BM), PITCH = BN + 4;
  constexpr int THREADS = 32 * WN * WM, LINES = THREADS / 8;
  constexpr int STAGE_BUDGET = BM <= 64 ? SHARED_SM_BUDGET : WHOLE_SM_BUDGET;
  constexpr int STAGES = STAGE_BUDGET / STAGE < 6 ? STAGE_BUDGET / STAGE : 6;
  // Products of halves, the smallest first. A small tile has an accumulator for each, so that a
  // tensor core need not wait for one product before it starts the next. So have all where the order
  // of the sums must not depend on the tile.
#ifdef GEMM_MANY
  constexpr int KINDS = P + 1, SETS = KINDS;
#else
  constexpr int KINDS = P + 1, SETS = TN * TM <= 3 ? KINDS : 1;
#endif
  static_assert(WN * WM == 4 || WN * WM == 8, "four or eight warps");
  static_assert(BN * P % LINES == 0 && 2 * BM % LINES == 0, "all threads copy alike");
  static_assert(BM * PITCH * 4 <= STAGES * STAGE, "the sums fit into the memory of the stages");
  extern __shared__ __align__(128) unsigned char stages[];
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  bool swiglu = p.flags & SWIGLU;
  int own = swiglu ? BN / 2 : BN, tiles = (p.n + own - 1) / own;
  launch_dependents();
  if ((int)blockIdx.x >= tiles) {
    wait_for_previous();
#ifdef GEMM_MANY
    int unit = ((int)blockIdx.x - tiles) * gridDim.y + blockIdx.y;
    int units = (p.state_columns + THREADS - 1) / THREADS, frame = unit / units;
    StreamFrames streams = p.streams;
    streams.rows = p.state_time;
    if (blockIdx.z == 0 && frame < (streams.at ? streams.count : 1))
      update_stream_column(streams, p.state_x, p.state, p.state_time, p.state_rows,
                           p.state_columns, (unit - frame * units) * THREADS + thread, frame);
#else
    if (blockIdx.y == 0 && blockIdx.z == 0)
      update_state_column(p.state_x, p.state, p.state_time, p.state_rows, p.state_columns,
                          ((int)blockIdx.x - tiles) * THREADS + thread);
#endif
    return;
  }
  int first_column = blockIdx.x * own, first_row = blockIdx.y * BM;
  int chunks = (p.k + 63) / 64, per_split = (chunks + gridDim.z - 1) / gridDim.z;
  int begin = blockIdx.z * per_split, count = min(per_split, chunks - begin);
  int line = thread / 8, unit = thread % 8;
  u32 base = shared_address(stages);

  // A thread copies word `unit` of every LINES-th line. −1 stands for a row that does not exist.
  int w_at[BN * P / LINES], x_row[2 * BM / LINES], swizzled = (unit ^ (line & 7)) << 4;
#ifdef GEMM_MANY
  // The first row of the stream of each, and where its history is.
  int x_first[2 * BM / LINES] = {}, x_past[2 * BM / LINES] = {};
#endif
#pragma unroll
  for (int j = 0; j < BN * P / LINES; j++) {
    int row = (line + LINES * j) % BN, column = first_column + row;
    if (swiglu && row >= BN / 2) column -= BN / 2;
    bool inside = column < p.n;
    if (swiglu && row >= BN / 2) column += p.n;
    if (LINES * j >= BN) column += swiglu ? 2 * p.n : p.n;
    w_at[j] = inside ? column : -1;
  }
#pragma unroll
  for (int j = 0; j < 2 * BM / LINES; j++) {
    int row = first_row + (line + LINES * j) % BM;
    x_row[j] = row < p.m ? row : -1;
  }
  // k of the next copies of W and of x, the latter as tap and input.
  int w_k = 64 * begin + 8 * unit, w_end = min(p.k, 64 * (begin + count));
  int x_k = w_k, tap = x_k / p.inputs, input = x_k - tap * p.inputs;
  auto load_weight = [&](int slot) {
    u32 to = base + slot * STAGE + 128 * line + swizzled;
    bool some = w_k < w_end;
#pragma unroll
    for (int j = 0; j < BN * P / LINES; j++) {
      bool inside = some && w_at[j] >= 0;
      copy_async(to + 128 * LINES * j, inside ? p.weight + (i64)w_at[j] * p.k + w_k : p.weight, inside);
    }
    w_k += 64;
  };
  auto load_x = [&](int slot) {
    u32 to = base + slot * STAGE + 128 * (BN * P + line) + swizzled;
    bool some = x_k < w_end;
    int shift = tap * p.dilation;
#pragma unroll
    for (int j = 0; j < 2 * BM / LINES; j++) {
      bool inside = some && x_row[j] >= 0;
#ifdef GEMM_MANY
      int t = x_row[j] + shift - x_first[j], half = (line + LINES * j) / BM;
      const u16 *from = p.history + 2 * (i64)x_past[j];
      if (t >= p.history_rows) {
        t += x_first[j] - p.history_rows;
        from = p.x;
      }
#else
      int t = x_row[j] + shift, half = (line + LINES * j) / BM;
      const u16 *from = t < p.history_rows ? p.history : p.x;
      if (t >= p.history_rows) t -= p.history_rows;
#endif
      from += (i64)(2 * t + half) * p.inputs + input;
      copy_async(to + 128 * LINES * j, inside ? from : p.weight, inside);
    }
    x_k += 64;
    input += 64;
    while (input >= p.inputs) {
      input -= p.inputs;
      tap++;
    }
  };
#pragma unroll 1
  for (int s = 0; s < STAGES - 1; s++) load_weight(s);
  wait_for_previous();
#ifdef GEMM_MANY
  if (p.history_rows && p.streams.at) {
#pragma unroll
    for (int j = 0; j < 2 * BM / LINES; j++) {
      i64 past;
      x_first[j] = p.streams.first_row(max(x_row[j], 0), past);
      x_past[j] = (int)past;
    }
  }
#endif
#pragma unroll 1
  for (int s = 0; s < STAGES - 1; s++) {
    load_x(s);
    commit_copies();
  }
#ifdef GEMM_MANY
  __shared__ float factors[BM];
  if (p.squares) {
    int groups = p.inputs / SQUARE_COLUMNS;
    for (int r = warp; r < BM && first_row + r < p.m; r += THREADS / 32)
      factors[r] =
        factor_of_squares(p.squares + (i64)(first_row + r) * groups, p.inputs, p.epsilon);
  }
#endif

  float sums[SETS][TN][TM][4] = {};
#ifdef GEMM_MANY
  // What the segments before have made, where there are segments.
  float totals[P == 1 ? TN : 1][TM][4] = {};
  int left = p.segment;
#endif
  int tile_row = lane % 8, tile = lane / 8;
  u32 w_line = (warp % WN) * TN * 16 + (tile & 1) * 8 + tile_row;
  u32 x_line = BN * P + (tile >> 1) * BM + (warp / WN) * TM * 8 + tile_row;
#pragma unroll 1
  for (int chunk = 0, slot = 0; chunk < count; chunk++) {
    wait_copies<STAGES - 2>();
    __syncthreads();
    int ahead = slot == 0 ? STAGES - 1 : slot - 1;
    load_weight(ahead);
    load_x(ahead);
    commit_copies();
    u32 from = base + slot * STAGE;
#pragma unroll
    for (int step = 0; step < 4; step++) {
      u32 w[P][TN][4], x[TM][4];
#pragma unroll
      for (int plane = 0; plane < P; plane++)
#pragma unroll
        for (int i = 0; i < TN; i++)
          load_matrices(w[plane][i], from + 128 * (w_line + plane * BN + 16 * i) +
                                   (((2 * step + (tile >> 1)) ^ tile_row) << 4));
#pragma unroll
      for (int j = 0; j < TM; j++)
        load_matrices(x[j], from + 128 * (x_line + 8 * j) +
                           (((2 * step + (tile & 1)) ^ tile_row) << 4));
#pragma unroll
      for (int kind = 0; kind < KINDS; kind++) {
        int w_plane = kind == 1 && P == 2 ? 1 : 0, x_half = kind == 0 ? 2 : 0;
#pragma unroll
        for (int j = 0; j < TM; j++)
#pragma unroll
          for (int i = 0; i < TN; i++)
            mma_bf16(sums[SETS == 1 ? 0 : kind][i][j], w[w_plane][i][0], w[w_plane][i][1],
                          w[w_plane][i][2], w[w_plane][i][3], x[j][x_half], x[j][x_half + 1]);
      }
    }
    slot = slot == STAGES - 1 ? 0 : slot + 1;
#ifdef GEMM_MANY
    if constexpr (P == 1) {
      if (--left == 0) {
        left = p.segment;
#pragma unroll
        for (int i = 0; i < TN; i++)
#pragma unroll
          for (int j = 0; j < TM; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
              totals[i][j][e] += sums[0][i][j][e] + sums[1][i][j][e];
              sums[0][i][j][e] = sums[1][i][j][e] = 0;
            }
      }
    }
#endif
  }
  wait_copies<0>();
  __syncthreads();

  // Through shared memory, so that adjacent lanes of a warp store to adjacent addresses.
  float *tile_sums = (float *)stages;
#pragma unroll
  for (int i = 0; i < TN; i++)
#pragma unroll
    for (int j = 0; j < TM; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        int column = ((warp % WN) * TN + i) * 16 + lane / 4 + e / 2 * 8;
        int row = ((warp / WN) * TM + j) * 8 + 2 * (lane % 4) + e % 2;
        float sum = sums[0][i][j][e];
#pragma unroll
        for (int set = 1; set < SETS; set++) sum += sums[set][i][j][e];
#ifdef GEMM_MANY
        if constexpr (P == 1) sum += totals[i][j][e];
#endif
        tile_sums[row * PITCH + column] = sum;
      }
  int rows = min(BM, p.m - first_row), first = 0, every = 1;
#if __CUDA_ARCH__ >= 900
  if (gridDim.z > 1) {
    cluster_barrier();
    first = blockIdx.z, every = gridDim.z;
  } else {
    __syncthreads();
  }
  // Two adjacent columns of a row of the tile, summed over all splits.
  auto reduced = [&](int row, int column) {
    int at = row * PITCH + column;
    if (gridDim.z == 1) return *(const float2 *)(tile_sums + at);
    float2 sum = load_from_block(base + 4 * at, 0);
#pragma unroll 8
    for (int z = 1; z < (int)gridDim.z; z++) {
      float2 v = load_from_block(base + 4 * at, z);
      sum.x += v.x, sum.y += v.y;
    }
    return sum;
  };
#else
  __shared__ u32 arrived;
  __syncthreads();
  if (gridDim.z > 1) {
    int index = blockIdx.y * tiles + blockIdx.x;
    float4 *all = (float4 *)(p.partials + (i64)index * gridDim.z * (BM * BN));
    for (int i = thread; i < rows * (BN / 4); i += THREADS) {
      int row = i / (BN / 4), column = i % (BN / 4) * 4;
      all[(i64)blockIdx.z * (BM * BN / 4) + i] =
        *(const float4 *)(tile_sums + row * PITCH + column);
    }
    __threadfence();
    __syncthreads();
    if (thread == 0) arrived = atomicAdd(p.arrivals + index, 1u);
    __syncthreads();
    if (arrived != gridDim.z - 1) return;
    if (thread == 0) p.arrivals[index] = 0;
    __threadfence();
    for (int i = thread; i < rows * (BN / 4); i += THREADS) {
      int row = i / (BN / 4), column = i % (BN / 4) * 4;
      float4 sum = __ldcg(all + i);
#pragma unroll 8
      for (int z = 1; z < (int)gridDim.z; z++) {
        float4 v = __ldcg(all + (i64)z * (BM * BN / 4) + i);
        sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
      }
      *(float4 *)(tile_sums + row * PITCH + column) = sum;
    }
    __syncthreads();
  }
  auto reduced = [&](int row, int column) {
    return *(const float2 *)(tile_sums + row * PITCH + column);
  };
#endif
#pragma unroll 1
  for (int i = thread;; i += THREADS) {
    int row = first + i / (own / 2) * every, column = i % (own / 2) * 2;
    if (row >= rows) break;
    if (first_column + column >= p.n) continue;
    float2 v = reduced(row, column);
#ifdef GEMM_MANY
    float factor = p.squares ? factors[row] : 1.0f;
    v = make_float2(__fmul_rn(v.x, factor), __fmul_rn(v.y, factor));
    if (swiglu) v = gated(v, reduced(row, BN / 2 + column), factor);
#else
    if (swiglu) {
      float2 up = reduced(row, BN / 2 + column);
      v = make_float2(silu_value(v.x) * up.x, silu_value(v.y) * up.y);
    }
#endif
    epilogue(p, first_row + row, first_column + column, v.x, v.y);
  }
  // No block may exit while another still reads its sums.
  if (gridDim.z > 1) cluster_barrier();
}

#ifdef GEMM_MANY
#define GEMM(BN, BM, format, P, WN, WM, TN, TM)                                                    \
  extern "C" __global__ void __launch_bounds__(32 * WN * WM)                                  \
  gemm_many_##BN##x##BM##_##format(                                                                \
    const u16 *x, const u16 *history, const u16 *weight, const float *bias, const float *scale,    \
    const float *alpha, const float *inverse_beta, float *out, u16 *out_split, float *partials,    \
    u32 *arrivals, int m, int n, int k, int inputs, int dilation, int history_rows, int channels,  \
    int flags, const u32 *state_x, u32 *state, int state_time, int state_rows,                     \
    int state_columns, const int *frames, int frame_rows, int frame_count, int slot_stride,        \
    const float *squares, float *out_squares, float epsilon, int segment) {                        \
    GEMMArguments p = {x, history, weight, bias, scale, alpha, inverse_beta, out, partials,        \
                       out_split, arrivals, m, n, k, inputs, dilation, history_rows, channels,     \
                       flags, state_x, state, state_time, state_rows, state_columns,               \
                       {(const int2 *)frames, frame_rows, frame_count, slot_stride}, squares,      \
                       out_squares, epsilon, segment};                                             \
    gemm<WN, WM, TN, TM, P>(p);                                                                    \
  }
#else
#define GEMM(BN, BM, format, P, WN, WM, TN, TM)                                                    \
  extern "C" __global__ void __launch_bounds__(32 * WN * WM) gemm_##BN##x##BM##_##format(          \
    const u16 *x, const u16 *history, const u16 *weight, const float *bias, const float *scale,    \
    const float *alpha, const float *inverse_beta, float *out, u16 *out_split, float *partials,    \
    u32 *arrivals, int m, int n, int k, int inputs, int dilation, int history_rows, int channels,  \
    int flags, const u32 *state_x, u32 *state, int state_time, int state_rows,                     \
    int state_columns) {                                                                           \
    GEMMArguments p = {x, history, weight, bias, scale, alpha, inverse_beta, out, partials,        \
                       out_split, arrivals, m, n, k, inputs, dilation, history_rows, channels,     \
                       flags, state_x, state, state_time, state_rows, state_columns};              \
    gemm<WN, WM, TN, TM, P>(p);                                                                    \
  }
#endif
// Twins of `GEMMTile.all` and `GEMMTile.forOneVoice`; `split` has two planes of W.
#define GEMMS(BN, BM, WN, WM, TN, TM)                                                              \
  GEMM(BN, BM, bf16, 1, WN, WM, TN, TM) GEMM(BN, BM, split, 2, WN, WM, TN, TM)
GEMMS(64, 8, 4, 1, 1, 1)
GEMMS(32, 32, 2, 2, 1, 2)
GEMM(32, 48, bf16, 1, 2, 2, 1, 3)
GEMMS(64, 64, 2, 2, 2, 4)
#ifdef GEMM_MANY
GEMM(64, 16, bf16, 1, 4, 1, 1, 2)
GEMM(64, 32, bf16, 1, 4, 1, 1, 4)
GEMM(64, 48, bf16, 1, 2, 2, 2, 3)
GEMM(96, 64, bf16, 1, 2, 2, 3, 4)
GEMM(96, 128, split, 2, 2, 4, 3, 4)
#endif
