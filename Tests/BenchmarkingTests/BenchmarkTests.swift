// SPDX-License-Identifier: MIT

import Benchmarking
import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel
import SpeechScheduler
import SpeechSimulation
import SyntheticCheckpoint
import Testing

/// Benchmarks of small random models on the CPU: what they give, not how fast.
@Suite struct BenchmarkTests {
  @Test(arguments: [KVPrecision.automatic, .bfloat16])
  func `a speech benchmark gives every figure that a CPU has`(_ precision: KVPrecision) throws {
    var benchmark = SpeechBenchmark("a tiny one") {
      .synthetic(.tiny06, variant: .customVoice, seed: 1)
    }
    benchmark.device = .cpu
    benchmark.kvPrecision = precision
    benchmark.frames = 8
    benchmark.repeats = 2
    let result = try benchmark.run { if case .notice(let text) = $0 { Issue.record("\(text)") } }
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(result))
    let found = try #require(json as? [String: Any])
    #expect(
      Set(found.keys) == [
        "schema", "model", "device", "kv_precision", "frame_path", "eager", "load_seconds",
        "frames",
        "repeats", "tokens", "later_chunk", "prefill_ms", "step_ms", "codec_ms_per_frame",
        "prompt_ms_by_rows", "codec_ms_by_chunk", "split_ms", "ttfa_ms_by_chunk", "rtf",
        "frame_bytes", "achieved_gb_s", "weight_bytes",
      ])
    #expect(found["kv_precision"] as? String == (precision == .bfloat16 ? "bf16" : "f32"))
    #expect(found["frame_path"] as? String == "operations")
    for (key, names) in [
      ("split_ms", ["frame", "talker", "predictor", "draws"]),
      ("ttfa_ms_by_chunk", ["1", "2", "4", "8"]),
      ("codec_ms_by_chunk", ["1", "2", "4", "8", "16"]),
      ("prompt_ms_by_rows", ["41", "111", "211"]),
    ] {
      let spreads = try #require(found[key] as? [String: [String: Double]])
      #expect(Set(spreads.keys) == Set(names), "\(key)")
      #expect(spreads.values.allSatisfy { ($0["min"] ?? 0) > 0 }, "\(key)")
    }
    let table = result.table
    for words in [
      "a tiny one on CPU", "keys and values in", "frame step, device", "TTFA, 1 frame first",
      "prompt of 211 rows", "codec, 16 frames", "weights in use",
    ] {
      #expect(table.contains(words), "\(words)")
    }
  }

  @Test func `a benchmark that may take a second runs less and says what it ran`() throws {
    var benchmark = SpeechBenchmark("a tiny one") {
      .synthetic(.tiny06, variant: .customVoice, seed: 1)
    }
    benchmark.device = .cpu
    benchmark.frames = 500
    benchmark.repeats = 50
    benchmark.speaksLong = true
    benchmark.within = 1
    var planned: BenchmarkPlan?
    let table = try benchmark.run { if case .planned(let plan, _) = $0 { planned = plan } }.table
    let plan = try #require(planned)
    #expect(plan.frames < 500 && plan.repeats < 50 && plan.longSeconds.isEmpty)
    #expect(table.contains("\(plan.frames) frames, \(plan.repeats) repeats, to fit 1 s"))
  }

  @Test func `a voice benchmark measures encoders and first audio, and wants a Base model`() throws
  {
    var benchmark = VoiceBenchmark("base", .synthetic(.tiny, variant: .base, seed: 1))
    benchmark.device = .cpu
    benchmark.seconds = 1
    benchmark.repeats = 1
    benchmark.measuresFirstAudio = true
    let table = try benchmark.run().table
    for words in [
      "mel and speaker encoder", "codec encoder", "decoder warm-up", "the same again",
      "first audio, whole", "first audio, incremental", "another voice", "none voice", "same voice",
    ] {
      #expect(table.contains(words), "\(words)")
    }
    let custom = VoiceBenchmark("custom", .synthetic(.tiny, variant: .customVoice, seed: 1))
    let error = #expect(throws: SynthesisError.self) { try custom.run() }
    #expect(error?.code == .invalidModel)
    #expect(error?.message.contains("expected a Base model") == true)
  }

  @Test func `what steps of many voices cost is what a plan reads`() throws {
    var benchmark = BatchBenchmark(
      "a tiny one", .synthetic(.tiny06, variant: .customVoice, seed: 1))
    benchmark.device = .cpu
    benchmark.voices = [1, 3]
    benchmark.steps = 4
    let json = try JSONEncoder().encode(benchmark.run())
    let table = try JSONDecoder().decode(CostTable.self, from: json)
    #expect(table.device.hasSuffix(", a tiny one"))
    #expect(table.stepSizes == [1, 3])
    let model = try #require(table.models.first)
    #expect(Set(model.prefill.keys) == [40, 120] && Set(table.codec.keys) == [1, 3])
    for costs in [model.prefill, model.step, table.codec] {
      #expect(costs.values.allSatisfy { $0 > 0 })
    }
  }
}
