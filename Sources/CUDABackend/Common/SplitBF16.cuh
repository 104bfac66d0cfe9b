// SPDX-License-Identifier: MIT
// F32 values as the sum of two bf16 values, high and low ("bf16x2"), which hold sixteen bits of the
// significand. Products of bf16 values are exact in F32, so tensor cores can multiply split values;
// of the four products of two split values the one of both low halves, 2⁻¹⁶ of the whole, is left
// out.
//
// A split row of C values is C high halves followed by C low ones: as many bytes as C F32 values.
#pragma once
#include "Common/Elements.cuh"

// The high halves of two values; the low ones, what is left of them, go to `low`.
__device__ __forceinline__ u32 split_pair(float a, float b, u32 &low) {
  u32 high = bf16_pair(a, b);
  low = bf16_pair(a - __uint_as_float(high << 16), b - __uint_as_float(high & 0xffff0000u));
  return high;
}

// Stores a value's high half, and its low one `columns` further on.
__device__ __forceinline__ void store_split(u16 *to, int columns, float value) {
  u32 high = bf16_pair(value, 0.0f) & 0xffffu;
  to[0] = (u16)high;
  to[columns] = (u16)bf16_pair(value - __uint_as_float(high << 16), 0.0f);
}

// Eight values from their halves.
__device__ __forceinline__ void join_halves(uint4 high, uint4 low, float *out) {
  u32 h[4] = {high.x, high.y, high.z, high.w}, l[4] = {low.x, low.y, low.z, low.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    out[2 * i] = __uint_as_float(h[i] << 16) + __uint_as_float(l[i] << 16);
    out[2 * i + 1] = __uint_as_float(h[i] & 0xffff0000u) + __uint_as_float(l[i] & 0xffff0000u);
  }
}

// A thread's pairs of a row of at most 16,384 values, one block a row: the block loads the whole
// row before it stores, so a split row may overwrite the F32 row it comes from.
enum { ROW_PAIRS = 8 };
__device__ __forceinline__ int load_row(const float *row, int columns, float2 *v) {
  int pairs = (columns / 2 + blockDim.x - 1) / blockDim.x;
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    int c = 2 * (threadIdx.x + i * blockDim.x);
    v[i] = i < pairs && c < columns ? *(const float2 *)(row + c) : make_float2(0, 0);
  }
  return pairs;
}
__device__ __forceinline__ void store_split_row(u16 *row, int columns, const float2 *v, int pairs) {
#pragma unroll
  for (int i = 0; i < ROW_PAIRS; i++) {
    int c = 2 * (threadIdx.x + i * blockDim.x);
    if (i >= pairs || c >= columns) continue;
    u32 low, high = split_pair(v[i].x, v[i].y, low);
    *(u32 *)(row + c) = high;
    *(u32 *)(row + columns + c) = low;
  }
}
