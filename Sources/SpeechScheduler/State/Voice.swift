// SPDX-License-Identifier: MIT

/// Where a page of keys and values is.
enum Page: Hashable, Sendable {
  case device(Int)
  case host(Int)
}

/// What a voice does at the moment.
package enum VoicePhase: Sendable, CaseIterable {
  /// Its prompt is being read, or waits to be.
  case prefilling
  /// Makes frames as the device has time.
  case speaking
  /// Waits for text.
  case starved
  /// Far enough ahead of its listener.
  case parked
  /// Some of its pages are on the host.
  case swapped
  /// All frames are made; the last are being decoded.
  case draining
}

/// A request with a slot.
///
/// Frames pass five counters, each at most the one before it: `launched` to the device, `collected` as
/// codes, `submitted` to the codec, `decoded` and delivered, `consumed` by the listener.
struct Voice: Sendable {
  var request: ScheduledRequest
  let slot: Int
  /// When its first chunk is due, if it follows nobody.
  let firstDue: Instant
  let admitted: Instant

  /// Pages that prompt and frame limit need.
  let committedPages: Int
  /// Pages it is expected to need, or has.
  var reservedPages: Int
  var pages: [Page] = []
  var hostPageCount = 0
  /// Whether the sums of the scheduler still count its pages: until its last frame is made.
  var holdsCommitment = true

  /// Rows of the prompt launched, and read.
  var rowsLaunched = 0
  var rowsRead = 0

  var launched = 0
  var collected = 0
  var submitted = 0
  var decoded = 0
  var consumed = 0

  /// Set when no more frames will be made: why, and how many frames there are.
  var end: (reason: EndReason, frames: Int)?

  /// When the listener has played what was delivered.
  var dryAt: Instant?
  /// For a part that follows another, when that one's audio ends, as far as is known.
  var startsAt: Instant?
  /// When its first frames went to the codec.
  var codecStarted: Instant?
  /// When it last got a step, and a codec batch.
  var lastStep: Instant
  var lastCodec: Instant

  var isParked = false
  /// Since when its writer or its reader holds it up.
  var blockedSince: Instant?
  /// The first frame after the last such wait: up to it, lateness is not the engine's.
  var excusedUpTo: Int?

  var timing: RequestTiming

  init(_ queued: QueuedRequest, slot: Int, pages: (committed: Int, expected: Int), at now: Instant)
  {
    request = queued.request
    self.slot = slot
    firstDue = queued.due
    admitted = now
    committedPages = pages.committed
    reservedPages = pages.expected
    startsAt = queued.startsAt
    lastStep = now
    lastCodec = now
    timing = RequestTiming(submitted: queued.submitted, admitted: now)
  }

  var id: RequestID { request.id }
  var isRead: Bool { rowsLaunched == request.promptRows }
  /// Frames collected and not yet with the codec.
  var pending: Int { (end?.frames ?? collected) - submitted }
  /// Frames there may be, by text and limit.
  var frameLimit: Int {
    request.isTextOpen
      ? request.budget.limit : request.budget.frames(forTokens: request.textTokens)
  }
  /// Whether the next frame needs text that is not there.
  var isStarved: Bool {
    request.isTextOpen && end == nil && launched > request.trailingTokens
      && launched < frameLimit
  }

  /// Whether its listener's buffer, with what is on its way there, is full.
  func isFull(_ window: Int) -> Bool { launched - consumed >= window }

  /// Whether a frame could be launched now, pages aside.
  func isRunnable(_ framesInFlight: Int) -> Bool {
    // Until the first chunk is with the codec, no later frame may stand in its way.
    let mayLaunch = launched < request.chunks.first || submitted > 0
    return isRead && end == nil && mayLaunch && launched < frameLimit
      && launched - collected < framesInFlight && !isParked && !isStarved
  }

  var phase: VoicePhase {
    if end != nil { return .draining }
    if !isRead || rowsRead < rowsLaunched { return .prefilling }
    if isStarved { return .starved }
    if isParked { return .parked }
    return hostPageCount > 0 ? .swapped : .speaking
  }
}
