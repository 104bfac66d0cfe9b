// SPDX-License-Identifier: MIT

import Audio
import Testing

/// The name of a file says what is written into it.
@Suite struct AudioFormatTests {
  @Test(arguments: [
    "-", "a.wav", "A.WAV", "a.b.wave", "/dev/stdout", "speech", "dir.mp3/speech", ".hidden",
  ]) func `is WAV`(_ name: String) throws {
    #expect(try AudioFormat(ofFileNamed: name) == .wav)
  }

  @Test func `other endings name other formats, in any case`() throws {
    #expect(try AudioFormat(ofFileNamed: "a.mp3") == .mp3)
    #expect(try AudioFormat(ofFileNamed: "/tmp.wav/Speech.OPUS") == .opus)
    #expect(try AudioFormat(ofFileNamed: "a.ogg") == .opus)
    #expect(try AudioFormat(ofFileNamed: "a.tar.flac") == .flac)
    for format in AudioFormat.allCases {
      #expect(try AudioFormat(ofFileNamed: "a." + format.fileNameEndings[0]) == format)
    }
  }

  @Test(arguments: ["a.wma", "a.M4A", "a.wav.ogx", "dir/a.webm", "a.", "a.safetensors"])
  func `is another format, and nothing is written`(_ name: String) {
    let error = #expect(throws: AudioError.self) { try AudioFormat(ofFileNamed: name) }
    #expect(error?.code == .unsupported)
    #expect(throws: AudioError.self) { _ = try AudioFileWriter(to: name) }
  }
}
