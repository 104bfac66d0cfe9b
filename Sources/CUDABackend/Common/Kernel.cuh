// SPDX-License-Identifier: MIT
// What every kernel begins with. No header of the toolkit is included: NVRTC alone compiles this.
#pragma once

typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define KERNEL extern "C" __global__ void
#define NEGATIVE_INFINITY __int_as_float(0xff800000)

// Programmatic dependent launch. The blocks of a kernel may start while the kernel before it still
// runs; `wait_for_previous` returns when that kernel, and with it everything before it, has
// finished and its results are visible. Every kernel calls it in all threads before it touches
// anything that another kernel writes; a kernel that did not would break the chain for all later
// ones. Before the wait, only weights may be read.
__device__ __forceinline__ void launch_dependents() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
__device__ __forceinline__ void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// The first line of a kernel that has nothing to do before the wait.
#define IN_ORDER launch_dependents(); wait_for_previous();

// A barrier of the threads that compute; the frame kernel has one more warp, which only copies.
#ifdef FRAME_KERNEL
__device__ __forceinline__ void block_barrier() { asm volatile("bar.sync 1, 256;" ::: "memory"); }
#else
__device__ __forceinline__ void block_barrier() { __syncthreads(); }
#endif

// Index of this thread in the whole launch.
__device__ __forceinline__ i64 global_index() {
  return (i64)blockIdx.x * blockDim.x + threadIdx.x;
}

__device__ __forceinline__ u32 shared_address(const void *pointer) {
  return (u32)__cvta_generic_to_shared(pointer);
}
