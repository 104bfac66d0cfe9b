// SPDX-License-Identifier: MIT

/// One group of cases, compared.
package struct VerificationOutcome: Sendable {
  /// The operation, or what was said.
  package let name: String
  /// Results compared.
  package let resultCount: Int
  /// The largest share of its tolerance that any result took, and where. Above 1 it is a failure.
  package let worst: Deviation?
  /// What went wrong before there was anything to compare.
  package let error: String?
  /// A finding that is neither right nor wrong.
  package let note: String?

  package var passes: Bool { error == nil && (worst?.share ?? 0) <= 1 }

  init(_ name: String, found: [MeasuredResult], expected: [MeasuredResult]) {
    self.name = name
    note = nil
    resultCount = expected.count
    guard found.map(\.name) == expected.map(\.name) else {
      worst = nil
      error = "expected \(expected.count) results, found \(found.count)"
      return
    }
    error = nil
    // The first of equal ones, so that a failure is reported where it begins.
    var worst: Deviation?
    for (found, expected) in zip(found, expected) {
      let deviation = Deviation(found, expected)
      if worst.map({ deviation.share > $0.share }) ?? true { worst = deviation }
    }
    self.worst = worst
  }

  init(_ name: String, error: String) {
    self.name = name
    self.error = error
    note = nil
    resultCount = 0
    worst = nil
  }

  /// What `problem` says is wrong, or fails with.
  init(_ name: String, _ problem: () throws -> String?) {
    do {
      if let error = try problem() {
        self.init(name, error: error)
      } else {
        self.init(name, found: [], expected: [])
      }
    } catch {
      self.init(name, error: "\(error)")
    }
  }

  init(_ name: String, note: String) {
    self.name = name
    self.note = note
    error = nil
    resultCount = 0
    worst = nil
  }

  /// A line about it: how near the tolerance it came, or what is wrong by how much.
  package var line: String {
    if let error { return "FAILED  \(name): \(error)" }
    if let note { return "note    \(name): \(note)" }
    guard let worst else { return "ok      \(name)" }
    if !passes { return "FAILED  \(name): \(worst.description)" }
    let padded = name + String(repeating: " ", count: max(1, 36 - name.count))
    return "ok      \(padded)\(resultCount) results"
      + (worst.tolerance.share > 0
        ? ", at most \(Int((worst.share * 100).rounded(.up))) % of the tolerance (\(worst.name))"
        : ", all equal")
  }
}

/// Where a result is the farthest from the reference's, by its tolerance.
package struct Deviation: Sendable, CustomStringConvertible {
  package let name: String
  package let tolerance: Tolerance
  /// Difference over what is allowed; infinite where something had to be equal and is not.
  package let share: Float
  package let index: Int
  package let count: Int
  package let found: Float
  package let expected: Float
  /// How many differ by more than the tolerance.
  package let wrongCount: Int

  init(_ found: MeasuredResult, _ expected: MeasuredResult) {
    name = expected.name
    tolerance = expected.tolerance
    count = expected.values.count
    guard found.values.count == expected.values.count else {
      (share, index, wrongCount) = (.infinity, 0, 0)
      (self.found, self.expected) = (Float(found.values.count), Float(expected.values.count))
      return
    }
    let largest = expected.values.reduce(0) { max($0, abs($1)) }
    var worst = (share: Float(0), index: 0)
    var wrong = 0
    for index in expected.values.indices {
      let (a, r) = (found.values[index], expected.values[index])
      let allowed = tolerance.share * (tolerance.scale == .each ? max(1, abs(r)) : largest)
      // A NaN, expected or not, is a number that was never computed.
      let share: Float =
        a.isNaN || r.isNaN ? .infinity : a == r ? 0 : allowed > 0 ? abs(a - r) / allowed : .infinity
      if share > 1 { wrong += 1 }
      if share > worst.share { worst = (share, index) }
    }
    (share, index, wrongCount) = (worst.share, worst.index, wrong)
    self.found = expected.values.isEmpty ? 0 : found.values[worst.index]
    self.expected = expected.values.isEmpty ? 0 : expected.values[worst.index]
  }

  package var description: String {
    guard count > 0, wrongCount > 0 else { return "\(name): \(found), expected \(expected)" }
    let times = share.isFinite ? ", \(share) times the tolerance" : ""
    return "\(name): [\(index)] is \(found), expected \(expected)\(times); \(wrongCount) of "
      + "\(count) differ"
  }
}
