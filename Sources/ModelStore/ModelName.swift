// SPDX-License-Identifier: MIT

/// The name of a model: an owner and a repository, as on the Hugging Face hub.
package struct ModelName: Hashable, Sendable, CustomStringConvertible {
  package let owner: String
  package let name: String

  /// The owner of the released models.
  private static let releasedOwner = "Qwen"
  private static let releasedPrefix = "Qwen3-TTS-12Hz-"

  /// Reads `owner/name`, or a released model's name with or without what all of them begin with:
  /// `0.6B-Base`, `Qwen3-TTS-12Hz-0.6B-Base`. Upper and lower case of released names do not matter.
  ///
  /// `nil` for what is no name.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let spellings = [
      text, "\(Self.releasedOwner)/\(text)", "\(Self.releasedOwner)/\(Self.releasedPrefix)\(text)",
    ].map { $0.lowercased() }
    let released = PublishedModel.all.map(\.name)
    if let found = released.first(where: { spellings.contains($0.description.lowercased()) }) {
      self = found
    } else {
      guard parts.count == 2, parts.allSatisfy(Self.isPart) else { return nil }
      self.init(owner: parts[0], name: parts[1])
    }
  }

  init(released name: String) {
    self.init(owner: Self.releasedOwner, name: Self.releasedPrefix + name)
  }

  private init(owner: String, name: String) {
    self.owner = owner
    self.name = name
  }

  /// Whether a text can be an owner or a name: it becomes part of addresses and the name of a
  /// folder, so that nothing but letters, digits, `-`, `_` and `.` is let through.
  private static func isPart(_ text: String) -> Bool {
    let allowed = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-_.".utf8.contains(byte)
      }
    }
    return allowed && (1...96).contains(text.utf8.count) && !text.hasPrefix(".")
      && !text.hasPrefix("-") && !text.contains("..")
  }

  /// `Qwen/Qwen3-TTS-12Hz-0.6B-Base`
  package var description: String { "\(owner)/\(name)" }

  /// The shortest text that names it: `0.6B-Base`.
  package var short: String {
    PublishedModel.of(self) != nil ? String(name.dropFirst(Self.releasedPrefix.count)) : description
  }
}
