// SPDX-License-Identifier: MIT

import Foundation
package import ModelStore
import SystemIO
import Synchronization

/// Fetches a model: all of it appears at once, checked, or nothing does.
///
/// Files are written to a hidden folder next to the model's place, `.NAME.partial`. When the last of them
/// is right, the folder gets the model's name. What an interrupted run leaves there, the next one
/// resumes.
package struct ModelDownload: Sendable {
  /// How a download proceeds.
  package struct Settings: Sendable {
    /// A branch, tag or commit; `nil` for main with the checksums this package knows.
    package var revision: String?
    /// The model's folder; `nil` for its place among the downloaded models.
    package var destination: String?
    package var persistence = Persistence()
    /// Seconds without bytes after which a connection is dropped.
    package var stallSeconds = 30
    /// Files fetched at once. Two of a model are large.
    package var connections = 4

    package init() {}
  }

  /// The outcome of a download.
  package struct Report: Sendable {
    package enum Source: String, Sendable {
      case downloaded
      case alreadyThere = "already-there"
      case huggingFaceCache = "hugging-face-cache"
    }

    package var source: Source
    package var folder: String
    package var commit: String?
    package var files: Int
    package var byteCount: Int
    package var fetchedByteCount: Int
  }

  let name: ModelName
  let settings: Settings
  let store: ModelStore
  let hub: Hub
  let progress: DownloadProgress
  let isCancelled: @Sendable () -> Bool

  /// - Parameters:
  ///   - store: Where models are looked for and put.
  ///   - hub: Where they come from.
  ///   - isCancelled: Asked often; once it is true, the download ends and keeps what it has.
  package init(
    _ name: ModelName, settings: Settings, store: ModelStore, hub: Hub,
    progress: DownloadProgress, isCancelled: @escaping @Sendable () -> Bool
  ) {
    self.name = name
    self.settings = settings
    self.store = store
    self.hub = hub
    self.progress = progress
    self.isCancelled = isCancelled
  }

  /// Fetches what is missing of the model.
  ///
  /// - Throws: `DownloadError`.
  package func run() async throws -> Report {
    do {
      return try await fetch()
    } catch is CancellationError {
      let moment = progress.now
      throw DownloadError(
        .interrupted,
        "Interrupted with \(Self.megabytes(moment.done)) of \(Self.megabytes(moment.total)) there. "
          + "The same command resumes from there")
    } catch let error as SystemError {
      throw DownloadError(error)
    }
  }

  private func fetch() async throws -> Report {
    let published = DownloadPlan.published(name, revision: settings.revision)
    if settings.destination == nil, let report = try cached(published) { return report }
    let staging = try StagingFolder(
      for: settings.destination ?? store.folder(of: name), mayReplace: settings.destination == nil,
      name: name)
    if let published, let report = try alreadyThere(published, in: staging) { return report }
    guard !hub.isOffline else {
      throw DownloadError(
        .unavailable, "\(name): expected HF_HUB_OFFLINE unset, to fetch it, found it set")
    }
    guard let library = CurlLibrary.shared else {
      throw DownloadError(
        .unavailable,
        "libcurl: expected it on this machine, found none. Install it: apt install "
          + CurlLibrary.packageName)
    }
    let plan = try published ?? list(with: client(library))
    if published == nil, let report = try alreadyThere(plan, in: staging) { return report }
    try staging.prepare(plan, isCancelled: isCancelled)
    takeFromCache(plan, into: staging)
    try staging.checkRoom(for: plan)
    progress.begin(
      files: plan.files.count, total: plan.files.reduce(0) { $0 + ($1.byteCount ?? 0) })
    let commit = try await fetch(plan, into: staging, library)
    try staging.publish(plan)
    let moment = progress.now
    return Report(
      source: .downloaded, folder: staging.destination, commit: plan.commit ?? commit,
      files: plan.files.count, byteCount: moment.done, fetchedByteCount: moment.fetched)
  }

  private func client(_ library: CurlLibrary) throws(DownloadError) -> HubClient {
    try HubClient(
      hub, library: library, patience: .init(stallSeconds: settings.stallSeconds),
      isCancelled: isCancelled)
  }

  /// The files of a model that is not in our table.
  private func list(with client: HubClient) throws -> DownloadPlan {
    if PublishedModel.of(name) != nil {
      progress.say(
        "Revision \(settings.revision ?? "") is verified against the hub's own checksums.")
    }
    return try settings.persistence.run(
      isCancelled: isCancelled, note: { message, _ in progress.say("\(message). Trying again") }
    ) {
      var plan = try DownloadPlan.listed(
        name, revision: settings.revision ?? "main", by: client)
      try plan.complete(with: client)
      return plan
    }
  }
}

// MARK: - What is there

extension ModelDownload {
  /// The model in the Hugging Face cache, when it is whole and right.
  private func cached(_ plan: DownloadPlan?) throws -> Report? {
    guard !ModelLayout.isComplete(store.folder(of: name)),
      let folder = store.cache.snapshot(of: name, revision: settings.revision)
    else { return nil }
    if let plan, let wrong = try firstWrongFile(of: plan, in: folder) {
      progress.say("\(folder)/\(wrong) is not the published file; the model is fetched again.")
      return nil
    }
    let problem = StagingFolder.problem(with: folder)
    if let problem {
      progress.say("\(problem). The model is fetched again.")
      return nil
    }
    return report(.huggingFaceCache, folder, commit: URL(filePath: folder).lastPathComponent)
  }

  /// The model at its place, when it is whole and right.
  private func alreadyThere(_ plan: DownloadPlan, in staging: StagingFolder) throws -> Report? {
    guard ModelLayout.isComplete(staging.destination),
      try firstWrongFile(of: plan, in: staging.destination) == nil
    else { return nil }
    staging.discard()
    return report(.alreadyThere, staging.destination, commit: plan.commit)
  }

  private func firstWrongFile(of plan: DownloadPlan, in folder: String) throws -> String? {
    defer { for file in plan.files { progress.set(file.path, to: 0) } }
    progress.begin(
      files: plan.files.count, total: plan.files.reduce(0) { $0 + ($1.byteCount ?? 0) })
    return try plan.files.first { file in
      try !StagingFolder.isRight(
        file, in: folder, isCancelled: isCancelled, read: { progress.add($0, to: file.path) })
    }?.path
  }

  private func report(_ source: Report.Source, _ folder: String, commit: String?) -> Report {
    let sizes = ModelLayout.files(among: ModelLayout.paths(in: folder)).present.compactMap {
      ModelLayout.byteCount(of: "\(folder)/\($0)")
    }
    return Report(
      source: source, folder: folder, commit: commit, files: sizes.count,
      byteCount: sizes.reduce(0, +), fetchedByteCount: 0)
  }

  /// Copies files that the Hugging Face cache has already; each is checked like one that came over
  /// the network.
  private func takeFromCache(_ plan: DownloadPlan, into staging: StagingFolder) {
    guard let folder = store.cache.snapshot(of: name, revision: settings.revision) else { return }
    for file in plan.files where file.sha256 != nil && !isCancelled() {
      let source = URL(filePath: "\(folder)/\(file.path)").resolvingSymlinksInPath().path
      let target = "\(staging.folder)/\(file.path)"
      guard ModelLayout.byteCount(of: source) == file.byteCount else { continue }
      try? FileManager.default.copyItem(atPath: source, toPath: target)
    }
  }
}

// MARK: - Fetching

extension ModelDownload {
  /// Fetches all files, small ones first, so that a model of another kind is noticed before its
  /// weights have come.
  private func fetch(
    _ plan: DownloadPlan, into staging: StagingFolder, _ library: CurlLibrary
  ) async throws -> String? {
    let small = plan.files.filter(\.isSmall)
    let large = plan.files.filter { !$0.isSmall }
    let commit = try await fetchAtOnce(small, of: plan, into: staging.folder, library)
    try staging.checkConfigurations()
    return try await fetchAtOnce(large, of: plan, into: staging.folder, library) ?? commit
  }

  private func fetchAtOnce(
    _ files: [PlannedFile], of plan: DownloadPlan, into folder: String,
    _ library: CurlLibrary
  ) async throws -> String? {
    let queue = Queue(files)
    return try await withThrowingTaskGroup(of: String?.self) { group in
      for _ in 0..<min(settings.connections, files.count) {
        group.addTask {
          try await onOwnThread {
            do {
              return try work(off: queue, of: plan, into: folder, library)
            } catch {
              queue.stop()
              throw error
            }
          }
        }
      }
      var commit: String?
      var failure: (any Error)?
      while let result = await group.nextResult() {
        switch result {
        case .success(let found): commit = commit ?? found
        case .failure(let error):
          // The first to fail makes the others stop, which is no failure of its own.
          if failure == nil || failure is CancellationError { failure = error }
        }
      }
      if let failure { throw failure }
      return commit
    }
  }

  /// One worker: a thread with its own connections, which takes file after file.
  private func work(
    off queue: Queue, of plan: DownloadPlan, into folder: String, _ library: CurlLibrary
  ) throws -> String? {
    let client = try HubClient(
      hub, library: library, patience: .init(stallSeconds: settings.stallSeconds),
      isCancelled: { [isCancelled] in isCancelled() || queue.isStopped })
    var commit: String?
    while let file = queue.next() {
      let fetch = FileFetch(
        plan: plan, file: file, folder: folder, client: client,
        persistence: settings.persistence, progress: progress)
      commit = try fetch.run() ?? commit
    }
    return commit
  }

  /// `1.2 MB`
  package static func megabytes(_ bytes: Int) -> String {
    String(format: "%.1f MB", Double(bytes) / 1e6)
  }
}

/// Files that wait to be fetched, shared by the workers.
private final class Queue: Sendable {
  private let state: Mutex<(files: [PlannedFile], isStopped: Bool)>

  init(_ files: [PlannedFile]) { state = Mutex((files.reversed(), false)) }

  func next() -> PlannedFile? { state.withLock { $0.isStopped ? nil : $0.files.popLast() } }
  func stop() { state.withLock { $0.isStopped = true } }
  var isStopped: Bool { state.withLock { $0.isStopped } }
}

/// Runs `body` on a thread made for it: a transfer waits, which the shared threads must not.
private func onOwnThread<Result: Sendable>(
  _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
  }
}
