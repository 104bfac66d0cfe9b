// SPDX-License-Identifier: MIT
// The frame kernel's constants for the model and device that it is compiled for.
//
// The host defines T_ (talker) and P_ (predictor) HIDDEN, QUERY, KV, INNER, LAYERS, VOCABULARY,
// EPSILON and CACHE (the precision of keys and values); PROJECTED, CODEBOOKS, GRID,
// SHARED_BYTES_PER_BLOCK, RING_DEPTH, END_TOKEN, SUPPRESSED_START, SUPPRESSED_END and
// MINIMUM_TOKENS. What follows from them is computed in FrameShape.h.
#pragma once
#include "Common/Elements.cuh"
#include "FrameStep/FrameShape.h"

// Bulk copies need sm_90; before it, each lane of the copying warp copies 16 bytes.
#if __CUDA_ARCH__ >= 900 && !defined(NO_BULK_COPIES)
#define BULK_COPIES
#endif
// Tiles in flight at a time: enough to keep the memory busy. More would delay the results that
// travel next to them.
#ifndef DEPTH
#define DEPTH 2
#endif

// Macros rather than constants, which NVRTC would place in global memory.
#define SHAPE                                                                                      \
  (FrameKernelShape{{T_HIDDEN, T_QUERY, T_KV, T_INNER, T_LAYERS, T_VOCABULARY},                    \
                    {P_HIDDEN, P_QUERY, P_KV, P_INNER, P_LAYERS, P_VOCABULARY},                    \
                    CODEBOOKS,                                                                     \
                    GRID})
#define POINTER_LAYOUT framePointerLayout(SHAPE)
// Index of an address of the step, by its name without the prefix.
#define STEP_AT(name) (STEP_POINTERS + FRAME_##name)
#define TAGGED_LAYOUT frameTaggedLayout(SHAPE)
#define STACK_LAYOUT (ROWS == 1 ? frameTalkerLayout(SHAPE) : framePredictorLayout(SHAPE))

enum {
  THREADS = FRAME_THREADS,
  WARPS = FRAME_WARPS,
  HEAD = FRAME_HEAD,
  STAGES = frameStages(SHAPE, SHARED_BYTES_PER_BLOCK),
  // Where addresses stand in the pointer table.
  TALKER_LAYERS = POINTER_LAYOUT.talkerLayers,
  PREDICTOR_LAYERS = POINTER_LAYOUT.predictorLayers,
  HEADS = POINTER_LAYOUT.heads,
  TABLES = POINTER_LAYOUT.tables,
  TALKER_STACK = POINTER_LAYOUT.talkerStack,
  PREDICTOR_STACK = POINTER_LAYOUT.predictorStack,
  STEP_POINTERS = POINTER_LAYOUT.step,
  POINTERS = POINTER_LAYOUT.count,
  // Where values stand in the mailbox.
  TAGGED_QKV = TAGGED_LAYOUT.qkv,
  TAGGED_PARTIALS = TAGGED_LAYOUT.partials,
  TAGGED_WEIGHTS = TAGGED_LAYOUT.weights,
  FLAGGED_COUNT = frameFlaggedCount(SHAPE),
  MAX_PACKED = framePackedWidthMax(SHAPE),
  MAX_VOCABULARY = frameVocabularyMax(SHAPE),
  MAX_SPLITS = frameSplitsMax(SHAPE),
  MAX_ROWS = frameBlockRowsMax(SHAPE),
  MAX_OWNED = frameOwnedMax(SHAPE),
  ROW_SCRATCH = frameRowScratch()
};

// A stack, whose vectors in the mailbox have ROWS rows.
template <int HIDDEN_, int QUERY_, int KV_, int INNER_, int LAYERS_, int VOCABULARY_, int CACHE_,
          int ROWS_>
struct Stack {
  enum {
    CACHE = CACHE_, CACHE_BYTES = CACHE_ == F32 ? 4 : 2,
    HIDDEN = HIDDEN_, QUERY = QUERY_, KV = KV_, INNER = INNER_, LAYERS = LAYERS_,
    VOCABULARY = VOCABULARY_, ROWS = ROWS_, PACKED = QUERY_ + 2 * KV_, KV_HEADS = KV_ / HEAD,
    ATTENDED = STACK_LAYOUT.attended, MIDDLE = STACK_LAYOUT.middle,
    ACTIVATED = STACK_LAYOUT.activated, STREAM = STACK_LAYOUT.stream,
    INPUT = STACK_LAYOUT.input, SCORES = STACK_LAYOUT.scores
  };
};
typedef Stack<T_HIDDEN, T_QUERY, T_KV, T_INNER, T_LAYERS, T_VOCABULARY, T_CACHE, 1> TalkerStack;
// Two rows in its first pass.
typedef Stack<P_HIDDEN, P_QUERY, P_KV, P_INNER, P_LAYERS, P_VOCABULARY, P_CACHE, 2>
  PredictorStack;

// Shared memory after the ring.
struct Shared {
  float scratch[frameScratch(SHAPE)], hidden[T_HIDDEN], partials[2][WARPS][2 * MAX_ROWS];
  float residual[2 * MAX_OWNED], squares[2][2][WARPS];
  float2 rotation[2][HEAD / 2];  // cosine and sine for each row's position
  u32 terms[WARPS][6 * FRAME_TERM_BYTES / 4];
  u64 pointers[POINTERS];
  const u32 *own_copy;  // the copy of the flagged values that this SM reads
  // What lives across passes stands here or in global memory: the registers are full.
  u32 frame;
  int codes[CODEBOOKS];
  u64 full[STAGES], empty[STAGES];  // barriers of the ring's stages
};
static_assert(sizeof(Shared) + STAGES * FRAME_STAGE_BYTES ==
                frameSharedBytes(SHAPE, SHARED_BYTES_PER_BLOCK),
              "the launch asks for as much shared memory as the kernel uses");
