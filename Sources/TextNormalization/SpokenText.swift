// SPDX-License-Identifier: MIT

/// Words and marks as they are said: single spaces, one mark at a time, none at the beginning.
struct SpokenText {
  private(set) var text = ""
  /// The mark after the last word, not yet written: the strongest of those that follow each other.
  private var mark: Character?
  /// Whether a hyphen joins the next word to the last.
  private var isJoined = false
  /// The last word as it is written.
  private(set) var lastWord = ""

  /// The last word in small letters; empty where a mark follows it.
  var context: String { mark == nil ? lastWord.lowercased() : "" }
  /// Whether the next word begins a sentence.
  var isAtStart: Bool { text.isEmpty || mark.map { ".!?".contains($0) } ?? false }
  /// Whether a mark follows the last word.
  var hasMark: Bool { mark != nil }

  /// Says words of the text as they are.
  mutating func say(_ words: String) {
    guard !words.isEmpty else { return }
    if !text.isEmpty {
      if let mark { text.append(mark) }
      text += isJoined && mark == nil ? "-" : " "
    }
    text += words
    mark = nil
    isJoined = false
    lastWord =
      words.utf8.lastIndex(of: UInt8(ascii: " "))
      .map { String(words[words.utf8.index(after: $0)...]) } ?? words
  }

  /// Says words in place of others; they begin with a capital where a sentence does.
  mutating func sayInstead(_ words: String) {
    isJoined = false
    guard isAtStart, let first = words.first else { return say(words) }
    say(first.uppercased() + words.dropFirst())
  }

  /// Puts a mark after the last word.
  mutating func put(_ new: Character) {
    isJoined = false
    guard !text.isEmpty else { return }
    let order = ",:;.!?"
    func rank(_ mark: Character) -> Int { order.firstIndex(of: mark)?.utf16Offset(in: order) ?? 0 }
    guard let old = mark, rank(old) >= rank(new) else {
      mark = new
      return
    }
  }

  /// Puts an ending to the last word.
  mutating func end(with ending: String) {
    guard !text.isEmpty, mark == nil else { return }
    text += ending
    lastWord += ending
  }

  /// Joins the next word to the last with a hyphen.
  mutating func join() {
    isJoined = !text.isEmpty
  }

  /// Everything, with the last mark; a comma there would say that more follows.
  var whole: String { mark.map { $0 == "," ? text : text + String($0) } ?? text }
}
