// SPDX-License-Identifier: MIT

import BackendVerification
import CPUBackend
import SpeechModel

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
  /// A copy of a cache is forgotten.
  case copiedCache
  /// A weight that has to stay exact is split into two bf16 numbers.
  case inexact
  /// Mel bands of a recording half as loud.
  case mel

  var operation: VerifiedOperation {
    switch self {
    case .norm: .norms
    case .unwritten: .linear
    case .outside: .functions
    case .future: .attention
    case .history: .causalConvolution
    case .frame: .ring
    case .copiedCache, .unrounded: .attention
    case .inexact: .loadWeight
    case .mel: .melBands
    }
  }

  /// What the report has to say.
  var words: String {
    switch self {
    case .norm: "rmsNorm"
    case .unwritten: "1×1×1 BF16: [0] is nan"
    case .outside: "next to tensors"
    case .future: "is nan"
    case .history: "history after"
    case .frame: "frames"
    case .unrounded: "bfloat16, 1 rows at 0"
    case .copiedCache: "copy of a cache, float32, layer 0: [0] is nan"
    case .inexact: "exact"
    case .mel: "bands of"
    }
  }
}

/// The CPU backend with a fault. Fused operations run as the smaller ones they are defined by.
final class FaultyBackend: ComposedBackend {
  typealias Failure = Never
  typealias Tensor = CPUTensor
  typealias Indices = CPUIndices
  typealias Matrix = CPUMatrix
  typealias Cache = CPUCache
  typealias FrameRing = CPUFrameRing
  typealias Recording = CPURecording

  let base = CPUBackend()
  let fault: Fault
  private var latest: CPUTensor?

  init(_ fault: Fault) { self.fault = fault }

  // MARK: What can be wrong

  func makeTensor(rows: Int, columns: Int) -> CPUTensor {
    let tensor = base.makeTensor(rows: rows, columns: columns)
    latest = tensor
    return tensor
  }

  func rmsNorm(_ x: CPUTensor, weight: CPUTensor, epsilon: Float, into out: CPUTensor) {
    base.rmsNorm(x, weight: weight, epsilon: epsilon, into: out)
    guard fault == .norm else { return }
    var values = base.read(out)
    for index in values.indices where (index + 1) % out.columns == 0 { values[index] *= 1.001 }
    base.write(values, to: out)
  }

  func linear(_ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, into out: CPUTensor) {
    guard fault == .unwritten else { return base.linear(x, weight, bias: bias, into: out) }
    let whole = base.makeTensor(rows: out.rows, columns: out.columns)
    base.linear(x, weight, bias: bias, into: whole)
    base.write(base.read(whole).dropLast(), to: out)
  }

  func clamp(_ x: CPUTensor) {
    base.clamp(x)
    guard fault == .outside, let latest else { return }
    base.clear(latest.rows(latest.rows - 1..<latest.rows))
  }

  func attention(
    _ qkv: CPUTensor, _ layer: AttentionLayer<CPUTensor>, rows: RowMap<CPUIndices>,
    cache: CacheLayer<CPUCache>, into out: CPUTensor
  ) {
    if fault == .future { base.increment(rows.positions, by: 1) }
    base.attention(qkv, layer, rows: rows, cache: cache, into: out)
    if fault == .future { base.increment(rows.positions, by: -1) }
  }

  func causalConvolution(
    _ x: CPUTensor, history: CPUTensor, weight: CPUMatrix, bias: CPUTensor, kernel: Int,
    dilation: Int, into out: CPUTensor
  ) {
    let before = base.read(history)
    base.causalConvolution(
      x, history: history, weight: weight, bias: bias, kernel: kernel, dilation: dilation,
      into: out)
    if fault == .history { base.write(before, to: history) }
  }

  func collect(_ index: Int, from ring: CPUFrameRing) -> [Int32] {
    base.collect(fault == .frame ? max(0, index - 1) : index, from: ring)
  }

  // MARK: What is right

  func makeIndices(count: Int) -> CPUIndices { base.makeIndices(count: count) }
  func cachePrecision(weights: ElementType) -> CachePrecision {
    base.cachePrecision(weights: weights)
  }

  func makeCache(
    layerCount: Int, slotCount: Int, capacity: Int, kvWidth: Int, precision: CachePrecision
  ) -> CPUCache {
    base.makeCache(
      layerCount: layerCount, slotCount: slotCount, capacity: capacity, kvWidth: kvWidth,
      precision: fault == .unrounded ? .float32 : precision)
  }
  func makeFrameRing(slotCount: Int, codebookCount: Int) -> CPUFrameRing {
    base.makeFrameRing(slotCount: slotCount, codebookCount: codebookCount)
  }
  func loadVector(_ values: [Float]) -> CPUTensor { base.loadVector(values) }
  func write(_ values: [Float], to tensor: CPUTensor) { base.write(values, to: tensor) }
  func write(_ values: [Int32], to indices: CPUIndices) { base.write(values, to: indices) }
  func read(_ tensor: CPUTensor) -> [Float] { base.read(tensor) }
  func read(_ indices: CPUIndices) -> [Int32] { base.read(indices) }
  func clear(_ tensor: CPUTensor) { base.clear(tensor) }
  func clear(_ indices: CPUIndices) { base.clear(indices) }
  func publish(_ codes: CPUIndices, to ring: CPUFrameRing) { base.publish(codes, to: ring) }
  func copy(_ source: CPUTensor, into out: CPUTensor) { base.copy(source, into: out) }
  func copy(_ source: CPUCache, into out: CPUCache) {
    if fault != .copiedCache { base.copy(source, into: out) }
  }
  func melSpectrogram(
    _ samples: [Float], _ bank: MelBank<CPUTensor, CPUIndices>, scratch: CPUTensor,
    into out: CPUTensor
  ) {
    base.write(bank.spectrogram(fault == .mel ? samples.map { $0 / 2 } : samples), to: out)
  }
  func loadWeight(_ parts: [HostTensor], as layout: WeightLayout) -> CPUMatrix {
    guard fault == .inexact, case .exact = layout else {
      return base.loadWeight(parts, as: layout)
    }
    return base.loadWeight(parts.map(\.inTwoParts), as: layout)
  }
  func add(_ source: CPUTensor, into out: CPUTensor) { base.add(source, into: out) }
  func gather(
    _ table: CPUMatrix, ids: CPUIndices, scale: CPUTensor?, accumulate: Bool, into out: CPUTensor
  ) {
    base.gather(table, ids: ids, scale: scale, accumulate: accumulate, into: out)
  }
  func gatherSum(
    _ table: CPUMatrix, entries: Int, scale: CPUTensor, codes: CPUIndices, width: Int,
    range: Range<Int>, into out: CPUTensor
  ) {
    base.gatherSum(
      table, entries: entries, scale: scale, codes: codes, width: width, range: range, into: out)
  }
  func gatherRows(_ source: CPUTensor, ids: CPUIndices, accumulate: Bool, into out: CPUTensor) {
    base.gatherRows(source, ids: ids, accumulate: accumulate, into: out)
  }
  func addTrailingText(
    _ source: CPUTensor, rowsPerSlot: Int, frame: CPUIndices, count: CPUIndices,
    slots: CPUIndices, into out: CPUTensor
  ) {
    base.addTrailingText(
      source, rowsPerSlot: rowsPerSlot, frame: frame, count: count, slots: slots, into: out)
  }
  func increment(_ values: CPUIndices, by amount: Int32) { base.increment(values, by: amount) }
  func linearAdd(
    _ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, scale: CPUTensor?, into out: CPUTensor
  ) {
    base.linearAdd(x, weight, bias: bias, scale: scale, into: out)
  }
  func swiGLU(_ x: CPUTensor, into out: CPUTensor) { base.swiGLU(x, into: out) }
  func silu(_ x: CPUTensor) { base.silu(x) }
  func qkNormRopeAppend(
    _ qkv: CPUTensor, _ layer: AttentionLayer<CPUTensor>, rows: RowMap<CPUIndices>,
    to cache: CacheLayer<CPUCache>
  ) {
    base.qkNormRopeAppend(qkv, layer, rows: rows, to: cache)
  }
  func sample(
    _ logits: CPUTensor, rule: SamplingRule, state: SamplingState<CPUIndices>,
    into codes: CPUIndices
  ) {
    let (words, frames) = (base.read(state.settings), base.read(state.frame))
    let scores = base.read(logits)
    var seen = base.read(state.seen)
    let width = logits.columns
    let drawn = (0..<logits.rows).map { row in
      var own = Array(scores[row * width..<(row + 1) * width])
      let first = row * state.vocabularySize
      let code = Sampling.draw(
        &own, rule: rule,
        row: SamplingWord.decode(
          words[row * SamplingWord.count..<(row + 1) * SamplingWord.count],
          codebook: rule.codebook, frame: frames[row]),
        seen: { seen[first + $0] != 0 })
      if rule.remembers { seen[first + Int(code)] = 1 }
      return code
    }
    base.write(drawn, to: codes)
    base.write(seen, to: state.seen)
  }
  func transposedConvolution(
    _ x: CPUTensor, history: CPUTensor?, weight: CPUMatrix, bias: CPUTensor, stride: Int,
    into out: CPUTensor
  ) {
    base.transposedConvolution(
      x, history: history, weight: weight, bias: bias, stride: stride, into: out)
  }
  func depthwiseConvolution(
    _ x: CPUTensor, history: CPUTensor, weight: CPUTensor, bias: CPUTensor, into out: CPUTensor
  ) {
    base.depthwiseConvolution(x, history: history, weight: weight, bias: bias, into: out)
  }
  func layerNorm(
    _ x: CPUTensor, weight: CPUTensor, bias: CPUTensor, epsilon: Float, into out: CPUTensor
  ) {
    base.layerNorm(x, weight: weight, bias: bias, epsilon: epsilon, into: out)
  }
  func gelu(_ x: CPUTensor) { base.gelu(x) }
  func snake(
    _ x: CPUTensor, _ weights: SnakeWeights<CPUTensor>, into out: CPUTensor
  ) {
    base.snake(x, weights, into: out)
  }
}

extension HostTensor {
  /// The numbers with the 16 bits of precision that two bf16 numbers have.
  fileprivate var inTwoParts: HostTensor {
    HostTensor(
      name: name, shape: shape,
      values: floats().map { Float(bitPattern: $0.bitPattern & 0xFFFF_FF00) })
  }
}
