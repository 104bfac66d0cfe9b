// SPDX-License-Identifier: MIT

/// Names a request for its whole life. The caller never uses a number twice, so results of work that
/// was in flight when a request ended cannot be taken for its successor's in the same slot.
package struct RequestID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package static func < (left: RequestID, right: RequestID) -> Bool {
    left.rawValue < right.rawValue
  }

  package var description: String { "request \(rawValue)" }
}

/// Who goes first when not everybody can. Within a class requests are admitted in order.
///
/// A class is a head start and not a rank (`SchedulerConfiguration.classDelay`): a background request
/// competes as if it had come ten seconds later, so it is served late, never not at all.
package enum RequestClass: Int, Sendable, CaseIterable {
  /// Somebody waits for an answer.
  case interactive
  /// The default.
  case standard
  /// Nobody is listening yet. Takes at most `SchedulerConfiguration.backgroundSlots`.
  case background
}

/// When a voice's frames have to be there.
package enum DeadlinePolicy: Sendable, Equatable {
  /// Somebody listens without a buffer: playback starts with the first chunk, and each frame is due
  /// when the one before it has been played.
  case playback
  /// The end of the speech matters, not its beginning: spoken in the time that listeners leave, and
  /// not forgotten (`SchedulerConfiguration.patience`).
  case throughput
}

/// The most frames a text may be given: what its tokens can need, within a hard limit.
package struct FrameBudget: Sendable, Equatable {
  /// Frames whatever the text.
  package var base: Int
  /// Frames more for each text token.
  package var perToken: Int
  /// The most frames, however long the text: what pages are committed for.
  package var limit: Int

  package init(base: Int, perToken: Int, limit: Int) {
    self.base = base
    self.perToken = perToken
    self.limit = limit
  }

  /// A fixed number of frames.
  package init(_ limit: Int) { self.init(base: limit, perToken: 0, limit: limit) }

  /// A limit, and within it what a text can need, past which its voice has run away.
  package init(_ limit: Int, text: Int?) {
    guard let text, text < limit else {
      self.init(limit)
      return
    }
    self.init(base: text, perToken: 0, limit: text + 1)
  }

  package func frames(forTokens count: Int) -> Int { min(limit, base + perToken * count) }
}

/// Frames a delivery holds at least, unless the listener would run dry first.
package struct ChunkSizes: Sendable, Equatable {
  package var first: Int
  package var later: Int

  package init(first: Int = 1, later: Int = 4) {
    self.first = first
    self.later = later
  }
}

/// What the scheduler knows of a request: counts, never texts, prompts or codes.
package struct ScheduledRequest: Sendable, Equatable {
  package let id: RequestID
  /// Index of the model that speaks.
  package var model = 0
  package var priority = RequestClass.standard
  package var deadlines = DeadlinePolicy.playback
  /// Rows that are read before the first frame.
  package var promptRows: Int
  /// Text tokens so far, those in the prompt included.
  package var textTokens = 0
  /// Of them, those added one a frame after the prompt (incremental layout).
  package var trailingTokens = 0
  /// Whether more text may come: then frame `n` needs trailing token `n − 1` to be there.
  package var isTextOpen = false
  package var budget: FrameBudget
  /// Frames that the text will probably take: what pages are reserved for.
  package var expectedFrames: Int
  package var chunks = ChunkSizes()
  /// The request whose audio plays before this one's: the part of a long text before this part. This
  /// one's first chunk is due when that one's audio ends, and it does not count in the queue's limit.
  package var follows: RequestID?

  package init(
    id: RequestID, promptRows: Int, budget: FrameBudget, expectedFrames: Int? = nil
  ) {
    self.id = id
    self.promptRows = promptRows
    self.budget = budget
    self.expectedFrames = min(expectedFrames ?? budget.limit, budget.limit)
  }
}
