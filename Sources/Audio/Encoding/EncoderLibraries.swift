// SPDX-License-Identifier: MIT
internal import CAudioEncoders

/// The encoders that this machine has, each loaded when the first stream needs it.
///
/// Debian 12 and Ubuntu 24.04 bring the first three with `libsndfile1`.
package enum EncoderLibrary: String, Sendable, CaseIterable {
  case lame = "libmp3lame"
  case opus = "libopus"
  case flac = "libFLAC"

  /// The Debian and Ubuntu package that has it.
  package var packageName: String {
    switch self {
    case .lame: "libmp3lame0"
    case .opus: "libopus0"
    // Its number differs between releases; this package brings the right one.
    case .flac: "libsndfile1"
    }
  }

  /// Whether it was found.
  package var isAvailable: Bool {
    switch self {
    case .lame: EncoderFunctions.lame != nil
    case .opus: EncoderFunctions.opus != nil
    case .flac: EncoderFunctions.flac != nil
    }
  }
}

/// The functions of one encoder library.
// Safety: `@unchecked Sendable` because a table of functions never changes, and each library allows
// different encoders to be used on different threads.
@safe final class EncoderFunctions: @unchecked Sendable {
  static let lame = unsafe EncoderFunctions(["libmp3lame.so.0"]) { unsafe qt_lame_load($0) }
  static let opus = unsafe EncoderFunctions(["libopus.so.0"]) { unsafe qt_opus_load($0) }
  static let flac = unsafe EncoderFunctions(["libFLAC.so.14", "libFLAC.so.12", "libFLAC.so.8"]) {
    unsafe qt_flac_load($0)
  }

  let table: OpaquePointer

  /// The first library that loads; `nil` when none does.
  private init?(_ names: [String], load: (String) -> OpaquePointer?) {
    guard let table = unsafe names.lazy.compactMap(load).first else { return nil }
    unsafe self.table = table
  }
}

extension AudioError {
  /// An encoder's library is not on this machine.
  static func missing(_ library: EncoderLibrary, for format: AudioFormat) -> AudioError {
    AudioError(
      .libraryMissing, file: format.rawValue,
      problem: "expected \(library.rawValue), which is not installed",
      advice: "Install it (apt install \(library.packageName)), or choose wav or pcm")
  }

  /// An encoder that is there failed.
  static func failed(_ format: AudioFormat, _ problem: String) -> AudioError {
    AudioError(.unwritable, file: format.rawValue, problem: "the encoder failed: \(problem)")
  }
}
