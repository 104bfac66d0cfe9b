// SPDX-License-Identifier: MIT

import Foundation

/// Median and spread of some numbers; milliseconds unless the name says otherwise.
package struct Spread: Codable, Sendable {
  package let p50: Double
  package let p95: Double
  package let p99: Double
  package let min: Double

  /// - Precondition: There are values.
  init(_ values: [Double]) {
    let sorted = values.sorted()
    func at(_ share: Double) -> Double {
      sorted[Swift.min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }
    (p50, p95, p99, min) = (at(0.5), at(0.95), at(0.99), at(0))
  }
}

/// What `qwen3-tts bench --json` prints. The names are those of the schema in docs/benchmark.md, and
/// what could not be measured is left out.
package struct BenchmarkResult: Codable, Sendable {
  var schema = 2
  let model: String
  let device: String
  /// How the talker's keys and values are kept: `f32` or `bf16`.
  let kv_precision: String
  /// As which architecture a GPU ran, such as `sm_80`.
  let architecture: String?
  /// How a frame step ran.
  var frame_path: FramePath?
  let eager: Bool
  let load_seconds: Double
  let start: StartUp?
  let frames: Int
  let repeats: Int
  let tokens: Int
  let later_chunk: Int
  /// The time that sizes were made to fit.
  var within_seconds: Int?
  var prefill_ms: Spread?
  var step_ms: Spread?
  var codec_ms_per_frame: Spread?
  var prompt_ms_by_rows: [String: Spread] = [:]
  var codec_ms_by_chunk: [String: Spread] = [:]
  var split_ms: [String: Spread] = [:]
  var ttfa_ms_by_chunk: [String: Spread] = [:]
  var rtf: Spread?
  var long: LongSpeeches?
  var frame_bytes: Int?
  var achieved_gb_s: Double?
  var read_bandwidth_gb_s: Double?
  var share_of_bandwidth: Double?
  var weight_bytes: Int?
  var device_peak_bytes: Int?
  var device_used_bytes: Int?

  /// The ways a frame step can run.
  enum FramePath: String, Codable, Sendable {
    case kernel, graph, operations
  }

  /// Two speeches, each without a break.
  struct LongSpeeches: Codable, Sendable {
    var rtf_10_s: Double?
    var rtf_60_s: Double?
  }

  /// A table for people.
  package var table: String {
    var lines: [String] = []
    func label(_ name: String) -> String {
      name.padding(toLength: 26, withPad: " ", startingAt: 0)
    }
    func line(_ name: String, _ spread: Spread?) {
      guard let spread else { return }
      lines.append(
        label(name)
          + [spread.min, spread.p50, spread.p95, spread.p99].map {
            String(format: "%9.2f", $0)
          }.joined(separator: "  "))
    }
    func fact(_ name: String, _ value: Double?, _ unit: String) {
      guard let value else { return }
      lines.append(label(name) + String(format: "%9.2f ", value) + unit)
    }
    func megabytes(_ bytes: Int?) -> Double? { bytes.map { Double($0) / 1e6 } }
    func each(_ spreads: [String: Spread], _ name: (Int) -> String) {
      let sorted = spreads.compactMap { key, spread in Int(key).map { ($0, spread) } }
        .sorted { $0.0 < $1.0 }
      for (count, spread) in sorted { line(name(count), spread) }
    }
    func frames(_ count: Int) -> String { "\(count) frame\(count == 1 ? "" : "s")" }
    let path =
      switch frame_path {
      case .kernel: ", a frame is one kernel"
      case .graph: ", a frame is a graph of kernels"
      case .operations, nil: eager ? ", operation by operation" : ""
      }
    lines.append(
      "\(model) on \(device); keys and values in \(kv_precision)\(path); \(self.frames) frames, "
        + "\(repeats) repeats" + (within_seconds.map { ", to fit \($0) s" } ?? ""))
    lines.append(
      String(repeating: " ", count: 26)
        + ["min", "p50", "p95", "p99"].map { "      \($0)" }.joined(separator: "  "))
    line("prefill, ms", prefill_ms)
    line("codes of a frame, ms", step_ms)
    for (key, name) in [
      ("frame", "  frame step, device"), ("talker", "    talker"),
      ("predictor", "    predictor and draws"), ("draws", "    sixteen draws"),
    ] {
      line(name, split_ms[key])
    }
    line("codec, ms a frame", codec_ms_per_frame)
    each(ttfa_ms_by_chunk) { "TTFA, \(frames($0)) first, ms" }
    line("RTF", rtf)
    each(prompt_ms_by_rows) { "prompt of \($0) rows, ms" }
    each(codec_ms_by_chunk) { "codec, \(frames($0)), ms" }
    fact("RTF of 10 s at once", long?.rtf_10_s, "")
    fact("RTF of 60 s at once", long?.rtf_60_s, "")
    fact("bytes of a frame", megabytes(frame_bytes), "MB")
    fact("  read at", achieved_gb_s, "GB/s")
    fact("  of the device's", read_bandwidth_gb_s, "GB/s")
    fact("weights in use", megabytes(weight_bytes), "MB")
    fact("allocated at most", megabytes(device_peak_bytes), "MB")
    fact("device memory in use", megabytes(device_used_bytes), "MB")
    fact("start, nothing cached", start?.first_seconds, "s")
    fact("start", start?.cached_seconds, "s")
    fact("model loaded in", load_seconds, "s")
    return lines.joined(separator: "\n")
  }
}
