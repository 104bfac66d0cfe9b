// SPDX-License-Identifier: MIT
// The encoders of cloned voices. A code is decided by the last bits of a sum, so products here are of
// F32 numbers, not of bf16 parts.

// Twins of `CUDABackend.code(of:)`.
enum { RELU = 0, ELU = 1, SIGMOID = 2, TANH = 3 };

// out[i] = function(x[i]); out may be x. Bound: bytes.
KERNEL activate(const float *x, float *out, i64 count, int function) {
  IN_ORDER
  i64 i = global_index();
  if (i >= count) return;
  float v = x[i];
  if (function == RELU) v = fmaxf(v, 0.0f);
  if (function == ELU) v = v > 0.0f ? v : expm1f(v);
  if (function == SIGMOID) v = 1.0f / (1.0f + expf(-v));
  if (function == TANH) v = tanhf(v);
  out[i] = v;
}

// out[r] += scale · x[r], scale per column. Bound: bytes.
KERNEL add_scaled(const float *x, const float *scale, float *out, i64 count, int columns) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) out[i] += scale[i % columns] * x[i];
}

// Mean and deviation of each column over the rows, weighted by the softmax of its scores or evenly.
// A block of 32 × 32 threads takes 32 columns, a warp every 32nd row. Bound: bytes of x and scores,
// which are read up to three times, from the second-level cache.
enum { POOL_WARPS = 32 };
template <class Merge>
__device__ __forceinline__ float pool_merge(float (*room)[33], float value, const Merge &merge) {
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  __syncthreads();
  room[warp][lane] = value;
  __syncthreads();
  float all = room[0][lane];
  for (int w = 1; w < POOL_WARPS; w++) all = merge(all, room[w][lane]);
  return all;
}
extern "C" __global__ void __launch_bounds__(1024)
pool(const float *x, const float *scores, float *out, int rows, int columns) {
  IN_ORDER
  __shared__ float room[POOL_WARPS][33];
  int c = blockIdx.x * 32 + threadIdx.x % 32, first = threadIdx.x / 32;
  bool inside = c < columns;
  auto largest = [](float a, float b) { return fmaxf(a, b); };
  auto sum = [](float a, float b) { return a + b; };
  float top = NEGATIVE_INFINITY, total = 0, mean = 0, square = 0;
  if (scores) {
    if (inside)
      for (int r = first; r < rows; r += POOL_WARPS)
        top = fmaxf(top, scores[(i64)r * columns + c]);
    top = pool_merge(room, top, largest);
  }
  auto weight = [&](int r) { return scores ? expf(scores[(i64)r * columns + c] - top) : 1.0f; };
  if (inside)
    for (int r = first; r < rows; r += POOL_WARPS) {
      float w = weight(r);
      total += w;
      mean += w * x[(i64)r * columns + c];
    }
  total = pool_merge(room, total, sum);
  mean = pool_merge(room, mean, sum) / total;
  if (inside)
    for (int r = first; r < rows; r += POOL_WARPS) {
      float distance = x[(i64)r * columns + c] - mean;
      square += weight(r) * distance * distance;
    }
  square = pool_merge(room, square, sum) / total;
  if (inside && first == 0) {
    out[c] = mean;
    out[columns + c] = sqrtf(fmaxf(square, 1e-12f));
  }
}

// out[r · stride] = the column of the largest entry of row r, the first of equal ones. A block a row.
// Bound: launch.
struct Place {
  float value;
  int column;
  __device__ __forceinline__ void take(float v, int c) {
    if (v > value || (v == value && c < column)) value = v, column = c;
  }
};
KERNEL largest(const float *x, int *out, int stride, int columns) {
  IN_ORDER
  __shared__ float values[8];
  __shared__ int places[8];
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const float *row = x + (i64)blockIdx.x * columns;
  // A thread without a column repeats the first.
  Place best = {row[0], 0};
  for (int c = threadIdx.x; c < columns; c += blockDim.x) best.take(row[c], c);
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    float v = __shfl_xor_sync(0xffffffffu, best.value, step);
    int c = __shfl_xor_sync(0xffffffffu, best.column, step);
    best.take(v, c);
  }
  if (lane == 0) values[warp] = best.value, places[warp] = best.column;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int w = 1; w < (int)blockDim.x / 32; w++) best.take(values[w], places[w]);
  out[(i64)blockIdx.x * stride] = best.column;
}

// out[t, b] = ln(max(1e-5, Σ_k weights[b, k] · magnitude[firsts[b] + k])), magnitude[k] =
// sqrt(|FFT(frame[t] · hann)[k]|² + 1e-9), frame[t] = samples[256 t − 384 ..< 256 t + 640] reflected at
// both ends. A block of 256 threads a frame. 1024 real numbers are taken as 512 complex ones, whose
// transform is then taken apart (`RealTransform`). Bound: latency of ten barriers.
enum { MEL_THREADS = 256, MEL_HALF = 512 };
extern "C" __global__ void __launch_bounds__(MEL_THREADS)
mel_bands(const float *samples, int count, const float *weights, const int *firsts, int width,
          int bins, float *out, int bands) {
  __shared__ float real[MEL_HALF], imaginary[MEL_HALF], magnitude[MEL_HALF + 1];
  __shared__ float cosines[MEL_HALF], sines[MEL_HALF];
  start_next();
  int thread = threadIdx.x;
  // e^(−2πi k / 1024)
  for (int k = thread; k < MEL_HALF; k += MEL_THREADS) {
    float sine;
    sincospif(k / 512.0f, &sine, &cosines[k]);
    sines[k] = -sine;
  }
  wait_for_previous();
  auto sample = [&](int place) {
    int i = blockIdx.x * 256 - 384 + place;
    i = i < 0 ? -i : i >= count ? 2 * (count - 1) - i : i;
    return samples[i] * (0.5f - 0.5f * cospif(place / 512.0f));
  };
  for (int k = thread; k < MEL_HALF; k += MEL_THREADS) {
    int reversed = __brev(k) >> 23;
    real[reversed] = sample(2 * k);
    imaginary[reversed] = sample(2 * k + 1);
  }
  for (int span = 1; span < MEL_HALF; span *= 2) {
    __syncthreads();
    int offset = thread % span, a = thread / span * 2 * span + offset, b = a + span;
    float cosine = cosines[offset * (MEL_HALF / span)], sine = sines[offset * (MEL_HALF / span)];
    float turned_real = cosine * real[b] - sine * imaginary[b];
    float turned_imaginary = cosine * imaginary[b] + sine * real[b];
    real[b] = real[a] - turned_real;
    imaginary[b] = imaginary[a] - turned_imaginary;
    real[a] += turned_real;
    imaginary[a] += turned_imaginary;
  }
  __syncthreads();
  for (int k = thread; k <= MEL_HALF; k += MEL_THREADS) {
    int a = k % MEL_HALF, b = (MEL_HALF - k) % MEL_HALF;
    float even_real = (real[a] + real[b]) / 2, even_imaginary = (imaginary[a] - imaginary[b]) / 2;
    float odd_real = (imaginary[a] + imaginary[b]) / 2, odd_imaginary = (real[b] - real[a]) / 2;
    float cosine = k == MEL_HALF ? -1.0f : cosines[k], sine = k == MEL_HALF ? 0.0f : sines[k];
    float re = even_real + cosine * odd_real - sine * odd_imaginary;
    float im = even_imaginary + cosine * odd_imaginary + sine * odd_real;
    magnitude[k] = sqrtf(re * re + im * im + 1e-9f);
  }
  __syncthreads();
  for (int band = thread / 32; band < bands; band += MEL_THREADS / 32) {
    float sum = 0;
    for (int k = thread % 32; k < width; k += 32)
      if (firsts[band] + k < bins)
        sum += weights[(i64)band * width + k] * magnitude[firsts[band] + k];
    sum = warp_sum(sum);
    if (thread % 32 == 0) out[(i64)blockIdx.x * bands + band] = logf(fmaxf(sum, 1e-5f));
  }
}

// A stored weight [outputs][inputs][taps] as F32 [outputs][taps][inputs]; a thread a number.
#define PACK_EXACT(name, T)                                                                        \
  KERNEL pack_exact_##name(const void *weight, float *out, int outputs, int inputs, int taps) {    \
    IN_ORDER                                                                                       \
    i64 i = global_index();                                                                        \
    if (i >= (i64)outputs * inputs * taps) return;                                                 \
    i64 input = i % inputs, tap = i / inputs % taps, output = i / inputs / taps;                   \
    out[i] = element<T>(weight, (output * inputs + input) * taps + tap);                           \
  }
FOR_EACH_ELEMENT(PACK_EXACT)

// out[t, o] (+)= scale[o] · (bias[o] + Σ_j Σ_i W[o, j, i] xx[t + j · dilation, i]), `xx` being
// `history_rows` of history followed by x, and W [outputs][taps · inputs].
struct ExactProduct {
  const float *x, *history, *weight, *bias, *scale;
  float *out, *shares;
  int m, n, k, inputs, dilation, history_rows, accumulate;
};
template <int N> struct Floats { float v[N]; };
template <> struct __align__(8) Floats<2> { float v[2]; };
template <> struct __align__(16) Floats<4> { float v[4]; };

// A block of 16 × 16 threads makes 16 TM rows by 16 TN outputs, a thread TM by TN of them; numbers of k
// come in chunks of 16, the next ones while these are multiplied. Each chunk has a sum of its own: so
// errors grow with the root of k / 16. With gridDim.z > 1 a block takes a share of k and leaves its sums
// in `shares`, [share][m][n]. TM is 4 or 8, TN 2 or 4. Bound: multiply-adds in F32.
template <int TM, int TN>
__device__ __forceinline__ void exact_product(const ExactProduct &p) {
  constexpr int BM = 16 * TM, BN = 16 * TN, BK = 16;
  constexpr int X_LOADS = BM / 64, W_LOADS = (BN + 63) / 64;
  __shared__ __align__(16) float x_tile[2][BK][BM + 4], w_tile[2][BK][BN + 4];
  int line = threadIdx.x / 4, unit = threadIdx.x % 4 * 4;
  int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  int first_row = blockIdx.y * BM, first_column = blockIdx.x * BN;
  int chunks = (p.k + BK - 1) / BK, share = (chunks + gridDim.z - 1) / gridDim.z;
  int begin = blockIdx.z * share, end = min(begin + share, chunks);
  // Four neighbours of k are neighbours in memory.
  bool aligned = p.inputs % 4 == 0;
  auto row_of = [&](int t) {
    return t < p.history_rows ? p.history + (i64)t * p.inputs
                              : p.x + (i64)(t - p.history_rows) * p.inputs;
  };
  float4 x_next[X_LOADS], w_next[W_LOADS];
  auto load = [&](int chunk) {
    int kk = BK * chunk + unit, tap = kk / p.inputs, input = kk - tap * p.inputs;
#pragma unroll
    for (int j = 0; j < X_LOADS; j++) {
      int t = first_row + line + 64 * j;
      float v[4] = {};
      if (t < p.m && kk < p.k) {
        if (aligned) {
          float4 four = *(const float4 *)(row_of(t + tap * p.dilation) + input);
          v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
        } else {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            int q = (kk + e) / p.inputs;
            if (kk + e < p.k) v[e] = row_of(t + q * p.dilation)[kk + e - q * p.inputs];
          }
        }
      }
      x_next[j] = make_float4(v[0], v[1], v[2], v[3]);
    }
#pragma unroll
    for (int j = 0; j < W_LOADS; j++) {
      int o = first_column + line + 64 * j;
      float v[4] = {};
      if (line + 64 * j < BN && o < p.n && kk < p.k) {
        const float *from = p.weight + (i64)o * p.k + kk;
        if (aligned) {
          float4 four = *(const float4 *)from;
          v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
        } else {
#pragma unroll
          for (int e = 0; e < 4; e++)
            if (kk + e < p.k) v[e] = from[e];
        }
      }
      w_next[j] = make_float4(v[0], v[1], v[2], v[3]);
    }
  };
  auto keep = [&](int slot) {
#pragma unroll
    for (int j = 0; j < X_LOADS; j++) {
      int row = line + 64 * j;
      x_tile[slot][unit][row] = x_next[j].x, x_tile[slot][unit + 1][row] = x_next[j].y;
      x_tile[slot][unit + 2][row] = x_next[j].z, x_tile[slot][unit + 3][row] = x_next[j].w;
    }
#pragma unroll
    for (int j = 0; j < W_LOADS; j++) {
      int column = line + 64 * j;
      if (column >= BN) continue;
      w_tile[slot][unit][column] = w_next[j].x, w_tile[slot][unit + 1][column] = w_next[j].y;
      w_tile[slot][unit + 2][column] = w_next[j].z, w_tile[slot][unit + 3][column] = w_next[j].w;
    }
  };
  float sums[TM][TN] = {};
  if (begin < end) {
    load(begin);
    keep(0);
  }
  __syncthreads();
#pragma unroll 1
  for (int chunk = begin, slot = 0; chunk < end; chunk++, slot ^= 1) {
    if (chunk + 1 < end) load(chunk + 1);
    float own[TM][TN] = {};
#pragma unroll
    for (int kk = 0; kk < BK; kk++) {
      float left[TM];
#pragma unroll
      for (int g = 0; g < TM / 4; g++) {
        float4 four = *(const float4 *)&x_tile[slot][kk][64 * g + 4 * ty];
        left[4 * g] = four.x, left[4 * g + 1] = four.y;
        left[4 * g + 2] = four.z, left[4 * g + 3] = four.w;
      }
      Floats<TN> right = *(const Floats<TN> *)&w_tile[slot][kk][TN * tx];
#pragma unroll
      for (int i = 0; i < TM; i++)
#pragma unroll
        for (int j = 0; j < TN; j++) own[i][j] += left[i] * right.v[j];
    }
#pragma unroll
    for (int i = 0; i < TM; i++)
#pragma unroll
      for (int j = 0; j < TN; j++) sums[i][j] += own[i][j];
    if (chunk + 1 < end) keep(slot ^ 1);
    __syncthreads();
  }
  bool whole = p.n % TN == 0, shared = gridDim.z > 1;
  int column = first_column + TN * tx;
#pragma unroll
  for (int i = 0; i < TM; i++) {
    int row = first_row + i / 4 * 64 + 4 * ty + i % 4;
    if (row >= p.m) continue;
    float *to = (shared ? p.shares + (i64)blockIdx.z * p.m * p.n : p.out) + (i64)row * p.n + column;
    Floats<TN> value;
#pragma unroll
    for (int j = 0; j < TN; j++) {
      value.v[j] = sums[i][j];
      if (shared || column + j >= p.n) continue;
      if (p.bias) value.v[j] += p.bias[column + j];
      if (p.scale) value.v[j] *= p.scale[column + j];
      if (p.accumulate) value.v[j] += to[j];
    }
    if (whole && column < p.n) *(Floats<TN> *)to = value;
#pragma unroll
    for (int j = 0; j < TN; j++)
      if (!whole && column + j < p.n) to[j] = value.v[j];
  }
}

// Twins of `ExactTile.all`.
#define EXACT_PRODUCT(BM, BN)                                                                      \
  extern "C" __global__ void __launch_bounds__(256) exact_product_##BM##_##BN(                     \
    const float *x, const float *history, const float *weight, const float *bias,                  \
    const float *scale, float *out, float *shares, int m, int n, int k, int inputs, int dilation,  \
    int history_rows, int accumulate) {                                                            \
    IN_ORDER                                                                                       \
    exact_product<BM / 16, BN / 16>({x, history, weight, bias, scale, out, shares, m, n, k,        \
                                     inputs, dilation, history_rows, accumulate});                 \
  }
EXACT_PRODUCT(128, 64)
EXACT_PRODUCT(128, 32)
EXACT_PRODUCT(64, 64)
EXACT_PRODUCT(64, 32)

// Sums the shares of a product in their order, and ends it as `exact_product` would.
KERNEL sum_exact(const float *shares, const float *bias, const float *scale, int accumulate,
                 float *out, i64 size, int n, int count) {
  IN_ORDER
  i64 i = global_index();
  if (i >= size) return;
  float sum = 0;
  for (int share = 0; share < count; share++) sum += shares[share * size + i];
  finish_linear(sum, bias, scale, accumulate, out, i, (int)(i % n));
}
