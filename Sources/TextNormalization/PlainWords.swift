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
    guard end - start >= 3, end - start <= longest else { return nil }
    if end + 1 < text.count, text[end] == "-", text[end + 1].isSmall {
      return read.contains(String(text[start..<end])) ? nil : self.end(of: text, end + 1)
    }
    guard isFree(text, end) else { return nil }
    let word = String(text[start..<end])
    // "iii" may be a number.
    return read.contains(word) || word.utf8.allSatisfy({ "ivx".utf8.contains($0) }) ? nil : end
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
