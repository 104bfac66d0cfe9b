// SPDX-License-Identifier: MIT

/// A request that waits for a slot.
struct QueuedRequest: Sendable {
  var request: ScheduledRequest
  var submitted: Instant
  /// When it counts as submitted: later for lower classes.
  var due: Instant
  /// For a part that follows another, when that one's audio ended.
  var startsAt: Instant?
}

/// The requests that wait: a line for each class, and one for the parts that follow a part.
struct RequestQueue: Sendable {
  enum Lane: Hashable, Sendable {
    case continuation
    case priority(RequestClass)
  }

  private(set) var continuations: [QueuedRequest] = []
  private var lines: [[QueuedRequest]] = RequestClass.allCases.map { _ in [] }

  /// Waiting requests, those that follow a part not counted.
  var count: Int { lines.reduce(0) { $0 + $1.count } }
  var isEmpty: Bool { continuations.isEmpty && lines.allSatisfy(\.isEmpty) }
  /// Everybody, in no particular order.
  var all: [QueuedRequest] { continuations + lines.joined() }

  mutating func append(_ queued: QueuedRequest) {
    if queued.request.follows == nil {
      lines[queued.request.priority.rawValue].append(queued)
    } else {
      continuations.append(queued)
    }
  }

  /// The lanes that are not empty, the one whose head goes first first.
  var order: [Lane] {
    let heads = RequestClass.allCases.compactMap { priority in
      lines[priority.rawValue].first.map { (priority, $0.due) }
    }
    let lanes = heads.sorted { $0.1 < $1.1 }.map { Lane.priority($0.0) }
    return continuations.isEmpty ? lanes : [.continuation] + lanes
  }

  func head(of lane: Lane) -> QueuedRequest? {
    switch lane {
    case .continuation: continuations.first
    case .priority(let priority): lines[priority.rawValue].first
    }
  }

  mutating func removeHead(of lane: Lane) {
    switch lane {
    case .continuation: continuations.removeFirst()
    case .priority(let priority): lines[priority.rawValue].removeFirst()
    }
  }

  mutating func remove(_ id: RequestID) -> QueuedRequest? {
    if let index = continuations.firstIndex(where: { $0.request.id == id }) {
      return continuations.remove(at: index)
    }
    for line in lines.indices {
      if let index = lines[line].firstIndex(where: { $0.request.id == id }) {
        return lines[line].remove(at: index)
      }
    }
    return nil
  }

  mutating func removeAll() -> [QueuedRequest] {
    defer { self = RequestQueue() }
    return all
  }

  /// Changes a waiting request; false when it does not wait.
  mutating func update(_ id: RequestID, _ change: (inout QueuedRequest) -> Void) -> Bool {
    if let index = continuations.firstIndex(where: { $0.request.id == id }) {
      change(&continuations[index])
      return true
    }
    for line in lines.indices {
      if let index = lines[line].firstIndex(where: { $0.request.id == id }) {
        change(&lines[line][index])
        return true
      }
    }
    return false
  }

  /// Notes when a part's audio ended with the part that follows it.
  mutating func predecessorEnded(_ id: RequestID, at instant: Instant) {
    for index in continuations.indices where continuations[index].request.follows == id {
      continuations[index].startsAt = instant
    }
  }

  /// How many go before the request, if those after it do not change that.
  func position(of id: RequestID) -> Int? {
    if let index = continuations.firstIndex(where: { $0.request.id == id }) { return index }
    guard let own = lines.joined().first(where: { $0.request.id == id }) else { return nil }
    let ahead = lines.joined().filter { ($0.due, $0.request.id) < (own.due, own.request.id) }
    return continuations.count + ahead.count
  }
}
