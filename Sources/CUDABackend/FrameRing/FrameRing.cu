// SPDX-License-Identifier: MIT
// Codes reach the host through a ring in page-locked memory. Bound: launch.
#include "Common/Kernel.cuh"

// One block. Stores the codes in the ring's next entry, which has room for `width`, and then, visible
// to the host after them, the number of entries published.
KERNEL publish(const int *codes, int stride, int count, int width, int *counter, int *ring,
               int depth, volatile int *published) {
  IN_ORDER
  int frame = *counter;
  int *entry = ring + (i64)((unsigned)frame % (unsigned)depth) * width;
  for (int i = threadIdx.x; i < count; i += blockDim.x) entry[i] = codes[(i64)i * stride];
  __threadfence_system();
  __syncthreads();
  if (threadIdx.x == 0) {
    *counter = frame + 1;
    *published = frame + 1;
  }
}
