// SPDX-License-Identifier: MIT

/// Money and units.
extension EnglishReader {
  private struct Currency {
    var one, many: String
    /// `nil` for a currency without hundredths.
    var cent, cents: String?
  }

  private static let dollar = Currency(one: "dollar", many: "dollars", cent: "cent", cents: "cents")
  private static let currencies: [Unicode.Scalar: Currency] = [
    "$": dollar,
    "€": Currency(one: "euro", many: "euros", cent: "cent", cents: "cents"),
    "£": Currency(one: "pound", many: "pounds", cent: "penny", cents: "pence"),
    "¥": Currency(one: "yen", many: "yen"),
    "₹": Currency(one: "rupee", many: "rupees", cent: "paisa", cents: "paise"),
    "¢": Currency(one: "cent", many: "cents"),
  ]
  private static let codes: [String: Currency] = [
    "USD": Currency(one: "U S dollar", many: "U S dollars", cent: "cent", cents: "cents"),
    "CAD": Currency(
      one: "Canadian dollar", many: "Canadian dollars", cent: "cent", cents: "cents"),
    "EUR": Currency(one: "euro", many: "euros", cent: "cent", cents: "cents"),
    "GBP": Currency(one: "pound", many: "pounds", cent: "penny", cents: "pence"),
    "JPY": Currency(one: "yen", many: "yen"),
    "CHF": Currency(one: "Swiss franc", many: "Swiss francs"),
  ]
  private static let magnitudes: [String: String] = [
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million",
    "bn": "billion", "b": "billion", "B": "billion", "tn": "trillion", "T": "trillion",
    "thousand": "thousand", "million": "million", "billion": "billion", "trillion": "trillion",
  ]

  /// "$25.50", "€3", "$3.5 million", "25 €", "50¢", "20 USD"
  mutating func readMoney() -> Bool {
    var end = cursor
    if let sign = end.take(of: "$€£¥₹"), let currency = Self.currencies[sign] {
      return readAmount(end, currency, sign: sign)
    }
    guard let numeral = end.numeral() else { return false }
    if end.current == " " { end.position += 1 }
    var coded = end
    if let sign = end.take(of: "€£¥₹¢$"), let currency = Self.currencies[sign], end.isAtEnd {
      return say(Self.words(numeral, currency), upTo: end)
    }
    if let code = coded.letters(), let currency = Self.codes[code], coded.isAtEnd {
      return say(Self.words(numeral, currency), upTo: coded)
    }
    return false
  }

  /// "US$5", "USD 5"
  mutating func readCurrencyCode() -> Bool {
    var end = cursor
    if end.take(literal: "US$") {
      return readAmount(end, Self.codes["USD"] ?? Self.dollar, sign: "$")
    }
    guard let code = end.letters(), let currency = Self.codes[code] else { return false }
    _ = end.take(" ")
    return readAmount(end, currency, sign: nil)
  }

  /// The number after a currency's sign, its magnitude, and the rest of a range.
  private mutating func readAmount(
    _ start: Cursor, _ currency: Currency, sign: Unicode.Scalar?
  ) -> Bool {
    var end = start
    guard let numeral = end.numeral(), numeral.decimals.count < 2 else { return false }
    var range = end
    if range.take(of: "-–") != nil {
      if let sign { _ = range.take(sign) }
      if let second = range.numeral(), range.isAtEnd || range.magnitude(Self.magnitudes) != nil {
        // The second number continues below, with its magnitude.
        range = end
        _ = range.take(of: "-–")
        if let sign { _ = range.take(sign) }
        _ = range.numeral()
        let magnitude = range.magnitude(Self.magnitudes)
        let words =
          numeral.words + " to "
          + (magnitude.map { "\(second.words) \($0) \(currency.many)" }
            ?? Self.words(second, currency))
        return sayAmount(words, upTo: range)
      }
    }
    let magnitude = end.magnitude(Self.magnitudes)
    guard end.isAtEnd else { return false }
    // "a $5 bill", "a $3-million house"
    var isAdjective = false
    if ["a", "an"].contains(spoken.context) || end.current == "-" {
      isAdjective = end.current == "-" || end.current == " " && (end.peek(1)?.isSmall ?? false)
    }
    if let magnitude {
      let unit = isAdjective ? currency.one : currency.many
      return sayAmount("\(numeral.words) \(magnitude) \(unit)", upTo: end)
    }
    if isAdjective, numeral.decimals.isEmpty {
      return sayAmount("\(numeral.words) \(currency.one)", upTo: end)
    }
    return sayAmount(Self.words(numeral, currency), upTo: end)
  }

  /// An amount, and "/month" after it.
  private mutating func sayAmount(_ words: String, upTo end: Cursor) -> Bool {
    _ = say(words, upTo: end)
    readRate()
    return true
  }

  private static func words(_ numeral: Numeral, _ currency: Currency) -> String {
    let unit = numeral.isOne ? currency.one : currency.many
    guard let decimals = numeral.decimals.first, numeral.decimals.count == 1 else {
      return "\(numeral.words) \(unit)"
    }
    guard let cent = currency.cent, let cents = currency.cents, decimals.utf8.count <= 2,
      let value = Int(decimals.utf8.count == 1 ? decimals + "0" : decimals)
    else { return "\(numeral.words) \(currency.many)" }
    let isWhole = value == 0
    let fraction = "\(NumberWords.cardinal(value)) \(value == 1 ? cent : cents)"
    let integer = numeral.integer.isEmpty ? "0" : numeral.integer
    if integer == "0" { return isWhole ? "zero \(currency.many)" : fraction }
    let whole =
      "\(NumberWords.cardinal(integer)) \(integer == "1" ? currency.one : currency.many)"
    return isWhole ? whole : "\(whole) and \(fraction)"
  }

  // MARK: Units

  private static let units: [String: (one: String, many: String)] = {
    var units: [String: (one: String, many: String)] = [
      "ft": ("foot", "feet"), "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
      "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"),
      "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
      "mph": ("mile per hour", "miles per hour"), "fps": ("frame per second", "frames per second"),
      "kph": ("kilometer per hour", "kilometers per hour"),
      "kmh": ("kilometer per hour", "kilometers per hour"),
      "rpm": ("revolution per minute", "revolutions per minute"),
      "bpm": ("beat per minute", "beats per minute"),
      "ppm": ("part per million", "parts per million"),
      "bps": ("bit per second", "bits per second"),
      "kbps": ("kilobit per second", "kilobits per second"),
      "Mbps": ("megabit per second", "megabits per second"),
      "Gbps": ("gigabit per second", "gigabits per second"),
      "kWh": ("kilowatt hour", "kilowatt hours"), "kcal": ("kilocalorie", "kilocalories"),
      "sq ft": ("square foot", "square feet"), "sq m": ("square meter", "square meters"),
      "psi": ("P S I", "P S I"), "dpi": ("D P I", "D P I"), "x": ("time", "times"),
      "k": ("thousand", "thousand"), "million": ("million", "million"),
    ]
    for (short, long) in [
      ("mm", "millimeter"), ("cm", "centimeter"), ("m", "meter"), ("km", "kilometer"),
      ("nm", "nanometer"), ("microm", "micrometer"), ("mi", "mile"), ("yd", "yard"),
      ("mg", "milligram"), ("g", "gram"), ("kg", "kilogram"), ("microg", "microgram"),
      ("ml", "milliliter"), ("mL", "milliliter"), ("cl", "centiliter"), ("l", "liter"),
      ("L", "liter"), ("gal", "gallon"), ("s", "second"), ("sec", "second"), ("secs", "second"),
      ("min", "minute"), ("mins", "minute"), ("h", "hour"), ("hr", "hour"), ("hrs", "hour"),
      ("ms", "millisecond"), ("micros", "microsecond"), ("ns", "nanosecond"), ("yr", "year"),
      ("yrs", "year"), ("W", "watt"), ("kW", "kilowatt"), ("MW", "megawatt"), ("GW", "gigawatt"),
      ("V", "volt"), ("mV", "millivolt"), ("kV", "kilovolt"), ("mA", "milliamp"),
      ("mAh", "milliamp hour"), ("kJ", "kilojoule"), ("cal", "calorie"), ("kPa", "kilopascal"),
      ("KB", "kilobyte"), ("kB", "kilobyte"), ("MB", "megabyte"), ("GB", "gigabyte"),
      ("TB", "terabyte"), ("PB", "petabyte"), ("KiB", "kibibyte"), ("MiB", "mebibyte"),
      ("GiB", "gibibyte"), ("dB", "decibel"), ("px", "pixel"), ("ha", "hectare"), ("mol", "mole"),
    ] {
      units[short] = (long, long + "s")
    }
    return units
  }()
  static let unitNames = Set(units.keys).union(periods).union(magnitudes.keys)
  /// Units that may be squared.
  private static let lengths: Set<String> = ["mm", "cm", "m", "km", "ft", "mi", "yd"]
  /// Words after a slash that mean "per".
  private static let periods: Set<String> = [
    "second", "minute", "hour", "day", "night", "week", "month", "year", "person", "unit", "item",
  ]

  /// "5 km", "20°C", "-3%", "90 km/h", "16 GB", "5-km"
  mutating func readMeasure() -> Bool {
    var end = cursor
    guard let numeral = end.numeral() else { return false }
    if let degrees = end.degrees(isOne: numeral.isOne) {
      return say("\(numeral.words) \(degrees)", upTo: end)
    }
    var percent = end
    _ = percent.take(" ")
    if percent.take("%") { return say("\(numeral.words) percent", upTo: percent) }
    // "1920x1080", "3 x 4"
    if let product = product(numeral, end) { return say(product.words, upTo: product.end) }
    let isAdjective = end.current == "-"
    let hasGap = end.take(of: " -") != nil
    var name = end.letters() ?? ""
    if name == "sq", end.take(" ") { name += " " + (end.letters() ?? "") }
    guard let unit = Self.units[name], !(isAdjective && name.utf8.count < 2),
      !(hasGap && (name == "x" || name == "k"))
    else { return false }
    var words = numeral.isOne || isAdjective ? unit.one : unit.many
    if end.take("²") || Self.lengths.contains(name) && end.takeExponent("2") {
      words = "square " + words
    } else if end.take("³") || Self.lengths.contains(name) && end.takeExponent("3") {
      words = "cubic " + words
    }
    guard end.isAtEnd else { return false }
    _ = say("\(numeral.words) \(words)", upTo: end)
    readRate()
    if cursor.current == ".", Self.abbreviatedUnits.contains(name), !endsSentence(after: 1) {
      cursor.position += 1
    }
    return true
  }

  /// "1920x1080", "3 x 4"
  private func product(_ first: Numeral, _ start: Cursor) -> (words: String, end: Cursor)? {
    var words = first.words
    var end = start
    for _ in 0..<3 {
      var next = end
      let hasSpace = next.take(" ")
      guard next.take(of: "xX×") != nil, !hasSpace || next.take(" "), let factor = next.numeral()
      else { break }
      words += (hasSpace ? " times " : " by ") + factor.words
      end = next
    }
    return end.position > start.position && end.isAtEnd ? (words, end) : nil
  }

  /// Units that are written with a full stop.
  private static let abbreviatedUnits: Set<String> = [
    "ft", "lb", "lbs", "oz", "mi", "yd", "gal", "sec", "secs", "min", "mins", "hr", "hrs", "yr",
    "yrs", "sq ft",
  ]

  /// "/h", "/month"
  private mutating func readRate() {
    var end = cursor
    guard end.take("/"), let name = end.letters(), end.isAtEnd else { return }
    if let unit = Self.units[name]?.one {
      _ = say("per " + unit, upTo: end)
    } else if Self.periods.contains(name) || name == "mo" {
      _ = say("per " + (name == "mo" ? "month" : name), upTo: end)
    }
  }

  /// 5'10"
  mutating func readHeight() -> Bool {
    var end = cursor
    guard let feet = end.digits(1...2), end.take("'") else { return false }
    _ = end.take(" ")
    guard let inches = end.digits(1...2), end.take("\"") || end.take(literal: "''") else {
      return false
    }
    let words =
      "\(NumberWords.cardinal(feet)) \(feet == "1" ? "foot" : "feet") "
      + "\(NumberWords.cardinal(inches)) \(inches == "1" ? "inch" : "inches")"
    return say(words, upTo: end)
  }
}

extension Cursor {
  /// "°C", "°"
  fileprivate mutating func degrees(isOne: Bool) -> String? {
    var copy = self
    _ = copy.take(" ")
    guard copy.take("°") else { return nil }
    let degrees = isOne ? "degree" : "degrees"
    var scale = copy
    _ = scale.take(" ")
    let name = scale.letters()
    self = copy
    guard scale.isAtEnd else { return degrees }
    switch name {
    case "C":
      self = scale
      return degrees + " Celsius"
    case "F":
      self = scale
      return degrees + " Fahrenheit"
    default: return degrees
    }
  }

  /// "^2" or "2"
  fileprivate mutating func takeExponent(_ digit: Unicode.Scalar) -> Bool {
    var copy = self
    _ = copy.take("^")
    guard copy.take(digit), copy.isAtEnd else { return false }
    self = copy
    return true
  }

  /// "M", " million"
  fileprivate mutating func magnitude(_ names: [String: String]) -> String? {
    var copy = self
    let hasSpace = copy.take(of: " -") != nil
    guard let letters = copy.letters(), let words = names[letters], copy.isAtEnd,
      !hasSpace || letters.utf8.count > 1
    else { return nil }
    self = copy
    return words
  }
}
