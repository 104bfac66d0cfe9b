// SPDX-License-Identifier: MIT

import SpeechAlignment
import Synchronization

/// When the words of a speech are heard, found as its chunks are read, on the reader's task: the device has no part
/// in it.
final class SpeechTimes: Sendable {
  fileprivate struct State {
    var written: WrittenTimes
    var part: PartTimes?
    /// Samples before the part, and those that were heard.
    var partBegin = 0
    var heard = 0
    /// The number of the chunk that comes next, and those that were read before their turn.
    var next = 0
    var early: [Int: (samples: [Float], part: PartTimes?, isLast: Bool)] = [:]
  }

  private let state: Mutex<State>

  /// - Parameter isEnglish: Whether the text is put into English words before it is said.
  init(isEnglish: Bool) { state = Mutex(State(written: WrittenTimes(isEnglish: isEnglish))) }

  /// Adds text as it was written, before it is spoken.
  func append(_ text: String) { state.withLock { $0.written.append(text) } }

  /// No text follows.
  func endText() { state.withLock { $0.written.endText() } }

  /// Adds to a chunk the words that have become known with it.
  ///
  /// - Parameters:
  ///   - number: Its number: several tasks may read the chunks of a speech. The words of one that is early come with a
  ///     later one.
  ///   - part: What it is a part of; `nil` for the last, which has no samples.
  func add(to chunk: inout AudioChunk, number: Int, part: PartTimes?) {
    state.withLock { state in
      state.early[number] = (chunk.samples, part, chunk.summary != nil)
      while let next = state.early.removeValue(forKey: state.next) {
        state.next += 1
        state.hear(next.samples, part: next.part, isLast: next.isLast, &chunk)
      }
    }
  }
}

extension SpeechTimes.State {
  fileprivate mutating func hear(
    _ samples: [Float], part: PartTimes?, isLast: Bool, _ chunk: inout AudioChunk
  ) {
    if let last = self.part, last !== part {
      put(last.finish(isFollowed: !isLast), &chunk)
      self.part = nil
    }
    if let part {
      if self.part == nil { partBegin = heard }
      self.part = part
      put(part.hear(samples), &chunk)
    }
    heard += samples.count
    if isLast { put(written.finish(at: Self.time(heard)), &chunk) }
  }

  private mutating func put(_ times: [Range<Int>], _ chunk: inout AudioChunk) {
    guard !times.isEmpty else { return }
    let begin = Self.time(partBegin)
    let hop = SpeechAligner.hop
    put(
      written.take(times.map { begin + hop * $0.lowerBound..<begin + hop * $0.upperBound }), &chunk)
  }

  private func put(
    _ heard: (words: [SpokenWord], characters: [SpokenCharacter]), _ chunk: inout AudioChunk
  ) {
    chunk.words += heard.words
    chunk.characters += heard.characters
  }

  /// Of so many samples: 24 in a millisecond.
  private static func time(_ samples: Int) -> Duration { .microseconds(samples * 1_000 / 24) }
}
