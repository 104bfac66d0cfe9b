// SPDX-License-Identifier: MIT

import SpeechModel

/// Finds when the letters of a text are heard in its sound, while the sound is being made:
///
///     var aligner = SpeechAligner()
///     aligner.append(Array("good".unicodeScalars), after: .sentence)
///     aligner.append(Array("morning".unicodeScalars), after: .space)
///     aligner.endText()
///     aligner.hear(samples)
///     aligner.finish(isWhole: true)
///     aligner.takeTimes()  // eleven ranges of hops of 10 ms
///
/// A letter has a kind of sound and a usual length (`LetterSound`), 10 ms of sound are more or less like each kind
/// (`SoundKind`), and between two words there may be silence, sooner where there is a mark. Of all ways to lay
/// the letters out in the sound, the likeliest is looked for: a Viterbi search over segments. A letter is *settled* when on
/// the best path it ended 0.8 s ago, by when what follows hardly changes it; then it stays. The search is 0.64 s late, so that
/// it knows how loud a voice is before it looks at its first words.
///
/// No voice is learned and no language known: spelling, loudness and four bands of the spectrum are all there is.
/// What is found depends on the text and the sound alone, not on the pieces that they come in. Time is linear
/// in the sound; rows of the search are forgotten once letters are settled.
package struct SpeechAligner: Sendable {
  /// What separates a word from the one before it.
  package enum Gap: Sendable { case space, clause, sentence }

  /// What times are counted in.
  package static let hop = Duration.milliseconds(10)
  /// Hops of a frame.
  private static let hopsPerFrame = 8

  private struct Unit {
    var sound: LetterSound
    /// What is before it, where it begins a word.
    var gap: Gap?
    /// The first hop by which it is there, however late its text was written, and the first it can begin with.
    var known: Int
    var earliest: Int
    /// What each length costs, from none on.
    var costs: [Float]
  }

  /// Where a path is after a hop.
  private enum Place {
    /// A unit has lasted so many hops.
    case inside(Int, length: Int)
    /// In silence before a unit since a hop; before none after the last.
    case before(Int, since: Int)
  }

  /// The search after a hop, for `width` units from `first` on.
  private struct Row {
    var first: Int
    /// The best score of a path on which the unit ends with the hop, and how long it then is.
    var ends = [Float](repeating: impossible, count: width)
    var lengths = [UInt16](repeating: 0, count: width)
    /// The best score of a path on which the unit begins after the hop; since when it was silent before that,
    /// -1 where it was not.
    var begins = [Float](repeating: impossible, count: width)
    var silences = [Int32](repeating: -1, count: width)
    /// Sums of the scores of all hops so far, by kind.
    var sums: [Float]

    func place(of unit: Int) -> Int? {
      let place = unit - first
      return place >= 0 && place < width ? place : nil
    }
  }

  /// Units that are looked at at a time, and those of them that the best path may have left.
  private static let width = 64
  private static let left = 20
  /// Hops that are measured before the search takes one.
  private static let lookahead = 64
  /// Hops after which a letter is settled.
  private static let lag = 80
  private static let impossible: Float = -1e30

  private var meter = SoundMeter()
  /// Hops that were measured and not searched.
  private var ahead: [SIMD4<Float>] = []
  private var units: [Unit] = []
  /// The first hop by which the text may have been said; `nil` while there may be more of it.
  private var earliestEnd: Int?
  private var costs: [SIMD2<Float>: [Float]] = [:]
  /// Rows from hop `base` on; the last is after all that was heard.
  private var rows: [Row]
  private var base = 0
  private var hops = 0
  /// By unit of the last row: the best score of a path that is silent before it, and since when it is.
  private var quiet = [Float](repeating: impossible, count: width)
  private var quietSince = [Int32](repeating: 0, count: width)
  private var best = Place.before(0, since: 0)
  /// Units that are settled, and the hop after the last of them.
  private var settled = 0
  private var settledEnd = 0
  private var times: [Range<Int>] = []

  package init() {
    rows = [Row(first: 0, sums: SoundKind.allCases.map { _ in 0 })]
    rows[0].begins[0] = 0
    quiet[0] = 0
  }

  // MARK: - Text and sound

  /// Adds a word.
  ///
  /// - Parameters:
  ///   - word: Its letters and digits.
  ///   - gap: What separates it from the last word.
  ///   - known: The first frame of 80 ms that is not heard before the word is appended; silence before the
  ///     word begins with it at the earliest, so that what is found does not depend on when the word came.
  ///   - frame: The first frame in which it can be heard.
  package mutating func append(
    _ word: [Unicode.Scalar], after gap: Gap, known: Int = 0, from frame: Int = 0
  ) {
    for (index, sound) in LetterSound.sounds(of: word).enumerated() {
      units.append(
        Unit(
          sound: sound, gap: index == 0 ? gap : nil, known: known * Self.hopsPerFrame,
          earliest: frame * Self.hopsPerFrame, costs: costs(of: sound)))
    }
  }

  /// No word follows.
  ///
  /// - Parameter frame: The first frame of 80 ms after which the last word can be over.
  package mutating func endText(from frame: Int = 0) { earliestEnd = frame * Self.hopsPerFrame }

  /// Takes sound of 24 kHz, in whole frames.
  package mutating func hear(_ samples: [Float]) {
    let hop = SoundMeter.hop
    for start in stride(from: 0, through: samples.count - hop, by: hop) {
      ahead.append(meter.measure(samples[start..<start + hop]))
      if ahead.count > Self.lookahead { searchNext() }
    }
  }

  /// Ends the sound.
  ///
  /// - Parameter isWhole: Whether all of the text was said; else letters that were not reached get no time.
  package mutating func finish(isWhole: Bool) {
    while !ahead.isEmpty { searchNext() }
    guard isWhole else { return settle(best, upTo: hops) }
    guard let last = rows.last, settled < units.count else { return }
    // The likelier of two ends: with the last letter, or in silence after it.
    let end = units.count
    var place = Place.before(end, since: hops)
    var score = last.place(of: end - 1).map { last.ends[$0] } ?? Self.impossible
    if let column = last.place(of: end), quiet[column] > score {
      score = quiet[column]
      place = .before(end, since: Int(quietSince[column]))
    }
    if score > Self.impossible / 2 { settle(place, upTo: hops) }
    // Letters that no path reaches share what is left.
    let rest = units[settled...].map(\.sound.length)
    let total = rest.reduce(0, +)
    let begin = settledEnd
    var passed: Float = 0
    for length in rest {
      passed += length
      let end = begin + Int(Float(hops - begin) * passed / total)
      settleNext(settledEnd..<max(settledEnd, end))
    }
  }

  /// The hops of each letter that was settled since the last call, in the order of the text.
  package mutating func takeTimes() -> [Range<Int>] {
    defer { times = [] }
    return times
  }

  // MARK: - Costs

  private mutating func costs(of sound: LetterSound) -> [Float] {
    let key = SIMD2(sound.length, sound.isWeak ? 1 : 0)
    if let known = costs[key] { return known }
    let made = sound.costs
    costs[key] = made
    return made
  }

  /// What it costs to be silent between two words, and not to be.
  private func costs(of gap: Gap) -> (silent: Float, joined: Float) {
    switch gap {
    case .space: (-5, 0)
    case .clause: (-0.5, -2)
    case .sentence: (-0.1, -4)
    }
  }

  // MARK: - The search

  private mutating func searchNext() {
    step(SoundKind.scores(of: meter.relative(ahead.removeFirst())))
    guard hops % Self.hopsPerFrame == 0 else { return }
    findBest()
    settle(best, upTo: hops - Self.lag)
    forget()
  }

  /// Extends all paths by a hop.
  private mutating func step(_ scores: [Float]) {
    let old = rows[hops - base]
    var row = Row(first: old.first, sums: zip(old.sums, scores).map(+))
    if hops % Self.hopsPerFrame == 0 { row.first = max(old.first, unitOfBest - Self.left) }
    let gone = min(row.first - old.first, Self.width)
    if gone > 0 {
      quiet = quiet.dropFirst(gone) + Array(repeating: Self.impossible, count: gone)
      quietSince = quietSince.dropFirst(gone) + Array(repeating: 0, count: gone)
    }
    hops += 1
    for unit in row.first..<min(units.count, row.first + Self.width) {
      extend(unit, old, &row, silence: scores[SoundKind.silence.rawValue])
    }
    if let earliestEnd, hops >= earliestEnd, let column = row.place(of: units.count) {
      extendSilence(before: units.count, column, .sentence, old, scores[SoundKind.silence.rawValue])
    }
    rows.append(row)
  }

  private mutating func extend(_ index: Int, _ old: Row, _ row: inout Row, silence: Float) {
    let column = index - row.first
    let unit = units[index]
    guard unit.known <= hops else { return }
    if let gap = unit.gap { extendSilence(before: index, column, gap, old, silence) }
    let (score, length) = bestEnd(of: index, row)
    row.ends[column] = score
    row.lengths[column] = UInt16(length)
    guard unit.earliest <= hops else { return }
    // It can begin as soon as the unit before has ended, or after silence.
    var begin = column > 0 ? row.ends[column - 1] : Self.impossible
    if let gap = unit.gap {
      begin += costs(of: gap).joined
      if quiet[column] > begin {
        begin = quiet[column]
        row.silences[column] = quietSince[column]
      }
    }
    row.begins[column] = begin
    let unheard = begin + unit.costs[0]
    if unheard > row.ends[column] {
      row.ends[column] = unheard
      row.lengths[column] = 0
    }
  }

  /// Silence before a unit begins with this hop, or lasts.
  private mutating func extendSilence(
    before unit: Int, _ column: Int, _ gap: Gap, _ old: Row, _ score: Float
  ) {
    if let place = old.place(of: unit - 1) {
      let entered = old.ends[place] + costs(of: gap).silent
      if entered > quiet[column] {
        quiet[column] = entered
        quietSince[column] = Int32(hops - 1)
      }
    }
    quiet[column] = max(quiet[column] + score, Self.impossible)
  }

  private func bestEnd(of index: Int, _ row: Row) -> (score: Float, length: Int) {
    let unit = units[index]
    let kind = unit.sound.kind.rawValue
    let sum = row.sums[kind]
    var best = Self.impossible
    var bestLength = 0
    for length in 1..<max(1, min(unit.costs.count, hops - base + 1)) {
      let from = rows[hops - length - base]
      guard let place = from.place(of: index) else { break }
      let score = from.begins[place] + sum - from.sums[kind] + unit.costs[length]
      if score > best { (best, bestLength) = (score, length) }
    }
    return (best, bestLength)
  }

  /// Finds the best place to be after the last hop.
  private mutating func findBest() {
    let row = rows[hops - base]
    var bestScore = Self.impossible
    for column in 0..<Self.width where row.first + column <= units.count {
      if quiet[column] > bestScore {
        bestScore = quiet[column]
        best = .before(row.first + column, since: Int(quietSince[column]))
      }
    }
    for index in row.first..<min(units.count, row.first + Self.width) {
      let unit = units[index]
      let kind = unit.sound.kind.rawValue
      for length in 1..<max(1, min(unit.costs.count, hops - base + 1)) {
        let from = rows[hops - length - base]
        guard let place = from.place(of: index) else { break }
        // It may go on, so that it is short yet costs nothing.
        let cost = Float(length) > unit.sound.length ? unit.costs[length] : 0
        let score = from.begins[place] + row.sums[kind] - from.sums[kind] + cost
        if score > bestScore {
          bestScore = score
          best = .inside(index, length: length)
        }
      }
    }
  }

  private var unitOfBest: Int {
    switch best {
    case .inside(let unit, _), .before(let unit, _): unit
    }
  }

  // MARK: - What is settled

  /// Settles the units before a place after the last hop, as far as they ended early enough.
  private mutating func settle(_ place: Place, upTo limit: Int) {
    var path: [Range<Int>] = []
    var (unit, hop) =
      switch place {
      case .before(let unit, let since): (unit, since)
      case .inside(let unit, let length): (unit, endBefore(unit, beginningAt: hops - length))
      }
    while unit > settled, hop >= base, let place = rows[hop - base].place(of: unit - 1) {
      unit -= 1
      let length = Int(rows[hop - base].lengths[place])
      path.append(hop - length..<hop)
      hop = endBefore(unit, beginningAt: hop - length)
    }
    // A path that does not lead back to what is settled says nothing of the units in between.
    guard unit == settled else { return }
    for time in path.reversed() {
      guard time.upperBound <= limit else { return }
      settleNext(time)
    }
  }

  /// The hop with which the unit before ended, for one that begins at a hop.
  private func endBefore(_ unit: Int, beginningAt hop: Int) -> Int {
    guard hop >= base, let place = rows[hop - base].place(of: unit) else { return hop }
    let since = rows[hop - base].silences[place]
    return since >= 0 ? Int(since) : hop
  }

  /// Settles the next unit: its letters share its time.
  private mutating func settleNext(_ time: Range<Int>) {
    let sound = units[settled].sound
    let begin = max(time.lowerBound, settledEnd)
    // Paths that were followed before may have left it less than can be heard.
    let least = sound.isWeak ? begin : min(begin + 1, max(begin, hops))
    let length = max(time.upperBound, least) - begin
    let letters = sound.letters
    for letter in 0..<letters {
      times.append(begin + length * letter / letters..<begin + length * (letter + 1) / letters)
    }
    settled += 1
    settledEnd = begin + length
  }

  /// Forgets rows that no path is looked back to.
  private mutating func forget() {
    let kept = min(settledEnd, hops - LetterSound.longest)
    guard kept - base > 400 else { return }
    rows.removeFirst(kept - base)
    base = kept
  }
}

extension LetterSound {
  /// The most hops of any.
  static let longest = 128

  /// What each length costs, from none to the longest: the log likelihood of a length that varies by a
  /// factor, relative to the usual one.
  fileprivate var costs: [Float] {
    let spread: Float = isWeak ? 0.9 : 0.5
    let unheard: Float = isWeak ? -1 : -1_000
    let most = min(Self.longest, Int(4 * length) + 8)
    return [unheard]
      + (1...most).map { hops in
        let off = Math.log((Float(hops) + 0.5) / (length + 0.5)) / spread
        return -0.5 * off * off
      }
  }
}
