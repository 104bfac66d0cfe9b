// SPDX-License-Identifier: MIT
//
// The kernel sources, inside the binary, the kernels that their programs have, and the layouts that
// kernels and host share.
#pragma once

#include <stddef.h>

#include "../../CUDABackend/FrameStep/FrameShape.h"
#include "../../CUDABackend/Programs/KernelTable.h"

/// Number of sources.
size_t ckernelSourceCount(void);
/// Path of a source, from the folder of the kernels: the name by which others include it.
const char *ckernelSourceName(size_t index);
/// Text of a source.
const char *ckernelSourceText(size_t index);

/// Number of kernels.
size_t ckernelCount(void);
/// Name of a kernel.
const char *ckernelName(size_t index);
/// The program that has it: `Programs/<name>.cu` is its source.
const char *ckernelProgram(size_t index);
/// A letter for each of its parameters, as KernelTable.h says.
const char *ckernelParameters(size_t index);
