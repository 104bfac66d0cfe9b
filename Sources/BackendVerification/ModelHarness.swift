// SPDX-License-Identifier: MIT

package import ModelFiles
package import SpeechModel

/// A model on a backend, without the rules that end a speech: for comparing and for timing.
package struct ModelHarness<B: Backend> {
  package let backend: B
  package let configuration: ModelConfiguration
  package let step: FrameStep<B>
  package let codec: CodecStreams<B>

  /// Codes of a codebook.
  package var entries: Int { step.model.predictor.configuration.codebookSize }

  /// - Parameter cachePrecision: Of the talker's keys and values; by default that of speaking.
  package init(
    _ checkpoint: Checkpoint, capacity: Int = 1024, chunkCapacity: Int = 16,
    cachePrecision: CachePrecision? = nil, on backend: B
  ) throws {
    self.backend = backend
    configuration = checkpoint.configuration
    let model = try LanguageModel(
      reading: checkpoint.weights, checkpoint.configuration, on: backend)
    step = try FrameStep(
      model, capacity: capacity, cachePrecision: cachePrecision, on: backend)
    codec = try CodecStreams(
      CodecDecoder(
        reading: checkpoint.codecWeights.scoped("decoder."), checkpoint.codecConfiguration.decoder,
        on: backend),
      batchCapacity: chunkCapacity, on: backend)
  }

  /// A prompt of so many invented text tokens.
  package func prompt(tokens: Int, layout: PromptLayout) -> Prompt {
    Prompt(
      target: (0..<tokens + 8).map { Int32(3 + $0 * 5 % 61) }, language: nil,
      speaker: configuration.talker.speakers["ryan"].map { .named($0) } ?? .unspecified,
      layout: layout, configuration: configuration)
  }

  /// Reads a prompt; returns the hidden state after it.
  package func read(_ prompt: Prompt, _ settings: SamplingSettings) throws -> [Float] {
    try step.begin(
      prompt, settings: UtteranceSettings(talker: settings, predictor: settings, seed: 7))
    return try backend.read(step.hidden)
  }

  /// Codes of the next frames, whether or not they say that speech ends.
  ///
  /// - Parameters:
  ///   - made: Frames made since the prompt.
  ///   - heard: Receives the codes of each frame while later ones are under way.
  package func speak(
    frames: Int, after made: Int = 0, heard: ([Int32]) throws -> Void = { _ in }
  ) throws -> [Int32] {
    var codes: [Int32] = []
    var begun = made
    for index in made..<made + frames {
      while begun < made + frames, begun < index + step.framesInFlight {
        if begun == 0 { try step.firstFrame() } else { try step.nextFrame() }
        begun += 1
      }
      let frame = try step.collect(index)
      try heard(frame)
      codes += frame
    }
    return codes
  }

  /// Has the talker read frames that another speaker made, all but the last, as `speak` does with its own.
  package func follow(_ codes: [Int32]) throws {
    for start in stride(from: 0, to: codes.count - 16, by: 16) {
      try backend.write(Array(codes[start..<start + 16]), to: step.codes)
      try step.advance(1)
    }
  }

  /// Frames of codes that say nothing.
  package func inventedCodes(frames: Int) -> [Int32] {
    (0..<frames * 16).map { Int32(($0 * 7919 + $0 / 16 * 104_729) % entries) }
  }

  /// Samples of frames, `chunk` at a time, after `reference`.
  package func decode(
    _ codes: [Int32], chunk: Int, after reference: [Int32] = []
  ) throws -> [Float] {
    try codec.begin(after: reference)
    var samples: [Float] = []
    for start in stride(from: 0, to: codes.count, by: 16 * chunk) {
      samples += try codec.decode(Array(codes[start..<min(start + 16 * chunk, codes.count)]))
    }
    return samples
  }
}
