// SPDX-License-Identifier: MIT
// Where a cache keeps the positions of a slot: row p mod capacity of the slot's own rows or, with a
// table of pages, row p mod PAGE of page table[slot][p / PAGE]. Twin of `CUDACache.pages`.
#pragma once
#include "Common/Kernel.cuh"

// Twin of `PageTable.pageSize`.
enum { PAGE = 64 };

// Rows of positions that one lookup is enough for: those of a page, or of a slot without pages.
struct CacheRows {
  i64 first;
  int count;
  __device__ __forceinline__ i64 operator()(int position) const {
    return first + (u32)position % (u32)count;
  }
};

// The rows among which `position` of `slot` is. `capacity` is a slot's, in whole pages where there
// are any.
__device__ __forceinline__ CacheRows cache_rows(const int *pages, int capacity, int slot,
                                                int position) {
  if (!pages) return CacheRows{(i64)slot * capacity, capacity};
  return CacheRows{(i64)pages[(i64)slot * (capacity / PAGE) + position / PAGE] * PAGE, PAGE};
}
