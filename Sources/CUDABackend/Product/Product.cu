// SPDX-License-Identifier: MIT
// Products of several rows, out[t, o] = Σ_j Σ_i W[o, j, i] xx[t + j · dilation, i], on tensor cores:
// layers of a prompt, and the codec's linear layers and convolutions. `xx` is a history of rows
// followed by x; a plain product has one tap j and no history.
//
// Numbers stand as bf16 parts: a row of C numbers is C high parts, then C low ones, as many bytes as C
// F32 numbers, and holds 16 bits of each. W is [outputs][taps · inputs]: the stored bf16, or planes of
// high and low parts. The product of two low parts, 2⁻¹⁶ of a product, is left out. Sums are F32.

// Copies 16 bytes to shared memory in the background; zeros when not `inside`.
__device__ __forceinline__ void copy_async(u32 to, const void *from, bool inside) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :: "r"(to), "l"(from), "r"(inside ? 16 : 0)
               : "memory");
}
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;"); }
// Waits until at most N groups of copies are under way.
template <int N> __device__ __forceinline__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory");
}
// Four tiles of 8 × 8 bf16: lane l names row l % 8 of tile l / 8, and gets columns 2 (l % 4) and one
// more of row l / 4 of each.
__device__ __forceinline__ void load_tiles(u32 *tiles, u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
               : "r"(address)
               : "memory");
}
__device__ __forceinline__ u32 shared_address(const void *pointer) {
  return (u32)__cvta_generic_to_shared(pointer);
}

// The high parts of two numbers; what is left of them, rounded likewise, goes to `low`.
__device__ __forceinline__ u32 split_pair(float a, float b, u32 &low) {
  u32 high = bf16_pair(a, b);
  low = bf16_pair(a - __uint_as_float(high << 16), b - __uint_as_float(high & 0xffff0000u));
  return high;
}

__device__ __forceinline__ float snake_value(float x, float alpha, float inverse_beta) {
  float s = sinf(x * alpha);
  return x + s * s * inverse_beta;
}
__device__ __forceinline__ float gelu_value(float x) {
  return 0.5f * x * (1.0f + erff(x * 0.70710678f));
}

// The last `rows` rows of [history, x], x having `time`, into the history; `column` of words. Rows go
// up in groups that are read before they are written, which is safe in place.
__device__ __forceinline__ void keep_column(const u32 *x, u32 *history, int time, int rows,
                                            int columns, int column) {
  constexpr int GROUP = 18;
  if (column >= columns) return;
  for (int first = 0; first < rows; first += GROUP) {
    u32 words[GROUP];
#pragma unroll
    for (int i = 0; i < GROUP; i++) {
      int r = first + i + time;
      if (first + i < rows)
        words[i] = r < rows ? history[(i64)r * columns + column]
                            : x[(i64)(r - rows) * columns + column];
    }
#pragma unroll
    for (int i = 0; i < GROUP; i++)
      if (first + i < rows) history[(i64)(first + i) * columns + column] = words[i];
  }
}
KERNEL keep_rows(const u32 *x, u32 *history, int time, int rows, int columns) {
  IN_ORDER
  keep_column(x, history, time, rows, columns, (int)global_index());
}

// Twins of `CUDABackend.ProductFlags`.
enum {
  ACCUMULATE = 1,  // out += …
  GATED = 2,       // out = silu(first half of W's rows) · (second half)
  GELU = 4,
  SILU = 8,
  SNAKE = 16  // of what goes to `out_parts`
};
enum { PRODUCT_THREADS = 128 };

struct Product {
  const u16 *x, *history, *weight;
  const float *bias, *scale, *alpha, *inverse_beta;
  float *out, *shares;
  u16 *out_parts;
  u32 *arrived;
  int m, n, k, inputs, dilation, history_rows, channels, flags;
  const u32 *keep_x;
  u32 *keep_history;
  int keep_time, keep_rows, keep_columns;
};

// Stages of the pipeline; twin of `ProductTile.stages`.
#if __CUDA_ARCH__ == 900 || __CUDA_ARCH__ == 1000
enum { PRODUCT_ROOM = 112 << 10 };
#else
enum { PRODUCT_ROOM = 96 << 10 };
#endif

// Two neighbouring columns of a finished product, to `out` and `out_parts`. `channels` columns are one
// row of the parts, and bias, scale and snake repeat after as many.
__device__ __forceinline__ void finish_product(const Product &p, int row, int column, float a,
                                               float b) {
  int c = column % p.channels;
  if (p.bias) a += p.bias[c], b += p.bias[c + 1];
  if (p.scale) a *= p.scale[c], b *= p.scale[c + 1];
  if (p.flags & GELU) a = gelu_value(a), b = gelu_value(b);
  if (p.flags & SILU) a = sigmoid_product(a), b = sigmoid_product(b);
  i64 at = (i64)row * p.n + column;
  if (p.out) {
    float2 *place = (float2 *)(p.out + at);
    if (p.flags & ACCUMULATE) {
      float2 old = *place;
      a += old.x, b += old.y;
    }
    *place = make_float2(a, b);
  }
  if (p.out_parts) {
    if (p.flags & SNAKE) {
      a = snake_value(a, p.alpha[c], p.inverse_beta[c]);
      b = snake_value(b, p.alpha[c + 1], p.inverse_beta[c + 1]);
    }
    u32 low, high = split_pair(a, b, low);
    u16 *place = p.out_parts + 2 * (at - c) + c;
    *(u32 *)place = high;
    *(u32 *)(place + p.channels) = low;
  }
}

// A block of four warps, WN × WM of them, takes 16 WN TN rows of W and 8 WM TM rows of x, a warp TN
// tiles of 16 by TM of 8. It walks k, or the share of it that blockIdx.z says, in chunks of 64 numbers,
// which stand in shared memory in lines of 128 bytes, 16-byte words turned by the line's number so that
// neither copies nor tile loads meet in a bank. Copies run some stages ahead; those of W begin before
// the kernel in front has ended. The last block of a tile to arrive sums the shares, in their order.
// inputs and k are multiples of 8, n and channels of 2. P: parts of W.
// Blocks behind the last tile keep a history that the kernel in front has read.
// Bound: bytes of W for few rows, multiply-adds for many.
template <int WN, int WM, int TN, int TM, int P>
__device__ __forceinline__ void multiply(const Product &p) {
  constexpr int BN = 16 * WN * TN, BM = 8 * WM * TM;
  constexpr int STAGE = 128 * (BN * P + 2 * BM);
  constexpr int STAGES = PRODUCT_ROOM / STAGE < 6 ? PRODUCT_ROOM / STAGE : 6;
  static_assert(WN * WM == 4 && BN % 16 == 0, "four warps");
  static_assert(BM * (BN + 4) * 4 <= STAGES * STAGE, "the sums fit where the stages were");
  extern __shared__ __align__(128) unsigned char product_room[];
  __shared__ u32 arrivals;
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  bool gated = p.flags & GATED;
  int own = gated ? BN / 2 : BN, tiles = (p.n + own - 1) / own;
  start_next();
  if ((int)blockIdx.x >= tiles) {
    wait_for_previous();
    if (blockIdx.y == 0 && blockIdx.z == 0)
      keep_column(p.keep_x, p.keep_history, p.keep_time, p.keep_rows, p.keep_columns,
                  ((int)blockIdx.x - tiles) * PRODUCT_THREADS + thread);
    return;
  }
  int first_column = blockIdx.x * own, first_row = blockIdx.y * BM;
  int chunks = (p.k + 63) / 64, share = (chunks + gridDim.z - 1) / gridDim.z;
  int begin = blockIdx.z * share, count = min(share, chunks - begin);
  int line = thread / 8, unit = thread % 8;
  u32 room = shared_address(product_room);
  i64 plane = (i64)(gated ? 2 * p.n : p.n) * p.k;

  auto load_weight = [&](int chunk, int slot) {
    int kk = 64 * (begin + chunk) + 8 * unit;
    u32 to = room + slot * STAGE;
#pragma unroll
    for (int j = 0; j < BN * P / 16; j++) {
      int r = line + 16 * j, row = r % BN, column = first_column + row;
      bool inside = kk < p.k && chunk < count;
      if (gated) {
        if (row >= BN / 2) column -= BN / 2;
        inside = inside && column < p.n;
        if (row >= BN / 2) column += p.n;
      } else {
        inside = inside && column < p.n;
      }
      const u16 *from = p.weight + (r / BN) * plane + (i64)column * p.k + kk;
      copy_async(to + 128 * r + ((unit ^ (r & 7)) << 4), inside ? from : p.weight, inside);
    }
  };
  auto load_x = [&](int chunk, int slot) {
    int kk = 64 * (begin + chunk) + 8 * unit, tap = kk / p.inputs, i = kk - tap * p.inputs;
    u32 to = room + slot * STAGE + 128 * BN * P;
#pragma unroll
    for (int j = 0; j < BM / 8; j++) {
      int r = line + 16 * j, row = first_row + r % BM, t = row + tap * p.dilation;
      bool inside = kk < p.k && chunk < count && row < p.m;
      const u16 *from = t < p.history_rows ? p.history + (i64)t * 2 * p.inputs
                                           : p.x + (i64)(t - p.history_rows) * 2 * p.inputs;
      from += (r / BM) * p.inputs + i;
      copy_async(to + 128 * r + ((unit ^ (r & 7)) << 4), inside ? from : p.weight, inside);
    }
  };
#pragma unroll 1
  for (int s = 0; s < STAGES - 1; s++) load_weight(s, s);
  wait_for_previous();
#pragma unroll 1
  for (int s = 0; s < STAGES - 1; s++) {
    load_x(s, s);
    commit_copies();
  }

  float sums[TN][TM][4] = {};
  int tile_row = lane % 8, tile = lane / 8;
  u32 w_line = (warp % WN) * TN * 16 + (tile & 1) * 8 + tile_row;
  u32 x_line = BN * P + (tile >> 1) * BM + (warp / WN) * TM * 8 + tile_row;
#pragma unroll 1
  for (int chunk = 0, slot = 0; chunk < count; chunk++) {
    wait_copies<STAGES - 2>();
    __syncthreads();
    int ahead = slot == 0 ? STAGES - 1 : slot - 1;
    load_weight(chunk + STAGES - 1, ahead);
    load_x(chunk + STAGES - 1, ahead);
    commit_copies();
    u32 from = room + slot * STAGE;
#pragma unroll
    for (int step = 0; step < 4; step++) {
      u32 w[P][TN][4];
#pragma unroll
      for (int part = 0; part < P; part++)
#pragma unroll
        for (int i = 0; i < TN; i++)
          load_tiles(w[part][i], from + 128 * (w_line + part * BN + 16 * i) +
                                   (((2 * step + (tile >> 1)) ^ tile_row) << 4));
#pragma unroll
      for (int j = 0; j < TM; j++) {
        u32 x[4];
        load_tiles(x, from + 128 * (x_line + 8 * j) + (((2 * step + (tile & 1)) ^ tile_row) << 4));
#pragma unroll
        for (int i = 0; i < TN; i++) {
          multiply_tile(sums[i][j], w[0][i][0], w[0][i][1], w[0][i][2], w[0][i][3], x[2], x[3]);
          if (P == 2)
            multiply_tile(sums[i][j], w[P - 1][i][0], w[P - 1][i][1], w[P - 1][i][2],
                          w[P - 1][i][3], x[0], x[1]);
          multiply_tile(sums[i][j], w[0][i][0], w[0][i][1], w[0][i][2], w[0][i][3], x[0], x[1]);
        }
      }
    }
    slot = slot == STAGES - 1 ? 0 : slot + 1;
  }
  wait_copies<0>();
  __syncthreads();

  // Through shared memory, so that neighbours in memory are neighbours in the warp.
  constexpr int PITCH = BN + 4;
  float *tile_sums = (float *)product_room;
#pragma unroll
  for (int i = 0; i < TN; i++)
#pragma unroll
    for (int j = 0; j < TM; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        int column = ((warp % WN) * TN + i) * 16 + lane / 4 + e / 2 * 8;
        int row = ((warp / WN) * TM + j) * 8 + 2 * (lane % 4) + e % 2;
        tile_sums[row * PITCH + column] = sums[i][j][e];
      }
  __syncthreads();
  int rows = min(BM, p.m - first_row);
  if (gridDim.z > 1) {
    int index = blockIdx.y * tiles + blockIdx.x;
    float4 *all = (float4 *)(p.shares + (i64)index * gridDim.z * (BM * BN));
    for (int i = thread; i < rows * (BN / 4); i += PRODUCT_THREADS) {
      int row = i / (BN / 4), column = i % (BN / 4) * 4;
      all[(i64)blockIdx.z * (BM * BN / 4) + i] = *(const float4 *)(tile_sums + row * PITCH + column);
    }
    __threadfence();
    __syncthreads();
    if (thread == 0) arrivals = atomicAdd(p.arrived + index, 1u);
    __syncthreads();
    if (arrivals != gridDim.z - 1) return;
    if (thread == 0) p.arrived[index] = 0;
    __threadfence();
    for (int i = thread; i < rows * (BN / 4); i += PRODUCT_THREADS) {
      int row = i / (BN / 4), column = i % (BN / 4) * 4;
      float4 sum = __ldcg(all + i);
#pragma unroll 4
      for (int z = 1; z < (int)gridDim.z; z++) {
        float4 v = __ldcg(all + (i64)z * (BM * BN / 4) + i);
        sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
      }
      *(float4 *)(tile_sums + row * PITCH + column) = sum;
    }
    __syncthreads();
  }
#pragma unroll 1
  for (int i = thread; i < rows * (own / 2); i += PRODUCT_THREADS) {
    int row = i / (own / 2), column = i % (own / 2) * 2;
    if (first_column + column >= p.n) continue;
    float2 v = *(const float2 *)(tile_sums + row * PITCH + column);
    if (gated) {
      float2 up = *(const float2 *)(tile_sums + row * PITCH + BN / 2 + column);
      v = make_float2(sigmoid_product(v.x) * up.x, sigmoid_product(v.y) * up.y);
    }
    finish_product(p, first_row + row, first_column + column, v.x, v.y);
  }
}

#define PRODUCT(BN, BM, P, WN, WM, TN, TM)                                                         \
  extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS) product_##BN##_##BM##_##P(         \
    const u16 *x, const u16 *history, const u16 *weight, const float *bias, const float *scale,    \
    const float *alpha, const float *inverse_beta, float *out, u16 *out_parts, float *shares,      \
    u32 *arrived, int m, int n, int k, int inputs, int dilation, int history_rows, int channels,   \
    int flags, const u32 *keep_x, u32 *keep_history, int keep_time, int keep_rows,                 \
    int keep_columns) {                                                                            \
    Product p = {x, history, weight, bias, scale, alpha, inverse_beta, out, shares, out_parts,     \
                 arrived, m, n, k, inputs, dilation, history_rows, channels, flags, keep_x,        \
                 keep_history, keep_time, keep_rows, keep_columns};                                \
    multiply<WN, WM, TN, TM, P>(p);                                                                \
  }
// Twins of `ProductTile.all`.
#define PRODUCTS(BN, BM, WN, WM, TN, TM)                                                           \
  PRODUCT(BN, BM, 1, WN, WM, TN, TM) PRODUCT(BN, BM, 2, WN, WM, TN, TM)
PRODUCTS(64, 8, 4, 1, 1, 1)
PRODUCTS(32, 32, 2, 2, 1, 2)
PRODUCT(32, 48, 1, 2, 2, 1, 3)
PRODUCTS(64, 64, 2, 2, 2, 4)
