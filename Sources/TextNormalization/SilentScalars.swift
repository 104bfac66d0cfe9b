// SPDX-License-Identifier: MIT

extension EnglishNormalizer {
  /// Whether a letter or number of a text is left out because English has no way to say it, as those of
  /// other scripts.
  package static func leavesOut(_ scalar: Unicode.Scalar) -> Bool {
    guard !scalar.isASCII, scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    else { return false }
    return !Folding.fold(String(scalar)).contains { $0.isWordPart }
  }
}
