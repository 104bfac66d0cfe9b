// SPDX-License-Identifier: MIT
// A whole frame of one utterance in one kernel: the talker's step over the last frame, its head and
// draw, then fifteen passes of the code predictor with theirs (`FrameStep.advance`, `makeCodes`).
//
// One block of 8 warps and one stays on every SM. Three ideas make it fast.
//
// *Weights flow.* Which rows of which matrix a block multiplies, and in which order, is known before the
// frame begins. So one warp more does nothing but copy them into a ring in shared memory, as far ahead as
// the ring is long, across layers, passes and draws. The memory never waits for a result.
//
// *Results carry their own flag.* An element travels between SMs as eight bytes, the number and a tag
// that grows with every layer; a reader loads it until the tag is right. There are no barriers across
// the grid and no fences: a phase costs one store and one load through the second-level cache. A
// buffer is overwritten one layer later at the earliest, and by then every SM has read it: each SM
// makes some of the queries, of the activations and of the scores, which all that follows needs.
//
// *Tensor cores multiply a vector.* With F32 arithmetic the instructions, not the bytes, set the time.
//
// Constants come from the host: T_ (talker) and P_ (predictor) HIDDEN, QUERY, KV, INNER, LAYERS,
// VOCABULARY, EPSILON; PROJECTED, CODEBOOKS, GRID, SLOTS, MOST_SPLITS, RING_DEPTH, END_TOKEN,
// SUPPRESSED_START, SUPPRESSED_END, MINIMUM_TOKENS; and WORD_COUNT, PAIRS_MADE, SHARED_BYTES, which are
// checked. Heads have 128 numbers, and two
// query heads share one of keys. Widths are multiples of 1024.
//
// Bound: bytes of the weights, 3.3 GB a frame at 0.6B and 5.3 GB at 1.7B.

// Bulk copies need the machine of sm_90; before it, each lane of the copying warp copies 16 bytes.
#if __CUDA_ARCH__ >= 900 && !defined(NO_BULK_COPIES)
#define BULK_COPIES
#endif
// Pieces under way at a time: enough to keep the memory busy. More would only stand in the way of the
// results that travel beside them.
#ifndef DEPTH
#define DEPTH 3
#endif

enum {
  THREADS = 256, WARPS = 8, HEAD = 128,
  // A row of a piece; the 64 bytes more keep the rows that a warp reads together in different banks.
  ROW_BYTES = 2048 + 64, SLOT_BYTES = 8 * ROW_BYTES
};

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
  PAIR_COUNT = WEIGHT_PAIRS + MOST_SPLITS * MOST_KV_HEADS * 2,
  // What every SM reads stands in several copies, each for some of them: one would be a bottleneck.
  COPIES = 4
};
static_assert(PAIR_COUNT * COPIES == PAIRS_MADE, "the host makes as many");

// Rows of a matrix, gates and up-projections apart, that a block multiplies at the most.
__host__ __device__ constexpr int block_rows(int n) { return 8 * ((n / 8 + GRID - 1) / GRID); }
enum {
  MOST_ROWS = larger(larger(block_rows(MOST_PACKED), block_rows(MOST_VOCABULARY)),
                     2 * block_rows(larger(T_INNER, P_INNER))),
  MOST_OWN = block_rows(larger(T_HIDDEN, P_HIDDEN)),
  // Parts of 128 columns; the distance keeps a warp's reads apart.
  PART_BYTES = 320,
  // Lists of a draw, or what attention shares between warps.
  SCRATCH = larger(2 * MOST_VOCABULARY, 2 * HEAD + 2 * HEAD + WARPS * (2 * HEAD + 4))
};
// Behind the ring.
struct Shared {
  float scratch[SCRATCH], hidden[T_HIDDEN], shares[2][WARPS][2 * MOST_ROWS];
  float residual[2 * MOST_OWN], squares[2][2][WARPS];
  u32 parts[WARPS][6 * PART_BYTES / 4];
  u64 words[WORDS];
  u64 full[SLOTS], empty[SLOTS];  // of the ring's slots
#ifdef PROFILE
  long long last_mark;
  u32 profile[2][16];
#endif
};
static_assert(sizeof(Shared) + SLOTS * SLOT_BYTES <= SHARED_BYTES, "the launch asks for it");

#ifdef PROFILE
extern "C" __device__ int printf(const char *, ...);
__device__ __forceinline__ void mark(Shared &s, int part, int event) {
  if (threadIdx.x == 0) {
    long long now = clock64();
    s.profile[part][event] += (u32)(now - s.last_mark);
    s.last_mark = now;
  }
}
#define MARK(event) mark(s, M == 2 ? 1 : S::LAYERS == P_LAYERS, event);
#else
#define MARK(event)
#endif

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
__device__ __forceinline__ void store_copies(u64 *place, float value, u32 tag) {
#pragma unroll
  for (int copy = 0; copy < COPIES; copy++) store_pair(place + copy * PAIR_COUNT, value, tag);
}
// Loads again what has not come.
__device__ __forceinline__ bool retry(uint4 &v, const u64 *place, u32 tag) {
  bool missing = v.y != tag || v.w != tag;
  asm volatile(
    "{ .reg .pred p; setp.ne.u32 p, %5, 0; @p ld.volatile.global.v4.u32 {%0, %1, %2, %3}, [%4]; }"
    : "+r"(v.x), "+r"(v.y), "+r"(v.z), "+r"(v.w)
    : "l"(place), "r"((u32)missing));
  return missing;
}
__device__ __forceinline__ bool retry(uint2 &v, const u64 *place, u32 tag) {
  bool missing = v.y != tag;
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %3, 0; @p ld.volatile.global.v2.u32 {%0, %1}, [%2]; }"
               : "+r"(v.x), "+r"(v.y)
               : "l"(place), "r"((u32)missing));
  return missing;
}
// Calls `missing` until it is false in the whole warp. What never comes is a defect, and must end as an
// error of the device, not as a hang.
template <class Missing> __device__ __forceinline__ void await(const Missing &missing) {
  for (u32 spins = 0; __any_sync(0xffffffffu, missing()); spins++)
    if (spins > 1u << 23) asm volatile("trap;");
}

// MARK: The flow of weights

// Barriers in shared memory that count arrivals and bytes.
__device__ __forceinline__ u32 shared_address(const void *place) {
  return (u32)__cvta_generic_to_shared(place);
}
__device__ __forceinline__ void make_barrier(u64 *barrier, int arrivals) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;"
               :
               : "r"(shared_address(barrier)), "r"(arrivals)
               : "memory");
}
__device__ __forceinline__ void arrive(u64 *barrier) {
  asm volatile("{ .reg .b64 state; mbarrier.arrive.shared.b64 state, [%0]; }"
               :
               : "r"(shared_address(barrier))
               : "memory");
}
// Waits until the phase of that parity is over.
__device__ __forceinline__ void wait_phase(const u64 *barrier, u32 parity) {
  u32 done = 0, address = shared_address(barrier);
  for (u32 spins = 0; !done; spins++) {
#ifdef BULK_COPIES
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; "
                 "selp.u32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(address), "r"(parity)
                 : "memory");
#else
    asm volatile("{ .reg .pred p; mbarrier.test_wait.parity.shared.b64 p, [%1], %2; "
                 "selp.u32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(address), "r"(parity)
                 : "memory");
#endif
    if (spins > 1u << 27) asm volatile("trap;");
  }
}

// Kinds of products: those of the talker's layers, its head, the projection, the predictor's layers and
// its heads; DONE behind the last.
enum { TALKER_HEAD = 4, PROJECTING, PREDICTOR_KINDS, PREDICTOR_HEAD = PREDICTOR_KINDS + 4, DONE };

// Groups of 8 rows that a block has, of n rows.
__device__ __forceinline__ int first_group(int n) { return n / 8 * (int)blockIdx.x / GRID; }
__device__ __forceinline__ int end_group(int n) { return n / 8 * ((int)blockIdx.x + 1) / GRID; }

// Copies a piece, 8 rows of 1024 columns, as soon as its slot is free and few enough are under way.
// `count` pieces have been begun before it.
__device__ __forceinline__ void copy_piece(int &count, Shared &s, char *ring, const char *from,
                                           i64 row_bytes) {
  int slot = count % SLOTS, lane = threadIdx.x % 32;
  if (count >= SLOTS) wait_phase(s.empty + slot, (count / SLOTS - 1) & 1);
  if (count >= DEPTH) {
    int earlier = count - DEPTH;
    wait_phase(s.full + earlier % SLOTS, earlier / SLOTS & 1);
  }
  u32 to = shared_address(ring + slot * SLOT_BYTES), barrier = shared_address(s.full + slot);
#ifdef BULK_COPIES
  if (lane == 0)
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
                 :
                 : "r"(barrier), "r"(8 * 2048)
                 : "memory");
  __syncwarp();
  if (lane < 8)
    asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
      :
      : "r"(to + lane * ROW_BYTES), "l"(from + lane * row_bytes), "r"(2048), "r"(barrier)
      : "memory");
#else
#pragma unroll 1
  for (int row = 0; row < 8; row++)
#pragma unroll
    for (int i = 0; i < 4; i++)
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
                   :
                   : "r"(to + row * ROW_BYTES + 512 * i + 16 * lane),
                     "l"(from + row * row_bytes + 512 * i + 16 * lane)
                   : "memory");
  asm volatile("cp.async.mbarrier.arrive.noinc.shared.b64 [%0];" : : "r"(barrier) : "memory");
#endif
  count++;
}

// Copies this block's rows of a matrix `[n, k]`.
__device__ __forceinline__ void copy_rows(int &count, Shared &s, char *ring, u64 matrix, int n, int k,
                                          bool pairs) {
  i64 row_bytes = 2 * k;
  int first = first_group(n), end = end_group(n);
#pragma unroll 1
  for (int half = 0; half < (pairs ? 2 : 1); half++)
#pragma unroll 1
    for (int group = first; group < end; group++) {
      const char *from = (const char *)matrix + (half * (i64)n + 8 * group) * row_bytes;
#pragma unroll 1
      for (int piece = 0; piece < k / 1024; piece++)
        copy_piece(count, s, ring, from + 2048 * piece, row_bytes);
    }
}

template <class S>
__device__ __forceinline__ void copy_stack(int &count, Shared &s, char *ring, int layers) {
#pragma unroll 1
  for (int product = 0; product < 4 * S::LAYERS; product++) {
    int kind = product % 4;
    copy_rows(count, s, ring, s.words[layers + product / 4 * LAYER_WORDS + kind],
              kind == LAYER_QKV ? S::PACKED : kind == LAYER_GATE_UP ? S::INNER : S::HIDDEN,
              kind == LAYER_OUTPUT ? S::QUERY : kind == LAYER_DOWN ? S::INNER : S::HIDDEN,
              kind == LAYER_GATE_UP);
  }
}

// What one warp does all the time: the weights of the frame, in the order of their use.
__device__ __forceinline__ void copy_frame(Shared &s, char *ring, bool advances) {
  int count = 0;
  if (advances) copy_stack<TalkerShape>(count, s, ring, TALKER_LAYERS);
  copy_rows(count, s, ring, s.words[HEADS], T_VOCABULARY, T_HIDDEN, false);
#pragma unroll 1
  for (int pass = 0; pass < CODEBOOKS - 1; pass++) {
    if (PROJECTED) copy_rows(count, s, ring, s.words[PROJECTION], P_HIDDEN, T_HIDDEN, false);
    copy_stack<PredictorShape>(count, s, ring, PREDICTOR_LAYERS);
    copy_rows(count, s, ring, s.words[HEADS + 1 + pass], P_VOCABULARY, P_HIDDEN, false);
  }
}

// What the other warps know of it.
struct Taker {
  const char *ring;  // this lane's part of the first slot
  int slot;
  u32 parity;
};

// The next piece: a warp has 128 of its columns, lane 4 g + t 8 from 8 (4 j + t) on of row g, j < 4.
__device__ __forceinline__ void take_piece(Taker &f, Shared &s, uint4 *w) {
  wait_phase(s.full + f.slot, f.parity);
#pragma unroll
  for (int j = 0; j < 4; j++) w[j] = *(const uint4 *)(f.ring + f.slot * SLOT_BYTES + 64 * j);
  __syncwarp();
  if (threadIdx.x % 32 == 0) arrive(s.empty + f.slot);
  if (++f.slot == SLOTS) {
    f.slot = 0;
    f.parity ^= 1;
  }
}

// MARK: Products

// The input of a product, as the tensor cores take it. A warp has 128 of every 1024 columns. An F32 number is the sum of three in bf16, which are columns of the second
// factor: the products are exact, and M vectors take 3 M of its 8 columns. In each 16 × 8 tile the
// columns of W stand in the order in which a lane has them, the same on both sides.
template <int K> struct Operand {
  uint4 parts[K / 1024][4];
};

// Columns of x that a lane brings, in fours.
template <int K> __device__ __forceinline__ int own_quad(int p) { return 256 * p + threadIdx.x; }

// Takes v[m][p] apart and gives each lane its part, through memory of the warp's own.
template <int K, int M>
__device__ __forceinline__ void distribute(Shared &s, const float4 (*v)[K / 1024], Operand<K> &x) {
  int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  char *place = (char *)s.parts[threadIdx.x / 32];
#pragma unroll
  for (int p = 0; p < K / 1024; p++) {
#pragma unroll
    for (int m = 0; m < M; m++) {
      float4 rest = v[m][p];
#pragma unroll
      for (int part = 0; part < 3; part++) {
        u32 low = bf16_pair(rest.x, rest.y), high = bf16_pair(rest.z, rest.w);
        *(uint2 *)(place + (3 * m + part) * PART_BYTES + 8 * lane) = make_uint2(low, high);
        rest.x -= __uint_as_float(low << 16), rest.y -= __uint_as_float(low & 0xffff0000u);
        rest.z -= __uint_as_float(high << 16), rest.w -= __uint_as_float(high & 0xffff0000u);
      }
    }
    __syncwarp();
#pragma unroll
    for (int j = 0; j < 4; j++)
      x.parts[p][j] = g < 3 * M ? *(const uint4 *)(place + g * PART_BYTES + 64 * j + 16 * t)
                                : make_uint4(0, 0, 0, 0);
    __syncwarp();
  }
}

// Scales by the norm's gain and keeps the warp's sum of squares. The norm's factor is the same for all
// columns and is applied to the sums of the product.
template <int K, int M>
__device__ __forceinline__ void scale_by_norm(Shared &s, int turn, float4 (*v)[K / 1024],
                                              const float4 *gain) {
#pragma unroll
  for (int m = 0; m < M; m++) {
    float square = 0;
#pragma unroll
    for (int p = 0; p < K / 1024; p++) {
      float4 &e = v[m][p];
      square += e.x * e.x + e.y * e.y + e.z * e.z + e.w * e.w;
      e.x *= gain[p].x, e.y *= gain[p].y, e.z *= gain[p].z, e.w *= gain[p].w;
    }
    square = warp_sum(square);
    if (threadIdx.x % 32 == 0) s.squares[turn][m][threadIdx.x / 32] = square;
  }
}

template <int K> __device__ __forceinline__ float norm_factor(Shared &s, int turn, int m,
                                                              float epsilon) {
  float sum = 0;
#pragma unroll
  for (int w = 0; w < WARPS; w++) sum += s.squares[turn][m][w];
  return 1.0f / sqrtf(sum / K + epsilon);
}

template <int K> __device__ __forceinline__ void load_gain(float4 *gain, u64 norm) {
#pragma unroll
  for (int p = 0; p < K / 1024; p++) gain[p] = ((const float4 *)norm)[own_quad<K>(p)];
}

// Waits for this warp's columns of M rows of pairs.
template <int K, int M>
__device__ __forceinline__ void load_pairs(float4 (*v)[K / 1024], const u64 *pairs, u32 tag) {
  constexpr int C = K / 1024, COUNT = 2 * M * C;
  uint4 two[COUNT];
  pairs += (blockIdx.x % COPIES) * PAIR_COUNT;
  auto place = [&](int i) {
    return pairs + i / (2 * C) * WIDEST + 4 * own_quad<K>(i / 2 % C) + 2 * (i % 2);
  };
#pragma unroll
  for (int i = 0; i < COUNT; i++) two[i] = load_two_pairs(place(i));
  await([&] {
    bool missing = false;
#pragma unroll
    for (int i = 0; i < COUNT; i++) missing |= retry(two[i], place(i), tag);
    return missing;
  });
#pragma unroll
  for (int i = 0; i < COUNT; i += 2)
    v[i / (2 * C)][i / 2 % C] =
      make_float4(__uint_as_float(two[i].x), __uint_as_float(two[i].z),
                  __uint_as_float(two[i + 1].x), __uint_as_float(two[i + 1].z));
}

// Four numbers of a row of a bf16 table of K columns.
template <int K> __device__ __forceinline__ float4 table_quad(u64 table, int row, int q) {
  uint2 w = ((const uint2 *)((const u16 *)table + (i64)row * K))[q];
  return make_float4(__uint_as_float(w.x << 16), __uint_as_float(w.x & 0xffff0000u),
                     __uint_as_float(w.y << 16), __uint_as_float(w.y & 0xffff0000u));
}

// W x for the block's rows of W, or pairs of rows. Each warp leaves its share of every row's sum;
// behind the barrier `emit(row, m, value, up)` runs in one thread for each result. `turn` alternates
// between products, so that one barrier is enough.
template <int K, int M, int N, bool PAIRED, class Emit>
__device__ __forceinline__ void multiply(Taker &f, Shared &s, int turn, const Operand<K> &x,
                                         const Emit &emit) {
  int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  int first = first_group(N), groups = end_group(N) - first;
  float *share = s.shares[turn][threadIdx.x / 32];
#pragma unroll 1
  for (int group = 0; group < (PAIRED ? 2 * groups : groups); group++) {
    // Four sums apart, for a chain of products would be long.
    float d[4][4];
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) d[j][e] = 0;
#pragma unroll
    for (int p = 0; p < K / 1024; p++) {
      uint4 w[4];
      take_piece(f, s, w);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        // Eight of a tile's sixteen rows.
        multiply_tile(d[j], w[j].x, 0, w[j].y, 0, x.parts[p][j].x, x.parts[p][j].y);
        multiply_tile(d[j], w[j].z, 0, w[j].w, 0, x.parts[p][j].z, x.parts[p][j].w);
      }
    }
    // Columns 2 t and 2 t + 1 of row g; vector m is the sum of columns 3 m … 3 m + 2.
    float even = (d[0][0] + d[1][0]) + (d[2][0] + d[3][0]);
    float odd = (d[0][1] + d[1][1]) + (d[2][1] + d[3][1]);
    float both = even + odd, next_even = __shfl_down_sync(0xffffffffu, even, 1);
    if (t == 0) share[8 * group + g] = both + next_even;
    if (M == 2) {
      float next_both = __shfl_down_sync(0xffffffffu, both, 1);
      if (t == 1) share[MOST_ROWS + 8 * group + g] = odd + next_both;
    }
  }
  block_barrier();
#pragma unroll 1
  for (int i = threadIdx.x; i < 8 * groups * M; i += THREADS) {
    int m = M == 1 ? 0 : i / (8 * groups), r = M == 1 ? i : i % (8 * groups);
    float value = 0, up = 0;
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      const float *from = s.shares[turn][w] + m * MOST_ROWS + r;
      value += from[0];
      if (PAIRED) up += from[8 * groups];
    }
    emit(8 * first + r, m, value, up);
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
  float *query = s.scratch, *key = query + 2 * HEAD, *value = key + HEAD, *rows = value + HEAD;
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
      await([&] { return retry(first, from, tag) | retry(second, from + HEAD / 2, tag); });
      float2 low = make_float2(__uint_as_float(first.x), __uint_as_float(first.z));
      float2 high = make_float2(__uint_as_float(second.x), __uint_as_float(second.z));
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
    block_barrier();
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
    block_barrier();
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
      store_copies(pairs + ATTENDED_PAIRS + m * WIDEST + (2 * g + h) * HEAD + e, sum / all, tag);
    } else {
      store_pair(pairs + SHARE_PAIRS + (i64)unit * 2 * HEAD + thread, sum / all, tag);
      if (e == 0) store_pair(pairs + WEIGHT_PAIRS + 2 * unit + h, best + logf(all), tag);
    }
  }
  // The block of a head's first split merges the shares of all.
  if (splits > 1 && (int)blockIdx.x < S::KV_HEADS) {
    int g = blockIdx.x, h = thread / HEAD, e = thread % HEAD;
    float best = NEGATIVE_INFINITY, all = 0, sum = 0;
#pragma unroll 1
    for (int start = 0; start < splits; start += 4) {
      uint2 share[4], weight[4];
      auto unit = [&](int i) { return min(start + i, splits - 1) * S::KV_HEADS + g; };
      auto share_place = [&](int i) { return pairs + SHARE_PAIRS + unit(i) * 2 * HEAD + thread; };
      auto weight_place = [&](int i) { return pairs + WEIGHT_PAIRS + 2 * unit(i) + h; };
#pragma unroll
      for (int i = 0; i < 4; i++) {
        share[i] = load_pair(share_place(i));
        weight[i] = load_pair(weight_place(i));
      }
      await([&] {
        bool missing = false;
#pragma unroll
        for (int i = 0; i < 4; i++)
          missing |= retry(share[i], share_place(i), tag) | retry(weight[i], weight_place(i), tag);
        return missing;
      });
#pragma unroll
      for (int i = 0; i < 4; i++) {
        float log_weight = start + i < splits ? __uint_as_float(weight[i].x) : NEGATIVE_INFINITY;
        float next = fmaxf(best, log_weight), kept = expf(best - next);
        float added = expf(log_weight - next);
        sum = sum * kept + __uint_as_float(share[i].x) * added;
        all = all * kept + added;
        best = next;
      }
    }
    store_copies(pairs + ATTENDED_PAIRS + m * WIDEST + (2 * g + h) * HEAD + e, sum / all, tag);
  }
}

// MARK: A stack of layers

// Where a stack's first input comes from: `quad(m, q)` are columns 4 q … 4 q + 3 of row m.
//
// Runs the layers over M rows at positions `position` … `position + M − 1`. Afterwards the stream stands
// in STREAM_PAIRS with the tag's last value.
template <class S, int M, class Quad>
__device__ __forceinline__ void run_stack(Taker &f, Shared &s, int &turn, u32 &tag, int layers,
                                          int position, int splits, u64 keys, u64 values,
                                          i64 capacity, u64 frequencies, float epsilon,
                                          const Quad &quad) {
  constexpr int C = S::HIDDEN / 1024;
  u64 *pairs = (u64 *)s.words[PAIRS];
  // This block's rows of the residual stream; a thread always has the same.
  int first = 8 * first_group(S::HIDDEN), count = 8 * end_group(S::HIDDEN) - first;
#pragma unroll 1
  for (int i = threadIdx.x; i < count * M; i += THREADS) {
    int row = first + i % count;
    float4 x = quad(i / count, row / 4);
    s.residual[i] = row % 4 == 0 ? x.x : row % 4 == 1 ? x.y : row % 4 == 2 ? x.z : x.w;
  }
#pragma unroll 1
  for (int l = 0; l < S::LAYERS; l++) {
    const u64 *words = s.words + layers + l * LAYER_WORDS;
    auto add_to_stream = [&](int buffer) {
      return [=, &s](int row, int m, float value, float) {
        float &old = s.residual[m * count + row - first];
        old += value;
        store_copies(pairs + buffer + m * WIDEST + row, old, tag);
      };
    };
    auto factor = [&](int turn, int m) { return norm_factor<S::HIDDEN>(s, turn, m, epsilon); };
    {
      float4 gain[C], x[M][C];
      load_gain<S::HIDDEN>(gain, words[LAYER_INPUT_NORM]);
      if (l == 0) {
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
          for (int p = 0; p < C; p++) x[m][p] = quad(m, own_quad<S::HIDDEN>(p));
      } else {
        load_pairs<S::HIDDEN, M>(x, pairs + STREAM_PAIRS, tag);
      }
      MARK(0)
      tag++;
      turn ^= 1;
      Operand<S::HIDDEN> operand;
      scale_by_norm<S::HIDDEN, M>(s, turn, x, gain);
      distribute<S::HIDDEN, M>(s, x, operand);
      MARK(1)
      multiply<S::HIDDEN, M, S::PACKED, false>(
        f, s, turn, operand, [&](int row, int m, float value, float) {
          // Few blocks read it: one copy.
          store_pair(pairs + QKV_PAIRS + m * MOST_PACKED + row, value * factor(turn, m), tag);
        });
      MARK(2)
    }
#pragma unroll 1
    for (int m = 0; m < M; m++)
      attend<S>(s, pairs + QKV_PAIRS + m * MOST_PACKED, pairs, m, tag, position + m, splits,
                (float *)keys + l * capacity * S::KV, (float *)values + l * capacity * S::KV,
                words[LAYER_QUERY_NORM], words[LAYER_KEY_NORM], frequencies, epsilon);
    MARK(3)
    {
      float4 x[M][S::QUERY / 1024];
      load_pairs<S::QUERY, M>(x, pairs + ATTENDED_PAIRS, tag);
      MARK(4)
      turn ^= 1;
      Operand<S::QUERY> operand;
      distribute<S::QUERY, M>(s, x, operand);
      MARK(5)
      multiply<S::QUERY, M, S::HIDDEN, false>(f, s, turn, operand, add_to_stream(MIDDLE_PAIRS));
      MARK(6)
    }
    {
      float4 gain[C], x[M][C];
      load_gain<S::HIDDEN>(gain, words[LAYER_POST_NORM]);
      load_pairs<S::HIDDEN, M>(x, pairs + MIDDLE_PAIRS, tag);
      MARK(7)
      turn ^= 1;
      Operand<S::HIDDEN> operand;
      scale_by_norm<S::HIDDEN, M>(s, turn, x, gain);
      distribute<S::HIDDEN, M>(s, x, operand);
      multiply<S::HIDDEN, M, S::INNER, true>(
        f, s, turn, operand, [&](int row, int m, float gate, float up) {
          float scale = factor(turn, m);
          store_copies(pairs + ACTIVATED_PAIRS + m * WIDEST + row,
                       sigmoid_product(gate * scale) * (up * scale), tag);
        });
      MARK(8)
    }
    {
      float4 x[M][S::INNER / 1024];
      load_pairs<S::INNER, M>(x, pairs + ACTIVATED_PAIRS, tag);
      MARK(9)
      turn ^= 1;
      Operand<S::INNER> operand;
      distribute<S::INNER, M>(s, x, operand);
      multiply<S::INNER, M, S::HIDDEN, false>(f, s, turn, operand, add_to_stream(STREAM_PAIRS));
      MARK(10)
    }
  }
}

// MARK: A frame

// Draws a code; every block draws the same.
template <int VOCABULARY>
__device__ __forceinline__ int draw_code(Shared &s, u32 tag, int codebook, u32 frame) {
  constexpr int PER = (VOCABULARY + THREADS - 1) / THREADS;
  const u64 *pairs =
    (const u64 *)s.words[PAIRS] + LOGIT_PAIRS + (blockIdx.x % COPIES) * PAIR_COUNT;
  const int *seen = (const int *)s.words[SEEN];
  float *plain = (float *)s.words[codebook == 0 ? TALKER_LOGITS : PREDICTOR_LOGITS];
  float scores[PER];
  bool was_seen[PER];
  uint2 first[PER];
  auto token = [&](int i) { return min((int)threadIdx.x + i * THREADS, VOCABULARY - 1); };
#pragma unroll
  for (int i = 0; i < PER; i++) {
    first[i] = load_pair(pairs + token(i));
    was_seen[i] = codebook == 0 && seen[token(i)] != 0;
  }
  await([&] {
    bool missing = false;
#pragma unroll
    for (int i = 0; i < PER; i++) missing |= retry(first[i], pairs + token(i), tag);
    return missing;
  });
#pragma unroll
  for (int i = 0; i < PER; i++) {
    int t = threadIdx.x + i * THREADS;
    scores[i] = t < VOCABULARY ? __uint_as_float(first[i].x) : NEGATIVE_INFINITY;
    if (blockIdx.x == 0 && t < VOCABULARY) plain[t] = scores[i];
  }
  return draw_token<PER>(scores, was_seen, VOCABULARY, (const int *)s.words[SETTINGS], frame,
                         codebook, codebook == 0 ? END_TOKEN : -1,
                         codebook == 0 ? SUPPRESSED_START : 0, codebook == 0 ? SUPPRESSED_END : 0,
                         codebook == 0 ? MINIMUM_TOKENS : 0, s.scratch,
                         (u16 *)(s.scratch + MOST_VOCABULARY),
                         (u16 *)(s.scratch + MOST_VOCABULARY) + MOST_VOCABULARY);
}

// Scores of the head over the vector in x, its norm's factor still missing; every block draws.
template <int K, int N>
__device__ __forceinline__ void score(Taker &f, Shared &s, int turn, u32 tag, const Operand<K> &x,
                                      bool normed, float epsilon) {
  u64 *pairs = (u64 *)s.words[PAIRS] + LOGIT_PAIRS;
  multiply<K, 1, N, false>(f, s, turn, x, [&](int row, int, float value, float) {
    store_copies(pairs + row, normed ? value * norm_factor<K>(s, turn, 0, epsilon) : value, tag);
  });
}

// One pass of the predictor over M rows; returns the code of `codebook`.
template <int M, class Quad>
__device__ __forceinline__ int predict(Taker &f, Shared &s, int &turn, u32 &tag, int codebook,
                                       u32 frame, const Quad &quad) {
  u64 *pairs = (u64 *)s.words[PAIRS];
#if PROJECTED
  {
    float4 x[M][T_HIDDEN / 1024];
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
      for (int p = 0; p < T_HIDDEN / 1024; p++) x[m][p] = quad(m, own_quad<T_HIDDEN>(p));
    turn ^= 1;
    tag++;
    Operand<T_HIDDEN> operand;
    distribute<T_HIDDEN, M>(s, x, operand);
    const float *bias = (const float *)s.words[PROJECTION_BIAS];
    multiply<T_HIDDEN, M, P_HIDDEN, false>(
      f, s, turn, operand, [&](int row, int m, float value, float) {
        store_copies(pairs + PROJECTED_PAIRS + m * WIDEST + row, value + bias[row], tag);
      });
  }
  u32 projected = tag;
  auto source = [&](int m, int q) {
    const u64 *place =
      pairs + PROJECTED_PAIRS + (blockIdx.x % COPIES) * PAIR_COUNT + m * WIDEST + 4 * q;
    uint4 low = load_two_pairs(place), high = load_two_pairs(place + 2);
    for (u32 spins = 0; retry(low, place, projected) | retry(high, place + 2, projected); spins++)
      if (spins > 1u << 23) asm volatile("trap;");
    return make_float4(__uint_as_float(low.x), __uint_as_float(low.z), __uint_as_float(high.x),
                       __uint_as_float(high.z));
  };
#else
  const Quad &source = quad;
#endif
  // The second row of pass 0 stands at position 1, the row of pass g > 0 at g + 1.
  run_stack<PredictorShape, M>(f, s, turn, tag, PREDICTOR_LAYERS, M == 2 ? 0 : codebook, 1,
                               s.words[PREDICTOR_KEYS], s.words[PREDICTOR_VALUES], CODEBOOKS,
                               s.words[PREDICTOR_FREQUENCIES], P_EPSILON, source);
  float4 gain[P_HIDDEN / 1024], y[1][P_HIDDEN / 1024];
  load_gain<P_HIDDEN>(gain, s.words[PREDICTOR_NORM]);
  load_pairs<P_HIDDEN, 1>(y, pairs + STREAM_PAIRS + (M - 1) * WIDEST, tag);
  turn ^= 1;
  scale_by_norm<P_HIDDEN, 1>(s, turn, y, gain);
  Operand<P_HIDDEN> operand;
  distribute<P_HIDDEN, 1>(s, y, operand);
  score<P_HIDDEN, P_VOCABULARY>(f, s, turn, tag, operand, true, P_EPSILON);
  return draw_code<P_VOCABULARY>(s, tag, codebook, frame);
}

// Grid: one block an SM, all there at once (a cooperative launch). `advances` is 0 for the frame
// behind a prompt, whose hidden state is there.
extern "C" __global__ void __launch_bounds__(THREADS + 32, 1) frame_step(const u64 *words, int advances) {
  extern __shared__ __align__(128) char memory[];
  Shared &s = *(Shared *)(memory + SLOTS * SLOT_BYTES);
  int thread = threadIdx.x;
  for (int i = thread; i < WORDS; i += THREADS + 32) s.words[i] = words[i];
  if (thread < SLOTS) {
#ifdef BULK_COPIES
    make_barrier(s.full + thread, 1);
#else
    make_barrier(s.full + thread, 32);
#endif
    make_barrier(s.empty + thread, WARPS);
#ifdef BULK_COPIES
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
  }
  __syncthreads();
  // From here on the copying warp goes alone, and barriers are for the other eight.
  if (thread >= THREADS) {
    copy_frame(s, memory, advances != 0);
    return;
  }
  Taker f = {memory + thread % 32 / 4 * ROW_BYTES + thread / 32 * 256 + 16 * (thread % 4), 0, 0};
#ifdef PROFILE
  if (thread < 32) s.profile[thread / 16][thread % 16] = 0;
  s.last_mark = clock64();
  block_barrier();
#endif
  u32 tag = *(const u32 *)s.words[TAG];
  int turn = 0, position = *(const int *)s.words[POSITION];
  int *frame_index = (int *)s.words[FRAME_INDEX], *codes = (int *)s.words[CODES];
  int text_row = min(*frame_index, *(const int *)s.words[TRAILING_COUNT]);
  u32 frame = *frame_index + (advances ? 1 : 0);
  float *hidden = (float *)s.words[HIDDEN_STATE];
  float4 x[1][T_HIDDEN / 1024];
  if (advances) {
    run_stack<TalkerShape, 1>(
      f, s, turn, tag, TALKER_LAYERS, position, min(MOST_SPLITS, position / 32 + 1),
      s.words[TALKER_KEYS], s.words[TALKER_VALUES], (i64)s.words[CAPACITY],
      s.words[TALKER_FREQUENCIES], T_EPSILON, [&](int, int q) {
        float4 sum = table_quad<T_HIDDEN>(s.words[TABLES], codes[0], q);
#pragma unroll
        for (int g = 1; g < CODEBOOKS; g++) {
          float4 y = table_quad<T_HIDDEN>(s.words[TABLES + g], codes[g], q);
          sum.x += y.x, sum.y += y.y, sum.z += y.z, sum.w += y.w;
        }
        float4 text = ((const float4 *)s.words[TRAILING])[(i64)text_row * (T_HIDDEN / 4) + q];
        sum.x += text.x, sum.y += text.y, sum.z += text.z, sum.w += text.w;
        return sum;
      });
    float4 gain[T_HIDDEN / 1024];
    load_gain<T_HIDDEN>(gain, s.words[TALKER_NORM]);
    load_pairs<T_HIDDEN, 1>(x, (const u64 *)s.words[PAIRS] + STREAM_PAIRS, tag);
    turn ^= 1;
    scale_by_norm<T_HIDDEN, 1>(s, turn, x, gain);
  } else {
#pragma unroll
    for (int p = 0; p < T_HIDDEN / 1024; p++)
      x[0][p] = ((const float4 *)hidden)[own_quad<T_HIDDEN>(p)];
    turn ^= 1;
    tag++;
  }
  {
    Operand<T_HIDDEN> operand;
    distribute<T_HIDDEN, 1>(s, x, operand);
    score<T_HIDDEN, T_VOCABULARY>(f, s, turn, tag, operand, advances != 0, T_EPSILON);
  }
  float factor = advances ? norm_factor<T_HIDDEN>(s, turn, 0, T_EPSILON) : 1.0f;
#pragma unroll
  for (int p = 0; p < T_HIDDEN / 1024; p++) {
    float4 h = x[0][p];
    h.x *= factor, h.y *= factor, h.z *= factor, h.w *= factor;
    ((float4 *)s.hidden)[own_quad<T_HIDDEN>(p)] = h;
    if (blockIdx.x == 0 && advances) ((float4 *)hidden)[own_quad<T_HIDDEN>(p)] = h;
  }
  int code = draw_code<T_VOCABULARY>(s, tag, 0, frame);
  // Every thread knows every code; one of them keeps it.
  int mine = code, drawn = code;

  code = predict<2>(f, s, turn, tag, 1, frame, [&](int m, int q) {
    return m == 0 ? ((const float4 *)s.hidden)[q]
                  : table_quad<T_HIDDEN>(s.words[TABLES], drawn, q);
  });
  if (thread == 1) mine = code;
#pragma unroll 1
  for (int codebook = 2; codebook < CODEBOOKS; codebook++) {
    int before = code;
    code = predict<1>(f, s, turn, tag, codebook, frame, [&](int, int q) {
      return table_quad<T_HIDDEN>(s.words[TABLES + codebook - 1], before, q);
    });
    if (thread == codebook) mine = code;
  }
#ifdef PROFILE
  block_barrier();
  if (thread == 0 && position == PROFILE &&
      (blockIdx.x == 0 || blockIdx.x == 9 || blockIdx.x == 100)) {
    printf("block %d cycles a layer, talker:", blockIdx.x);
    for (int i = 0; i < 11; i++) printf(" %u", s.profile[0][i] / T_LAYERS);
    printf("\nblock %d predictor:", blockIdx.x);
    for (int i = 0; i < 11; i++) printf(" %u", s.profile[1][i] / (P_LAYERS * (CODEBOOKS - 1)));
    printf("\n");
  }
#endif

  // What the next frame reads is written when every block has read the old: this one's last draw
  // needed scores from all.
  if (blockIdx.x != 0) return;
  int count = *(const int *)s.words[RING_COUNTER];
  if (thread < CODEBOOKS) {
    codes[thread] = mine;
    ((int *)s.words[RING])[count % RING_DEPTH * CODEBOOKS + thread] = mine;
    __threadfence_system();
  }
  block_barrier();
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
