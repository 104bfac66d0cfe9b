// SPDX-License-Identifier: MIT
import ModelStore
import Testing

@Suite struct ModelNameTests {
  @Test(
    arguments: [
      "0.6B-Base", "0.6b-base", "Qwen3-TTS-12Hz-0.6B-Base", "Qwen/Qwen3-TTS-12Hz-0.6B-Base",
      "qwen/qwen3-tts-12hz-0.6b-base",
    ])
  func `knows a released model by all its names`(text: String) throws {
    let name = try #require(ModelName(text))
    #expect(name.description == "Qwen/Qwen3-TTS-12Hz-0.6B-Base")
    #expect(name.short == "0.6B-Base")
  }

  @Test func `takes any owner and name`() throws {
    let name = try #require(ModelName("Some-One/my_model.v2"))
    #expect(name.description == "Some-One/my_model.v2")
    #expect(name.short == "Some-One/my_model.v2")
  }

  @Test(
    arguments: [
      "", "/", "0.6B", "0.6B-VoiceDesign", "a/", "/a", "a/b/c", "../b", "a/..", ".a/b", "a/.b",
      "-a/b", "a/b c", "a/b?x", "a/b%2F", "a/b\n", "ä/b", "a/b..c", "a\\b",
      "a/" + String(repeating: "b", count: 97),
    ])
  func `refuses what could be no name or lead elsewhere`(text: String) {
    #expect(ModelName(text) == nil)
  }

  @Test func `has sizes and sums for every file of five models`() {
    #expect(PublishedModel.all.count == 5)
    for model in PublishedModel.all {
      #expect(Set(model.files.map(\.path)) == Set(ModelLayout.needed + ModelLayout.optional))
      for file in model.files {
        #expect(file.sha256.count == 64 && file.sha256.allSatisfy(\.isHexDigit))
        #expect(file.sha256 == file.sha256.lowercased())
        #expect(file.byteCount > 0)
      }
    }
    let sums = PublishedModel.all.flatMap { $0.files.suffix(1) }.map(\.sha256)
    #expect(Set(sums).count == 5)
  }
}
