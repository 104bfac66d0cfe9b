// SPDX-License-Identifier: MIT
internal import CSoundFile

/// libsndfile, loaded when the first file needs it: FLAC, Ogg, MP3, Opus, AIFF and more.
// Safety: `@unchecked Sendable` because the table of functions never changes, and the library allows
// different files to be used on different threads.
@safe package final class SoundFileLibrary: @unchecked Sendable {
  /// The Debian and Ubuntu package that has it.
  package static let packageName = "libsndfile1"

  /// The system's library, `nil` where there is none.
  package static let shared = SoundFileLibrary(name: "libsndfile.so.1")

  let functions: OpaquePointer

  /// Loads a library by its file name; `nil` when it is missing.
  package init?(name: String) {
    guard let functions = unsafe qt_sound_library_load(name) else { return nil }
    unsafe self.functions = functions
  }
}
