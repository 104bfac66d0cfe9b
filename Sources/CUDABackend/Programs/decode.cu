// SPDX-License-Identifier: MIT
// A decode step as a graph of kernels.
#include "Linear/GEMV.cu"
#include "Attention/DecodeAttention.cu"
#include "Attention/PassAttention.cu"
#include "Sample/Sample.cu"
#include "Programs/KernelTable.cuh"
CHECK_KERNELS(DECODE_KERNELS)
