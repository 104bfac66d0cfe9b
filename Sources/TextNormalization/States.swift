// SPDX-License-Identifier: MIT

/// The states of an address: "Portland, OR 97209".
enum States {
  private static let names = [
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas",
    "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts",
    "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri", "MT": "Montana",
    "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota",
    "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah",
    "VT": "Vermont", "VA": "Virginia", "WA": "Washington", "WV": "West Virginia",
    "WI": "Wisconsin", "WY": "Wyoming", "DC": "D C", "PR": "Puerto Rico",
  ]
  /// Words too: states only before a postal code.
  private static let words: Set<String> = [
    "DC", "HI", "ID", "LA", "MD", "ME", "MS", "OH", "OK", "PR",
  ]
  /// Degrees and other things too: states only after the name of a city that has no other name before it.
  private static let ambiguous: Set<String> = [
    "AL", "AR", "CO", "CT", "DE", "IN", "MA", "MT", "OR", "PA", "SD", "VA",
  ]

  /// The name of the state that two capitals after a comma stand for; other capitals before a postal code are
  /// spelled.
  ///
  /// - Parameter isAfterOneName: Whether one capitalised word by itself is before the comma.
  static func name(_ code: String, isBeforePostalCode: Bool, isAfterOneName: Bool) -> String? {
    if isBeforePostalCode { return names[code] ?? Acronyms.spell(code) }
    if words.contains(code) || ambiguous.contains(code) && !isAfterOneName { return nil }
    return names[code]
  }
}
