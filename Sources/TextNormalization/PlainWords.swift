// SPDX-License-Identifier: MIT

/// Words that are said as they are written, whatever stands around them.
enum PlainWords {
  /// Words in small letters that a rule reads: by itself, or as part of something longer.
  private static let read: Set<String> = {
    var words: Set<String> = ["and", "or", "to", "morning", "afternoon", "evening"]
    words.formUnion(EnglishReader.wordsInRules)
    words.formUnion(Calendar.wordsInRules)
    words.formUnion(EnglishReader.zones)
    return words
  }()
  private static let longest = 24

  /// The end of the plain word that begins at a place: three small letters at least, no rule's word,
  /// with a space or a mark after it. "forty-two" is one.
  static func end(of text: [Unicode.Scalar], _ start: Int) -> Int? {
    var end = start
    while end < text.count, text[end].isSmall { end += 1 }
    if end + 1 < text.count, text[end] == "-", text[end + 1].isSmall {
      return isRead(text[start..<end]) ? nil : self.end(of: text, end + 1)
    }
    return isFree(text, end) && isPlain(text[start..<end]) ? end : nil
  }

  /// Whether a rule may read small letters: as a word, or because they are too short or too long.
  private static func isRead(_ letters: ArraySlice<Unicode.Scalar>) -> Bool {
    letters.count < 3 || letters.count > longest || read.contains(String(letters))
  }

  /// Whether small letters are a plain word.
  static func isPlain(_ letters: ArraySlice<Unicode.Scalar>) -> Bool {
    guard letters.count >= 3, letters.count <= longest else { return false }
    let word = String(letters)
    // "iii" may be a number.
    return !read.contains(word) && !word.utf8.allSatisfy { "ivx".utf8.contains($0) }
  }

  /// Whether nothing at a place belongs to the word before it.
  private static func isFree(_ text: [Unicode.Scalar], _ place: Int) -> Bool {
    guard place < text.count else { return true }
    switch text[place] {
    case " ", ",", ";", "!", "?": return true
    case ".": return place + 1 == text.count || text[place + 1] == " "
    default: return false
    }
  }
}
