// SPDX-License-Identifier: MIT
// A whole frame of one utterance in one kernel: the talker's step over the last frame, its head and
// draw, then fifteen passes of the code predictor with theirs (`FrameStep.advance`, `makeCodes`).
//
// One block of 8 warps stays on every SM. Two ideas make it fast.
//
// *Weights flow.* Which rows of which matrix a warp multiplies, and in which order, is known before
// the frame begins. So each warp copies its own rows into its own ring in shared memory, 2 KB at a
// time, as far ahead as the ring is long, across layers, passes and draws. The memory never waits for
// a result.
//
// *Results carry their own flag.* An element travels between SMs as eight bytes, the number and a tag
// that grows with every layer; a reader loads it until the tag is right. There are no barriers across
// the grid and no fences: a phase costs one store and one load through the second-level cache. A
// buffer is overwritten one layer later at the earliest, and by then every SM has read it: each SM
// makes some of every matrix product, and to make it needs all of the product before.
//
// Constants come from the host: T_ (talker) and P_ (predictor) HIDDEN, QUERY, KV, INNER, LAYERS,
// VOCABULARY, EPSILON; PROJECTED, CODEBOOKS, GRID, SLOTS, MOST_SPLITS, RING_DEPTH, END_TOKEN,
// SUPPRESSED_START, SUPPRESSED_END, MINIMUM_TOKENS; and WORD_COUNT, PAIRS_MADE, SHARED_BYTES, which are
// checked. Heads have 128 numbers, and two
// query heads share one of keys. Widths are multiples of 1024.
//
// Bound: bytes of the weights, 3.3 GB a frame at 0.6B and 5.3 GB at 1.7B.

// Bulk copies need the machine of sm_90; before it every lane copies what it will read.
#if __CUDA_ARCH__ >= 900 && !defined(NO_BULK_COPIES)
#define BULK_COPIES
#endif

enum { THREADS = 256, WARPS = 8, SLOT_BYTES = 2048, HEAD = 128, GRID_WARPS = GRID * WARPS };

template <int HIDDEN_, int QUERY_, int KV_, int INNER_, int LAYERS_> struct Shape {
  enum {
    HIDDEN = HIDDEN_, QUERY = QUERY_, KV = KV_, INNER = INNER_, LAYERS = LAYERS_,
    PACKED = QUERY_ + 2 * KV_, KV_HEADS = KV_ / HEAD
  };
};
typedef Shape<T_HIDDEN, T_QUERY, T_KV, T_INNER, T_LAYERS> TalkerShape;
typedef Shape<P_HIDDEN, P_QUERY, P_KV, P_INNER, P_LAYERS> PredictorShape;

__host__ __device__ constexpr int larger(int a, int b) { return a > b ? a : b; }

// Addresses that the host writes down once, in this order (`FrameProgram.swift`).
enum {
  LAYER_QKV, LAYER_OUTPUT, LAYER_GATE_UP, LAYER_DOWN, LAYER_INPUT_NORM, LAYER_POST_NORM,
  LAYER_QUERY_NORM, LAYER_KEY_NORM, LAYER_WORDS
};
enum {
  TALKER_LAYERS = 0,
  PREDICTOR_LAYERS = TALKER_LAYERS + T_LAYERS * LAYER_WORDS,
  HEADS = PREDICTOR_LAYERS + P_LAYERS * LAYER_WORDS,  // talker, then one for each later codebook
  TABLES = HEADS + CODEBOOKS,                         // the same for embeddings
  TALKER_NORM = TABLES + CODEBOOKS,
  TALKER_FREQUENCIES, TALKER_KEYS, TALKER_VALUES,
  PREDICTOR_NORM, PREDICTOR_FREQUENCIES, PREDICTOR_KEYS, PREDICTOR_VALUES,
  PROJECTION, PROJECTION_BIAS,
  HIDDEN_STATE, TALKER_LOGITS, PREDICTOR_LOGITS, CODES, POSITION, FRAME_INDEX, SETTINGS, SEEN,
  TRAILING, TRAILING_COUNT, CAPACITY, PAIRS, TAG, RING, RING_COUNTER, PUBLISHED,
  WORDS
};
static_assert(WORDS == WORD_COUNT, "the host lays out as many addresses");

// Buffers between SMs, in pairs; two rows each, the second for the predictor's first pass.
enum {
  WIDEST = larger(larger(T_HIDDEN, P_HIDDEN), larger(larger(T_QUERY, P_QUERY),
                                                     larger(T_INNER, P_INNER))),
  MOST_PACKED = larger(TalkerShape::PACKED, PredictorShape::PACKED),
  MOST_VOCABULARY = larger(T_VOCABULARY, P_VOCABULARY),
  MOST_KV_HEADS = larger(TalkerShape::KV_HEADS, PredictorShape::KV_HEADS),
  QKV_PAIRS = 0,
  ATTENDED_PAIRS = QKV_PAIRS + 2 * MOST_PACKED,
  MIDDLE_PAIRS = ATTENDED_PAIRS + 2 * WIDEST,  // the residual stream after attention
  ACTIVATED_PAIRS = MIDDLE_PAIRS + 2 * WIDEST,
  STREAM_PAIRS = ACTIVATED_PAIRS + 2 * WIDEST,  // the residual stream after a layer
  PROJECTED_PAIRS = STREAM_PAIRS + 2 * WIDEST,
  LOGIT_PAIRS = PROJECTED_PAIRS + 2 * WIDEST,
  SHARE_PAIRS = LOGIT_PAIRS + MOST_VOCABULARY,  // attention of a split, [split][kv head][2][128]
  WEIGHT_PAIRS = SHARE_PAIRS + MOST_SPLITS * MOST_KV_HEADS * 2 * HEAD,
  PAIR_COUNT = WEIGHT_PAIRS + MOST_SPLITS * MOST_KV_HEADS * 2
};
static_assert(PAIR_COUNT == PAIRS_MADE, "the host makes as many");

// Shared memory, in floats behind the rings. Products with a norm in front read `a`, the others `b`,
// in turn, so that one barrier a product is enough. Attention and draws use `b` between products.
enum {
  A_FLOATS = larger(larger(T_HIDDEN, 2 * P_HIDDEN), PROJECTED ? 2 * T_HIDDEN : 0),
  B_FLOATS = larger(larger(larger(T_QUERY, T_INNER), 2 * larger(P_QUERY, P_INNER)),
                    larger(2 * MOST_VOCABULARY, 2560 + 64)),
  RESIDUAL = larger(T_HIDDEN, P_HIDDEN) / GRID + 2
};
struct Shared {
  float a[A_FLOATS], b[B_FLOATS], hidden[T_HIDDEN], residual[2][RESIDUAL], squares[2][WARPS];
  u64 words[WORDS], full[WARPS][SLOTS];
};
static_assert(sizeof(Shared) + WARPS * SLOTS * SLOT_BYTES <= SHARED_BYTES, "the launch asks for it");

// MARK: Pairs

__device__ __forceinline__ void store_pair(u64 *place, float value, u32 tag) {
  asm volatile("st.volatile.global.v2.u32 [%0], {%1, %2};"
               :
               : "l"(place), "r"(__float_as_uint(value)), "r"(tag)
               : "memory");
}
__device__ __forceinline__ uint2 load_pair(const u64 *place) {
  uint2 v;
  asm volatile("ld.volatile.global.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(place));
  return v;
}
__device__ __forceinline__ uint4 load_two_pairs(const u64 *place) {
  uint4 v;
  asm volatile("ld.volatile.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(place));
  return v;
}
// A number that never comes is a defect; it must end as an error of the device, not as a hang.
__device__ __forceinline__ void count_spin(u32 &spins) {
  if (++spins > 1u << 23) asm volatile("trap;");
}
__device__ __forceinline__ float await_pair(uint2 v, const u64 *place, u32 tag) {
  u32 spins = 0;
  while (v.y != tag) {
    v = load_pair(place);
    count_spin(spins);
  }
  return __uint_as_float(v.x);
}
__device__ __forceinline__ float2 await_two_pairs(uint4 v, const u64 *place, u32 tag) {
  u32 spins = 0;
  while (v.y != tag || v.w != tag) {
    v = load_two_pairs(place);
    count_spin(spins);
  }
  return make_float2(__uint_as_float(v.x), __uint_as_float(v.z));
}

// MARK: The flow of weights

// What a warp multiplies, in order. Phases count from 0: four for each layer of the talker (if the
// frame advances), the talker's head, then for each pass the projection, the layers and a head.
struct Flow {
  const u64 *words;
  int phase, last;         // the phase being copied, and how many there are
  const char *source;      // the piece to copy next
  int pieces, piece;       // pieces of a row, and the next
  int unit, unit_end, up;  // row or pair of rows, and whether the up-projection's row is next
  i64 row_bytes, up_bytes;
  bool pairs;
  char *ring;
  u64 *full;
  int warp_in_grid, slot, slot_taken;
  u32 parity;
};

__device__ __forceinline__ void enter_phase(Flow &f) {
  int n, k;
  u64 base;
  f.pairs = false;
  int phase = f.phase;
  auto layer = [&](int first, int hidden, int query, int packed, int inner) {
    int kind = phase % 4;
    base = f.words[first + phase / 4 * LAYER_WORDS + kind];
    n = kind == LAYER_QKV ? packed : kind == LAYER_GATE_UP ? inner : hidden;
    k = kind == LAYER_OUTPUT ? query : kind == LAYER_DOWN ? inner : hidden;
    f.pairs = kind == LAYER_GATE_UP;
  };
  if (phase < 4 * T_LAYERS) {
    layer(TALKER_LAYERS, T_HIDDEN, T_QUERY, TalkerShape::PACKED, T_INNER);
  } else if (phase == 4 * T_LAYERS) {
    base = f.words[HEADS], n = T_VOCABULARY, k = T_HIDDEN;
  } else {
    constexpr int EACH = PROJECTED + 4 * P_LAYERS + 1;
    phase -= 4 * T_LAYERS + 1;
    int pass = phase / EACH;
    phase = phase % EACH - PROJECTED;
    if (phase < 0) {
      base = f.words[PROJECTION], n = P_HIDDEN, k = T_HIDDEN;
    } else if (phase < 4 * P_LAYERS) {
      layer(PREDICTOR_LAYERS, P_HIDDEN, P_QUERY, PredictorShape::PACKED, P_INNER);
    } else {
      base = f.words[HEADS + 1 + pass], n = P_VOCABULARY, k = P_HIDDEN;
    }
  }
  f.unit = n * f.warp_in_grid / GRID_WARPS;
  f.unit_end = n * (f.warp_in_grid + 1) / GRID_WARPS;
  f.row_bytes = 2 * k;
  f.up_bytes = (i64)n * f.row_bytes;
  f.pieces = k / 1024;
  f.source = (const char *)base + f.unit * f.row_bytes;
  f.piece = f.up = 0;
}

// Copies the next piece into the slot just taken, if there is one.
__device__ __forceinline__ void refill(Flow &f, int slot) {
  int lane = threadIdx.x % 32;
  while (f.phase < f.last && f.unit == f.unit_end) {
    if (++f.phase < f.last) enter_phase(f);
  }
  char *place = f.ring + slot * SLOT_BYTES;
  if (f.phase < f.last) {
    const char *from = f.source + f.piece * SLOT_BYTES + (f.up ? f.up_bytes : 0);
#ifdef BULK_COPIES
    if (lane == 0) {
      u32 barrier = (u32)__cvta_generic_to_shared(f.full + slot);
      u32 to = (u32)__cvta_generic_to_shared(place);
      asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
                   :
                   : "r"(barrier), "r"(SLOT_BYTES)
                   : "memory");
      asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        :
        : "r"(to), "l"(from), "r"(SLOT_BYTES), "r"(barrier)
        : "memory");
    }
#else
#pragma unroll
    for (int i = 0; i < 4; i++) {
      u32 to = (u32)__cvta_generic_to_shared(place + 512 * i + 16 * lane);
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
                   :
                   : "r"(to), "l"(from + 512 * i + 16 * lane)
                   : "memory");
    }
#endif
    if (++f.piece == f.pieces) {
      f.piece = 0;
      if (f.pairs && !f.up) {
        f.up = 1;
      } else {
        f.up = 0;
        f.unit++;
        f.source += f.row_bytes;
      }
    }
  }
#ifndef BULK_COPIES
  // An empty group keeps the count, so that waiting for all but SLOTS − 1 means the oldest.
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

__device__ __forceinline__ void begin_flow(Flow &f, Shared &s, char *rings, bool advances) {
  int warp = threadIdx.x / 32;
  f.words = s.words;
  f.ring = rings + warp * SLOTS * SLOT_BYTES;
  f.full = s.full[warp];
  f.warp_in_grid = blockIdx.x * WARPS + warp;
  f.slot_taken = 0;
  f.parity = 0;
  f.phase = advances ? 0 : 4 * T_LAYERS;
  f.last = 4 * T_LAYERS + 1 + (CODEBOOKS - 1) * (PROJECTED + 4 * P_LAYERS + 1);
#ifdef BULK_COPIES
  if (threadIdx.x % 32 == 0) {
    for (int i = 0; i < SLOTS; i++) {
      u32 barrier = (u32)__cvta_generic_to_shared(f.full + i);
      asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" : : "r"(barrier) : "memory");
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  }
  __syncwarp();
#endif
  enter_phase(f);
  for (int i = 0; i < SLOTS; i++) refill(f, i);
}

// The next 1024 weights: a lane has 8 of every 256.
__device__ __forceinline__ void take_piece(Flow &f, uint4 *w) {
  int lane = threadIdx.x % 32, slot = f.slot_taken;
#ifdef BULK_COPIES
  u32 barrier = (u32)__cvta_generic_to_shared(f.full + slot), done = 0, spins = 0;
  while (true) {
    asm volatile(
      "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
      : "=r"(done)
      : "r"(barrier), "r"(f.parity)
      : "memory");
    if (done) break;
    count_spin(spins);
  }
#else
  asm volatile("cp.async.wait_group %0;" : : "n"(SLOTS - 1) : "memory");
#endif
  const uint4 *from = (const uint4 *)(f.ring + slot * SLOT_BYTES) + lane;
#pragma unroll
  for (int i = 0; i < 4; i++) w[i] = from[32 * i];
  __syncwarp();
  refill(f, slot);
  if (++f.slot_taken == SLOTS) {
    f.slot_taken = 0;
    f.parity ^= 1;
  }
}

// MARK: Products

// A vector is held by the block as float4 q = thread + 256 i, columns 4q … 4q + 3.
template <int K, int M> struct Block {
  float4 v[M][K / 1024];
};

template <int K, int M>
__device__ __forceinline__ void load_pairs(Block<K, M> &x, const u64 *pairs, u32 tag) {
  uint4 first[M][K / 1024][2];
  const u64 *from = pairs + 4 * threadIdx.x;
#pragma unroll
  for (int m = 0; m < M; m++)
#pragma unroll
    for (int i = 0; i < K / 1024; i++)
#pragma unroll
      for (int e = 0; e < 2; e++)
        first[m][i][e] = load_two_pairs(from + m * WIDEST + 1024 * i + 2 * e);
#pragma unroll
  for (int m = 0; m < M; m++)
#pragma unroll
    for (int i = 0; i < K / 1024; i++) {
      const u64 *place = from + m * WIDEST + 1024 * i;
      float2 low = await_two_pairs(first[m][i][0], place, tag);
      float2 high = await_two_pairs(first[m][i][1], place + 2, tag);
      x.v[m][i] = make_float4(low.x, low.y, high.x, high.y);
    }
}

// A row of a bf16 table into row m.
template <int K, int M>
__device__ __forceinline__ void load_table(Block<K, M> &x, int m, u64 table, int row) {
  const uint2 *from = (const uint2 *)((const u16 *)table + (i64)row * K) + threadIdx.x;
#pragma unroll
  for (int i = 0; i < K / 1024; i++) {
    uint2 w = from[256 * i];
    x.v[m][i] = make_float4(__uint_as_float(w.x << 16), __uint_as_float(w.x & 0xffff0000u),
                            __uint_as_float(w.y << 16), __uint_as_float(w.y & 0xffff0000u));
  }
}

template <int K> __device__ __forceinline__ void load_gain(float4 *gain, u64 norm) {
#pragma unroll
  for (int i = 0; i < K / 1024; i++) gain[i] = ((const float4 *)norm)[threadIdx.x + 256 * i];
}

// Puts x where products read it: the lower and the upper four of a lane's eight columns apart, so
// that a warp reads without bank conflicts. With a gain, x is scaled, and its squares are summed; the
// norm's factor is the same for all columns and is applied to the sums of the product.
template <int K, int M, bool NORM>
__device__ __forceinline__ void stage(const Block<K, M> &x, float *to, const float4 *gain,
                                      Shared &s) {
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
#pragma unroll
  for (int m = 0; m < M; m++) {
    float square = 0;
#pragma unroll
    for (int i = 0; i < K / 1024; i++) {
      float4 v = x.v[m][i];
      if (NORM) {
        square += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
        v.x *= gain[i].x, v.y *= gain[i].y, v.z *= gain[i].z, v.w *= gain[i].w;
      }
      int column = 4 * thread % 256;
      int place = m * K + 1024 * i + 4 * thread / 256 * 256 + column % 8 / 4 * 128 + column / 8 * 4;
      *(float4 *)(to + place) = v;
    }
    if (NORM) {
      square = warp_sum(square);
      if (lane == 0) s.squares[m][warp] = square;
    }
  }
  __syncthreads();
}

template <int K> __device__ __forceinline__ float norm_factor(Shared &s, int m, float epsilon) {
  float sum = 0;
#pragma unroll
  for (int w = 0; w < WARPS; w++) sum += s.squares[m][w];
  return 1.0f / sqrtf(sum / K + epsilon);
}

// Keeps the rows of x that this block's products will be added to.
template <int K, int M>
__device__ __forceinline__ void keep_residual(const Block<K, M> &x, Shared &s) {
  int first = K * (int)blockIdx.x / GRID, end = K * ((int)blockIdx.x + 1) / GRID;
#pragma unroll
  for (int m = 0; m < M; m++)
#pragma unroll
    for (int i = 0; i < K / 1024; i++) {
      int column = 4 * (threadIdx.x + 256 * i);
      const float *v = &x.v[m][i].x;
#pragma unroll
      for (int e = 0; e < 4; e++)
        if (column + e >= first && column + e < end) s.residual[m][column + e - first] = v[e];
    }
}

// Columns of a piece for this lane.
template <int M>
__device__ __forceinline__ void load_columns(float (*x)[32], const float *xs, int k, int piece) {
  int lane = threadIdx.x % 32;
#pragma unroll
  for (int m = 0; m < M; m++)
#pragma unroll
    for (int j = 0; j < 8; j++)
      *(float4 *)(x[m] + 4 * j) =
        *(const float4 *)(xs + m * k + 1024 * piece + 128 * j + 4 * lane);
}

// sums[m] += the piece against x[m]; four sums apart, for the chain of additions would be long.
template <int M>
__device__ __forceinline__ void multiply_piece(Flow &f, const float (*x)[32], float *sums) {
  uint4 w[4];
  take_piece(f, w);
#pragma unroll
  for (int m = 0; m < M; m++) {
    float part[4];
#pragma unroll
    for (int j = 0; j < 4; j++) part[j] = dot8(w[j], x[m] + 8 * j, 0);
    sums[m] += (part[0] + part[1]) + (part[2] + part[3]);
  }
}

// W x for this warp's rows of W, or pairs of rows; `emit(row, m, value, up)` runs in one lane for
// each result. Four rows are summed together, since a sum over a warp is a chain of latencies.
template <int K, int M, int N, bool PAIRED, class Emit>
__device__ __forceinline__ void multiply(Flow &f, const float *xs, const Emit &emit) {
  constexpr int EACH = PAIRED ? 2 : 1, TOGETHER = 4 / EACH, SUMS = 4 * M, C = K / 1024;
  constexpr bool HELD = C * M <= 2;
  int lane = threadIdx.x % 32;
  int begin = N * f.warp_in_grid / GRID_WARPS, end = N * (f.warp_in_grid + 1) / GRID_WARPS;
  float held[HELD ? C : 1][M][32];
  if (HELD) {
#pragma unroll
    for (int c = 0; c < C; c++) load_columns<M>(held[c], xs, K, c);
  }
#pragma unroll 1
  for (int unit = begin; unit < end; unit += TOGETHER) {
    // The sum of row r and vector m at r · M + m.
    float sums[SUMS];
#pragma unroll
    for (int i = 0; i < SUMS; i++) sums[i] = 0;
    int rows = min(4, (end - unit) * EACH);
#pragma unroll 1
    for (int r = 0; r < rows; r++) {
      float row[M];
#pragma unroll
      for (int m = 0; m < M; m++) row[m] = 0;
      if (HELD) {
#pragma unroll
        for (int c = 0; c < C; c++) multiply_piece<M>(f, held[c], row);
      } else {
#pragma unroll 1
        for (int c = 0; c < C; c++) {
          load_columns<M>(held[0], xs, K, c);
          multiply_piece<M>(f, held[0], row);
        }
      }
#pragma unroll
      for (int i = 0; i < SUMS; i++)
        if (i / M == r) sums[i] = row[i % M];
    }
    float sum = warp_sums<SUMS>(sums);
    constexpr int LANES = 32 / SUMS;
    // The up-projection's sum of the same pair and vector.
    float up = PAIRED ? __shfl_down_sync(0xffffffffu, sum, M * LANES) : 0.0f;
    int index = lane / LANES, r = index / M;
    if (lane % LANES == 0 && r % EACH == 0 && r < rows) emit(unit + r / EACH, index % M, sum, up);
  }
}

// MARK: Attention

// One head of keys with its two query heads, and every `splits`-th run of eight positions: a block.
// A warp takes one position of a run, four runs at a time; the keys and values of the first four are
// on their way before the query is there.
template <class S>
__device__ __forceinline__ void attend(Shared &s, const u64 *pairs_in, u64 *pairs, int m, u32 tag,
                                       int last, int splits, float *keys, float *values,
                                       u64 query_norm, u64 key_norm, u64 frequencies,
                                       float epsilon) {
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  if ((int)blockIdx.x >= S::KV_HEADS * splits) return;
  float *query = s.b, *key = query + 2 * HEAD, *value = key + HEAD, *rows = value + HEAD;
  float *tops = rows + WARPS * 2 * HEAD, *totals = tops + 2 * WARPS;
  for (int unit = blockIdx.x; unit < S::KV_HEADS * splits; unit += GRID) {
    int g = unit % S::KV_HEADS, split = unit / S::KV_HEADS;
    float4 k[4], v[4];
    auto position = [&](int run) { return (run * splits + split) * WARPS + warp; };
    auto load = [&](int run) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int p = position(run + i);
        k[i] = v[i] = make_float4(0, 0, 0, 0);
        if (p < last) {
          i64 at = ((i64)p * S::KV_HEADS + g) * (HEAD / 4) + lane;
          k[i] = __ldcg((const float4 *)keys + at);
          v[i] = __ldcg((const float4 *)values + at);
        }
      }
    };
    load(0);
    if (warp < 4) {
      // Numbers 2 l, 2 l + 1 and the same of the other half, which they are turned with.
      int part = warp < 2 ? 2 * g + warp : S::QUERY / HEAD + (warp - 2) * S::KV_HEADS + g;
      const u64 *from = pairs_in + part * HEAD + 2 * lane;
      float gain[4] = {1, 1, 1, 1}, cosine[2] = {1, 1}, sine[2] = {0, 0};
      if (warp < 3) {
        const float *norm = (const float *)(warp < 2 ? query_norm : key_norm) + 2 * lane;
        gain[0] = norm[0], gain[1] = norm[1], gain[2] = norm[HEAD / 2], gain[3] = norm[HEAD / 2 + 1];
#pragma unroll
        for (int e = 0; e < 2; e++)
          sincosf((float)last * ((const float *)frequencies)[2 * lane + e], &sine[e], &cosine[e]);
      }
      uint4 first = load_two_pairs(from), second = load_two_pairs(from + HEAD / 2);
      float2 low = await_two_pairs(first, from, tag);
      float2 high = await_two_pairs(second, from + HEAD / 2, tag);
      float *to = warp < 2 ? query + warp * HEAD : warp == 2 ? key : value;
      if (warp < 3) {
        float square = warp_sum(low.x * low.x + low.y * low.y + high.x * high.x + high.y * high.y);
        float factor = 1.0f / sqrtf(square / HEAD + epsilon);
        low.x *= factor * gain[0], low.y *= factor * gain[1];
        high.x *= factor * gain[2], high.y *= factor * gain[3];
      }
      float scale = warp < 2 ? 0.08838834764831845f : 1.0f;  // 1/√128
      to[2 * lane] = (low.x * cosine[0] - high.x * sine[0]) * scale;
      to[2 * lane + 1] = (low.y * cosine[1] - high.y * sine[1]) * scale;
      to[HEAD / 2 + 2 * lane] = (high.x * cosine[0] + low.x * sine[0]) * scale;
      to[HEAD / 2 + 2 * lane + 1] = (high.y * cosine[1] + low.y * sine[1]) * scale;
    }
    __syncthreads();
    if (last / WARPS % splits == split) {
      i64 at = ((i64)last * S::KV_HEADS + g) * HEAD + thread % HEAD;
      __stcg((thread < HEAD ? keys : values) + at, (thread < HEAD ? key : value)[thread % HEAD]);
    }
    float4 q[2] = {((const float4 *)query)[lane], ((const float4 *)query)[HEAD / 4 + lane]};
    float top[2] = {NEGATIVE_INFINITY, NEGATIVE_INFINITY}, total[2] = {0, 0};
    float4 sums[2] = {make_float4(0, 0, 0, 0), make_float4(0, 0, 0, 0)};
    for (int run = 0; (run * splits + split) * WARPS <= last; run += 4) {
      if (run > 0) load(run);
      float scores[8];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        if (position(run + i) == last) {
          k[i] = ((const float4 *)key)[lane];
          v[i] = ((const float4 *)value)[lane];
        }
#pragma unroll
        for (int h = 0; h < 2; h++)
          scores[2 * i + h] =
            q[h].x * k[i].x + q[h].y * k[i].y + q[h].z * k[i].z + q[h].w * k[i].w;
      }
      float mine = warp_sums<8>(scores);
#pragma unroll
      for (int h = 0; h < 2; h++) {
        float score[4], next = top[h];
#pragma unroll
        for (int i = 0; i < 4; i++) {
          score[i] = __shfl_sync(0xffffffffu, mine, 4 * (2 * i + h));
          if (position(run + i) > last) score[i] = NEGATIVE_INFINITY;
          next = fmaxf(next, score[i]);
        }
        // A warp that has seen no position yet keeps −∞ and nothing else.
        if (next == NEGATIVE_INFINITY) continue;
        float kept = expf(top[h] - next);
        total[h] *= kept;
        sums[h].x *= kept, sums[h].y *= kept, sums[h].z *= kept, sums[h].w *= kept;
#pragma unroll
        for (int i = 0; i < 4; i++) {
          float weight = expf(score[i] - next);
          total[h] += weight;
          sums[h].x += weight * v[i].x, sums[h].y += weight * v[i].y;
          sums[h].z += weight * v[i].z, sums[h].w += weight * v[i].w;
        }
        top[h] = next;
      }
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      ((float4 *)rows)[(warp * 2 + h) * (HEAD / 4) + lane] = sums[h];
      if (lane == 0) tops[2 * warp + h] = top[h], totals[2 * warp + h] = total[h];
    }
    __syncthreads();
    int h = thread / HEAD, e = thread % HEAD;
    float best = NEGATIVE_INFINITY, all = 0, sum = 0;
#pragma unroll
    for (int w = 0; w < WARPS; w++) best = fmaxf(best, tops[2 * w + h]);
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      float weight = expf(tops[2 * w + h] - best);
      all += weight * totals[2 * w + h];
      sum += weight * rows[(2 * w + h) * HEAD + e];
    }
    if (splits == 1) {
      store_pair(pairs + ATTENDED_PAIRS + m * WIDEST + (2 * g + h) * HEAD + e, sum / all, tag);
    } else {
      store_pair(pairs + SHARE_PAIRS + (i64)unit * 2 * HEAD + thread, sum / all, tag);
      if (e == 0) store_pair(pairs + WEIGHT_PAIRS + 2 * unit + h, best + logf(all), tag);
    }
  }
  // The block of a head's first split merges the shares of all.
  if (splits > 1 && (int)blockIdx.x < S::KV_HEADS) {
    int g = blockIdx.x, h = thread / HEAD, e = thread % HEAD;
    float best = NEGATIVE_INFINITY, all = 0, sum = 0;
    for (int start = 0; start < splits; start += 4) {
      uint2 share[4], weight[4];
#pragma unroll
      for (int i = 0; i < 4; i++)
        if (start + i < splits) {
          int unit = (start + i) * S::KV_HEADS + g;
          share[i] = load_pair(pairs + SHARE_PAIRS + (i64)unit * 2 * HEAD + thread);
          weight[i] = load_pair(pairs + WEIGHT_PAIRS + 2 * unit + h);
        }
#pragma unroll
      for (int i = 0; i < 4; i++)
        if (start + i < splits) {
          int unit = (start + i) * S::KV_HEADS + g;
          float log_weight = await_pair(weight[i], pairs + WEIGHT_PAIRS + 2 * unit + h, tag);
          float part =
            await_pair(share[i], pairs + SHARE_PAIRS + (i64)unit * 2 * HEAD + thread, tag);
          float next = fmaxf(best, log_weight), kept = expf(best - next);
          float added = expf(log_weight - next);
          sum = sum * kept + part * added;
          all = all * kept + added;
          best = next;
        }
    }
    store_pair(pairs + ATTENDED_PAIRS + m * WIDEST + (2 * g + h) * HEAD + e, sum / all, tag);
  }
  // `b` holds the next product's vector.
  __syncthreads();
}

// MARK: A stack of layers

// Runs the layers over M rows that `first` loads, at positions `position` … `position + M − 1`.
// Afterwards the stream stands in STREAM_PAIRS with the tag's last value.
template <class S, int M, class First>
__device__ __forceinline__ void run_stack(Flow &f, Shared &s, int layers, u32 &tag, int position,
                                          int splits, u64 keys, u64 values, i64 capacity,
                                          u64 frequencies, float epsilon, const First &first) {
  u64 *pairs = (u64 *)s.words[PAIRS];
  int own = S::HIDDEN * (int)blockIdx.x / GRID;
#pragma unroll 1
  for (int l = 0; l < S::LAYERS; l++) {
    const u64 *words = s.words + layers + l * LAYER_WORDS;
    {
      float4 gain[S::HIDDEN / 1024];
      load_gain<S::HIDDEN>(gain, words[LAYER_INPUT_NORM]);
      Block<S::HIDDEN, M> x;
      if (l == 0) {
        first(x);
        keep_residual(x, s);
      } else {
        load_pairs(x, pairs + STREAM_PAIRS, tag);
      }
      stage<S::HIDDEN, M, true>(x, s.a, gain, s);
    }
    tag++;
    {
      float factor[M];
#pragma unroll
      for (int m = 0; m < M; m++) factor[m] = norm_factor<S::HIDDEN>(s, m, epsilon);
      multiply<S::HIDDEN, M, S::PACKED, false>(
        f, s.a, [&](int row, int m, float value, float) {
          store_pair(pairs + QKV_PAIRS + m * MOST_PACKED + row,
                     value * (M == 2 && m == 1 ? factor[M - 1] : factor[0]), tag);
        });
    }
#pragma unroll 1
    for (int m = 0; m < M; m++)
      attend<S>(s, pairs + QKV_PAIRS + m * MOST_PACKED, pairs, m, tag, position + m, splits,
                (float *)keys + l * capacity * S::KV, (float *)values + l * capacity * S::KV,
                words[LAYER_QUERY_NORM], words[LAYER_KEY_NORM], frequencies, epsilon);
    auto add_to_stream = [&](int buffer) {
      return [=, &s](int row, int m, float value, float) {
        value += s.residual[m][row - own];
        s.residual[m][row - own] = value;
        store_pair(pairs + buffer + m * WIDEST + row, value, tag);
      };
    };
    {
      Block<S::QUERY, M> x;
      load_pairs(x, pairs + ATTENDED_PAIRS, tag);
      stage<S::QUERY, M, false>(x, s.b, 0, s);
    }
    multiply<S::QUERY, M, S::HIDDEN, false>(f, s.b, add_to_stream(MIDDLE_PAIRS));
    {
      float4 gain[S::HIDDEN / 1024];
      load_gain<S::HIDDEN>(gain, words[LAYER_POST_NORM]);
      Block<S::HIDDEN, M> x;
      load_pairs(x, pairs + MIDDLE_PAIRS, tag);
      stage<S::HIDDEN, M, true>(x, s.a, gain, s);
    }
    {
      float factor[M];
#pragma unroll
      for (int m = 0; m < M; m++) factor[m] = norm_factor<S::HIDDEN>(s, m, epsilon);
      multiply<S::HIDDEN, M, S::INNER, true>(
        f, s.a, [&](int row, int m, float gate, float up) {
          float scale = M == 2 && m == 1 ? factor[M - 1] : factor[0];
          store_pair(pairs + ACTIVATED_PAIRS + m * WIDEST + row,
                     sigmoid_product(gate * scale) * (up * scale), tag);
        });
    }
    {
      Block<S::INNER, M> x;
      load_pairs(x, pairs + ACTIVATED_PAIRS, tag);
      stage<S::INNER, M, false>(x, s.b, 0, s);
    }
    multiply<S::INNER, M, S::HIDDEN, false>(f, s.b, add_to_stream(STREAM_PAIRS));
  }
}

// MARK: A frame

// Draws a code; every block draws the same.
template <int VOCABULARY>
__device__ __forceinline__ int draw_code(Shared &s, u32 tag, int codebook, u32 frame) {
  constexpr int PER = (VOCABULARY + THREADS - 1) / THREADS;
  const u64 *pairs = (const u64 *)s.words[PAIRS] + LOGIT_PAIRS;
  const int *seen = (const int *)s.words[SEEN];
  float *plain = (float *)s.words[codebook == 0 ? TALKER_LOGITS : PREDICTOR_LOGITS];
  float scores[PER];
  bool was_seen[PER];
  uint2 first[PER];
#pragma unroll
  for (int i = 0; i < PER; i++) {
    int t = threadIdx.x + i * THREADS;
    if (t < VOCABULARY) first[i] = load_pair(pairs + t);
    was_seen[i] = codebook == 0 && t < VOCABULARY && seen[t] != 0;
  }
#pragma unroll
  for (int i = 0; i < PER; i++) {
    int t = threadIdx.x + i * THREADS;
    scores[i] = t < VOCABULARY ? await_pair(first[i], pairs + t, tag) : NEGATIVE_INFINITY;
    if (blockIdx.x == 0 && t < VOCABULARY) plain[t] = scores[i];
  }
  return draw_token<PER>(scores, was_seen, VOCABULARY, (const int *)s.words[SETTINGS], frame,
                         codebook, codebook == 0 ? END_TOKEN : -1,
                         codebook == 0 ? SUPPRESSED_START : 0, codebook == 0 ? SUPPRESSED_END : 0,
                         codebook == 0 ? MINIMUM_TOKENS : 0, s.b, (u16 *)(s.b + MOST_VOCABULARY),
                         (u16 *)(s.b + MOST_VOCABULARY) + MOST_VOCABULARY);
}

template <int K, int N>
__device__ __forceinline__ void score(Flow &f, Shared &s, u32 tag, float factor) {
  u64 *pairs = (u64 *)s.words[PAIRS] + LOGIT_PAIRS;
  multiply<K, 1, N, false>(f, s.a, [=](int row, int, float value, float) {
    store_pair(pairs + row, value * factor, tag);
  });
}

// One pass of the predictor over M rows; returns the code of `codebook`.
template <int M, class First>
__device__ __forceinline__ int predict(Flow &f, Shared &s, u32 &tag, int codebook, u32 frame,
                                       const First &first) {
  u64 *pairs = (u64 *)s.words[PAIRS];
  // The second row of pass 0 stands at position 1, the row of pass g > 0 at g + 1.
  int position = M == 2 ? 0 : codebook;
#if PROJECTED
  Block<T_HIDDEN, M> x;
  first(x);
  stage<T_HIDDEN, M, false>(x, s.a, 0, s);
  tag++;
  const float *bias = (const float *)s.words[PROJECTION_BIAS];
  u64 *projected = pairs + PROJECTED_PAIRS;
  u32 now = tag;
  multiply<T_HIDDEN, M, P_HIDDEN, false>(f, s.a, [=](int row, int m, float value, float) {
    store_pair(projected + m * WIDEST + row, value + bias[row], now);
  });
  // `a` is read until every warp is here.
  __syncthreads();
  auto source = [&](Block<P_HIDDEN, M> &y) { load_pairs(y, projected, now); };
#else
  const First &source = first;
#endif
  run_stack<PredictorShape, M>(f, s, PREDICTOR_LAYERS, tag, position, 1, s.words[PREDICTOR_KEYS],
                               s.words[PREDICTOR_VALUES], CODEBOOKS,
                               s.words[PREDICTOR_FREQUENCIES], P_EPSILON, source);
  float4 gain[P_HIDDEN / 1024];
  load_gain<P_HIDDEN>(gain, s.words[PREDICTOR_NORM]);
  Block<P_HIDDEN, 1> y;
  load_pairs(y, pairs + STREAM_PAIRS + (M - 1) * WIDEST, tag);
  stage<P_HIDDEN, 1, true>(y, s.a, gain, s);
  score<P_HIDDEN, P_VOCABULARY>(f, s, tag, norm_factor<P_HIDDEN>(s, 0, P_EPSILON));
  return draw_code<P_VOCABULARY>(s, tag, codebook, frame);
}

// Grid: one block an SM, all there at once (a cooperative launch). `advances` is 0 for the frame
// behind a prompt, whose hidden state is there.
extern "C" __global__ void __launch_bounds__(THREADS, 1) frame_step(const u64 *words, int advances) {
  extern __shared__ __align__(128) char memory[];
  Shared &s = *(Shared *)(memory + WARPS * SLOTS * SLOT_BYTES);
  int thread = threadIdx.x;
  for (int i = thread; i < WORDS; i += THREADS) s.words[i] = words[i];
  __syncthreads();
  Flow f;
  begin_flow(f, s, memory, advances != 0);
  u32 tag = *(const u32 *)s.words[TAG];
  int position = *(const int *)s.words[POSITION];
  int *frame_index = (int *)s.words[FRAME_INDEX], *codes = (int *)s.words[CODES];
  u32 frame = *frame_index + (advances ? 1 : 0);
  float *hidden = (float *)s.words[HIDDEN_STATE];

  float factor = 1;
  Block<T_HIDDEN, 1> x;
  if (advances) {
    int splits = min(MOST_SPLITS, position / 32 + 1);
    run_stack<TalkerShape, 1>(
      f, s, TALKER_LAYERS, tag, position, splits, s.words[TALKER_KEYS], s.words[TALKER_VALUES],
      (i64)s.words[CAPACITY], s.words[TALKER_FREQUENCIES], T_EPSILON, [&](Block<T_HIDDEN, 1> &sum) {
        const float4 *text = (const float4 *)s.words[TRAILING] +
                             (i64)min(*frame_index, *(const int *)s.words[TRAILING_COUNT]) *
                               (T_HIDDEN / 4) +
                             thread;
        load_table(sum, 0, s.words[TABLES], codes[0]);
#pragma unroll
        for (int g = 1; g < CODEBOOKS; g++) {
          Block<T_HIDDEN, 1> y;
          load_table(y, 0, s.words[TABLES + g], codes[g]);
#pragma unroll
          for (int i = 0; i < T_HIDDEN / 1024; i++) {
            sum.v[0][i].x += y.v[0][i].x, sum.v[0][i].y += y.v[0][i].y;
            sum.v[0][i].z += y.v[0][i].z, sum.v[0][i].w += y.v[0][i].w;
          }
        }
#pragma unroll
        for (int i = 0; i < T_HIDDEN / 1024; i++) {
          float4 t = text[256 * i];
          sum.v[0][i].x += t.x, sum.v[0][i].y += t.y;
          sum.v[0][i].z += t.z, sum.v[0][i].w += t.w;
        }
      });
    float4 gain[T_HIDDEN / 1024];
    load_gain<T_HIDDEN>(gain, s.words[TALKER_NORM]);
    load_pairs(x, (const u64 *)s.words[PAIRS] + STREAM_PAIRS, tag);
    stage<T_HIDDEN, 1, true>(x, s.a, gain, s);
    factor = norm_factor<T_HIDDEN>(s, 0, T_EPSILON);
#pragma unroll
    for (int i = 0; i < T_HIDDEN / 1024; i++) {
      x.v[0][i].x *= gain[i].x * factor, x.v[0][i].y *= gain[i].y * factor;
      x.v[0][i].z *= gain[i].z * factor, x.v[0][i].w *= gain[i].w * factor;
    }
  } else {
#pragma unroll
    for (int i = 0; i < T_HIDDEN / 1024; i++)
      x.v[0][i] = ((const float4 *)hidden)[thread + 256 * i];
    stage<T_HIDDEN, 1, false>(x, s.a, 0, s);
    tag++;
  }
#pragma unroll
  for (int i = 0; i < T_HIDDEN / 1024; i++) {
    ((float4 *)s.hidden)[thread + 256 * i] = x.v[0][i];
    if (blockIdx.x == 0 && advances) ((float4 *)hidden)[thread + 256 * i] = x.v[0][i];
  }
  score<T_HIDDEN, T_VOCABULARY>(f, s, tag, factor);
  int code = draw_code<T_VOCABULARY>(s, tag, 0, frame);
  // Every thread knows every code; one of them keeps it.
  int mine = code, drawn = code;

  code = predict<2>(f, s, tag, 1, frame, [&](Block<T_HIDDEN, 2> &rows) {
#pragma unroll
    for (int i = 0; i < T_HIDDEN / 1024; i++)
      rows.v[0][i] = ((const float4 *)s.hidden)[thread + 256 * i];
    load_table(rows, 1, s.words[TABLES], drawn);
  });
  if (thread == 1) mine = code;
#pragma unroll 1
  for (int codebook = 2; codebook < CODEBOOKS; codebook++) {
    int before = code;
    code = predict<1>(f, s, tag, codebook, frame, [&](Block<T_HIDDEN, 1> &row) {
      load_table(row, 0, s.words[TABLES + codebook - 1], before);
    });
    if (thread == codebook) mine = code;
  }

  // What the next frame reads is written when every block has read the old: this one's last draw
  // needed scores from all.
  if (blockIdx.x != 0) return;
  int count = *(const int *)s.words[RING_COUNTER];
  if (thread < CODEBOOKS) {
    codes[thread] = mine;
    ((int *)s.words[RING])[count % RING_DEPTH * CODEBOOKS + thread] = mine;
    __threadfence_system();
  }
  __syncthreads();
  if (thread == 0) {
    *(volatile int *)s.words[PUBLISHED] = count + 1;
    *(int *)s.words[RING_COUNTER] = count + 1;
    ((int *)s.words[SEEN])[drawn] = 1;
    *(u32 *)s.words[TAG] = tag;
    if (advances) {
      *frame_index = frame;
      *(int *)s.words[POSITION] = position + 1;
    }
  }
}
