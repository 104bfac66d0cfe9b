// SPDX-License-Identifier: MIT

/// A format that audio is written in. The name of a file decides it, here and nowhere else.
package enum AudioFileFormat: Sendable, Equatable, CaseIterable {
  case wav

  /// The endings of its files' names, in lower case.
  package var fileExtensions: [String] {
    switch self {
    case .wav: ["wav", "wave"]
    }
  }

  /// The format that a file's name asks for. `-`, which is standard output, and names without an
  /// ending, such as `/dev/stdout`, ask for none in particular and get WAV.
  ///
  /// - Throws: `AudioError` `unsupported` for an ending that means another format.
  package init(ofFileNamed path: String) throws(AudioError) {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else {
      self = .wav
      return
    }
    let ending = name[name.index(after: dot)...].lowercased()
    guard let format = Self.allCases.first(where: { $0.fileExtensions.contains(ending) }) else {
      let known = Self.allCases.flatMap(\.fileExtensions).map { "." + $0 }
      throw AudioError(
        .unsupported, file: path,
        problem:
          "expected a name that ends in \(known.joined(separator: " or ")), found .\(ending)",
        advice: "Write a WAV file and convert it, for example: ffmpeg -i speech.wav \(path)")
    }
    self = format
  }
}
