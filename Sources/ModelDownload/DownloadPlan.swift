// SPDX-License-Identifier: MIT

package import Foundation
package import ModelStore

/// A file to be fetched, with what is known of it.
package struct PlannedFile: Sendable {
  /// Its path inside the model's folder.
  package var path: String
  package var byteCount: Int?
  /// Not known for small files of models that are not in our own table.
  package var sha256: String?

  package init(path: String, byteCount: Int?, sha256: String?) {
    self.path = path
    self.byteCount = byteCount
    self.sha256 = sha256
  }

  /// Whether it is fetched before the weights: everything else has a few megabytes at most.
  var isSmall: Bool { (byteCount ?? 0) < 8 << 20 && !path.hasSuffix(".safetensors") }
}

/// Which files of which commit make the model.
package struct DownloadPlan: Sendable {
  package var name: ModelName
  /// What the addresses of the files name: a branch, tag or commit.
  package var revision: String
  /// The commit, where the hub was asked for it.
  package var commit: String?
  package var files: [PlannedFile]
  /// Whether sizes and checksums are this package's own, not the hub's.
  package var isPublished: Bool

  /// The plan of a released model, for which nobody has to be asked; `nil` for other models, and
  /// for revisions other than the one whose checksums are known.
  package static func published(_ name: ModelName, revision: String?) -> DownloadPlan? {
    guard let model = PublishedModel.of(name) else { return nil }
    if let revision {
      guard revision.count >= model.revision.count, revision.hasPrefix(model.revision) else {
        return nil
      }
    }
    return DownloadPlan(
      name: name, revision: revision ?? "main", commit: nil,
      files: model.files.map {
        PlannedFile(path: $0.path, byteCount: $0.byteCount, sha256: $0.sha256)
      }, isPublished: true)
  }

  /// The plan of any model, from what the hub says.
  ///
  /// - Throws: `DownloadError`: `badModel` where files are missing.
  static func listed(
    _ name: ModelName, revision: String, by client: HubClient
  ) throws -> DownloadPlan {
    var body: [UInt8] = []
    func collect(_ head: HTTPHead, _ bytes: Span<UInt8>) throws {
      // A list of some thousand files has a megabyte.
      guard body.count + bytes.count <= 16 << 20 else {
        throw DownloadError(.badModel, "\(name): expected a list of files, found too long a text")
      }
      for index in bytes.indices { body.append(bytes[index]) }
    }
    let answer = try client.send(
      client.hub.listing(of: name, revision: revision), take: collect)
    if let refusal = answer.refusal(
      of: "\(name), revision \(revision)", endpoint: client.hub.endpoint.absoluteString)
    {
      throw refusal
    }
    return try DownloadPlan(name, revision: revision, listing: Data(body))
  }

  private init(
    name: ModelName, revision: String, commit: String?, files: [PlannedFile], isPublished: Bool
  ) {
    self.name = name
    self.revision = revision
    self.commit = commit
    self.files = files
    self.isPublished = isPublished
  }

  /// The answer of `/api/models/…`, in the parts that matter.
  private struct Listing: Decodable {
    struct Sibling: Decodable {
      struct Large: Decodable {
        var sha256: String?
        var size: Int?
      }
      var rfilename: String
      var size: Int?
      var lfs: Large?
    }
    var sha: String?
    var siblings: [Sibling]
  }

  /// Chooses the files of a model from a list in JSON.
  package init(_ name: ModelName, revision: String, listing: Data) throws {
    let list: Listing
    do { list = try JSONDecoder().decode(Listing.self, from: listing) } catch {
      // Proxies and log-in pages answer in HTML.
      throw DownloadError(
        .unavailable, "\(name): expected the hub's list of files in JSON, found something else")
    }
    let byPath = Dictionary(list.siblings.map { ($0.rfilename, $0) }) { first, _ in first }
    let (wanted, missing) = ModelLayout.files(among: Set(byPath.keys))
    guard missing.isEmpty else {
      throw DownloadError(
        .badModel,
        "\(name): expected a Qwen3-TTS 12 Hz model, found no \(missing.joined(separator: ", "))")
    }
    let files = wanted.map { path in
      let entry = byPath[path]
      let sum = entry?.lfs?.sha256?.lowercased()
      return PlannedFile(
        path: path, byteCount: entry?.lfs?.size ?? entry?.size,
        sha256: sum.flatMap { HubClient.isSHA256($0) ? $0 : nil })
    }
    let commit = list.sha.flatMap { Self.isCommit($0) ? $0 : nil }
    self.init(
      name: name, revision: commit ?? revision, commit: commit,
      files: files.filter(\.isSmall) + files.filter { !$0.isSmall }, isPublished: false)
  }

  private static func isCommit(_ text: String) -> Bool {
    text.utf8.count == 40 && text.allSatisfy(\.isHexDigit)
  }

  /// Asks for the sizes and checksums that the list left out.
  mutating func complete(with client: HubClient) throws {
    for index in files.indices where files[index].byteCount == nil {
      let answer = try client.send(
        client.hub.address(of: files[index].path, in: name, revision: revision), headOnly: true)
      if let refusal = answer.refusal(
        of: "\(name), \(files[index].path)", endpoint: client.hub.endpoint.absoluteString)
      {
        throw refusal
      }
      files[index].byteCount =
        answer.statement.byteCount ?? answer.head.number("content-length")
      files[index].sha256 = files[index].sha256 ?? answer.statement.sha256
    }
  }
}
