// SPDX-License-Identifier: MIT
// Rotary position embedding: entry j of a head and entry j + headDim/2 are one point of the plane,
// rotated by the angle position · inverse_frequencies[j].
#pragma once
#include "Common/Kernel.cuh"

// Cosine (x) and sine (y) of an angle, off by less than 10⁻⁷ up to an angle of 4 · 10⁵. This is
// what sincosf does below 10⁵; what it does for larger angles needs a table on the stack.
__device__ __forceinline__ float2 rope_turn(float angle) {
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

// The entries j and j + headDim/2 after the rotation of (low, high).
__device__ __forceinline__ float rope_low(float low, float high, float2 turn) {
  return low * turn.x - high * turn.y;
}
__device__ __forceinline__ float rope_high(float low, float high, float2 turn) {
  return high * turn.x + low * turn.y;
}
// Entry j of a head after the rotation, for a thread that has the entry itself, `own`.
__device__ __forceinline__ float rope_entry(const float *head, int j, int half, float own,
                                            float2 turn) {
  return j < half ? own * turn.x - head[j + half] * turn.y : own * turn.x + head[j - half] * turn.y;
}
