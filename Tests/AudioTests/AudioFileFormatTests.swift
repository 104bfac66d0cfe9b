// SPDX-License-Identifier: MIT

import Audio
import Testing

/// The name of a file says what is written into it.
@Suite struct AudioFileFormatTests {
  @Test(arguments: [
    "-", "a.wav", "A.WAV", "a.b.wave", "/dev/stdout", "speech", "dir.mp3/speech", ".hidden",
  ]) func `is WAV`(_ name: String) throws {
    #expect(try AudioFileFormat(ofFileNamed: name) == .wav)
  }

  @Test(arguments: ["a.mp3", "a.FLAC", "a.wav.ogg", "dir/a.opus", "a.", "a.safetensors"])
  func `is another format, and nothing is written`(_ name: String) {
    let error = #expect(throws: AudioError.self) { try AudioFileFormat(ofFileNamed: name) }
    #expect(error?.code == .unsupported)
    #expect(throws: AudioError.self) { _ = try WAVWriter(to: name) }
  }
}
