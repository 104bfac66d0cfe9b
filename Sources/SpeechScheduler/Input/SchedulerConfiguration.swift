// SPDX-License-Identifier: MIT

/// Limits and targets. The defaults suit one large GPU; `slotCount`, `devicePages` and the buckets are
/// for the caller to fit to the device.
package struct SchedulerConfiguration: Sendable, Equatable {
  /// Voices at once: places of per-voice state.
  package var slotCount = 64
  /// Requests that may wait; another is refused as overloaded. Parts that follow a part do not count.
  package var queueLimit = 64
  /// Slots kept for parts that follow a part, so that a long text does not pause between two sentences
  /// because others took its place.
  package var continuationSlots = 0
  /// The most slots for background requests.
  package var backgroundSlots = 32

  /// Positions in a page of keys and values.
  package var pageSize = 64
  /// Pages on the device.
  package var devicePages: Int
  /// Pages of host memory to swap to. With none, a request is admitted only when its whole budget fits
  /// beside the others'. With some, when its expectation does, and what runs longer swaps.
  package var hostPages = 0
  /// A voice gives pages only to one that needs its next frame this much sooner, so that two of them do
  /// not take turns.
  package var swapGain = Duration.seconds(2)

  /// Rows of a step that the device has programs for, ascending. A smaller step is padded.
  package var stepBuckets = [1, 2, 4, 8, 16, 24, 32, 48, 64]
  /// Frames of a codec batch that the device has programs for, ascending.
  package var codecBuckets = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
  /// Whether a voice's frames are decoded in whole chunks only (`ChunkSizes`), the last excepted: for codecs
  /// whose samples depend, in their last bits, on how a speech is cut.
  package var keepsChunks = false
  /// Rows of a prefill, ascending.
  package var prefillBuckets = [16, 32, 48, 64, 96, 128, 192, 256]

  /// Frames of a voice that may be launched before their codes are known.
  package var framesInFlight = 2
  /// Work is planned when the device has less than this left to do. More hides the host's latency; less
  /// lets a new request start sooner.
  package var lookahead = Duration.milliseconds(1)
  /// The most pieces of work in flight, whatever their estimates say.
  package var workInFlight = 4

  /// Audio of a frame.
  package var frameDuration = Duration.milliseconds(80)
  /// How long before its playback a frame should be there.
  package var margin = Duration.milliseconds(30)
  /// A voice this far ahead of its listener is parked…
  package var leadLimit = Duration.seconds(10)
  /// …until it is only this far ahead.
  package var resumeLead = Duration.seconds(9)
  /// Frames made but not consumed at which a voice is parked: what a listener that does not read costs.
  package var window = 256

  /// The share of real time that admitted listeners may need by `StepCosts`, 0…1; others wait in the
  /// queue.
  package var maximumLoad = 0.85
  /// How much later a class counts as submitted, in the order of `RequestClass`.
  package var classDelay: [Duration] = [.zero, .milliseconds(250), .seconds(10)]
  /// How long a prompt may be held back for the sake of those who speak.
  package var prefillPatience = Duration.milliseconds(500)
  /// How long a voice without a listener may wait for its next frame when listeners need everything.
  package var patience = Duration.seconds(1)
  /// How long a voice may wait for its writer or its reader before it is ended.
  package var clientPatience = Duration.seconds(60)

  package init(devicePages: Int) { self.devicePages = devicePages }

  /// The most rows of a step.
  var largestStep: Int { stepBuckets.last ?? 1 }
  /// The most frames of a codec batch.
  var largestCodecBatch: Int { codecBuckets.last ?? 1 }

  /// The smallest bucket that holds `count`.
  static func bucket(for count: Int, in buckets: [Int]) -> Int {
    buckets.first { $0 >= count } ?? count
  }

  /// Pages for so many positions.
  func pages(forPositions count: Int) -> Int { (count + pageSize - 1) / pageSize }

  /// Stops the program when the configuration could not work.
  func check() {
    precondition(slotCount > 0 && devicePages > 0 && pageSize > 0, "there is room for a voice")
    precondition(queueLimit >= 0 && hostPages >= 0 && window > 0, "limits are not negative")
    precondition(continuationSlots < slotCount, "some slots are for new requests")
    precondition(framesInFlight > 0 && workInFlight > 0, "something may be in flight")
    precondition(resumeLead <= leadLimit, "a parked voice resumes below the limit")
    precondition(classDelay.count == RequestClass.allCases.count, "every class has its delay")
    for buckets in [stepBuckets, codecBuckets, prefillBuckets] {
      precondition((buckets.first ?? 0) > 0, "a bucket holds something")
      precondition(zip(buckets, buckets.dropFirst()).allSatisfy(<), "buckets ascend")
    }
  }
}
