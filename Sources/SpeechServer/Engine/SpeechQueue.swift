// SPDX-License-Identifier: MIT
#if Server
import Synchronization

/// The speeches that a server has taken: how many wait, how many sound, and whether one more is taken.
///
/// An engine takes whatever it is given, so the bound is here; so are the figures that an engine does
/// not report.
package final class SpeechQueue: Sendable {
  /// Why a speech is not taken.
  package enum Refusal: Error, Equatable {
    /// As many wait as may.
    case full(Int)
    /// The key has as many speeches as it may.
    case keyIsBusy(Int)
  }

  private struct State {
    var waiting = 0
    var running = 0
    /// Speeches by the key that asked for them.
    var byKey: [Int: Int] = [:]
  }

  private let limit: Int
  private let limitPerKey: Int?
  private let state = Mutex(State())

  /// - Parameters:
  ///   - limit: Speeches that may wait for their first sound.
  ///   - limitPerKey: Speeches that one key may have at a time; `nil`: as many as it likes.
  package init(limit: Int, limitPerKey: Int? = nil) {
    self.limit = limit
    self.limitPerKey = limitPerKey
  }

  /// Speeches that sound, and those that were taken and have made no sound yet.
  package var load: (running: Int, waiting: Int) {
    state.withLock { ($0.running, $0.waiting) }
  }
  package var isFull: Bool { state.withLock { $0.waiting >= limit } }

  /// Takes a speech: `begin` when it sounds, `leave` when it has ended.
  func enter(key: Int?) throws(Refusal) {
    let refusal = state.withLock { state -> Refusal? in
      if state.waiting >= limit { return .full(limit) }
      if let key, let limitPerKey {
        if state.byKey[key, default: 0] >= limitPerKey { return .keyIsBusy(limitPerKey) }
      }
      if let key { state.byKey[key, default: 0] += 1 }
      state.waiting += 1
      return nil
    }
    if let refusal { throw refusal }
  }

  func begin() {
    state.withLock { state in
      state.waiting -= 1
      state.running += 1
    }
  }

  func leave(hasBegun: Bool, key: Int?) {
    state.withLock { state in
      if hasBegun { state.running -= 1 } else { state.waiting -= 1 }
      guard let key, let count = state.byKey[key] else { return }
      state.byKey[key] = count > 1 ? count - 1 : nil
    }
  }
}
#endif
