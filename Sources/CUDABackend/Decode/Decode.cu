// SPDX-License-Identifier: MIT
// One step of a stack of layers for one or two rows, where every weight is read once and nothing
// else may take time: five kernels a layer. Each loads its weights into registers *before* it waits
// for the kernel in front of it, so that the memory does not rest at the boundary between two.

// 16 bytes of a weight. Volatile, so that the load stays in front of the wait.
__device__ __forceinline__ uint4 load_weight(const void *base, i64 index) {
  uint4 w;
  const u16 *address = (const u16 *)base + index;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.x), "=r"(w.y), "=r"(w.z), "=r"(w.w)
               : "l"(address));
  return w;
}

// Attention that is cut into blocks of positions: what each block of a head leaves for the product
// behind it.
struct SplitAttention {
  const float *sums;   // [heads][blocks][width]: values weighted against the block's own maximum
  const float *stats;  // [heads][blocks][2]: that maximum, and the sum of the weights
  const int *position;
  int blocks, window, width;
};
enum { SPAN = 64 };

// Positions a query at `last` sees, in spans, and the first of them.
__device__ __forceinline__ int span_count(int last, int window, int *oldest) {
  *oldest = window > 0 && last >= window ? last - window + 1 : 0;
  return (last - *oldest) / SPAN + 1;
}

// Eight columns of the attention's result from `column` on, all of one head.
__device__ __forceinline__ void merge_attention(const SplitAttention &split, int blocks, int column,
                                                float *out) {
  int head = column / split.width, e = column % split.width;
  const float *stats = split.stats + (i64)head * split.blocks * 2;
  const float *sums = split.sums + (i64)head * split.blocks * split.width + e;
  float best = NEGATIVE_INFINITY, all = 0;
  for (int b = 0; b < blocks; b++) best = fmaxf(best, stats[2 * b]);
#pragma unroll
  for (int i = 0; i < 8; i++) out[i] = 0;
  for (int b = 0; b < blocks; b++) {
    float weight = expf(stats[2 * b] - best);
    all += weight * stats[2 * b + 1];
    const float4 *from = (const float4 *)(sums + (i64)b * split.width);
    float4 v = from[0], w = from[1];
    out[0] += weight * v.x, out[1] += weight * v.y, out[2] += weight * v.z, out[3] += weight * v.w;
    out[4] += weight * w.x, out[5] += weight * w.y, out[6] += weight * w.z, out[7] += weight * w.w;
  }
#pragma unroll
  for (int i = 0; i < 8; i++) out[i] /= all;
}

enum { STORE = 0, ADD = 1, SWIGLU = 2, ADD_MERGED = 3 };

// out = x Wᵀ + bias, out += x Wᵀ, or out = swiGLU(x Wᵀ), with x normalised first when there is a norm,
// or merged from an attention. M rows of x, R rows of W a block of 128 threads; a thread has columns
// 1024 c + 8 t … + 7, c < C, so k is 1024 C. `n` is the width of `out`; SWIGLU's up-projection begins
// at row n of W. The norm's factor is the same for all columns and is applied to the sums.
template <int KIND, bool NORM, int C, int R, int M>
__device__ __forceinline__ void stream_rows(const float *x, const SplitAttention &split,
                                            const float *norm, float epsilon, const void *weight,
                                            const float *bias, float *out, int n) {
  constexpr int K = 1024 * C, OWN = KIND == SWIGLU ? R / 2 : R;
  __shared__ float squares[M][4], sums[4][R * M];
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, first = blockIdx.x * OWN;
  start_next();
  uint4 w[R][C];
#pragma unroll
  for (int r = 0; r < R; r++) {
    int row = first + r % OWN;
    bool inside = row < n;
    if (r >= OWN) row += n;
#pragma unroll
    for (int c = 0; c < C; c++)
      w[r][c] = inside ? load_weight(weight, (i64)row * K + 1024 * c + 8 * thread)
                       : make_uint4(0, 0, 0, 0);
  }
  float gain[C][8];
  if (NORM) {
#pragma unroll
    for (int c = 0; c < C; c++)
#pragma unroll
      for (int i = 0; i < 8; i++) gain[c][i] = norm[1024 * c + 8 * thread + i];
  }
  wait_for_previous();

  int blocks = 1;
  if (KIND == ADD_MERGED) {
    int oldest;
    blocks = min(split.blocks, span_count(*split.position, split.window, &oldest));
  }
  float partial[R * M];
#pragma unroll
  for (int i = 0; i < R * M; i++) partial[i] = 0;
#pragma unroll
  for (int m = 0; m < M; m++) {
    float square = 0;
#pragma unroll
    for (int c = 0; c < C; c++) {
      int column = 1024 * c + 8 * thread;
      float v[8];
      if (KIND == ADD_MERGED) {
        merge_attention(split, blocks, column, v);
      } else {
        const float4 *from = (const float4 *)(x + m * K + column);
        float4 a = from[0], b = from[1];
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w;
        v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
      }
      if (NORM) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
          square += v[i] * v[i];
          v[i] *= gain[c][i];
        }
      }
#pragma unroll
      for (int r = 0; r < R; r++) partial[m * R + r] = dot8(w[r][c], v, partial[m * R + r]);
    }
    if (NORM) {
      square = warp_sum(square);
      if (lane == 0) squares[m][warp] = square;
    }
  }
  float sum = warp_sums<R * M>(partial);
  constexpr int LANES = 32 / (R * M);
  if (lane % LANES == 0) sums[warp][lane / LANES] = sum;
  __syncthreads();
  if (thread >= OWN * M) return;
  int m = thread / OWN, r = thread % OWN, column = first + r;
  if (column >= n) return;
  float factor = 1;
  if (NORM)
    factor = 1.0f / sqrtf((squares[m][0] + squares[m][1] + squares[m][2] + squares[m][3]) / K +
                          epsilon);
  auto total = [&](int row) {
    int i = m * R + row;
    return (sums[0][i] + sums[1][i] + sums[2][i] + sums[3][i]) * factor;
  };
  float value = total(r), *place = out + (i64)m * n + column;
  if (KIND == SWIGLU) {
    *place = sigmoid_product(value) * total(r + OWN);
  } else if (KIND == STORE) {
    *place = bias ? value + bias[column] : value;
  } else {
    *place += value;
  }
}

#define STREAM(name, KIND, NORM, C, R, M)                                                          \
  extern "C" __global__ void __launch_bounds__(128)                                                \
    stream_##name##_##C##_##M(const float *x, const float *norm, float epsilon,                    \
                              const void *weight, const float *bias, float *out, int n) {          \
    stream_rows<KIND, NORM, C, R, M>(x, SplitAttention(), norm, epsilon, weight, bias, out, n);    \
  }
#define STREAM_ROWS(name, KIND, NORM, C, R)                                                        \
  STREAM(name, KIND, NORM, C, R, 1) STREAM(name, KIND, NORM, C, R, 2)
STREAM_ROWS(norm_store, STORE, true, 1, 16)
STREAM_ROWS(norm_store, STORE, true, 2, 8)
STREAM_ROWS(norm_swiglu, SWIGLU, true, 1, 16)
STREAM_ROWS(norm_swiglu, SWIGLU, true, 2, 8)
STREAM_ROWS(store, STORE, false, 1, 16)
STREAM_ROWS(store, STORE, false, 2, 8)
STREAM_ROWS(add, ADD, false, 1, 8)
STREAM_ROWS(add, ADD, false, 2, 8)
STREAM_ROWS(add, ADD, false, 3, 8)
STREAM(add, ADD, false, 6, 4, 1)

#define STREAM_MERGED(C, R)                                                                        \
  extern "C" __global__ void __launch_bounds__(128)                                                \
    stream_add_merged_##C(const float *sums, const float *stats, const int *position, int blocks,  \
                          int window, int width, const void *weight, float *out, int n) {          \
    SplitAttention split = {sums, stats, position, blocks, window, width};                         \
    stream_rows<ADD_MERGED, false, C, R, 1>(0, split, 0, 0, weight, 0, out, n);                    \
  }
STREAM_MERGED(1, 8)
STREAM_MERGED(2, 8)

// Normalises a head of D numbers and turns it; one warp, a lane has every 32nd.
template <int D>
__device__ __forceinline__ void norm_rotate(float *v, const float *gain, float epsilon,
                                            const float *angles, float *out) {
  int lane = threadIdx.x % 32;
  if (gain) {
    float square = 0;
#pragma unroll
    for (int i = 0; i < D / 32; i++) square += v[i] * v[i];
    float factor = 1.0f / sqrtf(warp_sum(square) / D + epsilon);
#pragma unroll
    for (int i = 0; i < D / 32; i++) v[i] = v[i] * factor * gain[i];
  }
#pragma unroll
  for (int i = 0; i < D / 64; i++) {
    float a = v[i], b = v[i + D / 64];
    float2 by = rotation_by(angles[i]);
    out[lane + 32 * i] = a * by.x - b * by.y;
    out[lane + 32 * i + D / 2] = b * by.x + a * by.y;
  }
}

// norm_rotate_append and attention for one row. A block of 8 warps for each query head and every
// gridDim.y-th span of positions; a warp takes 8 positions of a span. With SPLIT each block leaves its
// sums for stream_add_merged, else there is one block a head, which writes the result.
template <int D, int T, bool SPLIT>
__device__ __forceinline__ void attend_step(const float *qkv, const float *query_norm,
                                            const float *key_norm, float epsilon,
                                            const float *inverse_frequencies, const int *positions,
                                            const int *slots, void *keys, void *values, float *out,
                                            float *stats, int heads, int kv_heads, int window,
                                            int capacity) {
  constexpr int WARPS = 8, LANES = D / 8, TOGETHER = 32 / LANES, STEPS = SPAN / WARPS;
  constexpr int ROUNDS = STEPS / TOGETHER, PER_LANE = D / 32;
  // Numbers in a word of the cache, and a lane's words of a key and of a value.
  constexpr int PER_WORD = T == F32 ? 1 : 2, KEY_WORDS = 8 / PER_WORD, VALUE_WORDS = PER_LANE / PER_WORD;
  __shared__ __align__(16) float query[D], key[D], value[D];
  __shared__ float tops[WARPS], totals[WARPS], rows[WARPS][D];
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, h = blockIdx.x;
  int kv_head = h / (heads / kv_heads);
  start_next();
  const float *norm = warp == 0 ? query_norm : warp == 1 ? key_norm : 0;
  float gain[PER_LANE], angles[D / 64];
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) gain[i] = norm ? norm[lane + 32 * i] : 0.0f;
#pragma unroll
  for (int i = 0; i < D / 64; i++) angles[i] = inverse_frequencies[lane + 32 * i];
  wait_for_previous();

  int last = *positions, oldest, spans;
  i64 slot_row = (i64)*slots * capacity;
  float own[PER_LANE];
  if (warp < 3) {
    int part = warp == 0 ? h : warp == 1 ? heads + kv_head : heads + kv_heads + kv_head;
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) own[i] = qkv[part * D + lane + 32 * i];
  }
  spans = span_count(last, window, &oldest);
  if ((int)blockIdx.y >= spans) return;

  u32 k[ROUNDS][KEY_WORDS], v[STEPS][VALUE_WORDS];
  // Keys and values of a span, into registers; the row's own are not in the cache yet.
  auto load = [&](int span) {
    int first = oldest + span * SPAN;
#pragma unroll
    for (int s = 0; s < ROUNDS; s++) {
      int p = first + (s * WARPS + warp) * TOGETHER + lane / LANES;
      const uint4 *from = (const uint4 *)((const u32 *)keys +
        (((slot_row + p % capacity) * kv_heads + kv_head) * D + 8 * (lane % LANES)) / PER_WORD);
#pragma unroll
      for (int i = 0; i < KEY_WORDS; i += 4) {
        uint4 word = p < last ? from[i / 4] : make_uint4(0, 0, 0, 0);
        k[s][i] = word.x, k[s][i + 1] = word.y, k[s][i + 2] = word.z, k[s][i + 3] = word.w;
      }
    }
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      int p = first + (s / TOGETHER * WARPS + warp) * TOGETHER + s % TOGETHER;
      const u32 *from = (const u32 *)values +
        ((slot_row + p % capacity) * kv_heads + kv_head) * D / PER_WORD + lane;
#pragma unroll
      for (int i = 0; i < VALUE_WORDS; i++) v[s][i] = p < last ? from[32 * i] : 0;
    }
  };
  load(blockIdx.y);
#pragma unroll
  for (int i = 0; i < D / 64; i++) angles[i] *= (float)last;
  if (warp < 2) {
    norm_rotate<D>(own, norm ? gain : 0, epsilon, angles, warp == 0 ? query : key);
    // A lane's own numbers.
    if (warp == 1) {
#pragma unroll
      for (int i = 0; i < PER_LANE; i++) key[lane + 32 * i] = cached<T>(key[lane + 32 * i]);
    }
  } else if (warp == 2) {
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) value[lane + 32 * i] = cached<T>(own[i]);
  }
  __syncthreads();
  // Every block has the key and value; one of each group keeps them.
  if (blockIdx.y == 0 && h % (heads / kv_heads) == 0 && thread < D) {
    i64 at = ((slot_row + last % capacity) * kv_heads + kv_head) * D + thread;
    keep<T>(keys, at, key[thread]);
    keep<T>(values, at, value[thread]);
  }

  float scale = 1.0f / sqrtf((float)D), q[8];
#pragma unroll
  for (int i = 0; i < 8; i++) q[i] = query[8 * (lane % LANES) + i] * scale;
  // A lane has every 32nd word of a value.
  auto column = [&](int i) { return (lane + 32 * (i / PER_WORD)) * PER_WORD + i % PER_WORD; };
  float top = NEGATIVE_INFINITY, total = 0, sums[PER_LANE] = {};
  for (int span = blockIdx.y; span < spans; span += gridDim.y) {
    if (span != (int)blockIdx.y) load(span);
    int first = oldest + span * SPAN;
    float scores[ROUNDS], next = top;
#pragma unroll
    for (int s = 0; s < ROUNDS; s++) {
      int p = first + (s * WARPS + warp) * TOGETHER + lane / LANES;
      float a[8], score = 0;
#pragma unroll
      for (int i = 0; i < 8; i++) a[i] = number<T>(k[s], i);
      if (p == last) {
#pragma unroll
        for (int i = 0; i < 8; i++) a[i] = key[8 * (lane % LANES) + i];
      }
#pragma unroll
      for (int i = 0; i < 8; i++) score += q[i] * a[i];
#pragma unroll
      for (int step = LANES / 2; step > 0; step >>= 1)
        score += __shfl_xor_sync(0xffffffffu, score, step);
      scores[s] = p <= last ? score : NEGATIVE_INFINITY;
      next = fmaxf(next, scores[s]);
    }
#pragma unroll
    for (int step = LANES; step < 32; step <<= 1)
      next = fmaxf(next, __shfl_xor_sync(0xffffffffu, next, step));
    // A warp that has seen no position yet keeps −∞ and nothing else.
    if (next == NEGATIVE_INFINITY) continue;
    float kept = expf(top - next);
    total *= kept;
#pragma unroll
    for (int i = 0; i < PER_LANE; i++) sums[i] *= kept;
#pragma unroll
    for (int s = 0; s < ROUNDS; s++) scores[s] = expf(scores[s] - next);
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      float weight = __shfl_sync(0xffffffffu, scores[s / TOGETHER], s % TOGETHER * LANES);
      int p = first + (s / TOGETHER * WARPS + warp) * TOGETHER + s % TOGETHER;
      total += weight;
#pragma unroll
      for (int i = 0; i < PER_LANE; i++)
        sums[i] += weight * (p == last ? value[column(i)] : number<T>(v[s], i));
    }
    top = next;
  }
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) rows[warp][column(i)] = sums[i];
  if (lane == 0) {
    tops[warp] = top;
    totals[warp] = total;
  }
  __syncthreads();
  if (thread >= D) return;
  float best = NEGATIVE_INFINITY, sum = 0, all = 0;
#pragma unroll
  for (int w = 0; w < WARPS; w++) best = fmaxf(best, tops[w]);
#pragma unroll
  for (int w = 0; w < WARPS; w++) {
    float weight = expf(tops[w] - best);
    all += weight * totals[w];
    sum += weight * rows[w][thread];
  }
  if (!SPLIT) {
    out[h * D + thread] = sum / all;
    return;
  }
  i64 block = (i64)h * gridDim.y + blockIdx.y;
  out[block * D + thread] = sum;
  if (thread == 0) {
    stats[2 * block] = best;
    stats[2 * block + 1] = all;
  }
}

#define ATTEND(kind, D, SPLIT, name, T)                                                            \
  extern "C" __global__ void __launch_bounds__(256) kind##_##D##_##name(                           \
    const float *qkv, const float *query_norm, const float *key_norm, float epsilon,               \
    const float *inverse_frequencies, const int *positions, const int *slots, void *keys,          \
    void *values, float *out, float *stats, int heads, int kv_heads, int window, int capacity) {   \
    attend_step<D, T, SPLIT>(qkv, query_norm, key_norm, epsilon, inverse_frequencies, positions,   \
                             slots, keys, values, out, stats, heads, kv_heads, window, capacity);  \
  }
#define ATTEND_ROW(name, T)                                                                        \
  ATTEND(attention_step, 64, false, name, T)                                                       \
  ATTEND(attention_step, 128, false, name, T)                                                      \
  ATTEND(attention_split, 64, true, name, T)                                                       \
  ATTEND(attention_split, 128, true, name, T)
FOR_EACH_CACHE(ATTEND_ROW)
