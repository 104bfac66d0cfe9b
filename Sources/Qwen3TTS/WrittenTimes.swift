// SPDX-License-Identifier: MIT

import SpeechAlignment

/// Gives the words and characters of a text as it was written the times of what was said for them.
///
/// The letters that are said are in the order of the text, so they are counted: each written word stands for so many
/// of them. Where the text is put into English words, `WrittenEnglish` says what was said for which few words, and
/// `SpokenForms` which of these words it was said for.
package struct WrittenTimes: Sendable {
  private struct Word {
    /// Characters before those that are said: what the word before leaves, spaces, and marks.
    var before: [Character]
    var core: [Character]
    /// The word with its marks, and its place.
    var text: String
    var range: Range<Int>
    /// Letters that are said for it.
    var letters: Int
    /// Whether they are its own.
    var isVerbatim: Bool
  }

  /// Text that is still to be looked at.
  private var unread = ""[...]
  private var isComplete = false
  private var english: WrittenEnglish?
  /// What of the text has not come out of `english`.
  private var held: [UInt8] = []
  /// Words that have no times, and what comes after the last.
  private var words: [Word] = []
  private var rest: [Character] = []
  private var characterCount = 0
  /// Letters that are said for `words`.
  private var letterCount = 0
  /// Times of letters whose word is not complete.
  private var times: [Range<Duration>] = []
  /// The end of the last word that has a time.
  private var end = Duration.zero

  /// - Parameter isEnglish: Whether the text is put into English words.
  package init(isEnglish: Bool) { english = isEnglish ? WrittenEnglish() : nil }

  /// Adds text.
  package mutating func append(_ text: String) { unread += text }

  /// No text follows.
  package mutating func endText() { isComplete = true }

  /// Takes the times of the next letters that were said.
  ///
  /// - Returns: Words and characters that have times now, in the order of the text.
  package mutating func take(_ more: [Range<Duration>]) -> (
    words: [SpokenWord], characters: [SpokenCharacter]
  ) {
    times += more
    while letterCount < times.count, read() {}
    var done: (words: [SpokenWord], characters: [SpokenCharacter]) = ([], [])
    var used = 0
    var count = 0
    for word in words {
      guard used + word.letters <= times.count else { break }
      put(word, Array(times[used..<used + word.letters]), &done)
      used += word.letters
      count += 1
    }
    words.removeFirst(count)
    times.removeFirst(used)
    letterCount -= used
    return done
  }

  /// Ends the speech.
  ///
  /// - Returns: Words whose times had come before it was known where they end; and where all words were said,
  ///   the characters after the last, which have what is left of the speech.
  package mutating func finish(at end: Duration) -> (
    words: [SpokenWord], characters: [SpokenCharacter]
  ) {
    while read() {}
    var done = take([])
    guard words.isEmpty else { return done }
    done.characters += Self.spread(rest, over: self.end..<max(self.end, end))
    rest = []
    return done
  }

  // MARK: - Times

  private mutating func put(
    _ word: Word, _ letters: [Range<Duration>],
    _ done: inout (words: [SpokenWord], characters: [SpokenCharacter])
  ) {
    guard let first = letters.first, let last = letters.last else { return }
    let begin = max(first.lowerBound, end)
    let wordEnd = max(last.upperBound, begin)
    done.characters += Self.spread(word.before, over: end..<begin)
    if word.isVerbatim {
      var index = 0
      var here = begin
      for character in word.core {
        let count = character.unicodeScalars.count(where: \.isSpeakable)
        let heard = letters[index..<min(index + count, letters.count)]
        let start = max(heard.first?.lowerBound ?? here, here)
        here = max(heard.last?.upperBound ?? here, start)
        done.characters.append(SpokenCharacter(character, start: start, end: here))
        index += count
      }
    } else {
      done.characters += Self.spread(word.core, over: begin..<wordEnd)
    }
    done.words.append(SpokenWord(word.text, range: word.range, start: begin, end: wordEnd))
    end = wordEnd
  }

  private static func spread(
    _ characters: [Character], over time: Range<Duration>
  ) -> [SpokenCharacter] {
    let length = time.upperBound - time.lowerBound
    return characters.enumerated().map { index, character in
      SpokenCharacter(
        character, start: time.lowerBound + length * index / characters.count,
        end: time.lowerBound + length * (index + 1) / characters.count)
    }
  }

  // MARK: - Words

  /// Looks at more of the text. Returns whether there was any.
  private mutating func read() -> Bool {
    guard !unread.isEmpty else {
      guard isComplete, let spoken = english?.finish() else { return false }
      english = nil
      add(String(decoding: held, as: UTF8.self), said: spoken)
      held = []
      return true
    }
    guard let end = endOfPiece() else { return false }
    let piece = unread[..<end]
    unread = unread[end...]
    guard let spoken = english?.append(piece) else {
      add(String(piece), said: nil)
      return true
    }
    held += piece.utf8
    if !spoken.isEmpty, let count = english.map({ held.count - $0.heldBytes }) {
      add(String(decoding: held[..<count], as: UTF8.self), said: spoken)
      held.removeFirst(count)
    }
    return true
  }

  /// Where the word ends that is next, with the space after it; `nil` while it may continue.
  private func endOfPiece() -> String.Index? {
    var isAfterIdeograph = false
    for index in unread.indices {
      let character = unread[index]
      let next = unread.index(after: index)
      if character.isWhitespace {
        // A mark may join it.
        return next < unread.endIndex || isComplete ? next : nil
      }
      guard english == nil, character.unicodeScalars.contains(where: \.isSpeakable) else {
        continue
      }
      let isIdeograph = character.unicodeScalars.first?.isWordByItself ?? false
      if index > unread.startIndex, isIdeograph || isAfterIdeograph { return index }
      isAfterIdeograph = isIdeograph
    }
    return isComplete ? unread.endIndex : nil
  }

  /// Adds words, and what is said for them; `nil`: they themselves.
  private mutating func add(_ written: String, said spoken: String?) {
    let pieces = Self.pieces(of: written, splitsCharacters: spoken == nil)
    let letters: [Int]
    if let spoken {
      letters = SpokenForms.letters(of: pieces.map { String($0.text) }, in: spoken)
    } else {
      letters = pieces.map { $0.text.unicodeScalars.count(where: \.isSpeakable) }
    }
    let said = spoken.map { $0.unicodeScalars.filter(\.isSpeakable) } ?? String.UnicodeScalarView()
    var used = said.startIndex
    for (piece, count) in zip(pieces, letters) {
      let own = piece.text.unicodeScalars.filter(\.isSpeakable)
      var isVerbatim = true
      if spoken != nil {
        let end = said.index(used, offsetBy: count, limitedBy: said.endIndex) ?? said.endIndex
        isVerbatim = String(own).lowercased() == String(said[used..<end]).lowercased()
        used = end
      }
      add(piece, letters: count, isVerbatim: isVerbatim)
    }
  }

  private mutating func add(_ piece: Piece, letters: Int, isVerbatim: Bool) {
    rest += piece.space
    characterCount += piece.space.count
    let characters = Array(piece.text)
    let range = characterCount..<characterCount + characters.count
    characterCount += characters.count
    guard letters > 0 else {
      rest += characters
      return
    }
    let isSaid = { (character: Character) in
      isVerbatim
        ? character.unicodeScalars.contains(where: \.isSpeakable) : !Self.marks.contains(character)
    }
    var core = characters.indices
    if let first = characters.firstIndex(where: isSaid),
      let last = characters.lastIndex(where: isSaid)
    {
      core = first..<last + 1
    }
    words.append(
      Word(
        before: rest + characters[..<core.lowerBound], core: Array(characters[core]),
        text: String(piece.text), range: range, letters: letters, isVerbatim: isVerbatim))
    letterCount += letters
    rest = Array(characters[core.upperBound...])
  }

  /// Those that are not said for themselves at either end of a word that was rewritten.
  private static let marks = Set<Character>(".,;:!?…\"'()[]“”‘’")

  /// A word with its marks, after spaces.
  private struct Piece {
    var space: [Character] = []
    var text = ""[...]
  }

  /// - Parameter splitsCharacters: Whether ideographs and kana are words of their own.
  private static func pieces(of text: String, splitsCharacters: Bool) -> [Piece] {
    var pieces: [Piece] = []
    var space: [Character] = []
    var start: String.Index?
    func isWord(_ character: Character) -> Bool {
      splitsCharacters && character.unicodeScalars.first?.isWordByItself ?? false
    }
    func end(at index: String.Index) {
      guard let begin = start else { return }
      pieces.append(Piece(space: space, text: text[begin..<index]))
      space = []
      start = nil
    }
    for index in text.indices {
      let character = text[index]
      if character.isWhitespace {
        end(at: index)
        space.append(character)
      } else {
        let isSplit = isWord(character) || start.map { isWord(text[$0]) } ?? false
        if isSplit, character.unicodeScalars.contains(where: \.isSpeakable) { end(at: index) }
        start = start ?? index
      }
    }
    end(at: text.endIndex)
    if !space.isEmpty { pieces.append(Piece(space: space)) }
    return pieces
  }
}
