// SPDX-License-Identifier: MIT
internal import Foundation
internal import Synchronization

/// AAC by a process of ffmpeg, since no library for it comes with Debian.
///
/// The process takes a quarter of a second to start, and its bytes come when they come: a call gives
/// those that are there.
final class FFmpegEncoder: SampleEncoder {
  private let process = Process()
  private let input: FileHandle
  private let output: Output

  /// What the process has written, collected on a thread of its own, so that it never waits for us
  /// while we wait for it.
  private final class Output: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    private let end = DispatchSemaphore(value: 0)

    init(reading handle: FileHandle) {
      let descriptor = handle.fileDescriptor
      Thread.detachNewThread { [self] in
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        while let data = try? handle.read(upToCount: 1 << 16), !data.isEmpty {
          bytes.withLock { $0 += data }
        }
        end.signal()
      }
    }

    func take() -> [UInt8] {
      bytes.withLock { bytes in
        defer { bytes = [] }
        return bytes
      }
    }

    func waitForEnd() { end.wait() }
  }

  private let outputHandle: FileHandle

  /// - Throws: `AudioError` `libraryMissing` where there is no ffmpeg.
  init(sampleRate: Int, bitRate: Int) throws(AudioError) {
    let program = try Self.program()
    let (inputPipe, outputPipe) = (Pipe(), Pipe())
    process.executableURL = URL(filePath: program)
    process.arguments = [
      "-hide_banner", "-loglevel", "quiet", "-f", "s16le", "-ar", "\(sampleRate)", "-ac", "1", "-i",
      "pipe:0", "-c:a", "aac", "-b:a", "\(bitRate)", "-flush_packets", "1", "-f", "adts", "pipe:1",
    ]
    process.standardInput = inputPipe
    process.standardOutput = outputPipe
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch {
      throw AudioError(.unwritable, file: "aac", problem: "ffmpeg did not start: \(error)")
    }
    input = inputPipe.fileHandleForWriting
    outputHandle = outputPipe.fileHandleForReading
    output = Output(reading: outputHandle)
  }

  /// Where ffmpeg is.
  ///
  /// - Throws: `AudioError` `libraryMissing` where there is none.
  static func program() throws(AudioError) -> String {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let found = folders.map { "\($0)/ffmpeg" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
    guard let found else {
      throw AudioError(
        .libraryMissing, file: "aac",
        problem: "expected the program ffmpeg, which is not installed",
        advice: "Install it (apt install ffmpeg), or choose mp3, opus or wav")
    }
    return found
  }

  deinit {
    // A stream that was given up: the process ends without its input, and its thread with it.
    try? input.close()
    if process.isRunning { process.terminate() }
  }

  func encode(_ samples: [Int16]) throws(AudioError) -> [UInt8] {
    var bytes: [UInt8] = []
    for sample in samples { bytes.append(littleEndian: UInt16(bitPattern: sample)) }
    do { try input.write(contentsOf: Data(bytes)) } catch {
      throw .failed(.aac, "ffmpeg ended early")
    }
    return output.take()
  }

  func finish() throws(AudioError) -> [UInt8] {
    try? input.close()
    output.waitForEnd()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw .failed(.aac, "ffmpeg ended with status \(process.terminationStatus)")
    }
    return output.take()
  }
}
