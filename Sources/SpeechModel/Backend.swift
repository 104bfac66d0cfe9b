// SPDX-License-Identifier: MIT

/// A place where the model runs: memory, and the operations the model is made of.
///
/// The model (`Talker`, `CodePredictor`, `CodecDecoder`, `FrameStep`) is written once over this
/// protocol; a backend says how an operation runs, never what the model is. Each operation is
/// documented by its formula, and the CPU backend is its oracle.
///
/// **Shapes.** A `Tensor` is a row-major F32 matrix `[rows, columns]`, a view that does not own its
/// memory; the backend owns every allocation and frees it when it goes. Speech and codec
/// activations are time-major: one row a position, one column a channel.
///
/// **Replay.** A step must be replayable: what changes between steps (positions, codes, random
/// counters) is read from tensors, never passed as a Swift argument, so that a backend can record
/// the body of `replay` once and run the record. Operations marked *host* exchange data with the
/// host and may wait; they never occur inside a replayed body.
///
/// **Slots.** State is kept per utterance slot. `slots[r]` says which slot's cache row `r` belongs
/// to, `positions[r]` at which position, so the same operations serve a prompt in one pass (many
/// rows, one slot) and a batch of utterances (one row each).
///
/// **Fused operations** have a default body in smaller ones, which is their definition
/// (`Backend+Fused.swift`).
package protocol Backend: AnyObject {
  /// What can go wrong in an operation: `Never` on the CPU.
  associatedtype Failure: Error
  /// A view of F32 numbers, `[rows, columns]`.
  associatedtype Tensor: BackendTensor
  /// A view of I32 numbers, possibly strided.
  associatedtype Indices: BackendIndices
  /// An immutable weight, `[rows, columns]`, in its stored precision.
  associatedtype Matrix
  /// The keys and values of a stack of layers.
  associatedtype Cache
  /// A ring of frames through which codes reach the host while later frames run.
  associatedtype FrameRing

  // MARK: Memory

  /// A tensor of zeros that lives as long as the backend.
  func makeTensor(rows: Int, columns: Int) throws(Failure) -> Tensor
  /// Indices of zeros that live as long as the backend.
  func makeIndices(count: Int) throws(Failure) -> Indices
  /// A cache for `layerCount` layers of `kvWidth` keys and values, `slotCount` slots of `capacity`
  /// positions. Position `p` is kept at row `p mod capacity`.
  ///
  /// Keys and values are rounded to `precision` as they are kept, and every attention reads what is
  /// kept: that of the row itself, and that of a prompt, too.
  func makeCache(
    layerCount: Int, slotCount: Int, capacity: Int, kvWidth: Int, precision: CachePrecision
  ) throws(Failure) -> Cache
  /// How a talker's keys and values are kept here when nothing else is asked for, by the type that its
  /// weights are stored in.
  func cachePrecision(weights: ElementType) -> CachePrecision
  /// A ring for codes of `codebookCount` codebooks and `slotCount` slots.
  func makeFrameRing(slotCount: Int, codebookCount: Int) throws(Failure) -> FrameRing

  /// Takes over stored matrices of equal width, stacked along their rows.
  ///
  /// Every part's first dimension is its rows; the others count as its columns. A backend on the
  /// host keeps the mapped bytes; another copies them.
  func loadMatrix(_ parts: [HostTensor]) throws(Failure) -> Matrix
  /// Takes over matrices as `loadMatrix` does, for products or convolutions alone: a backend may lay
  /// them out as those read them.
  func loadWeight(_ parts: [HostTensor], as layout: WeightLayout) throws(Failure) -> Matrix
  /// Takes over a few numbers (a norm, a bias) as one row.
  func loadVector(_ values: [Float]) throws(Failure) -> Tensor

  // MARK: Host exchange

  /// *Host.* Overwrites the first `values.count` elements.
  func write(_ values: [Float], to tensor: Tensor) throws(Failure)
  /// *Host.* Overwrites the first `values.count` elements.
  func write(_ values: [Int32], to indices: Indices) throws(Failure)
  /// *Host.* Overwrites the first rows with rows of a stored table.
  func writeRows(of table: HostTensor, ids: [Int32], to tensor: Tensor) throws(Failure)
  /// *Host.* All elements, once everything before has run.
  func read(_ tensor: Tensor) throws(Failure) -> [Float]
  /// *Host.* All elements, once everything before has run.
  func read(_ indices: Indices) throws(Failure) -> [Int32]
  /// Sets every element to zero.
  func clear(_ tensor: Tensor) throws(Failure)
  /// Sets every element to zero.
  func clear(_ indices: Indices) throws(Failure)

  // MARK: Replay

  /// Runs `body`, or a record of it.
  ///
  /// Bodies with one key do the same operations on the same tensors each time they are given.
  func replay(_ key: ReplayKey, _ body: () throws(Failure) -> Void) throws(Failure)
  /// *Host.* How long the device takes for what `body` queues, once everything before has run; waits
  /// until it is done.
  func time(_ body: () throws(Failure) -> Void) throws(Failure) -> Duration
  /// As many rows as a prompt of `count` is run with. Those after its last have any finite value; a
  /// backend that records bodies has fewer to record.
  func promptRows(for count: Int) -> Int
  /// Frame steps that may be under way before the host collects the first: 1 means none ahead.
  var framesInFlight: Int { get }
  /// Puts `codes`, `[slotCount, codebookCount]`, into the ring as the next frame.
  func publish(_ codes: Indices, to ring: FrameRing) throws(Failure)
  /// *Host.* Waits for the frame published `index`-th since the last `reset`, and returns its codes.
  func collect(_ index: Int, from ring: FrameRing) throws(Failure) -> [Int32]
  /// *Host.* Forgets all frames, once everything before has run.
  func reset(_ ring: FrameRing) throws(Failure)

  // MARK: Rows

  /// `out[r] = source[r]`.
  func copy(_ source: Tensor, into out: Tensor) throws(Failure)
  /// Keys and values of every layer, slot and position; both caches are made alike.
  func copy(_ source: Cache, into out: Cache) throws(Failure)
  /// `out[r] += source[r]`; a `source` of one row is added to every row.
  func add(_ source: Tensor, into out: Tensor) throws(Failure)
  /// `out[r] = table[ids[r]]`, or `out[r] += …` with `accumulate`.
  ///
  /// A negative id means a row of zeros. With `scale`, `[1, table rows]`, row `i` counts
  /// `scale[i]` times.
  func gather(
    _ table: Matrix, ids: Indices, scale: Tensor?, accumulate: Bool, into out: Tensor
  ) throws(Failure)
  /// `out[r] = Σ_g scale[i] · table[i]` with `i = g · entries + codes[r · width + g]`, over the
  /// codebooks `g` of `range`; `table` holds codebooks of `entries` rows one after the other.
  func gatherSum(
    _ table: Matrix, entries: Int, scale: Tensor, codes: Indices, width: Int, range: Range<Int>,
    into out: Tensor
  ) throws(Failure)
  /// `out[r] = source[ids[r]]`, or `out[r] += …` with `accumulate`; a negative id is a row of zeros.
  func gatherRows(
    _ source: Tensor, ids: Indices, accumulate: Bool, into out: Tensor
  ) throws(Failure)
  /// `out[r] += source[slots[r] · rowsPerSlot + min(frame[r], count[r])]`: the trailing text of a
  /// frame. Row `count[r]` of a slot's block holds the padding vector.
  func addTrailing(
    _ source: Tensor, rowsPerSlot: Int, frame: Indices, count: Indices, slots: Indices,
    into out: Tensor
  ) throws(Failure)
  /// `values[i] += amount`.
  func increment(_ values: Indices, by amount: Int32) throws(Failure)

  // MARK: Transformer

  /// `out[r] = x[r] / sqrt(mean(x[r]²) + epsilon) · weight`. `out` may be `x`.
  func rmsNorm(
    _ x: Tensor, weight: Tensor, epsilon: Float, into out: Tensor
  ) throws(Failure)
  /// `out[r] = x[r] Wᵀ + bias`.
  func linear(
    _ x: Tensor, _ weight: Matrix, bias: Tensor?, into out: Tensor
  ) throws(Failure)
  /// `out[r] += scale · (x[r] Wᵀ + bias)`, `scale` per column.
  func linearAdd(
    _ x: Tensor, _ weight: Matrix, bias: Tensor?, scale: Tensor?, into out: Tensor
  ) throws(Failure)
  /// `out[r, i] = silu(x[r, i]) · x[r, width + i]`, `x` being `[rows, 2 · width]`.
  func swiGLU(_ x: Tensor, into out: Tensor) throws(Failure)
  /// `x = silu(x)`, in place.
  func silu(_ x: Tensor) throws(Failure)
  /// Normalises the heads of queries and keys, turns them by their position, and keeps the key and
  /// value of each row in the cache.
  ///
  /// `qkv` is `[rows, packedWidth]`: queries, keys, values. Each head of q and k is RMS-normalised
  /// with its weight when there is one, then entry `j` and `j + headDim/2` are turned by the angle
  /// `position · inverseFrequencies[j]`. Queries are updated in place.
  func normRotateAppend(
    _ qkv: Tensor, shape: AttentionShape, queryNorm: Tensor?, keyNorm: Tensor?, epsilon: Float,
    inverseFrequencies: Tensor, positions: Indices, slots: Indices, layer: Int, cache: Cache
  ) throws(Failure)
  /// Attention of each row's F32 queries over its slot's cached positions
  /// `max(0, position − window + 1) … position`, with scale `1/√headDim`.
  ///
  /// `out` is `[rows, queryWidth]`. Query head `h` uses key head `h / (headCount / kvHeadCount)`.
  func attention(
    _ qkv: Tensor, shape: AttentionShape, window: Int?, positions: Indices, slots: Indices,
    layer: Int, cache: Cache, into out: Tensor
  ) throws(Failure)

  // MARK: Sampling

  /// Draws one code per row from `logits`, `[slots, vocabulary]`, by the rule of `Sampling.swift`,
  /// and writes it to `codes[r]`.
  ///
  /// The settings, seeds, frame counters and tokens seen are those of row `r` of `state`.
  func sample(
    _ logits: Tensor, rule: SamplingRule, state: SamplingState<Self>, into codes: Indices
  ) throws(Failure)

  // MARK: Codec

  /// Causal convolution over time, `out[t] = bias + Σ_j W[:, :, j] · xx[t + j · dilation]`, with
  /// `xx` the `history` followed by `x`; afterwards `history` holds the last rows of `xx`.
  ///
  /// `x` is `[time, inputs]`, `history` `[(kernel − 1) · dilation, inputs]`, the weight
  /// `[outputs, inputs · kernel]` as stored, kernel index fastest.
  func causalConvolution(
    _ x: Tensor, history: Tensor, weight: Matrix, bias: Tensor, kernel: Int, dilation: Int,
    into out: Tensor
  ) throws(Failure)
  /// Causal transposed convolution: `out[t·stride + j] = bias + W[:, :, j]ᵀ x[t]`, plus
  /// `W[:, :, j + stride]ᵀ x[t−1]` when the kernel is twice the stride.
  ///
  /// The weight is `[inputs, outputs · kernel]` as stored, kernel index fastest. `history`,
  /// `[1, inputs]`, is row −1 and holds the last row afterwards; `nil` when kernel and stride agree.
  func transposedConvolution(
    _ x: Tensor, history: Tensor?, weight: Matrix, bias: Tensor, stride: Int, into out: Tensor
  ) throws(Failure)
  /// Depthwise causal convolution: `out[t, c] = bias[c] + Σ_j weight[c, j] · xx[t + j, c]`.
  ///
  /// `weight` is `[channels, kernel]`, `history` `[kernel − 1, channels]`.
  func depthwiseConvolution(
    _ x: Tensor, history: Tensor, weight: Tensor, bias: Tensor, into out: Tensor
  ) throws(Failure)
  /// `out[r] = (x[r] − mean) / sqrt(variance + epsilon) · weight + bias`. `out` may be `x`.
  func layerNorm(
    _ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Float, into out: Tensor
  ) throws(Failure)
  /// `x = x/2 · (1 + erf(x/√2))`, in place.
  func gelu(_ x: Tensor) throws(Failure)
  /// `out = x + sin²(x · alpha) · inverseBeta`, both per column. `out` may be `x`.
  func snake(
    _ x: Tensor, alpha: Tensor, inverseBeta: Tensor, into out: Tensor
  ) throws(Failure)
  /// `x = min(max(x, −1), 1)`, in place.
  func clamp(_ x: Tensor) throws(Failure)

  // MARK: Fused; defined by their default bodies

  /// `step.advance()`, if the frame before is to be fed to the talker, then `step.makeCodes()`.
  func makeFrame(_ step: FrameStep<Self>, advancing: Bool) throws(Failure)
  /// *Host.* Whether a frame of the step leaves no room on the device for other work in parallel.
  func framesFillDevice(_ step: FrameStep<Self>) -> Bool
  /// *Host.* What is queued from now on begins when all that `other` has queued so far is done.
  func follow(_ other: Self) throws(Failure)
  /// *Host.* Readies what `makeFrame` needs for a step, once, before any of its bodies is recorded.
  func prepare(_ step: FrameStep<Self>) throws(Failure)

  /// `out = rmsNorm(x) Wᵀ`. `scratch` is as large as `x`.
  func rmsNormLinear(
    _ x: Tensor, norm: Tensor, epsilon: Float, weight: Matrix, scratch: Tensor, into out: Tensor
  ) throws(Failure)
  /// `out = swiGLU(rmsNorm(x) Wᵀ)` with the gate's rows before the up-projection's.
  /// `scratch` is as large as `x`, `wide` is `[rows, 2 · out columns]`.
  func rmsNormSwiGLU(
    _ x: Tensor, norm: Tensor, epsilon: Float, gateUp: Matrix, scratch: Tensor, wide: Tensor,
    into out: Tensor
  ) throws(Failure)
  /// `normRotateAppend`, then `attention`.
  func attentionStep(
    _ qkv: Tensor, shape: AttentionShape, queryNorm: Tensor?, keyNorm: Tensor?, epsilon: Float,
    inverseFrequencies: Tensor, window: Int?, positions: Indices, slots: Indices, layer: Int,
    cache: Cache, into out: Tensor
  ) throws(Failure)
  /// `attentionStep` into `attended`, then `out += scale · attended Wᵀ`.
  func attentionLinearAdd(
    _ qkv: Tensor, shape: AttentionShape, queryNorm: Tensor?, keyNorm: Tensor?, epsilon: Float,
    inverseFrequencies: Tensor, window: Int?, positions: Indices, slots: Indices, layer: Int,
    cache: Cache, attended: Tensor, weight: Matrix, scale: Tensor?, into out: Tensor
  ) throws(Failure)
  /// `out += scale · swiGLU(rmsNorm(out) gateUpᵀ) downᵀ`. `scratch` is as large as `out`, `wide` is
  /// `[rows, gateUp rows]`, `activated` half as wide.
  func feedForward(
    _ out: Tensor, norm: Tensor, epsilon: Float, gateUp: Matrix, down: Matrix, scale: Tensor?,
    scratch: Tensor, wide: Tensor, activated: Tensor
  ) throws(Failure)
  /// `out[r] = Σ_g tables[g][codes[r, g]]`: the sum of a frame's embeddings.
  /// `codes` is `[rows, tables.count]`.
  func frameEmbedding(
    _ tables: [Matrix], codes: Indices, into out: Tensor
  ) throws(Failure)
  /// `snake`, then `causalConvolution`, with `scratch` as large as `x`.
  func snakeConvolution(
    _ x: Tensor, alpha: Tensor, inverseBeta: Tensor, history: Tensor, weight: Matrix, bias: Tensor,
    kernel: Int, dilation: Int, scratch: Tensor, into out: Tensor
  ) throws(Failure)

  /// A stage of the codec that lengthens by a transposed convolution and refines by a ConvNeXt block,
  /// from `x` into `out`. `inner` is as large as `out`, `wide` four times as wide.
  func latentUpsampling(
    _ x: Tensor, _ stage: LatentUpsampling<Self>, history: Tensor, inner: Tensor, wide: Tensor,
    into out: Tensor
  ) throws(Failure)
  /// A block of the codec: Snake, a transposed convolution, residual units; from `x`, which is lost,
  /// into `out`. Two `scratch` tensors and `inner` are as large as `out`; the first of them may lie
  /// where `x` does. What the histories hold is the backend's.
  func decoderBlock(
    _ x: Tensor, _ block: DecoderBlock<Self>, history: Tensor, unitHistories: [Tensor],
    inner: Tensor, scratch: (Tensor, Tensor), into out: Tensor
  ) throws(Failure)

  // MARK: Encoders; defined by their default bodies (`Backend+Encoders.swift`)

  /// `out[i] = function(x[i])`. `out` may be `x`.
  func activate(_ x: Tensor, _ function: Activation, into out: Tensor) throws(Failure)
  /// `out[r] += scale · x[r]`, `scale` per column.
  func addScaled(_ x: Tensor, scale: Tensor, into out: Tensor) throws(Failure)
  /// Mean and deviation of each column over the rows, `[1, 2 · columns]`:
  /// `mean = Σ_r w[r] x[r]`, `deviation = sqrt(max(Σ_r w[r] (x[r] − mean)², 1e-12))`.
  ///
  /// The weights of a column are the softmax of its `scores` over the rows, or all equal.
  func pool(_ x: Tensor, scores: Tensor?, into out: Tensor) throws(Failure)
  /// `out[r]` is the column of the largest entry of row `r`, the first of equal ones.
  func largest(_ x: Tensor, into out: Indices) throws(Failure)
  /// *Host.* The mel bands of a recording, `[frames, bandCount]`. `scratch` has room for the samples.
  func melBands(
    _ samples: [Float], _ bank: MelBank<Self>, scratch: Tensor, into out: Tensor
  ) throws(Failure)
}

/// A view of F32 numbers in a backend's memory. Copies are views of the same numbers.
package protocol BackendTensor {
  var rows: Int { get }
  var columns: Int { get }
  /// Some of the rows.
  func rows(_ range: Range<Int>) -> Self
  /// The same numbers in rows of another length.
  func reshaped(rows: Int, columns: Int) -> Self
}

/// A view of I32 numbers in a backend's memory. Copies are views of the same numbers.
package protocol BackendIndices {
  var count: Int { get }
  /// Every `stride`-th element from `start` on, `count` of them.
  func strided(from start: Int, count: Int, by stride: Int) -> Self
}

/// How keys and values are kept.
package enum CachePrecision: Sendable, Equatable, CaseIterable {
  case float32
  /// Rounded to the nearest number, to the even one of two equally near.
  case bfloat16

  /// That of a talker whose weights are stored so: what an official run in that precision keeps.
  package init(weights: ElementType) {
    self = weights == .bfloat16 ? .bfloat16 : .float32
  }

  package var byteCount: Int { self == .float32 ? 4 : 2 }
}

/// What a weight is for.
package enum WeightLayout: Sendable, Equatable {
  /// `linear` and what is made of it.
  case product
  /// `causalConvolution`, or a stack of them.
  case convolution(kernel: Int)
  case transposedConvolution(stride: Int)
  /// `linear` (kernel 1), `gather` or `causalConvolution`, in F32 throughout: where codes are found,
  /// the last bits decide.
  case exact(kernel: Int)
}

/// Names a body that a backend may record.
package enum ReplayKey: Hashable, Sendable {
  /// The layers over a prompt of so many rows.
  case prompt(rows: Int)
  /// The codes of the frame after a prompt.
  case firstFrame(slotCount: Int)
  /// The talker's step over the last frame, then the codes of the next.
  case nextFrame(slotCount: Int)
  /// A codec chunk of so many frames.
  case codec(frameCount: Int)
  /// A part of a frame, for measuring.
  case part(FramePart, slotCount: Int)
}
