// SPDX-License-Identifier: MIT

import CQwen3TTS
import Dispatch
import Foundation
import Qwen3TTS
import Synchronization

// What callers in C hold are references to these objects, which they retain until they close or free them.

/// A string that C code reads for as long as this object is there.
final class CText: Sendable {
  // An address and not a pointer, so that it can be read on every thread.
  private let address: UInt

  init(_ text: String) { address = UInt(bitPattern: strdup(text)) }

  var pointer: UnsafePointer<CChar>? { UnsafePointer(bitPattern: address) }

  deinit { free(UnsafeMutablePointer<CChar>(bitPattern: address)) }
}

/// `qwen3tts_synthesizer`
final class SynthesizerHandle: Sendable {
  let synthesizer: SpeechSynthesizer
  let device: CText
  let voices: [CText]
  let languages: [CText]

  init(_ synthesizer: SpeechSynthesizer) {
    self.synthesizer = synthesizer
    device = CText(synthesizer.device)
    voices = synthesizer.voices.map(CText.init)
    languages = synthesizer.languages.map(CText.init)
  }
}

/// `qwen3tts_speech`
final class SpeechHandle {
  let speech: Speech
  /// Where text is appended, for a speech that was begun without one.
  let text: AsyncStream<String>.Continuation?
  private(set) var summary: SpeechMetrics?
  private(set) var notices = CText("")
  /// The samples of the last chunk, which the caller reads until the next.
  private var samples = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)

  init(_ speech: Speech, text: AsyncStream<String>.Continuation? = nil) {
    self.speech = speech
    self.text = text
  }

  deinit {
    text?.finish()
    samples.deallocate()
  }

  /// Waits for a chunk with samples; empty after the last.
  func next() throws -> UnsafeBufferPointer<Float> {
    while true {
      let speech = speech
      let chunk = try waitFor {
        var iterator = speech.makeAsyncIterator()
        return try await iterator.next()
      }
      guard let chunk else { return UnsafeBufferPointer(start: nil, count: 0) }
      if let summary = chunk.summary {
        self.summary = summary
        notices = CText(summary.notices.joined(separator: "\n"))
      }
      guard !chunk.samples.isEmpty else { continue }
      samples.deallocate()
      samples = .allocate(capacity: chunk.samples.count)
      _ = samples.initialize(from: chunk.samples)
      return UnsafeBufferPointer(samples)
    }
  }
}

/// Runs `body` on Swift's threads while this one waits; never called on one of them.
///
/// - Throws: What `body` does.
func waitFor<Value: Sendable>(
  _ body: @escaping @Sendable () async throws -> Value
) throws -> Value {
  let outcome = Outcome<Value>()
  let done = DispatchSemaphore(value: 0)
  Task {
    let result: Result<Value, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    outcome.result.withLock { $0 = result }
    done.signal()
  }
  done.wait()
  guard let result = outcome.result.withLock({ $0 }) else {
    throw SynthesisError(.internalFailure, "a task: expected its outcome, found none")
  }
  return try result.get()
}

private final class Outcome<Value: Sendable>: Sendable {
  let result = Mutex<Result<Value, any Error>?>(nil)
}
