// SPDX-License-Identifier: MIT

/// What is wrong with a file of a checkpoint.
package struct CheckpointError: Error, CustomStringConvertible, Sendable, Equatable {
  /// Path of the file.
  package var file: String
  /// The tensor or key concerned, if one is.
  package var subject: String?
  package var expected: String
  package var found: String
  /// What to do about it.
  package var remedy: String?

  package init(
    file: String, subject: String? = nil, expected: String, found: String, remedy: String? = nil
  ) {
    self.file = file
    self.subject = subject
    self.expected = expected
    self.found = found
    self.remedy = remedy
  }

  package var description: String {
    let place = subject.map { "\(file): \($0)" } ?? file
    return "\(place): expected \(expected), found \(found)" + (remedy.map { ". \($0)" } ?? "")
  }
}
