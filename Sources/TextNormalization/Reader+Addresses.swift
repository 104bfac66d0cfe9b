// SPDX-License-Identifier: MIT

/// Web and mail addresses and names of files.
extension EnglishReader {
  /// Longer runs of characters are no address that anybody would read out.
  private static let longestAddress = 256
  private static let endings: Set<String> = [
    "com", "org", "net", "edu", "gov", "io", "co", "uk", "de", "fr", "ai", "app", "dev", "info",
    "tv",
    "eu", "ca", "au", "jp", "cn", "ch", "nl", "se", "ru", "br", "xyz", "me", "pdf", "txt", "doc",
    "docx", "xls", "xlsx", "jpg", "jpeg", "png", "gif", "svg", "mp", "wav", "zip", "tar", "gz",
    "exe",
    "html", "json", "csv", "xml", "swift", "py", "js", "ts", "cpp", "rs", "md", "sh", "toml",
    "yaml",
  ]
  private static let spelled: Set<String> = [
    "io", "ai", "uk", "eu", "au", "edu", "exe", "md", "us", "api", "gif",
  ]

  /// "https://example.com/page", "www.example.com", "a.b@example.com", "report.pdf"
  mutating func readAddress() -> Bool {
    guard let first = cursor.current, first.isWordPart,
      cursor.previous.map({ " (<[,:\"'".unicodeScalars.contains($0) }) ?? true
    else { return false }
    var end = cursor.position
    let text = cursor.text
    while end < text.count, Self.isAddressPart(text[end]) {
      end += 1
      if end - cursor.position > Self.longestAddress { return false }
    }
    // Marks after it are the sentence's.
    while end > cursor.position, !text[end - 1].isWordPart, text[end - 1] != "/" { end -= 1 }
    var address = text[cursor.position..<end]
    func drop(_ prefix: String) -> Bool {
      guard address.starts(with: prefix.unicodeScalars) else { return false }
      address = address.dropFirst(prefix.unicodeScalars.count)
      return true
    }
    let hasScheme = drop("https://") || drop("http://")
    let isWeb = drop("www.") || hasScheme
    guard address.first?.isWordPart ?? false,
      isWeb || Self.isMailAddress(address) || Self.isDomain(address)
    else { return false }
    // What follows a question mark or a cross is nobody's to hear.
    let head = address.prefix { $0 != "?" && $0 != "#" }
    var place = cursor
    place.position = end
    return say(Self.words(head), .word, upTo: place)
  }

  private static func isAddressPart(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isWordPart || "@.:/-_~%+=?&#".unicodeScalars.contains(scalar)
  }

  private static func isMailAddress(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
    guard let at = text.firstIndex(of: "@"), at > text.startIndex else { return false }
    let host = text[(at + 1)...]
    return host.contains(".") && host.allSatisfy { $0.isWordPart || $0 == "." || $0 == "-" }
  }

  /// Names with points between them, the last a known ending in small letters.
  private static func isDomain(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
    let host = text.prefix { $0 != "/" && $0 != ":" }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    guard labels.count > 1, let last = labels.last,
      labels.allSatisfy({ label in
        label.first?.isWordPart ?? false
          && label.allSatisfy { $0.isWordPart || "-_".unicodeScalars.contains($0) }
      })
    else { return false }
    let name = String(last.prefix(while: \.isLetter))
    return endings.contains(name) && labels[0].contains { $0.isLetter }
      && (last.count == name.unicodeScalars.count || name == "mp" && last.count == 3)
  }

  private static func words(_ address: ArraySlice<Unicode.Scalar>) -> String {
    let names: [Unicode.Scalar: String] = [
      ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", "~": "tilde",
      "%": "percent",
      "+": "plus", "=": "equals", ":": "colon", "&": "and",
    ]
    var words: [String] = []
    var rest = address
    // A slash at the end is silent.
    if rest.last == "/" { rest = rest.dropLast() }
    while let scalar = rest.first {
      let run = rest.prefix { scalar.isLetter ? $0.isLetter : scalar.isDigit && $0.isDigit }
      let text = String(run)
      if scalar.isLetter {
        let isSpelled =
          spelled.contains(text) || (2...4).contains(text.utf8.count) && !Acronyms.hasVowel(text)
        words.append(isSpelled ? Acronyms.spell(text) : text)
      } else if scalar.isDigit {
        words.append(
          text.utf8.count <= 2 ? NumberWords.cardinal(text) : NumberWords.digits(text))
      } else if let name = names[scalar] {
        words.append(name)
      }
      rest = rest.dropFirst(max(run.count, 1))
    }
    return words.joined(separator: " ")
  }
}
