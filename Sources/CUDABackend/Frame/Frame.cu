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
// *Results carry their own flag.* A number's last bit tells whether its place has been written an odd
// or an even number of times, and a reader loads it until that is right. (What few SMs read has a tag
// beside it instead.) There are no barriers across the grid and no fences: a phase costs one store and
// one load through the second-level cache. A place is overwritten one layer later at the earliest,
// and by then every SM has read it: each SM makes some of the queries, of the activations and of the
// scores, which all that follows needs.
//
// *Tensor cores multiply a vector.* With F32 arithmetic the instructions, not the bytes, set the time.
//
// Constants come from the host: T_ (talker) and P_ (predictor) HIDDEN, QUERY, KV, INNER, LAYERS,
// VOCABULARY, EPSILON, CACHE (how keys and values are kept); PROJECTED, CODEBOOKS, GRID, SLOTS, MOST_SPLITS, RING_DEPTH, END_TOKEN,
// SUPPRESSED_START, SUPPRESSED_END, MINIMUM_TOKENS; and WORD_COUNT, PAIRS_MADE, NUMBERS_MADE, SHARED_BYTES,
// which are checked. Heads have 128 numbers, and two
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
#define DEPTH 2
#endif

enum {
  THREADS = 256, WARPS = 8, HEAD = 128,
  // A row of a piece; the 64 bytes more keep the rows that a warp reads together in different banks.
  ROW_BYTES = 2048 + 64, SLOT_BYTES = 8 * ROW_BYTES
};

// A stack, and where in the memory between SMs its vectors stand, ROWS of each.
template <int HIDDEN_, int QUERY_, int KV_, int INNER_, int LAYERS_, int VOCABULARY_, int CACHE_,
          int ROWS_, int START>
struct Shape {
  enum {
    CACHE = CACHE_, CACHE_BYTES = CACHE_ == F32 ? 4 : 2,
    HIDDEN = HIDDEN_, QUERY = QUERY_, KV = KV_, INNER = INNER_, LAYERS = LAYERS_,
    VOCABULARY = VOCABULARY_, ROWS = ROWS_, PACKED = QUERY_ + 2 * KV_, KV_HEADS = KV_ / HEAD,
    ATTENDED = START,
    MIDDLE = ATTENDED + ROWS * QUERY,  // the residual stream after attention
    ACTIVATED = MIDDLE + ROWS * HIDDEN,
    STREAM = ACTIVATED + ROWS * INNER,  // the residual stream after a layer
    INPUT = STREAM + ROWS * HIDDEN,  // projected to the width of the stack
    SCORES = INPUT + ROWS * HIDDEN,
    END = SCORES + VOCABULARY
  };
};
typedef Shape<T_HIDDEN, T_QUERY, T_KV, T_INNER, T_LAYERS, T_VOCABULARY, T_CACHE, 1, 0>
  TalkerShape;
// Two rows for its first pass.
typedef Shape<P_HIDDEN, P_QUERY, P_KV, P_INNER, P_LAYERS, P_VOCABULARY, P_CACHE, 2,
              TalkerShape::END> PredictorShape;

__host__ __device__ constexpr int larger(int a, int b) { return a > b ? a : b; }

// Addresses that the host writes down once, in this order (`FrameProgram.swift`).
enum {
  LAYER_QKV, LAYER_OUTPUT, LAYER_GATE_UP, LAYER_DOWN, LAYER_INPUT_NORM, LAYER_POST_NORM,
  LAYER_QUERY_NORM, LAYER_KEY_NORM, LAYER_WORDS
};
enum { STACK_NORM, STACK_FREQUENCIES, STACK_KEYS, STACK_VALUES, STACK_WORDS };
enum {
  TALKER_LAYERS = 0,
  PREDICTOR_LAYERS = TALKER_LAYERS + T_LAYERS * LAYER_WORDS,
  HEADS = PREDICTOR_LAYERS + P_LAYERS * LAYER_WORDS,  // talker, then one for each later codebook
  TABLES = HEADS + CODEBOOKS,                         // the same for embeddings
  TALKER_STACK = TABLES + CODEBOOKS,
  PREDICTOR_STACK = TALKER_STACK + STACK_WORDS,
  PROJECTION = PREDICTOR_STACK + STACK_WORDS, PROJECTION_BIAS,
  HIDDEN_STATE, TALKER_LOGITS, PREDICTOR_LOGITS, CODES, POSITION, FRAME_INDEX, SETTINGS, SEEN,
  TRAILING, TRAILING_COUNT, CAPACITY, PAIRS, NUMBERS, COUNTS, RING, RING_COUNTER, PUBLISHED,
  WORDS
};
static_assert(WORDS == WORD_COUNT, "the host lays out as many addresses");

enum {
  MOST_PACKED = larger(TalkerShape::PACKED, PredictorShape::PACKED),
  MOST_VOCABULARY = larger(T_VOCABULARY, P_VOCABULARY),
  MOST_KV_HEADS = larger(TalkerShape::KV_HEADS, PredictorShape::KV_HEADS),
  // What few SMs read, in pairs.
  QKV_PAIRS = 0,
  SHARE_PAIRS = QKV_PAIRS + 2 * MOST_PACKED,  // attention of a split, [split][kv head][2][128]
  WEIGHT_PAIRS = SHARE_PAIRS + MOST_SPLITS * MOST_KV_HEADS * 2 * HEAD,
  PAIR_COUNT = WEIGHT_PAIRS + MOST_SPLITS * MOST_KV_HEADS * 2,
  // What every SM reads, as numbers with a mark. It stands in several copies, each for some of them:
  // one would be a bottleneck.
  COPIES = 4,
  NUMBER_COUNT = PredictorShape::END
};
static_assert(PAIR_COUNT == PAIRS_MADE && NUMBER_COUNT * COPIES == NUMBERS_MADE,
              "the host makes as many");

// Rows of a matrix, gates and up-projections apart, that a block multiplies at the most.
__host__ __device__ constexpr int block_rows(int n) { return 8 * ((n / 8 + GRID - 1) / GRID); }
enum {
  MOST_ROWS = larger(larger(block_rows(MOST_PACKED), block_rows(MOST_VOCABULARY)),
                     2 * block_rows(larger(T_INNER, P_INNER))),
  MOST_OWN = block_rows(larger(T_HIDDEN, P_HIDDEN)),
  // Parts of 128 columns; the distance keeps a warp's reads apart.
  PART_BYTES = 320,
  // Positions that a block attends to at a time, at the most: one for each lane.
  MOST_SPAN = 32,
  // Lists of a draw; or of each row two queries, the key, the value, twice a span's scores, and what the
  // warps add up.
  ROW_SCRATCH = 4 * HEAD + 2 * 2 * MOST_SPAN + WARPS * 2 * HEAD,
  SCRATCH = larger(2 * MOST_VOCABULARY, 2 * ROW_SCRATCH)
};
// Behind the ring.
struct Shared {
  float scratch[SCRATCH], hidden[T_HIDDEN], shares[2][WARPS][2 * MOST_ROWS];
  float residual[2 * MOST_OWN], squares[2][2][WARPS];
  float2 rotation[2][HEAD / 2];  // cosine and sine for each row's position
  u32 parts[WARPS][6 * PART_BYTES / 4];
  u64 words[WORDS];
  const u32 *own_numbers;  // the copy that this SM reads
  // What is kept across passes stands here or in global memory: the registers are full.
  u32 frame;
  int codes[CODEBOOKS];
  u64 full[SLOTS], empty[SLOTS];  // of the ring's slots
};
static_assert(sizeof(Shared) + SLOTS * SLOT_BYTES <= SHARED_BYTES, "the launch asks for it");

// MARK: Between SMs

// Tell a new number from an old one: the tag counts the layers of both stacks, and each bit of `turns`
// changes with every use of its places.
enum { TALKER_TURN = 1, PREDICTOR_TURN = 2, SECOND_ROW_TURN = 4, FRAME_TURN = 8, PASS_TURN = 16 };
struct Counts {
  u32 tag, turns;
};
template <class S, int M> __device__ __forceinline__ void count_layer(Counts &c) {
  c.tag++;
  c.turns ^= (S::ROWS == 1 ? TALKER_TURN : PREDICTOR_TURN) | (M == 2 ? SECOND_ROW_TURN : 0);
}
// The parity of row m of a stack's vectors.
template <class S> __device__ __forceinline__ bool parity(const Counts &c, int m) {
  return (c.turns & (m == 1 ? SECOND_ROW_TURN : S::ROWS == 1 ? TALKER_TURN : PREDICTOR_TURN)) != 0;
}

__device__ __forceinline__ void store_pair(u64 *place, float value, u32 tag) {
  asm volatile("st.relaxed.gpu.global.v2.u32 [%0], {%1, %2};"
               :
               : "l"(place), "r"(__float_as_uint(value)), "r"(tag)
               : "memory");
}
__device__ __forceinline__ uint2 load_pair(const u64 *place) {
  uint2 v;
  asm volatile("ld.relaxed.gpu.global.v2.u32 {%0, %1}, [%2];"
               : "=r"(v.x), "=r"(v.y) : "l"(place));
  return v;
}
// Two pairs, or four numbers.
__device__ __forceinline__ uint4 load_words(const void *place) {
  uint4 v;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(place));
  return v;
}
// Loads again what has not come.
__device__ __forceinline__ bool load_again(uint4 &v, const void *place, u32 missing) {
  asm volatile(
    "{ .reg .pred p; setp.ne.u32 p, %5, 0; @p ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4]; }"
    : "+r"(v.x), "+r"(v.y), "+r"(v.z), "+r"(v.w)
    : "l"(place), "r"(missing));
  return missing != 0;
}
__device__ __forceinline__ bool retry(uint4 &v, const u64 *place, u32 tag) {
  return load_again(v, place, v.y != tag || v.w != tag);
}
__device__ __forceinline__ bool retry(uint2 &v, const u64 *place, u32 tag) {
  bool missing = v.y != tag;
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %3, 0; @p ld.relaxed.gpu.global.v2.u32 {%0, %1}, [%2]; }"
               : "+r"(v.x), "+r"(v.y)
               : "l"(place), "r"((u32)missing));
  return missing;
}
// A number whose last bit, given up, is the parity of its place's uses.
__device__ __forceinline__ void store_number(u32 *place, float value, bool odd) {
  u32 marked = ((__float_as_uint(value) + 1) & ~1u) | odd;
#pragma unroll
  for (int copy = 0; copy < COPIES; copy++)
    asm volatile("st.relaxed.gpu.global.u32 [%0], %1;"
                 :
                 : "l"(place + copy * NUMBER_COUNT), "r"(marked)
                 : "memory");
}
__device__ __forceinline__ bool retry_numbers(uint4 &v, const u32 *place, bool odd) {
  return load_again(v, place, (odd ? ~(v.x & v.y & v.z & v.w) : v.x | v.y | v.z | v.w) & 1);
}
__device__ __forceinline__ u32 load_number(const u32 *place) {
  u32 v;
  asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(place));
  return v;
}
__device__ __forceinline__ bool retry_number(u32 &v, const u32 *place, bool odd) {
  u32 missing = (v ^ odd) & 1;
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %2, 0; @p ld.relaxed.gpu.global.u32 %0, [%1]; }"
               : "+r"(v)
               : "l"(place), "r"(missing));
  return missing != 0;
}
__device__ __forceinline__ float plain_number(u32 marked) { return __uint_as_float(marked & ~1u); }
__device__ __forceinline__ float4 plain_numbers(uint4 v) {
  return make_float4(plain_number(v.x), plain_number(v.y), plain_number(v.z), plain_number(v.w));
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
  // The weights of a frame are read once and must not push out what the SMs tell each other.
  u64 policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
#ifdef BULK_COPIES
  if (lane == 0)
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
                 :
                 : "r"(barrier), "r"(8 * 2048)
                 : "memory");
  __syncwarp();
  if (lane < 8)
    asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint "
      "[%0], [%1], %2, [%3], %4;"
      :
      : "r"(to + lane * ROW_BYTES), "l"(from + lane * row_bytes), "r"(2048), "r"(barrier), "l"(policy)
      : "memory");
#else
#pragma unroll 1
  for (int row = 0; row < 8; row++)
#pragma unroll
    for (int i = 0; i < 4; i++)
      asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;"
                   :
                   : "r"(to + row * ROW_BYTES + 512 * i + 16 * lane),
                     "l"(from + row * row_bytes + 512 * i + 16 * lane), "l"(policy)
                   : "memory");
  asm volatile("cp.async.mbarrier.arrive.noinc.shared.b64 [%0];" : : "r"(barrier) : "memory");
#endif
  count++;
}

// Copies this block's rows of a matrix `[n, k]`, two groups side by side, as `multiply` takes them: gates
// with their up-projections, which stand n rows behind them, or neighbours.
__device__ __forceinline__ void copy_rows(int &count, Shared &s, char *ring, u64 matrix, int n, int k,
                                          bool paired) {
  i64 row_bytes = 2 * k, beside = paired ? n * row_bytes : 8 * row_bytes;
  int end = end_group(n);
#pragma unroll 1
  for (int group = first_group(n); group < end; group += paired ? 1 : 2) {
    const char *from = (const char *)matrix + 8 * group * row_bytes;
    bool two = paired || group + 1 < end;
#pragma unroll 1
    for (int piece = 0; piece < k / 1024; piece++)
#pragma unroll 1
      for (int second = 0; second < (two ? 2 : 1); second++)
        copy_piece(count, s, ring, from + second * beside + 2048 * piece, row_bytes);
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

// The next N pieces: a warp has 128 columns of each, lane 4 g + t 8 from 8 (4 j + t) on of row g, j < 4.
template <int N> __device__ __forceinline__ void take_pieces(Taker &f, Shared &s, uint4 (*w)[4]) {
  int slot[N];
#pragma unroll
  for (int i = 0; i < N; i++) {
    slot[i] = f.slot;
    wait_phase(s.full + f.slot, f.parity);
    if (++f.slot == SLOTS) {
      f.slot = 0;
      f.parity ^= 1;
    }
  }
#pragma unroll
  for (int i = 0; i < N; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) w[i][j] = *(const uint4 *)(f.ring + slot[i] * SLOT_BYTES + 64 * j);
  __syncwarp();
  if (threadIdx.x % 32 == 0)
#pragma unroll
    for (int i = 0; i < N; i++) arrive(s.empty + slot[i]);
}

// MARK: Products

// A vector goes to the tensor cores like this. A warp has 128 of every 1024 columns. An F32 number is the
// sum of three in bf16, which are columns of the second factor: the products are exact, and M vectors
// take 3 M of its 8 columns. In each 16 × 8 tile the columns of W stand in the order in which a lane has
// them, the same on both sides.

// Columns of x that a lane brings, in fours.
template <int K> __device__ __forceinline__ int own_quad(int p) { return 256 * p + threadIdx.x; }

// Runs of 1024 columns that are taken apart at once: there is room for six parts, of two vectors or of
// two runs of one.
template <int M> __host__ __device__ constexpr int runs_at_once() { return 2 / M; }

// Takes v[m][p] apart for runs from p on and gives each lane its part, through memory of the warp's own.
template <int K, int M>
__device__ __forceinline__ void distribute(Shared &s, const float4 (*v)[K / 1024], int p,
                                           uint4 (*parts)[4]) {
  int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  char *place = (char *)s.parts[threadIdx.x / 32];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    if (p + i / M >= K / 1024) continue;
    float4 rest = v[i % M][p + i / M];
#pragma unroll
    for (int part = 0; part < 3; part++) {
      u32 low = bf16_pair(rest.x, rest.y), high = bf16_pair(rest.z, rest.w);
      *(uint2 *)(place + (3 * i + part) * PART_BYTES + 8 * lane) = make_uint2(low, high);
      rest.x -= __uint_as_float(low << 16), rest.y -= __uint_as_float(low & 0xffff0000u);
      rest.z -= __uint_as_float(high << 16), rest.w -= __uint_as_float(high & 0xffff0000u);
    }
  }
  __syncwarp();
#pragma unroll
  for (int r = 0; r < runs_at_once<M>(); r++) {
    if (p + r >= K / 1024) continue;
#pragma unroll
    for (int j = 0; j < 4; j++)
      parts[r][j] = g < 3 * M ? *(const uint4 *)(place + (3 * r + g) * PART_BYTES + 64 * j + 16 * t)
                              : make_uint4(0, 0, 0, 0);
  }
  __syncwarp();
}

// All of a vector, for products of many rows; those of few rows take it apart as they go.
template <int K> struct Operand {
  uint4 parts[K / 1024][4];
};
template <int K, int M>
__device__ __forceinline__ void distribute(Shared &s, const float4 (*v)[K / 1024], Operand<K> &x) {
#pragma unroll
  for (int p = 0; p < K / 1024; p += runs_at_once<M>()) distribute<K, M>(s, v, p, x.parts + p);
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
  return rsqrtf(sum / K + epsilon);
}

template <int K> __device__ __forceinline__ void load_gain(float4 *gain, u64 norm) {
#pragma unroll
  for (int p = 0; p < K / 1024; p++) gain[p] = *(const float4 *)(norm + 16 * threadIdx.x + 4096 * p);
}

// Waits for this warp's columns of rows `from` … M − 1 of a stack's vectors at `place`.
template <class S, int K, int M, int FROM = 0>
__device__ __forceinline__ void await_vectors(float4 (*v)[K / 1024], const Shared &s,
                                              const Counts &counts, int place) {
  constexpr int C = K / 1024, COUNT = (M - FROM) * C;
  const char *own = (const char *)s.own_numbers + 16 * threadIdx.x;
  uint4 got[COUNT];
  auto from = [&](int i) {
    return (const u32 *)(own + 4 * (place + (FROM + i / C) * K + 4 * 256 * (i % C)));
  };
#pragma unroll
  for (int i = 0; i < COUNT; i++) got[i] = load_words(from(i));
  await([&] {
    bool missing = false;
#pragma unroll
    for (int i = 0; i < COUNT; i++)
      missing |= retry_numbers(got[i], from(i), parity<S>(counts, FROM + i / C));
    return missing;
  });
#pragma unroll
  for (int i = 0; i < COUNT; i++) v[i / C][i % C] = plain_numbers(got[i]);
}

// Four numbers as they are stored: F32 in 16 bytes, bf16 in 8.
template <int T> struct StoredQuad {
  typedef uint4 Words;
};
template <> struct StoredQuad<BF16> {
  typedef uint2 Words;
};
__device__ __forceinline__ float4 widened(uint4 w) {
  return make_float4(__uint_as_float(w.x), __uint_as_float(w.y), __uint_as_float(w.z),
                     __uint_as_float(w.w));
}
__device__ __forceinline__ float4 widened(uint2 w) {
  return make_float4(__uint_as_float(w.x << 16), __uint_as_float(w.x & 0xffff0000u),
                     __uint_as_float(w.y << 16), __uint_as_float(w.y & 0xffff0000u));
}

// Four numbers of a row of a bf16 table of K columns.
template <int K> __device__ __forceinline__ float4 table_quad(u64 table, int row, int q) {
  return widened(((const uint2 *)((const u16 *)table + (i64)row * K))[q]);
}

// W x for the block's rows of W, or pairs of rows. Each warp leaves its share of every row's sum;
// behind the barrier `emit(row, m, value, up)` runs in one thread for each result. `turn` alternates
// between products, so that one barrier is enough.
// `parts(p)` are the parts of the run p of columns; it is asked for them in order.
template <int K, int M, int N, bool PAIRED, class Parts, class Emit>
__device__ __forceinline__ void multiply_by(Taker &f, Shared &s, int turn, const Parts &parts,
                                            const Emit &emit) {
  int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  int first = first_group(N), groups = end_group(N) - first;
  float *share = s.shares[turn][threadIdx.x / 32];
  // Two groups fill a tile's sixteen rows.
#pragma unroll 1
  for (int group = 0; group < groups; group += PAIRED ? 1 : 2) {
    bool two = PAIRED || group + 1 < groups;
    // Four sums apart, for a chain of products would be long.
    float d[4][4];
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) d[j][e] = 0;
#pragma unroll
    for (int p = 0; p < K / 1024; p++) {
      const uint4 *x = parts(p);
      uint4 w[2][4];
      if (two) {
        take_pieces<2>(f, s, w);
      } else {
        take_pieces<1>(f, s, w);
#pragma unroll
        for (int j = 0; j < 4; j++) w[1][j] = make_uint4(0, 0, 0, 0);
      }
#pragma unroll
      for (int j = 0; j < 4; j++) {
        multiply_tile(d[j], w[0][j].x, w[1][j].x, w[0][j].y, w[1][j].y, x[j].x, x[j].y);
        multiply_tile(d[j], w[0][j].z, w[1][j].z, w[0][j].w, w[1][j].w, x[j].z, x[j].w);
      }
    }
#pragma unroll
    for (int second = 0; second < 2; second++) {
      if (second == 1 && !two) continue;
      // Columns 2 t and 2 t + 1 of row g; vector m is the sum of columns 3 m … 3 m + 2.
      float even = (d[0][2 * second] + d[1][2 * second]) + (d[2][2 * second] + d[3][2 * second]);
      float odd = (d[0][2 * second + 1] + d[1][2 * second + 1])
        + (d[2][2 * second + 1] + d[3][2 * second + 1]);
      float both = even + odd, next_even = __shfl_down_sync(0xffffffffu, even, 1);
      float *row = share + 8 * (PAIRED ? second * groups + group : group + second) + g;
      if (t == 0) row[0] = both + next_even;
      if (M == 2) {
        float next_both = __shfl_down_sync(0xffffffffu, both, 1);
        if (t == 1) row[MOST_ROWS] = odd + next_both;
      }
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

template <int K, int M, int N, bool PAIRED, class Emit>
__device__ __forceinline__ void multiply(Taker &f, Shared &s, int turn, const Operand<K> &x,
                                         const Emit &emit) {
  multiply_by<K, M, N, PAIRED>(f, s, turn, [&](int p) { return x.parts[p]; }, emit);
}
template <int K, int M, int N, class Emit>
__device__ __forceinline__ void multiply_few(Taker &f, Shared &s, int turn,
                                             const float4 (*v)[K / 1024], const Emit &emit) {
  uint4 parts[runs_at_once<M>()][4];
  multiply_by<K, M, N, false>(
    f, s, turn,
    [&](int p) {
      if (p % runs_at_once<M>() == 0) distribute<K, M>(s, v, p, parts);
      return parts[p % runs_at_once<M>()];
    },
    emit);
}

// MARK: Attention

// Cosines and sines for the positions of a pass, in the blocks that attend.
template <class S, int M>
__device__ __forceinline__ void prepare_rotation(Shared &s, int position, int splits,
                                                 u64 frequencies) {
  int m = threadIdx.x / (HEAD / 2), e = threadIdx.x % (HEAD / 2);
  if ((int)blockIdx.x < S::KV_HEADS * splits && m < M)
    s.rotation[m][e] = rotation_by((float)(position + m) * ((const float *)frequencies)[e]);
}

// Numbers 2 i and 2 i + 1 of a head, as a cache keeps them.
template <int T> __device__ __forceinline__ void keep_pair(void *head, int i, float2 v) {
  if (T == BF16) ((u32 *)head)[i] = bf16_pair(v.x, v.y);
  else ((float2 *)head)[i] = v;
}

// One head of keys with its two query heads, and every `splits`-th run of eight positions: a block. Of a
// span of positions a warp takes every eighth. Keys and values of the first span are on their way
// before the query is there.
template <class S>
__device__ __forceinline__ void attend(Shared &s, const Counts &counts, int m, int last, int splits,
                                       u64 keys, u64 values, u64 query_norm, u64 key_norm,
                                       float epsilon) {
  typedef typename StoredQuad<S::CACHE>::Words Words;
  // The predictor has no more positions than codebooks.
  constexpr int RUNS = S::ROWS == 2 && CODEBOOKS <= 16 ? 2 : 4, SPAN = RUNS * WARPS;
  constexpr int STEP = 32 / (2 * RUNS);
  int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  if ((int)blockIdx.x >= S::KV_HEADS * splits) return;
  u64 *pairs = (u64 *)s.words[PAIRS];
  u32 tag = counts.tag, *attended = (u32 *)s.words[NUMBERS] + S::ATTENDED + m * S::QUERY;
  float *query = s.scratch + m * ROW_SCRATCH, *key = query + 2 * HEAD, *value = key + HEAD;
  float *scores = value + HEAD, *rows = scores + 2 * 2 * MOST_SPAN;
  int g = blockIdx.x % S::KV_HEADS, split = blockIdx.x / S::KV_HEADS;
  // Query heads, key and value, a warp each: numbers 2 l, 2 l + 1 and the same of the other half,
  // which they are turned with.
  int part = warp < 2 ? 2 * g + warp : S::QUERY / HEAD + (warp - 2) * S::KV_HEADS + g;
  const u64 *from = pairs + QKV_PAIRS + m * MOST_PACKED + part * HEAD + 2 * lane;
  // Given a value, or the last layer's would be kept for the warps that load none.
  uint4 first = make_uint4(0, 0, 0, 0), second = first;
  float2 low_gain = make_float2(0, 0), high_gain = low_gain;
  if (warp < 4) {
    first = load_words(from), second = load_words(from + HEAD / 2);
    const float2 *norm = (const float2 *)(warp < 2 ? query_norm : key_norm) + lane;
    low_gain = norm[0], high_gain = norm[HEAD / 4];
  }
  auto position = [&](int run) { return (run * splits + split) * WARPS + warp; };
  // Of a head's numbers at a position, a lane's four; no device has memory for 2²³ positions.
  auto quad_of = [&](int p) { return (u32)(p * S::KV_HEADS + g) * (HEAD / 4) + lane; };
  Words k[RUNS], v[RUNS];
  auto load = [&](int run) {
#pragma unroll
    for (int i = 0; i < RUNS; i++) {
      int p = position(run + i);
      u32 at = quad_of(p);
      k[i] = p < last ? __ldcg((const Words *)keys + at) : Words();
      v[i] = p < last ? __ldcg((const Words *)values + at) : Words();
    }
  };
  load(0);
  if (warp < 4) {
    await([&] { return retry(first, from, tag) | retry(second, from + HEAD / 2, tag); });
    float2 low = make_float2(__uint_as_float(first.x), __uint_as_float(first.z));
    float2 high = make_float2(__uint_as_float(second.x), __uint_as_float(second.z));
    if (warp < 3) {
      float square = warp_sum(low.x * low.x + low.y * low.y + high.x * high.x + high.y * high.y);
      float factor = rsqrtf(square / HEAD + epsilon);
      if (warp < 2) factor *= 0.08838834764831845f;  // 1/√128
      low.x *= factor * low_gain.x, low.y *= factor * low_gain.y;
      high.x *= factor * high_gain.x, high.y *= factor * high_gain.y;
      float2 a = s.rotation[m][2 * lane], b = s.rotation[m][2 * lane + 1];
      float x = low.x, y = low.y;
      low = make_float2(x * a.x - high.x * a.y, y * b.x - high.y * b.y);
      high = make_float2(high.x * a.x + x * a.y, high.y * b.x + y * b.y);
    }
    if (warp < 2) {
      keep_pair<F32>(query + warp * HEAD, lane, low);
      keep_pair<F32>(query + warp * HEAD, HEAD / 4 + lane, high);
    } else {
      keep_pair<S::CACHE>(warp == 2 ? key : value, lane, low);
      keep_pair<S::CACHE>(warp == 2 ? key : value, HEAD / 4 + lane, high);
    }
  }
  block_barrier();
  if (warp < 2 && last / WARPS % splits == split)
    __stcg((Words *)(warp == 0 ? keys : values) + quad_of(last),
           ((const Words *)(warp == 0 ? key : value))[lane]);
  float4 q[2] = {((const float4 *)query)[lane], ((const float4 *)query)[HEAD / 4 + lane]};
  float top[2] = {NEGATIVE_INFINITY, NEGATIVE_INFINITY}, total[2] = {0, 0};
  float4 sums[2] = {make_float4(0, 0, 0, 0), make_float4(0, 0, 0, 0)};
#pragma unroll 1
  for (int run = 0; (run * splits + split) * WARPS <= last; run += RUNS) {
    if (run > 0) load(run);
    float dots[2 * RUNS];
#pragma unroll
    for (int i = 0; i < RUNS; i++) {
      // The newest is not in the cache yet.
      if (position(run + i) == last) {
        k[i] = ((const Words *)key)[lane];
        v[i] = ((const Words *)value)[lane];
      }
      float4 a = widened(k[i]);
#pragma unroll
      for (int h = 0; h < 2; h++)
        dots[2 * i + h] = q[h].x * a.x + q[h].y * a.y + q[h].z * a.z + q[h].w * a.w;
    }
    // Lane STEP (2 i + h) has the whole of sum 2 i + h.
    float mine = warp_sums<2 * RUNS>(dots);
    float *span = scores + run / RUNS % 2 * 2 * MOST_SPAN;
    if (lane % STEP == 0) span[lane / STEP % 2 * MOST_SPAN + WARPS * (lane / STEP / 2) + warp] = mine;
    block_barrier();
    int p = ((run + lane / WARPS) * splits + split) * WARPS + lane % WARPS;
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float score = lane < SPAN && p <= last ? span[h * MOST_SPAN + lane] : NEGATIVE_INFINITY;
      float best = score_of_key(__reduce_max_sync(0xffffffffu, score_key(score)));
      float next = fmaxf(top[h], best), kept = __expf(top[h] - next), weight = __expf(score - next);
      top[h] = next;
      total[h] = total[h] * kept + weight;
      sums[h].x *= kept, sums[h].y *= kept, sums[h].z *= kept, sums[h].w *= kept;
#pragma unroll
      for (int i = 0; i < RUNS; i++) {
        float w = __shfl_sync(0xffffffffu, weight, WARPS * i + warp);
        float4 a = widened(v[i]);
        sums[h].x += w * a.x, sums[h].y += w * a.y, sums[h].z += w * a.z, sums[h].w += w * a.w;
      }
    }
  }
#pragma unroll
  for (int h = 0; h < 2; h++) ((float4 *)rows)[(warp * 2 + h) * (HEAD / 4) + lane] = sums[h];
  int h = thread / HEAD, e = thread % HEAD;
  float all = warp_sum(h == 0 ? total[0] : total[1]), best = h == 0 ? top[0] : top[1], sum = 0;
  block_barrier();
#pragma unroll
  for (int w = 0; w < WARPS; w++) sum += rows[(2 * w + h) * HEAD + e];
  sum = __fdividef(sum, all);
  if (splits == 1) {
    store_number(attended + (2 * g + h) * HEAD + e, sum, parity<S>(counts, m));
    return;
  }
  store_pair(pairs + SHARE_PAIRS + (i64)blockIdx.x * 2 * HEAD + thread, sum, tag);
  if (e == 0) store_pair(pairs + WEIGHT_PAIRS + 2 * blockIdx.x + h, best + __logf(all), tag);
  if (split > 0) return;
  // The block of a head's first split merges the shares of all.
  best = NEGATIVE_INFINITY, all = 0, sum = 0;
#pragma unroll 1
  for (int start = 0; start < splits; start += 8) {
    uint2 share[8], weight[8];
    auto unit = [&](int i) { return (start + i) * S::KV_HEADS + g; };
    auto share_place = [&](int i) { return pairs + SHARE_PAIRS + unit(i) * 2 * HEAD + thread; };
    auto weight_place = [&](int i) { return pairs + WEIGHT_PAIRS + 2 * unit(i) + h; };
#pragma unroll
    for (int i = 0; i < 8; i++) {
      share[i] = weight[i] = make_uint2(__float_as_uint(NEGATIVE_INFINITY), tag);
      if (start + i < splits) {
        share[i] = load_pair(share_place(i));
        weight[i] = load_pair(weight_place(i));
      }
    }
    await([&] {
      bool missing = false;
#pragma unroll
      for (int i = 0; i < 8; i++)
        missing |= retry(share[i], share_place(i), tag) | retry(weight[i], weight_place(i), tag);
      return missing;
    });
    float next = best;
#pragma unroll
    for (int i = 0; i < 8; i++) next = fmaxf(next, __uint_as_float(weight[i].x));
    float kept = __expf(best - next);
    all *= kept, sum *= kept;
    best = next;
#pragma unroll
    for (int i = 0; i < 8; i++) {
      float factor = __expf(__uint_as_float(weight[i].x) - best);
      all += factor;
      if (factor > 0) sum += factor * __uint_as_float(share[i].x);
    }
  }
  store_number(attended + (2 * g + h) * HEAD + e, __fdividef(sum, all), parity<S>(counts, m));
}

// MARK: A stack of layers

// Where a stack's first input comes from: `quad(m, q)` are columns 4 q … 4 q + 3 of row m.
//
// Runs the layers over M rows at positions `position` … `position + M − 1`. Afterwards the stream stands
// at S::STREAM.
template <class S, int M, class Quad>
__device__ __forceinline__ void run_stack(Taker &f, Shared &s, int &turn, Counts &counts, int layers,
                                          int stack, int position, int splits, float epsilon,
                                          const Quad &quad) {
  constexpr int C = S::HIDDEN / 1024;
  u64 *pairs = (u64 *)s.words[PAIRS];
  u32 *numbers = (u32 *)s.words[NUMBERS];
  // This block's rows of the residual stream; a thread always has the same.
  int first = 8 * first_group(S::HIDDEN), count = 8 * end_group(S::HIDDEN) - first;
#pragma unroll 1
  for (int i = threadIdx.x; i < count * M; i += THREADS) {
    int row = first + i % count;
    float4 x = quad(i / count, row / 4);
    s.residual[i] = row % 4 == 0 ? x.x : row % 4 == 1 ? x.y : row % 4 == 2 ? x.z : x.w;
  }
  prepare_rotation<S, M>(s, position, splits, s.words[stack + STACK_FREQUENCIES]);
#pragma unroll 1
  for (int l = 0; l < S::LAYERS; l++) {
    const u64 *words = s.words + layers + l * LAYER_WORDS;
    auto add_to_stream = [&](int place) {
      return [=, &s](int row, int m, float value, float) {
        float &old = s.residual[m * count + row - first];
        old += value;
        store_number(numbers + place + m * S::HIDDEN + row, old, parity<S>(counts, m));
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
        await_vectors<S, S::HIDDEN, M>(x, s, counts, S::STREAM);
      }
      count_layer<S, M>(counts);
      turn ^= 1;
      Operand<S::HIDDEN> operand;
      scale_by_norm<S::HIDDEN, M>(s, turn, x, gain);
      distribute<S::HIDDEN, M>(s, x, operand);
      multiply<S::HIDDEN, M, S::PACKED, false>(
        f, s, turn, operand, [&](int row, int m, float value, float) {
          store_pair(pairs + QKV_PAIRS + m * MOST_PACKED + row, value * factor(turn, m), counts.tag);
        });
    }
#pragma unroll 1
    for (int m = 0; m < M; m++) {
      i64 capacity = S::ROWS == 1 ? (i64)s.words[CAPACITY] : CODEBOOKS;
      i64 behind = l * capacity * (S::KV * S::CACHE_BYTES);
      attend<S>(s, counts, m, position + m, splits, s.words[stack + STACK_KEYS] + behind,
                s.words[stack + STACK_VALUES] + behind, words[LAYER_QUERY_NORM],
                words[LAYER_KEY_NORM], epsilon);
    }
    {
      float4 x[M][S::QUERY / 1024];
      await_vectors<S, S::QUERY, M>(x, s, counts, S::ATTENDED);
      turn ^= 1;
      multiply_few<S::QUERY, M, S::HIDDEN>(f, s, turn, x, add_to_stream(S::MIDDLE));
    }
    {
      float4 gain[C], x[M][C];
      load_gain<S::HIDDEN>(gain, words[LAYER_POST_NORM]);
      await_vectors<S, S::HIDDEN, M>(x, s, counts, S::MIDDLE);
      turn ^= 1;
      Operand<S::HIDDEN> operand;
      scale_by_norm<S::HIDDEN, M>(s, turn, x, gain);
      distribute<S::HIDDEN, M>(s, x, operand);
      multiply<S::HIDDEN, M, S::INNER, true>(
        f, s, turn, operand, [&](int row, int m, float gate, float up) {
          float scale = factor(turn, m), x = gate * scale;
          store_number(numbers + S::ACTIVATED + m * S::INNER + row,
                       __fdividef(x, 1.0f + __expf(-x)) * (up * scale), parity<S>(counts, m));
        });
    }
    {
      float4 x[M][S::INNER / 1024];
      await_vectors<S, S::INNER, M>(x, s, counts, S::ACTIVATED);
      turn ^= 1;
      multiply_few<S::INNER, M, S::HIDDEN>(f, s, turn, x, add_to_stream(S::STREAM));
    }
  }
}

// MARK: A frame

// Draws a code from a stack's scores; every block draws the same.
template <class S>
__device__ __forceinline__ int draw_code(Shared &s, bool odd, int codebook) {
  constexpr int VOCABULARY = S::VOCABULARY, PER = (VOCABULARY + THREADS - 1) / THREADS;
  const u32 *numbers = s.own_numbers + S::SCORES;
  const int *seen = (const int *)s.words[SEEN];
  float *plain = (float *)s.words[codebook == 0 ? TALKER_LOGITS : PREDICTOR_LOGITS];
  u32 marked[PER];
  bool was_seen[PER];
  // From a thread's first score or token to its i-th, or one that exists: a constant mostly.
  numbers += threadIdx.x, seen += threadIdx.x;
  auto away = [&](int i) {
    return i < VOCABULARY / THREADS ? i * THREADS
                                    : min(i * THREADS, VOCABULARY - 1 - (int)threadIdx.x);
  };
#pragma unroll
  for (int i = 0; i < PER; i++) {
    marked[i] = load_number(numbers + away(i));
    was_seen[i] = codebook == 0 && seen[away(i)] != 0;
  }
  await([&] {
    bool missing = false;
#pragma unroll
    for (int i = 0; i < PER; i++) missing |= retry_number(marked[i], numbers + away(i), odd);
    return missing;
  });
  float scores[PER];
#pragma unroll
  for (int i = 0; i < PER; i++) {
    int t = threadIdx.x + i * THREADS;
    scores[i] = t < VOCABULARY ? plain_number(marked[i]) : NEGATIVE_INFINITY;
    if (blockIdx.x == 0 && t < VOCABULARY) plain[t] = scores[i];
  }
  return draw_token<PER>(scores, was_seen, VOCABULARY, (const int *)s.words[SETTINGS], s.frame,
                         codebook, codebook == 0 ? END_TOKEN : -1,
                         codebook == 0 ? SUPPRESSED_START : 0, codebook == 0 ? SUPPRESSED_END : 0,
                         codebook == 0 ? MINIMUM_TOKENS : 0, s.scratch,
                         (u16 *)(s.scratch + MOST_VOCABULARY),
                         (u16 *)(s.scratch + MOST_VOCABULARY) + MOST_VOCABULARY);
}

// Scores of a stack's head over the vector in x, its norm's factor still missing where it is `normed`.
template <class S>
__device__ __forceinline__ void score(Taker &f, Shared &s, int turn, bool odd,
                                      const Operand<S::HIDDEN> &x, bool normed, float epsilon) {
  u32 *numbers = (u32 *)s.words[NUMBERS] + S::SCORES;
  multiply<S::HIDDEN, 1, S::VOCABULARY, false>(f, s, turn, x, [&](int row, int, float value, float) {
    if (normed) value *= norm_factor<S::HIDDEN>(s, turn, 0, epsilon);
    store_number(numbers + row, value, odd);
  });
}

// One pass of the predictor over M rows; returns the code of `codebook`.
template <int M, class Quad>
__device__ __forceinline__ int predict(Taker &f, Shared &s, int &turn, Counts &counts, int codebook,
                                       const Quad &quad) {
  counts.turns ^= PASS_TURN;
#if PROJECTED
  // Its first row is used once a pass, its second once a frame.
  auto projected = [&](int m) { return (counts.turns & (m == 0 ? PASS_TURN : FRAME_TURN)) != 0; };
  {
    float4 x[M][T_HIDDEN / 1024];
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
      for (int p = 0; p < T_HIDDEN / 1024; p++) x[m][p] = quad(m, own_quad<T_HIDDEN>(p));
    turn ^= 1;
    Operand<T_HIDDEN> operand;
    distribute<T_HIDDEN, M>(s, x, operand);
    const float *bias = (const float *)s.words[PROJECTION_BIAS];
    u32 *numbers = (u32 *)s.words[NUMBERS] + PredictorShape::INPUT;
    multiply<T_HIDDEN, M, P_HIDDEN, false>(
      f, s, turn, operand, [&](int row, int m, float value, float) {
        store_number(numbers + m * P_HIDDEN + row, value + bias[row], projected(m));
      });
  }
  auto source = [&](int m, int q) {
    const u32 *place = s.own_numbers + PredictorShape::INPUT + m * P_HIDDEN + 4 * q;
    uint4 got = load_words(place);
    for (u32 spins = 0; retry_numbers(got, place, projected(m)); spins++)
      if (spins > 1u << 23) asm volatile("trap;");
    return plain_numbers(got);
  };
#else
  const Quad &source = quad;
#endif
  // The second row of pass 0 stands at position 1, the row of pass g > 0 at g + 1.
  run_stack<PredictorShape, M>(f, s, turn, counts, PREDICTOR_LAYERS, PREDICTOR_STACK,
                               M == 2 ? 0 : codebook, 1, P_EPSILON, source);
  float4 gain[P_HIDDEN / 1024], y[1][P_HIDDEN / 1024];
  load_gain<P_HIDDEN>(gain, s.words[PREDICTOR_STACK + STACK_NORM]);
  await_vectors<PredictorShape, P_HIDDEN, M, M - 1>(y, s, counts, PredictorShape::STREAM);
  turn ^= 1;
  scale_by_norm<P_HIDDEN, 1>(s, turn, y, gain);
  Operand<P_HIDDEN> operand;
  distribute<P_HIDDEN, 1>(s, y, operand);
  score<PredictorShape>(f, s, turn, (counts.turns & PASS_TURN) != 0, operand, true, P_EPSILON);
  return draw_code<PredictorShape>(s, (counts.turns & PASS_TURN) != 0, codebook);
}

// Grid: one block an SM, all there at once (a cooperative launch). `advances` is 0 for the frame
// behind a prompt, whose hidden state is there.
extern "C" __global__ void __launch_bounds__(THREADS + 32, 1) frame_step(const u64 *words, int advances) {
  extern __shared__ __align__(128) char memory[];
  Shared &s = *(Shared *)(memory + SLOTS * SLOT_BYTES);
  int thread = threadIdx.x;
  for (int i = thread; i < WORDS; i += THREADS + 32) s.words[i] = words[i];
  if (thread == 0) {
    s.own_numbers = (const u32 *)words[NUMBERS] + (blockIdx.x % COPIES) * NUMBER_COUNT;
    s.frame = *(const u32 *)words[FRAME_INDEX] + (advances ? 1 : 0);
  }
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
  Taker f = {memory + thread % 32 / 4 * ROW_BYTES + thread / 32 * 256 + 16 * (thread % 4), 0, 0
  };
  Counts counts = *(const Counts *)s.words[COUNTS];
  counts.turns ^= FRAME_TURN;
  int turn = 0;
  float4 x[1][T_HIDDEN / 1024];
  if (advances) {
    int position = *(const int *)s.words[POSITION];
    int text_row = min((int)s.frame - 1, *(const int *)s.words[TRAILING_COUNT]);
    run_stack<TalkerShape, 1>(
      f, s, turn, counts, TALKER_LAYERS, TALKER_STACK, position,
      min(MOST_SPLITS, position / 32 + 1), T_EPSILON, [&](int, int q) {
        const int *codes = (const int *)s.words[CODES];
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
    load_gain<T_HIDDEN>(gain, s.words[TALKER_STACK + STACK_NORM]);
    await_vectors<TalkerShape, T_HIDDEN, 1>(x, s, counts, TalkerShape::STREAM);
    turn ^= 1;
    scale_by_norm<T_HIDDEN, 1>(s, turn, x, gain);
  } else {
#pragma unroll
    for (int p = 0; p < T_HIDDEN / 1024; p++)
      x[0][p] = ((const float4 *)s.words[HIDDEN_STATE])[own_quad<T_HIDDEN>(p)];
    turn ^= 1;
  }
  {
    Operand<T_HIDDEN> operand;
    distribute<T_HIDDEN, 1>(s, x, operand);
    score<TalkerShape>(f, s, turn, (counts.turns & FRAME_TURN) != 0, operand, advances != 0, T_EPSILON);
  }
  float factor = advances ? norm_factor<T_HIDDEN>(s, turn, 0, T_EPSILON) : 1.0f;
#pragma unroll
  for (int p = 0; p < T_HIDDEN / 1024; p++) {
    float4 h = x[0][p];
    h.x *= factor, h.y *= factor, h.z *= factor, h.w *= factor;
    ((float4 *)s.hidden)[own_quad<T_HIDDEN>(p)] = h;
    if (blockIdx.x == 0 && advances)
      ((float4 *)s.words[HIDDEN_STATE])[own_quad<T_HIDDEN>(p)] = h;
  }
  int code = draw_code<TalkerShape>(s, (counts.turns & FRAME_TURN) != 0, 0);
  if (thread == 0) s.codes[0] = code;

  int drawn = code;
  code = predict<2>(f, s, turn, counts, 1, [&](int m, int q) {
    return m == 0 ? ((const float4 *)s.hidden)[q]
                  : table_quad<T_HIDDEN>(s.words[TABLES], drawn, q);
  });
  if (thread == 0) s.codes[1] = code;
#pragma unroll 1
  for (int codebook = 2; codebook < CODEBOOKS; codebook++) {
    int before = code;
    code = predict<1>(f, s, turn, counts, codebook, [&](int, int q) {
      return table_quad<T_HIDDEN>(s.words[TABLES + codebook - 1], before, q);
    });
    if (thread == 0) s.codes[codebook] = code;
  }

  // What the next frame reads is written when every block has read the old: this one's last draw
  // needed scores from all.
  if (blockIdx.x != 0) return;
  int count = *(const int *)s.words[RING_COUNTER];
  __syncwarp();
  if (thread < CODEBOOKS) {
    ((int *)s.words[CODES])[thread] = s.codes[thread];
    ((int *)s.words[RING])[(u32)count % RING_DEPTH * CODEBOOKS + thread] = s.codes[thread];
    __threadfence_system();
  }
  block_barrier();
  if (thread == 0) {
    *(volatile int *)s.words[PUBLISHED] = count + 1;
    *(int *)s.words[RING_COUNTER] = count + 1;
    ((int *)s.words[SEEN])[s.codes[0]] = 1;
    *(Counts *)s.words[COUNTS] = counts;
    if (advances) {
      *(u32 *)s.words[FRAME_INDEX] = s.frame;
      ++*(int *)s.words[POSITION];
    }
  }
}
