// SPDX-License-Identifier: MIT

import Foundation

/// Takes out of a text what is written for programs: HTML and SSML tags, entities, Markdown's links,
/// images and code fences, the delimiters of formulas. What people read of it stays.
struct Markup {
  private let text: [Unicode.Scalar]
  private var position = 0
  private var plain: [Unicode.Scalar] = []
  /// The pause that a block's end makes before the next word.
  private var pause: Unicode.Scalar?
  /// Where labels of links end, the innermost last, with the end of their address.
  private var labels: [(end: Int, next: Int)] = []
  /// Ends that are not in the rest of the text, so that nobody looks for them twice.
  private var missing: Set<String> = []
  private lazy var closedTags = Set(
    text.indices.filter { text[$0] == "<" && peek(at: $0 + 1) == "/" }
      .compactMap { name(at: $0 + 2)?.lowercased() })

  /// - Returns: The text itself where it has no markup.
  static func removed(from text: String) -> [Unicode.Scalar] {
    let scalars = Array(text.unicodeScalars)
    guard scalars.contains(where: isSign) else { return scalars }
    var markup = Markup(text: scalars)
    markup.read()
    return markup.plain
  }

  /// Whether markup may begin or end with a scalar.
  static func isSign(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "<", ">", "&", "[", "`", "~", "$", "\\": true
    default: false
    }
  }

  /// The first place after all markup that may be open, when a text that is still being written
  /// goes on with a scalar.
  static func end(
    of scalar: Unicode.Scalar, after last: Unicode.Scalar?, at place: Int, open end: Int
  ) -> Int {
    switch (last, scalar) {
    // Links, and what their labels may hold, are looked for far away; so are the ends of tags, of
    // comments and of delimited formulas. What follows a fence may be a language.
    case (_, "["), ("<", "/"), ("<", "!"), ("<", "?"), ("\\", "("), ("`", "`"), ("~", "~"): .max
    case ("<", _) where scalar.isLetter: .max
    case (_, "$"): max(end, place + longestFormula + 8)
    // A formula ends with its line.
    case (_, "\n") where end < .max: place
    default: end
    }
  }

  private init(text: [Unicode.Scalar]) { self.text = text }

  private mutating func read() {
    plain.reserveCapacity(text.count)
    while position < text.count {
      if let label = labels.last, label.end == position {
        labels.removeLast()
        position = label.next
        continue
      }
      let isRead =
        switch text[position] {
        case "<": readComment() || readTag()
        case ">": readQuotation()
        case "&": readEntity()
        case "[", "!": readLink()
        case "`", "~": readFence()
        case "$": readFormula()
        case "\\": readDelimiter()
        default: false
        }
      if !isRead {
        append(text[position])
        position += 1
      }
    }
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    if let mark = pause, !scalar.properties.isWhitespace {
      pause = nil
      if let last = plain.last(where: { !$0.properties.isWhitespace }),
        !",.;:!?".unicodeScalars.contains(last), !",.;:!?)".unicodeScalars.contains(scalar)
      {
        plain += [mark, " "]
      } else {
        plain.append(" ")
      }
    }
    plain.append(scalar)
  }

  private mutating func append(_ words: String) {
    for scalar in words.unicodeScalars { append(scalar) }
  }

  // MARK: Looking ahead

  private func peek(at place: Int) -> Unicode.Scalar? {
    text.indices.contains(place) ? text[place] : nil
  }

  private func has(_ literal: String, at place: Int) -> Bool {
    var place = place
    for scalar in literal.unicodeScalars {
      guard let other = peek(at: place), String(other).lowercased() == String(scalar) else {
        return false
      }
      place += 1
    }
    return true
  }

  /// The place of the next such literal, in small letters.
  private mutating func find(_ literal: String, from start: Int) -> Int? {
    guard !missing.contains(literal), let first = literal.unicodeScalars.first else { return nil }
    for place in max(start, 0)..<max(text.count, start)
    where text[place] == first && has(literal, at: place) {
      return place
    }
    missing.insert(literal)
    return nil
  }

  /// The name of a tag or an attribute.
  private func name(at start: Int) -> String? {
    var end = start
    while let scalar = peek(at: end), end - start < 40,
      scalar.isLetter || end > start && (scalar.isDigit || ":-_".unicodeScalars.contains(scalar))
    { end += 1 }
    return end > start ? String(String.UnicodeScalarView(text[start..<end])) : nil
  }

  // MARK: Tags

  private static let blocks: Set<String> = Set(
    """
    p div h1 h2 h3 h4 h5 h6 li ul ol dl dt dd tr table thead tbody tfoot caption section article \
    header footer main nav aside blockquote pre hr form fieldset legend figure figcaption title \
    speak address details summary option body head html
    """.split(separator: " ").map(String.init))
  private static let pauses: Set<String> = ["br", "td", "th", "break", "img"]
  private static let spans: Set<String> = Set(
    """
    a abbr acronym audio b base bdi bdo big button canvas center cite code col colgroup data \
    datalist del dfn dialog em embed font frame i iframe input ins kbd label link mark meta meter \
    noscript object output param picture prosody emphasis phoneme say-as voice lang w token sub sup \
    progress q rp rt ruby s samp script select small source span strike strong style svg template \
    textarea time track tt u var video wbr path
    """.split(separator: " ").map(String.init))

  /// "<!-- … -->", "<!DOCTYPE html>", "<?xml … ?>"
  private mutating func readComment() -> Bool {
    let next = peek(at: position + 1)
    guard next == "!" || next == "?" else { return false }
    let close = has("<!--", at: position) ? "-->" : ">"
    guard close == "-->" || peek(at: position + 2)?.isLetter ?? false,
      let end = find(close, from: position + 2)
    else { return false }
    position = end + close.utf8.count
    return true
  }

  private mutating func readTag() -> Bool {
    let isClosing = peek(at: position + 1) == "/"
    guard let written = name(at: position + (isClosing ? 2 : 1)) else { return false }
    let name = written.lowercased()
    let start = position + (isClosing ? 2 : 1) + written.utf8.count
    var end = start
    while let scalar = peek(at: end), scalar != ">", scalar != "<" { end += 1 }
    guard peek(at: end) == ">" else { return false }
    let attributes = text[start..<end]
    guard
      attributes.first.map({ $0.properties.isWhitespace || $0 == "/" || $0 == "=" }) ?? true
    else { return false }
    let isKnown =
      Self.blocks.contains(name) || Self.pauses.contains(name) || Self.spans.contains(name)
    let isEmpty = attributes.allSatisfy(\.properties.isWhitespace)
    guard
      isKnown && (isEmpty || attributes.contains { "=/".unicodeScalars.contains($0) })
        || isClosing || attributes.last == "/" || attributes.contains("=")
        || closedTags.contains(name)
    else { return false }
    if isEmpty, !isClosing, isMentioned(name, end) { return false }
    position = end + 1
    skipOrSay(name, isClosing, attributes)
    return true
  }

  /// "the <p> tag": between words, and nothing closes it.
  private mutating func isMentioned(_ name: String, _ end: Int) -> Bool {
    position > 1 && text[position - 1] == " " && peek(at: end + 1) == " "
      && !["br", "hr", "wbr", "break"].contains(name) && !closedTags.contains(name)
  }

  private mutating func skipOrSay(
    _ name: String, _ isClosing: Bool, _ attributes: ArraySlice<Unicode.Scalar>
  ) {
    switch name {
    case "script", "style":
      if !isClosing, let end = find("</" + name, from: position) { position = end }
    case "say-as":
      let manner = Self.value(of: "interpret-as", in: attributes)
      guard !isClosing, ["characters", "digits", "spell-out", "verbatim"].contains(manner),
        let end = find("</say-as", from: position)
      else { break }
      append(text[position..<end].map(String.init).joined(separator: " "))
      position = end
    case "sub":
      guard !isClosing, let alias = Self.value(of: "alias", in: attributes) else { break }
      append(alias)
      if let end = find("</sub", from: position) { position = end }
    case "sup":
      // Powers; footnotes and the letters of ordinals stay as they are.
      if !isClosing, peek(at: position)?.isDigit ?? false, plain.last?.isWordPart ?? false {
        append("^")
      }
    case "img":
      pause = pause ?? ","
      append(Self.value(of: "alt", in: attributes) ?? "")
      pause = pause ?? ","
    default:
      if Self.blocks.contains(name) { pause = "." }
      // "go<noise/>home"
      if attributes.last == "/", name != "wbr" { append(" ") }
      if Self.pauses.contains(name) { pause = pause ?? "," }
    }
  }

  private static func value(of name: String, in attributes: ArraySlice<Unicode.Scalar>) -> String? {
    let pairs = String(String.UnicodeScalarView(attributes))
    guard let key = pairs.range(of: name + "=") else { return nil }
    let rest = pairs[key.upperBound...]
    guard let quote = rest.first, "\"'".contains(quote) else { return nil }
    return String(rest.dropFirst().prefix { $0 != quote })
  }

  // MARK: Entities

  private static let entities: [String: String] = {
    var entities = [
      "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "ensp": " ",
      "emsp": " ", "thinsp": " ", "shy": "", "zwj": "", "zwnj": "", "lrm": "", "rlm": "",
      "ndash": "–", "mdash": "—", "horbar": "—", "hellip": "…", "lsquo": "‘", "rsquo": "’",
      "sbquo": "‚", "ldquo": "“", "rdquo": "”", "bdquo": "„", "laquo": "«", "raquo": "»",
      "lsaquo": "'", "rsaquo": "'", "prime": "′", "Prime": "″", "bull": "•", "middot": "·",
      "copy": "©", "reg": "®", "trade": "™", "deg": "°", "plusmn": "±", "times": "×",
      "divide": "÷", "minus": "−", "frac12": "½", "frac14": "¼", "frac34": "¾", "sup1": "¹",
      "sup2": "²", "sup3": "³", "micro": "µ", "para": "¶", "sect": "§", "euro": "€",
      "pound": "£", "yen": "¥", "cent": "¢", "permil": "‰", "radic": "√", "infin": "∞",
      "ne": "≠", "le": "≤", "ge": "≥", "asymp": "≈", "larr": "←", "rarr": "→", "uarr": "↑",
      "darr": "↓", "harr": "↔", "iexcl": "¡", "iquest": "¿", "szlig": "ß", "ordf": "ª",
      "ordm": "º", "dagger": "†", "Dagger": "‡", "num": "#", "dollar": "$", "percnt": "%",
      "lpar": "(", "rpar": ")", "lbrack": "[", "rbrack": "]", "sol": "/", "bsol": "\\",
      "colon": ":", "semi": ";", "comma": ",", "period": ".", "excl": "!", "quest": "?",
      "equals": "=", "plus": "+", "ast": "*", "lowbar": "_", "commat": "@", "Tab": " ",
      "NewLine": "\n", "sharp": "♯", "flat": "♭", "curren": "", "ETH": "Ð", "eth": "ð",
      "THORN": "Þ", "thorn": "þ", "AElig": "Æ", "aelig": "æ", "OElig": "Œ", "oelig": "œ",
      "Oslash": "Ø", "oslash": "ø", "hearts": "", "spades": "", "clubs": "", "diams": "",
      "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "Delta": "Δ", "epsilon": "ε",
      "theta": "θ", "lambda": "λ", "mu": "μ", "pi": "π", "sigma": "σ", "Sigma": "Σ",
      "omega": "ω", "Omega": "Ω",
    ]
    // "&eacute;", "&Uuml;": a letter and the name of its mark, which folding drops anyway.
    for letter in "AEIOUYNCSZaeiouyncsz" {
      for mark in ["acute", "grave", "circ", "uml", "tilde", "ring", "cedil", "caron"] {
        entities["\(letter)\(mark)"] = String(letter)
      }
    }
    return entities
  }()
  /// These are known without their semicolon too.
  private static let old: Set<String> = ["amp", "lt", "gt", "quot", "nbsp", "copy", "reg"]

  /// "&amp;", "&#39;", "&#x27;"
  private mutating func readEntity() -> Bool {
    var end = position + 1
    while let scalar = peek(at: end), end - position < 12, scalar.isWordPart || scalar == "#" {
      end += 1
    }
    let name = String(String.UnicodeScalarView(text[(position + 1)..<end]))
    let isEnded = peek(at: end) == ";"
    if name == "amp", isEnded {
      // "&amp;quot;", which was escaped twice.
      let start = position
      position = end
      if readEntity() { return true }
      position = start
    }
    if name.hasPrefix("#"), isEnded {
      let digits = name.dropFirst()
      let value =
        digits.lowercased().hasPrefix("x")
        ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
      guard let scalar = value.flatMap(Unicode.Scalar.init) else { return false }
      append(scalar)
    } else if let words = Self.entities[name], isEnded || Self.old.contains(name) {
      append(words)
    } else {
      return false
    }
    position = end + (isEnded ? 1 : 0)
    return true
  }

  // MARK: Markdown

  private var isAtLineStart: Bool {
    // Text that is indented further is code, and a longer look would cost a long text time.
    let margin = plain.suffix(12)
    return margin.last { $0 != " " }.map { $0 == "\n" || $0 == "\r" } ?? (plain.count < 12)
  }

  /// "> quoted" at the beginning of a line
  private mutating func readQuotation() -> Bool {
    guard isAtLineStart, peek(at: position + 1).map({ $0 == " " || $0 == ">" }) ?? true else {
      return false
    }
    position += 1
    return true
  }

  private static let longestLabel = 300

  /// "[label](address)", "![image](address)", "[label][reference]", "[^1]"
  private mutating func readLink() -> Bool {
    let isImage = text[position] == "!"
    let open = position + (isImage ? 1 : 0)
    guard peek(at: open) == "[" else { return false }
    if has(" ]", at: open + 1) || has("x]", at: open + 1), plain.suffix(2) == ["-", " "] {
      // "- [x] done"
      position += 3
      return true
    }
    var end = open + 1
    var isNested = false
    while let scalar = peek(at: end), end - open < Self.longestLabel, scalar != "]" {
      if scalar == "[" {
        // An image that is a link's label.
        guard !isNested, text[end - 1] == "!", let close = find("](", from: end) else {
          return false
        }
        isNested = true
        guard let next = endOfAddress(close + 1) else { return false }
        end = next
      } else {
        end += 1
      }
    }
    guard peek(at: end) == "]" else { return false }
    if peek(at: open + 1) == "^" {
      position = end + 1
      return true
    }
    let label = text[(open + 1)..<end]
    let next: Int?
    switch peek(at: end + 1) {
    case "(": next = endOfAddress(end + 1)
    case "[":
      let close = text[(end + 2)...].prefix(60).firstIndex(of: "]")
      next = label.contains(where: \.properties.isAlphabetic) ? close.map { $0 + 1 } : nil
    default: next = nil
    }
    guard let next else { return false }
    labels.append((end, next))
    position = open + 1
    return true
  }

  /// The place after "(address)" or "(address "title")".
  private func endOfAddress(_ open: Int) -> Int? {
    var depth = 0
    var place = open
    while let scalar = peek(at: place), place - open < 1_000, scalar != "\n" {
      if scalar == "(" { depth += 1 }
      if scalar == ")" { depth -= 1 }
      place += 1
      if depth == 0 { break }
    }
    guard depth == 0, place > open else { return nil }
    let address = text[(open + 1)..<(place - 1)]
    // "[sic](as he said)" is no link.
    let first = address.prefix { !$0.properties.isWhitespace }
    let rest = address.dropFirst(first.count).drop(while: \.properties.isWhitespace)
    guard rest.isEmpty || "\"'(".unicodeScalars.contains(rest.first ?? " ") else { return nil }
    return place
  }

  /// "```js" and the language after it, "`code`", "~~struck~~"
  private mutating func readFence() -> Bool {
    let sign = text[position]
    var end = position
    while peek(at: end) == sign { end += 1 }
    let isAtLineStart = isAtLineStart
    if end - position >= 3 {
      position = end
      var language = end
      while let scalar = peek(at: language), scalar == " " { language += 1 }
      while let scalar = peek(at: language), !scalar.properties.isWhitespace { language += 1 }
      let line = peek(at: language)
      if isAtLineStart, line == nil || line?.value == 10 || line?.value == 13 {
        position = language
      }
      return true
    }
    if sign == "~" {
      guard end - position == 2 else { return false }
      position = end
      return true
    }
    // An apostrophe of typewriters.
    let isApostrophe =
      end - position == 1 && (plain.last?.isLetter ?? false) && (peek(at: end)?.isLetter ?? false)
    append(isApostrophe ? "'" : "")
    position = end
    return true
  }

  // MARK: Formulas

  private static let longestFormula = 200
  private static let commands: [String: String] = [
    "times": "×", "cdot": "×", "div": "÷", "pm": "±", "leq": "≤", "le": "≤", "geq": "≥",
    "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "infty": "∞", "to": " goes to ", "sqrt": "√",
    "circ": "°", "left": "", "right": "", "quad": " ", "text": "", "mathrm": "", "mathbf": "",
    "ldots": "…", "dots": "…", "in": "∈", "cup": "∪", "cap": "∩", "forall": "∀", "exists": "∃",
  ]
  /// These have limits below and above: "\sum_{i=1}^n".
  private static let limited = [
    "sum": " the sum ", "int": " the integral ", "prod": " the product ", "lim": " the limit ",
  ]

  /// "$E=mc^2$", "$$a+b$$"
  private mutating func readFormula() -> Bool {
    let width = peek(at: position + 1) == "$" ? 2 : 1
    let start = position + width
    guard !(position > 0 && text[position - 1].isWordPart), let first = peek(at: start),
      !first.properties.isWhitespace, first != "$"
    else { return false }
    var end = start
    while let scalar = peek(at: end), scalar != "$", scalar != "\n",
      end - start < Self.longestFormula
    { end += 1 }
    guard peek(at: end) == "$", width == 1 || peek(at: end + 1) == "$",
      !(peek(at: end + width)?.isWordPart ?? false)
    else { return false }
    let body = text[start..<end]
    guard let last = body.last, last.isWordPart || ")}]!'".unicodeScalars.contains(last),
      Self.isFormula(body)
    else { return false }
    readFormula(body)
    position = end + width
    return true
  }

  /// Amounts of money have dollar signs too.
  private static func isFormula(_ body: ArraySlice<Unicode.Scalar>) -> Bool {
    let hasSign = body.contains { "=^_\\{+<>".unicodeScalars.contains($0) }
    let words = body.split { !$0.isLetter }
    if body.first?.isDigit ?? false {
      return body.contains { "^\\".unicodeScalars.contains($0) }
        || hasSign && words.allSatisfy { $0.count < 3 } && !words.isEmpty
    }
    return hasSign || words.count == 1 && (words.first?.count ?? 0) == body.count && body.count < 3
  }

  private mutating func readFormula(_ body: ArraySlice<Unicode.Scalar>) {
    var place = body.startIndex
    while place < body.endIndex {
      let scalar = body[place]
      if scalar == "\\", place + 1 < body.endIndex, body[place + 1].isLetter {
        let command = String(
          String.UnicodeScalarView(body[(place + 1)...].prefix(while: \.isLetter)))
        place += 1 + command.utf8.count
        if command == "frac" || command == "dfrac" || command == "tfrac" {
          // "\frac{a}{b}": the braces are silent, what is between them says "over".
          let groups = group(body, place).flatMap { top in
            group(body, top.endIndex + 1).map { (top, $0) }
          }
          if let (top, bottom) = groups {
            readFormula(top)
            append(" over ")
            readFormula(bottom)
            place = bottom.endIndex + 1
          }
        } else if let name = Self.limited[command] {
          append(name)
          readLimits(body, &place, isApproached: command == "lim")
        } else {
          append(Self.commands[command] ?? " " + command + " ")
        }
        continue
      }
      if scalar.isLetter {
        // Letters of a formula are names of quantities.
        if plain.last?.isLetter ?? false, place > body.startIndex { append(" ") }
        append(scalar)
      } else if scalar == "^", place + 1 < body.endIndex,
        "23".unicodeScalars.contains(body[place + 1]),
        !(place + 2 < body.endIndex && body[place + 2].isWordPart)
      {
        append(body[place + 1] == "2" ? "²" : "³")
        place += 1
      } else if scalar == "^" {
        append("^")
      } else if scalar == "-" {
        append(plain.last == "^" ? "-" : " − ")
      } else if !"{}\\&".unicodeScalars.contains(scalar) {
        append(scalar == "_" ? " " : scalar)
      }
      place += 1
    }
  }

  /// "_{i=1}^n" says "from i = 1 to n of".
  private mutating func readLimits(
    _ body: ArraySlice<Unicode.Scalar>, _ place: inout Int, isApproached: Bool
  ) {
    for (sign, word) in [("_", isApproached ? "as " : "from "), ("^", " to ")] {
      guard place + 1 < body.endIndex, String(body[place]) == sign else { continue }
      append(word)
      if let limit = group(body, place + 1) {
        readFormula(limit)
        place = limit.endIndex + 1
      } else {
        readFormula(body[(place + 1)...(place + 1)])
        place += 2
      }
    }
    append(" of ")
  }

  /// What is between the braces that open at a place.
  private func group(
    _ body: ArraySlice<Unicode.Scalar>, _ open: Int
  ) -> ArraySlice<Unicode.Scalar>? {
    guard open < body.endIndex, body[open] == "{" else { return nil }
    var depth = 0
    for place in open..<body.endIndex {
      if body[place] == "{" { depth += 1 }
      if body[place] == "}" { depth -= 1 }
      if depth == 0 { return body[(open + 1)..<place] }
    }
    return nil
  }

  /// "\( … \)", "\[ … \]", and Markdown's "\*"
  private mutating func readDelimiter() -> Bool {
    guard let next = peek(at: position + 1) else { return false }
    if next == "(" || next == "[" {
      let close = next == "(" ? "\\)" : "\\]"
      guard let end = find(close, from: position + 2) else { return false }
      guard end - position < 300 else { return false }
      readFormula(text[(position + 2)..<end])
      position = end + 2
      return true
    }
    guard "*_`~#[]<>$&!".unicodeScalars.contains(next), !(plain.last?.isWordPart ?? false) else {
      return false
    }
    append(next)
    position += 2
    return true
  }
}
