// SPDX-License-Identifier: MIT

/// The members of a JSON object, taken one by one: what is taken is checked, what is left over is
/// known by name.
package struct Members {
  private let values: [String: JSONValue]
  private var taken: Set<String> = []

  init(_ values: [String: JSONValue]) { self.values = values }

  /// Names that nothing asked for, in alphabetical order.
  var unknown: [String] { values.keys.filter { !taken.contains($0) }.sorted() }

  /// The first of the names that has a value; null counts as absent.
  private mutating func value(_ names: [String]) -> (name: String, value: JSONValue)? {
    taken.formUnion(names)
    for name in names {
      if let value = values[name], value != .null { return (name, value) }
    }
    return nil
  }

  /// Takes a member without looking at it.
  mutating func any(_ names: String...) -> JSONValue? { value(names)?.value }

  mutating func string(_ names: String...) throws(APIError) -> String? {
    guard let (name, value) = value(names) else { return nil }
    guard case .string(let string) = value else { throw expected("a string", name, value) }
    return string
  }

  mutating func bool(_ names: String...) throws(APIError) -> Bool? {
    guard let (name, value) = value(names) else { return nil }
    guard case .bool(let bool) = value else { throw expected("true or false", name, value) }
    return bool
  }

  mutating func integer(
    _ names: String..., in range: ClosedRange<Int64> = .min ... .max
  ) throws(APIError) -> Int64? {
    guard let (name, value) = value(names) else { return nil }
    let wanted =
      range == .min ... .max
      ? "a whole number"
      : range.upperBound == .max
        ? "a whole number of at least \(range.lowerBound)"
        : "a whole number of \(range.lowerBound) to \(range.upperBound)"
    guard case .integer(let integer) = value, range.contains(integer) else {
      throw expected(wanted, name, value)
    }
    return integer
  }

  mutating func number(
    _ names: String..., in range: ClosedRange<Double>
  ) throws(APIError) -> Double? {
    guard let (name, value) = value(names) else { return nil }
    let wanted = "a number of \(range.lowerBound) to \(range.upperBound)"
    let number: Double
    switch value {
    case .integer(let integer): number = Double(integer)
    case .number(let double): number = double
    default: throw expected(wanted, name, value)
    }
    guard range.contains(number) else { throw expected(wanted, name, value) }
    return number
  }

  mutating func numbers(_ names: String...) throws(APIError) -> [Float]? {
    guard let (name, value) = value(names) else { return nil }
    guard case .array(let elements) = value else { throw expected("an array", name, value) }
    return try elements.map { element throws(APIError) in
      switch element {
      case .integer(let integer): return Float(integer)
      case .number(let number) where Float(number).isFinite: return Float(number)
      default: throw expected("finite numbers", name, element)
      }
    }
  }

  mutating func object(_ names: String...) throws(APIError) -> [String: JSONValue]? {
    guard let (name, value) = value(names) else { return nil }
    guard case .object(let members) = value else { throw expected("an object", name, value) }
    return members
  }

  mutating func array(_ names: String...) throws(APIError) -> [JSONValue]? {
    guard let (name, value) = value(names) else { return nil }
    guard case .array(let elements) = value else { throw expected("an array", name, value) }
    return elements
  }

  /// One of some words, in any case.
  mutating func word<Choice: RawRepresentable & CaseIterable>(
    _ names: String..., as type: Choice.Type
  ) throws(APIError) -> Choice? where Choice.RawValue == String {
    guard let (name, value) = value(names) else { return nil }
    let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    guard case .string(let string) = value,
      let choice = Choice.allCases.first(where: { $0.rawValue.lowercased() == string.lowercased() })
    else { throw expected("one of \(words)", name, value) }
    return choice
  }

  private func expected(_ what: String, _ name: String, _ found: JSONValue) -> APIError {
    let shown =
      switch found {
      case .string(let value): "\"\(value.prefix(60))\""
      case .integer(let value): "\(value)"
      case .number(let value): "\(value)"
      case .bool(let value): "\(value)"
      default: found.kind
      }
    return .invalid(name, "\(name): expected \(what), found \(shown).")
  }
}
