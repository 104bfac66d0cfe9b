// SPDX-License-Identifier: MIT
//
// The kernel sources, inside the binary. They are compiled as one text in this order.
#pragma once

#include <stddef.h>

/// Number of sources.
size_t ckernelSourceCount(void);
/// Name of a source, for messages.
const char *ckernelSourceName(size_t index);
/// Bytes of a source, not terminated.
const unsigned char *ckernelSourceBytes(size_t index);
/// Number of bytes of a source.
size_t ckernelSourceSize(size_t index);
