// SPDX-License-Identifier: MIT

package import SpeechScheduler

/// Measured or estimated costs of a device as a file holds them: milliseconds by size. A file of
/// `bench --voices --json` is read as well.
///
///     {"device": "…", "models": [{"prefill": {"40": 2.0}, "step": {"1": 1.5, "64": 5.0}}],
///      "codec": {"1": 0.63, "32": 4.2}}
package struct CostTable: Codable, Sendable, Equatable {
  package struct Model: Codable, Sendable, Equatable {
    /// Milliseconds of a prefill by rows.
    package var prefill: [Int: Double]
    /// Milliseconds of a frame step by rows.
    package var step: [Int: Double]

    package init(prefill: [Int: Double], step: [Int: Double]) {
      self.prefill = prefill
      self.step = step
    }
  }

  /// Where the figures are from.
  package var device: String
  package var models: [Model]
  /// Milliseconds of a codec batch by frames.
  package var codec: [Int: Double]

  package init(device: String, models: [Model], codec: [Int: Double]) {
    self.device = device
    self.models = models
    self.codec = codec
  }

  package var costs: StepCosts {
    func curve(_ milliseconds: [Int: Double]) -> CostCurve {
      CostCurve(milliseconds.mapValues { .microseconds($0 * 1000) })
    }
    return StepCosts(
      models: models.map { .init(prefill: curve($0.prefill), step: curve($0.step)) },
      codec: curve(codec))
  }

  /// The sizes of steps that the table knows, ascending.
  package var stepSizes: [Int] { Set(models.flatMap(\.step.keys)).sorted() }

  /// A device with these costs, before which the scheduler plans as an engine on a GPU does.
  ///
  /// - Parameters:
  ///   - voices: Speeches at once.
  ///   - queue: Requests that may wait.
  ///   - meanAudio: Audio of a speech on average, which says how many pages there have to be.
  package func device(voices: Int, queue: Int, meanAudio: Duration) -> SchedulerSimulation {
    var configuration = SchedulerConfiguration(devicePages: 1)
    // A speech may have five times as much as an average one, and its prompt.
    let positions = Int(meanAudio / configuration.frameDuration * 5) + 60
    configuration.devicePages = voices * (positions / configuration.pageSize + 1)
    configuration.slotCount = voices
    configuration.queueLimit = queue
    let steps = Set(configuration.stepBuckets + stepSizes).filter { $0 < voices }
    configuration.stepBuckets = steps.sorted() + [voices]
    // One frame of each voice, or one of the longest chunks.
    let frames = max(16, min(64, voices))
    configuration.codecBuckets =
      (configuration.codecBuckets + [48, 64]).filter { $0 < frames } + [frames]
    return SchedulerSimulation(configuration, costs: costs)
  }
}

extension CostTable {
  /// Estimates, not measurements, of a large GPU with a model of 0.6 billion parameters: single-voice
  /// figures were measured on an H100 (docs/performance.md), batches were computed from bytes.
  package static let largeGPU = CostTable(
    device: "H100, 0.6B (estimates)",
    models: [
      Model(
        prefill: [16: 1.8, 40: 2.0, 110: 2.9, 210: 3.9, 256: 4.4],
        step: [1: 1.5, 2: 1.7, 4: 1.9, 8: 2.2, 16: 2.7, 24: 3.1, 32: 3.6, 48: 4.3, 64: 5.0])
    ],
    codec: [1: 0.63, 2: 0.68, 4: 0.8, 8: 1.5, 16: 2.4, 32: 4.2])
}

extension CostTable {
  /// Reads a table, or what `bench --voices --json` prints.
  package init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    guard members.contains(.models) else {
      let benchmark = try VoicesBenchmark(from: decoder)
      guard benchmark.voices.allSatisfy({ (1...4_096).contains($0.voices) }) else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "expected 1 to 4096 voices"))
      }
      self.init(benchmark)
      return
    }
    self.init(
      device: try members.decode(String.self, forKey: .device),
      models: try members.decode([Model].self, forKey: .models),
      codec: try members.decode([Int: Double].self, forKey: .codec))
  }

  private init(_ benchmark: VoicesBenchmark) {
    var model = Model(prefill: [:], step: [:])
    var codec: [Int: Double] = [:]
    for measured in benchmark.voices {
      model.prefill[measured.voices * VoicesBenchmark.promptRows] = measured.prompts_ms.p50
      model.step[measured.voices] = measured.step_ms.p50
      codec[measured.voices] = measured.codec_ms.p50
    }
    self.init(
      device: "\(benchmark.device), \(benchmark.model)", models: [model], codec: codec)
  }
}

/// What of that benchmark is a cost; docs/benchmark.md explains its keys.
private struct VoicesBenchmark: Decodable {
  struct Spread: Decodable {
    let p50: Double
  }
  struct Voices: Decodable {
    let voices: Int
    let step_ms: Spread
    let codec_ms: Spread
    let prompts_ms: Spread
  }

  /// Rows of each prompt that it reads.
  static let promptRows = 40

  let model: String
  let device: String
  let voices: [Voices]
}
