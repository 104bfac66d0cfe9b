// SPDX-License-Identifier: MIT
//
// Sizes and layouts of the frame kernel, computed from a model's shape and a device's size. The
// kernel (NVRTC) and the host (module CKernelSources) both compile this file, so each formula
// stands once.
#pragma once

#ifdef __CUDACC_RTC__
#define FRAME_CONSTANT __host__ __device__ constexpr
#else
#define FRAME_CONSTANT static inline
#endif

enum {
  /// Warps that compute; one more copies weights.
  FRAME_WARPS = 8,
  FRAME_THREADS = 32 * FRAME_WARPS,
  /// Width of a head.
  FRAME_HEAD = 128,
  /// A row of a tile of weights, 1024 bf16 columns; the 64 bytes of padding keep the rows that a
  /// warp reads together in different banks.
  FRAME_ROW_BYTES = 2048 + 64,
  /// A stage of the ring: a tile of eight rows.
  FRAME_STAGE_BYTES = 8 * FRAME_ROW_BYTES,
  /// Stages below which copies do not run ahead.
  FRAME_FEWEST_STAGES = 3,
  /// Copies of the flagged values, each for some of the SMs: one would be a bottleneck.
  FRAME_COPIES = 4,
  /// One bf16 term of 128 columns, padded so that a warp's reads are in different banks.
  FRAME_TERM_BYTES = 320,
  /// The most positions that a block attends to at a time: one for each lane.
  FRAME_SPAN = 32,
  /// Static shared memory of the kernel's functions, and what the driver reserves.
  FRAME_RESERVED_BYTES = 2048
};

/// One of the two transformer stacks.
typedef struct FrameStackShape {
  int hidden, query, kv, inner, layers, vocabulary;
} FrameStackShape;

/// A model on a device.
typedef struct FrameKernelShape {
  FrameStackShape talker, predictor;
  int codebooks;
  /// Blocks: one per SM.
  int grid;
} FrameKernelShape;

FRAME_CONSTANT int frameLarger(int a, int b) { return a > b ? a : b; }
FRAME_CONSTANT int framePackedWidth(FrameStackShape s) { return s.query + 2 * s.kv; }
FRAME_CONSTANT int framePackedWidthMax(FrameKernelShape s) {
  return frameLarger(framePackedWidth(s.talker), framePackedWidth(s.predictor));
}
FRAME_CONSTANT int frameVocabularyMax(FrameKernelShape s) {
  return frameLarger(s.talker.vocabulary, s.predictor.vocabulary);
}
FRAME_CONSTANT int frameKVHeadsMax(FrameKernelShape s) {
  return frameLarger(s.talker.kv, s.predictor.kv) / FRAME_HEAD;
}
/// The most blocks that share a key head's positions.
FRAME_CONSTANT int frameSplitsMax(FrameKernelShape s) {
  return frameLarger(1, s.grid / frameKVHeadsMax(s));
}
/// The most rows of a matrix of `n` rows that a block multiplies: whole groups of eight.
FRAME_CONSTANT int frameBlockRows(FrameKernelShape s, int n) {
  return 8 * ((n / 8 + s.grid - 1) / s.grid);
}
/// The same over all matrices; a gate and its up-projection count as two rows.
FRAME_CONSTANT int frameBlockRowsMax(FrameKernelShape s) {
  return frameLarger(
    frameLarger(frameBlockRows(s, framePackedWidthMax(s)),
                frameBlockRows(s, frameVocabularyMax(s))),
    2 * frameBlockRows(s, frameLarger(s.talker.inner, s.predictor.inner)));
}
/// The most elements of the residual stream that a block owns.
FRAME_CONSTANT int frameOwnedMax(FrameKernelShape s) {
  return frameBlockRows(s, frameLarger(s.talker.hidden, s.predictor.hidden));
}

// MARK: Addresses that the host writes once

/// Addresses of a layer, in this order.
enum {
  FRAME_LAYER_QKV, FRAME_LAYER_OUTPUT, FRAME_LAYER_GATE_UP, FRAME_LAYER_DOWN,
  FRAME_LAYER_INPUT_NORM, FRAME_LAYER_POST_NORM, FRAME_LAYER_QUERY_NORM, FRAME_LAYER_KEY_NORM,
  FRAME_LAYER_POINTERS
};
/// Addresses of a stack.
enum {
  FRAME_STACK_NORM, FRAME_STACK_FREQUENCIES, FRAME_STACK_KEYS, FRAME_STACK_VALUES,
  FRAME_STACK_POINTERS
};
/// Addresses of the step; `CAPACITY` is a number of positions.
enum {
  FRAME_PROJECTION, FRAME_PROJECTION_BIAS, FRAME_HIDDEN_STATE, FRAME_TALKER_LOGITS,
  FRAME_PREDICTOR_LOGITS, FRAME_CODES, FRAME_POSITION, FRAME_INDEX, FRAME_SETTINGS, FRAME_SEEN,
  FRAME_TEXT, FRAME_TRAILING, FRAME_TRAILING_COUNT, FRAME_CAPACITY, FRAME_TAGGED, FRAME_FLAGGED,
  FRAME_EPOCHS, FRAME_RING, FRAME_RING_COUNTER, FRAME_PUBLISHED,
  FRAME_STEP_POINTERS
};
/// Where the addresses stand in the table of 64-bit words.
typedef struct FramePointerLayout {
  int talkerLayers, predictorLayers;
  /// The talker's, then one for each later codebook.
  int heads;
  /// The same for embeddings.
  int tables;
  int talkerStack, predictorStack, step, count;
} FramePointerLayout;

FRAME_CONSTANT FramePointerLayout framePointerLayout(FrameKernelShape s) {
  FramePointerLayout at = {0, 0, 0, 0, 0, 0, 0, 0};
  at.predictorLayers = at.talkerLayers + s.talker.layers * FRAME_LAYER_POINTERS;
  at.heads = at.predictorLayers + s.predictor.layers * FRAME_LAYER_POINTERS;
  at.tables = at.heads + s.codebooks;
  at.talkerStack = at.tables + s.codebooks;
  at.predictorStack = at.talkerStack + FRAME_STACK_POINTERS;
  at.step = at.predictorStack + FRAME_STACK_POINTERS;
  at.count = at.step + FRAME_STEP_POINTERS;
  return at;
}

// MARK: The mailbox, global memory through which results travel between SMs

/// Vectors of a stack, `rows` of each, among the flagged values.
typedef struct FrameStackLayout {
  int attended;
  /// The residual stream after attention.
  int middle;
  int activated;
  /// The residual stream after a layer.
  int stream;
  /// The input projected to the width of the stack.
  int input;
  int scores, end;
} FrameStackLayout;

FRAME_CONSTANT FrameStackLayout frameStackLayout(FrameStackShape s, int rows, int start) {
  FrameStackLayout at = {start, 0, 0, 0, 0, 0, 0};
  at.middle = at.attended + rows * s.query;
  at.activated = at.middle + rows * s.hidden;
  at.stream = at.activated + rows * s.inner;
  at.input = at.stream + rows * s.hidden;
  at.scores = at.input + rows * s.hidden;
  at.end = at.scores + s.vocabulary;
  return at;
}
/// The predictor has two rows in its first pass.
FRAME_CONSTANT FrameStackLayout frameTalkerLayout(FrameKernelShape s) {
  return frameStackLayout(s.talker, 1, 0);
}
FRAME_CONSTANT FrameStackLayout framePredictorLayout(FrameKernelShape s) {
  return frameStackLayout(s.predictor, 2, frameTalkerLayout(s).end);
}
/// Flagged values of one copy.
FRAME_CONSTANT int frameFlaggedCount(FrameKernelShape s) { return framePredictorLayout(s).end; }

/// Tagged values, 64 bits each.
typedef struct FrameTaggedLayout {
  int qkv;
  /// Attention of a split, [split][kv head][2][128].
  int partials;
  /// The weight of a split, [split][kv head][2].
  int weights;
  int count;
} FrameTaggedLayout;

FRAME_CONSTANT FrameTaggedLayout frameTaggedLayout(FrameKernelShape s) {
  FrameTaggedLayout at = {0, 0, 0, 0};
  int heads = frameSplitsMax(s) * frameKVHeadsMax(s) * 2;
  at.partials = at.qkv + 2 * framePackedWidthMax(s);
  at.weights = at.partials + heads * FRAME_HEAD;
  at.count = at.weights + heads;
  return at;
}

// MARK: Shared memory

/// Floats of a row's attention: two queries, the key, the value, twice a span's scores, and what
/// the warps add up.
FRAME_CONSTANT int frameRowScratch(void) {
  return 4 * FRAME_HEAD + 2 * 2 * FRAME_SPAN + FRAME_WARPS * 2 * FRAME_HEAD;
}
/// Floats of scratch: two rows' attention, or the lists of a draw.
FRAME_CONSTANT int frameScratch(FrameKernelShape s) {
  return frameLarger(2 * frameVocabularyMax(s), 2 * frameRowScratch());
}
/// Bytes of `Shared` (FrameConstants.cuh) without the barriers of the stages; the kernel asserts
/// it.
FRAME_CONSTANT int frameFixedBytes(FrameKernelShape s) {
  int floats = frameScratch(s) + s.talker.hidden + 2 * FRAME_WARPS * 2 * frameBlockRowsMax(s) +
               2 * frameOwnedMax(s) + 2 * 2 * FRAME_WARPS + 2 * FRAME_HEAD;
  int words = 1 + s.codebooks;
  return 4 * floats + FRAME_WARPS * 6 * FRAME_TERM_BYTES + 8 * framePointerLayout(s).count + 8 +
         8 * ((words + 1) / 2);
}
/// Stages of the ring where a block may have so many bytes of shared memory.
FRAME_CONSTANT int frameStages(FrameKernelShape s, int sharedBytesPerBlock) {
  int left = sharedBytesPerBlock - frameFixedBytes(s) - FRAME_RESERVED_BYTES;
  return frameLarger(0, left) / (FRAME_STAGE_BYTES + 16);
}
/// Bytes of shared memory that a launch asks for.
FRAME_CONSTANT int frameSharedBytes(FrameKernelShape s, int sharedBytesPerBlock) {
  return frameFixedBytes(s) +
         frameStages(s, sharedBytesPerBlock) * (FRAME_STAGE_BYTES + 16);
}
