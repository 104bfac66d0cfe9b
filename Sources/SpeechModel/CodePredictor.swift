// SPDX-License-Identifier: MIT

/// The code predictor: codebooks 1…15 of a frame, one pass each, from the talker's hidden state and
/// codebook 0 (docs/model.md, section 8.3). Its cache starts empty at every frame.
package struct CodePredictor<B: Backend> {
  package let configuration: CodePredictorConfiguration
  /// Table `g` embeds code `g + 1`; as wide as the talker.
  package let embeddings: [B.Matrix]
  /// From the talker's width to the predictor's; `nil` where they are equal.
  package let projection: (weight: B.Matrix, bias: B.Tensor)?
  package let stack: TransformerStack<B>
  /// Head `g` scores code `g + 1`.
  package let heads: [B.Matrix]

  /// Reads the tensors under `talker.code_predictor.`.
  package init(
    reading weights: some WeightSource, _ configuration: CodePredictorConfiguration,
    talker: TalkerConfiguration, on backend: B
  ) throws {
    self.configuration = configuration
    let width = talker.transformer.hiddenSize
    let hidden = configuration.transformer.hiddenSize
    let entries = configuration.codebookSize
    let residualCount = talker.codebookCount - 1
    embeddings = try (0..<residualCount).map { index in
      try backend.loadWeight(
        [weights.tensor("model.codec_embedding.\(index).weight", [entries, width])], as: .stored)
    }
    heads = try (0..<residualCount).map { index in
      try backend.loadWeight(
        [weights.tensor("lm_head.\(index).weight", [entries, hidden])], as: .stored)
    }
    if width == hidden {
      projection = nil
    } else {
      projection = (
        try backend.loadWeight(
          [weights.tensor("small_to_mtp_projection.weight", [hidden, width])], as: .stored),
        try backend.vector(weights.tensor("small_to_mtp_projection.bias", [hidden]))
      )
    }
    stack = try TransformerStack(
      reading: weights.scoped("model."), configuration.transformer, traits: .language, on: backend)
  }
}

/// The predictor's buffers for a number of voices.
package struct CodePredictorWorkspace<B: Backend> {
  let rows: TransformerWorkspace<B>
  /// Embeddings before the projection, `[2 · voices, talker width]`; `rows.hidden` without one.
  let input: B.Tensor
  package let hidden: B.Tensor
  package let logits: B.Tensor
  package let cache: B.Cache
  /// Positions of pass 0 (zeros, then ones, as many of both), then of every later pass.
  private let positions: [B.Indices]
  /// By the number of voices, the slots of pass 0: all of them, twice.
  private let slots: [Int: B.Indices]
  private let mostVoices: Int

  /// - Parameter rowCount: The most voices at once.
  package init(
    rowCount slotCount: Int, _ predictor: CodePredictor<B>, talker: TalkerConfiguration,
    on backend: B
  ) throws(B.Failure) {
    mostVoices = slotCount
    let shape = predictor.configuration.transformer
    rows = try TransformerWorkspace(rows: 2 * slotCount, shape, on: backend)
    input =
      predictor.projection == nil
      ? rows.hidden
      : try backend.makeTensor(rows: 2 * slotCount, columns: talker.transformer.hiddenSize)
    hidden = try backend.makeTensor(rows: slotCount, columns: shape.hiddenSize)
    logits = try backend.makeTensor(rows: slotCount, columns: predictor.configuration.codebookSize)
    cache = try backend.makeCache(
      layerCount: shape.layerCount, slotCount: slotCount, capacity: talker.codebookCount,
      kvWidth: shape.kvWidth, precision: .float32)
    var positions: [B.Indices] = []
    for pass in 0..<talker.codebookCount - 1 {
      let values =
        pass == 0
        ? [Int32](repeating: 0, count: slotCount) + [Int32](repeating: 1, count: slotCount)
        : [Int32](repeating: Int32(pass + 1), count: slotCount)
      let indices = try backend.makeIndices(count: values.count)
      try backend.write(values, to: indices)
      positions.append(indices)
    }
    self.positions = positions
    var slots: [Int: B.Indices] = [:]
    for count in 1...slotCount where backend.stepRows(for: count) == count {
      let indices = try backend.makeIndices(count: 2 * count)
      try backend.write((0..<2 * count).map { Int32($0 % count) }, to: indices)
      slots[count] = indices
    }
    self.slots = slots
  }

  /// Slots and positions of one of the two rows that each of so many voices has in pass 0.
  func map(row: Int, voices: Int) -> RowMap<B.Indices> {
    oneRow(of: voices, at: positions[0].strided(from: row * mostVoices, count: voices, by: 1))
  }

  /// Slots and positions of a pass of so many voices.
  func map(pass: Int, voices: Int) -> RowMap<B.Indices> {
    guard pass == 0 else {
      return oneRow(of: voices, at: positions[pass].strided(from: 0, count: voices, by: 1))
    }
    return RowMap(
      slots: slots(of: voices),
      positions: positions[0].strided(from: mostVoices - voices, count: 2 * voices, by: 1),
      haveSlotsOfTheirOwn: true)
  }

  private func oneRow(of voices: Int, at positions: B.Indices) -> RowMap<B.Indices> {
    RowMap(
      slots: slots(of: voices).strided(from: 0, count: voices, by: 1), positions: positions,
      haveSlotsOfTheirOwn: true, areOfDifferentSlots: true)
  }

  private func slots(of voices: Int) -> B.Indices {
    guard let slots = slots[voices] else { preconditionFailure("a number that steps have") }
    return slots
  }
}

extension CodePredictor {
  /// Draws codes 1…15 of the frames whose code 0 is in `codes`, `[voices, codebookCount]`.
  ///
  /// - Parameters:
  ///   - talkerHidden: `[voices, talker width]`, after the talker's last norm.
  ///   - slots: Where each voice's `state` is.
  package func predict(
    talkerHidden: B.Tensor, codecEmbedding: B.Matrix, codes: B.Indices,
    state: SamplingState<B.Indices>, slots: B.Indices,
    _ work: CodePredictorWorkspace<B>, on backend: B
  ) throws(B.Failure) {
    let count = talkerHidden.rows
    for pass in 0..<heads.count {
      let code = codes.strided(from: pass, count: count, by: heads.count + 1)
      // Pass 0 takes two rows a voice, the hidden state and code 0; its result is the second.
      let rowCount = pass == 0 ? 2 * count : count
      let last = rowCount - count..<rowCount
      if pass == 0 { try backend.copy(talkerHidden, into: work.input.rows(0..<count)) }
      try backend.gather(
        pass == 0 ? codecEmbedding : embeddings[pass - 1], ids: code, scale: nil,
        accumulate: false, into: work.input.rows(last))
      let rows = work.rows.first(rowCount)
      if let projection {
        try backend.linear(
          work.input.rows(0..<rowCount), projection.weight, bias: projection.bias,
          into: rows.hidden)
      }
      let logits = work.logits.rows(0..<count)
      var head = TransformerStack<B>.Head(
        weight: heads[pass], rows: last, scratch: work.hidden.rows(0..<count), scores: logits)
      if pass == 0, backend.prefersRowsOfDifferentSlots {
        try stack(
          rows.first(count), rows: work.map(row: 0, voices: count), cache: work.cache, on: backend)
        head.rows = 0..<count
        try stack(
          rows.rows(last), rows: work.map(row: 1, voices: count), cache: work.cache, then: head,
          on: backend)
      } else {
        try stack(
          rows, rows: work.map(pass: pass, voices: count), cache: work.cache, then: head,
          on: backend)
      }
      try backend.sample(
        logits, rule: SamplingRule(codebook: pass + 1), state: state, slots: slots,
        into: codes.strided(from: pass + 1, count: count, by: heads.count + 1))
    }
  }
}
