// SPDX-License-Identifier: MIT

/// The JSON files of a model with some of their values replaced: what byte by byte changes reach too
/// seldom, because they mostly end the JSON.
package struct ChangedSettings {
  /// A value in one of the files.
  private struct Place {
    var file: Int
    var range: Range<Int>
  }

  private static let originals =
    [FuzzTarget.configurationWithEncoder] + FuzzTarget.configurations.dropFirst()
  private static let places = originals.indices.flatMap { file in
    values(in: originals[file]).map { Place(file: file, range: $0) }
  }
  private static let replacements = [
    "0", "1", "-1", "2", "3", "7", "64", "65", "1024", "1025", "65536", "1048576", "2147483647",
    "2147483648", "4611686018427387904", "9223372036854775807", "-9223372036854775808",
    "9223372036854775808", "0.5", "1e308", "1e-320", "1e999", "null", "true", "\"\"", "\"x\"", "{}",
    "{\"a\":1}",
  ]

  /// `config.json`, the codec's, `generation_config.json`.
  let files: [[UInt8]]

  /// - Parameter edits: Three bytes each: place, replacement, and length of a list; 0 for none. More
  ///   than three would seldom get past the first check.
  init(edits: [UInt8]) {
    var changes: [Int: [UInt8]] = [:]
    for start in stride(from: 0, to: edits.count - 2, by: 3) where changes.count < 3 {
      let value = Self.replacements[Int(edits[start + 1]) % Self.replacements.count]
      let count = Int(edits[start + 2]) % 20
      let list = "[" + Array(repeating: value, count: count).joined(separator: ",") + "]"
      changes[Int(edits[start]) % Self.places.count] = Array((count == 0 ? value : list).utf8)
    }
    var files = Self.originals
    // From the last place on, so that the others stay where they are.
    for (index, value) in changes.sorted(by: { $0.key > $1.key }) {
      let place = Self.places[index]
      files[place.file].replaceSubrange(place.range, with: value)
    }
    self.files = files
  }

  /// Every value replaced by every other, and by a short and a long list of it.
  package static var singleEdits: [[UInt8]] {
    places.indices.flatMap { place in
      replacements.indices.flatMap { replacement in
        [0, 1, 14].map { [UInt8(place), UInt8(replacement), $0] }
      }
    }
  }

  /// The values of all keys, except objects.
  private static func values(in json: [UInt8]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for index in json.indices.dropLast() where json[index] == UInt8(ascii: ":") {
      let start = index + 1
      if json[start] == UInt8(ascii: "{") { continue }
      let isList = json[start] == UInt8(ascii: "[")
      let ends: [UInt8] = isList ? [UInt8(ascii: "]")] : [UInt8(ascii: ","), UInt8(ascii: "}")]
      guard let end = json[start...].firstIndex(where: ends.contains) else { continue }
      ranges.append(start..<end + (isList ? 1 : 0))
    }
    return ranges
  }
}
