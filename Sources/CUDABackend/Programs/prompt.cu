// SPDX-License-Identifier: MIT
// What surrounds tensor-core products in a prompt and in the codec. All kernels of this program and of
// the products run with the whole first-level memory as shared memory; see CUDABackend.swift.
#include "Linear/SplitBF16.cu"
#include "Linear/SmallBatchGEMV.cu"
#include "RMSNorm/RMSNormSplit.cu"
#include "LatentUpsampling/LatentUpsampling.cu"
#include "CausalConvolution/SnakeConvolution.cu"
#include "Memory/WeightPacking.cu"
#include "QKNormRoPEAppend/QKNormRoPEAppendHeads.cu"
#include "Attention/FlashAttention.cu"
#include "Programs/KernelTable.cuh"
CHECK_KERNELS(PROMPT_KERNELS)
