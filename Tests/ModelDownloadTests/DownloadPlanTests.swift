// SPDX-License-Identifier: MIT
import Digest
import Foundation
import ModelDownload
import ModelStore
import Testing

@Suite struct DownloadPlanTests {
  private let sum = String(repeating: "ab", count: 32)

  private func listing(_ entries: [String]) -> Data {
    Data(
      "{\"sha\": \"\(String(repeating: "c", count: 40))\", \"siblings\": [\(entries.joined(separator: ","))]}"
        .utf8)
  }

  private func entries(except missing: String? = nil) -> [String] {
    (ModelLayout.needed + ModelLayout.optional + ["README.md", "extra.bin", "../evil"])
      .filter { $0 != missing }
      .map { path in
        path.hasSuffix(".safetensors")
          ? "{\"rfilename\": \"\(path)\", \"lfs\": {\"sha256\": \"\(sum)\", \"size\": 2000000}}"
          : "{\"rfilename\": \"\(path)\", \"size\": 10}"
      }
  }

  @Test func `takes the published sums for a released model`() throws {
    for model in PublishedModel.all {
      let plan = try #require(DownloadPlan.published(model.name, revision: nil))
      #expect(plan.isPublished && plan.revision == "main")
      #expect(plan.files.map(\.sha256) == model.files.map(\.sha256))
      #expect(plan.files.map(\.byteCount) == model.files.map(\.byteCount))
    }
  }

  @Test func `takes them for the commit they are of, and for no other revision`() throws {
    let name = try #require(ModelName("0.6B-Base"))
    #expect(DownloadPlan.published(name, revision: "5d839924")?.isPublished == true)
    let commit = "5d839924" + String(repeating: "0", count: 32)
    #expect(DownloadPlan.published(name, revision: commit)?.revision == commit)
    #expect(DownloadPlan.published(name, revision: "main") == nil)
    #expect(DownloadPlan.published(name, revision: "5d8") == nil)
    let other = try #require(ModelName("some/model"))
    #expect(DownloadPlan.published(other, revision: nil) == nil)
  }

  @Test func `chooses a model's files from a list, small ones first`() throws {
    let name = try #require(ModelName("some/model"))
    let plan = try DownloadPlan(name, revision: "main", listing: listing(entries()))
    #expect(Set(plan.files.map(\.path)) == Set(ModelLayout.needed + ModelLayout.optional))
    #expect(plan.files.suffix(2).allSatisfy { $0.sha256 == sum && $0.byteCount == 2_000_000 })
    #expect(plan.files.dropLast(2).allSatisfy { $0.sha256 == nil && $0.byteCount == 10 })
    #expect(plan.revision == String(repeating: "c", count: 40))
  }

  @Test(arguments: ModelLayout.needed)
  func `refuses a list without a needed file`(path: String) throws {
    let name = try #require(ModelName("some/model"))
    #expect {
      try DownloadPlan(name, revision: "main", listing: listing(entries(except: path)))
    } throws: {
      "\($0)".contains("found no \(path)")
    }
  }

  @Test func `waits longer each time, up to half a minute`() {
    let persistence = Persistence(retries: 3, delay: .seconds(1))
    for (failures, seconds) in [(1, 1), (2, 2), (5, 16), (6, 30), (60, 30)] {
      let wait = persistence.wait(after: failures)
      #expect(wait >= .seconds(seconds) && wait <= .seconds(seconds) * 1.25)
    }
  }

  @Test func `counts failures anew when something came`() throws {
    let persistence = Persistence(retries: 2, delay: .zero)
    var tries = 0
    #expect(throws: DownloadError.self) {
      try persistence.run(
        isCancelled: { false }, progress: { min(tries, 10) }, note: { _, _ in },
        {
          tries += 1
          throw PassingFailure(message: "cut")
        })
    }
    // Ten tries brought something, and three in a row nothing.
    #expect(tries == 12)
  }

  @Test(arguments: [0, 1, 63, 64, 65, 1000])
  func `a digest does not depend on the pieces`(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    var whole = SHA256()
    whole.update(bytes.span)
    var pieces = SHA256()
    for start in stride(from: 0, to: count, by: 7) {
      pieces.update(bytes[start..<min(start + 7, count)])
    }
    #expect(whole.finalizeToHex() == pieces.finalizeToHex())
  }

  @Test func `digests as FIPS 180-4 has it`() {
    var hash = SHA256()
    hash.update(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
    #expect(
      hash.finalizeToHex() == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
  }
}
