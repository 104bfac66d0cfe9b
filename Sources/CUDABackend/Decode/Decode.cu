// SPDX-License-Identifier: MIT
// One step of a stack of layers for one or two rows, where every weight is read once and nothing
// else takes time: five kernels a layer. Each loads its weights into registers *before* it waits for
// the kernel in front of it, so that the memory never rests at the boundary between two kernels.

// 16 bytes of a weight. Volatile, so that the load stays in front of the wait.
__device__ __forceinline__ uint4 load_weight(const void *base, i64 index) {
  uint4 w;
  const u16 *address = (const u16 *)base + index;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.x), "=r"(w.y), "=r"(w.z), "=r"(w.w)
               : "l"(address));
  return w;
}

// a += w · x over eight bf16 numbers.
__device__ __forceinline__ float dot8(uint4 w, const float *x, float a) {
  u32 word[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    a += __uint_as_float(word[i] << 16) * x[2 * i];
    a += __uint_as_float(word[i] & 0xffff0000u) * x[2 * i + 1];
  }
  return a;
}

// Sums V values over a warp. Afterwards the lanes with index v · 32 / V hold value v.
template <int V> __device__ __forceinline__ float warp_sums(float *v) {
  int lane = threadIdx.x % 32;
#pragma unroll
  for (int bit = 16, n = V; bit > 0; bit >>= 1) {
    if (n > 1) {
      n /= 2;
      bool upper = lane & bit;
#pragma unroll
      for (int i = 0; i < V / 2; i++)
        if (i < n) {
          float given = upper ? v[i] : v[i + n];
          v[i] = (upper ? v[i + n] : v[i]) + __shfl_xor_sync(0xffffffffu, given, bit);
        }
    } else {
      v[0] += __shfl_xor_sync(0xffffffffu, v[0], bit);
    }
  }
  return v[0];
}

enum { STORE = 0, ADD = 1, SWIGLU = 2 };

// out = x Wᵀ + bias, out += x Wᵀ, or out = swiGLU(x Wᵀ), with x normalised first when there is a norm.
// M rows of x, R rows of W a block of 128 threads; a thread has columns 1024 c + 8 t … + 7, c < C, so
// k is 1024 C. `n` is the width of `out`; SWIGLU's up-projection begins at row n of W.
template <int KIND, bool NORM, int C, int R, int M>
__device__ __forceinline__ void stream_rows(const float *x, const float *norm, float epsilon,
                                            const void *weight, const float *bias, float *out,
                                            int n) {
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

  float values[M][C][8];
#pragma unroll
  for (int m = 0; m < M; m++)
#pragma unroll
    for (int c = 0; c < C; c++) {
      const float4 *from = (const float4 *)(x + m * K + 1024 * c + 8 * thread);
      float4 a = from[0], b = from[1];
      float *to = values[m][c];
      to[0] = a.x, to[1] = a.y, to[2] = a.z, to[3] = a.w;
      to[4] = b.x, to[5] = b.y, to[6] = b.z, to[7] = b.w;
    }
  if (NORM) {
#pragma unroll
    for (int m = 0; m < M; m++) {
      float square = 0;
#pragma unroll
      for (int c = 0; c < C; c++)
#pragma unroll
        for (int i = 0; i < 8; i++) square += values[m][c][i] * values[m][c][i];
      square = warp_sum(square);
      if (lane == 0) squares[m][warp] = square;
    }
    __syncthreads();
#pragma unroll
    for (int m = 0; m < M; m++) {
      float square = squares[m][0] + squares[m][1] + squares[m][2] + squares[m][3];
      float factor = 1.0f / sqrtf(square / K + epsilon);
#pragma unroll
      for (int c = 0; c < C; c++)
#pragma unroll
        for (int i = 0; i < 8; i++) values[m][c][i] = values[m][c][i] * factor * gain[c][i];
    }
  }
  float partial[R * M];
#pragma unroll
  for (int m = 0; m < M; m++)
#pragma unroll
    for (int r = 0; r < R; r++) {
      float sum = 0;
#pragma unroll
      for (int c = 0; c < C; c++) sum = dot8(w[r][c], values[m][c], sum);
      partial[m * R + r] = sum;
    }
  float sum = warp_sums<R * M>(partial);
  constexpr int LANES = 32 / (R * M);
  if (lane % LANES == 0) sums[warp][lane / LANES] = sum;
  __syncthreads();
  if (thread >= OWN * M) return;
  int m = thread / OWN, r = thread % OWN, column = first + r;
  if (column >= n) return;
  auto total = [&](int row) {
    int i = m * R + row;
    return sums[0][i] + sums[1][i] + sums[2][i] + sums[3][i];
  };
  float value = total(r);
  float *place = out + (i64)m * n + column;
  if (KIND == SWIGLU) {
    *place = sigmoid_product(value) * total(r + OWN);
  } else {
    if (bias) value += bias[column];
    *place = KIND == ADD ? *place + value : value;
  }
}

#define STREAM(name, KIND, NORM, C, R, M)                                                          \
  extern "C" __global__ void __launch_bounds__(128)                                                \
    stream_##name##_##C##_##M(const float *x, const float *norm, float epsilon,                    \
                              const void *weight, const float *bias, float *out, int n) {          \
    stream_rows<KIND, NORM, C, R, M>(x, norm, epsilon, weight, bias, out, n);                      \
  }
#define STREAM_ROWS(name, KIND, NORM, C, R) STREAM(name, KIND, NORM, C, R, 1) STREAM(name, KIND, NORM, C, R, 2)
STREAM_ROWS(norm_store, STORE, true, 1, 16)
STREAM_ROWS(norm_store, STORE, true, 2, 8)
STREAM_ROWS(norm_swiglu, SWIGLU, true, 1, 16)
STREAM_ROWS(norm_swiglu, SWIGLU, true, 2, 8)
STREAM_ROWS(store, STORE, false, 1, 16)
STREAM_ROWS(store, STORE, false, 2, 8)
STREAM_ROWS(add, ADD, false, 1, 16)
STREAM_ROWS(add, ADD, false, 2, 8)
STREAM_ROWS(add, ADD, false, 3, 8)
STREAM_ROWS(add, ADD, false, 6, 4)

// Normalises a head of D numbers and turns it; one warp, a lane has every 32nd.
template <int D>
__device__ __forceinline__ void norm_rotate(const float *head, const float *norm, float epsilon,
                                            const float *cosines, const float *sines, float *out) {
  int lane = threadIdx.x % 32;
  float v[D / 32], square = 0;
#pragma unroll
  for (int i = 0; i < D / 32; i++) {
    v[i] = head[lane + 32 * i];
    square += v[i] * v[i];
  }
  if (norm) {
    float factor = 1.0f / sqrtf(warp_sum(square) / D + epsilon);
#pragma unroll
    for (int i = 0; i < D / 32; i++) v[i] = v[i] * factor * norm[lane + 32 * i];
  }
#pragma unroll
  for (int i = 0; i < D / 64; i++) {
    float a = v[i], b = v[i + D / 64], c = cosines[lane + 32 * i], s = sines[lane + 32 * i];
    out[lane + 32 * i] = a * c - b * s;
    out[lane + 32 * i + D / 2] = b * c + a * s;
  }
}

// norm_rotate_append and attention for rows of different slots: a block of 8 warps for each query
// head, row and 64 positions. The block that sees the row's own position keeps its key and value
// (blocks of one group write the same numbers). Where there are several blocks a head, the last one to
// finish merges them: `partial` holds [row][head][block][2 + D], `finished` a zero for each row and
// head, left as zero.
template <int D>
__device__ __forceinline__ void attend_step(float *qkv, const float *query_norm,
                                            const float *key_norm, float epsilon,
                                            const float *inverse_frequencies, const int *positions,
                                            int position_stride, const int *slots, int slot_stride,
                                            float *keys, float *values, float *out, float *partial,
                                            int *finished, int heads, int kv_heads, int window,
                                            int capacity) {
  constexpr int WARPS = 8, SPAN = 64, LANES = D / 8, AT_ONCE = 32 / LANES, STEPS = SPAN / WARPS;
  __shared__ float query[D], key[D], cosines[D / 2], sines[D / 2];
  __shared__ float tops[WARPS], totals[WARPS], rows[WARPS][D];
  __shared__ bool is_last;
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  int h = blockIdx.x, r = blockIdx.z;
  start_next();
  wait_for_previous();
  int last = positions[(i64)r * position_stride];
  int oldest = window > 0 && last >= window ? last - window + 1 : 0;
  int blocks = (last - oldest) / SPAN + 1;
  if ((int)blockIdx.y >= blocks) return;
  int first = oldest + blockIdx.y * SPAN, end = first + SPAN < last + 1 ? first + SPAN : last + 1;
  i64 slot_row = (i64)slots[(i64)r * slot_stride] * capacity;
  int kv_head = h / (heads / kv_heads);
  const float *row = qkv + (i64)r * (heads + 2 * kv_heads) * D;
  if (thread < D / 2) {
    float angle = (float)last * inverse_frequencies[thread];
    sincosf(angle, &sines[thread], &cosines[thread]);
  }
  __syncthreads();
  bool owns_last = end == last + 1;
  i64 own = ((slot_row + last % capacity) * kv_heads + kv_head) * D;
  if (warp == 0) {
    norm_rotate<D>(row + h * D, query_norm, epsilon, cosines, sines, query);
  } else if (warp == 1 && owns_last) {
    norm_rotate<D>(row + (heads + kv_head) * D, key_norm, epsilon, cosines, sines, key);
    __syncwarp();
#pragma unroll
    for (int i = 0; i < D / 32; i++) keys[own + lane + 32 * i] = key[lane + 32 * i];
  } else if (warp == 2 && owns_last) {
#pragma unroll
    for (int i = 0; i < D / 32; i++)
      values[own + lane + 32 * i] = row[(heads + kv_heads + kv_head) * D + lane + 32 * i];
  }
  __syncthreads();

  // Scores: D / 8 lanes a key, so that a warp takes AT_ONCE keys together.
  float scale = 1.0f / sqrtf((float)D), q[8];
  int part = lane % LANES;
#pragma unroll
  for (int i = 0; i < 8; i++) q[i] = query[8 * part + i] * scale;
  float scores[STEPS / AT_ONCE], top = NEGATIVE_INFINITY;
#pragma unroll
  for (int s = 0; s < STEPS / AT_ONCE; s++) {
    int p = first + (s * WARPS + warp) * AT_ONCE + lane / LANES;
    float score = 0;
    if (p < end) {
      const float4 *from =
        (const float4 *)(keys + ((slot_row + p % capacity) * kv_heads + kv_head) * D + 8 * part);
      float4 a = from[0], b = from[1];
      score = q[0] * a.x + q[1] * a.y + q[2] * a.z + q[3] * a.w + q[4] * b.x + q[5] * b.y +
              q[6] * b.z + q[7] * b.w;
    }
#pragma unroll
    for (int step = LANES / 2; step > 0; step >>= 1)
      score += __shfl_xor_sync(0xffffffffu, score, step);
    scores[s] = p < end ? score : NEGATIVE_INFINITY;
    top = fmaxf(top, scores[s]);
  }
#pragma unroll
  for (int step = LANES; step < 32; step <<= 1)
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, step));
  // A warp without a position has weight 0 below.
  float safe = top > NEGATIVE_INFINITY ? top : 0.0f, total = 0, sums[D / 32] = {};
#pragma unroll
  for (int s = 0; s < STEPS / AT_ONCE; s++) scores[s] = expf(scores[s] - safe);
#pragma unroll
  for (int s = 0; s < STEPS; s++) {
    float weight = __shfl_sync(0xffffffffu, scores[s / AT_ONCE], s % AT_ONCE * LANES);
    int p = first + (s / AT_ONCE * WARPS + warp) * AT_ONCE + s % AT_ONCE;
    if (p >= end) continue;
    total += weight;
    const float *from = values + ((slot_row + p % capacity) * kv_heads + kv_head) * D + lane;
#pragma unroll
    for (int i = 0; i < D / 32; i++) sums[i] += weight * from[32 * i];
  }
#pragma unroll
  for (int i = 0; i < D / 32; i++) rows[warp][lane + 32 * i] = sums[i];
  if (lane == 0) {
    tops[warp] = top;
    totals[warp] = total;
  }
  __syncthreads();
  float best = NEGATIVE_INFINITY, sum = 0, all = 0;
  for (int w = 0; w < WARPS; w++) best = fmaxf(best, tops[w]);
  for (int w = 0; w < WARPS; w++) {
    float weight = expf(tops[w] - best);
    all += weight * totals[w];
    if (thread < D) sum += weight * rows[w][thread];
  }
  float *place = out + ((i64)r * heads + h) * D;
  if (blocks == 1) {
    if (thread < D) place[thread] = sum / all;
    return;
  }
  float *mine = partial + (((i64)r * heads + h) * gridDim.y) * (D + 2);
  float *own_part = mine + (i64)blockIdx.y * (D + 2);
  if (thread < D) own_part[2 + thread] = sum;
  if (thread == 0) {
    own_part[0] = best;
    own_part[1] = all;
  }
  __threadfence();
  __syncthreads();
  if (thread == 0) is_last = atomicAdd(finished + r * heads + h, 1) == blocks - 1;
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  if (thread == 0) finished[r * heads + h] = 0;
  if (thread >= D) return;
  best = NEGATIVE_INFINITY, sum = 0, all = 0;
  for (int b = 0; b < blocks; b++) best = fmaxf(best, __ldcg(mine + (i64)b * (D + 2)));
  for (int b = 0; b < blocks; b++) {
    float weight = expf(__ldcg(mine + (i64)b * (D + 2)) - best);
    all += weight * __ldcg(mine + (i64)b * (D + 2) + 1);
    sum += weight * __ldcg(mine + (i64)b * (D + 2) + 2 + thread);
  }
  place[thread] = sum / all;
}

#define ATTEND(D)                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) attention_step_##D(                            \
    float *qkv, const float *query_norm, const float *key_norm, float epsilon,                     \
    const float *inverse_frequencies, const int *positions, int position_stride, const int *slots, \
    int slot_stride, float *keys, float *values, float *out, float *partial, int *finished,        \
    int heads, int kv_heads, int window, int capacity) {                                           \
    attend_step<D>(qkv, query_norm, key_norm, epsilon, inverse_frequencies, positions,             \
                   position_stride, slots, slot_stride, keys, values, out, partial, finished,      \
                   heads, kv_heads, window, capacity);                                             \
  }
ATTEND(64)
ATTEND(128)
