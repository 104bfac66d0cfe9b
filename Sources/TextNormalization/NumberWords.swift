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
  private static let scales = ["", " thousand", " million", " billion", " trillion"]
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
    let words = value < 100 ? cardinal(value) : year(value)
    return words.hasSuffix("y") ? words.dropLast() + "ies" : words + "s"
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

  /// The value of a Roman numeral in its usual spelling, up to 89: few chapters and kings have more.
  static func roman(_ letters: String) -> Int? {
    guard !letters.isEmpty, letters.utf8.count <= 7, letters.allSatisfy({ "IVXL".contains($0) })
    else { return nil }
    return (1...89).first { romanSpelling($0) == letters }
  }

  private static func romanSpelling(_ value: Int) -> String {
    var rest = value
    var spelling = ""
    for (size, letters) in [
      (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    ] {
      while rest >= size {
        spelling += letters
        rest -= size
      }
    }
    return spelling
  }
}
