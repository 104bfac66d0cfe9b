// SPDX-License-Identifier: MIT

import Synchronization

/// How far a download is. Workers write it, a display reads it.
package final class DownloadProgress: Sendable {
  /// A moment of a download.
  package struct Moment: Sendable {
    /// Bytes of all files; 0 while that is not known.
    package var total = 0
    /// Bytes that are there, fetched or kept from an earlier run.
    package var done = 0
    /// Bytes that came over the network in this run, those that were dropped again included.
    package var fetched = 0
    package var filesDone = 0
    package var files = 0
  }

  private struct State {
    var moment = Moment()
    var byFile: [String: Int] = [:]
  }

  private let state = Mutex(State())
  private let message: @Sendable (String) -> Void

  /// - Parameter message: Shown a line where something goes slowly or wrong.
  package init(message: @escaping @Sendable (String) -> Void) {
    self.message = message
  }

  package var now: Moment {
    state.withLock { state in
      var moment = state.moment
      moment.done = state.byFile.values.reduce(0, +)
      return moment
    }
  }

  func say(_ line: String) { message(line) }

  func begin(files: Int, total: Int) {
    state.withLock {
      $0.moment.files = files
      $0.moment.total = total
    }
  }

  /// So many bytes of a file are there.
  func set(_ file: String, to count: Int) { state.withLock { $0.byFile[file] = count } }

  func add(_ count: Int, to file: String) {
    state.withLock { $0.byFile[file, default: 0] += count }
  }

  func addFetched(_ count: Int) { state.withLock { $0.moment.fetched += count } }

  func finishFile() { state.withLock { $0.moment.filesDone += 1 } }
}
