// SPDX-License-Identifier: MIT
#include "CKernelSources.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char common[] = {
#embed "../CUDABackend/Common/Common.cuh"
};
static const unsigned char rows[] = {
#embed "../CUDABackend/Rows/Rows.cu"
};
static const unsigned char norm[] = {
#embed "../CUDABackend/Norm/Norm.cu"
};
static const unsigned char tiles[] = {
#embed "../CUDABackend/Tiles/Tiles.cu"
};
static const unsigned char product[] = {
#embed "../CUDABackend/Product/Product.cu"
};
static const unsigned char parts[] = {
#embed "../CUDABackend/Product/Parts.cu"
};
static const unsigned char fewRows[] = {
#embed "../CUDABackend/Product/FewRows.cu"
};
static const unsigned char linear[] = {
#embed "../CUDABackend/Linear/Linear.cu"
};
static const unsigned char attention[] = {
#embed "../CUDABackend/Attention/Attention.cu"
};
static const unsigned char draw[] = {
#embed "../CUDABackend/Sampling/Draw.cuh"
};
static const unsigned char promptAttention[] = {
#embed "../CUDABackend/Attention/PromptAttention.cu"
};
static const unsigned char sampling[] = {
#embed "../CUDABackend/Sampling/Sampling.cu"
};
static const unsigned char codecConvolution[] = {
#embed "../CUDABackend/CodecConvolution/CodecConvolution.cu"
};
static const unsigned char decode[] = {
#embed "../CUDABackend/Decode/Decode.cu"
};
static const unsigned char encoders[] = {
#embed "../CUDABackend/Encoders/Encoders.cu"
};
static const unsigned char frame[] = {
#embed "../CUDABackend/Frame/Frame.cu"
};

static const struct {
  const char *name;
  const unsigned char *bytes;
  size_t size;
} sources[] = {
  {"Common.cuh", common, sizeof common},
  {"Rows.cu", rows, sizeof rows},
  {"Norm.cu", norm, sizeof norm},
  {"Tiles.cu", tiles, sizeof tiles},
  {"Product.cu", product, sizeof product},
  {"Parts.cu", parts, sizeof parts},
  {"FewRows.cu", fewRows, sizeof fewRows},
  {"Linear.cu", linear, sizeof linear},
  {"Attention.cu", attention, sizeof attention},
  {"PromptAttention.cu", promptAttention, sizeof promptAttention},
  {"Draw.cuh", draw, sizeof draw},
  {"Sampling.cu", sampling, sizeof sampling},
  {"CodecConvolution.cu", codecConvolution, sizeof codecConvolution},
  {"Decode.cu", decode, sizeof decode},
  {"Encoders.cu", encoders, sizeof encoders},
  {"Frame.cu", frame, sizeof frame},
};

// What is compiled as one: no program needs another, so that they compile at the same time, and in times
// that differ little. scripts/compile-kernels reads this table too.
static const struct {
  const char *name;
  const char *sources;
} programs[] = {
  {"products", "Common.cuh Product.cu Parts.cu FewRows.cu Attention.cu PromptAttention.cu"},
  {"operations", "Common.cuh Rows.cu Norm.cu Tiles.cu Linear.cu CodecConvolution.cu Encoders.cu"},
  {"decode", "Common.cuh Draw.cuh Sampling.cu Decode.cu"},
  {"frame", "Common.cuh Draw.cuh Frame.cu"},
};

size_t ckernelSourceCount(void) { return sizeof sources / sizeof *sources; }

const char *ckernelSourceName(size_t index) { return sources[index].name; }

const unsigned char *ckernelSourceBytes(size_t index) { return sources[index].bytes; }

size_t ckernelSourceSize(size_t index) { return sources[index].size; }

size_t ckernelProgramCount(void) { return sizeof programs / sizeof *programs; }

const char *ckernelProgramName(size_t index) { return programs[index].name; }

const char *ckernelProgramSources(size_t index) { return programs[index].sources; }
