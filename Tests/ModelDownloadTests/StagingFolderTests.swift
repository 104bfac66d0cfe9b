// SPDX-License-Identifier: MIT
import Foundation
import ModelDownload
import ModelStore
import Testing

@Suite struct StagingFolderTests {
  private let folder: TemporaryFolder
  private let name: ModelName

  init() throws {
    folder = try TemporaryFolder()
    name = try #require(ModelName("some/model"))
  }

  @Test func `a published sum refuses other bytes of the same size`() throws {
    let file = try #require(
      PublishedModel.all[0].files.first { $0.path == "speech_tokenizer/configuration.json" })
    let planned = PlannedFile(path: file.path, byteCount: file.byteCount, sha256: file.sha256)
    func isRight() throws -> Bool {
      try StagingFolder.isRight(
        planned, in: folder.path, isCancelled: { false }, read: { _ in })
    }
    #expect(try !isRight())
    // The released file, byte for byte.
    let text =
      "{\"framework\": \"pytorch\", \"task\": \"feature-extraction\", \"allow_remote\": true}"
    try folder.write(text, to: file.path)
    #expect(try isRight())
    try folder.write(String(repeating: "x", count: file.byteCount), to: file.path)
    #expect(try !isRight())
  }

  @Test func `one at a time, and the next when the first is done`() throws {
    let place = folder.path + "/model"
    do {
      let first = try StagingFolder(for: place, mayReplace: true, name: name)
      #expect {
        try StagingFolder(for: place, mayReplace: true, name: name)
      } throws: {
        "\($0)".contains("another process")
      }
      withExtendedLifetime(first) {}
    }
    _ = try StagingFolder(for: place, mayReplace: true, name: name)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func `the root is no place for a model`() {
    #expect(throws: DownloadError.self) {
      try StagingFolder(for: "/", mayReplace: false, name: name)
    }
  }
}
