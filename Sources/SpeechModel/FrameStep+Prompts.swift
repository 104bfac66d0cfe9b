// SPDX-License-Identifier: MIT

/// Rows of the prompt in a slot.
package struct PromptRows: Sendable {
  package var slot: Int
  package var rows: Range<Int>

  package init(slot: Int, rows: Range<Int>) {
    self.slot = slot
    self.rows = rows
  }
}

extension FrameStep {
  /// Begins an utterance in a slot, whatever was there before. Its prompt is yet to be read.
  ///
  /// - Precondition: The prompt's rows and trailing text fit `capacity`.
  /// - Returns: Whether there was room for its tokens among those of the other utterances.
  package func open(
    _ prompt: Prompt, settings: UtteranceSettings, slot: Int
  ) throws(B.Failure) -> Bool {
    precondition(prompt.rows.count < capacity && prompt.trailing.count < idsPerSlot)
    close(slot)
    // Otherwise how a vector was rounded would depend on the utterance before.
    if pool == nil { text.removeUnused() }
    let tokens = Set(prompt.textIDs)
    guard try text.retain(tokens.sorted()) else { return false }
    utterances[slot] = Utterance(
      prompt: prompt, tokens: tokens, trailingCount: prompt.trailing.count)
    try writeSampling(settings, slot: slot)
    try writeTrailing(prompt.trailing, from: 0, slot: slot)
    return true
  }

  /// Adds text to an utterance: tokens that are spoken one a frame after those there are.
  ///
  /// - Precondition: No frame was queued that needed one of them.
  /// - Returns: Whether there was room for them.
  package func append(_ tokens: [Int32], slot: Int) throws(B.Failure) -> Bool {
    guard var utterance = utterances[slot], !tokens.isEmpty else { return true }
    guard utterance.trailingCount + tokens.count < idsPerSlot else { return false }
    let fresh = Set(tokens).subtracting(utterance.tokens)
    guard try text.retain(fresh.sorted()) else { return false }
    utterance.tokens.formUnion(fresh)
    let start = utterance.trailingCount
    utterance.trailingCount += tokens.count
    utterances[slot] = utterance
    try writeTrailing(tokens, from: start, slot: slot)
    return true
  }

  /// Ends an utterance: what it kept may go to others.
  package func close(_ slot: Int) {
    guard let utterance = utterances[slot] else { return }
    text.release(Array(utterance.tokens))
    utterances[slot] = nil
  }

  /// Whether an utterance is under way in a slot.
  package func isOpen(_ slot: Int) -> Bool { utterances[slot] != nil }

  /// A number that is there when all that was queued before has run.
  package var progress: B.Tensor {
    hidden.reshaped(rows: hidden.rows * hidden.columns, columns: 1).rows(0..<1)
  }

  func writeSampling(_ settings: UtteranceSettings, slot: Int) throws(B.Failure) {
    let words = SamplingWord.count
    try backend.write(
      SamplingWord.row(
        talker: settings.talker, predictor: settings.predictor, seed: settings.seed,
        utterance: settings.utterance),
      to: sampling.settings.strided(from: slot * words, count: words, by: 1))
    try backend.write([0], to: sampling.frame.strided(from: slot, count: 1, by: 1))
    let vocabulary = sampling.vocabularySize
    try backend.clear(sampling.seen.strided(from: slot * vocabulary, count: vocabulary, by: 1))
  }

  /// Writes a slot's trailing text from token `start` on, and the padding after it.
  private func writeTrailing(_ tokens: [Int32], from start: Int, slot: Int) throws(B.Failure) {
    guard let utterance = utterances[slot] else { return }
    let rows = (tokens + [utterance.prompt.padding]).map { text.row(of: $0) }
    try backend.write(
      rows, to: trailing.strided(from: slot * idsPerSlot + start, count: rows.count, by: 1))
    try backend.write(
      [Int32(start + tokens.count)], to: trailingCount.strided(from: slot, count: 1, by: 1))
  }

  /// Runs the talker over rows of prompts, as many in one pass as fit: afterwards the slots whose last row
  /// was among them can make their first frame.
  package func read(_ slices: [PromptRows]) throws(B.Failure) {
    var pass: [PromptRows] = []
    var count = 0
    for slice in slices {
      var start = slice.rows.lowerBound
      while start < slice.rows.upperBound {
        let end = min(slice.rows.upperBound, start + Self.promptBlock - count)
        pass.append(PromptRows(slot: slice.slot, rows: start..<end))
        count += end - start
        start = end
        guard count == Self.promptBlock else { continue }
        try readPass(pass)
        (pass, count) = ([], 0)
      }
    }
    if count > 0 { try readPass(pass) }
  }

  /// Reads rows of prompts, at most `promptBlock`, in one pass through the layers.
  private func readPass(_ slices: [PromptRows]) throws(B.Failure) {
    var start = 0
    var (slots, positions): ([Int32], [Int32]) = ([], [])
    for slice in slices {
      guard let utterance = utterances[slice.slot] else { preconditionFailure("an open slot") }
      try build(utterance.prompt, slice.rows, at: start)
      slots += repeatElement(Int32(slice.slot), count: slice.rows.count)
      positions += slice.rows.map { Int32($0) }
      start += slice.rows.count
    }
    let padded = fillUp(&slots, &positions)
    let map = RowMap(slots: promptSlots, positions: promptPositions).rows(0..<padded)
    try backend.write(positions, to: map.positions)
    try backend.write(slots, to: map.slots)
    try backend.run(recordings[.prompt(rows: padded)]) { () throws(B.Failure) in
      try model.talker.stack(prompt.first(padded), rows: map, cache: cache, on: backend)
    }
    start = 0
    for slice in slices {
      start += slice.rows.count
      guard let utterance = utterances[slice.slot],
        slice.rows.upperBound == utterance.prompt.rows.count
      else { continue }
      try model.talker.stack.finalNorm(
        prompt.hidden.rows(start - 1..<start), into: hidden.rows(slice.slot..<slice.slot + 1),
        on: backend)
      try backend.write(
        [Int32(slice.rows.upperBound)],
        to: self.positions.strided(from: slice.slot, count: 1, by: 1))
    }
  }

  /// Adds rows up to a number that the backend has a recording for. Returns it.
  private func fillUp(_ slots: inout [Int32], _ positions: inout [Int32]) -> Int {
    let padded = min(backend.promptRows(for: slots.count), Self.promptBlock)
    let missing = padded - slots.count
    guard missing > 0 else { return slots.count }
    if let pool {
      slots += repeatElement(Int32(pool.spareSlot), count: missing)
      positions += repeatElement(0, count: missing)
    } else {
      // They write keys where later rows write theirs before they are seen.
      let next = (positions.last ?? 0) + 1
      guard Int(next) + missing <= capacity else { return slots.count }
      slots += repeatElement(0, count: missing)
      positions += (0..<Int32(missing)).map { next + $0 }
    }
    return padded
  }

  /// The talker's input for a prompt, `[rows, hidden]` flattened; for tests and inspection.
  package func embedding(of prompt: Prompt) throws(B.Failure) -> [Float] {
    let tokens = Set(prompt.textIDs).sorted()
    let isThere = try text.retain(tokens)
    precondition(isThere, "the text table has room for one utterance")
    defer { text.release(tokens) }
    var values: [Float] = []
    for start in stride(from: 0, to: prompt.rows.count, by: Self.promptBlock) {
      let rows = start..<min(start + Self.promptBlock, prompt.rows.count)
      try build(prompt, rows, at: 0)
      values += try backend.read(self.prompt.first(rows.count).hidden)
    }
    return values
  }

  /// Builds some rows of a prompt, from row `start` of the pass on: text, codec entries, reference frames,
  /// speaker.
  private func build(_ prompt: Prompt, _ rows: Range<Int>, at start: Int) throws(B.Failure) {
    let hidden = self.prompt.hidden.rows(start..<start + rows.count)
    let ids = promptIDs.strided(from: 0, count: rows.count, by: 1)
    try backend.write(prompt.rows[rows].map { $0.text.map { text.row(of: $0) } ?? -1 }, to: ids)
    try backend.gatherRows(text.vectors, ids: ids, accumulate: false, into: hidden)
    try backend.write(prompt.rows[rows].map(\.codecID), to: ids)
    try backend.gather(
      model.talker.codecEmbedding, ids: ids, scale: nil, accumulate: true, into: hidden)
    try addReference(prompt, rows: rows, to: hidden)
    if let row = rows.first(where: { prompt.rows[$0].codec == .speakerEmbedding }) {
      try backend.write(prompt.speakerEmbedding, to: scratch)
      try backend.add(
        scratch.rows(0..<1),
        into: hidden.rows(row - rows.lowerBound..<row - rows.lowerBound + 1))
    }
  }

  /// Adds the frame embeddings of the reference frames among `rows`, which are consecutive.
  private func addReference(
    _ prompt: Prompt, rows: Range<Int>, to hidden: B.Tensor
  ) throws(B.Failure) {
    var codes: [Int32] = []
    var first: Int?
    for row in rows {
      guard case .referenceFrame(let frame) = prompt.rows[row].codec else { continue }
      first = first ?? row - rows.lowerBound
      codes += prompt.referenceCodes[frame]
    }
    guard let first else { return }
    let count = codes.count / model.talker.configuration.codebookCount
    let view = promptCodes.strided(from: 0, count: codes.count, by: 1)
    try backend.write(codes, to: view)
    try backend.frameEmbedding(
      [model.talker.codecEmbedding] + model.predictor.embeddings, codes: view,
      into: scratch.rows(0..<count))
    try backend.add(scratch.rows(0..<count), into: hidden.rows(first..<first + count))
  }
}
