// SPDX-License-Identifier: MIT

/// What is heard of a letter, or of a few that are said as one.
struct LetterSound: Sendable, Equatable {
  /// Letters that it takes.
  var letters = 1
  var kind: SoundKind
  /// Hops of 10 ms that it usually takes.
  var length: Float
  /// Whether it is often not heard at all.
  var isWeak = false

  /// What the letters of a word sound like, as far as spelling shows that without knowing the language.
  ///
  /// - Parameter word: Letters and digits.
  static func sounds(of word: [Unicode.Scalar]) -> [LetterSound] {
    let latin = word.map(likeLatin)
    var sounds: [LetterSound] = []
    var index = 0
    while index < latin.count {
      let sound = sound(of: latin, at: index)
      sounds.append(sound)
      index += sound.letters
    }
    return sounds
  }

  private static func sound(of word: [Unicode.Scalar], at index: Int) -> LetterSound {
    let letter = word[index]
    let next = index + 1 < word.count ? word[index + 1] : nil
    switch (letter, next) {
    case ("t", "h"): return LetterSound(letters: 2, kind: .breath, length: 5.5)
    case ("s", "h"), ("c", "h"): return LetterSound(letters: 2, kind: .hush, length: 8)
    case ("p", "h"): return LetterSound(letters: 2, kind: .breath, length: 7)
    case ("g", "h"): return LetterSound(letters: 2, kind: .breath, length: 3, isWeak: true)
    case ("w", "h"), ("w", "r"): return LetterSound(letters: 2, kind: .liquid, length: 5.5)
    case ("k", "n"): return LetterSound(letters: 2, kind: .nasal, length: 6.5)
    case ("n", "g"): return LetterSound(letters: 2, kind: .nasal, length: 8)
    case ("c", "k"): return LetterSound(letters: 2, kind: .stop, length: 7)
    case ("q", "u"): return LetterSound(letters: 2, kind: .stop, length: 9)
    case ("e", nil) where index > 1: return LetterSound(kind: .vowel, length: 2, isWeak: true)
    case (_, let next?) where letter.isVowel && next.isVowel:
      return LetterSound(letters: 2, kind: .vowel, length: 12.5)
    case ("c", "e"), ("c", "i"), ("c", "y"): return LetterSound(kind: .hiss, length: 8)
    case ("g", "e"), ("g", "i"), ("g", "y"): return LetterSound(kind: .voicedOrHush, length: 7)
    default: break
    }
    // A letter that is doubled is said once.
    let letters = next == letter ? 2 : 1
    switch letter {
    case _ where letter.isVowel:
      return LetterSound(letters: letters, kind: .vowel, length: next == nil ? 11 : 8)
    case "m", "n": return LetterSound(letters: letters, kind: .nasal, length: 6.5)
    case "l", "r", "w": return LetterSound(letters: letters, kind: .liquid, length: 6.5)
    case "b", "d", "g", "v": return LetterSound(letters: letters, kind: .voiced, length: 6.5)
    case "c", "k", "p", "q", "t": return LetterSound(letters: letters, kind: .stop, length: 6.5)
    case "s", "z": return LetterSound(letters: letters, kind: .hiss, length: 8)
    case "x": return LetterSound(letters: letters, kind: .hissOrStop, length: 11)
    case "j": return LetterSound(letters: letters, kind: .voicedOrHush, length: 7)
    case "f", "h": return LetterSound(letters: letters, kind: .breath, length: 5.5)
    default: return LetterSound(kind: .any, length: letter.usualLength)
    }
  }

  /// The small Latin letter that a letter sounds most like; itself where there is none.
  private static func likeLatin(_ letter: Unicode.Scalar) -> Unicode.Scalar {
    let small = letter.properties.lowercaseMapping.unicodeScalars.first ?? letter
    return small.isASCII ? small : others[small] ?? small
  }

  private static let others: [Unicode.Scalar: Unicode.Scalar] = {
    var table: [Unicode.Scalar: Unicode.Scalar] = [:]
    let rows: [(Unicode.Scalar, String)] = [
      ("a", "àáâãäåāăąаяα"), ("e", "èéêëēėęěæœеёэєεη"), ("i", "ìíîïīıиіι"), ("j", "йжшщчѓ"),
      ("o", "òóôõöøōőоοω"), ("u", "ùúûüūůűуюυ"), ("y", "ýÿы"), ("n", "ñńňнν"), ("m", "мμ"),
      ("l", "łľлλ"), ("r", "řрρ"), ("c", "čćç"), ("s", "śšşßсзцžźżσςζ"), ("d", "ďđðдδ"),
      ("t", "ťтτ"), ("g", "ğгґγ"), ("b", "бβ"), ("v", "в"), ("p", "пπ"), ("k", "кκ"),
      ("f", "фφ"), ("h", "хχ"),
    ]
    for (latin, letters) in rows {
      for letter in letters.unicodeScalars { table[letter] = latin }
    }
    return table
  }()
}

extension Unicode.Scalar {
  fileprivate var isVowel: Bool {
    switch self {
    case "a", "e", "i", "o", "u", "y": true
    default: false
    }
  }

  /// Hops of a character that is not spelled in sounds: a digit, a syllable, a word.
  fileprivate var usualLength: Float {
    if properties.numericType != nil { return 29 }
    return switch value {
    case 0x3040...0x30FF: 11
    case 0x3400...0x9FFF, 0x20000...0x3FFFF: 18
    case 0xAC00...0xD7A3: 15
    default: 7
    }
  }
}
