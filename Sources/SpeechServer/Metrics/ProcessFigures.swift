// SPDX-License-Identifier: MIT
#if Server
import Foundation

/// What the process uses, as `/proc` has it.
enum ProcessFigures {
  static var readings: [PrometheusRegistry.Reading] {
    var readings: [PrometheusRegistry.Reading] = []
    if let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
    {
      readings.append(.init("process_resident_memory_bytes", kilobytes * 1_024))
    }
    if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
      readings.append(.init("process_open_fds", Double(files.count)))
    }
    // Fields after the name, which is in parentheses: user and system time are the 12th and 13th.
    if let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
      let end = stat.lastIndex(of: ")")
    {
      let fields = stat[end...].split(separator: " ")
      let ticks = fields.dropFirst(12).prefix(2).compactMap { Double($0) }
      readings.append(.init("process_cpu_seconds_total", ticks.reduce(0, +) / 100))
    }
    return readings
  }
}
#endif
