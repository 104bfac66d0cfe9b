// SPDX-License-Identifier: MIT
// What several kernels use. No header of the toolkit is included: NVRTC alone compiles this.

typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define KERNEL extern "C" __global__ void
#define NEGATIVE_INFINITY __int_as_float(0xff800000)

// Programmatic dependent launch. A kernel's blocks may take their places while the kernel before it
// still runs; `wait_for_previous` returns when that one, and so everything before it, is complete and
// visible. Every kernel calls it in all threads before it touches what another one writes, or the
// chain would break for those behind it; in front of it only weights may be read.
__device__ __forceinline__ void start_next() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
__device__ __forceinline__ void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// The first line of a kernel that has nothing to do before.
#define IN_ORDER start_next(); wait_for_previous();

// A barrier of the threads that compute; the frame kernel has a warp beside them.
#ifdef FRAME_KERNEL
__device__ __forceinline__ void block_barrier() { asm volatile("bar.sync 1, 256;" ::: "memory"); }
#else
__device__ __forceinline__ void block_barrier() { __syncthreads(); }
#endif

// How weights are stored.
enum { F32 = 0, BF16 = 1, F16 = 2 };

// A kernel for each way: `MACRO(f32, F32)` and so on.
#define FOR_EACH_ELEMENT(MACRO) MACRO(f32, F32) MACRO(bf16, BF16) MACRO(f16, F16)
// A kernel for each way that keys and values are kept.
#define FOR_EACH_CACHE(MACRO) MACRO(f32, F32) MACRO(bf16, BF16)

__device__ __forceinline__ float half_to_float(u16 bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

// One stored number.
template <int T> __device__ __forceinline__ float element(const void *base, i64 index) {
  if (T == F32) return ((const float *)base)[index];
  u16 bits = ((const u16 *)base)[index];
  return T == BF16 ? __uint_as_float((u32)bits << 16) : half_to_float(bits);
}

// Number i of words that were loaded.
template <int T> __device__ __forceinline__ float number(const u32 *words, int i) {
  if (T == F32) return __uint_as_float(words[i]);
  u32 word = words[i / 2];
  if (T == BF16) return __uint_as_float(i % 2 ? word & 0xffff0000u : word << 16);
  return half_to_float((u16)(i % 2 ? word >> 16 : word));
}

// Numbers in a load of 16 bytes.
template <int T> struct Lanes { static constexpr int count = T == F32 ? 4 : 8; };

// The 16 bytes at `base`, widened.
template <int T> __device__ __forceinline__ void load_lanes(const void *base, float *out) {
  uint4 words = *(const uint4 *)base;
  u32 word[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
  for (int i = 0; i < Lanes<T>::count; i++) out[i] = number<T>(word, i);
}

// silu
__device__ __forceinline__ float sigmoid_product(float x) { return x / (1.0f + expf(-x)); }

// Cosine (x) and sine (y) of a position's angle, off by less than 10⁻⁷ up to an angle of 4 · 10⁵. This is
// what sincosf does below 10⁵; its way for larger angles needs a table on the stack.
__device__ __forceinline__ float2 rotation_by(float angle) {
  int quarter = __float2int_rn(angle * 0.636619747f);
  float r = fmaf(quarter, -1.57079625f, angle);
  r = fmaf(quarter, -7.54978942e-8f, r);
  r = fmaf(quarter, -5.39030295e-15f, r);
  float square = r * r;
  float even = fmaf(2.42795795e-5f, square, -0.00138878601f);
  even = fmaf(fmaf(fmaf(even, square, 0.0416667275f), square, -0.49999997f), square, 1.0f);
  float odd = fmaf(fmaf(-0.000195746587f, square, 0.00833270326f), square, -0.166666627f);
  odd = fmaf(odd, square * r, r);
  float cosine = quarter & 1 ? odd : even, sine = quarter & 1 ? even : odd;
  return make_float2(quarter + 1 & 2 ? -cosine : cosine, quarter & 2 ? -sine : sine);
}

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
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

// Sums V numbers over a warp. Afterwards the lanes from v · 32 / V on hold number v.
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

// Two numbers rounded to bf16, the first in the low half.
__device__ __forceinline__ u32 bf16_pair(float low, float high) {
  u32 packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

// A number as a cache keeps it.
template <int T> __device__ __forceinline__ float cached(float value) {
  return T == F32 ? value : __uint_as_float(bf16_pair(value, 0) << 16);
}
template <int T> __device__ __forceinline__ void keep(void *base, i64 index, float value) {
  if (T == F32) ((float *)base)[index] = value;
  else ((u16 *)base)[index] = (u16)bf16_pair(value, 0);
}

// D += A B, 16 × 16 by 16 × 8. A lane (g, t) = (lane / 4, lane % 4) has columns 2t, 2t + 1 of rows g
// (a0) and g + 8 (a1) of A, the same of columns + 8 (a2, a3); rows 2t, 2t + 1 (b0) and + 8 (b1) of
// column g of B; and columns 2t, 2t + 1 of rows g and g + 8 of D.
__device__ __forceinline__ void multiply_tile(float *d, u32 a0, u32 a1, u32 a2, u32 a3, u32 b0,
                                              u32 b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// Sum over a block of whole warps; every thread gets it.
__device__ __forceinline__ float block_sum(float value) {
  __shared__ float partial[32];
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
  value = warp_sum(value);
  __syncthreads();
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  return warp_sum(lane < warps ? partial[lane] : 0.0f);
}

// Index of this thread in the whole launch.
__device__ __forceinline__ i64 global_index() {
  return (i64)blockIdx.x * blockDim.x + threadIdx.x;
}

// C = A B over tiles of 64 × 64, 256 threads of 4 × 4. `a(row, k)` and `b(column, k)` load,
// `store(row, column, value)` stores. `B::along_columns`: neighbours in memory are columns.
// Bound: multiply-adds in F32.
template <class A, class B, class Store>
__device__ __forceinline__ void tile_product(
  const A &a, const B &b, const Store &store, int m, int n, int k) {
  __shared__ float a_tile[16][65], b_tile[16][65];
  int m0 = blockIdx.y * 64, n0 = blockIdx.x * 64;
  int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float sums[4][4] = {};
  for (int k0 = 0; k0 < k; k0 += 16) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int index = threadIdx.x + 256 * i;
      int kk = index % 16, r = index / 16;
      a_tile[kk][r] = m0 + r < m && k0 + kk < k ? a(m0 + r, k0 + kk) : 0.0f;
      if (B::along_columns) {
        kk = index / 64;
        r = index % 64;
      }
      b_tile[kk][r] = n0 + r < n && k0 + kk < k ? b(n0 + r, k0 + kk) : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int kk = 0; kk < 16; kk++) {
      float left[4], right[4];
#pragma unroll
      for (int i = 0; i < 4; i++) left[i] = a_tile[kk][ty + 16 * i];
#pragma unroll
      for (int j = 0; j < 4; j++) right[j] = b_tile[kk][tx + 16 * j];
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) sums[i][j] += left[i] * right[j];
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      int row = m0 + ty + 16 * i, column = n0 + tx + 16 * j;
      if (row < m && column < n) store(row, column, sums[i][j]);
    }
}
