// SPDX-License-Identifier: MIT

// Pages of keys and values: taken as positions come, swapped to the host when they run out.

extension Scheduler {
  /// Gives a voice pages on the device for so many positions, if need be from voices that can wait.
  ///
  /// - Parameters:
  ///   - due: When the voice needs them.
  ///   - sparing: Slots that are in the same piece of work.
  ///   - isIdle: Whether nothing else can run, so that it does not matter how little is gained.
  ///   - operations: Receives what has to be done before the work; unchanged when false is returned.
  mutating func takePages(
    for index: Int, positions: Int, due: Instant, sparing: [Int], isIdle: Bool,
    _ operations: inout [PageOperation]
  ) -> Bool {
    let count = configuration.pages(forPositions: positions)
    let missing = max(0, count - voices[index].pages.count)
    let needed = missing + voices[index].hostPageCount
    guard needed > 0 else { return true }
    if needed > devicePages.freeCount {
      let lenders = lenders(to: index, due: due, sparing: sparing, isIdle: isIdle)
      guard makeRoom(for: needed, from: lenders, &operations) else { return false }
    }
    let slot = voices[index].slot
    for (place, page) in voices[index].pages.enumerated() {
      guard case .host(let hostPage) = page, let target = devicePages.take() else { continue }
      voices[index].pages[place] = .device(target)
      voices[index].hostPageCount -= 1
      hostPages.put(hostPage)
      operations.append(.swapIn(slot: slot, index: place, hostPage: hostPage, page: target))
    }
    for _ in 0..<missing {
      guard let page = devicePages.take() else { break }
      operations.append(.assign(slot: slot, index: voices[index].pages.count, page: page))
      voices[index].pages.append(.device(page))
    }
    let excess = voices[index].pages.count - voices[index].reservedPages
    if excess > 0 {
      voices[index].reservedPages += excess
      reservedPages += excess
    }
    return true
  }

  /// Moves pages of other voices to the host until `count` are free.
  private mutating func makeRoom(
    for count: Int, from lenders: [Int], _ operations: inout [PageOperation]
  ) -> Bool {
    var short = count - devicePages.freeCount
    let available = lenders.reduce(0) { $0 + voices[$1].pages.count - voices[$1].hostPageCount }
    guard available >= short, hostPages.freeCount >= short else { return false }
    for index in lenders where short > 0 {
      voices[index].timing.swaps += 1
      for (place, page) in voices[index].pages.enumerated().reversed() where short > 0 {
        guard case .device(let page) = page, let hostPage = hostPages.take() else { continue }
        voices[index].pages[place] = .host(hostPage)
        voices[index].hostPageCount += 1
        devicePages.put(page)
        operations.append(
          .swapOut(slot: voices[index].slot, index: place, page: page, hostPage: hostPage))
        short -= 1
      }
    }
    return true
  }

  /// Voices that can lend their pages to another, the one that needs them last first: those that wait for
  /// their client or are parked, then those whose next frame is due later by `swapGain`.
  private func lenders(to index: Int, due: Instant, sparing: [Int], isIdle: Bool) -> [Int] {
    let borrower = voices[index]
    let latest = isIdle ? (due, borrower.id) : (due + configuration.swapGain, borrower.id)
    return voices.indices
      .filter { other in
        let voice = voices[other]
        return other != index && !sparing.contains(voice.slot)
          && voice.pages.count > voice.hostPageCount
      }
      .map { other -> (due: Instant, id: RequestID, index: Int) in
        let voice = voices[other]
        let waits = voice.isStarved || voice.isParked
        return (waits ? .distantFuture : voice.stepDue(configuration), voice.id, other)
      }
      .filter { ($0.due, $0.id) > latest }
      .sorted { ($0.due, $0.id) > ($1.due, $1.id) }
      .map(\.index)
  }

  /// Frees all pages of a voice, which needs none any more.
  mutating func releasePages(of index: Int) {
    for page in voices[index].pages {
      switch page {
      case .device(let page): devicePages.put(page)
      case .host(let page): hostPages.put(page)
      }
    }
    guard voices[index].holdsCommitment else { return }
    voices[index].holdsCommitment = false
    voices[index].pages = []
    voices[index].hostPageCount = 0
    committedPages -= voices[index].committedPages
    reservedPages -= voices[index].reservedPages
    shrinkPool()
  }

  mutating func resizePages(to count: Int) {
    precondition(count > 0, "there is a page")
    devicePages.resize(to: count)
    shrinkPool()
    // What no longer fits at all would wait for ever.
    for queued in queue.all where committedPages(for: queued.request) > count {
      end(queued.request.id, .refused(.tooLong(pages: committedPages(for: queued.request))))
    }
  }

  /// Lets pages go that should, as long as everybody admitted can still end.
  private mutating func shrinkPool() {
    guard devicePages.total > devicePages.target else { return }
    let largest = voices.lazy.filter(\.holdsCommitment).map(\.committedPages).max() ?? 0
    let needed = max(largest, committedPages - hostPages.total, reservedPages)
    devicePages.shrink(by: max(0, devicePages.total - needed))
  }
}
