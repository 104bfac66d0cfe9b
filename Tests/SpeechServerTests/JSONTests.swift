// SPDX-License-Identifier: MIT
import SpeechServer
import Testing

@Suite struct JSONTests {
  func parse(_ text: String) throws(JSONParser.Problem) -> JSONValue {
    try JSONParser.parse(Array(text.utf8))
  }

  @Test func `reads every kind of value`() throws {
    let value = try parse(
      #" {"a" : [1, -2.5e1, true, false, null, ""], "b":{"c":"\"\\\/\b\f\n\r\tü\u00e9"}} "#)
    #expect(
      value == [
        "a": [1, -25.0, true, false, nil, ""], "b": ["c": "\"\\/\u{8}\u{C}\n\r\tüé"],
      ])
    #expect(try parse("9223372036854775807") == .integer(.max))
    #expect(try parse("9223372036854775808") == .number(9.223372036854775808e18))
  }

  @Test func `reads pairs of surrogates, and half ones as a mark`() throws {
    #expect(try parse(#""\ud83d\ude00""#) == "😀")
    #expect(try parse(#""\ud83dx""#) == "\u{FFFD}x")
    #expect(try parse(#""\ude00""#) == "\u{FFFD}")
    #expect(try parse(#""\ud83d\u0041""#) == "\u{FFFD}A")
  }

  @Test(arguments: [
    "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1,}", "{a:1}", "\"",
    "\"\\",
    "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "01", "-", "1.", ".5", "1e", "+1", "1e999",
    "nul", "NaN", "1 2", "'a'", "[1}", "\u{0}",
  ])
  func `refuses what is no JSON`(_ text: String) {
    #expect(throws: JSONParser.Problem.self) { try parse(text) }
  }

  @Test func `refuses bytes that are no UTF-8`() {
    #expect(throws: JSONParser.Problem.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
  }

  @Test func `refuses what is too deep`() throws {
    let deep = String(repeating: "[", count: 100_000)
    let problem = #expect(throws: JSONParser.Problem.self) { try parse(deep) }
    #expect(problem?.offset == JSONParser.deepest)
    let most = JSONParser.deepest
    let value = try parse(
      String(repeating: "[", count: most) + String(repeating: "]", count: most))
    #expect(value != [])
  }

  @Test func `writes what it reads`() throws {
    for text in [
      #"{"a":[1,-2.5,true,false,null],"b":"\"\\\n\r\t\u0001ü😀"}"#, "[]", "{}", "1e+300",
    ] {
      #expect(try parse(text).text == text)
    }
  }
}
