// SPDX-License-Identifier: MIT

/// The names of money.
struct Currency {
  var one, many: String
  /// `nil` for a currency whose hundredths nobody names.
  var cent, cents: String?

  init(_ one: String, _ many: String? = nil, cent: String? = nil, cents: String? = nil) {
    self.one = one
    self.many = many ?? one + "s"
    self.cent = cent
    self.cents = cents ?? cent.map { $0 + "s" }
  }

  static let signs: [Unicode.Scalar: Currency] = [
    "$": dollar(nil), "€": Currency("euro", cent: "cent"), "£": pound,
    "¥": Currency("yen", "yen"), "₹": rupee, "¢": Currency("cent"), "₩": Currency("won", "won"),
    "₽": Currency("ruble"), "₺": Currency("lira", "lira"), "₫": Currency("dong", "dong"),
    "₪": Currency("shekel"), "₱": Currency("peso"), "₦": Currency("naira", "naira"),
    "฿": Currency("baht", "baht"), "₴": Currency("hryvnia", "hryvnia"), "₿": Currency("bitcoin"),
    "₡": Currency("colon", "colones"), "₵": Currency("cedi"), "₸": Currency("tenge", "tenge"),
    "₼": Currency("manat", "manat"), "₲": Currency("guarani"), "₾": Currency("lari", "lari"),
    "₭": Currency("kip", "kip"), "₮": Currency("tugrik"), "₨": rupee,
  ]
  /// Signs that amounts begin with.
  static let leading = Set(signs.keys).subtracting(["¢"])

  /// What stands before a sign, and the money both mean: "A$5".
  static let prefixes: [String: Currency] = [
    "US": dollar("U S"), "U.S. ": dollar("U S"), "A": dollar("Australian"),
    "AU": dollar("Australian"), "C": dollar("Canadian"), "CA": dollar("Canadian"),
    "CAN": dollar("Canadian"), "NZ": dollar("New Zealand"), "HK": dollar("Hong Kong"),
    "S": dollar("Singapore"), "SG": dollar("Singapore"), "NT": dollar("New Taiwan"),
    "TT": dollar("Trinidad"), "J": dollar("Jamaican"), "Bds": dollar("Barbados"),
    "R": Currency("Brazilian real", "Brazilian reais", cent: "centavo"),
    "MX": Currency("Mexican peso", cent: "centavo"),
    "Mex": Currency("Mexican peso", cent: "centavo"), "CN": Currency("yuan", "yuan"),
    "JP": Currency("yen", "yen"), "E": Currency("Egyptian pound"),
  ]

  static let codes: [String: Currency] = [
    "USD": dollar("U S"), "CAD": dollar("Canadian"), "AUD": dollar("Australian"),
    "NZD": dollar("New Zealand"), "HKD": dollar("Hong Kong"), "SGD": dollar("Singapore"),
    "TWD": dollar("New Taiwan"), "EUR": Currency("euro", cent: "cent"), "GBP": pound,
    "JPY": Currency("yen", "yen"), "CHF": Currency("Swiss franc"), "CNY": Currency("yuan", "yuan"),
    "RMB": Currency("yuan", "yuan"), "KRW": Currency("won", "won"), "INR": rupee,
    "PKR": Currency("Pakistani rupee"), "BRL": Currency("Brazilian real", "Brazilian reais"),
    "MXN": Currency("Mexican peso"), "ARS": Currency("Argentine peso"),
    "PHP": Currency("Philippine peso"), "SEK": Currency("Swedish krona", "Swedish kronor"),
    "NOK": Currency("Norwegian krone", "Norwegian kroner"),
    "DKK": Currency("Danish krone", "Danish kroner"), "PLN": Currency("zloty", "zlotys"),
    "CZK": Currency("Czech koruna", "Czech koruny"), "HUF": Currency("forint"),
    "RUB": Currency("ruble"), "UAH": Currency("hryvnia", "hryvnia"),
    "TRY": Currency("Turkish lira", "Turkish lira"), "ILS": Currency("shekel"),
    "ZAR": Currency("rand", "rand"), "THB": Currency("baht", "baht"),
    "VND": Currency("dong", "dong"), "IDR": Currency("rupiah", "rupiah"),
    "MYR": Currency("ringgit", "ringgit"), "AED": Currency("dirham"), "SAR": Currency("riyal"),
    "NGN": Currency("naira", "naira"), "BTC": Currency("bitcoin"),
    "kr": Currency("krone", "kroner"), "zl": Currency("zloty", "zlotys"),
    "Kc": Currency("koruna", "koruny"),
  ]

  private static let pound = Currency("pound", cent: "penny", cents: "pence")
  private static let rupee = Currency("rupee", cent: "paisa", cents: "paise")

  private static func dollar(_ of: String?) -> Currency {
    Currency((of.map { $0 + " " } ?? "") + "dollar", cent: "cent")
  }

  /// "twenty-five dollars and fifty cents"
  func words(_ numeral: Numeral) -> String {
    let unit = numeral.isOne ? one : many
    guard var decimals = numeral.decimals.first, numeral.decimals.count == 1 else {
      return "\(numeral.words) \(unit)"
    }
    while decimals.utf8.count > 2, decimals.hasSuffix("0") { decimals.removeLast() }
    guard let cent, let cents, decimals.utf8.count <= 2,
      let value = Int(decimals.utf8.count == 1 ? decimals + "0" : decimals)
    else {
      var trimmed = numeral
      trimmed.decimals = [decimals]
      return decimals.allSatisfy { $0 == "0" }
        ? Numeral(integer: numeral.integer).words + " " + unit : "\(trimmed.words) \(many)"
    }
    let isWhole = value == 0
    let fraction = "\(NumberWords.cardinal(value)) \(value == 1 ? cent : cents)"
    let integer = numeral.integer.isEmpty ? "0" : numeral.integer
    if integer == "0" { return isWhole ? "zero \(many)" : fraction }
    let whole = "\(NumberWords.cardinal(integer)) \(integer == "1" ? one : many)"
    return isWhole ? whole : "\(whole) and \(fraction)"
  }
}

/// Words and letters that multiply a number.
enum Magnitude {
  private static let words = [
    "hundred", "thousand", "million", "billion", "trillion", "quadrillion",
  ]
  private static let short: [String: String] = [
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million",
    "mil": "million", "mio": "million", "mill": "million", "MM": "million", "mm": "million",
    "bn": "billion", "b": "billion", "B": "billion", "bil": "billion", "Bn": "billion",
    "Mn": "million", "tn": "trillion", "T": "trillion", "t": "trillion", "tril": "trillion",
    "crore": "crore", "lakh": "lakh",
  ]
  static let names = words + Array(short.keys)

  /// A magnitude as it is written out.
  static func word(_ name: String) -> String? {
    words.contains(name.lowercased()) ? name.lowercased() : nil
  }

  /// A magnitude after money, where its letters are nothing else.
  static func ofMoney(_ name: String) -> String? { word(name) ?? short[name] }
}
