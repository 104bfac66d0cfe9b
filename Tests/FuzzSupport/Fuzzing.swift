// SPDX-License-Identifier: MIT
import Foundation
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Runs a parser on mutated inputs, the same ones on every machine.
///
///     try Fuzzing(name: "wav").run(seeds: files) { bytes in _ = try? parse(bytes) }
///
/// The environment sets how much: `FUZZ_ITERATIONS` (20,000 by default) and `FUZZ_SEED` (1).
/// A trap ends the process; with `FUZZ_LOG` set to a file the number of the running iteration is
/// in it, and `input(_:seeds:)` makes that input again.
package struct Fuzzing {
  /// The parser's name, for messages.
  package let name: String

  /// How many inputs to try.
  package let iterations: Int

  /// Chooses the sequence of inputs.
  package let seed: UInt64

  private let log: FileHandle?

  /// Reads how much to do from the environment.
  package init(name: String, iterations: Int = 20_000) {
    let environment = ProcessInfo.processInfo.environment
    self.name = name
    self.iterations = environment["FUZZ_ITERATIONS"].flatMap(Int.init) ?? iterations
    seed = environment["FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    log = environment["FUZZ_LOG"].flatMap { path in
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      return FileHandle(forWritingAtPath: path)
    }
  }

  /// The input of one iteration.
  package func input(_ iteration: Int, seeds: [[UInt8]]) -> [UInt8] {
    var mutator = Mutator(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(iteration))
    return mutator.mutate(seeds)
  }

  /// Hands every input to `body`.
  ///
  /// - Parameters:
  ///   - seeds: Well-formed inputs to start from.
  ///   - body: Parses an input; an error it throws ends the run.
  /// - Returns: The longest processor time that one input took, and which it was.
  /// - Throws: What `body` throws.
  @discardableResult
  package func run(
    seeds: [[UInt8]], body: ([UInt8]) throws -> Void
  ) throws -> (time: Duration, iteration: Int) {
    var slowest = (time: Duration.zero, iteration: 0)
    for iteration in 0..<iterations {
      let bytes = input(iteration, seeds: seeds)
      if let log {
        try log.seek(toOffset: 0)
        try log.write(contentsOf: Data("\(name) seed \(seed) iteration \(iteration)\n".utf8))
      }
      let start = Self.threadTime
      try body(bytes)
      let time = Self.threadTime - start
      if time > slowest.time { slowest = (time, iteration) }
    }
    return slowest
  }

  /// Processor time of this thread, which other work on the machine does not change.
  package static var threadTime: Duration {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  /// The most memory the process has had resident so far, in bytes.
  package static var peakMemory: Int { status("VmHWM:") }

  /// The memory of its own, no mapped files, that the process has resident, in bytes.
  package static var memory: Int { status("RssAnon:") }

  private static func status(_ field: String) -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix(field) } ?? ""
    return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
      .map { $0 * 1_024 } ?? 0
  }
}
