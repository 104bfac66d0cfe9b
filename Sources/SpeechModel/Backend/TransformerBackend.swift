// SPDX-License-Identifier: MIT

/// What the talker, the code predictor and the codec's transformer are made of.
package protocol TransformerBackend: MemoryBackend {
  /// A frame step compiled as a whole; `Never` where frames run operation by operation.
  associatedtype FrameProgram = Never

  // MARK: Add

  /// `out[r] += source[r]`; a `source` of one row is added to every row.
  func add(_ source: Tensor, into out: Tensor) throws(Failure)

  // MARK: Increment

  /// `values[i] += amount`.
  func increment(_ values: Indices, by amount: Int32) throws(Failure)
  /// `values[ids[i]] += amount`; a negative id stands for none. No id comes twice.
  func increment(_ values: Indices, at ids: Indices, by amount: Int32) throws(Failure)

  // MARK: Gather

  /// `out[r] = table[ids[r]]`, or `out[r] += …` with `accumulate`.
  ///
  /// A negative id stands for a row of zeros. With `scale`, `[1, table rows]`, row `i` counts
  /// `scale[i]` times.
  func gather(
    _ table: Matrix, ids: Indices, scale: Tensor?, accumulate: Bool, into out: Tensor
  ) throws(Failure)
  /// `out[r] = source[ids[r]]`, or `out[r] += …` with `accumulate`; a negative id is a row of zeros.
  func gatherRows(
    _ source: Tensor, ids: Indices, accumulate: Bool, into out: Tensor
  ) throws(Failure)
  /// `out[ids[r]] = source[r]`; a negative id stands for none. No id comes twice.
  func scatterRows(_ source: Tensor, ids: Indices, into out: Tensor) throws(Failure)
  /// `out[r] = source[ids[r]]` of rows of `width` numbers.
  func gatherIndices(
    _ source: Indices, width: Int, ids: Indices, into out: Indices
  ) throws(Failure)
  /// `out[ids[r]] = source[r]` of rows of `width` numbers; a negative id stands for none. No id comes
  /// twice.
  func scatterIndices(
    _ source: Indices, width: Int, ids: Indices, into out: Indices
  ) throws(Failure)
  /// *Fused.* `out[r] = Σ_g tables[g][codes[r, g]]`: the sum of a frame's embeddings.
  /// `codes` is `[rows, tables.count]`.
  func frameEmbedding(_ tables: [Matrix], codes: Indices, into out: Tensor) throws(Failure)

  // MARK: TrailingText

  /// `out[r] += table[ids[slot · idsPerSlot + min(frame[slot], count[slot])]]` with `slot = slots[r]`: the
  /// trailing text of a frame. The id after a slot's last, at `count[slot]`, is that of the padding.
  func addTrailingText(
    _ table: Tensor, ids: Indices, idsPerSlot: Int, frame: Indices, count: Indices, slots: Indices,
    into out: Tensor
  ) throws(Failure)

  // MARK: RMSNorm

  /// `out[r] = x[r] / sqrt(mean(x[r]²) + epsilon) · weight`. `out` may be `x`.
  func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float, into out: Tensor) throws(Failure)

  // MARK: Linear

  /// `out[r] = x[r] Wᵀ + bias`.
  func linear(_ x: Tensor, _ weight: Matrix, bias: Tensor?, into out: Tensor) throws(Failure)
  /// `out[r] += scale · (x[r] Wᵀ + bias)`, `scale` per column.
  func linearAdd(
    _ x: Tensor, _ weight: Matrix, bias: Tensor?, scale: Tensor?, into out: Tensor
  ) throws(Failure)
  /// *Fused.* `out = rmsNorm(x) Wᵀ`. `scratch` is as large as `x`.
  func rmsNormLinear(
    _ x: Tensor, norm: Tensor, epsilon: Float, weight: Matrix, scratch: Tensor, into out: Tensor
  ) throws(Failure)

  // MARK: SwiGLU

  /// `out[r, i] = silu(x[r, i]) · x[r, width + i]`, `x` being `[rows, 2 · width]`.
  func swiGLU(_ x: Tensor, into out: Tensor) throws(Failure)
  /// *Fused.* `out = swiGLU(rmsNorm(x) Wᵀ)` with the gate's rows before the up-projection's.
  /// `scratch` is as large as `x`, `wide` is `[rows, 2 · out columns]`.
  func rmsNormSwiGLU(
    _ x: Tensor, norm: Tensor, epsilon: Float, gateUp: Matrix, scratch: Tensor, wide: Tensor,
    into out: Tensor
  ) throws(Failure)

  // MARK: FeedForward

  /// *Fused.* `out += scale · swiGLU(rmsNorm(out) gateUpᵀ) downᵀ`. `scratch` is as large as `out`,
  /// `wide` is `[rows, gateUp rows]`, `activated` half as wide.
  func feedForward(
    _ out: Tensor, norm: Tensor, epsilon: Float, gateUp: Matrix, down: Matrix, scale: Tensor?,
    scratch: Tensor, wide: Tensor, activated: Tensor
  ) throws(Failure)

  // MARK: Activation

  /// `x = silu(x)`, in place.
  func silu(_ x: Tensor) throws(Failure)

  // MARK: QKNormRoPEAppend

  /// Normalises the heads of queries and keys, rotates them by their position, and keeps the key and
  /// value of each row in the cache.
  ///
  /// `qkv` is `[rows, packedWidth]`: queries, keys, values. Each head of q and k is RMS-normalised
  /// with its weight when there is one, then entry `j` and `j + headDim/2` are rotated by the angle
  /// `position · inverseFrequencies[j]`. Queries are updated in place.
  func qkNormRopeAppend(
    _ qkv: Tensor, _ layer: AttentionLayer<Tensor>, rows: RowMap<Indices>,
    to cache: CacheLayer<Cache>
  ) throws(Failure)

  // MARK: Attention

  /// Attention of each row's F32 queries over its slot's cached positions
  /// `max(0, position − window + 1) … position`, with scale `1/√headDim`.
  ///
  /// `out` is `[rows, queryWidth]`. Query head `h` uses key head `h / (headCount / kvHeadCount)`.
  func attention(
    _ qkv: Tensor, _ layer: AttentionLayer<Tensor>, rows: RowMap<Indices>,
    cache: CacheLayer<Cache>, into out: Tensor
  ) throws(Failure)
  /// *Fused.* `qkNormRopeAppend`, then `attention`.
  func attentionStep(
    _ qkv: Tensor, _ layer: AttentionLayer<Tensor>, rows: RowMap<Indices>,
    cache: CacheLayer<Cache>, into out: Tensor
  ) throws(Failure)
  /// *Fused.* `attentionStep` into `attended`, then `out += scale · attended Wᵀ`.
  func attentionLinearAdd(
    _ qkv: Tensor, _ layer: AttentionLayer<Tensor>, rows: RowMap<Indices>,
    cache: CacheLayer<Cache>, attended: Tensor, weight: Matrix, scale: Tensor?, into out: Tensor
  ) throws(Failure)

  // MARK: TransformerLayers

  /// *Fused.* The layers of a stack over `work.hidden`, in place: of each `rmsNormLinear` to queries, keys and
  /// values, `attentionLinearAdd`, `feedForward`. Then, with a head, `rmsNormLinear` of some of the rows.
  func transformerLayers(
    _ layers: [TransformerLayer<Self>], epsilon: Float, _ work: TransformerWorkspace<Self>,
    rows: RowMap<Indices>, cache: Cache, then head: NormedHead<Tensor, Matrix>?
  ) throws(Failure)

  // MARK: Sample

  /// Draws one code per row from `logits`, `[rows, vocabulary]`, by the rule of `Sampling.swift`,
  /// and writes it to `codes[r]`.
  ///
  /// The settings, seeds, frame counters and tokens seen are those of slot `slots[r]` of `state`.
  func sample(
    _ logits: Tensor, rule: SamplingRule, state: SamplingState<Indices>, slots: Indices,
    into codes: Indices
  ) throws(Failure)

  // MARK: FrameStep

  /// As many rows as a prompt of `count` is run with. Those after its last have any finite value; a
  /// backend that records bodies has fewer to record.
  func promptRows(for count: Int) -> Int
  /// As many rows as a step of `count` is run with; a backend that records bodies has fewer to record.
  func stepRows(for count: Int) -> Int
  /// Whether two passes over a row of each of some slots are better than one over two rows of each.
  var prefersRowsOfDifferentSlots: Bool { get }
  /// How many frames a batch of the codec has in which `count` are to be decoded.
  func codecFrames(for count: Int) -> Int
  /// *Host.* Compiles a frame step as a whole, to be made by `makeFrame`; `nil` where its frames run
  /// operation by operation.
  ///
  /// A frame made as a whole leaves no room on the device for other work at the same time.
  func makeFrameProgram(_ step: FrameParameters<Self>) throws(Failure) -> FrameProgram?
  /// *Fused.* `FrameStep.advance()`, if the frame before is to be fed to the talker, then
  /// `FrameStep.makeCodes()`.
  func makeFrame(_ program: FrameProgram, advancing: Bool) throws(Failure)
}

/// What is fixed about the attention of one layer.
package struct AttentionLayer<Tensor: BackendTensor> {
  package var shape: AttentionShape
  /// RMSNorm weights of a head of queries and of keys, `[1, headDim]`; `nil`: not normalised.
  package var queryNorm: Tensor?
  package var keyNorm: Tensor?
  /// Of the norms.
  package var epsilon: Float
  /// Radians a position, `[1, headDim / 2]`.
  package var inverseFrequencies: Tensor
  /// Positions a row sees, its own among them; `nil`: all.
  package var window: Int?

  package init(
    shape: AttentionShape, queryNorm: Tensor? = nil, keyNorm: Tensor? = nil, epsilon: Float,
    inverseFrequencies: Tensor, window: Int? = nil
  ) {
    self.shape = shape
    self.queryNorm = queryNorm
    self.keyNorm = keyNorm
    self.epsilon = epsilon
    self.inverseFrequencies = inverseFrequencies
    self.window = window
  }
}

/// The norm after the last layer, and a product: scores of some of the rows.
package struct NormedHead<Tensor: BackendTensor, Matrix> {
  package let norm: Tensor
  package let weight: Matrix
  package let rows: Range<Int>
  /// As many rows, as wide as the layers'.
  package let scratch: Tensor
  package let scores: Tensor

  package init(norm: Tensor, weight: Matrix, rows: Range<Int>, scratch: Tensor, scores: Tensor) {
    self.norm = norm
    self.weight = weight
    self.rows = rows
    self.scratch = scratch
    self.scores = scores
  }
}

/// Which slot each row of a pass belongs to, and at which position.
package struct RowMap<Indices: BackendIndices> {
  package var slots: Indices
  package var positions: Indices
  /// Whether adjacent rows are of different slots, as in a step, and not of one, as in a prompt. Work is
  /// shared among blocks by it; results do not depend on it.
  package var haveSlotsOfTheirOwn: Bool
  /// Whether no two rows are of one slot, so that none sees another's key; a slot whose results nobody
  /// uses may have several.
  package var areOfDifferentSlots: Bool

  package init(
    slots: Indices, positions: Indices, haveSlotsOfTheirOwn: Bool = false,
    areOfDifferentSlots: Bool = false
  ) {
    self.slots = slots
    self.positions = positions
    self.haveSlotsOfTheirOwn = haveSlotsOfTheirOwn
    self.areOfDifferentSlots = areOfDifferentSlots
  }

  /// Some of the rows.
  package func rows(_ range: Range<Int>) -> RowMap {
    RowMap(
      slots: slots.strided(from: range.lowerBound, count: range.count, by: 1),
      positions: positions.strided(from: range.lowerBound, count: range.count, by: 1),
      haveSlotsOfTheirOwn: haveSlotsOfTheirOwn, areOfDifferentSlots: areOfDifferentSlots)
  }
}

/// One layer's keys and values.
package struct CacheLayer<Cache> {
  package var cache: Cache
  package var layer: Int

  package init(_ cache: Cache, layer: Int) {
    self.cache = cache
    self.layer = layer
  }
}

/// Every weight that the frame step of one utterance reads and every tensor it works on.
package struct FrameParameters<B: MemoryBackend> {
  /// A transformer and its cache.
  package struct Stack {
    package let layers: [TransformerLayer<B>]
    package let norm: B.Tensor
    package let inverseFrequencies: B.Tensor
    package let cache: B.Cache
  }

  package let configuration: ModelConfiguration
  /// Positions of the utterance.
  package let capacity: Int
  package let talker: Stack
  package let predictor: Stack
  /// What scores codebook `g`.
  package let heads: [B.Matrix]
  /// What embeds a code of codebook `g`.
  package let embeddings: [B.Matrix]
  /// From the talker's width to the predictor's; `nil` where they are equal.
  package let projection: (weight: B.Matrix, bias: B.Tensor)?
  /// The talker's last hidden state after its norm, `[1, hidden]`.
  package let hidden: B.Tensor
  package let logits: B.Tensor
  package let predictorLogits: B.Tensor
  /// The frame being made.
  package let codes: B.Indices
  /// Next position.
  package let positions: B.Indices
  package let sampling: SamplingState<B.Indices>
  /// Vectors of text tokens, `[rows, hidden]`.
  package let text: B.Tensor
  /// Rows of `text` of the frames to come, the padding's after the last, and how many there are.
  package let trailing: B.Indices
  package let trailingCount: B.Indices
  package let ring: B.FrameRing
}
