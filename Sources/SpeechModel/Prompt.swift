// SPDX-License-Identifier: MIT

// The rows the talker reads before it speaks (docs/model.md, section 6).

/// The codec side of a prompt row.
package enum CodecEntry: Sendable, Equatable {
  case none
  /// A row of the talker's codec embedding: a control id, a language, a speaker.
  case id(Int32)
  /// The given speaker embedding.
  case speakerEmbedding
  /// The sum of embeddings of a frame of reference codes.
  case referenceFrame(Int)
}

/// One row: the sum of a text-side vector and a codec-side vector, either of which may be missing.
package struct PromptRow: Sendable, Equatable {
  package var text: Int32?
  package var codec: CodecEntry

  /// The codec embedding's row, or −1.
  var codecID: Int32 {
    if case .id(let id) = codec { id } else { -1 }
  }
}

/// What an utterance starts from.
package struct Prompt: Sendable, Equatable {
  package var rows: [PromptRow]
  /// Text tokens added one a frame; padding follows.
  package var trailing: [Int32]
  /// The padding token, whose vector is added when `trailing` has run out.
  package var padding: Int32
  package var speakerEmbedding: [Float] = []
  /// Frames of reference codes.
  package var referenceCodes: [[Int32]] = []

  /// Every text token, repeats included.
  var textIDs: [Int32] { rows.compactMap(\.text) + trailing + [padding] }
}

/// Whether the talker sees the whole text first or a token a frame.
package enum PromptLayout: String, Sendable, CaseIterable {
  /// All text precedes the first frame ("non-streaming" in the official package).
  case whole
  /// The first token precedes the first frame; each frame adds one ("streaming").
  case incremental
}

/// Who speaks.
package enum PromptSpeaker: Sendable, Equatable {
  /// Nobody in particular: VoiceDesign.
  case unspecified
  /// A row of the talker's codec embedding.
  case named(Int32)
  case embedding([Float])
}

/// Reference speech to continue: its transcript and its codes.
package struct PromptReference: Sendable, Equatable {
  /// Token ids of the whole reference wrapper.
  package var textIDs: [Int32]
  /// Frames of `codebookCount` codes.
  package var codes: [[Int32]]

  package init(textIDs: [Int32], codes: [[Int32]]) {
    self.textIDs = textIDs
    self.codes = codes
  }
}

extension Prompt {
  /// Lays out a prompt.
  ///
  /// - Parameters:
  ///   - target: Token ids of the whole target wrapper, `<|im_start|>assistant\n…`.
  ///   - instruction: Token ids of the whole instruction wrapper, or none.
  ///   - language: Codec-side id of the language, `nil` for unknown.
  ///   - reference: Reference speech, for in-context cloning.
  ///   - isOpen: Whether more text will come, token by token, after the target's; then in the incremental
  ///     layout what there is is not ended.
  /// - Precondition: The wrappers' control tokens are the three before and the five after a
  ///   non-empty text (two after a transcript).
  package init(
    target: [Int32], instruction: [Int32] = [], language: Int32?, speaker: PromptSpeaker,
    reference: PromptReference? = nil, layout: PromptLayout, isOpen: Bool = false,
    configuration: ModelConfiguration
  ) {
    let text = configuration.text
    let codec = configuration.talker.control
    var rows = instruction.map { PromptRow(text: $0, codec: .none) }
    rows += target.prefix(3).map { PromptRow(text: $0, codec: .none) }
    var tags: [CodecEntry] =
      if let language {
        [.id(codec.think), .id(codec.thinkBegin), .id(language), .id(codec.thinkEnd)]
      } else {
        [.id(codec.noThink), .id(codec.thinkBegin), .id(codec.thinkEnd)]
      }
    var embedding: [Float] = []
    switch speaker {
    case .unspecified: break
    case .named(let id): tags.append(.id(id))
    case .embedding(let values):
      tags.append(.speakerEmbedding)
      embedding = values
    }
    rows += tags.map { PromptRow(text: text.pad, codec: $0) }
    rows.append(PromptRow(text: text.begin, codec: .id(codec.pad)))
    let body = Array(target[3..<target.count - 5])
    let tail =
      if let reference {
        Self.referenceRows(
          body, reference, layout: layout, isOpen: isOpen, configuration: configuration)
      } else {
        Self.textRows(body, layout: layout, isOpen: isOpen, configuration: configuration)
      }
    self.init(
      rows: rows + tail.rows, trailing: tail.trailing, padding: text.pad,
      speakerEmbedding: embedding, referenceCodes: reference?.codes ?? [])
  }

  /// Section 6.2: text rows without reference codes.
  private static func textRows(
    _ body: [Int32], layout: PromptLayout, isOpen: Bool, configuration: ModelConfiguration
  ) -> (rows: [PromptRow], trailing: [Int32]) {
    let text = configuration.text
    let codec = configuration.talker.control
    switch layout {
    case .whole:
      let rows = (body + [text.end]).map { PromptRow(text: $0, codec: .id(codec.pad)) }
      return (rows + [PromptRow(text: text.pad, codec: .id(codec.begin))], [])
    case .incremental:
      let first = PromptRow(text: body.first, codec: .id(codec.begin))
      return ([first], body.dropFirst() + (isOpen ? [] : [text.end]))
    }
  }

  /// Section 6.3: transcript and target text alongside the reference codes.
  private static func referenceRows(
    _ body: [Int32], _ reference: PromptReference, layout: PromptLayout, isOpen: Bool,
    configuration: ModelConfiguration
  ) -> (rows: [PromptRow], trailing: [Int32]) {
    let text = configuration.text
    let codec = configuration.talker.control
    let isOpen = isOpen && layout == .incremental
    let words =
      reference.textIDs[3..<reference.textIDs.count - 2] + body + (isOpen ? [] : [text.end])
    let codes = [CodecEntry.id(codec.begin)] + reference.codes.indices.map { .referenceFrame($0) }
    switch layout {
    case .whole:
      let rows =
        words.map { PromptRow(text: $0, codec: .id(codec.pad)) }
        + codes.map { PromptRow(text: text.pad, codec: $0) }
      return (rows, [])
    case .incremental:
      // What is padded cannot be known before the text has as many tokens.
      precondition(!isOpen || words.count >= codes.count, "text alongside all of the reference")
      let padding = [Int32](repeating: text.pad, count: max(0, codes.count - words.count))
      let rows = zip(words + padding, codes).map { PromptRow(text: $0, codec: $1) }
      return (rows, Array(words.dropFirst(codes.count)))
    }
  }
}
