// SPDX-License-Identifier: MIT
internal import SystemIO

/// Why audio could not be read, written or used.
///
/// The message says what was expected, what was found and what to do.
package struct AudioError: Error, Equatable, CustomStringConvertible {
  /// The kind of failure, for callers that act on it.
  package enum Code: Sendable, Equatable {
    /// The file is missing or the system refuses to open or read it.
    case unreadable
    /// The bytes are not the audio format they claim to be.
    case malformed
    /// The format is known but not supported, or not known at all.
    case unsupported
    /// A limit on size or duration was passed.
    case tooLarge
    /// There is less audio than the purpose needs.
    case tooShort
    /// There is nothing to hear.
    case silent
    /// A sample is infinite or not a number.
    case notFinite
    /// A library that is loaded at run time is missing.
    case libraryMissing
    /// The reader of our output has gone: a closed pipe, a player that quit.
    case consumerWentAway
    /// The disk is full.
    case diskFull
    /// The output cannot be opened or written for another reason.
    case unwritable
  }

  /// The kind of failure.
  package let code: Code

  /// The file, or `standard output`, or another name for where the audio came from.
  package let file: String

  /// What went wrong, and what was expected instead.
  package let problem: String

  /// What the user can do; empty where nothing helps.
  package let advice: String

  /// Describes a failure.
  package init(_ code: Code, file: String, problem: String, advice: String = "") {
    self.code = code
    self.file = file
    self.problem = problem
    self.advice = advice
  }

  package var description: String {
    advice.isEmpty ? "\(file): \(problem)." : "\(file): \(problem). \(advice)."
  }
}

extension AudioError {
  /// The error for a failed write.
  init(writing error: SystemError) {
    let file = error.path
    if error.isBrokenPipe {
      self.init(.consumerWentAway, file: file, problem: "the program reading the audio has closed")
    } else if error.isOutOfSpace {
      self.init(
        .diskFull, file: file, problem: "the disk is full",
        advice: "Free some space or write the audio elsewhere")
    } else if error.isFileTooLarge {
      self.init(
        .tooLarge, file: file, problem: "the file system allows no larger file",
        advice: "Write the audio in parts or to another disk")
    } else {
      self.init(.unwritable, file: file, problem: "cannot write the audio: \(error.reason)")
    }
  }

  /// The error for a file that cannot be opened or read.
  init(reading error: SystemError) {
    self.init(
      .unreadable, file: error.path, problem: "cannot read the file: \(error.reason)",
      advice: error.isNotFound ? "Check the path" : "")
  }
}
