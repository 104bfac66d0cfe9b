// SPDX-License-Identifier: MIT
// values[i · stride] += amount; one thread per element. Bound: launch.
#include "Common/Kernel.cuh"

KERNEL increment(int *values, int stride, int count, int amount) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) values[i * stride] += amount;
}
