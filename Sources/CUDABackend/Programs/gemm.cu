// SPDX-License-Identifier: MIT
// Tensor-core products and what surrounds them in a prompt and in the codec. All kernels of this
// program run with the whole first-level memory as shared memory; see CUDABackend.swift.
#include "Linear/GEMM.cu"
#include "Linear/SplitBF16.cu"
#include "Linear/SmallBatchGEMV.cu"
#include "RMSNorm/RMSNormSplit.cu"
#include "LatentUpsampling/LatentUpsampling.cu"
#include "CausalConvolution/SnakeConvolution.cu"
#include "Memory/WeightPacking.cu"
#include "QKNormRoPEAppend/QKNormRoPEAppendHeads.cu"
#include "Attention/FlashAttention.cu"
#include "Programs/KernelTable.cuh"
CHECK_KERNELS(GEMM_KERNELS)
