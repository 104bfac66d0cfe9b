// SPDX-License-Identifier: MIT

/// Addresses of the web and of mail, paths and names of files.
extension EnglishReader {
  /// Longer runs of characters are no address that anybody would read out.
  private static let longestAddress = 256

  /// "https://example.com/page", "a.b@example.com", "report.pdf", "/usr/bin", "C:\Temp", ".NET"
  mutating func readAddress() -> Bool {
    guard let first = cursor.current, first.isWordPart || "/~.\\".unicodeScalars.contains(first),
      cursor.previous.map({ " (<[,:\"'=;".unicodeScalars.contains($0) }) ?? true
    else { return false }
    var end = cursor.position
    let text = cursor.text
    while end < text.count, Addresses.isPart(text[end]) {
      end += 1
      if end - cursor.position > Self.longestAddress { return false }
    }
    // Marks after it are the sentence's.
    while end > cursor.position, !text[end - 1].isWordPart,
      !"/\\~".unicodeScalars.contains(text[end - 1])
    {
      end -= 1
    }
    guard let words = Addresses.words(text[cursor.position..<end]) else { return false }
    var place = cursor
    place.position = end
    return say(words, .word, upTo: place)
  }
}

/// Tells addresses from other words, and how they are said.
enum Addresses {
  private static let endings: Set<String> = Set(
    """
    com org net edu gov mil int io co uk de fr ai app dev info biz tv eu ca au jp cn ch nl se ru br \
    xyz me us es it pl in at be dk no fi ie nz za mx kr ly gg to sh so fm cc \
    pdf txt doc docx xls xlsx ppt pptx odt jpg jpeg png gif svg webp bmp ico mp wav flac ogg avi mkv \
    mov webm zip tar gz rar iso exe dll msi apk dmg deb rpm html htm css scss json csv tsv xml swift py \
    js jsx ts tsx cpp cc hpp rs go rb php java kt sql sh bat md rst toml yaml yml ini cfg conf log lock bak \
    tmp env vue ipynb tex bib psd ttf otf epub mobi safetensors onnx gguf bin dat db sqlite
    """.split(separator: " ").map(String.init))
  /// Endings that are too much like words to be more than that after a missing space.
  private static let wordEndings: Set<String> = [
    "in", "at", "be", "it", "no", "me", "to", "so", "us", "go", "as",
  ]
  private static let spelled: Set<String> = [
    "io", "ai", "uk", "eu", "au", "edu", "exe", "md", "us", "api", "gif", "etc", "usr", "xyz",
    "abc",
    "ios", "url", "aws", "iso", "ui", "ftp", "ssh", "http", "https", "www", "sdk", "cli", "id",
    "de", "fr", "py", "rs", "ts", "js", "sm", "yml", "xml", "sql", "db", "rb", "cc", "ch", "nl",
  ]
  private static let schemes = ["https://", "http://"]
  private static let otherSchemes: Set<String> = [
    "file", "ftp", "sftp", "ssh", "git", "ws", "wss", "rtmp", "smb", "s3", "magnet", "rtsp", "jdbc",
  ]

  static func isPart(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isWordPart || "@.:/-_~%+=?&#\\".unicodeScalars.contains(scalar)
  }

  /// The words of an address; `nil` for what is none.
  static func words(_ text: ArraySlice<Unicode.Scalar>) -> String? {
    // Most words have none of these.
    guard text.contains(where: { "./@:\\~".unicodeScalars.contains($0) }), text.count > 1 else {
      return nil
    }
    var address = text
    func drop(_ prefix: String) -> Bool {
      guard
        address.prefix(prefix.utf8.count).elementsEqual(
          prefix.unicodeScalars, by: { $0 == $1 || $0.isCapital && $0.value + 32 == $1.value })
      else { return false }
      address = address.dropFirst(prefix.unicodeScalars.count)
      return true
    }
    if drop("mailto:"), !isMail(address) { return nil }
    let hasScheme = schemes.contains { drop($0) }
    if drop("www.") || hasScheme {
      guard address.first?.isWordPart ?? false else { return nil }
      return spoken(address, isWeb: true)
    }
    // "a.m./p.m."
    if address.starts(with: "a.m".unicodeScalars) { return nil }
    if isMail(address) || isDomain(address) { return spoken(address, isWeb: true) }
    if isPath(address) || isOtherScheme(address) { return spoken(address, isWeb: false) }
    return nil
  }

  private static func isMail(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
    guard let at = text.firstIndex(of: "@"), at > text.startIndex, text[at - 1].isWordPart else {
      return false
    }
    let host = text[(at + 1)...].prefix { !"/?:".unicodeScalars.contains($0) }
    return host.contains(".") && host.first?.isWordPart ?? false
      && host.allSatisfy { $0.isWordPart || $0 == "." || $0 == "-" }
  }

  /// "host:8080", "a://b"
  private static func isOtherScheme(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
    guard let colon = text.firstIndex(of: ":") else { return false }
    let name = String(text[..<colon])
    let rest = text[(colon + 1)...]
    if rest.starts(with: "//".unicodeScalars) {
      return rest.count > 2 && otherSchemes.contains(name.lowercased())
    }
    let port = rest.prefix(while: \.isDigit)
    return name == "localhost" && (2...5).contains(port.count)
  }

  /// "/usr/bin", "~/notes", "./run", "C:\Temp", "src/main.c"
  private static func isPath(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
    guard let first = text.first, text.contains(where: \.isLetter) else { return false }
    let second = text.dropFirst().first ?? " "
    switch first {
    case "/": return second.isLetter || second == "."
    case "~": return second == "/"
    case "\\": return second == "\\" && text.count > 3
    case ".":
      return second == "/" || text.starts(with: "../".unicodeScalars) || isHidden(text.dropFirst())
    default: break
    }
    if first.isLetter, second == ":", text.dropFirst(2).first == "\\" { return true }
    if text.contains("\\"), text.contains("."), !text.contains("/") { return true }
    let segments = text.split(separator: "/", omittingEmptySubsequences: false)
    guard segments.count > 1, let last = segments.last,
      text.allSatisfy({ $0.isWordPart || "./-_".unicodeScalars.contains($0) }),
      !segments.dropLast().contains(where: \.isEmpty)
    else { return false }
    // "src/main.c", "and/or" is none.
    return isFile(last) || last.isEmpty && segments.count > 2
  }

  /// ".NET", ".gitignore"
  private static func isHidden(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
    let name = String(text.prefix(while: \.isLetter))
    return text.allSatisfy { $0.isLetter || $0 == "." || $0 == "-" || $0 == "_" }
      && (name == "NET" || name.utf8.count > 1 && name.allSatisfy(\.isLowercase))
      && text.first?.isLetter ?? false
  }

  private static func isFile(_ name: ArraySlice<Unicode.Scalar>) -> Bool {
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return false }
    let ending = name[(dot + 1)...]
    return (1...5).contains(ending.count) && ending.allSatisfy { $0.isSmall || $0.isDigit }
      && name[..<dot].contains { $0.isLetter }
  }

  /// Names with points between them, the last a known ending; also unknown ones, where small letters
  /// are around the point.
  private static func isDomain(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
    let host = text.prefix { $0 != "/" && $0 != ":" }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    guard labels.count > 1, let first = labels.first, let last = labels.last,
      labels.allSatisfy({ label in
        label.first?.isWordPart ?? false
          && label.allSatisfy { $0.isWordPart || "-_".unicodeScalars.contains($0) }
      }), first.contains(where: \.isLetter)
    else { return false }
    let name = String(last.prefix(while: \.isLetter))
    let isWhole = last.count == name.utf8.count || name == "mp" && last.count == 3
    if name.allSatisfy(\.isUppercase), !name.isEmpty {
      // "ASP.NET", "NODE.JS"
      return isWhole && ["NET", "JS", "IO", "COM", "ORG", "TXT", "PDF", "EXE", "AI"].contains(name)
        && first.count > 1 && (name == "NET" || first.allSatisfy { $0.isCapital || $0.isDigit })
    }
    guard isWhole, name.allSatisfy(\.isLowercase) else { return false }
    if endings.contains(name), !wordEndings.contains(name) || host.count < text.count {
      return true
    }
    // "test.abc": a sentence's end has a capital or a space after it.
    return labels.allSatisfy { $0.count > 1 && $0.allSatisfy { $0.isSmall || $0.isDigit } }
      && !EnglishReader.isAbbreviation(String(first)) && !EnglishReader.isAbbreviation(name)
      && !Sentences.begins(with: name.prefix(1).uppercased() + name.dropFirst())
  }

  /// - Parameter isWeb: Whether a query and a fragment may follow, which nobody wants to hear.
  private static func spoken(_ address: ArraySlice<Unicode.Scalar>, isWeb: Bool) -> String {
    let names: [Unicode.Scalar: String] = [
      ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", "~": "tilde",
      "%": "percent", "+": "plus", "=": "equals", ":": "colon", "&": "and", "\\": "backslash",
      "?": "question mark", "#": "hash",
    ]
    var words: [String] = []
    var rest = isWeb ? address.prefix { $0 != "?" && $0 != "#" } : address
    // A slash at the end is silent.
    if isWeb, rest.last == "/" { rest = rest.dropLast() }
    var isAfterColon = false
    while let scalar = rest.first {
      let run = rest.prefix { scalar.isLetter ? $0.isLetter : scalar.isDigit && $0.isDigit }
      let text = String(run)
      if scalar.isLetter {
        // "about-us", but "example.us"
        let isWord = wordEndings.contains(text) && words.last != "dot"
        words.append(isWord ? text : label(text))
      } else if scalar.isDigit {
        words.append(
          isAfterColon
            ? port(text)
            : text.utf8.count <= 2 ? NumberWords.cardinal(text) : NumberWords.digits(text))
      } else if let name = names[scalar] {
        words.append(name)
      }
      isAfterColon = scalar == ":"
      rest = rest.dropFirst(max(run.count, 1))
    }
    return words.joined(separator: " ")
  }

  private static func label(_ text: String) -> String {
    if spelled.contains(text) || (2...4).contains(text.utf8.count) && !Acronyms.hasVowel(text) {
      return Acronyms.spell(text)
    }
    if text == "NET" { return "net" }
    return text.utf8.count > 1 && text.allSatisfy(\.isUppercase)
      ? Acronyms.spoken(text, isShouted: false) : text
  }

  /// "eighty eighty", "three thousand", "four four three"
  static func port(_ digits: String) -> String {
    guard digits.utf8.count == 4, !digits.hasPrefix("0"), let value = Int(digits) else {
      return digits.utf8.count < 3 ? NumberWords.cardinal(digits) : NumberWords.digits(digits)
    }
    return NumberWords.inPairs(value)
  }
}
