// SPDX-License-Identifier: MIT

/// Vectors of text tokens on the device, each computed once: all utterances of a model share them, so
/// that what an utterance keeps of its text is a number a token.
///
/// Rows that an utterance uses stay; the others make room for what is asked for next.
final class TextTable<B: Backend> {
  /// `[rows, hidden]`.
  let vectors: B.Tensor
  private let talker: Talker<B>
  private let backend: B
  /// Tokens that are projected at once.
  private let block: Int
  private let rows: B.Tensor
  private let inner: B.Tensor

  private var rowOf: [Int32: Int] = [:]
  private var tokens: [Int32?]
  /// Utterances that use each row.
  private var users: [Int]
  /// Where the search for a row that nobody uses goes on.
  private var hand = 0

  /// - Parameter capacity: Tokens there is room for; never more than the vocabulary has.
  init(_ talker: Talker<B>, capacity: Int, block: Int, on backend: B) throws(B.Failure) {
    let shape = talker.configuration
    let capacity = min(capacity, shape.textVocabularySize)
    self.talker = talker
    self.backend = backend
    self.block = block
    vectors = try backend.makeTensor(rows: capacity, columns: shape.transformer.hiddenSize)
    rows = try backend.makeTensor(rows: block, columns: shape.textHiddenSize)
    inner = try backend.makeTensor(rows: block, columns: shape.textHiddenSize)
    tokens = Array(repeating: nil, count: capacity)
    users = Array(repeating: 0, count: capacity)
  }

  /// The row of a token that is there.
  func row(of token: Int32) -> Int32 { rowOf[token].map(Int32.init) ?? -1 }

  /// Sees that tokens are there, and stay until `release`.
  ///
  /// - Parameter tokens: Distinct.
  /// - Returns: Whether there was room.
  func retain(_ tokens: [Int32]) throws(B.Failure) -> Bool {
    var missing: [Int32] = []
    for token in tokens {
      if let row = rowOf[token] { users[row] += 1 } else { missing.append(token) }
    }
    var taken: [Int] = []
    for token in missing {
      guard let row = takeRow() else {
        forget(taken)
        release(tokens.filter { rowOf[$0] != nil })
        return false
      }
      self.tokens[row] = token
      rowOf[token] = row
      users[row] = 1
      taken.append(row)
    }
    do {
      try project(missing, into: taken)
    } catch {
      forget(taken)
      throw error
    }
    return true
  }

  /// The opposite of `retain`.
  func release(_ tokens: [Int32]) {
    for token in tokens { if let row = rowOf[token] { users[row] -= 1 } }
  }

  /// Forgets what nobody uses: for backends on which a vector depends on those computed beside it.
  func removeUnused() {
    for row in users.indices where users[row] == 0 {
      if let token = tokens[row] { rowOf[token] = nil }
      tokens[row] = nil
    }
    hand = 0
  }

  private func forget(_ taken: [Int]) {
    for row in taken {
      if let token = tokens[row] { rowOf[token] = nil }
      tokens[row] = nil
      users[row] = 0
    }
  }

  private func takeRow() -> Int? {
    for _ in users.indices {
      let row = hand
      hand = (hand + 1) % users.count
      guard users[row] == 0 else { continue }
      if let token = tokens[row] { rowOf[token] = nil }
      return row
    }
    return nil
  }

  /// Computes vectors, a block at a time, those for consecutive rows in place.
  private func project(_ tokens: [Int32], into rows: [Int]) throws(B.Failure) {
    var start = 0
    while start < tokens.count {
      var end = start + 1
      while end < tokens.count, end < start + block, rows[end] == rows[end - 1] + 1 { end += 1 }
      try talker.projectText(
        Array(tokens[start..<end]), rows: self.rows, inner: inner,
        into: vectors.rows(rows[start]..<rows[start] + end - start), on: backend)
      start = end
    }
  }
}
