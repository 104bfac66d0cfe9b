// SPDX-License-Identifier: MIT

import Foundation

/// Files that are often taken for a model's weights: recognised to say what they are and what to do.
enum ForeignFormat {
  private static let released =
    "Models in safetensors work: qwen3-tts download 0.6B-CustomVoice fetches one."
  private static let pickleRemedy =
    "Save the model anew with save_pretrained(FOLDER, safe_serialization=True)."

  /// What the beginning of a file says that it is, and what to do; `nil` where it says nothing known.
  static func recognize(beginning head: [UInt8]) -> (what: String, remedy: String)? {
    func begins(_ text: String) -> Bool { head.starts(with: text.utf8) }
    if begins("GGUF") { return ("a GGUF file", released) }
    if begins("PK\u{3}\u{4}") { return ("a PyTorch archive of pickled weights", pickleRemedy) }
    if head.count >= 2, head[0] == 0x80, (2...5).contains(head[1]) {
      return ("a Python pickle", pickleRemedy)
    }
    if begins("version https://git-lfs") {
      return (
        "a Git LFS pointer instead of the file it stands for",
        "Run git lfs pull in the folder, or fetch the model with qwen3-tts download."
      )
    }
    if begins("<") { return ("a web page", "Fetch the file again.") }
    return nil
  }

  /// The first bytes of a file; empty where there is none.
  static func beginning(of path: String) -> [UInt8] {
    guard let file = FileHandle(forReadingAtPath: path) else { return [] }
    defer { try? file.close() }
    return Array((try? file.read(upToCount: 32)) ?? Data())
  }

  /// What a folder without the file `missing` holds instead of it; `nil` where that is nothing known.
  static func error(inFolder folder: String, without missing: String) -> CheckpointError? {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    let kinds: [(endings: [String], what: String, remedy: String)] = [
      ([".gguf"], "GGUF weights", released),
      ([".bin", ".pt", ".pth", ".ckpt", ".pkl"], "pickled PyTorch weights", pickleRemedy),
      ([".npz", ".onnx", ".h5", ".msgpack", ".tflite"], "weights in another format", released),
    ]
    for kind in kinds {
      if let found = names.first(where: { name in kind.endings.contains { name.hasSuffix($0) } }) {
        return CheckpointError(
          file: folder, expected: missing, found: "\(kind.what), \(found)", remedy: kind.remedy)
      }
    }
    return nil
  }

  /// What to do about a tensor of a type that is not read.
  static func remedy(forType type: String) -> String {
    if type.hasPrefix("F8") {
      return "These are FP8 weights; use the same model in BF16, as it was before."
    }
    if type == "F64" { return "Save the weights as F32 or BF16." }
    return "These may be quantised weights, which are not read; use the model they were made from."
  }
}

/// `quantization`, as MLX writes it into `config.json`, or `quantization_config`, as others do: weights
/// that are no plain numbers any more.
struct QuantizationFile: Decodable {
  private enum CodingKeys: String, CodingKey { case quantMethod, bits, groupSize }

  private let method: String?
  private let bits: Int?

  init(from decoder: any Decoder) throws {
    // What else stands there, and of what type, does not matter.
    let values = try? decoder.container(keyedBy: CodingKeys.self)
    method = try? values?.decodeIfPresent(String.self, forKey: .quantMethod)
    bits = try? values?.decodeIfPresent(Int.self, forKey: .bits)
  }

  /// `4-bit weights of MLX`
  func words(writtenBy tool: String?) -> String {
    let kind = method ?? tool
    return (bits.map { "\($0)-bit " } ?? "quantised ") + "weights" + (kind.map { " (\($0))" } ?? "")
  }
}
