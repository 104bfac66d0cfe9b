// SPDX-License-Identifier: MIT

/// Which language a prompt names (docs/model.md, section 6.1).
package struct LanguageChoice: Sendable, Equatable {
  /// Codec-side id, or `nil` when the model is to find out by itself.
  package let id: Int32?

  /// A name the model does not know.
  package struct Unknown: Error, Sendable, Equatable {
    package var name: String
    package var known: [String]
  }

  /// Names that can be asked for: dialects come with their speakers.
  package static func names(_ talker: TalkerConfiguration) -> [String] {
    talker.languages.keys.filter { !$0.contains("dialect") }.sorted()
  }

  /// - Parameters:
  ///   - name: A language in any case, or "auto".
  ///   - speaker: The named speaker in lower case; one with a dialect speaks it when the language is
  ///     "auto" or Chinese.
  package init(
    _ name: String, speaker: String?, talker: TalkerConfiguration
  ) throws(Unknown) {
    let name = name.lowercased()
    if name == "auto" || name == "chinese", let speaker,
      let dialect = talker.speakerDialects[speaker]
    {
      id = talker.languages[dialect]
      return
    }
    guard name != "auto" else {
      id = nil
      return
    }
    guard let known = talker.languages[name], !name.contains("dialect") else {
      throw Unknown(name: name, known: Self.names(talker))
    }
    id = known
  }
}
