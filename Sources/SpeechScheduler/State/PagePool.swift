// SPDX-License-Identifier: MIT

/// The pages of one memory. Voices know which are theirs; which are free is here.
struct PagePool: Sendable {
  /// Pages there are, free and taken.
  private(set) var total = 0
  /// Pages there should be. Below `total` while pages that should go are still needed.
  private(set) var target = 0
  private var free: [Int] = []
  /// By page number.
  private var exists: [Bool] = []

  init(count: Int) { resize(to: count) }

  var freeCount: Int { free.count }

  /// A free page, by preference one that stays.
  mutating func take() -> Int? {
    guard total > target, let index = free.lastIndex(where: { $0 < target }) else {
      return free.popLast()
    }
    return free.remove(at: index)
  }

  mutating func put(_ page: Int) { free.append(page) }

  /// Makes pages 0..<count the wanted ones: those missing are there at once, those above go with
  /// `shrink`.
  mutating func resize(to count: Int) {
    target = count
    exists += repeatElement(false, count: max(0, count - exists.count))
    // The lowest number is taken first.
    for page in (0..<count).reversed() where !exists[page] {
      exists[page] = true
      free.append(page)
      total += 1
    }
  }

  /// Removes free pages that should go, but no more than `limit`.
  mutating func shrink(by limit: Int) {
    var left = limit
    free.removeAll { page in
      guard page >= target, left > 0 else { return false }
      left -= 1
      exists[page] = false
      total -= 1
      return true
    }
  }
}
