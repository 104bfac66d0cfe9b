// SPDX-License-Identifier: MIT

import Foundation

/// Median and spread of some numbers; milliseconds unless the name says otherwise.
struct Spread: Codable {
  let p50: Double
  let p95: Double
  let p99: Double
  let min: Double

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
struct BenchResult: Codable {
  var schema = 2
  let model: String
  let device: String
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

  /// Two speeches in one go each.
  struct LongSpeeches: Codable {
    var rtf_10_s: Double?
    var rtf_60_s: Double?
  }

  func printTable() throws {
    func line(_ name: String, _ spread: Spread?) throws {
      guard let spread else { return }
      try printResult(
        name.padding(toLength: 26, withPad: " ", startingAt: 0)
          + [spread.min, spread.p50, spread.p95, spread.p99].map {
            String(format: "%9.2f", $0)
          }.joined(separator: "  "))
    }
    func fact(_ name: String, _ value: Double?, _ unit: String) throws {
      guard let value else { return }
      try printResult(
        name.padding(toLength: 26, withPad: " ", startingAt: 0)
          + String(format: "%9.2f ", value) + unit)
    }
    func megabytes(_ bytes: Int?) -> Double? { bytes.map { Double($0) / 1e6 } }
    try printResult(
      "\(model) on \(device)\(eager ? ", operation by operation" : ""); \(frames) frames, "
        + "\(repeats) repeats" + (within_seconds.map { ", to fit \($0) s" } ?? ""))
    try printResult(
      String(repeating: " ", count: 26)
        + ["min", "p50", "p95", "p99"].map { "      \($0)" }.joined(separator: "  "))
    try line("prefill, ms", prefill_ms)
    try line("codes of a frame, ms", step_ms)
    for (key, name) in [
      ("frame", "  frame step, device"), ("talker", "    talker"),
      ("predictor", "    predictor and draws"), ("draws", "    sixteen draws"),
    ] {
      try line(name, split_ms[key])
    }
    try line("codec, ms a frame", codec_ms_per_frame)
    for frames in [1, 2, 4, 8] {
      try line(
        "TTFA, \(frames) frame\(frames == 1 ? "" : "s") first, ms",
        ttfa_ms_by_chunk[String(frames)])
    }
    try line("RTF", rtf)
    try fact("RTF of 10 s in one go", long?.rtf_10_s, "")
    try fact("RTF of 60 s in one go", long?.rtf_60_s, "")
    try fact("bytes of a frame", megabytes(frame_bytes), "MB")
    try fact("  read at", achieved_gb_s, "GB/s")
    try fact("  of the device's", read_bandwidth_gb_s, "GB/s")
    try fact("weights in use", megabytes(weight_bytes), "MB")
    try fact("allocated at most", megabytes(device_peak_bytes), "MB")
    try fact("device memory in use", megabytes(device_used_bytes), "MB")
    try fact("start, nothing cached", start?.first_seconds, "s")
    try fact("start", start?.cached_seconds, "s")
    try fact("model loaded in", load_seconds, "s")
  }
}
