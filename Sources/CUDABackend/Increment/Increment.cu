// SPDX-License-Identifier: MIT
// Counters; one thread per element. Bound: launch.
#include "Common/Kernel.cuh"

// values[i · stride] += amount
KERNEL increment(int *values, int stride, int count, int amount) {
  IN_ORDER
  i64 i = global_index();
  if (i < count) values[i * stride] += amount;
}

// values[ids[i] · stride] += amount; a negative id stands for none, and none comes twice.
KERNEL increment_at(int *values, int stride, const int *ids, int id_stride, int count, int amount) {
  IN_ORDER
  i64 i = global_index();
  if (i >= count) return;
  int id = ids[i * id_stride];
  if (id >= 0) values[(i64)id * stride] += amount;
}
