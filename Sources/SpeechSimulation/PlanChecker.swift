// SPDX-License-Identifier: MIT

package import SpeechScheduler

/// Follows the events and plans of a scheduler as a device and its clients would see them, knowing
/// nothing of how the scheduler decides, and notes whatever could not be carried out or breaks a promise:
/// a slot or page with two owners, a frame out of order, a step without its keys and values, an ending
/// too many.
package struct PlanChecker: Sendable {
  /// What a slot holds.
  struct Occupant: Sendable {
    var request: RequestID
    var rowsLaunched = 0
    var rowsRead = 0
    var launched = 0
    var collected = 0
    var submitted = 0
    var decoded = 0
    /// Frames there are, once no more are made.
    var frames: Int?
  }

  enum Place: Hashable, Sendable {
    case device(Int)
    case host(Int)
  }

  private let configuration: SchedulerConfiguration
  /// Requests without an ending.
  private var open: [RequestID: ScheduledRequest] = [:]
  private var occupants: [Int: Occupant] = [:]
  private var slots: [RequestID: Int] = [:]
  private var pageTables: [Int: [Place]] = [:]
  private var owners: [Place: Int] = [:]
  private var inFlight: [WorkID: Work] = [:]
  /// The device's pages can never be more than this.
  private var pageCount: Int

  private var isDeviceLost = false

  /// What was wrong, in words.
  package private(set) var violations: [String] = []
  /// Requests that were submitted, and that ended.
  package private(set) var submittedCount = 0
  package private(set) var endedCount = 0

  package init(_ configuration: SchedulerConfiguration) {
    self.configuration = configuration
    pageCount = configuration.devicePages
  }

  private mutating func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { violations.append(message()) }
  }

  // MARK: - Events

  /// Notes an event that the scheduler is about to handle.
  package mutating func observe(_ event: SchedulerEvent) {
    switch event {
    case .submit(let request):
      submittedCount += 1
      open[request.id] = request
    case .textAppended(let id, let tokens):
      open[id]?.textTokens += tokens
      open[id]?.trailingTokens += tokens
    case .textEnded(let id, _):
      open[id]?.isTextOpen = false
      if let slot = slots[id] { finishIfSpent(slot) }
    case .completed(let id, let ended, _): complete(id, ended)
    case .runaway(let id, let frames):
      guard let slot = slots[id], let occupant = occupants[slot], occupant.frames == nil
      else { return }
      finish(slot, frames: max(occupant.submitted, min(frames, occupant.collected)))
    case .devicePages(let count): pageCount = max(pageCount, count)
    case .deviceFailed: isDeviceLost = true
    case .cancel, .consumed, .failed, .drain, .stop: break
    }
  }

  private mutating func complete(_ id: WorkID, _ ended: [RequestID]) {
    guard !isDeviceLost else { return }
    guard let work = inFlight.removeValue(forKey: id) else {
      return expect(false, "\(id) was completed and is not in flight")
    }
    switch work.task {
    case .prefill(_, let slices):
      for slice in slices where occupants[slice.slot]?.request == slice.request {
        occupants[slice.slot]?.rowsRead = slice.rows.upperBound
      }
    case .step(_, let rows, _):
      for row in rows where occupants[row.slot]?.request == row.request {
        guard let occupant = occupants[row.slot], occupant.frames == nil else { continue }
        expect(
          occupant.collected == row.frame, "\(row.request): frames were collected out of order")
        if ended.contains(row.request) {
          finish(row.slot, frames: row.frame)
        } else {
          occupants[row.slot]?.collected += 1
          finishIfSpent(row.slot)
        }
      }
    case .codec(let segments, _):
      for segment in segments where occupants[segment.slot]?.request == segment.request {
        occupants[segment.slot]?.decoded = segment.frames.upperBound
      }
    }
  }

  private mutating func finishIfSpent(_ slot: Int) {
    guard let occupant = occupants[slot], occupant.frames == nil,
      let request = open[occupant.request]
    else { return }
    let limit =
      request.isTextOpen
      ? request.budget.limit : request.budget.frames(forTokens: request.textTokens)
    if occupant.collected >= limit { finish(slot, frames: occupant.collected) }
  }

  /// No more frames: the pages may belong to others from here on.
  private mutating func finish(_ slot: Int, frames: Int) {
    occupants[slot]?.frames = frames
    dropPages(of: slot)
  }

  private mutating func dropPages(of slot: Int) {
    for page in pageTables.removeValue(forKey: slot) ?? [] { owners[page] = nil }
  }

  // MARK: - Plans

  /// Checks a plan, and follows it.
  package mutating func follow(_ plan: Plan) {
    for ending in plan.endings { follow(ending) }
    for work in plan.work {
      for operation in work.pages { follow(operation) }
      switch work.task {
      case .prefill(let model, let slices): follow(slices, model: model)
      case .step(let model, let rows, let bucket): follow(rows, model: model, bucket: bucket)
      case .codec(let segments, let bucket): follow(segments, bucket: bucket)
      }
      expect(inFlight.updateValue(work, forKey: work.id) == nil, "\(work.id) was planned twice")
    }
  }

  private mutating func follow(_ ending: Ending) {
    endedCount += 1
    guard open.removeValue(forKey: ending.request) != nil else {
      return expect(false, "\(ending.request) ended twice, or was never submitted")
    }
    guard let slot = slots.removeValue(forKey: ending.request) else {
      return expect(ending.frames == 0, "\(ending.request) delivered frames without a slot")
    }
    expect(
      ending.slot == slot, "\(ending.request) ended in slot \(String(describing: ending.slot))")
    guard let occupant = occupants[slot] else { return }
    expect(
      ending.frames == occupant.decoded, "\(ending.request): \(ending.frames) frames delivered")
    if [.stop, .limit].contains(ending.reason) {
      expect(occupant.frames == ending.frames, "\(ending.request) ended before its last frame")
    }
    dropPages(of: slot)
    occupants[slot] = nil
  }

  private mutating func follow(_ operation: PageOperation) {
    switch operation {
    case .assign(let slot, let index, let page):
      expect(page < pageCount, "page \(page) is not there")
      expect(index == pageTables[slot, default: []].count, "page \(index) of slot \(slot) is next")
      take(.device(page), for: slot)
      pageTables[slot, default: []].append(.device(page))
    case .swapOut(let slot, let index, let page, let hostPage):
      expect(hostPage < configuration.hostPages, "host page \(hostPage) is not there")
      move(slot, index, from: .device(page), to: .host(hostPage))
    case .swapIn(let slot, let index, let hostPage, let page):
      expect(page < pageCount, "page \(page) is not there")
      move(slot, index, from: .host(hostPage), to: .device(page))
    }
  }

  private mutating func take(_ place: Place, for slot: Int) {
    let owner = owners.updateValue(slot, forKey: place)
    expect(owner == nil, "\(place) belongs to slots \(owner ?? -1) and \(slot)")
  }

  private mutating func move(_ slot: Int, _ index: Int, from old: Place, to new: Place) {
    guard let table = pageTables[slot], table.indices.contains(index), table[index] == old else {
      return expect(false, "slot \(slot) has no page \(old) at \(index)")
    }
    owners[old] = nil
    take(new, for: slot)
    pageTables[slot]?[index] = new
  }

  private mutating func expectPages(of slot: Int, positions: Int, _ id: RequestID) {
    let table = pageTables[slot] ?? []
    expect(table.count * configuration.pageSize >= positions, "\(id): no page for \(positions)")
    for case .host(let page) in table { expect(false, "\(id): page \(page) is on the host") }
  }

  private mutating func follow(_ slices: [PromptSlice], model: Int) {
    expect(Set(slices.map(\.slot)).count == slices.count, "a slot is in a prefill twice")
    let rows = slices.reduce(0) { $0 + $1.rows.count }
    expect(rows > 0 && rows <= configuration.prefillBuckets.last ?? 0, "a prefill of \(rows) rows")
    for slice in slices {
      guard let request = open[slice.request] else {
        expect(false, "\(slice.request) is read and has no caller")
        continue
      }
      expect(request.model == model, "\(slice.request) is read by model \(model)")
      expect(slice.slot < configuration.slotCount, "slot \(slice.slot) is not there")
      if slice.rows.lowerBound == 0 {
        expect(occupants[slice.slot] == nil, "slot \(slice.slot) has two requests")
        occupants[slice.slot] = Occupant(request: slice.request)
        slots[slice.request] = slice.slot
      }
      let occupant = occupants[slice.slot]
      expect(occupant?.request == slice.request, "\(slice.request) is read into another's slot")
      expect(
        occupant?.rowsLaunched == slice.rows.lowerBound
          && slice.rows.upperBound <= request.promptRows, "\(slice.request): rows \(slice.rows)")
      expectPages(of: slice.slot, positions: slice.rows.upperBound, slice.request)
      occupants[slice.slot]?.rowsLaunched = slice.rows.upperBound
    }
  }

  private mutating func follow(_ rows: [StepRow], model: Int, bucket: Int) {
    expect(!rows.isEmpty && rows.count <= bucket, "\(rows.count) rows in a bucket of \(bucket)")
    expect(configuration.stepBuckets.contains(bucket), "no bucket of \(bucket) rows")
    expect(Set(rows.map(\.slot)).count == rows.count, "a slot is in a step twice")
    for row in rows {
      guard let request = open[row.request], let occupant = occupants[row.slot],
        occupant.request == row.request
      else {
        expect(false, "\(row.request) steps in slot \(row.slot), which is not its own")
        continue
      }
      expect(request.model == model, "\(row.request) steps with model \(model)")
      expect(occupant.rowsLaunched == request.promptRows, "\(row.request) steps before its prompt")
      expect(occupant.launched == row.frame, "\(row.request): frame \(row.frame) is not next")
      expect(occupant.frames == nil, "\(row.request) steps after its end")
      expect(
        row.frame - occupant.collected < configuration.framesInFlight,
        "\(row.request): too many frames in flight")
      expect(
        !request.isTextOpen || row.frame <= request.trailingTokens,
        "\(row.request) steps without text")
      expectPages(of: row.slot, positions: request.promptRows + row.frame + 1, row.request)
      occupants[row.slot]?.launched += 1
    }
  }

  private mutating func follow(_ segments: [CodecSegment], bucket: Int) {
    let frames = segments.reduce(0) { $0 + $1.frames.count }
    expect(frames > 0 && frames <= bucket, "\(frames) frames in a bucket of \(bucket)")
    expect(configuration.codecBuckets.contains(bucket), "no bucket of \(bucket) frames")
    expect(Set(segments.map(\.slot)).count == segments.count, "a slot is in a codec batch twice")
    for segment in segments {
      guard let occupant = occupants[segment.slot], occupant.request == segment.request else {
        expect(false, "\(segment.request) is decoded in slot \(segment.slot), not its own")
        continue
      }
      expect(
        occupant.submitted == segment.frames.lowerBound && !segment.frames.isEmpty
          && segment.frames.upperBound <= occupant.frames ?? occupant.collected,
        "\(segment.request): frames \(segment.frames) are not the next ones")
      occupants[segment.slot]?.submitted = segment.frames.upperBound
    }
  }

  /// Notes what is left when nothing should be.
  package mutating func expectNothingLeft() {
    let (requests, slots, pages) = (open.count, occupants.count, owners.count)
    expect(requests == 0, "\(requests) requests never ended")
    expect(slots == 0, "\(slots) slots are still taken")
    expect(pages == 0, "\(pages) pages are still taken")
  }
}
