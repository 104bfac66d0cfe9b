// SPDX-License-Identifier: MIT

import FuzzSupport
import Testing
import TextNormalization

/// What is said for what is written.
@Suite struct EnglishNormalizerTests {
  static let cases: [(written: String, spoken: String)] = [
    // cardinals
    ("I have 42 messages and 7 missed calls.", "I have forty-two messages and seven missed calls."),
    ("0", "Zero"),
    ("100", "One hundred"),
    ("1,234,567", "One million two hundred thirty-four thousand five hundred sixty-seven"),
    ("8,000,000,000 people", "Eight billion people"),
    (
      "999,999,999,999,999",
      "Nine hundred ninety-nine trillion nine hundred ninety-nine billion nine hundred ninety-nine million nine hundred ninety-nine thousand nine hundred ninety-nine"
    ),
    (
      "1000000000000000",
      "One zero zero zero zero zero zero zero zero zero zero zero zero zero zero zero"
    ),
    ("-5 degrees", "Minus five degrees"),
    ("007", "Zero zero seven"),
    ("It is 3.14159.", "It is three point one four one five nine."),
    (".5 is 0.5.", "Zero point five is zero point five."),
    ("10.0", "Ten point zero"),
    (
      "12345678901234567890",
      "One two three four five six seven eight nine zero one two three four five six seven eight nine zero"
    ),
    ("１２３ and ٤٥", "One hundred twenty-three and forty-five"),
    ("version 1.2.3", "version one point two point three"),
    // ordinals
    ("1st, 2nd, 3rd and 4th", "First, second, third and fourth"),
    ("the 22nd of them", "the twenty-second of them"),
    ("the 101st time", "the one hundred first time"),
    ("the 1,000th", "the one thousandth"),
    ("12th, 20th, 30th", "Twelfth, twentieth, thirtieth"),
    ("21st-century art", "Twenty-first-century art"),
    // years
    ("In 1999 we met.", "In nineteen ninety-nine we met."),
    ("In 2005 and 2024.", "In two thousand five and twenty twenty-four."),
    (
      "In 1999, 2005, and 2024 we met.",
      "In nineteen ninety-nine, two thousand five, and twenty twenty-four we met."
    ),
    ("since 1066", "since ten sixty-six"),
    ("in 1900", "in nineteen hundred"),
    ("in 1905", "in nineteen oh five"),
    ("in 2000", "in two thousand"),
    ("in 2010", "in twenty ten"),
    ("the 1990s", "the nineteen nineties"),
    ("the '80s and the 60s", "the eighties and the sixties"),
    ("in the 2000s", "in the two thousands"),
    ("mid-1990s", "mid nineteen nineties"),
    ("summer of '69", "summer of sixty-nine"),
    ("2024 was good.", "Twenty twenty-four was good."),
    ("The 1969 landing.", "The nineteen sixty-nine landing."),
    ("World War I (1914–18)", "World War one, nineteen fourteen to eighteen"),
    ("from 1990 to 1995", "from nineteen ninety to nineteen ninety-five"),
    ("1990-1995", "Nineteen ninety to nineteen ninety-five"),
    ("500 BC", "Five hundred B C"),
    ("He has 1500 books.", "He has one thousand five hundred books."),
    (
      "Prices rose 2.5% in Q3 2023.",
      "Prices rose two point five percent in Q three twenty twenty-three."
    ),
    // times
    ("9:30", "Nine thirty"),
    ("It is 5 p.m.", "It is five P M."),
    ("17:45", "Seventeen forty-five"),
    ("10:00am", "Ten A M"),
    ("10:00", "Ten o'clock"),
    ("9:05", "Nine oh five"),
    ("12:30 PM", "Twelve thirty P M"),
    ("At 12:00 a.m. on Monday.", "At twelve A M on Monday."),
    ("He left at 5 p.m. Then we ate.", "He left at five P M. Then we ate."),
    ("He left at 5 p.m. on Monday.", "He left at five P M on Monday."),
    (
      "The museum opens at 9:30 and closes at 5 o'clock.",
      "The museum opens at nine thirty and closes at five o'clock."
    ),
    ("Open 9am-5pm.", "Open nine A M to five P M."),
    ("9:30-10:30", "Nine thirty to ten thirty"),
    ("14:30:05", "Fourteen thirty and five seconds"),
    ("John 3:16", "John three sixteen"),
    ("The ratio is 16:9.", "The ratio is sixteen to nine."),
    // dates
    (
      "Your package will arrive on Tuesday, June 4, 2024.",
      "Your package will arrive on Tuesday, June fourth, twenty twenty-four."
    ),
    ("on Tuesday, June 4.", "on Tuesday, June fourth."),
    ("June 4th", "June fourth"),
    ("on 4 June 2024", "on the fourth of June, twenty twenty-four"),
    ("on the 4 June", "on the fourth of June"),
    ("6/4/2024", "June fourth, twenty twenty-four"),
    ("31/12/1999", "December thirty-first, nineteen ninety-nine"),
    ("2024-06-04", "June fourth, twenty twenty-four"),
    ("4.6.2024", "June fourth, twenty twenty-four"),
    ("Jan. 5", "January fifth"),
    ("Sept. 11, 2001", "September eleventh, two thousand one"),
    ("in Jan. 2024", "in January twenty twenty-four"),
    ("25 Dec 2020", "The twenty-fifth of December, twenty twenty"),
    ("May 2024", "May twenty twenty-four"),
    ("on 3rd March 1985", "on the third of March, nineteen eighty-five"),
    ("the 3rd of March, 1985", "the third of March, nineteen eighty-five"),
    // money
    ("The total is $25.50.", "The total is twenty-five dollars and fifty cents."),
    ("$1", "One dollar"),
    ("$1.01", "One dollar and one cent"),
    ("$0.99", "Ninety-nine cents"),
    ("$1,200.00", "One thousand two hundred dollars"),
    ("£1,200", "One thousand two hundred pounds"),
    ("€3", "Three euros"),
    ("25 €", "Twenty-five euros"),
    ("50¢", "Fifty cents"),
    ("¥500", "Five hundred yen"),
    ("$3.5 million", "Three point five million dollars"),
    ("$2.5bn", "Two point five billion dollars"),
    ("€10k", "Ten thousand euros"),
    ("US$5", "Five U S dollars"),
    ("20 USD", "Twenty U S dollars"),
    ("-$5", "Minus five dollars"),
    ("a $5 bill", "a five dollar bill"),
    ("a $3 million house", "a three million dollar house"),
    ("$5-10", "Five to ten dollars"),
    ("€5–€10", "Five to ten euros"),
    ("$20/month", "Twenty dollars per month"),
    ("£2.50", "Two pounds and fifty pence"),
    // percent and units
    ("50%", "Fifty percent"),
    ("-3.5%", "Minus three point five percent"),
    ("5 km", "Five kilometers"),
    ("5km", "Five kilometers"),
    ("1 km", "One kilometer"),
    ("0.5 km", "Zero point five kilometers"),
    ("100 km/h", "One hundred kilometers per hour"),
    ("60 mph", "Sixty miles per hour"),
    ("5 kg", "Five kilograms"),
    ("2 lbs. of sugar", "Two pounds of sugar"),
    ("It weighs 5 lbs. The box is heavy.", "It weighs five pounds. The box is heavy."),
    ("20°C", "Twenty degrees Celsius"),
    ("-12°F", "Minus twelve degrees Fahrenheit"),
    ("It's 70° outside.", "It's seventy degrees outside."),
    ("16 GB", "Sixteen gigabytes"),
    ("100 Mbps", "One hundred megabits per second"),
    ("3 GB/s", "Three gigabytes per second"),
    ("5 m²", "Five square meters"),
    ("90 sq ft", "Ninety square feet"),
    ("5'10\" tall", "Five feet ten inches tall"),
    ("5-year-old", "Five-year-old"),
    ("a 20-minute walk", "a twenty-minute walk"),
    ("10x faster", "Ten times faster"),
    ("1920x1080", "One thousand nine hundred twenty by one thousand eighty"),
    ("5 µm", "Five micrometers"),
    // phone numbers and codes
    ("(415) 555-0199", "Four one five, five five five, zero one nine nine"),
    ("415-555-0199", "Four one five, five five five, zero one nine nine"),
    ("Call me at 555-0199.", "Call me at five five five, zero one nine nine."),
    ("1-800-555-0199", "One, eight zero zero, five five five, zero one nine nine"),
    ("+44 20 7946 0958", "Plus four four, two zero, seven nine four six, zero nine five eight"),
    ("Call 911.", "Call nine one one."),
    ("9-1-1", "Nine one one"),
    ("PIN 1234", "Pin one two three four"),
    ("My number is 123-45-6789.", "My number is one two three, four five, six seven eight nine."),
    ("San Francisco, CA 94103", "San Francisco, California nine four one zero three"),
    // fractions and ranges
    ("1/2", "One half"),
    ("3/4 full", "Three quarters full"),
    ("2/3", "Two thirds"),
    ("2 1/2 cups", "Two and one half cups"),
    ("2½ cups", "Two and one half cups"),
    ("6/4", "Six over four"),
    ("24/7", "Twenty-four seven"),
    ("pages 3-5", "pages three to five"),
    ("3–5 km", "Three to five kilometers"),
    ("a score of 3-2", "a score of three to two"),
    // Roman numerals
    ("Chapter IV", "Chapter four"),
    ("King Henry VIII", "King Henry the eighth"),
    ("Henry V", "Henry the fifth"),
    ("Elizabeth II", "Elizabeth the second"),
    ("World War II", "World War two"),
    ("Rocky III", "Rocky three"),
    ("Malcolm X", "Malcolm X"),
    ("Henry I think so.", "Henry I think so."),
    // abbreviations
    ("Dr. Smith paid $3.50.", "Doctor Smith paid three dollars and fifty cents."),
    ("Mr. and Mrs. Jones", "Mister and Missus Jones"),
    ("Ms. Lee", "Miz Lee"),
    ("Mr Smith", "Mister Smith"),
    ("St. John", "Saint John"),
    ("I live on Main St. in St. Louis.", "I live on Main Street in Saint Louis."),
    ("5 Elm Dr.", "Five Elm Drive."),
    ("123 Main St., Apt. 4B", "One hundred twenty-three Main Street, Apartment four B"),
    ("5th Ave.", "Fifth Avenue."),
    ("Mt. Everest and Ft. Worth", "Mount Everest and Fort Worth"),
    ("e.g., apples", "For example, apples"),
    ("fruit, i.e. apples", "fruit, that is apples"),
    ("a, b, c, etc. And more.", "a, b, c, et cetera. And more."),
    ("A vs. B", "A versus B"),
    ("approx. 5 m", "Approximately five meters"),
    ("No. 5 is alive.", "Number five is alive."),
    ("No. I won't.", "No. I won't."),
    ("See fig. 3 on p. 9.", "See figure three on page nine."),
    ("John Smith Jr.", "John Smith Junior."),
    ("Apple Inc. is big.", "Apple Incorporated is big."),
    ("He works at Apple Inc. The end.", "He works at Apple Incorporated. The end."),
    ("Prof. Lee and Gen. Grant", "Professor Lee and General Grant"),
    ("J. K. Rowling", "J K Rowling"),
    ("J.R.R. Tolkien", "J R R Tolkien"),
    ("Take vitamin C. It is good.", "Take vitamin C. It is good."),
    ("the U.S. Army", "the U S Army"),
    ("I live in the U.S. She does not.", "I live in the U S. She does not."),
    ("a Ph.D.", "a P H D."),
    ("w/ and w/o", "With and without"),
    ("Mon. and Fri.", "Monday and Friday."),
    // acronyms
    ("FBI", "F B I"),
    ("The USA and HTTP", "The U S A and H T T P"),
    ("NASA and NATO", "Nasa and Nato"),
    ("CEOs", "C E O's"),
    ("the FBI's", "the F B I's"),
    ("AT&T", "A T and T"),
    ("Q&A", "Q and A"),
    ("OK", "Okay"),
    ("He said NO.", "He said no."),
    ("I am NOT going.", "I am not going."),
    ("STOP THAT NOW!", "Stop that now!"),
    ("BYE", "Bye"), ("My DOG barks.", "My dog barks."),
    ("HOUBTK", "H, O, U, B, T, K"), ("Write T W J B A B O.", "Write T, W, J, B, A, B, O."),
    ("A B C D E F and G", "A, B, C, D, E, F and G"), ("A B C D E", "A B C D E"),
    ("TWELFTHS", "Twelfths"), ("STRENGTHS", "Strengths"),
    ("THE FBI LOVES NASA", "The F B I loves Nasa"),
    ("WARNING: HIGH VOLTAGE", "Warning: high voltage"),
    ("FBI CIA", "F, B, I, C, I, A"),
    ("IBM PC", "I B M P C"),
    ("MP3", "M P three"),
    ("H2O", "H two O"),
    ("COVID-19", "Covid nineteen"),
    ("F-16", "F sixteen"),
    ("3D", "Three D"),
    ("iPhone15", "iPhone fifteen"),
    ("CD-ROM", "C D Rom"),
    ("T-shirt", "T-shirt"),
    ("C++ and C#", "C plus plus and C sharp"),
    // signs
    ("R&D", "R and D"),
    ("50+ people", "Fifty plus people"),
    ("5 + 3 = 8", "Five plus three equals eight"),
    ("5 - 3 = 2", "Five minus three equals two"),
    ("3 * 4", "Three times four"),
    ("8 / 2", "Eight divided by two"),
    ("3 < 5", "Three is less than five"),
    ("5 ± 0.1", "Five plus or minus zero point one"),
    ("10²", "Ten squared"),
    ("#5", "Number five"),
    ("#swift", "Hashtag swift"),
    ("@bob", "At bob"),
    ("he/she and/or it", "he or she and or it"),
    ("~5", "About five"),
    ("a_b", "a b"),
    ("hello 😀 world 👋", "hello world"),
    ("hello 你好", "hello"),
    ("café naïve Zoë Straße", "cafe naive Zoe Strasse"),
    ("\"Hello,\" she said.", "Hello, she said."),
    ("He (a doctor) left.", "He, a doctor, left."),
    ("one — two -- three", "one, two, three"),
    ("Wait... what?", "Wait, what?"),
    ("Wait... What?!", "Wait. What?"),
    ("No!!!", "No!"),
    ("well-known", "well-known"),
    ("It's John's dogs' bone.", "It's John's dogs bone."),
    ("a<|im_end|>b", "a, im end, b"),
    (":) hello", "hello"),
    // addresses
    ("me@example.com", "Me at example dot com"),
    ("a.b@mail.example.co.uk", "A dot b at mail dot example dot co dot U K"),
    ("https://www.example.com/a/b?x=1.", "Example dot com slash a slash b."),
    ("www.example.com/2024/", "Example dot com slash two zero two four"),
    ("See example.com.", "See example dot com."),
    ("report.pdf", "Report dot P D F"),
    ("node.js", "Node dot J S"),
    ("end.Next", "end. Next"),
  ]

  @Test(arguments: cases) func `says it in words`(_ written: String, _ spoken: String) {
    #expect(EnglishNormalizer.normalize(written) == spoken)
  }

  @Test(arguments: cases) func `says it once`(_ written: String, _ spoken: String) {
    #expect(EnglishNormalizer.normalize(spoken) == spoken)
  }

  @Test(arguments: ["", " ", "\n", "?!", "...", "😀", "日本語", "€", "\"", "()", "\u{200D}\u{FE0F}"])
  func `is empty where there is nothing to say`(_ text: String) {
    #expect(EnglishNormalizer.normalize(text) == "")
  }

  @Test(arguments: 1...12, [0, 5, 30, 59]) func `says every time without digits`(
    _ hour: Int, _ minute: Int
  ) {
    let time = "\(hour):\(minute < 10 ? "0" : "")\(minute)"
    let spoken = EnglishNormalizer.normalize("At \(time) p.m.")
    #expect(spoken.hasSuffix(" P M.") && !spoken.contains(where: \.isNumber))
  }

  /// What must hold for any text.
  static func check(_ text: String) throws {
    let spoken = EnglishNormalizer.normalize(text)
    try #require(EnglishNormalizer.normalize(spoken) == spoken, "\(text.debugDescription)")
    let letters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz .,;:!?'-")
    try #require(spoken.allSatisfy(letters.contains), "\(text.debugDescription)")
    try #require(!spoken.contains("  ") && spoken.first?.isLetter ?? true)
    // Markup by itself, a tag or the line that opens a block of code, has letters but no words.
    let isSpeakable =
      text.unicodeScalars.contains { $0.isASCII && $0.properties.isAlphabetic }
      && !text.utf8.contains { "<&[`~$\\".utf8.contains($0) }
    try #require(!(isSpeakable && spoken.isEmpty), "\(text.debugDescription)")
    let pieces = Array(SpokenPieces(text, shortest: 1))
    try #require(pieces.joined() == spoken, "\(text.debugDescription)")
    try #require(!pieces.contains(""), "\(text.debugDescription)")
  }

  /// All of them in one paragraph, so that each case stands before and after others.
  static let paragraph = cases.map(\.written).joined(separator: " and then more words. The next: ")

  @Test(arguments: [1, 10, 200, 100_000]) func `pieces say together what the whole says`(
    _ shortest: Int
  ) {
    let pieces = Array(SpokenPieces(Self.paragraph, shortest: shortest))
    #expect(pieces.joined() == EnglishNormalizer.normalize(Self.paragraph))
    #expect(shortest == 100_000 ? pieces.count == 1 : pieces.count > 20)
  }

  @Test func `a long paragraph comes in short pieces`() {
    let prose = String(
      repeating: "It rained for a while. Then the sun came out, and we left. ", count: 500)
    let unmarked = String(
      repeating: "it rained for a while then the sun came out and we left ", count: 500)
    for text in [prose, unmarked] {
      let pieces = Array(EnglishNormalizer.pieces(of: text))
      #expect(pieces.allSatisfy { $0.utf8.count < 1_000 }, "\(pieces.map(\.utf8.count))")
      #expect(pieces.joined() == EnglishNormalizer.normalize(text))
    }
  }

  @Test func `damaged texts keep the promises`() throws {
    let seeds = Self.cases.map { Array($0.written.utf8) }
    try Fuzzing(name: "normalizer", iterations: 5_000).run(seeds: seeds) { bytes in
      try Self.check(String(decoding: bytes, as: UTF8.self))
    }
  }

  /// Repetitions at which a careless rule would look back or ahead too far.
  @Test(arguments: [
    "1", "1,111", "1.", "1x", "a.", "A. ", "www.", "a@", "http://a.", "-", "- ", "(", "1/", "1:",
    "$", "'",
    "A", "Aa ", "II ", "1-", "+1 ", ".", "5 km/", "St. ", "é", "你", "<", "<a ", "</", "[", "![",
    "&",
    "`", "~~", "$x", "\\(", "1 St ", "1 111 ", "Mon-", "1 - ", "1+", "1(", "<!--", "[a](", "](",
    "1h ",
    "a/", "/a", "> ", "` ", "<p> ", "&nbsp;", "\"1\" ",
  ]) func `takes time in proportion to the text`(_ piece: String) {
    func time(_ count: Int) -> Duration {
      let text = String(repeating: piece, count: count)
      let start = Fuzzing.threadTime
      _ = EnglishNormalizer.normalize(text)
      return Fuzzing.threadTime - start
    }
    let short = (0..<3).map { _ in time(5_000) }.min() ?? .zero
    let long = (0..<3).map { _ in time(40_000) }.min() ?? .zero
    #expect(long < short * 24 + .milliseconds(20), "\(short) and \(long)")
  }
}
