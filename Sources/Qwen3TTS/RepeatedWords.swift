// SPDX-License-Identifier: MIT

/// Words that are repeated many times over. A small voice loses count of them and speaks on and on; a
/// few at a time it says well.
package enum RepeatedWords {
  /// Words, or syllables of one word, that are still said well in one go.
  static let mostAtOnce = 10
  /// The longest phrase whose repetition is looked for, in words.
  static let longestPhrase = 4
  /// The longest syllable, in letters.
  private static let longestSyllable = 6
  static let fewestRepetitions = 4

  package struct Group: Equatable {
    package var text: String
    /// What it repeats, in small letters; `nil` for what is between repetitions.
    package var unit: String?

    package init(text: String, unit: String? = nil) { (self.text, self.unit) = (text, unit) }
  }

  /// The text in groups of few repetitions; in one where nothing is repeated often.
  package static func groups(of text: String) -> [Group] {
    let words = words(of: text)
    var groups: [Group] = []
    var begin = text.startIndex
    func cut(at end: String.Index, unit: String?) {
      let piece = text[begin..<end].trimmed
      begin = end
      if piece.isSpeakable {
        groups.append(Group(text: String(piece), unit: unit))
      } else if let last = groups.indices.last {
        groups[last].text += piece
      }
    }
    var index = 0
    while index < words.count {
      guard let (period, count) = run(in: words, at: index) else {
        index += 1
        continue
      }
      if begin < words[index].range.lowerBound { cut(at: words[index].range.lowerBound, unit: nil) }
      let unit = words[index..<index + period].map(\.key).joined(separator: " ")
      // Groups of about one size: a word left over would be a part of its own.
      let repetitions = divideUp(count, period)
      let share = divideUp(repetitions, divideUp(repetitions, mostAtOnce / period)) * period
      for first in stride(from: index + share, to: index + count, by: share) {
        cut(at: words[first].range.lowerBound, unit: unit)
      }
      index += count
      cut(at: index < words.count ? words[index].range.lowerBound : text.endIndex, unit: unit)
    }
    if begin < text.endIndex || groups.isEmpty { cut(at: text.endIndex, unit: nil) }
    return groups.isEmpty ? [Group(text: text)] : groups
  }

  static func divideUp(_ number: Int, _ divisor: Int) -> Int {
    (number + divisor - 1) / divisor
  }

  struct Word {
    /// What is compared.
    var key: String
    var range: Range<String.Index>
  }

  /// The words of a text; one that repeats a syllable many times counts as so many words.
  static func words(of text: String) -> [Word] {
    text.split { !$0.isLetter && !$0.isNumber && $0 != "'" }.flatMap { word -> [Word] in
      let letters = Array(word.lowercased())
      guard letters.count == word.count, let length = syllable(of: letters) else {
        return [Word(key: String(letters), range: word.startIndex..<word.endIndex)]
      }
      var words: [Word] = []
      var start = word.startIndex
      while start < word.endIndex {
        let end = word.index(start, offsetBy: length, limitedBy: word.endIndex) ?? word.endIndex
        words.append(Word(key: word[start..<end].lowercased(), range: start..<end))
        start = end
      }
      return words
    }
  }

  /// Letters of the syllable that a word consists of.
  private static func syllable(of letters: [Character]) -> Int? {
    (1...longestSyllable).first { length in
      letters.count > mostAtOnce * length
        && zip(letters, letters.dropFirst(length)).allSatisfy { $0 == $1 }
    }
  }

  /// How many words are a repetition from here on, and of how many.
  private static func run(in words: [Word], at start: Int) -> (period: Int, count: Int)? {
    for period in 1...longestPhrase {
      var end = start + period
      while end < words.count, words[end].key == words[end - period].key { end += 1 }
      let count = end - start
      if count > mostAtOnce, count >= fewestRepetitions * period { return (period, count) }
    }
    return nil
  }
}
