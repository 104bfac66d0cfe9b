// SPDX-License-Identifier: MIT

/// What becomes of a word in capitals.
enum Acronyms {
  /// Acronyms that are said as words.
  private static let words: Set<String> = [
    "NASA", "NATO", "UNESCO", "UNICEF", "OPEC", "LASER", "RADAR", "SONAR", "SCUBA", "COVID", "AIDS",
    "PIN", "SIM", "RAM", "ROM", "GIF", "SWAT", "FIFA", "UEFA", "NAFTA", "OSHA", "IKEA", "LEGO",
    "JSON", "CUDA", "POSIX", "NASDAQ", "CAPTCHA", "BASIC", "COBOL", "FORTRAN", "MIDI", "MIPS",
    "TASER", "DARPA", "ICANN", "YAML", "WASM", "NIMBY", "SARS", "ZIP", "VAT", "DOS", "BIOS", "GNU",
    "NOAA", "FEMA", "MODEM", "PIXEL", "BAFTA", "ASEAN", "BRICS", "NAACP", "AWOL", "LIDAR",
  ]
  /// Acronyms that are spelled though they could be words.
  private static let spelled: Set<String> = [
    "FBI", "CIA", "USA", "UK", "EU", "UN", "US", "AI", "API", "CEO", "CFO", "CTO", "IBM", "ATM",
    "GPU", "CPU", "URL", "USB", "NBA", "NFL", "BBC", "CNN", "DIY", "FAQ", "VIP", "UFO", "IRS",
    "EPA",
    "FDA", "CDC", "WHO", "IMF", "MIT", "UCLA", "NAACP", "AIDS", "ESPN", "ISO", "IEEE", "IPO", "ID",
    "IQ", "IT", "IP", "HIV", "ADHD", "ASAP", "ETA", "RSVP", "LED", "OLED", "AC", "AM", "PM",
  ]
  private static let exceptions = [
    "OK": "okay", "JPEG": "J peg", "MPEG": "M peg", "ASCII": "asky", "NAACP": "N double A C P",
    "NCAA": "N C double A", "PHD": "P H D", "IEEE": "I triple E", "AAA": "triple A",
  ]
  /// Short words that people write in capitals to stress them.
  private static let common: Set<String> = Set(
    """
    ACT ADD AGO ALL AN AND ANY ARE AS ASK AT AWAY BABY BACK BAD BE BEEN BEST BIG BIRD BOOK BOX \
    BOY BUS BUT BUY BY BYE CALL CAN CAR CAT CITY COLD COME COOL CUT DAD DARK DAY DEAD DEAR DID DO \
    DOES DOG DONE DOOR DOWN EACH EASY EAT EGG EVEN EVER EYE FACE FAR FAST FEW FIND FIRE FISH FIVE \
    FOOD FOR FOUR FREE FROM FUN GAME GET GIRL GIVE GO GOD GONE GOOD GOT HAD HAND HARD HAS HAT \
    HATE HAVE HE HEAD HELP HER HERE HEY HI HIGH HIM HIS HIT HOLD HOME HOT HOW HUGE IF IN INTO IS \
    ITS JOB JUST KEEP KID KIDS KIND KNOW LAST LEFT LESS LET LIFE LIKE LINE LIVE LONG LOOK LOST \
    LOVE LOW MAD MADE MAIN MAKE MAN MANY ME MOM MOON MORE MOST MUCH MUST MY NAME NEAR NEED NEW \
    NEWS NEXT NICE NO NONE NOT NOW OF OFF OH OLD ON ONE ONLY OPEN OR OUR OUT OVER OWN PAGE PAY \
    PLAN PLAY PULL PUSH PUT RAIN READ REAL RED RIDE ROAD ROOM RUN SAD SAFE SAID SALE SAME SAVE \
    SAW SAY SEA SEE SELL SEND SHE SHOW SHUT SIT SIX SKY SNOW SO SOME SON SONG SOON STAR STAY STOP \
    SUCH SUN SURE TAKE TALK TEA TELL TEN THAN THAT THE THEM THEN THEY THIS TIME TO TOO TOP TREE \
    TRUE TRY TURN TWO UP USE VERY WAIT WALK WANT WAR WAS WAY WE WELL WENT WERE WHAT WHEN WHY WIFE \
    WILL WIN WIND WITH WORD WORK WOW YEAR YES YET YOU YOUR ZERO DON'T CAN'T WON'T
    """.split(separator: " ").map(String.init))

  /// The consonants that English words begin with, and those that they end in before an S.
  private static let onsets: Set<String> = Set(
    """
    B BH BJ BL BR C CH CHL CHR CL CR CZ D DH DJ DM DR DW F FJ FL FR G GH GL GN GR GW H HR J K \
    KH KHM KL KN KR KW L LH LL M MN N NG P PF PH PHL PHR PL PN PR PS PSH PT Q R RH RW S SC SCH \
    SCHL SCHM SCHN SCHR SCHW SCL SCR SH SHM SHR SHT SK SL SM SN SP SPH SPL SPR SQ SR ST STR SV \
    SW T TCH TH THR THW TR TS TW V VL W WH WR X XH Z ZH ZW
    """.split(separator: " ").map(String.init))
  private static let codas: Set<String> = Set(
    """
    B BB BT C CH CHS CHT CK CT D DD DH DN DST DT DTH F FF FT FTH G GG GH GHN GHT GHTH GM GN H \
    HL HM HN K KH L LB LCH LD LDT LF LFF LFTH LK LL LM LN LP LPH LPT LSH LSK LST LT LTH LTZ LZ \
    M MB MM MN MP MPH MPT MT N NC NCH NCK NCT ND NDT NDTH NG NGH NGST NGTH NH NK NKH NN NSK \
    NST NT NTH NTZ NX NZ P PF PH PP PT PTH Q R RB RC RCH RCK RD RDT RF RG RGH RK RL RLD RM \
    RMTH RN RNST RNT RP RPH RPT RR RRH RSCHT RSH RSK RST RT RTH RTZ RZL S SC SCH SH SK SM SP \
    SS ST SZ T TCH TH THM TL TSCH TSK TT TZ V VSK W WD WK WL WN WNST WT WTH X XT XTH Z ZL ZZ
    """.split(separator: " ").map(String.init))

  static func hasVowel(_ word: String) -> Bool { word.contains(where: isVowel) }

  private static func isVowel(_ letter: Character) -> Bool { "AEIOUYaeiouy".contains(letter) }

  /// Whether a word in capitals begins and ends as English words do.
  private static func isPronounceable(_ word: String) -> Bool {
    guard let first = word.firstIndex(where: isVowel), let last = word.lastIndex(where: isVowel)
    else { return false }
    let onset = word[..<first]
    var coda = word[word.index(after: last)...]
    if coda.count > 1, coda.last == "S" { coda.removeLast() }
    return (onset.isEmpty || onsets.contains(String(onset)))
      && (coda.isEmpty || codas.contains(String(coda)))
  }

  /// Whether a word in capitals is an ordinary one.
  static func isPlainWord(_ word: String) -> Bool {
    !spelled.contains(word) && !words.contains(word)
      && (common.contains(word) || word.utf8.count >= 5 && isPronounceable(word))
  }

  /// How a word of two capitals or more is said.
  ///
  /// - Parameter isShouted: Whether all of the sentence is in capitals.
  static func spoken(_ word: String, isShouted: Bool) -> String {
    if let exception = exceptions[word] { return exception }
    if words.contains(word) { return word.prefix(1) + word.dropFirst().lowercased() }
    if word.contains("'") { return word.lowercased() }
    if isPlainWord(word) || isShouted && hasVowel(word) && !isSpelledInShout(word) {
      return word.lowercased()
    }
    return spell(word)
  }

  /// In a shout "IT" and "WHO" are words.
  private static func isSpelledInShout(_ word: String) -> Bool {
    spelled.contains(word) && !["IT", "WHO", "US", "AM", "LED", "ID"].contains(word)
  }

  /// Puts a pause between letters where six or more follow each other: "Q, W, E, R, T, Y".
  static func dictate(_ spoken: String) -> String {
    let text = Array(spoken.utf8)
    let space = UInt8(ascii: " ")
    // Single letters since the last longer word, with spaces before them.
    var letters: [Int] = []
    var commas: [Int] = []
    func endRun() {
      if letters.count >= 6 { commas += letters.dropLast() }
      letters.removeAll(keepingCapacity: true)
    }
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count, text[end] != space { end += 1 }
      let isLetter =
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(text[start])
        && text[(start + 1)..<end].allSatisfy { ",.;:!?".utf8.contains($0) }
      if isLetter { letters.append(start) }
      if !isLetter || end - start > 1 { endRun() }
      start = end + 1
    }
    endRun()
    if commas.isEmpty { return spoken }
    var dictated: [UInt8] = []
    var written = 0
    for place in commas {
      dictated += text[written...place] + [UInt8(ascii: ",")]
      written = place + 1
    }
    return String(decoding: dictated + text[written...], as: UTF8.self)
  }

  /// "F B I"
  static func spell(_ word: String) -> String {
    word.uppercased().map(String.init).joined(separator: " ")
  }
}
