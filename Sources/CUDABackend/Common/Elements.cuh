// SPDX-License-Identifier: MIT
// How weights, keys and values are stored, and how they are widened to F32.
#pragma once
#include "Common/Kernel.cuh"

// The stored element types: twins of `ElementFormat` (WeightFormat.swift).
enum { F32 = 0, BF16 = 1, F16 = 2 };

// One kernel for each element type: `MACRO(f32, F32)` and so on.
#define FOR_EACH_ELEMENT(MACRO) MACRO(f32, F32) MACRO(bf16, BF16) MACRO(f16, F16)
// One kernel for each precision of the KV cache.
#define FOR_EACH_CACHE(MACRO) MACRO(f32, F32) MACRO(bf16, BF16)

__device__ __forceinline__ float half_to_float(u16 bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

// Two F32 values rounded to bf16, the first in the low half.
__device__ __forceinline__ u32 bf16_pair(float low, float high) {
  u32 packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

// One stored element.
template <int T> __device__ __forceinline__ float element(const void *base, i64 index) {
  if (T == F32) return ((const float *)base)[index];
  u16 bits = ((const u16 *)base)[index];
  return T == BF16 ? __uint_as_float((u32)bits << 16) : half_to_float(bits);
}

// Element i of loaded 32-bit words.
template <int T> __device__ __forceinline__ float widen(const u32 *words, int i) {
  if (T == F32) return __uint_as_float(words[i]);
  u32 word = words[i / 2];
  if (T == BF16) return __uint_as_float(i % 2 ? word & 0xffff0000u : word << 16);
  return half_to_float((u16)(i % 2 ? word >> 16 : word));
}

// Elements in a load of 16 bytes.
template <int T> struct Lanes { static constexpr int count = T == F32 ? 4 : 8; };

// The 16 bytes at `base`, widened.
template <int T> __device__ __forceinline__ void load_lanes(const void *base, float *out) {
  uint4 words = *(const uint4 *)base;
  u32 word[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
  for (int i = 0; i < Lanes<T>::count; i++) out[i] = widen<T>(word, i);
}

// 16 bytes of a weight that is read once. Volatile, so that the load stays before the wait for the
// previous kernel.
__device__ __forceinline__ uint4 load_weight(const void *base, i64 index) {
  uint4 w;
  const u16 *address = (const u16 *)base + index;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.x), "=r"(w.y), "=r"(w.z), "=r"(w.w)
               : "l"(address));
  return w;
}

// A value rounded as the KV cache stores it, and the store.
template <int T> __device__ __forceinline__ float cached(float value) {
  return T == F32 ? value : __uint_as_float(bf16_pair(value, 0) << 16);
}
template <int T> __device__ __forceinline__ void store_cached(void *base, i64 index, float value) {
  if (T == F32) ((float *)base)[index] = value;
  else ((u16 *)base)[index] = (u16)bf16_pair(value, 0);
}
