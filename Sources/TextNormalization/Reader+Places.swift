// SPDX-License-Identifier: MIT

/// Streets with the numbers of houses.
extension EnglishReader {
  /// Ends of streets' names, which may stand without a full stop.
  static let streets: [String: String] = [
    "st": "Street", "ave": "Avenue", "av": "Avenue", "blvd": "Boulevard", "rd": "Road",
    "dr": "Drive", "ln": "Lane", "ct": "Court", "pl": "Place", "ter": "Terrace", "terr": "Terrace",
    "cir": "Circle", "hwy": "Highway", "pkwy": "Parkway", "expy": "Expressway",
    "expwy": "Expressway", "fwy": "Freeway", "tpke": "Turnpike", "sq": "Square", "trl": "Trail",
    "aly": "Alley", "xing": "Crossing", "cres": "Crescent", "plz": "Plaza", "rte": "Route",
  ]
  private static let wholeStreets: Set<String> = Set(streets.values.map { $0.lowercased() }).union([
    "way", "row", "walk", "loop", "broadway", "quay", "close", "mews", "alley",
  ])
  private static let directions = [
    "N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest",
    "SE": "Southeast", "SW": "Southwest",
  ]

  /// "1428 Elm St", "77 E Lake Ave": a long number in pairs; the names that follow are read as a
  /// street's.
  mutating func readHouseNumber() -> Bool {
    var end = cursor
    guard let digits = end.digits(1...5), !digits.hasPrefix("0"), let value = Int(digits) else {
      return false
    }
    let number = end
    // "221B Baker St"
    if let letter = end.current, letter.isCapital, !(end.peek(1)?.isWordPart ?? false) {
      end.position += 1
    }
    guard let street = end.endOfStreet() else { return false }
    let words = value < 1000 ? NumberWords.cardinal(value) : NumberWords.inPairs(value)
    _ = say(words, upTo: number)
    endOfStreet = street.position
    return true
  }

  /// A direction or the last word of a street's name.
  mutating func readStreetWord() -> Bool {
    if cursor.position >= endOfStreet { findStreet() }
    guard cursor.position < endOfStreet else { return false }
    var end = cursor
    guard let word = end.letters(), end.isAtEnd, end.current != "'" else { return false }
    let words: String
    if let direction = Self.directions[word] {
      words = direction
    } else if word == "St", end.isBeforeMore(of: endOfStreet) {
      words = "Saint"
    } else if !end.isBeforeMore(of: endOfStreet), let street = Self.streets[word.lowercased()] {
      words = street
    } else {
      return false
    }
    _ = say(words, .word, upTo: end)
    if cursor.current == "." {
      cursor.position += 1
      if cursor.position >= endOfStreet, endsSentence(cursor) { spoken.put(".") }
    }
    return true
  }

  /// "W. 42nd St.", "NE Lake Ave": a street without the number of a house.
  private mutating func findStreet() {
    var end = cursor
    guard cursor.current.map({ "NSEW".unicodeScalars.contains($0) }) ?? false,
      let word = end.letters(), Self.directions[word] != nil
    else { return }
    _ = end.take(".")
    if let street = end.endOfStreet() { endOfStreet = street.position }
  }

  static func isStreet(_ word: String) -> Bool {
    streets[word.lowercased()] != nil || wholeStreets.contains(word.lowercased())
  }

  private static let placesWithDirections: Set<String> = [
    "Africa", "America", "Asia", "Carolina", "Coast", "Dakota", "End", "Europe", "Germany",
    "Ireland", "Korea", "London", "Pole", "Side", "Sudan", "Virginia", "Yorkshire",
  ]

  /// "North" for the letter of "N. Korea".
  static func directionOfPlace(_ letter: String, _ place: String?) -> String? {
    place.map { placesWithDirections.contains($0) } ?? false ? directions[letter] : nil
  }

  static func isDirection(_ word: String) -> Bool { directions[word] != nil }
}

extension Cursor {
  /// Whether more than the quarter of a town is left of a street's name.
  fileprivate func isBeforeMore(of endOfStreet: Int) -> Bool { endOfStreet - position > 4 }

  /// The end of the street whose name begins after a space here: capitalised words and ordinals, the
  /// last of them a street's.
  fileprivate func endOfStreet() -> Cursor? {
    var copy = self
    for count in 0..<6 {
      guard copy.take(" ") else { return nil }
      if let digits = copy.digits(1...3) {
        guard count < 3, let suffix = copy.letters()?.lowercased(),
          ["st", "nd", "rd", "th"].contains(suffix), !digits.isEmpty, copy.isAtEnd
        else { return nil }
        continue
      }
      guard let word = copy.word() else { return nil }
      let isCapital = word.unicodeScalars.first?.isCapital ?? false
      let isStreet = EnglishReader.isStreet(word)
      guard isCapital || isStreet && word.utf8.count < 5, copy.isAtEnd else { return nil }
      if isStreet, count > 0 {
        // "5 N St. Clair Ave": the name may continue after what looks like its end.
        var longer = copy
        _ = longer.take(".")
        if let end = longer.endOfStreet() { return end }
        return copy.withQuarter()
      }
      if EnglishReader.isDirection(word) { _ = copy.take(".") }
    }
    return nil
  }

  /// With the quarter of a town after a street: "Lake Ave NE".
  private func withQuarter() -> Cursor {
    var copy = self
    _ = copy.take(".")
    guard copy.take(" "), let word = copy.letters(), copy.isAtEnd, EnglishReader.isDirection(word)
    else { return self }
    return copy
  }
}
