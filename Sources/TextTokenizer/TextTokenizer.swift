// SPDX-License-Identifier: MIT

package import Foundation

import HeapModule
// Foundation's composition misses Hangul syllables followed by a final consonant, and orders some
// marks by older rules (swift 6.3.1 on Linux), so the standard library's own is used.
@_spi(_Unicode) import Swift

/// What is wrong with a tokenizer's files.
package struct TokenizerError: Error, CustomStringConvertible, Sendable {
  package var file: String
  package var problem: String

  package var description: String {
    "\(file): \(problem). The folder is incomplete or damaged; fetch the model again."
  }
}

/// What becomes of an added token's spelling, such as `<|im_end|>`, inside a text.
package enum AddedTokenPolicy: Sendable {
  /// It is the token, as in the official package.
  case recognize
  /// It is ordinary text: for text that somebody else wrote.
  case asText
}

/// The byte-level BPE of Qwen2 (docs/model.md, section 4).
package struct TextTokenizer: Sendable {
  private struct Pair: Hashable {
    var left: Int32
    var right: Int32
  }

  /// Token of each byte.
  private let byteTokens: [Int32]
  /// Two neighbours to the rank of their merge and the token they become.
  private let merges: [Pair: (rank: Int32, token: Int32)]
  private let addedTokens: [(content: [Unicode.Scalar], token: Int32)]

  /// Reads the tokenizer of a model folder: `vocab.json`, `merges.txt` and `tokenizer_config.json`, or
  /// where the first two are absent `tokenizer.json`, which Transformers 5 writes instead.
  package init(folder: URL) throws {
    let files = TokenizerFiles(folder: folder)
    if files.exists("vocab.json") || files.exists("merges.txt") || !files.exists("tokenizer.json") {
      try self.init(
        vocabulary: files.decode([String: Int32].self, "vocab.json"),
        merges: String(decoding: files.data("merges.txt"), as: UTF8.self),
        addedTokens: files.addedTokens(), file: folder.appending(path: "merges.txt").path)
    } else {
      let whole = try files.decode(TokenizerFiles.Whole.self, "tokenizer.json")
      try self.init(
        vocabulary: whole.model.vocab, merges: whole.model.mergeLines,
        addedTokens: whole.addedTokens, file: folder.appending(path: "tokenizer.json").path)
    }
  }

  /// - Parameters:
  ///   - vocabulary: Token in the printable byte alphabet to id.
  ///   - merges: One merge a line, best first, with any line ends; lines that begin with `#` are merges
  ///     too, except a first line that begins with `#version`.
  package init(
    vocabulary: [String: Int32], merges: String, addedTokens: [String: Int32],
    file: String = "tokenizer"
  ) throws(TokenizerError) {
    var byteTokens: [Int32] = []
    for symbol in Self.byteAlphabet {
      guard let token = vocabulary[String(symbol)] else {
        throw TokenizerError(file: file, problem: "its vocabulary lacks the byte \(symbol)")
      }
      byteTokens.append(token)
    }
    var table: [Pair: (rank: Int32, token: Int32)] = [:]
    table.reserveCapacity(vocabulary.count)
    var rank: Int32 = 0
    let lines = merges.utf8.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    for (index, line) in lines.enumerated() {
      let line = Substring(line)
      if index == 0, line.hasPrefix("#version") { continue }
      let parts = line.utf8.split(
        separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let left = vocabulary[String(Substring(parts[0]))],
        let right = vocabulary[String(Substring(parts[1]))],
        let token = vocabulary[String(Substring(parts[0])) + String(Substring(parts[1]))]
      else {
        throw TokenizerError(
          file: file, problem: "merge \(index + 1) joins no two known tokens")
      }
      table[Pair(left: left, right: right)] = (rank, token)
      rank += 1
    }
    self.byteTokens = byteTokens
    self.merges = table
    self.addedTokens = addedTokens.map { (Array($0.key.unicodeScalars), $0.value) }
      .sorted { $0.0.count > $1.0.count }
  }

  /// The printable stand-in of each byte, by value.
  private static let byteAlphabet: [Unicode.Scalar] = {
    var spare: UInt32 = 256
    return (0..<256).map { (byte: UInt32) -> Unicode.Scalar in
      if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
        return Unicode.Scalar(UInt8(byte))
      }
      defer { spare += 1 }
      return Unicode.Scalar(spare) ?? " "
    }
  }()

  // MARK: Encoding

  /// Token ids of a text; nothing is added at either end.
  package func encode(_ text: String, addedTokens policy: AddedTokenPolicy = .recognize) -> [Int32]
  {
    guard policy == .recognize else { return encodePlain(text[...]) }
    var ids: [Int32] = []
    let scalars = text.unicodeScalars
    var plain = scalars.startIndex
    var index = scalars.startIndex
    while index < scalars.endIndex {
      if scalars[index] == "<", let match = addedToken(scalars[index...]) {
        ids += encodePlain(text[plain..<index])
        ids.append(match.token)
        index = scalars.index(index, offsetBy: match.length)
        plain = index
      } else {
        index = scalars.index(after: index)
      }
    }
    return ids + encodePlain(text[plain...])
  }

  /// The longest added token that `rest` begins with.
  private func addedToken(
    _ rest: Substring.UnicodeScalarView
  ) -> (token: Int32, length: Int)? {
    addedTokens.first { rest.starts(with: $0.content) }.map { ($0.token, $0.content.count) }
  }

  private func encodePlain(_ text: Substring) -> [Int32] {
    if text.isEmpty { return [] }
    let isASCII = text.utf8.allSatisfy { $0 < 128 }
    if isASCII { return TextPieces(String(text)).flatMap { encodePiece($0) } }
    return TextPieces(Self.composed(text)).flatMap { encodePiece($0) }
  }

  /// The text in Unicode's normal form C.
  static func composed(_ text: Substring) -> [Unicode.Scalar] {
    Array(decomposingTibetanVowels(text)._nfc)
  }

  /// The three characters that are starters but decompose into marks. The standard library orders
  /// marks between starters only and would leave what these decompose into out of order.
  private static func decomposingTibetanVowels(_ text: Substring) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\u{0F73}": scalars.append(contentsOf: ["\u{0F71}", "\u{0F72}"])
      case "\u{0F75}": scalars.append(contentsOf: ["\u{0F71}", "\u{0F74}"])
      case "\u{0F81}": scalars.append(contentsOf: ["\u{0F71}", "\u{0F80}"])
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }

  /// Merges the bytes of one piece, best rank first.
  func encodePiece(_ piece: String) -> [Int32] {
    var tokens = piece.utf8.map { byteTokens[Int($0)] }
    if tokens.count < 2 { return tokens }
    // A doubly linked list over the positions; −1 ends it.
    var next = (0..<tokens.count).map { $0 + 1 < tokens.count ? $0 + 1 : -1 }
    var previous = (0..<tokens.count).map { $0 - 1 }
    var alive = [Bool](repeating: true, count: tokens.count)
    var heap = Heap<Candidate>()
    func propose(_ left: Int) {
      guard left >= 0, next[left] >= 0 else { return }
      let pair = Pair(left: tokens[left], right: tokens[next[left]])
      if let merge = merges[pair] {
        heap.insert(Candidate(rank: merge.rank, position: left, left: pair.left, right: pair.right))
      }
    }
    for position in tokens.indices { propose(position) }
    while let best = heap.popMin() {
      let right = next[best.position]
      guard alive[best.position], right >= 0, tokens[best.position] == best.left,
        tokens[right] == best.right,
        let merge = merges[Pair(left: best.left, right: best.right)]
      else { continue }
      tokens[best.position] = merge.token
      alive[right] = false
      next[best.position] = next[right]
      if next[right] >= 0 { previous[next[right]] = best.position }
      propose(previous[best.position])
      propose(best.position)
    }
    return tokens.indices.filter { alive[$0] }.map { tokens[$0] }
  }

  /// A merge that was possible when it was proposed.
  private struct Candidate: Comparable {
    var rank: Int32
    var position: Int
    var left: Int32
    var right: Int32

    static func < (a: Candidate, b: Candidate) -> Bool {
      (a.rank, a.position) < (b.rank, b.position)
    }
  }
}

// MARK: - Chat wrappers

extension TextTokenizer {
  /// `<|im_start|>assistant\n{text}<|im_end|>\n<|im_start|>assistant\n`
  package func targetIDs(_ text: String, addedTokens: AddedTokenPolicy = .asText) -> [Int32] {
    wrap("assistant", text, addedTokens) + encode("\n<|im_start|>assistant\n")
  }

  /// The same around tokens of a text (`AppendableTokenizer`).
  package func targetIDs(around tokens: [Int32]) -> [Int32] {
    let wrapper = targetIDs("a")
    return wrapper.prefix(3) + tokens + wrapper.suffix(5)
  }

  /// `<|im_start|>assistant\n{text}<|im_end|>\n`
  package func referenceIDs(_ text: String, addedTokens: AddedTokenPolicy = .asText) -> [Int32] {
    wrap("assistant", text, addedTokens) + encode("\n")
  }

  /// `<|im_start|>user\n{text}<|im_end|>\n`
  package func instructionIDs(_ text: String, addedTokens: AddedTokenPolicy = .asText) -> [Int32] {
    wrap("user", text, addedTokens) + encode("\n")
  }

  /// Role and text are one piece of plain text: a text that begins with a newline merges with the
  /// wrapper's.
  private func wrap(_ role: String, _ text: String, _ policy: AddedTokenPolicy) -> [Int32] {
    encode("<|im_start|>") + encode("\(role)\n\(text)", addedTokens: policy)
      + encode("<|im_end|>")
  }
}
