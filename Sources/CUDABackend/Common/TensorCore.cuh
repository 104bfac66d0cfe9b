// SPDX-License-Identifier: MIT
// The instructions around the tensor cores: matrix fragments and asynchronous copies.
#pragma once
#include "Common/Kernel.cuh"

// D += A B, 16 × 16 by 16 × 8 (mma.m16n8k16). A lane (g, t) = (lane / 4, lane % 4) has columns 2t
// and 2t + 1 of rows g (a0) and g + 8 (a1) of A, and the same of columns + 8 (a2, a3); rows 2t and
// 2t + 1 (b0) and those + 8 (b1) of column g of B; and columns 2t and 2t + 1 of rows g and g + 8 of
// D.
__device__ __forceinline__ void mma_bf16(float *d, u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// Four tiles of 8 × 8 bf16 from shared memory: lane l names row l % 8 of tile l / 8, and gets
// columns 2 (l % 4) and one more of row l / 4 of each.
__device__ __forceinline__ void load_matrices(u32 *tiles, u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
               : "r"(address)
               : "memory");
}

// Copies 16 bytes to shared memory asynchronously; zeros unless `inside`.
__device__ __forceinline__ void copy_async(u32 to, const void *from, bool inside) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :: "r"(to), "l"(from), "r"(inside ? 16 : 0)
               : "memory");
}
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;"); }
// Waits until at most N groups of copies are in flight.
template <int N> __device__ __forceinline__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory");
}
