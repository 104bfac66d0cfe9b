// SPDX-License-Identifier: MIT

extension RepeatedWords {
  /// Finds repetitions in a text that is still being written. A word is held back until it is known
  /// to begin none: the four after it have to come, or the end of the sentence where that ends repetitions.
  ///
  /// A repetition that goes on is cut into groups as large as may be, and only the last ones are made
  /// about equal. `groups(of:)`, which knows where it ends, makes all equal.
  struct Running: Sendable {
    enum Piece: Equatable {
      /// What is in no repetition, as far as it goes.
      case text(String)
      /// A group of repetitions, and what it repeats.
      case group(String, unit: String)

      var text: String {
        switch self {
        case .text(let text), .group(let text, _): text
        }
      }
    }

    /// Whether the end of a sentence or a paragraph ends every repetition.
    private let endsAtSentences: Bool
    /// Words that are held back, each with what follows it up to the next.
    private var words: [(text: String, key: String)] = []
    /// The repetition that is being cut: its words, and how it is named.
    private var run: (period: Int, unit: String)?

    init(endsAtSentences: Bool) { self.endsAtSentences = endsAtSentences }

    /// Whether nothing is held back.
    var isEmpty: Bool { words.isEmpty }
    /// Bytes that are held back.
    var heldBytes: Int { words.reduce(0) { $0 + $1.text.utf8.count } }

    /// - Parameter text: Whole words, which the next text does not continue.
    mutating func append(_ text: String) -> [Piece] {
      var pieces: [Piece] = []
      var place = text.startIndex
      for word in RepeatedWords.words(of: text) {
        attach(text[place..<word.range.lowerBound], &pieces)
        words.append((String(text[word.range]), word.key))
        place = word.range.upperBound
        release(isComplete: false, &pieces)
      }
      attach(text[place...], &pieces)
      return pieces
    }

    mutating func finish() -> [Piece] {
      var pieces: [Piece] = []
      release(isComplete: true, &pieces)
      return pieces
    }

    private mutating func attach(_ signs: Substring, _ pieces: inout [Piece]) {
      guard !signs.isEmpty else { return }
      guard let last = words.indices.last else { return pieces.append(.text(String(signs))) }
      words[last].text += signs
      if endsAtSentences, signs.utf8.contains(where: { ".!?\n".utf8.contains($0) }) {
        release(isComplete: true, &pieces)
      }
    }

    private mutating func release(isComplete: Bool, _ pieces: inout [Piece]) {
      while !words.isEmpty {
        if let run {
          let end = repetition(run.period)
          let most = RepeatedWords.mostAtOnce / run.period
          if end >= 2 * most * run.period {
            pieces.append(.group(take(most * run.period), unit: run.unit))
            continue
          }
          guard isComplete || end < words.count else { return }
          let count = RepeatedWords.divideUp(end, run.period)
          let first = count > most ? RepeatedWords.divideUp(count, 2) * run.period : end
          pieces.append(.group(take(first), unit: run.unit))
          if first < end { pieces.append(.group(take(end - first), unit: run.unit)) }
          self.run = nil
          continue
        }
        for period in 1...RepeatedWords.longestPhrase where run == nil {
          let end = repetition(period)
          if end > RepeatedWords.mostAtOnce, end >= RepeatedWords.fewestRepetitions * period {
            run = (period, words[..<period].map(\.key).joined(separator: " "))
          } else if end == words.count, !isComplete {
            return
          }
        }
        if run == nil { pieces.append(.text(take(1))) }
      }
    }

    /// How many words repeat the first ones, those included.
    private func repetition(_ period: Int) -> Int {
      var end = min(period, words.count)
      while end < words.count, words[end].key == words[end - period].key { end += 1 }
      return end
    }

    private mutating func take(_ count: Int) -> String {
      defer { words.removeFirst(count) }
      return words[..<count].map(\.text).joined()
    }
  }
}
