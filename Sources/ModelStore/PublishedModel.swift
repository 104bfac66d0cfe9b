// SPDX-License-Identifier: MIT

/// What a file of a model has to be.
package struct PublishedFile: Hashable, Sendable {
  /// Its path inside the model's folder.
  package let path: String
  package let byteCount: Int
  /// 64 lower-case hexadecimal digits.
  package let sha256: String

  package init(path: String, byteCount: Int, sha256: String) {
    self.path = path
    self.byteCount = byteCount
    self.sha256 = sha256
  }
}

/// A released model with the sizes and checksums of its files, so that what a hub, a mirror or a proxy
/// delivers is checked against values that did not come with it.
package struct PublishedModel: Sendable {
  package let name: ModelName
  /// The first digits of the commit whose files these are.
  package let revision: String
  /// In the order they are fetched: small ones first.
  package let files: [PublishedFile]

  package init(name: ModelName, revision: String, files: [PublishedFile]) {
    self.name = name
    self.revision = revision
    self.files = files
  }

  private init(
    _ name: String, revision: String, configuration: (byteCount: Int, sha256: String),
    weights: (byteCount: Int, sha256: String)
  ) {
    let own = PublishedFile(
      path: "config.json", byteCount: configuration.byteCount, sha256: configuration.sha256)
    let main = PublishedFile(
      path: "model.safetensors", byteCount: weights.byteCount, sha256: weights.sha256)
    self.init(
      name: ModelName(released: name), revision: revision, files: [own] + Self.shared + [main])
  }

  /// The released model of that name.
  package static func of(_ name: ModelName) -> PublishedModel? {
    all.first { $0.name == name }
  }

  /// The released models.
  package static let all = [
    PublishedModel(
      "0.6B-Base", revision: "5d839924",
      configuration: (4_494, "2e714c787c8edb98b05432685cddb634add2de4d4e645f653d68251ef72ba011"),
      weights: (1_829_344_272, "180b3b10eb1c9f1b4db7806d5475bae3071c0243c299d49926bab1da3b6946f6")),
    PublishedModel(
      "0.6B-CustomVoice", revision: "85e237c1",
      configuration: (4_908, "81aca2b6fac304944d8acf345272d8a9a727d5fc2e2e66b222ab4729340c7455"),
      weights: (1_811_626_576, "bc3c7e785eb961179c25450d1acff03f839e0002f2f3a5aeb67b5735c0fa2adb")),
    PublishedModel(
      "1.7B-Base", revision: "fd4b2543",
      configuration: (4_494, "b4f01752d15a488abde3e1ab44723ae4f4b9e68a4037257b098b3737893cc1f9"),
      weights: (3_857_413_744, "38fc7fc51c5e776e840414b6fd443962e9411b9654888fd7913e4da643cb857c")),
    PublishedModel(
      "1.7B-CustomVoice", revision: "0c0e3051",
      configuration: (4_908, "17a07f527a1c25ea30b4e023a184482a23d3e279d697b1dc81b1bde498d29cf9"),
      weights: (3_833_402_552, "38b1d5971bdbd982b561cccec982669a53b0537c3cf5e9bd4778ed07bb2f5137")),
    PublishedModel(
      "1.7B-VoiceDesign", revision: "5ecdb673",
      configuration: (4_421, "aecd2cc4c1fe9edef1cb7ca7c401685a43879ad43f3f9e883f1c6760b61731e0"),
      weights: (3_833_402_552, "391e8db219f292c515297cdceeb43e4eae67cdde35fa57e79a6a8a532fca0522")),
  ]

  /// Files that are the same in all of them.
  private static let shared = [
    PublishedFile(
      path: "generation_config.json", byteCount: 245,
      sha256: "f1b90b4513f3b34c62851049e2492d7b4c5940daf1276f89c82b8ef04127f3aa"),
    PublishedFile(
      path: "vocab.json", byteCount: 2_776_833,
      sha256: "ca10d7e9fb3ed18575dd1e277a2579c16d108e32f27439684afa0e10b1440910"),
    PublishedFile(
      path: "merges.txt", byteCount: 1_671_839,
      sha256: "599bab54075088774b1733fde865d5bd747cbcc7a547c5bc12610e874e26f5e3"),
    PublishedFile(
      path: "tokenizer_config.json", byteCount: 7_344,
      sha256: "dc3c31c3bdaedd5016382bb3cbe07323026775ad51f5a4fb564505992ae4a670"),
    PublishedFile(
      path: "preprocessor_config.json", byteCount: 127,
      sha256: "efdde1022ea9d76928bf7a9cd53139138f5ba2e466e837f08f6105ab1af1c119"),
    PublishedFile(
      path: "speech_tokenizer/config.json", byteCount: 2_336,
      sha256: "ee65bb901c876664ab8707c487157aa1a6ee57c65969b28fb5ec9dc211e68167"),
    PublishedFile(
      path: "speech_tokenizer/configuration.json", byteCount: 76,
      sha256: "6bc26d64eb5024b4d1dab5a52371958b429256d6c9d59787f1f5294a54e0cebd"),
    PublishedFile(
      path: "speech_tokenizer/preprocessor_config.json", byteCount: 234,
      sha256: "fcb3805e597e786d4067706e602f6688524640f8d3396790e2e09b5942fcbdfb"),
    PublishedFile(
      path: "speech_tokenizer/model.safetensors", byteCount: 682_293_092,
      sha256: "836b7b357f5ea43e889936a3709af68dfe3751881acefe4ecf0dbd30ba571258"),
  ]
}
