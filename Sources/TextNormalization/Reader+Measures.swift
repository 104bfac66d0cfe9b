// SPDX-License-Identifier: MIT

/// Numbers with units.
extension EnglishReader {
  /// "5 km", "20°C", "-3%", "90 km/h", "16 GB", "5-km", "20 million kg"
  mutating func readMeasure() -> Bool {
    var end = cursor
    guard var numeral = end.numeral() else { return false }
    if let angle = angle(numeral, end) { return say(angle.words, upTo: angle.end) }
    var percent = end
    _ = percent.take(" ")
    if percent.take("%") { return say("\(numeral.words) percent", upTo: percent) }
    // "1920x1080", "3 x 4"
    if let product = product(numeral, end) {
      _ = say(product.words, upTo: product.end)
      return true
    }
    if end.current == ",", numeral.decimals.isEmpty, cursor.previous != ",",
      let decimal = end.commaDecimals(), decimal.end.unit() != nil
    {
      // "3,5 kg"
      numeral.decimals = [decimal.digits]
      end = decimal.end
    }
    if let magnitude = end.magnitude(Magnitude.word) {
      guard let unit = end.unit(), unit.hasGap else { return false }
      return sayMeasure("\(numeral.words) \(magnitude) \(unit.names.many)", unit)
    }
    guard let unit = end.unit(), isUnit(unit, numeral) else { return false }
    let isSingular = numeral.isOne || unit.isAdjective || isAttribute(unit)
    let words = isSingular ? unit.names.one : unit.names.many
    return sayMeasure("\(numeral.words) \(words)", unit)
  }

  /// "a 9V battery", "a 20 km run", "45s timer"
  private func isAttribute(_ unit: Unit) -> Bool {
    var end = unit.end
    if Units.abbreviated.contains(unit.name) { _ = end.take(".") }
    if end.current == " ", Units.measured.contains(end.nextWord()?.lowercased() ?? "") {
      return true
    }
    guard ["a", "an"].contains(spoken.context), unit.end.current == " ",
      unit.end.peek(1)?.isSmall ?? false, let next = unit.end.nextWord()
    else { return false }
    return !["of", "or", "and", "to", "per", "in", "at", "on", "for", "from", "is", "was"]
      .contains(next)
  }

  /// Whether a unit's letters are one here, and no word.
  private func isUnit(_ unit: Unit, _ numeral: Numeral) -> Bool {
    let next = unit.end.nextWord()
    switch unit.name {
    case "in":
      // "10 in. long", "5 ft 1 in tall", but "10 in total".
      if ["feet", "foot"].contains(spoken.context) { return true }
      let hasStop = unit.end.current == "."
      if unit.end.current == " ", "=×".unicodeScalars.contains(unit.end.peek(1) ?? " ") {
        return true
      }
      // ".25 in"
      if unit.hasGap, unit.end.position == unit.end.text.count { return true }
      return next.map { Self.dimensions.contains($0) } ?? hasStop
        || hasStop && unit.hasGap
    case "c":
      // "3 c. flour"
      return unit.hasGap && unit.end.current == "." && unit.end.peek(1) == " "
        && (unit.end.peek(2)?.isSmall ?? false)
    case "d", "w":
      // "3D", "3w + 2"
      let number = numeral.words
      return !unit.hasGap && !unit.isAdjective && piece != .operation
        && !(unit.name == "d" && ["two", "three"].contains(number) && next != "ago")
        && !(unit.end.peek(1).map { "+-=<>*".unicodeScalars.contains($0) } ?? false)
    case "x", "k":
      // "2x + 3 = 7"
      let sign = unit.end.current == " " ? unit.end.peek(1) : unit.end.current
      if unit.name == "k", Self.wordsAfterKs.contains(next ?? "") { return false }
      if unit.name == "k", sign == "+", !(unit.end.peek(1)?.isWordPart ?? false) { return true }
      if sign == "/", unit.name == "x", unit.end.following().nextWord().flatMap(Units.period) != nil
      {
        return true
      }
      // "y = 2x"
      return !unit.hasGap && !(unit.name == "x" && piece == .operation)
        && !(sign.map { "+-=^<>*/".unicodeScalars.contains($0) } ?? false)
    default:
      if unit.name.utf8.count > 1 { return true }
      // "5 N Main Street", "I-95 N", "a 5-m pole"
      let isInitial = next?.unicodeScalars.first?.isCapital ?? false
      if !unit.hasGap, Labels.counted.contains(spoken.context) { return false }
      // "an F-4s": a letter after a code's number.
      if !unit.hasGap, cursor.previous == "-", cursor.peek(-2)?.isLetter ?? false,
        !(cursor.peek(-3)?.isWordPart ?? false)
      {
        return false
      }
      // "iPhone 6s"
      if unit.name == "s", spoken.lastWord.dropFirst().contains(where: \.isUppercase) {
        return false
      }
      return !unit.isAdjective && !(unit.name == "N" && cursor.previous == "-")
        && !(unit.hasGap && isInitial && ["N", "J", "L"].contains(unit.name))
    }
  }

  static let dimensions: Set<String> = [
    "tall", "long", "wide", "high", "deep", "thick", "diameter", "across", "apart", "x", "by",
    "square", "screen", "monitor", "pipe", "heels", "away", "below", "above", "ahead", "behind",
    "round", "nails", "nail", "ceiling", "ceilings", "snow", "rain", "of",
  ]

  /// Says a number with its unit, and what is per another.
  mutating func sayMeasure(_ words: String, _ unit: Unit) -> Bool {
    _ = say(words, upTo: unit.end)
    readRate()
    if cursor.current == ".", Units.abbreviated.contains(unit.name), !endsSentence(after: 1) {
      cursor.position += 1
    }
    return true
  }

  /// "1920x1080", "3 x 4", "3x4 m²"
  private func product(_ first: Numeral, _ start: Cursor) -> (words: String, end: Cursor)? {
    var factors = [first]
    var isSpaced = false
    var end = start
    for _ in 0..<3 {
      var next = end
      // "8' x 10'"
      _ = next.take(of: "'\"")
      // "3 m x 4 m": the unit at the end says it for all.
      if let unit = next.unit(), Units.lengths.contains(unit.name) {
        var after = unit.end
        if after.takeTimesSign() != nil, after.current?.isDigit ?? false { next = unit.end }
      }
      guard let hasSpace = next.takeTimesSign(), let factor = next.numeral() else { break }
      isSpaced = isSpaced || hasSpace
      factors.append(factor)
      end = next
    }
    guard factors.count > 1, end.position > start.position else { return nil }
    let mark = end
    if end.take(of: "'\"") != nil {
      let words = factors.map(\.words).joined(separator: " by ")
      return (words + (mark.current == "'" ? " feet" : " inches"), end)
    }
    let unit = end.unit().flatMap { Units.lengths.contains($0.name) || $0.name == "px" ? $0 : nil }
    guard unit != nil || end.isAtEnd else { return nil }
    // A length or a thing after it makes it a size, else it is a multiplication.
    let isThing = end.current == " " && (end.peek(1)?.isSmall ?? false) && end.unit() == nil
    let isSize = unit != nil || !isSpaced || isThing
    let words = factors.map(\.words).joined(separator: isSize ? " by " : " times ")
    guard let unit, unit.name != "in" || unit.end.current == "." else { return (words, end) }
    return (words + " " + unit.names.many, unit.end)
  }

  /// "/h", "/month", "/sq ft"
  mutating func readRate() {
    var end = cursor
    guard end.take("/") else { return }
    var after = end
    // "5 L/100 km"
    if cursor.previous?.isLetter ?? false, let count = after.numeral(), let unit = after.unit() {
      _ = say("per \(count.words) \(unit.names.many)", upTo: unit.end)
      return
    }
    after = end
    if let unit = after.unitName(), let period = Units.period(unit), after.isAtEnd {
      _ = say("per " + period, upTo: after)
      // "9.8 m/s²"
      if cursor.take("²") { spoken.say("squared") }
      if cursor.take(literal: "^2") { spoken.say("squared") }
      if cursor.current == ".", Units.abbreviated.contains(unit), !endsSentence(after: 1) {
        cursor.position += 1
      }
      readRate()
    }
  }

  /// Decimals that are said as if they had no point: ".45 caliber", "a .357 Magnum", "batting .300"
  mutating func readCaliber() -> Bool {
    var end = cursor
    guard end.take("."), let digits = end.digits(2...3), let value = Int(digits), end.isAtEnd else {
      return false
    }
    // "batting .300"
    if digits.utf8.count == 3, ["batting", "hitting", "hit"].contains(spoken.context) {
      return say(NumberWords.inPairs(value), upTo: end)
    }
    var name = end
    guard name.take(of: " -") != nil, let word = name.letters(),
      Self.wordsAfterCalibers.contains(word.lowercased()), name.isAtEnd
    else { return false }
    return say(NumberWords.inPairs(value), upTo: end)
  }

  private static let wordsAfterCalibers: Set<String> = [
    "caliber", "calibre", "cal", "magnum", "rifle", "rifles", "pistol", "pistols", "revolver",
    "revolvers", "handgun", "handguns", "gun", "bullet", "bullets", "round", "rounds", "ammo",
    "ammunition", "cartridge", "cartridges", "winchester", "win", "acp", "auto", "colt", "shell",
    "shells", "special",
  ]

  // MARK: Feet, inches, angles

  /// 5'10", 6' tall, a 12" disc
  mutating func readHeight() -> Bool {
    var end = cursor
    guard let first = end.numeral(), first.decimals.count < 2, product(first, end) == nil else {
      return false
    }
    let isInContext = spoken.context == "a" || spoken.context == "an" || spoken.context == "the"
    if end.current == "\"", first.decimals.allSatisfy({ $0.utf8.count < 4 }) {
      end.position += 1
      guard !(end.current?.isWordPart ?? false) || end.current == "x" else { return false }
      // "a 12" disc", "a 12" × 8" sheet"
      let isAdjective =
        end.current == " "
        && (isInContext && end.peek(1)?.isSmall ?? false
          || Units.measured.contains(end.nextWord() ?? ""))
      return say(first.words + (first.isOne || isAdjective ? " inch" : " inches"), upTo: end)
    }
    guard first.decimals.isEmpty, cursor.previous != "'", end.take("'") else { return false }
    let feet = first.words + (first.isOne ? " foot" : " feet")
    var inches = end
    _ = inches.take(" ")
    if let count = inches.numeral(), inches.take("\"") || inches.take(literal: "''") {
      if let seconds = Int(count.integer), (12..<60).contains(seconds), count.decimals.isEmpty {
        // A foot has twelve inches: "3'45\"".
        let minutes = first.words + (first.isOne ? " minute" : " minutes")
        return say("\(minutes) \(count.words) seconds", upTo: inches)
      }
      if isInContext, inches.current == " ", inches.peek(1)?.isSmall ?? false {
        // "the 6'5" player"
        return say("\(first.words) foot \(count.words)", upTo: inches)
      }
      return say("\(feet) \(count.words) \(count.isOne ? "inch" : "inches")", upTo: inches)
    }
    // Without inches it may as well end a quotation.
    guard end.current != "'", end.isAtEnd, let next = end.nextWord() else { return false }
    if Units.measured.contains(next) { return say(first.words + " foot", upTo: end) }
    return Self.dimensions.contains(next) && say(feet, upTo: end)
  }

  /// "180C", "-20 F": letters of a scale, where a temperature is likely.
  mutating func readTemperature() -> Bool {
    var end = cursor
    guard let numeral = end.numeral(), numeral.integer.utf8.count < 4, numeral.decimals.count < 2
    else { return false }
    _ = end.take(" ")
    guard let scale = end.take(of: "CF"), end.isAtEnd, end.current != "-", end.current != "#",
      Self.wordsBeforeTemperatures.contains(spoken.context) || numeral.decimals.count == 1
        || scale == "F" && spoken.isAtStart && (32..<1000).contains(Int(numeral.integer) ?? 0)
    else { return false }
    let words = numeral.words + (numeral.isOne ? " degree" : " degrees")
    return say(words + (scale == "C" ? " Celsius" : " Fahrenheit"), upTo: end)
  }

  private static let wordsBeforeTemperatures: Set<String> = [
    "at", "to", "hit", "reached", "below", "above", "minus", "was", "is", "oven", "preheat",
    "around", "about", "under", "over",
  ]

  /// "20°C", "48°51'24"N", "70°"
  private func angle(_ numeral: Numeral, _ start: Cursor) -> (words: String, end: Cursor)? {
    var end = start
    _ = end.take(" ")
    guard end.take("°") else { return nil }
    var words = numeral.words + (numeral.isOne ? " degree" : " degrees")
    var minutes = end
    _ = minutes.take(" ")
    if let count = minutes.numeral(), minutes.take("'") {
      words += " " + count.words + (count.isOne ? " minute" : " minutes")
      end = minutes
      _ = minutes.take(" ")
      if let count = minutes.numeral(), minutes.take("\"") || minutes.take(literal: "''") {
        words += " " + count.words + (count.isOne ? " second" : " seconds")
        end = minutes
      }
    }
    var scale = end
    _ = scale.take(" ")
    let names = [
      "C": "Celsius", "F": "Fahrenheit", "K": "Kelvin", "c": "Celsius", "f": "Fahrenheit",
      "N": "north", "S": "south", "E": "east", "W": "west", "NE": "northeast",
      "NW": "northwest", "SE": "southeast", "SW": "southwest",
    ]
    guard let letters = scale.letters(), let name = names[letters], scale.isAtEnd else {
      return (words, end)
    }
    return (words + " " + name, scale)
  }
}

/// A unit after a number.
struct Unit {
  /// Its short form.
  var name: String
  var names: Units.Names
  /// Whether a space is before it.
  var hasGap: Bool
  /// Whether a hyphen is before it.
  var isAdjective: Bool
  var end: Cursor
}

extension Cursor {
  /// A unit's short form: letters, or "sq ft".
  mutating func unitName() -> String? {
    guard var name = letters() else { return nil }
    if ["sq", "cu", "fl"].contains(name) {
      var copy = self
      _ = copy.take(".")
      if copy.take(" "), let rest = copy.letters() {
        name += " " + rest
        self = copy
      }
    }
    return name
  }

  /// A unit at this place, after a space or a hyphen or directly.
  func unit() -> Unit? {
    var end = self
    let hasGap = end.take(" ")
    let isAdjective = !hasGap && end.take("-")
    guard let name = end.unitName(), let names = Units.words(name) else { return nil }
    var unit = Unit(name: name, names: names, hasGap: hasGap, isAdjective: isAdjective, end: end)
    let power =
      unit.end.take("²") || Units.lengths.contains(name) && unit.end.takeExponent("2")
      ? "square "
      : unit.end.take("³") || Units.lengths.contains(name) && unit.end.takeExponent("3")
        ? "cubic " : ""
    unit.names = (power + names.one, power + names.many)
    return unit.end.isAtEnd ? unit : nil
  }

  /// "^2" or "2"
  private mutating func takeExponent(_ digit: Unicode.Scalar) -> Bool {
    var copy = self
    _ = copy.take("^")
    guard copy.take(digit), copy.isAtEnd else { return false }
    self = copy
    return true
  }

  /// "x" or "×" between numbers; whether spaces are around it.
  fileprivate mutating func takeTimesSign() -> Bool? {
    var copy = self
    let hasSpace = copy.take(" ")
    guard copy.take(of: "xX×") != nil, !hasSpace || copy.take(" ") else { return nil }
    self = copy
    return hasSpace
  }

  /// Up to two digits after a comma.
  fileprivate func commaDecimals() -> (digits: String, end: Cursor)? {
    var copy = self
    guard copy.take(","), let digits = copy.digits(1...2) else { return nil }
    return (digits, copy)
  }

  /// "M", " million"
  mutating func magnitude(_ word: (String) -> String?) -> String? {
    var copy = self
    let hasSpace = copy.take(of: " -") != nil
    guard let letters = copy.letters(), let words = word(letters), copy.isAtEnd,
      !hasSpace || letters.utf8.count > 1 || copy.position == copy.text.count
        || "bm".contains(letters)
    else { return nil }
    self = copy
    return words
  }
}
