// SPDX-License-Identifier: MIT

/// Money.
extension EnglishReader {
  /// "$25.50", "€3", "$3.5 million", "25 €", "50¢", "20 USD", "1.234,56 €"
  mutating func readMoney() -> Bool {
    var end = cursor
    if let sign = end.current, Currency.leading.contains(sign), let currency = Currency.signs[sign]
    {
      end.position += 1
      return readAmount(end, currency, sign: sign)
    }
    guard let numeral = end.money() else { return false }
    // "99c", but "figure 10c".
    if end.current == "c", numeral.integer.utf8.count == 2, numeral.decimals.isEmpty,
      end.following().isAtEnd, !Labels.counted.contains(spoken.context)
    {
      return sayAmount(numeral.words + " cents", upTo: end.following())
    }
    if end.current == " " { end.position += 1 }
    var coded = end
    if let sign = end.current, let currency = Currency.signs[sign] {
      end.position += 1
      // "5 $3 coupons": the sign belongs to what follows.
      guard end.isAtEnd else { return false }
      let isAdjective = end.current == " " && Units.priced.contains(end.nextWord() ?? "")
      return sayAmount(
        isAdjective ? "\(numeral.words) \(currency.one)" : currency.words(numeral), upTo: end)
    }
    let magnitude = coded.magnitude(Magnitude.ofMoney)
    if magnitude != nil { _ = coded.take(" ") }
    guard let code = coded.letters(), let currency = Currency.codes[code], coded.isAtEnd else {
      return false
    }
    guard let magnitude else { return sayAmount(currency.words(numeral), upTo: coded) }
    return sayAmount("\(numeral.words) \(magnitude) \(currency.many)", upTo: coded)
  }

  /// "US$5", "A$5", "USD 5", "Rs. 500"
  mutating func readCurrencyCode() -> Bool {
    var end = cursor
    guard let first = cursor.current, first.isCapital || first == "k" || first == "z",
      let letters = end.letters()
    else { return false }
    if let sign = end.current, Currency.leading.contains(sign),
      end.peek(end.peek(1) == " " && letters == "R" ? 2 : 1)?.isDigit ?? false
    {
      end.position += 1
      guard let currency = sign == "$" ? Currency.prefixes[letters] : Currency.signs[sign],
        letters.utf8.count < 4
      else { return false }
      return readAmount(end, currency, sign: sign)
    }
    if letters == "Rs" || letters == "Re", let rupee = Currency.codes["INR"] {
      _ = end.take(".")
      _ = end.take(" ")
      return (end.current?.isDigit ?? false) && readAmount(end, rupee, sign: nil)
    }
    guard let currency = Currency.codes[letters] else { return false }
    _ = end.take(" ")
    // "USD $50"
    if let sign = end.current, Currency.leading.contains(sign) { end.position += 1 }
    return readAmount(end, currency, sign: nil)
  }

  /// The number after a currency's sign, its magnitude, and the rest of a range.
  private mutating func readAmount(
    _ start: Cursor, _ currency: Currency, sign: Unicode.Scalar?
  ) -> Bool {
    var end = start
    if end.current == " ", sign != nil { end.position += 1 }
    if end.current == "-", end.peek(1)?.isDigit ?? false {
      // "$-5"
      end.position += 1
      guard let numeral = end.money(), end.isAtEnd else { return false }
      return sayAmount("minus " + currency.words(numeral), upTo: end)
    }
    guard let numeral = end.money(), numeral.decimals.count < 2 else { return false }
    // "$3/4 million"
    var fraction = end
    if numeral.decimals.isEmpty, fraction.take("/"), let parts = fraction.digits(1...2),
      fraction.isAtEnd, let magnitude = fraction.magnitude(Magnitude.ofMoney)
    {
      let share = NumberWords.fraction(numeral.integer, parts)
      return sayAmount("\(share) of a \(magnitude) \(currency.many)", upTo: fraction)
    }
    if let range = range(from: numeral, end, currency, sign: sign) {
      return sayAmount(range.words, upTo: range.end)
    }
    let magnitude = end.magnitude(Magnitude.ofMoney)
    var plural = end
    if magnitude == nil, plural.take("s"), plural.isAtEnd, numeral.decimals.isEmpty {
      // "$20s and $50s"
      return sayAmount(NumberWords.plural(numeral.words), upTo: plural)
    }
    guard end.isAtEnd else { return false }
    var coded = end
    if coded.take(" "), let code = coded.letters(), coded.isAtEnd, sign == "$",
      let named = Currency.codes[code], named.one.hasSuffix("dollar")
    {
      // "$5.00 USD"
      return sayAmount(
        magnitude.map { "\(numeral.words) \($0) \(named.many)" } ?? named.words(numeral),
        upTo: coded)
    }
    // "a $5 bill", "a $3-million house"
    var isAdjective = end.current == " " && Units.priced.contains(end.nextWord() ?? "")
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
    return sayAmount(currency.words(numeral), upTo: end)
  }

  /// "$5-10", "€5–€10", "$1.5-2 million": the second amount names the money for both.
  private func range(
    from first: Numeral, _ start: Cursor, _ currency: Currency, sign: Unicode.Scalar?
  ) -> (words: String, end: Cursor)? {
    var end = start
    var words = first.words
    if let magnitude = end.magnitude(Magnitude.ofMoney) { words += " " + magnitude }
    guard end.take(of: "-–") != nil else { return nil }
    if let sign { _ = end.take(sign) }
    guard let second = end.money() else { return nil }
    let magnitude = end.magnitude(Magnitude.ofMoney)
    guard end.isAtEnd else { return nil }
    if let magnitude { return ("\(words) to \(second.words) \(magnitude) \(currency.many)", end) }
    if first.decimals.first?.utf8.count == 2 { words = currency.words(first) }
    return ("\(words) to \(currency.words(second))", end)
  }

  /// An amount, and "/month" after it.
  private mutating func sayAmount(_ words: String, upTo end: Cursor) -> Bool {
    _ = say(words, upTo: end)
    readRate()
    return true
  }

  /// "$", which nothing follows, says its name among words.
  mutating func readLoneCurrency(_ sign: Unicode.Scalar) -> Bool {
    guard let currency = Currency.signs[sign], sign != "¢",
      cursor.previous.map({ " /(".unicodeScalars.contains($0) }) ?? true,
      cursor.peek(1).map({ " ,.;:!?)/".unicodeScalars.contains($0) }) ?? true,
      !spoken.text.isEmpty || !cursor.following().hasNothingLeft
    else { return false }
    // "$ make" is what a terminal shows.
    let next = cursor.nextWordAfterSign
    if spoken.isAtStart, let next, !["and", "or", "is", "to", "sign", "symbol"].contains(next) {
      return false
    }
    spoken.sayInstead(currency.many)
    piece = .word
    return true
  }
}

extension Cursor {
  fileprivate var nextWordAfterSign: String? { following().nextWord() }

  /// A number of money, where a comma before two digits is a decimal comma.
  fileprivate mutating func money() -> Numeral? {
    guard var numeral = numeral() else { return nil }
    var copy = self
    if numeral.decimals.isEmpty, copy.take(","), let cents = copy.digits(2...2),
      !(copy.current == "," || copy.current == "." && copy.peek(1)?.isDigit ?? false)
    {
      numeral.decimals = [cents]
      self = copy
    }
    return numeral
  }
}
