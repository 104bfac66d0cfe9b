// SPDX-License-Identifier: MIT

import CPUBackend
import ModelFiles
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint
import Testing

/// Where the model's memory ends, and what a frame reads of it.
@Suite struct CapacityTests {
  @Test func `a speech that fills the cache ends with length, with the frames of a longer one`()
    throws
  {
    let checkpoint = Checkpoint.synthetic(.tiny06, variant: .customVoice, seed: 0)
    let prompt = Prompt(
      target: (0..<20).map { Int32(3 + $0) }, language: nil, speaker: .unspecified,
      layout: .whole, configuration: checkpoint.configuration)
    func speak(capacity: Int) throws -> (codes: [[Int32]], reason: FinishReason) {
      let engine = try SpeechEngine(checkpoint, capacity: capacity, on: CPUBackend())
      let settings = SamplingSettings()
      var codes: [[Int32]] = []
      let report = try engine.speak(
        prompt, settings: UtteranceSettings(talker: settings, predictor: settings, seed: 3),
        budget: 70, chunks: (1, 4), isCancelled: { false }, deliver: { codes += $1 })
      return (codes, report.finishReason)
    }
    let long = try speak(capacity: 4096)
    #expect(long.codes.count == 70 && long.reason == .length)
    for capacity in [prompt.rows.count + 1, prompt.rows.count + 33] {
      let short = try speak(capacity: capacity)
      #expect(short.reason == .length)
      #expect(short.codes == Array(long.codes.prefix(capacity - prompt.rows.count)))
    }
  }

  @Test func `bytes of a frame are those of the weights it reads and of what it looks back on`() {
    let configuration = Checkpoint.synthetic(.small, variant: .customVoice, seed: 0).configuration
    // 28 layers and a head; fifteen times 5 layers and a head; 32 rows of tables. In bf16.
    let layer = 1024 * (4096 + 2048) + 3 * 1024 * 3072
    let weights = 28 * layer + 3072 * 1024 + 15 * (5 * layer + 2048 * 1024) + 32 * 1024
    // 500 positions of the talker, as they are kept; 2, 3, … 16 of the predictor, in F32.
    let (talker, predictor) = (2 * 28 * 1024 * 500, 2 * 5 * 1024 * (2...16).reduce(0, +))
    for (type, bytes) in [(ElementType.bfloat16, 2), (.float32, 4)] {
      for precision in CachePrecision.allCases {
        #expect(
          configuration.frameByteCount(position: 499, weights: type, cache: precision)
            == bytes * weights + precision.byteCount * talker + 4 * predictor)
      }
    }
  }
}
