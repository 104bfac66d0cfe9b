// SPDX-License-Identifier: MIT
// The products of engines with several voices: Linear/GEMM.cu once more, with what they need, and
// those of a step of few voices.
#define GEMM_MANY
#include "Linear/GEMM.cu"
#include "Linear/StepGEMM.cu"
#include "Programs/KernelTable.cuh"
CHECK_KERNELS(GEMM_MANY_KERNELS)
