// SPDX-License-Identifier: MIT
//
// The kernel sources, inside the binary, and the programs that they are compiled as.
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

/// Number of programs.
size_t ckernelProgramCount(void);
/// Name of a program.
const char *ckernelProgramName(size_t index);
/// Names of its sources, a space between two. Joined in this order they are one text.
const char *ckernelProgramSources(size_t index);
