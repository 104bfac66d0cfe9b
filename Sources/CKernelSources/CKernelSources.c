// SPDX-License-Identifier: MIT
#include "CKernelSources.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

// The text of a source, terminated.
typedef const unsigned char Text[];

static const struct {
  const char *name;
  const unsigned char *text;
} sources[] = {
  {"Activation/Activation.cu", (Text){
#embed "../CUDABackend/Activation/Activation.cu" suffix(, 0)
  }},
  {"Add/Add.cu", (Text){
#embed "../CUDABackend/Add/Add.cu" suffix(, 0)
  }},
  {"Argmax/Argmax.cu", (Text){
#embed "../CUDABackend/Argmax/Argmax.cu" suffix(, 0)
  }},
  {"Attention/Attention.cu", (Text){
#embed "../CUDABackend/Attention/Attention.cu" suffix(, 0)
  }},
  {"Attention/DecodeAttention.cu", (Text){
#embed "../CUDABackend/Attention/DecodeAttention.cu" suffix(, 0)
  }},
  {"Attention/FlashAttention.cu", (Text){
#embed "../CUDABackend/Attention/FlashAttention.cu" suffix(, 0)
  }},
  {"Attention/PassAttention.cu", (Text){
#embed "../CUDABackend/Attention/PassAttention.cu" suffix(, 0)
  }},
  {"Attention/SplitAttention.cuh", (Text){
#embed "../CUDABackend/Attention/SplitAttention.cuh" suffix(, 0)
  }},
  {"CausalConvolution/CausalConvolution.cu", (Text){
#embed "../CUDABackend/CausalConvolution/CausalConvolution.cu" suffix(, 0)
  }},
  {"CausalConvolution/SnakeConvolution.cu", (Text){
#embed "../CUDABackend/CausalConvolution/SnakeConvolution.cu" suffix(, 0)
  }},
  {"Common/Activations.cuh", (Text){
#embed "../CUDABackend/Common/Activations.cuh" suffix(, 0)
  }},
  {"Common/CacheRows.cuh", (Text){
#embed "../CUDABackend/Common/CacheRows.cuh" suffix(, 0)
  }},
  {"Common/ConvolutionInput.cuh", (Text){
#embed "../CUDABackend/Common/ConvolutionInput.cuh" suffix(, 0)
  }},
  {"Common/Elements.cuh", (Text){
#embed "../CUDABackend/Common/Elements.cuh" suffix(, 0)
  }},
  {"Common/HeadNorm.cuh", (Text){
#embed "../CUDABackend/Common/HeadNorm.cuh" suffix(, 0)
  }},
  {"Common/Kernel.cuh", (Text){
#embed "../CUDABackend/Common/Kernel.cuh" suffix(, 0)
  }},
  {"Common/Normalization.cuh", (Text){
#embed "../CUDABackend/Common/Normalization.cuh" suffix(, 0)
  }},
  {"Common/Reductions.cuh", (Text){
#embed "../CUDABackend/Common/Reductions.cuh" suffix(, 0)
  }},
  {"Common/RoPE.cuh", (Text){
#embed "../CUDABackend/Common/RoPE.cuh" suffix(, 0)
  }},
  {"Common/SplitBF16.cuh", (Text){
#embed "../CUDABackend/Common/SplitBF16.cuh" suffix(, 0)
  }},
  {"Common/SplitBF16Tile.cuh", (Text){
#embed "../CUDABackend/Common/SplitBF16Tile.cuh" suffix(, 0)
  }},
  {"Common/SquareSums.cuh", (Text){
#embed "../CUDABackend/Common/SquareSums.cuh" suffix(, 0)
  }},
  {"Common/StreamFrames.cuh", (Text){
#embed "../CUDABackend/Common/StreamFrames.cuh" suffix(, 0)
  }},
  {"Common/TensorCore.cuh", (Text){
#embed "../CUDABackend/Common/TensorCore.cuh" suffix(, 0)
  }},
  {"Copy/Copy.cu", (Text){
#embed "../CUDABackend/Copy/Copy.cu" suffix(, 0)
  }},
  {"DepthwiseConvolution/DepthwiseConvolution.cu", (Text){
#embed "../CUDABackend/DepthwiseConvolution/DepthwiseConvolution.cu" suffix(, 0)
  }},
  {"FrameRing/FrameRing.cu", (Text){
#embed "../CUDABackend/FrameRing/FrameRing.cu" suffix(, 0)
  }},
  {"FrameStep/FrameAttention.cuh", (Text){
#embed "../CUDABackend/FrameStep/FrameAttention.cuh" suffix(, 0)
  }},
  {"FrameStep/FrameConstants.cuh", (Text){
#embed "../CUDABackend/FrameStep/FrameConstants.cuh" suffix(, 0)
  }},
  {"FrameStep/FrameMegakernel.cu", (Text){
#embed "../CUDABackend/FrameStep/FrameMegakernel.cu" suffix(, 0)
  }},
  {"FrameStep/FrameSampling.cuh", (Text){
#embed "../CUDABackend/FrameStep/FrameSampling.cuh" suffix(, 0)
  }},
  {"FrameStep/FrameShape.h", (Text){
#embed "../CUDABackend/FrameStep/FrameShape.h" suffix(, 0)
  }},
  {"FrameStep/FrameStack.cuh", (Text){
#embed "../CUDABackend/FrameStep/FrameStack.cuh" suffix(, 0)
  }},
  {"FrameStep/Mailbox.cuh", (Text){
#embed "../CUDABackend/FrameStep/Mailbox.cuh" suffix(, 0)
  }},
  {"FrameStep/VectorProduct.cuh", (Text){
#embed "../CUDABackend/FrameStep/VectorProduct.cuh" suffix(, 0)
  }},
  {"FrameStep/WeightPipeline.cuh", (Text){
#embed "../CUDABackend/FrameStep/WeightPipeline.cuh" suffix(, 0)
  }},
  {"Gather/Gather.cu", (Text){
#embed "../CUDABackend/Gather/Gather.cu" suffix(, 0)
  }},
  {"HostExchange/HostExchange.cu", (Text){
#embed "../CUDABackend/HostExchange/HostExchange.cu" suffix(, 0)
  }},
  {"Increment/Increment.cu", (Text){
#embed "../CUDABackend/Increment/Increment.cu" suffix(, 0)
  }},
  {"LatentUpsampling/LatentUpsampling.cu", (Text){
#embed "../CUDABackend/LatentUpsampling/LatentUpsampling.cu" suffix(, 0)
  }},
  {"LayerNorm/LayerNorm.cu", (Text){
#embed "../CUDABackend/LayerNorm/LayerNorm.cu" suffix(, 0)
  }},
  {"Linear/Epilogue.cuh", (Text){
#embed "../CUDABackend/Linear/Epilogue.cuh" suffix(, 0)
  }},
  {"Linear/ExactGEMM.cu", (Text){
#embed "../CUDABackend/Linear/ExactGEMM.cu" suffix(, 0)
  }},
  {"Linear/GEMM.cu", (Text){
#embed "../CUDABackend/Linear/GEMM.cu" suffix(, 0)
  }},
  {"Linear/GEMMFlags.cuh", (Text){
#embed "../CUDABackend/Linear/GEMMFlags.cuh" suffix(, 0)
  }},
  {"Linear/GEMMFallback.cu", (Text){
#embed "../CUDABackend/Linear/GEMMFallback.cu" suffix(, 0)
  }},
  {"Linear/GEMV.cu", (Text){
#embed "../CUDABackend/Linear/GEMV.cu" suffix(, 0)
  }},
  {"Linear/SmallBatchGEMV.cu", (Text){
#embed "../CUDABackend/Linear/SmallBatchGEMV.cu" suffix(, 0)
  }},
  {"Linear/SplitBF16.cu", (Text){
#embed "../CUDABackend/Linear/SplitBF16.cu" suffix(, 0)
  }},
  {"Linear/StepGEMM.cu", (Text){
#embed "../CUDABackend/Linear/StepGEMM.cu" suffix(, 0)
  }},
  {"MelSpectrogram/MelSpectrogram.cu", (Text){
#embed "../CUDABackend/MelSpectrogram/MelSpectrogram.cu" suffix(, 0)
  }},
  {"Memory/WeightPacking.cu", (Text){
#embed "../CUDABackend/Memory/WeightPacking.cu" suffix(, 0)
  }},
  {"Programs/KernelTable.cuh", (Text){
#embed "../CUDABackend/Programs/KernelTable.cuh" suffix(, 0)
  }},
  {"Programs/KernelTable.h", (Text){
#embed "../CUDABackend/Programs/KernelTable.h" suffix(, 0)
  }},
  {"Programs/decode.cu", (Text){
#embed "../CUDABackend/Programs/decode.cu" suffix(, 0)
  }},
  {"Programs/frame.cu", (Text){
#embed "../CUDABackend/Programs/frame.cu" suffix(, 0)
  }},
  {"Programs/gemm.cu", (Text){
#embed "../CUDABackend/Programs/gemm.cu" suffix(, 0)
  }},
  {"Programs/gemm_many.cu", (Text){
#embed "../CUDABackend/Programs/gemm_many.cu" suffix(, 0)
  }},
  {"Programs/operations.cu", (Text){
#embed "../CUDABackend/Programs/operations.cu" suffix(, 0)
  }},
  {"Programs/prompt.cu", (Text){
#embed "../CUDABackend/Programs/prompt.cu" suffix(, 0)
  }},
  {"QKNormRoPEAppend/QKNormRoPEAppend.cu", (Text){
#embed "../CUDABackend/QKNormRoPEAppend/QKNormRoPEAppend.cu" suffix(, 0)
  }},
  {"QKNormRoPEAppend/QKNormRoPEAppendHeads.cu", (Text){
#embed "../CUDABackend/QKNormRoPEAppend/QKNormRoPEAppendHeads.cu" suffix(, 0)
  }},
  {"RMSNorm/RMSNorm.cu", (Text){
#embed "../CUDABackend/RMSNorm/RMSNorm.cu" suffix(, 0)
  }},
  {"RMSNorm/RMSNormSplit.cu", (Text){
#embed "../CUDABackend/RMSNorm/RMSNormSplit.cu" suffix(, 0)
  }},
  {"Sample/Sample.cu", (Text){
#embed "../CUDABackend/Sample/Sample.cu" suffix(, 0)
  }},
  {"Sample/Sampling.cuh", (Text){
#embed "../CUDABackend/Sample/Sampling.cuh" suffix(, 0)
  }},
  {"Snake/Snake.cu", (Text){
#embed "../CUDABackend/Snake/Snake.cu" suffix(, 0)
  }},
  {"StatisticsPooling/StatisticsPooling.cu", (Text){
#embed "../CUDABackend/StatisticsPooling/StatisticsPooling.cu" suffix(, 0)
  }},
  {"SwiGLU/SwiGLU.cu", (Text){
#embed "../CUDABackend/SwiGLU/SwiGLU.cu" suffix(, 0)
  }},
  {"TrailingText/TrailingText.cu", (Text){
#embed "../CUDABackend/TrailingText/TrailingText.cu" suffix(, 0)
  }},
  {"TransposedConvolution/TransposedConvolution.cu", (Text){
#embed "../CUDABackend/TransposedConvolution/TransposedConvolution.cu" suffix(, 0)
  }},
};

#define KERNEL(program, name, kinds) {program, #name, kinds},
#define GEMM(name, kinds) KERNEL("gemm", name, kinds)
#define GEMM_MANY(name, kinds) KERNEL("gemm_many", name, kinds)
#define PROMPT(name, kinds) KERNEL("prompt", name, kinds)
#define OPERATION(name, kinds) KERNEL("operations", name, kinds)
#define DECODE(name, kinds) KERNEL("decode", name, kinds)
#define FRAME(name, kinds) KERNEL("frame", name, kinds)

static const struct {
  const char *program, *name, *parameters;
} kernels[] = {
  GEMM_KERNELS(GEMM)
  GEMM_MANY_KERNELS(GEMM_MANY)
  PROMPT_KERNELS(PROMPT)
  OPERATION_KERNELS(OPERATION)
  DECODE_KERNELS(DECODE)
  FRAME_KERNELS(FRAME)
};

size_t ckernelSourceCount(void) { return sizeof sources / sizeof *sources; }

const char *ckernelSourceName(size_t index) { return sources[index].name; }

const char *ckernelSourceText(size_t index) { return (const char *)sources[index].text; }

size_t ckernelCount(void) { return sizeof kernels / sizeof *kernels; }

const char *ckernelName(size_t index) { return kernels[index].name; }

const char *ckernelProgram(size_t index) { return kernels[index].program; }

const char *ckernelParameters(size_t index) { return kernels[index].parameters; }
