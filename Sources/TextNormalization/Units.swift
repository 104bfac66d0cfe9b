// SPDX-License-Identifier: MIT

/// The names of units.
enum Units {
  typealias Names = (one: String, many: String)

  private static let irregular: [String: Names] = [
    "ft": ("foot", "feet"), "in": ("inch", "inches"), "c": ("cup", "cups"),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "THz": ("terahertz", "terahertz"),
    "mph": ("mile per hour", "miles per hour"), "fps": ("frame per second", "frames per second"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "kmph": ("kilometer per hour", "kilometers per hour"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"),
    "wpm": ("word per minute", "words per minute"),
    "ppm": ("part per million", "parts per million"),
    "ppb": ("part per billion", "parts per billion"),
    "bps": ("bit per second", "bits per second"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "Tbps": ("terabit per second", "terabits per second"),
    "MBps": ("megabyte per second", "megabytes per second"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "psi": ("P S I", "P S I"), "dpi": ("D P I", "D P I"), "ppi": ("P P I", "P P I"),
    "rad": ("radian", "radians"), "lx": ("lux", "lux"), "x": ("time", "times"),
    "k": ("thousand", "thousand"), "cc": ("C C", "C C"), "dBm": ("D B M", "D B M"),
    "bar": ("bar", "bars"), "mbar": ("millibar", "millibars"), "sq": ("square", "square"),
    "inHg": ("inch of mercury", "inches of mercury"), "mM": ("millimolar", "millimolar"),
    "sqft": ("square foot", "square feet"), "sqm": ("square meter", "square meters"),
    "pct": ("percent", "percent"), "VAC": ("volts A C", "volts A C"),
    "VDC": ("volts D C", "volts D C"),
  ]
  private static let regular: [String: String] = [
    "mm": "millimeter", "cm": "centimeter", "dm": "decimeter", "m": "meter", "km": "kilometer",
    "nm": "nanometer", "microm": "micrometer", "mi": "mile", "yd": "yard", "yds": "yard",
    "nmi": "nautical mile", "mg": "milligram", "g": "gram", "gm": "gram", "gms": "gram",
    "kg": "kilogram", "kgs": "kilogram", "microg": "microgram", "mcg": "microgram",
    "lb": "pound", "lbs": "pound", "oz": "ounce", "ml": "milliliter", "mL": "milliliter",
    "cl": "centiliter", "dl": "deciliter", "dL": "deciliter", "l": "liter", "L": "liter",
    "gal": "gallon", "gals": "gallon", "qt": "quart", "qts": "quart", "pt": "pint", "pts": "point",
    "tsp": "teaspoon", "tsps": "teaspoon", "tbsp": "tablespoon", "tbsps": "tablespoon",
    "Tbsp": "tablespoon", "tbs": "tablespoon", "doz": "dozen", "pkg": "package", "s": "second",
    "sec": "second", "secs": "second", "min": "minute", "mins": "minute", "h": "hour",
    "hr": "hour", "hrs": "hour", "ms": "millisecond", "msec": "millisecond",
    "micros": "microsecond", "ns": "nanosecond", "ps": "picosecond", "wk": "week", "wks": "week",
    "yr": "year", "yrs": "year", "W": "watt", "mW": "milliwatt", "kW": "kilowatt",
    "MW": "megawatt", "GW": "gigawatt", "TW": "terawatt", "Wh": "watt hour",
    "kWh": "kilowatt hour", "MWh": "megawatt hour", "GWh": "gigawatt hour",
    "TWh": "terawatt hour", "V": "volt", "mV": "millivolt", "kV": "kilovolt", "mA": "milliamp",
    "microA": "microamp", "Ah": "amp hour", "mAh": "milliamp hour", "J": "joule",
    "kJ": "kilojoule", "MJ": "megajoule", "cal": "calorie", "kcal": "kilocalorie",
    "eV": "electron volt", "keV": "kiloelectron volt", "MeV": "megaelectron volt",
    "GeV": "gigaelectron volt", "N": "newton", "kN": "kilonewton", "Nm": "newton meter",
    "Pa": "pascal", "hPa": "hectopascal", "kPa": "kilopascal", "MPa": "megapascal",
    "GPa": "gigapascal", "atm": "atmosphere", "KB": "kilobyte", "kB": "kilobyte",
    "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "PB": "petabyte", "EB": "exabyte",
    "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte", "TiB": "tebibyte", "kb": "kilobit",
    "Kb": "kilobit", "Mb": "megabit", "Gb": "gigabit", "kbit": "kilobit", "Mbit": "megabit",
    "Gbit": "gigabit", "dB": "decibel", "px": "pixel", "MP": "megapixel", "ha": "hectare",
    "mol": "mole", "mmol": "millimole", "cd": "candela", "lm": "lumen", "Sv": "sievert",
    "mSv": "millisievert", "microSv": "microsievert", "Bq": "becquerel", "Gy": "gray",
    "kOhm": "kiloohm", "kohm": "kiloohm", "Mohm": "megaohm", "mohm": "milliohm", "ohm": "ohm",
    "hp": "horsepower", "d": "day", "w": "week", "mo": "month", "mos": "month", "ly": "light-year",
    "kts": "knot", "kn": "knot", "microF": "microfarad", "nF": "nanofarad", "pF": "picofarad",
    "mH": "millihenry", "microL": "microliter", "microl": "microliter",
    "TeV": "teraelectron volt",
  ]
  private static let squares: [String: Names] = {
    var squares: [String: Names] = [:]
    for (short, names) in [
      ("ft", ("foot", "feet")), ("in", ("inch", "inches")), ("mi", ("mile", "miles")),
      ("yd", ("yard", "yards")), ("m", ("meter", "meters")), ("km", ("kilometer", "kilometers")),
      ("cm", ("centimeter", "centimeters")), ("mm", ("millimeter", "millimeters")),
    ] {
      squares["sq " + short] = ("square " + names.0, "square " + names.1)
      squares["cu " + short] = ("cubic " + names.0, "cubic " + names.1)
    }
    squares["fl oz"] = ("fluid ounce", "fluid ounces")
    return squares
  }()
  private static let all: [String: Names] = {
    var units = irregular
    for (short, name) in regular {
      units[short] = (name, ["horsepower", "dozen"].contains(name) ? name : name + "s")
    }
    return units.merging(squares) { $1 }
  }()
  /// The same in small letters, for units that people write in capitals, or without them.
  private static let inAnyCase: [String: Names] = {
    // "MW" and "mW" are different; these are too often something else.
    let ambiguous: Set<String> = [
      "mw", "pa", "ms", "mi", "ha", "pt", "in", "ns", "ps", "ma", "mpa", "cd", "cal", "kb", "mb",
      "gb", "atm", "mp", "pts", "bar", "sq", "rad", "lm", "cc", "eb", "pb", "ah", "nm", "dm", "gm",
      "mbps", "ev", "c",
    ]
    var units: [String: Names] = [:]
    for (short, names) in all where short.utf8.count > 1 && !ambiguous.contains(short.lowercased())
    {
      units[short.lowercased()] = names
    }
    for (short, names) in [
      ("kb", "kilobyte"), ("mb", "megabyte"), ("gb", "gigabyte"), ("tb", "terabyte"),
    ] {
      units[short] = (names, names + "s")
    }
    units["mbps"] = all["Mbps"]
    return units
  }()
  static let names = Set(all.keys).union(inAnyCase.keys)

  /// The words for a unit's short form.
  static func words(_ name: String) -> Names? {
    if let names = all[name] { return names }
    guard name.utf8.count > 1, name.unicodeScalars.allSatisfy({ $0.isLetter || $0 == " " }),
      name == name.lowercased() || name == name.uppercased()
        || name.dropFirst().allSatisfy(\.isLowercase)
    else { return nil }
    return inAnyCase[name.lowercased()]
  }

  /// Units that may be squared.
  static let lengths: Set<String> = ["mm", "cm", "m", "km", "ft", "in", "mi", "yd"]

  /// Units that are written with a full stop.
  static let abbreviated: Set<String> = [
    "c", "ft", "in", "lb", "lbs", "oz", "mi", "yd", "yds", "gal", "qt", "qts", "pt", "tsp", "tsps",
    "tbsp",
    "Tbsp", "tbsps", "tbs", "doz", "pkg", "sec", "secs", "min", "mins", "hr", "hrs", "yr", "yrs",
    "wk", "mo", "mos",
    "wks", "sq ft", "sq mi", "sq in", "fl oz", "cu ft", "cal", "pts",
  ]

  /// Things that are named by their measure: "a 60W bulb", "a 27" monitor".
  static let measured: Set<String> = Set(
    """
    bag battery bed bike blade board boat bolt bottle box bulb cable camera can card charger chip class clip \
    cord cup dash delay delivery disc disk display dive dose drill drive drone engine fence file film flight floppy frame \
    fuse glass heel hike hole hose house jar jug keyboard ladder lamp laser lens letter level limit line load \
    magazine marathon mark memory monitor motor nail notice outlet pack paper pause phone pipe pizza plank plate pole \
    pool pump race radio radius rail ram relay resistor ride road roof room rope round row ruler run sandwich \
    screen screw sheet shift sprint ssd stage steak stick sub supply swim tablet tank tape television tile \
    timer tire tower track trail tree trip tv vinyl walk wall watch wheel window wire workout wrench
    """.split(separator: " ").map(String.init))

  /// Things that are named by their price: "$20 bills".
  static let priced: Set<String> = Set(
    """
    bailout bet bill bills bonus budget charge check coin coins contract coupon coupons credit deal deposit \
    discount donation economy fee fine fund gift grant investment jackpot loan lottery note notes payment \
    penalty prize purchase rebate salary scholarship settlement stamp stamps subscription ticket tickets tip \
    tuition valuation voucher
    """.split(separator: " ").map(String.init))

  /// Units of time, the longest first, as durations count them.
  static let times = [
    "y": "year", "yr": "year", "yrs": "year", "w": "week", "wk": "week", "wks": "week", "d": "day",
    "h": "hour", "hr": "hour", "hrs": "hour", "m": "minute", "min": "minute", "mins": "minute",
    "s": "second", "sec": "second", "secs": "second", "ms": "millisecond",
  ]
  static let timeOrder = ["year", "week", "day", "hour", "minute", "second", "millisecond"]

  /// What stands after a slash and means "per".
  private static let periods: Set<String> = [
    "second", "minute", "hour", "day", "night", "week", "month", "quarter", "year", "person",
    "people", "unit", "item", "each", "user", "seat", "head", "pound", "gallon", "mile", "kilo",
    "gram", "liter", "litre", "meter", "metre", "kilometer", "kilogram", "share", "barrel", "ton",
    "piece", "room", "game", "term", "session", "visit", "bottle", "box", "pair", "set", "dose",
  ]
  private static let shortPeriods: [String: String] = [
    "mo": "month", "mth": "month", "d": "day", "wk": "week", "w": "week", "y": "year", "yr": "year",
    "hr": "hour", "ea": "each", "pp": "person", "sqft": "square foot", "bbl": "barrel",
    "pc": "piece",
    "q": "quarter", "qtr": "quarter", "dozen": "dozen", "doz": "dozen", "pax": "person", "t": "ton",
  ]

  /// "hour" for what is after the slash of "/h".
  static func period(_ name: String) -> String? {
    shortPeriods[name] ?? (periods.contains(name) ? name : words(name)?.one)
  }
}
