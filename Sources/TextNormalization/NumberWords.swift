// SPDX-License-Identifier: MIT

/// Numbers in American English. Digits come as text, so that no number is too long.
enum NumberWords {
  private static let small = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
  ]
  private static let tens = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
  ]
  private static let scales = [
    "", " thousand", " million", " billion", " trillion", " quadrillion", " quintillion",
    " sextillion", " septillion", " octillion", " nonillion", " decillion",
  ]
  /// Longer numbers are said digit by digit.
  private static let longest = 15

  /// "one hundred twenty-three"; digit by digit for numbers with leading zeros, such as codes, and
  /// from a thousand trillions on.
  static func cardinal(_ digits: String) -> String {
    guard digits.count <= longest, !(digits.count > 1 && digits.hasPrefix("0")),
      let value = Int(digits)
    else { return self.digits(digits) }
    return cardinal(value)
  }

  static func cardinal(_ value: Int) -> String {
    guard value > 0 else { return small[0] }
    var groups: [String] = []
    var rest = value
    for scale in scales where rest > 0 {
      if rest % 1000 > 0 { groups.append(hundreds(rest % 1000) + scale) }
      rest /= 1000
    }
    return groups.reversed().joined(separator: " ")
  }

  private static func hundreds(_ value: Int) -> String {
    switch value {
    case ..<20: small[value]
    case ..<100: tens[value / 10] + (value % 10 > 0 ? "-" + small[value % 10] : "")
    default:
      small[value / 100] + " hundred" + (value % 100 > 0 ? " " + hundreds(value % 100) : "")
    }
  }

  /// A number whose thousands are separated: it is no code, however long it is.
  static func grouped(_ digits: String) -> String {
    guard digits.utf8.count > longest, digits.utf8.count <= 3 * scales.count,
      !digits.hasPrefix("0")
    else { return cardinal(digits) }
    var rest = Substring(digits)
    var groups: [String] = []
    for scale in scales where !rest.isEmpty {
      if let value = Int(rest.suffix(3)), value > 0 { groups.append(hundreds(value) + scale) }
      rest = rest.dropLast(3)
    }
    return groups.reversed().joined(separator: " ")
  }

  /// As people say the numbers of houses, sections and doors: "four oh one", "fourteen
  /// twenty-eight", "twelve hundred".
  static func inPairs(_ value: Int) -> String {
    switch value {
    case ..<100: cardinal(value)
    case ..<1000 where value % 100 == 0: cardinal(value)
    case 1000..<10_000 where value % 1000 < 10: cardinal(value)
    case ..<10_000: pair(value / 100, value % 100)
    default: digits("\(value)")
    }
  }

  /// "one two three"
  static func digits(_ digits: String) -> String {
    digits.compactMap { $0.wholeNumberValue.map { small[$0] } }.joined(separator: " ")
  }

  /// "twenty-second"
  static func ordinal(_ digits: String) -> String {
    let words = cardinal(digits)
    let start = words.lastIndex { $0 == " " || $0 == "-" }.map { words.index(after: $0) }
    let last = String(words[(start ?? words.startIndex)...])
    return words.dropLast(last.count) + ordinalOfWord(last)
  }

  private static func ordinalOfWord(_ word: String) -> String {
    switch word {
    case "one": "first"
    case "two": "second"
    case "three": "third"
    case "five": "fifth"
    case "eight": "eighth"
    case "nine": "ninth"
    case "twelve": "twelfth"
    default: word.hasSuffix("y") ? word.dropLast() + "ieth" : word + "th"
    }
  }

  /// "nineteen oh five", "two thousand five", "twenty twenty-four"
  static func year(_ value: Int) -> String {
    let (century, rest) = (value / 100, value % 100)
    if century % 10 == 0 { return rest < 10 ? cardinal(value) : pair(century, rest) }
    return pair(century, rest)
  }

  private static func pair(_ century: Int, _ rest: Int) -> String {
    let end = rest == 0 ? "hundred" : rest < 10 ? "oh " + small[rest] : cardinal(rest)
    return cardinal(century) + " " + end
  }

  /// "nineteen eighties", "two thousands"
  static func decade(_ value: Int) -> String {
    plural(value < 100 ? cardinal(value) : year(value))
  }

  /// "fifties", "sixes", "twos"
  static func plural(_ words: String) -> String {
    words.hasSuffix("y") ? words.dropLast() + "ies" : words + (words.hasSuffix("x") ? "es" : "s")
  }

  /// "one half", "three quarters", "two thirds"; "six over four" where it is no part of a whole.
  static func fraction(_ numerator: String, _ denominator: String) -> String {
    guard let top = Int(numerator), let bottom = Int(denominator), top > 0, top < bottom,
      bottom <= 100, !numerator.hasPrefix("0"), !denominator.hasPrefix("0")
    else { return cardinal(numerator) + " over " + cardinal(denominator) }
    let part =
      switch bottom {
      case 2: "half"
      case 4: "quarter"
      default: ordinal(denominator)
      }
    return cardinal(top) + " " + part + (top > 1 ? "s" : "")
  }

  /// The value of a Roman numeral in its usual spelling, up to 3,999.
  static func roman(_ letters: String) -> Int? {
    guard !letters.isEmpty, letters.utf8.count <= 15 else { return nil }
    var value = 0
    var last = 0
    for letter in letters.utf8.reversed() {
      guard let size = romanSizes[letter] else { return nil }
      value += size < last ? -size : size
      last = max(last, size)
    }
    return value < 4000 && romanSpelling(value) == letters ? value : nil
  }

  /// The same in small letters, as pages and scenes have them: "iv".
  static func roman(smallNumeral letters: String) -> Int? {
    guard letters.utf8.count > 1, letters.allSatisfy({ "ivx".contains($0) }) else { return nil }
    return roman(letters.uppercased())
  }

  private static let romanSizes: [UInt8: Int] = [
    UInt8(ascii: "I"): 1, UInt8(ascii: "V"): 5, UInt8(ascii: "X"): 10, UInt8(ascii: "L"): 50,
    UInt8(ascii: "C"): 100, UInt8(ascii: "D"): 500, UInt8(ascii: "M"): 1000,
  ]

  private static func romanSpelling(_ value: Int) -> String {
    var rest = value
    var spelling = ""
    for (size, letters) in [
      (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
      (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    ] {
      while rest >= size {
        spelling += letters
        rest -= size
      }
    }
    return spelling
  }
}
