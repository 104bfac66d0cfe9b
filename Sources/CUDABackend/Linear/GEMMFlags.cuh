// SPDX-License-Identifier: MIT
// What a product on tensor cores does with its sums.
#pragma once

// Twins of `GEMMEpilogue.Flags`.
enum {
  ACCUMULATE = 1,  // out += …
  SWIGLU = 2,      // out = silu(first half of W's rows) · (second half)
  GELU = 4,
  SILU = 8,
  SNAKE = 16,  // of what goes to `out_split`
  GAIN = 32    // the same, times the norm's weight; sums of squares go to `out_squares`
};
