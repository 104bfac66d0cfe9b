// SPDX-License-Identifier: MIT

import SpeechAlignment
import Synchronization
import TextTokenizer

/// When the letters of a part of a text are heard, as its sound is read.
///
/// Text comes from whoever has the part spoken, sound from whoever reads it. A word is there before any frame is
/// made that could say it.
final class PartTimes: Sendable {
  fileprivate struct State {
    var aligner = SpeechAligner()
    /// Text after the last word.
    var rest: [Unicode.Scalar] = []
    /// In the incremental layout: counts the tokens before a word.
    var tokens: AppendableTokenizer?
    var tokenCount = 0
    /// Frames after a word's first token before which it is not looked for.
    var delay = 0
    /// Letters, and those that have a time.
    var letters = 0
    var timed = 0
    /// Whether the voice said all of it.
    var isWhole = false
  }

  /// The least of `delay`. Nothing is known of a word earlier where the text is still being written.
  private static let leastDelay = 3

  private let state: Mutex<State>

  /// - Parameters:
  ///   - tokenizer: For a part whose text the model sees a token a frame.
  ///   - delay: Frames that the voice then says nothing before it has seen them.
  init(incrementalWith tokenizer: TextTokenizer? = nil, delay: Int = 0) {
    state = Mutex(
      State(
        tokens: tokenizer.map { AppendableTokenizer($0) }, delay: max(delay, Self.leastDelay)))
  }

  /// Adds text: whole words.
  func append(_ text: String) { state.withLock { $0.append(text) } }

  /// No text follows.
  func endText() { state.withLock { $0.endText() } }

  /// The voice has made all frames.
  ///
  /// - Parameter isWhole: Whether it ended by itself.
  func endSpeech(isWhole: Bool) { state.withLock { $0.isWhole = isWhole } }

  /// Takes sound, in whole frames.
  ///
  /// - Returns: When letters are heard, in hops from the part's beginning: those that were settled now.
  func hear(_ samples: [Float]) -> [Range<Int>] {
    state.withLock { state in
      state.aligner.hear(samples)
      return state.takeTimes()
    }
  }

  /// Ends the sound.
  ///
  /// - Parameter isFollowed: Whether another part follows: letters that were not said then end with this one.
  /// - Returns: As `hear`.
  func finish(isFollowed: Bool) -> [Range<Int>] {
    state.withLock { state in
      state.aligner.finish(isWhole: state.isWhole)
      var times = state.takeTimes()
      if isFollowed, state.timed < state.letters {
        let end = times.last?.upperBound ?? 0
        times += repeatElement(end..<end, count: state.letters - state.timed)
        state.timed = state.letters
      }
      return times
    }
  }
}

extension PartTimes.State {
  fileprivate mutating func takeTimes() -> [Range<Int>] {
    let times = aligner.takeTimes()
    timed += times.count
    return times
  }

  /// The voice says nothing after the last token before it knows that it is the last.
  fileprivate mutating func endText() {
    let held = tokens?.finish().count ?? 0
    aligner.endText(from: tokens == nil ? 0 : tokenCount + held + delay)
  }

  fileprivate mutating func append(_ text: String) {
    var separator = rest
    var word: [Unicode.Scalar] = []
    for scalar in text.unicodeScalars {
      let isSplit = scalar.isWordByItself || word.last?.isWordByItself ?? false
      if !scalar.isSpeakable || isSplit { endWord(&word, &separator) }
      if scalar.isSpeakable { word.append(scalar) } else { separator.append(scalar) }
    }
    endWord(&word, &separator)
    rest = separator
  }

  private mutating func endWord(
    _ word: inout [Unicode.Scalar], _ separator: inout [Unicode.Scalar]
  ) {
    guard !word.isEmpty else { return }
    tokenCount += tokens?.append(String(String.UnicodeScalarView(separator))).count ?? 0
    // A frame is made once its token is known.
    let (known, frame) = tokens == nil ? (0, 0) : (tokenCount + 1, tokenCount + delay)
    let gap: SpeechAligner.Gap = letters == 0 ? .sentence : Self.gap(separator)
    aligner.append(word, after: gap, known: known, from: frame)
    letters += word.count
    tokenCount += tokens?.append(String(String.UnicodeScalarView(word))).count ?? 0
    word = []
    separator = []
  }

  private static func gap(_ separator: [Unicode.Scalar]) -> SpeechAligner.Gap {
    var gap = SpeechAligner.Gap.space
    for scalar in separator {
      switch scalar {
      case ".", "!", "?", "…", "。", "！", "？", "।", "؟", "\n": return .sentence
      case ",", ";", ":", "-", "–", "—", "(", ")", "、", "，", "；", "：": gap = .clause
      default: break
      }
    }
    return gap
  }
}

extension Unicode.Scalar {
  /// Whether it is a word without spaces around it: an ideograph or a kana.
  var isWordByItself: Bool {
    switch value {
    case 0x3040...0x30FF, 0x3400...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF: true
    default: false
    }
  }
}
