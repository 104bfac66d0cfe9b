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

// Shared memory of the other blocks of a cluster, which are those with other shares of k.
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

// A block of four warps, WN × WM of them, takes 16 WN TN rows of W and 8 WM TM rows of x, a warp TN
// tiles of 16 by TM of 8. It walks k, or the share of it that blockIdx.z says, in chunks of 64 numbers,
// which stand in shared memory in lines of 128 bytes, 16-byte words turned by the line's number so that
// neither copies nor tile loads meet in a bank. Copies run some stages ahead; those of W begin before
// the kernel in front has ended. The blocks of a tile are a cluster, and each sums every gridDim.z-th
// row of the tile; without clusters the last block to arrive sums all. Shares are added in their order.
// inputs and k are multiples of 8, n and channels of 2. P: parts of W.
// Blocks behind the last tile keep a history that the kernel in front has read.
// Bound: bytes of W for few rows, multiply-adds for many.
template <int WN, int WM, int TN, int TM, int P>
__device__ __forceinline__ void multiply(const Product &p) {
  constexpr int BN = 16 * WN * TN, BM = 8 * WM * TM;
  constexpr int STAGE = 128 * (BN * P + 2 * BM), PITCH = BN + 4;
  constexpr int STAGES = PRODUCT_ROOM / STAGE < 6 ? PRODUCT_ROOM / STAGE : 6;
  // Products of parts, the smallest first. Few tiles get a sum for each, so that a tensor core need
  // not wait for one product before it begins the next.
  constexpr int KINDS = P + 1, SETS = TN * TM <= 3 ? KINDS : 1;
  static_assert(WN * WM == 4 && BN % 16 == 0, "four warps");
  static_assert(BM * PITCH * 4 <= STAGES * STAGE, "the sums fit where the stages were");
  extern __shared__ __align__(128) unsigned char product_room[];
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

  // A thread copies word `unit` of every 16th line. Places are counted from `weight` and from `x`;
  // −1 stands for a row that does not exist.
  int w_at[BN * P / 16], x_row[BM / 8], turned = (unit ^ (line & 7)) << 4;
#pragma unroll
  for (int j = 0; j < BN * P / 16; j++) {
    int row = (line + 16 * j) % BN, column = first_column + row;
    if (gated && row >= BN / 2) column -= BN / 2;
    bool inside = column < p.n;
    if (gated && row >= BN / 2) column += p.n;
    if (16 * j >= BN) column += gated ? 2 * p.n : p.n;
    w_at[j] = inside ? column : -1;
  }
#pragma unroll
  for (int j = 0; j < BM / 8; j++) {
    int row = first_row + (line + 16 * j) % BM;
    x_row[j] = row < p.m ? row : -1;
  }
  // k of the next copies of W and of x, the latter as tap and input.
  int w_k = 64 * begin + 8 * unit, w_end = min(p.k, 64 * (begin + count));
  int x_k = w_k, tap = x_k / p.inputs, input = x_k - tap * p.inputs;
  auto load_weight = [&](int slot) {
    u32 to = room + slot * STAGE + 128 * line + turned;
    bool some = w_k < w_end;
#pragma unroll
    for (int j = 0; j < BN * P / 16; j++) {
      bool inside = some && w_at[j] >= 0;
      copy_async(to + 2048 * j, inside ? p.weight + (i64)w_at[j] * p.k + w_k : p.weight, inside);
    }
    w_k += 64;
  };
  auto load_x = [&](int slot) {
    u32 to = room + slot * STAGE + 128 * (BN * P + line) + turned;
    bool some = x_k < w_end;
    int shift = tap * p.dilation;
#pragma unroll
    for (int j = 0; j < BM / 8; j++) {
      bool inside = some && x_row[j] >= 0;
      int t = x_row[j] + shift, part = (line + 16 * j) / BM;
      const u16 *from = t < p.history_rows ? p.history : p.x;
      if (t >= p.history_rows) t -= p.history_rows;
      from += (i64)(2 * t + part) * p.inputs + input;
      copy_async(to + 2048 * j, inside ? from : p.weight, inside);
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
#pragma unroll 1
  for (int s = 0; s < STAGES - 1; s++) {
    load_x(s);
    commit_copies();
  }

  float sums[SETS][TN][TM][4] = {};
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
    u32 from = room + slot * STAGE;
#pragma unroll
    for (int step = 0; step < 4; step++) {
      u32 w[P][TN][4], x[TM][4];
#pragma unroll
      for (int part = 0; part < P; part++)
#pragma unroll
        for (int i = 0; i < TN; i++)
          load_tiles(w[part][i], from + 128 * (w_line + part * BN + 16 * i) +
                                   (((2 * step + (tile >> 1)) ^ tile_row) << 4));
#pragma unroll
      for (int j = 0; j < TM; j++)
        load_tiles(x[j], from + 128 * (x_line + 8 * j) +
                           (((2 * step + (tile & 1)) ^ tile_row) << 4));
#pragma unroll
      for (int kind = 0; kind < KINDS; kind++) {
        int w_part = kind == 1 && P == 2 ? 1 : 0, x_part = kind == 0 ? 2 : 0;
#pragma unroll
        for (int j = 0; j < TM; j++)
#pragma unroll
          for (int i = 0; i < TN; i++)
            multiply_tile(sums[SETS == 1 ? 0 : kind][i][j], w[w_part][i][0], w[w_part][i][1],
                          w[w_part][i][2], w[w_part][i][3], x[j][x_part], x[j][x_part + 1]);
      }
    }
    slot = slot == STAGES - 1 ? 0 : slot + 1;
  }
  wait_copies<0>();
  __syncthreads();

  // Through shared memory, so that neighbours in memory are neighbours in the warp.
  float *tile_sums = (float *)product_room;
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
  // Two neighbouring numbers of a row of the tile, over all shares.
  auto whole = [&](int row, int column) {
    int at = row * PITCH + column;
    if (gridDim.z == 1) return *(const float2 *)(tile_sums + at);
    float2 sum = load_from_block(room + 4 * at, 0);
#pragma unroll 8
    for (int z = 1; z < (int)gridDim.z; z++) {
      float2 v = load_from_block(room + 4 * at, z);
      sum.x += v.x, sum.y += v.y;
    }
    return sum;
  };
#else
  __shared__ u32 arrivals;
  __syncthreads();
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
#pragma unroll 8
      for (int z = 1; z < (int)gridDim.z; z++) {
        float4 v = __ldcg(all + (i64)z * (BM * BN / 4) + i);
        sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
      }
      *(float4 *)(tile_sums + row * PITCH + column) = sum;
    }
    __syncthreads();
  }
  auto whole = [&](int row, int column) {
    return *(const float2 *)(tile_sums + row * PITCH + column);
  };
#endif
#pragma unroll 1
  for (int i = thread;; i += PRODUCT_THREADS) {
    int row = first + i / (own / 2) * every, column = i % (own / 2) * 2;
    if (row >= rows) break;
    if (first_column + column >= p.n) continue;
    float2 v = whole(row, column);
    if (gated) {
      float2 up = whole(row, BN / 2 + column);
      v = make_float2(sigmoid_product(v.x) * up.x, sigmoid_product(v.y) * up.y);
    }
    finish_product(p, first_row + row, first_column + column, v.x, v.y);
  }
  // Nobody may end while another still reads its sums.
  if (gridDim.z > 1) cluster_barrier();
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
