// SPDX-License-Identifier: MIT

import BackendVerification
import CPUBackend
import SpeechModel

/// What `Backend` asks for; those that share a name by what they work on.
enum Requirement: CaseIterable {
  case makeTensor, makeIndices, makeCache, makePagedCache, cachePrecision, makeFrameRing
  case loadWeight, loadVector, writeTensor, writeIndices, writeRows, readTensor, readIndices
  case beginRead, isRead, finishRead, clearTensor, clearIndices
  case run, time, wait, publish, isPublished, collect, framesInFlight, copyTensor, copyCache
  case add, increment, incrementAt, gather, gatherRows, scatterRows, gatherIndices, scatterIndices
  case frameEmbedding, addTrailingText
  case rmsNorm, linear, linearAdd, rmsNormLinear, swiGLU, rmsNormSwiGLU, feedForward, silu
  case qkNormRopeAppend, attention, attentionStep, attentionLinearAdd, transformerLayers, sample
  case promptRows, stepRows, codecFrames, makeFrameProgram, makeFrame
  case gatherSum, causalConvolution, snakeConvolution, transposedConvolution
  case depthwiseConvolution, layerNorm, gelu, clamp, snake, latentUpsampling, decoderBlock
  case activate, addScaled, statisticsPooling, argmax, melSpectrogram
}

/// One thing that is wrong with a backend.
enum Fault: CaseIterable {
  /// A norm a thousandth too large in the last column.
  case norm
  /// The last result of a product is never written.
  case unwritten
  /// A row next to the tensor is overwritten.
  case outside
  /// Attention sees a position that was never written.
  case future
  /// A convolution forgets what it has heard.
  case history
  /// The last frame is collected twice.
  case frame
  /// Keys and values are kept in F32 where they should be rounded.
  case unrounded
  /// A copy of a slot is forgotten.
  case copiedCache
  /// All pages of a slot but its first are one and the same.
  case pages
  /// Rows draw by the settings of the slot of their number.
  case slots
  /// A read that was begun finds what is written later.
  case lateRead
  /// Bits of a product depend on how many rows there are.
  case neighbours
  /// A weight that has to stay exact is split into two bf16 numbers.
  case inexact
  /// Mel bands of a recording half as loud.
  case mel

  /// Those that a comparison with a reference finds. The others are within any tolerance.
  static let ofOperations = allCases.filter { $0 != .neighbours }

  var operation: VerifiedOperation {
    switch self {
    case .norm: .rmsNorm
    case .unwritten, .neighbours: .linear
    case .outside: .activation
    case .future: .attention
    case .history: .causalConvolution
    case .frame: .frameRing
    case .copiedCache: .copy
    case .pages: .attention
    case .slots: .sample
    case .lateRead: .hostExchange
    case .unrounded: .attention
    case .inexact: .memory
    case .mel: .melSpectrogram
    }
  }

  /// What the report has to say.
  var words: String {
    switch self {
    case .norm: "times the tolerance"
    case .unwritten: "1×1×1 BF16: [0] is nan"
    case .outside: "next to tensors"
    case .future: "is nan"
    case .history: "history after"
    case .frame: "frames"
    case .unrounded: "bfloat16, 1 rows at 0"
    case .copiedCache: "copy of a slot, float32, layer 0: [0] is nan"
    case .pages: "pages"
    case .neighbours: "rows"
    case .slots: "draw 0"
    case .lateRead: "begun to be read"
    case .inexact: "exact"
    case .mel: "bands of"
    }
  }
}

/// The CPU backend, which notes what it is asked for, with a fault if wanted.
///
/// It is no `ComposedBackend`, so it does not compile before it has a body for every requirement; and
/// a body reaches the CPU by way of a note only.
final class ObservedBackend: Backend {
  /// Nothing. Not `Never`, for which the compiler (6.3.1) cannot witness a requirement that takes a
  /// throwing body.
  enum Failure: Error {}
  typealias Tensor = CPUTensor
  typealias Indices = CPUIndices
  typealias Matrix = CPUMatrix
  typealias Cache = CPUCache
  typealias FrameRing = CPUFrameRing
  typealias Readback = CPUTensor
  typealias Recording = CPURecording
  typealias FrameProgram = Never

  private(set) var ran: Set<Requirement> = []
  var prefersRowsOfDifferentSlots = false
  private let base = CPUBackend()
  private let fault: Fault?
  private var latest: CPUTensor?

  init(_ fault: Fault? = nil) { self.fault = fault }

  private func noting(_ requirement: Requirement) -> CPUBackend {
    ran.insert(requirement)
    return base
  }

  // MARK: What can be wrong

  func makeTensor(rows: Int, columns: Int) -> CPUTensor {
    let tensor = noting(.makeTensor).makeTensor(rows: rows, columns: columns)
    if fault == .outside { latest = tensor }
    return tensor
  }

  func makeCache(
    layerCount: Int, slotCount: Int, capacity: Int, kvWidth: Int, precision: CachePrecision
  ) -> CPUCache {
    noting(.makeCache).makeCache(
      layerCount: layerCount, slotCount: slotCount, capacity: capacity, kvWidth: kvWidth,
      precision: fault == .unrounded ? .float32 : precision)
  }

  func loadWeight(_ parts: [HostTensor], as layout: WeightLayout) -> CPUMatrix {
    var parts = parts
    if fault == .inexact, case .exact = layout { parts = parts.map(\.inTwoParts) }
    return noting(.loadWeight).loadWeight(parts, as: layout)
  }

  func makeCache(
    layerCount: Int, pages table: PageTable<CPUIndices>, pageCount: Int, kvWidth: Int,
    precision: CachePrecision
  ) -> CPUCache {
    var table = table
    if fault == .pages {
      let indices = base.makeIndices(count: table.indices.count)
      base.write(
        base.read(table.indices).enumerated().map { index, page in
          index % table.pagesPerSlot == 0 ? page : base.read(table.indices)[0]
        }, to: indices)
      table = PageTable(indices: indices, pagesPerSlot: table.pagesPerSlot)
    }
    return noting(.makePagedCache).makeCache(
      layerCount: layerCount, pages: table, pageCount: pageCount, kvWidth: kvWidth,
      precision: precision)
  }

  // A copy of the tensor, so that what is written later is not found.

  func beginRead(_ tensor: CPUTensor) -> CPUTensor {
    _ = noting(.beginRead)
    guard fault != .lateRead else { return tensor }
    let copy = base.makeTensor(rows: tensor.rows, columns: tensor.columns)
    base.copy(tensor, into: copy)
    return copy
  }
  func isRead(_ readback: CPUTensor) -> Bool {
    _ = noting(.isRead)
    return true
  }
  func finishRead(_ readback: CPUTensor) -> [Float] { noting(.finishRead).read(readback) }

  func collect(_ index: Int, count: Int, from ring: CPUFrameRing) -> [Int32] {
    noting(.collect).collect(
      fault == .frame ? max(0, index - 1) : index, count: count, from: ring)
  }

  func copy(_ cache: CPUCache, slot: Int, into other: Int) {
    if fault != .copiedCache { noting(.copyCache).copy(cache, slot: slot, into: other) }
  }

  func rmsNorm(_ x: CPUTensor, weight: CPUTensor, epsilon: Float, into out: CPUTensor) {
    noting(.rmsNorm).rmsNorm(x, weight: weight, epsilon: epsilon, into: out)
    guard fault == .norm else { return }
    var values = base.read(out)
    for index in values.indices where (index + 1) % out.columns == 0 { values[index] *= 1.001 }
    base.write(values, to: out)
  }

  func linear(_ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, into out: CPUTensor) {
    let base = noting(.linear)
    guard fault == .unwritten else {
      base.linear(x, weight, bias: bias, into: out)
      guard fault == .neighbours, x.rows > 1 else { return }
      // The next number.
      return base.write(base.read(out).map(\.nextUp), to: out)
    }
    let whole = base.makeTensor(rows: out.rows, columns: out.columns)
    base.linear(x, weight, bias: bias, into: whole)
    base.write(base.read(whole).dropLast(), to: out)
  }

  func attention(
    _ qkv: CPUTensor, _ layer: AttentionLayer<CPUTensor>, rows: RowMap<CPUIndices>,
    cache: CacheLayer<CPUCache>, into out: CPUTensor
  ) {
    if fault == .future { base.increment(rows.positions, by: 1) }
    noting(.attention).attention(qkv, layer, rows: rows, cache: cache, into: out)
    if fault == .future { base.increment(rows.positions, by: -1) }
  }

  func causalConvolution(
    _ x: CPUTensor, history: History, weight: CPUMatrix, bias: CPUTensor, kernel: Int,
    dilation: Int, into out: CPUTensor
  ) {
    let before = base.read(history.states)
    noting(.causalConvolution).causalConvolution(
      x, history: history, weight: weight, bias: bias, kernel: kernel, dilation: dilation,
      into: out)
    if fault == .history { base.write(before, to: history.states) }
  }

  func clamp(_ x: CPUTensor) {
    noting(.clamp).clamp(x)
    guard fault == .outside, let latest else { return }
    base.clear(latest.rows(latest.rows - 1..<latest.rows))
  }

  func melSpectrogram(
    _ samples: [Float], _ bank: MelBank<CPUTensor, CPUIndices>, scratch: CPUTensor,
    into out: CPUTensor
  ) {
    noting(.melSpectrogram).melSpectrogram(
      fault == .mel ? samples.map { $0 / 2 } : samples, bank, scratch: scratch, into: out)
  }

  // MARK: What is right

  func makeIndices(count: Int) -> CPUIndices { noting(.makeIndices).makeIndices(count: count) }
  func cachePrecision(weights: ElementType) -> CachePrecision {
    noting(.cachePrecision).cachePrecision(weights: weights)
  }
  func makeFrameRing(rowCount: Int, codebookCount: Int) -> CPUFrameRing {
    noting(.makeFrameRing).makeFrameRing(rowCount: rowCount, codebookCount: codebookCount)
  }
  func loadVector(_ values: [Float]) -> CPUTensor { noting(.loadVector).loadVector(values) }
  func write(_ values: [Float], to tensor: CPUTensor) {
    noting(.writeTensor).write(values, to: tensor)
  }
  func write(_ values: [Int32], to indices: CPUIndices) {
    noting(.writeIndices).write(values, to: indices)
  }
  func writeRows(of table: HostTensor, ids: [Int32], to tensor: CPUTensor) {
    noting(.writeRows).writeRows(of: table, ids: ids, to: tensor)
  }
  func read(_ tensor: CPUTensor) -> [Float] { noting(.readTensor).read(tensor) }
  func read(_ indices: CPUIndices) -> [Int32] { noting(.readIndices).read(indices) }
  func clear(_ tensor: CPUTensor) { noting(.clearTensor).clear(tensor) }
  func clear(_ indices: CPUIndices) { noting(.clearIndices).clear(indices) }
  func run(
    _ recording: CPURecording, _ body: () throws(Failure) -> Void
  ) throws(Failure) {
    _ = noting(.run)
    try body()
  }
  func time(_ body: () throws(Failure) -> Void) throws(Failure) -> Duration {
    let clock = ContinuousClock()
    let start = clock.now
    _ = noting(.time)
    try body()
    return clock.now - start
  }
  func wait(for other: ObservedBackend) { noting(.wait).wait(for: other.base) }
  func publish(_ codes: CPUIndices, to ring: CPUFrameRing) {
    noting(.publish).publish(codes, to: ring)
  }
  func isPublished(_ index: Int, in ring: CPUFrameRing) -> Bool {
    noting(.isPublished).isPublished(index, in: ring)
  }
  var framesInFlight: Int { noting(.framesInFlight).framesInFlight }
  func copy(_ source: CPUTensor, into out: CPUTensor) {
    noting(.copyTensor).copy(source, into: out)
  }
  func add(_ source: CPUTensor, into out: CPUTensor) { noting(.add).add(source, into: out) }
  func increment(_ values: CPUIndices, by amount: Int32) {
    noting(.increment).increment(values, by: amount)
  }
  func increment(_ values: CPUIndices, at ids: CPUIndices, by amount: Int32) {
    noting(.incrementAt).increment(values, at: ids, by: amount)
  }
  func gather(
    _ table: CPUMatrix, ids: CPUIndices, scale: CPUTensor?, accumulate: Bool, into out: CPUTensor
  ) {
    noting(.gather).gather(table, ids: ids, scale: scale, accumulate: accumulate, into: out)
  }
  func gatherRows(_ source: CPUTensor, ids: CPUIndices, accumulate: Bool, into out: CPUTensor) {
    noting(.gatherRows).gatherRows(source, ids: ids, accumulate: accumulate, into: out)
  }
  func scatterRows(_ source: CPUTensor, ids: CPUIndices, into out: CPUTensor) {
    noting(.scatterRows).scatterRows(source, ids: ids, into: out)
  }
  func gatherIndices(_ source: CPUIndices, width: Int, ids: CPUIndices, into out: CPUIndices) {
    noting(.gatherIndices).gatherIndices(source, width: width, ids: ids, into: out)
  }
  func scatterIndices(_ source: CPUIndices, width: Int, ids: CPUIndices, into out: CPUIndices) {
    noting(.scatterIndices).scatterIndices(source, width: width, ids: ids, into: out)
  }
  func frameEmbedding(_ tables: [CPUMatrix], codes: CPUIndices, into out: CPUTensor) {
    noting(.frameEmbedding).frameEmbedding(tables, codes: codes, into: out)
  }
  func addTrailingText(
    _ table: CPUTensor, ids: CPUIndices, idsPerSlot: Int, frame: CPUIndices, count: CPUIndices,
    slots: CPUIndices, into out: CPUTensor
  ) {
    noting(.addTrailingText).addTrailingText(
      table, ids: ids, idsPerSlot: idsPerSlot, frame: frame, count: count, slots: slots, into: out)
  }
  func linearAdd(
    _ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, scale: CPUTensor?, into out: CPUTensor
  ) {
    noting(.linearAdd).linearAdd(x, weight, bias: bias, scale: scale, into: out)
  }
  // As they are defined, so that a fault of the norm shows in what is made of it, too.

  func rmsNormLinear(
    _ x: CPUTensor, norm: CPUTensor, epsilon: Float, weight: CPUMatrix, scratch: CPUTensor,
    into out: CPUTensor
  ) {
    _ = noting(.rmsNormLinear)
    rmsNorm(x, weight: norm, epsilon: epsilon, into: scratch)
    linear(scratch, weight, bias: nil, into: out)
  }
  func rmsNormSwiGLU(
    _ x: CPUTensor, norm: CPUTensor, epsilon: Float, gateUp: CPUMatrix, scratch: CPUTensor,
    wide: CPUTensor, into out: CPUTensor
  ) {
    _ = noting(.rmsNormSwiGLU)
    rmsNorm(x, weight: norm, epsilon: epsilon, into: scratch)
    linear(scratch, gateUp, bias: nil, into: wide)
    swiGLU(wide, into: out)
  }
  func feedForward(
    _ out: CPUTensor, norm: CPUTensor, epsilon: Float, gateUp: CPUMatrix, down: CPUMatrix,
    scale: CPUTensor?, scratch: CPUTensor, wide: CPUTensor, activated: CPUTensor
  ) {
    _ = noting(.feedForward)
    rmsNormSwiGLU(
      out, norm: norm, epsilon: epsilon, gateUp: gateUp, scratch: scratch, wide: wide,
      into: activated)
    linearAdd(activated, down, bias: nil, scale: scale, into: out)
  }

  func swiGLU(_ x: CPUTensor, into out: CPUTensor) { noting(.swiGLU).swiGLU(x, into: out) }
  func silu(_ x: CPUTensor) { noting(.silu).silu(x) }
  func qkNormRopeAppend(
    _ qkv: CPUTensor, _ layer: AttentionLayer<CPUTensor>, rows: RowMap<CPUIndices>,
    to cache: CacheLayer<CPUCache>
  ) {
    noting(.qkNormRopeAppend).qkNormRopeAppend(qkv, layer, rows: rows, to: cache)
  }
  func attentionStep(
    _ qkv: CPUTensor, _ layer: AttentionLayer<CPUTensor>, rows: RowMap<CPUIndices>,
    cache: CacheLayer<CPUCache>, into out: CPUTensor
  ) {
    noting(.attentionStep).attentionStep(qkv, layer, rows: rows, cache: cache, into: out)
  }
  func attentionLinearAdd(
    _ qkv: CPUTensor, _ layer: AttentionLayer<CPUTensor>, rows: RowMap<CPUIndices>,
    cache: CacheLayer<CPUCache>, attended: CPUTensor, weight: CPUMatrix, scale: CPUTensor?,
    into out: CPUTensor
  ) {
    noting(.attentionLinearAdd).attentionLinearAdd(
      qkv, layer, rows: rows, cache: cache, attended: attended, weight: weight, scale: scale,
      into: out)
  }
  func transformerLayers(
    _ layers: [TransformerLayer<ObservedBackend>], epsilon: Float,
    _ work: TransformerWorkspace<ObservedBackend>, rows: RowMap<CPUIndices>, cache: CPUCache,
    then head: NormedHead<CPUTensor, CPUMatrix>?
  ) {
    _ = noting(.transformerLayers)
    for (index, layer) in layers.enumerated() {
      rmsNormLinear(
        work.hidden, norm: layer.inputNorm, epsilon: epsilon, weight: layer.qkv,
        scratch: work.normed, into: work.qkv)
      attentionLinearAdd(
        work.qkv, layer.attention, rows: rows, cache: CacheLayer(cache, layer: index),
        attended: work.attended, weight: layer.output, scale: layer.attentionScale,
        into: work.hidden)
      feedForward(
        work.hidden, norm: layer.postNorm, epsilon: epsilon, gateUp: layer.gateUp,
        down: layer.down, scale: layer.feedForwardScale, scratch: work.normed, wide: work.wide,
        activated: work.activated)
    }
    guard let head else { return }
    rmsNormLinear(
      work.hidden.rows(head.rows), norm: head.norm, epsilon: epsilon, weight: head.weight,
      scratch: head.scratch, into: head.scores)
  }
  func sample(
    _ logits: CPUTensor, rule: SamplingRule, state: SamplingState<CPUIndices>, slots: CPUIndices,
    into codes: CPUIndices
  ) {
    let first = base.makeIndices(count: slots.count)
    base.write((0..<Int32(slots.count)).map(\.self), to: first)
    noting(.sample).sample(
      logits, rule: rule, state: state, slots: fault == .slots ? first : slots, into: codes)
  }
  func promptRows(for count: Int) -> Int { noting(.promptRows).promptRows(for: count) }
  func codecFrames(for count: Int) -> Int { noting(.codecFrames).codecFrames(for: count) }
  func stepRows(for count: Int) -> Int { noting(.stepRows).stepRows(for: count) }
  func makeFrameProgram(_ step: FrameParameters<ObservedBackend>) -> Never? {
    _ = noting(.makeFrameProgram)
    return nil
  }
  func makeFrame(_ program: Never, advancing: Bool) {}
  func gatherSum(
    _ table: CPUMatrix, entries: Int, scale: CPUTensor, codes: CPUIndices, width: Int,
    range: Range<Int>, into out: CPUTensor
  ) {
    noting(.gatherSum).gatherSum(
      table, entries: entries, scale: scale, codes: codes, width: width, range: range, into: out)
  }
  func snakeConvolution(
    _ x: CPUTensor, _ snake: SnakeWeights<CPUTensor>, history: History, weight: CPUMatrix,
    bias: CPUTensor, kernel: Int, dilation: Int, scratch: CPUTensor, into out: CPUTensor
  ) {
    noting(.snakeConvolution).snakeConvolution(
      x, snake, history: history, weight: weight, bias: bias, kernel: kernel, dilation: dilation,
      scratch: scratch, into: out)
  }
  func transposedConvolution(
    _ x: CPUTensor, history: History?, weight: CPUMatrix, bias: CPUTensor, stride: Int,
    into out: CPUTensor
  ) {
    noting(.transposedConvolution).transposedConvolution(
      x, history: history, weight: weight, bias: bias, stride: stride, into: out)
  }
  func depthwiseConvolution(
    _ x: CPUTensor, history: History, weight: CPUTensor, bias: CPUTensor, into out: CPUTensor
  ) {
    noting(.depthwiseConvolution).depthwiseConvolution(
      x, history: history, weight: weight, bias: bias, into: out)
  }
  func layerNorm(
    _ x: CPUTensor, weight: CPUTensor, bias: CPUTensor, epsilon: Float, into out: CPUTensor
  ) {
    noting(.layerNorm).layerNorm(x, weight: weight, bias: bias, epsilon: epsilon, into: out)
  }
  func gelu(_ x: CPUTensor) { noting(.gelu).gelu(x) }
  func snake(_ x: CPUTensor, _ weights: SnakeWeights<CPUTensor>, into out: CPUTensor) {
    noting(.snake).snake(x, weights, into: out)
  }
  func latentUpsampling(
    _ x: CPUTensor, _ stage: LatentUpsampling<CPUTensor, CPUMatrix>, history: History,
    inner: CPUTensor, wide: CPUTensor, into out: CPUTensor
  ) {
    noting(.latentUpsampling).latentUpsampling(
      x, stage, history: history, inner: inner, wide: wide, into: out)
  }
  func decoderBlock(
    _ x: CPUTensor, _ block: DecoderBlock<CPUTensor, CPUMatrix>, history: History,
    unitHistories: [History], inner: CPUTensor, scratch: (CPUTensor, CPUTensor),
    into out: CPUTensor
  ) {
    noting(.decoderBlock).decoderBlock(
      x, block, history: history, unitHistories: unitHistories, inner: inner, scratch: scratch,
      into: out)
  }
  func activate(_ x: CPUTensor, _ function: Activation, into out: CPUTensor) {
    noting(.activate).activate(x, function, into: out)
  }
  func addScaled(_ x: CPUTensor, scale: CPUTensor, into out: CPUTensor) {
    noting(.addScaled).addScaled(x, scale: scale, into: out)
  }
  func statisticsPooling(_ x: CPUTensor, scores: CPUTensor?, into out: CPUTensor) {
    noting(.statisticsPooling).statisticsPooling(x, scores: scores, into: out)
  }
  func argmax(_ x: CPUTensor, into out: CPUIndices) { noting(.argmax).argmax(x, into: out) }
}

extension HostTensor {
  /// The numbers with the 16 bits of precision that two bf16 numbers have.
  fileprivate var inTwoParts: HostTensor {
    HostTensor(
      name: name, shape: shape,
      values: floats().map { Float(bitPattern: $0.bitPattern & 0xFFFF_FF00) })
  }
}
