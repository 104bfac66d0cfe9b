// SPDX-License-Identifier: MIT

package import SpeechModel
package import SpeechScheduler

/// One prompt to be spoken.
package struct Utterance: Sendable {
  /// Index of the model that speaks.
  package var model = 0
  package var prompt: Prompt
  package var settings: UtteranceSettings
  /// The most frames.
  package var frameLimit: Int
  /// What its text can need, if that is known: a voice that makes more has run away.
  package var textLimit: Int?
  /// Frames it will probably take.
  package var expectedFrames: Int
  package var chunks = ChunkSizes()
  package var priority = RequestClass.standard
  package var deadlines = DeadlinePolicy.playback
  /// Whether tokens may still be added to the prompt's trailing text.
  package var isTextOpen = false
  /// The utterance whose audio plays before this one's.
  package var follows: RequestID?

  package init(
    prompt: Prompt, settings: UtteranceSettings, frameLimit: Int, expectedFrames: Int? = nil
  ) {
    self.prompt = prompt
    self.settings = settings
    self.frameLimit = frameLimit
    self.expectedFrames = expectedFrames ?? frameLimit
  }
}

/// What happens to an utterance, in order; `ended` comes last, and always.
package enum UtteranceEvent: Sendable {
  /// It left the queue.
  case admitted
  /// Samples, and the codes they were made of.
  case chunk(samples: [Float], codes: [[Int32]])
  /// All of its frames are made, and some may be yet to be heard: the part after it can be submitted.
  case spoken(EndReason, frames: Int)
  /// The device is lost, and with it the utterance.
  case deviceFailed(any Error)
  case ended(Ending, UtteranceTimes)
}

/// How long the work for an utterance took, that of others in the same passes included.
package struct UtteranceTimes: Sendable {
  package var prefill = Duration.zero
  /// Of each frame.
  package var frames: [Duration] = []
  /// Of each chunk, with its frames.
  package var codec: [(time: Duration, frames: Int)] = []

  package init() {}
}
