// SPDX-License-Identifier: MIT
// The tensor-core products of an engine for one voice.
#include "Linear/GEMM.cu"
#include "Programs/KernelTable.cuh"
CHECK_KERNELS(GEMM_KERNELS)
