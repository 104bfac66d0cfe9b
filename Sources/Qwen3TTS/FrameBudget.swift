// SPDX-License-Identifier: MIT

package import SpeechModel

/// How long the parts of a text may take: a small multiple of what such a text usually takes, so that a
/// model which finds no end does not speak for minutes.
package struct FrameBudget {
  /// Times the usual length, and frames beside that: ordinary texts take 0.6 to 2.2 times as long.
  private static let ordinary = (factor: 2.5, frames: 10.0)
  /// Of words repeated many times, where models run on most often, and more for each word and mark: they
  /// are said with longer pauses than prose. Of 260 such groups that ended by themselves, 235 are shorter.
  private static let repeated = (factor: 1.15, frames: 3.0)
  private static let pauses = (word: 0.5, comma: 1.0, stop: 2.0)
  /// Times the least that the same words took before.
  private static let known = (factor: 1.15, frames: 3.0)
  /// For voices that have not learned what is usual: frames of a token, and beside that.
  private static let unlearned = (factor: 12.0, frames: 50.0)

  private let usual: UsualFrames?
  private let framesPerToken: Double?
  private let isIncremental: Bool
  /// The least that a repetition took which came to an end by itself.
  private var heard: (unit: String, framesPerLetter: Double)?
  /// Parts that were stopped.
  private var cutParts = 0
  /// Parts that are groups of repetitions.
  private var groups = 0

  package init(_ usual: UsualFrames?, framesPerToken: Double?, isIncremental: Bool) {
    self.usual = usual
    self.framesPerToken = framesPerToken
    self.isIncremental = isIncremental
  }

  /// The most frames of a part whose text has `tokenCount` tokens.
  package func frames(for part: TextPart, tokenCount: Int) -> Int {
    guard let usual, framesPerToken == nil else {
      let factor = framesPerToken ?? Self.unlearned.factor
      return Int(Self.unlearned.frames + factor * Double(tokenCount))
    }
    let wait = wait(part)
    func bound(_ frames: Double, _ rule: (factor: Double, frames: Double)) -> Double {
      rule.factor * frames + rule.frames + wait
    }
    let frames = usual.frames(for: part.text)
    guard let unit = part.repeated else { return Int(bound(frames, Self.ordinary)) }
    let most = bound(frames, Self.repeated) + pauses(part)
    guard let heard, heard.unit == unit else { return Int(most) }
    return Int(min(most, bound(heard.framesPerLetter * Double(letters(part)), Self.known)))
  }

  /// The most frames of any part of so many tokens: what a part may take whose text is not known yet.
  func most(tokenCount: Int) -> Int {
    Int(Self.unlearned.frames + (framesPerToken ?? Self.unlearned.factor) * Double(tokenCount))
  }

  /// Learns from a part that was spoken.
  package mutating func note(_ part: TextPart, frames: Int, _ reason: FinishReason) {
    if reason == .runaway { cutParts += 1 }
    if part.repeated != nil { groups += 1 }
    guard reason == .stop, let unit = part.repeated else { return }
    let framesPerLetter = max(0, Double(frames) - wait(part)) / Double(max(1, letters(part)))
    if let heard, heard.unit == unit, heard.framesPerLetter <= framesPerLetter { return }
    heard = (unit, framesPerLetter)
  }

  /// What a listener should know about the parts.
  package func notices(on count: Int) -> [String] {
    var notices: [String] = []
    if groups > 0 {
      notices.append(
        "Words that are repeated many times were spoken a few at a time, in \(groups) parts.")
    }
    if cutParts > 0 {
      notices.append(
        "The speech was cut off in \(cutParts) of \(count) parts, because it was stuck or took much "
          + "longer than such a text does. Another seed may help.")
    }
    return notices
  }

  /// Frames of waiting before the first word.
  private func wait(_ part: TextPart) -> Double {
    isIncremental && !part.isContinued ? usual?.wait ?? 0 : 0
  }

  private func pauses(_ part: TextPart) -> Double {
    Self.pauses.word * Double(part.text.split(whereSeparator: \.isWhitespace).count)
      + Self.pauses.comma * Double(part.text.count { ",;:".contains($0) })
      + Self.pauses.stop * Double(part.text.count { ".!?".contains($0) })
  }

  private func letters(_ part: TextPart) -> Int { part.text.count(where: \.isLetter) }
}
