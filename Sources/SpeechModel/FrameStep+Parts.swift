// SPDX-License-Identifier: MIT

/// A part of a frame step, alone.
package enum FramePart: String, Sendable, CaseIterable {
  /// The talker's step, from the sum of embeddings to the hidden state.
  case talker
  /// The code predictor's fifteen passes, its draws included; of a frame that is one kernel, the
  /// talker's head and draw too.
  case predictor
  /// All sixteen draws.
  case draws
}

extension FrameStep {
  /// Runs a part of a frame of slot 0 alone, recorded as `nextFrame` is: for measuring. The utterance is
  /// spoilt.
  package func run(_ part: FramePart) throws(B.Failure) {
    try backend.run(recordings[.part(part)]) { () throws(B.Failure) in
      switch part {
      case .talker: try advance(1)
      case .predictor: try predictCodes(1)
      case .draws: try drawAll()
      }
    }
  }

  /// The draws of a frame from whatever scores there are.
  private func drawAll() throws(B.Failure) {
    let count = model.talker.configuration.codebookCount
    for codebook in 0..<count {
      try backend.sample(
        (codebook == 0 ? logits : predictorWork.logits).rows(0..<1),
        rule: codebook == 0
          ? .talker(model.talker.configuration) : SamplingRule(codebook: codebook),
        state: sampling, slots: rowMaps.strided(from: 0, count: 1, by: 1),
        into: rowCodes.strided(from: codebook, count: 1, by: count))
    }
  }
}

extension ModelConfiguration {
  /// Bytes that a frame step reads at the least: weights in their stored precision, once a pass, and
  /// the keys and values it looks back on, as they are kept.
  ///
  /// - Parameters:
  ///   - position: Of the talker's step.
  ///   - elementType: Of a stored weight.
  ///   - precision: Of the talker's keys and values.
  package func frameByteCount(
    position: Int, weights elementType: ElementType, cache precision: CachePrecision
  ) -> Int {
    let (large, small) = (talker.transformer, predictor.transformer)
    let passes = talker.codebookCount - 1
    var weights = large.layerWeightCount + large.hiddenSize * talker.vocabularySize
    weights += passes * (small.layerWeightCount + small.hiddenSize * predictor.codebookSize)
    if large.hiddenSize != small.hiddenSize {
      weights += passes * large.hiddenSize * small.hiddenSize
    }
    // One row of each table for the talker's input, and again for the predictor's.
    weights += 2 * talker.codebookCount * large.hiddenSize
    // Pass p of the predictor looks back on p + 2 positions.
    let lookedBack = (0..<passes).reduce(0) { $0 + $1 + 2 }
    let cached =
      2 * large.layerCount * large.kvWidth * (position + 1) * precision.byteCount
      + 2 * small.layerCount * small.kvWidth * lookedBack * CachePrecision.float32.byteCount
    return weights * elementType.byteCount + cached
  }
}

extension TransformerConfiguration {
  /// Weights of the matrices of all layers.
  fileprivate var layerWeightCount: Int {
    layerCount
      * (hiddenSize * (attention.packedWidth + queryWidth) + 3 * hiddenSize * intermediateSize)
  }
}
