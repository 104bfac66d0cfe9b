// SPDX-License-Identifier: MIT

import Foundation
import ModelFiles
package import ModelStore
import SystemIO

/// The hidden folder in which a model comes together, for one process at a time.
///
/// The claim ends with the last copy of the value, so that threads, which end when they like, are
/// given paths and not this.
package struct StagingFolder: Sendable {
  /// The model's future folder.
  let destination: String
  /// Where its files are meanwhile.
  let folder: String
  private let lock: Lock
  /// Whether wrong files at the destination may be replaced: among our own models, not in a folder
  /// that a user names.
  private let mayReplace: Bool

  /// Bytes that must stay free in addition to the model.
  private static let spare = 32 << 20

  /// Claims the place of a model.
  ///
  /// - Throws: `DownloadError`: `unavailable` when another process fetches it.
  package init(for destination: String, mayReplace: Bool, name: ModelName) throws {
    let place = URL(filePath: destination).standardizedFileURL.resolvingSymlinksInPath()
    let parent = place.deletingLastPathComponent().path
    guard place.pathComponents.count > 1 else {
      throw DownloadError(
        .badRequest, "--to: expected a folder for the model, found \(destination)")
    }
    do {
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    } catch {
      throw DownloadError(
        .badRequest,
        "\(parent): expected a folder for the model, which cannot be made: "
          + error.localizedDescription)
    }
    let hidden = "\(parent)/.\(place.lastPathComponent)"
    self.destination = place.path
    folder = hidden + ".partial"
    self.mayReplace = mayReplace
    do { lock = try Lock(path: hidden + ".lock") } catch {
      guard error.wouldBlock else { throw DownloadError(error) }
      throw DownloadError(
        .unavailable,
        "\(name): another process is fetching it into \(place.path). Wait for it, "
          + "or end it; what it has is kept")
    }
  }

  /// Clears away what is not of this plan, and takes over right files of a model that is there.
  func prepare(_ plan: DownloadPlan, isCancelled: () -> Bool) throws {
    try checkDestination(plan, isCancelled: isCancelled)
    let manager = FileManager.default
    for file in plan.files {
      try manager.createDirectory(
        at: URL(filePath: "\(folder)/\(file.path)").deletingLastPathComponent(),
        withIntermediateDirectories: true)
    }
    let own = Set(plan.files.flatMap { [$0.path, $0.path + ".part", $0.path + ".part.origin"] })
    for entry in Self.files(in: folder) where !own.contains(entry) {
      try manager.removeItem(atPath: "\(folder)/\(entry)")
    }
    for file in plan.files {
      let (there, here) = ("\(destination)/\(file.path)", "\(folder)/\(file.path)")
      // Whether the bytes are right is checked where they are needed.
      guard file.sha256 != nil, !manager.fileExists(atPath: here),
        ModelLayout.byteCount(of: there) == file.byteCount
      else { continue }
      do { try manager.linkItem(atPath: there, toPath: here) } catch {
        try? manager.copyItem(atPath: there, toPath: here)
      }
    }
  }

  /// Refuses to put a model where other things are.
  private func checkDestination(_ plan: DownloadPlan, isCancelled: () -> Bool) throws {
    guard FileManager.default.fileExists(atPath: destination) else { return }
    guard ModelLayout.isFolder(destination) else {
      throw DownloadError(.badRequest, "\(destination): expected a folder, found a file")
    }
    let known = Set(plan.files.map(\.path))
    if let other = Self.files(in: destination).first(where: { !known.contains($0) }) {
      throw DownloadError(
        .badRequest,
        "\(destination): expected a new or empty folder, found \(other) in it, which is not the "
          + "model's")
    }
    guard !mayReplace else { return }
    for file in plan.files {
      let path = "\(destination)/\(file.path)"
      guard FileManager.default.fileExists(atPath: path) else { continue }
      if try !Self.isRight(file, in: destination, isCancelled: isCancelled, read: { _ in }) {
        throw DownloadError(
          .badRequest,
          "\(path): expected the model's file or none, found another. Delete it or name another "
            + "folder")
      }
    }
  }

  /// Refuses to begin what the disk cannot hold.
  func checkRoom(for plan: DownloadPlan) throws {
    let there = Self.files(in: folder).reduce(0) {
      $0 + (ModelLayout.byteCount(of: "\(folder)/\($1)") ?? 0)
    }
    let total = plan.files.reduce(0) { $0.addingClamped($1.byteCount ?? 0) }
    let missing = max(0, total - there).addingClamped(Self.spare)
    let free: Int
    do { free = try FileSystem.freeBytes(at: folder) } catch { throw DownloadError(error) }
    guard missing <= free else {
      throw DownloadError(
        .unavailable,
        "\(folder): expected \(ModelDownload.megabytes(missing)) of free disk, found "
          + "\(ModelDownload.megabytes(free)). Make room, or name another folder with --to")
    }
  }

  /// Notices a model of another kind by its small files.
  func checkConfigurations() throws {
    struct Kind: Decodable {
      var model_type: String?
    }
    let path = "\(folder)/config.json"
    let kind = try? JSONDecoder().decode(Kind.self, from: Data(contentsOf: URL(filePath: path)))
    guard kind?.model_type == "qwen3_tts" else {
      try? FileManager.default.removeItem(atPath: folder)
      throw DownloadError(
        .badModel,
        "config.json: expected model_type qwen3_tts, found \(kind?.model_type ?? "none")")
    }
  }

  /// Makes the folder the model, once it opens as one.
  func publish(_ plan: DownloadPlan) throws {
    if let problem = Self.problem(with: folder) {
      try? FileManager.default.removeItem(atPath: folder)
      throw DownloadError(
        .badModel, "\(plan.name) has the files that were announced, but \(problem)")
    }
    do {
      for path in [folder + "/speech_tokenizer", folder] {
        try FileSystem.synchronize(folder: path)
      }
      // A folder with files cannot be replaced in one step; between the two there is no model, but
      // never half of one.
      let former = folder + ".former"
      try? FileManager.default.removeItem(atPath: former)
      if let there = try? FileManager.default.contentsOfDirectory(atPath: destination),
        !there.isEmpty
      {
        try FileSystem.rename(destination, to: former)
      }
      try FileSystem.rename(folder, to: destination)
      try FileSystem.synchronize(
        folder: URL(filePath: destination).deletingLastPathComponent().path)
      try? FileManager.default.removeItem(atPath: former)
    } catch {
      throw DownloadError(error)
    }
  }

  /// Removes what an earlier run left for a model that is there.
  func discard() {
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// What keeps a folder from being opened as a model; `nil` when nothing does.
  static func problem(with folder: String) -> String? {
    do {
      _ = try Checkpoint(folder: folder)
      return nil
    } catch { return "\(error)" }
  }

  /// Whether a file is what it has to be.
  package static func isRight(
    _ file: PlannedFile, in folder: String, isCancelled: () -> Bool, read: (Int) -> Void
  ) throws -> Bool {
    let path = URL(filePath: "\(folder)/\(file.path)").resolvingSymlinksInPath().path
    guard let size = ModelLayout.byteCount(of: path), size == file.byteCount ?? size else {
      return false
    }
    guard let sha256 = file.sha256 else { return true }
    return try PartialFile.sha256(of: path, isCancelled: isCancelled, read: read) == sha256
  }

  /// Paths of everything in a folder that is no folder itself.
  private static func files(in folder: String) -> [String] {
    let all = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
    return all.filter { !ModelLayout.isFolder("\(folder)/\($0)") }.sorted()
  }

  /// A file that one process at a time can hold, and that is removed with it. A process that is killed leaves
  /// it there, which blocks nobody.
  private final class Lock: Sendable {
    private let path: String
    private let file: FileDescriptor

    init(path: String) throws(SystemError) {
      self.path = path
      while true {
        let candidate = try FileDescriptor(opening: path, for: .update)
        try candidate.lock()
        // The former holder may have removed the file in between: then this one locks nothing.
        if candidate.isAtItsPath {
          file = candidate
          return
        }
      }
    }

    // Nobody else removes it, and who waits for it looks whether it is still there.
    deinit { try? FileSystem.removeFile(path) }
  }
}

extension Int {
  /// The sum, or the largest number where it would be larger.
  func addingClamped(_ other: Int) -> Int {
    let sum = addingReportingOverflow(other)
    return sum.overflow ? .max : sum.partialValue
  }
}
