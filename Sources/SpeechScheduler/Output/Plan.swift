// SPDX-License-Identifier: MIT

/// Names a piece of work until it is completed.
package struct WorkID: Hashable, Sendable, CustomStringConvertible {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package var description: String { "work \(rawValue)" }
}

/// What to do next: report the endings, then queue the work in order.
///
/// All work goes into one queue of the device, or into several that keep the order between pieces that
/// share a slot or a page. So a slot or page that one piece frees may be used by the next one, although
/// the first has not run yet.
package struct Plan: Sendable, Equatable {
  /// Requests that ended, each once. Their slots and pages are free.
  package var endings: [Ending] = []
  package var work: [Work] = []
  /// When to ask again if nothing happens before; `nil` when only an event can change anything.
  package var wakeAt: Instant?

  package var isEmpty: Bool { endings.isEmpty && work.isEmpty }
}

/// A piece of work, completed as one: `SchedulerEvent.completed`.
package struct Work: Sendable, Equatable {
  package let id: WorkID
  /// Page tables to change and pages to copy, in order, before the task.
  package var pages: [PageOperation]
  package var task: WorkTask
}

package enum WorkTask: Sendable, Equatable {
  /// Reads rows of prompts, several requests' in one pass. A slice that begins at row 0 begins its
  /// request: the slot's state is that of nobody.
  case prefill(model: Int, slices: [PromptSlice])
  /// Makes one frame of each row, padded to `bucket` rows.
  case step(model: Int, rows: [StepRow], bucket: Int)
  /// Decodes frames of several streams in one pass, padded to `bucket` frames. A segment that begins at
  /// frame 0 begins its stream.
  case codec(segments: [CodecSegment], bucket: Int)
}

/// Rows of one prompt.
package struct PromptSlice: Sendable, Equatable {
  package var request: RequestID
  package var slot: Int
  package var rows: Range<Int>
}

/// One voice in a step.
package struct StepRow: Sendable, Equatable {
  package var request: RequestID
  package var slot: Int
  /// The frame made. Its row of keys and values is the prompt's rows plus this.
  package var frame: Int
}

/// Consecutive frames of one voice in a codec batch.
package struct CodecSegment: Sendable, Equatable {
  package var request: RequestID
  package var slot: Int
  package var frames: Range<Int>
}

/// A change of a slot's page table. `index` counts the slot's pages: positions
/// `index · pageSize ..< (index + 1) · pageSize`.
package enum PageOperation: Sendable, Equatable {
  /// The slot's next page, with nothing in it yet.
  case assign(slot: Int, index: Int, page: Int)
  /// Copy the slot's page to the host; `page` is free then.
  case swapOut(slot: Int, index: Int, page: Int, hostPage: Int)
  /// Copy it back to `page`; `hostPage` is free then.
  case swapIn(slot: Int, index: Int, hostPage: Int, page: Int)
}
