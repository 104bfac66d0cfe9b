// SPDX-License-Identifier: MIT

import Foundation

/// The files of a model's tokenizer, as they are spelled.
struct TokenizerFiles {
  let folder: URL

  func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.appending(path: name).path)
  }

  func data(_ name: String) throws(TokenizerError) -> Data {
    let url = folder.appending(path: name)
    guard let data = try? Data(contentsOf: url) else {
      throw TokenizerError(file: url.path, problem: "no readable file")
    }
    return data
  }

  func decode<Value: Decodable>(
    _ type: Value.Type, _ name: String
  ) throws(TokenizerError) -> Value {
    let data = try data(name)
    do { return try JSONDecoder().decode(type, from: data) } catch {
      throw TokenizerError(
        file: folder.appending(path: name).path, problem: "no JSON object of its kind")
    }
  }

  /// Spelling and id of the tokens beside the vocabulary, from `tokenizer_config.json`.
  func addedTokens() throws(TokenizerError) -> [String: Int32] {
    struct Configuration: Decodable {
      struct Added: Decodable { var content: String }
      var added_tokens_decoder: [String: Added]
    }
    let name = "tokenizer_config.json"
    var added: [String: Int32] = [:]
    for (id, token) in try decode(Configuration.self, name).added_tokens_decoder {
      guard let id = Int32(id), id >= 0, !token.content.isEmpty else {
        throw TokenizerError(
          file: folder.appending(path: name).path,
          problem: "added token \(id) has no number or no text")
      }
      added[token.content] = id
    }
    return added
  }

  /// `tokenizer.json`, in the parts that make a byte-level BPE.
  struct Whole: Decodable {
    struct Model: Decodable {
      var vocab: [String: Int32]
      var merges: [Merge]

      /// The same as in `merges.txt`.
      var mergeLines: String {
        merges.lazy.map { "\($0.left) \($0.right)" }.joined(separator: "\n")
      }
    }

    /// Two tokens, as a pair or, as older versions write it, as a text with a space between them.
    struct Merge: Decodable {
      var left: String
      var right: String

      init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        let parts: [String]
        if let line = try? value.decode(String.self) {
          parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            .map(String.init)
        } else {
          parts = try value.decode([String].self)
        }
        guard parts.count == 2 else {
          throw DecodingError.dataCorruptedError(in: value, debugDescription: "no two tokens")
        }
        (left, right) = (parts[0], parts[1])
      }
    }

    struct Added: Decodable {
      var id: Int32
      var content: String
    }

    var model: Model
    var added_tokens: [Added]?

    var addedTokens: [String: Int32] {
      Dictionary((added_tokens ?? []).map { ($0.content, $0.id) }) { first, _ in first }
    }
  }
}
