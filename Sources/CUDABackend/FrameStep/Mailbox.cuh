// SPDX-License-Identifier: MIT
// How results travel between SMs. *They carry their own flag*, so there are no barriers across the
// grid and no fences: a phase costs one store and one load through L2.
//
// A flagged value gives up its last bit, which tells whether its address has been written an odd or
// an even number of times; a reader polls until that is right. What few SMs read is tagged instead:
// a value with an epoch next to it. An address is overwritten one layer later at the earliest, and
// by then every SM has read it: each SM computes some of the queries, of the activations and of the
// scores, on which all that follows depends.
#pragma once
#include "FrameStep/FrameConstants.cuh"

// Tell a new value from an old one: the epoch counts the layers of both stacks, and each bit of
// `parities` flips with every use of its addresses.
enum {
  TALKER_PARITY = 1, PREDICTOR_PARITY = 2, SECOND_ROW_PARITY = 4, FRAME_PARITY = 8, PASS_PARITY = 16
};
struct Epochs {
  u32 epoch, parities;
};
template <class S, int M> __device__ __forceinline__ void advance_epochs(Epochs &c) {
  c.epoch++;
  c.parities ^=
    (S::ROWS == 1 ? TALKER_PARITY : PREDICTOR_PARITY) | (M == 2 ? SECOND_ROW_PARITY : 0);
}
// The parity of row m of a stack's vectors.
template <class S> __device__ __forceinline__ bool parity(const Epochs &c, int m) {
  return (c.parities & (m == 1 ? SECOND_ROW_PARITY
                               : S::ROWS == 1 ? TALKER_PARITY : PREDICTOR_PARITY)) != 0;
}

__device__ __forceinline__ void store_tagged(u64 *address, float value, u32 epoch) {
  asm volatile("st.relaxed.gpu.global.v2.u32 [%0], {%1, %2};"
               :
               : "l"(address), "r"(__float_as_uint(value)), "r"(epoch)
               : "memory");
}
__device__ __forceinline__ uint2 load_tagged(const u64 *address) {
  uint2 v;
  asm volatile("ld.relaxed.gpu.global.v2.u32 {%0, %1}, [%2];"
               : "=r"(v.x), "=r"(v.y) : "l"(address));
  return v;
}
// Two tagged values, or four flagged ones.
__device__ __forceinline__ uint4 load_16_bytes(const void *address) {
  uint4 v;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(address));
  return v;
}
// Loads again where something has not arrived; `poll_…` say whether it had not.
__device__ __forceinline__ bool poll_16_bytes(uint4 &v, const void *address, u32 missing) {
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %5, 0; "
               "@p ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4]; }"
               : "+r"(v.x), "+r"(v.y), "+r"(v.z), "+r"(v.w)
               : "l"(address), "r"(missing));
  return missing != 0;
}
__device__ __forceinline__ bool poll_tagged(uint4 &v, const u64 *address, u32 epoch) {
  return poll_16_bytes(v, address, v.y != epoch || v.w != epoch);
}
__device__ __forceinline__ bool poll_tagged(uint2 &v, const u64 *address, u32 epoch) {
  bool missing = v.y != epoch;
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %3, 0; "
               "@p ld.relaxed.gpu.global.v2.u32 {%0, %1}, [%2]; }"
               : "+r"(v.x), "+r"(v.y)
               : "l"(address), "r"((u32)missing));
  return missing;
}
// Stores a value whose last bit is the parity of its address's uses, in every copy.
__device__ __forceinline__ void store_flagged(u32 *address, float value, bool odd) {
  u32 marked = ((__float_as_uint(value) + 1) & ~1u) | odd;
#pragma unroll
  for (int copy = 0; copy < FRAME_COPIES; copy++)
    asm volatile("st.relaxed.gpu.global.u32 [%0], %1;"
                 :
                 : "l"(address + copy * FLAGGED_COUNT), "r"(marked)
                 : "memory");
}
__device__ __forceinline__ bool poll_flagged4(uint4 &v, const u32 *address, bool odd) {
  return poll_16_bytes(v, address, (odd ? ~(v.x & v.y & v.z & v.w) : v.x | v.y | v.z | v.w) & 1);
}
__device__ __forceinline__ u32 load_flagged(const u32 *address) {
  u32 v;
  asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(address));
  return v;
}
__device__ __forceinline__ bool poll_flagged(u32 &v, const u32 *address, bool odd) {
  u32 missing = (v ^ odd) & 1;
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %2, 0; @p ld.relaxed.gpu.global.u32 %0, [%1]; }"
               : "+r"(v)
               : "l"(address), "r"(missing));
  return missing != 0;
}
__device__ __forceinline__ float unflagged(u32 marked) { return __uint_as_float(marked & ~1u); }
__device__ __forceinline__ float4 unflagged4(uint4 v) {
  return make_float4(unflagged(v.x), unflagged(v.y), unflagged(v.z), unflagged(v.w));
}
// Polls until `missing` is false in the whole warp. What never arrives is a defect, and has to end
// as an error of the device, not as a hang.
template <class Missing> __device__ __forceinline__ void spin_wait(const Missing &missing) {
  for (u32 spins = 0; __any_sync(0xffffffffu, missing()); spins++)
    if (spins > 1u << 23) asm volatile("trap;");
}
