// SPDX-License-Identifier: MIT

/// The talker: text and codes in, codebook 0 of the next frame out (docs/model.md, sections 6
/// to 8). Its last hidden state also feeds the code predictor.
package struct Talker<B: Backend> {
  package let configuration: TalkerConfiguration
  /// Rows are gathered on the host: a prompt needs a few dozen of 151,936, so the table stays mapped.
  let textTable: HostTensor
  let textInner: B.Matrix
  let textInnerBias: B.Tensor
  let textOuter: B.Matrix
  let textOuterBias: B.Tensor
  package let codecEmbedding: B.Matrix
  package let stack: TransformerStack<B>
  package let head: B.Matrix
  /// How its keys and values are kept when nothing else is asked for.
  package let cachePrecision: CachePrecision

  /// Reads the tensors under `talker.`.
  package init(
    reading weights: some WeightSource, _ configuration: TalkerConfiguration, on backend: B
  ) throws {
    let hidden = configuration.transformer.hiddenSize
    let textHidden = configuration.textHiddenSize
    let vocabulary = configuration.vocabularySize
    self.configuration = configuration
    textTable = try weights.tensor(
      "model.text_embedding.weight", [configuration.textVocabularySize, textHidden])
    textInner = try backend.loadWeight(
      [weights.tensor("text_projection.linear_fc1.weight", [textHidden, textHidden])], as: .stored)
    textInnerBias = try backend.vector(
      weights.tensor("text_projection.linear_fc1.bias", [textHidden]))
    textOuter = try backend.loadWeight(
      [weights.tensor("text_projection.linear_fc2.weight", [hidden, textHidden])], as: .stored)
    textOuterBias = try backend.vector(weights.tensor("text_projection.linear_fc2.bias", [hidden]))
    codecEmbedding = try backend.loadWeight(
      [weights.tensor("model.codec_embedding.weight", [vocabulary, hidden])], as: .stored)
    stack = try TransformerStack(
      reading: weights.scoped("model."), configuration.transformer, traits: .language, on: backend)
    let head = try weights.tensor("codec_head.weight", [vocabulary, hidden])
    self.head = try backend.loadWeight([head], as: .stored)
    cachePrecision = backend.cachePrecision(weights: head.elementType)
  }

  /// Text-side vectors, `T(i) = fc2(silu(fc1(text_embedding[i]) + b1)) + b2`, one row an id.
  ///
  /// - Parameters:
  ///   - ids: Text tokens, at most as many as `rows` has rows.
  ///   - rows: `[count, textHiddenSize]`, overwritten.
  ///   - inner: `[count, textHiddenSize]`, overwritten.
  ///   - out: `[count, hiddenSize]`.
  package func projectText(
    _ ids: [Int32], rows: B.Tensor, inner: B.Tensor, into out: B.Tensor, on backend: B
  ) throws(B.Failure) {
    let count = ids.count
    try backend.writeRows(of: textTable, ids: ids, to: rows)
    let inner = inner.rows(0..<count)
    try backend.linear(rows.rows(0..<count), textInner, bias: textInnerBias, into: inner)
    try backend.silu(inner)
    try backend.linear(inner, textOuter, bias: textOuterBias, into: out.rows(0..<count))
  }
}
