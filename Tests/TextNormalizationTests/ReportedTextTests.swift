// SPDX-License-Identifier: MIT

import FuzzSupport
import Testing
import TextNormalization

/// What listeners reported, by the kind of writing, and neighbours of the same kinds.
///
/// Deliberately otherwise than reported:
/// - "today…" ends with a full stop, as every ellipsis before a capital or at the end does.
/// - "1/2 lb" is "one half pound": less than one of it is not plural.
/// - "10K run" stays "ten K run", as runners say it; "10K followers" is "ten thousand".
/// - "Reno, NV" keeps the letters of the state, which an address book would read too.
/// - "Москва" has no sound in an English voice; whoever speaks the text says which words were left
///   out.
/// - The parts of paths of three letters without a known sound are spelled: "U S R".
@Suite struct ReportedTextTests {
  static let reported: [(written: String, spoken: String)] = [
    // html entity
    (
      "Fish &amp; chips &mdash; it&#39;s &quot;fresh&quot;&nbsp;today&hellip;",
      "Fish and chips, it's fresh today."
    ),
    ("hyphen&shy;ated", "hyphenated"),
    // html/ssml tag
    (
      "<p>A <b>bold</b> word and <a href=\"http://x.org/y\">a link</a>.</p><br/>",
      "A bold word and a link."
    ),
    ("<speak>Wait <break time=\"300ms\"/> here.</speak>", "Wait, here."),
    // spaced hyphen range
    ("Open 8:30 am - 5:30 pm", "Open eight thirty A M to five thirty P M"),
    ("Ages 12 - 17", "Ages twelve to seventeen"),
    ("The war (1939 - 1945)", "The war, nineteen thirty-nine to nineteen forty-five"),
    ("Room 12 - 2nd floor", "Room twelve, second floor"),
    ("Final score: 4 - 1", "Final score: four to one"),
    ("Call 911 - 24/7 help", "Call nine one one, twenty-four seven help"),
    // all-caps heading
    ("PART II", "Part two"),
    ("PART 3", "Part three"),
    ("PART XII", "Part twelve"),
    ("NOTE", "Note"),
    ("EXIT", "Exit"),
    ("MENU", "Menu"),
    ("IT WAS A LONG ROAD.", "It was a long road."),
    // roman
    (
      "Vol. IX, Apollo XI, Article CXX, Scene iv",
      "Volume nine, Apollo eleven, Article one hundred twenty, Scene four"
    ),
    // hyphen chain
    (
      "ISBN 978-1-23-456789-7",
      "I S B N nine seven eight, one, two three, four five six seven eight nine, seven"
    ),
    ("Call 1-800-FLOWERS", "Call one eight hundred flowers"),
    ("Reno, NV 89501-1234", "Reno, Nevada eight nine five zero one, one two three four"),
    ("1 Cor. 13:4-7", "First Corinthians thirteen four to seven"),
    ("an x86-64 PC", "an x eighty-six sixty-four P C"),
    // hyphen minus
    ("7-3=4", "Seven minus three equals four"),
    // hyphen date
    ("Mar-09-2021", "March ninth, twenty twenty-one"),
    // time with a dot
    ("Doors open at 6.30pm", "Doors open at six thirty P M"),
    ("The 10.15 a.m. bus", "The ten fifteen A M bus"),
    // duration
    ("It takes 1h 20m", "It takes one hour twenty minutes"),
    ("wait 30s", "wait thirty seconds"),
    // lower-case month
    ("june 12 2015", "June twelfth, twenty fifteen"),
    ("see you on july 4", "see you on July fourth"),
    ("feb. 9 or 9 feb 2016", "February ninth or the ninth of February, twenty sixteen"),
    // abbreviation then number
    (
      "Op. 27, Eq. 3, Rte. 9, dec. 5",
      "Opus twenty-seven, equation three, route nine, December fifth"
    ),
    // days
    ("Mon-Fri, Mon.-Sun., Tue", "Monday to Friday, Monday to Sunday, Tuesday"),
    // date
    ("2019.03.08", "March eighth, twenty nineteen"),
    ("on Tu (3/14)", "on Tuesday, March fourteenth"),
    // year
    ("warmer than 1987", "warmer than nineteen eighty-seven"),
    ("founded 1850. ©1999 Foo", "founded eighteen fifty. Copyright nineteen ninety-nine Foo"),
    // money
    (
      "A$5, C$3, R$8, ₩2,000, ₩3 billion, $ or £",
      "Five Australian dollars, three Canadian dollars, eight Brazilian reais, two thousand won, three billion won, dollars or pounds"
    ),
    (
      "$2mil, 1.2M views, 2B users, 10K run",
      "Two million dollars, one point two million views, two billion users, ten K run"
    ),
    ("£10/wk or $1/d", "Ten pounds per week or one dollar per day"),
    ("1.234,56 €", "One thousand two hundred thirty-four euros and fifty-six cents"),
    ("The formula $E=mc^2$ holds.", "The formula E equals m c squared holds."),
    // card
    (
      "Card 4000 1234 5678 9010",
      "Card four zero zero zero, one two three four, five six seven eight, nine zero one zero"
    ),
    // 401(k)
    ("my 401(k) plan", "my four oh one K plan"),
    // unit
    ("20 million kg", "Twenty million kilograms"),
    ("2 1/4 lbs and 1/2 lb", "Two and one quarter pounds and one half pound"),
    (
      "2 tbsp. oil, 1 tsp salt, 3 c. flour, 1 qt.",
      "Two tablespoons oil, one teaspoon salt, three cups flour, one quart."
    ),
    (
      "5 KG, 3 mbps, 1015 hPa, 80 mmHg, 500 mcg",
      "Five kilograms, three megabits per second, one thousand fifteen hectopascals, eighty millimeters of mercury, five hundred micrograms"
    ),
    (
      "10 in. long, 5 ft 1 in tall, 6' tall, a 12\" disc",
      "Ten inches long, five feet one inch tall, six feet tall, a twelve inch disc"
    ),
    ("48°51'24\"N", "Forty-eight degrees fifty-one minutes twenty-four seconds north"),
    ("a 3x4 m2 room", "a three by four square meters room"),
    // address
    (
      "1500 Palm Expy, Unit 5, 12 Oak Ct, 77 E Lake Ave",
      "Fifteen hundred Palm Expressway, Unit five, twelve Oak Court, seventy-seven East Lake Avenue"
    ),
    // path
    (
      "/usr/local/bin and /etc/hosts",
      "Slash U S R slash local slash bin and slash E T C slash hosts"
    ),
    (
      "C:\\Temp\\me\\b.abc and file:///a/b.xyz",
      "C colon backslash Temp backslash me backslash b dot A B C and file colon slash slash slash a slash b dot X Y Z"
    ),
    ("localhost:8080/api", "Localhost colon eighty eighty slash A P I"),
    // name
    ("ASP.NET", "A S P dot net"),
    // e-mail
    ("jo@mail.com/12-ab", "Jo at mail dot com slash twelve dash ab"),
    // markdown link
    (
      "Read [the guide](https://example.org/a/b) and ![a cat](cat.png).",
      "Read the guide and a cat."
    ),
    // markdown code
    ("```js\nlet a = 1\n```", "let a equals one"),
    // symbol dropped
    (
      "x < 5 and √2, B♭, 0.5‰",
      "x is less than five and the square root of two, B flat, zero point five per mille"
    ),
    ("Москва and 東京 are big", "and are big"),
    // phone
    ("+1(415) 555-0134", "Plus one, four one five, five five five, zero one three four"),
    // number
    (
      "12 345 678 and 1e6",
      "Twelve million three hundred forty-five thousand six hundred seventy-eight and one times ten to the six"
    ),
  ]

  static let neighbours: [(written: String, spoken: String)] = [
    // more of them: markup, ranges, capitals, Roman numerals
    ("AT&amp;T and R&amp;D", "A T and T and R and D"),
    ("5 &lt; 10 &amp;&amp; 10 &gt; 5", "Five is less than ten and ten is greater than five"),
    (
      "&copy; 2024 Acme. All rights reserved.",
      "Copyright twenty twenty-four Acme. All rights reserved."
    ),
    ("caf&eacute; na&iuml;ve &#8364;5 &euro;20", "cafe naive five euros twenty euros"),
    ("&#x1F600; hello &#x2019;tis", "hello tis"),
    ("10&nbsp;km and 10&thinsp;000 people", "Ten kilometers and ten thousand people"),
    ("&ldquo;Hi,&rdquo; she said&mdash;then left.", "Hi, she said, then left."),
    ("Tom &amp Jerry", "Tom and Jerry"),
    ("<h1>Title</h1><p>First paragraph</p><p>Second.</p>", "Title. First paragraph. Second."),
    ("<ul><li>One</li><li>Two</li></ul>", "One. Two"),
    ("H<sub>2</sub>O and x<sup>2</sup>", "H two O and x squared"),
    ("line one<br>line two<br/>line three", "line one, line two, line three"),
    (
      "<prosody rate=\"slow\">slowly</prosody> <emphasis level=\"strong\">now</emphasis>",
      "slowly now"
    ),
    ("<sub alias=\"World Wide Web Consortium\">W3C</sub> spec", "World Wide Web Consortium spec"),
    ("<say-as interpret-as=\"date\">2024-01-05</say-as>", "January fifth, twenty twenty-four"),
    ("a < b and c > d", "a is less than b and c is greater than d"),
    ("Array<Int> and List<String>", "Array Int and List String"),
    ("<!-- hidden --> shown", "shown"),
    ("<script>var a = 1 < 2;</script>text", "text"),
    ("The <p> tag is used often.", "The p tag is used often."),
    ("Open 9 - 5", "Open nine to five"),
    ("Open 9:00-17:00", "Open nine o'clock to seventeen hundred"),
    ("10 - 20 people", "Ten to twenty people"),
    ("Mon - Fri, 9 am - 5 pm", "Monday to Friday, nine A M to five P M"),
    ("January - March 2024", "January to March twenty twenty-four"),
    ("Jan 5 - Feb 6", "January fifth to February sixth"),
    ("pages 10 - 15", "pages ten to fifteen"),
    ("$10 - $20", "Ten dollars to twenty dollars"),
    ("10% - 20%", "Ten percent to twenty percent"),
    ("5-7% growth", "Five to seven percent growth"),
    ("10-12 lbs", "Ten to twelve pounds"),
    ("London - Paris", "London, Paris"),
    ("The 2010 - 2015 period", "The twenty ten to twenty fifteen period"),
    ("Chapter 3 - 5 ways to cook", "Chapter three, five ways to cook"),
    ("Step 1 - mix the flour", "Step one, mix the flour"),
    ("Brazil 2 - 1 Germany", "Brazil two to one Germany"),
    ("temperatures from -5 to 10", "temperatures from minus five to ten"),
    ("-10 to -5 °C", "Minus ten to minus five degrees Celsius"),
    ("5 - -3", "Five minus minus three"),
    ("10 - 4 = 6", "Ten minus four equals six"),
    ("What is 10 - 4?", "What is ten minus four?"),
    ("x - 3 = 7", "x minus three equals seven"),
    ("y = mx + b", "y equals mx plus b"),
    ("2x + 3y = 12", "Two x plus three y equals twelve"),
    ("a^2 + b^2 = c^2", "a squared plus b squared equals c squared"),
    ("3-4-5 triangle", "Three four five triangle"),
    ("WARNING", "Warning"),
    ("STOP", "Stop"),
    ("OPEN", "Open"),
    ("CLOSED", "Closed"),
    ("HELP", "Help"),
    ("FREE WIFI", "Free wifi"),
    ("DO NOT ENTER", "Do not enter"),
    ("NO SMOKING", "No smoking"),
    ("TABLE OF CONTENTS", "Table of contents"),
    ("CHAPTER ONE", "Chapter one"),
    ("PART ONE", "Part one"),
    ("ACT III, SCENE II", "Act three, scene two"),
    ("APPENDIX A", "Appendix A"),
    ("SECTION B", "Section B"),
    ("THE END", "The end"),
    ("A TALE OF TWO CITIES", "A tale of two cities"),
    ("FAQ", "F A Q"),
    ("ABOUT US", "About us"),
    ("NEWS FROM THE USA", "News from the U S A"),
    ("THIS IS A TEST", "This is a test"),
    ("HELLO WORLD", "Hello world"),
    ("I AM A MAN", "I am a man"),
    ("Vitamin A is good.", "Vitamin A is good."),
    ("Plan A failed.", "Plan A failed."),
    ("Grade A beef", "Grade A beef"),
    (
      "Louis XIV, Louis XVI and Elizabeth II",
      "Louis the fourteenth, Louis the sixteenth and Elizabeth the second"
    ),
    ("Pope John XXIII", "Pope John the twenty-third"),
    ("Super Bowl LVIII", "Super Bowl fifty-eight"),
    ("World War II", "World War two"),
    ("Star Wars: Episode IV", "Star Wars: Episode four"),
    ("Final Fantasy VII", "Final Fantasy seven"),
    ("Type II diabetes", "Type two diabetes"),
    ("Section IV.", "Section four."),
    ("Chapter xiv", "Chapter fourteen"),
    ("page iv", "page four"),
    ("Gemini IV and Saturn V", "Gemini four and Saturn five"),
    ("the XIX century", "the nineteenth century"),
    ("Act I, Scene II", "Act one, Scene two"),
    ("Part I", "Part one"),
    ("Henry I of England", "Henry the first of England"),
    ("Title IX", "Title nine"),
    ("Leo X", "Leo the tenth"),
    // more of them: times, dates, units, money
    ("Doors at 7.45 p.m. and 9.00am", "Doors at seven forty-five P M and nine A M"),
    (
      "It took 2h30m and then 45s.", "It took two hours thirty minutes and then forty-five seconds."
    ),
    ("1 hr 5 min, 3d 4h", "One hour five minutes, three days four hours"),
    ("in 5m or 10m", "in five meters or ten meters"),
    ("a 90s song, her 20s, the 60s", "a nineties song, her twenties, the sixties"),
    ("in the 1960s and 70s", "in the nineteen sixties and seventies"),
    ("after 10s it stopped", "after ten seconds it stopped"),
    ("Mon, Wed and Fri", "Monday, Wednesday and Friday"),
    ("Sat 5pm; Sun 10am", "Saturday five P M; Sunday ten A M"),
    ("The Sun is hot. On Sunday.", "The Sun is hot. On Sunday."),
    ("Mon Dieu! We wed in June.", "Mon Dieu! We wed in June."),
    ("Thu 12 Jan 2023", "Thursday the twelfth of January, twenty twenty-three"),
    ("Tues. and Thurs.", "Tuesday and Thursday."),
    ("Fri, Sat & Sun", "Friday, Saturday and Sunday"),
    ("oct 31, 1999", "October thirty-first, nineteen ninety-nine"),
    ("may 5 people come in?", "may five people come in?"),
    ("on may 5 we met", "on May fifth we met"),
    ("march 10 miles", "march ten miles"),
    ("sept 11 2001", "September eleventh, two thousand one"),
    ("aug 2015", "August twenty fifteen"),
    ("the 4th of july", "the fourth of july"),
    ("5 nov 2020", "The fifth of November, twenty twenty"),
    ("1 jan", "The first of January"),
    ("by dec. 25", "by December twenty-fifth"),
    ("12.31.2020", "December thirty-first, twenty twenty"),
    ("2020/12/31", "December thirty-first, twenty twenty"),
    ("31.12.99", "December thirty-first, nineteen ninety-nine"),
    ("due 5/1", "due May first"),
    ("from 3/14 to 3/20", "from March fourteenth to March twentieth"),
    ("3/4 cup", "Three quarters cup"),
    (
      "2024-06-04T14:30:00Z",
      "June fourth, twenty twenty-four, fourteen thirty and zero seconds U T C"
    ),
    ("June 5-7, 2020", "June fifth to seventh, twenty twenty"),
    ("June 5th - 7th", "June fifth to seventh"),
    ("in 1850, 1900 and 2005", "in eighteen fifty, nineteen hundred and two thousand five"),
    ("He was born 1987 in Rome.", "He was born nineteen eighty-seven in Rome."),
    ("The year 1066.", "The year ten sixty-six."),
    ("since 1776", "since seventeen seventy-six"),
    ("about 2000 people", "about two thousand people"),
    ("He scored 1987 points.", "He scored one thousand nine hundred eighty-seven points."),
    ("1987 Toyota Corolla", "Nineteen eighty-seven Toyota Corolla"),
    ("a 1967 convertible", "a nineteen sixty-seven convertible"),
    ("In 2050, 1200 ships", "In twenty fifty, one thousand two hundred ships"),
    ("It costs 1250 euros", "It costs one thousand two hundred fifty euros"),
    ("Apollo 11 in 1969", "Apollo eleven in nineteen sixty-nine"),
    ("1,999 and 1999", "One thousand nine hundred ninety-nine and nineteen ninety-nine"),
    ("flight 1549", "flight fifteen forty-nine"),
    ("(1999)", "Nineteen ninety-nine"),
    ("1999-2000", "Nineteen ninety-nine to two thousand"),
    ("1984 by George Orwell", "Nineteen eighty-four by George Orwell"),
    ("founded in 1850.", "founded in eighteen fifty."),
    (
      "3 million km and 2.5 billion tons",
      "Three million kilometers and two point five billion tons"
    ),
    ("5 ft 11 in", "Five feet eleven inches"),
    ("6'2\" and 5' 9\"", "Six feet two inches and five feet nine inches"),
    ("a 27\" monitor", "a twenty-seven inch monitor"),
    ("27-inch", "Twenty-seven-inch"),
    ("12 in. pipe", "Twelve inch pipe"),
    ("40.7° N, 74° W", "Forty point seven degrees north, seventy-four degrees west"),
    ("37°C", "Thirty-seven degrees Celsius"),
    ("1 tbsp sugar, 2 tsps. salt", "One tablespoon sugar, two teaspoons salt"),
    ("8 oz. steak", "Eight ounce steak"),
    ("16 fl oz", "Sixteen fluid ounces"),
    ("2 c. milk", "Two cups milk"),
    ("10 KM, 50 LBS, 5 CM", "Ten kilometers, fifty pounds, five centimeters"),
    ("100 KB, 5 mb, 10 gb", "One hundred kilobytes, five megabytes, ten gigabytes"),
    (
      "60 MPH, 100 km/h, 3 m/s, 9.8 m/s²",
      "Sixty miles per hour, one hundred kilometers per hour, three meters per second, nine point eight meters per second squared"
    ),
    ("120/80 mmHg", "One hundred twenty over eighty millimeters of mercury"),
    ("5 mg/dL", "Five milligrams per deciliter"),
    ("50 kWh", "Fifty kilowatt hours"),
    ("5V", "Five volts"),
    ("1 GHz", "One gigahertz"),
    ("¾ mile", "Three quarters mile"),
    ("1/4 inch", "One quarter inch"),
    ("1/2 tsp", "One half teaspoon"),
    ("3 ½ hours", "Three and one half hours"),
    ("2,5 kg", "Two point five kilograms"),
    ("1.5kg", "One point five kilograms"),
    ("10 sq. ft.", "Ten square feet."),
    ("500 sq ft", "Five hundred square feet"),
    ("5 m^2", "Five square meters"),
    ("3x4x5 cm", "Three by four by five centimeters"),
    ("4 x 100 m relay", "Four by one hundred meters relay"),
    (
      "HK$100, NZ$20, US$5 million, CA$3",
      "One hundred Hong Kong dollars, twenty New Zealand dollars, five million U S dollars, three Canadian dollars"
    ),
    (
      "₽500, ₺20, ₪15, ₱100, ₿2",
      "Five hundred rubles, twenty lira, fifteen shekels, one hundred pesos, two bitcoins"
    ),
    ("R$1,50", "One Brazilian real and fifty centavos"),
    ("€1.234,56", "One thousand two hundred thirty-four euros and fifty-six cents"),
    ("1.000.000 €", "One million euros"),
    ("12,50 €", "Twelve euros and fifty cents"),
    ("Rs. 500", "Five hundred rupees"),
    (
      "$5/hr, $3/lb, €2/kg, $10/mo",
      "Five dollars per hour, three dollars per pound, two euros per kilogram, ten dollars per month"
    ),
    (
      "$1.5B, $20M, $3k, €5 bn",
      "One point five billion dollars, twenty million dollars, three thousand dollars, five billion euros"
    ),
    (
      "5M downloads, 10B users, 3.2K stars",
      "Five million downloads, ten billion users, three point two thousand stars"
    ),
    ("500k subscribers", "Five hundred thousand subscribers"),
    ("a 5K run and a 4K TV", "a five K run and a four K T V"),
    ("2B or not 2B", "Two B or not two B"),
    ("3M tape", "Three M tape"),
    ("$1-2 million", "One to two million dollars"),
    ("$100 million", "One hundred million dollars"),
    ("USD 20, 20 EUR", "Twenty U S dollars, twenty euros"),
    ("$.99", "Ninety-nine cents"),
    ("£5m", "Five million pounds"),
    ("$ 5", "Five dollars"),
    ("20$", "Twenty dollars"),
    ("Prices in $, €, and £.", "Prices in dollars, euros, and pounds."),
    // more of them: paths, codes, Markdown, streets
    (
      "~/notes/todo.md and ./run.sh",
      "Tilde slash notes slash todo dot M D and dot slash run dot S H"
    ),
    ("../src/main.rs", "Dot dot slash S R C slash main dot R S"),
    ("src/main.c or docs/", "S R C slash main dot c or docs"),
    ("See /etc/passwd for it.", "See slash E T C slash passwd for it."),
    (
      "C:\\Windows\\System32\\drivers",
      "C colon backslash Windows backslash System thirty-two backslash drivers"
    ),
    ("\\\\server\\share", "Backslash backslash server backslash share"),
    ("and/or he/she", "and or he or she"),
    ("192.168.0.1:8080", "One nine two dot one six eight dot zero dot one colon eighty eighty"),
    ("http://localhost:3000/", "Localhost colon three thousand"),
    ("ftp://example.com/file.zip", "F T P colon slash slash example dot com slash file dot zip"),
    ("example.com/page?q=1#top", "Example dot com slash page"),
    ("https://github.com/apple/swift", "Github dot com slash apple slash swift"),
    ("user.name+tag@mail.example.org", "User dot name plus tag at mail dot example dot org"),
    (
      "README.md, package.json and .gitignore", "Readme dot M D, package dot json and dot gitignore"
    ),
    ("Use .NET or Node.js", "Use dot net or Node dot J S"),
    ("VB.NET", "V B dot net"),
    ("main.cpp", "Main dot C P P"),
    ("e.g. this, i.e. that", "For example this, that is that"),
    ("Mr.Smith", "Mister Smith"),
    ("I left.then came", "I left. then came"),
    ("foo.bar.baz", "Foo dot bar dot baz"),
    ("version v1.2.3-beta", "version v one point two point three-beta"),
    ("Python 3.11", "Python three point one one"),
    ("file.tar.gz", "File dot tar dot G Z"),
    ("the A/B test", "the A B test"),
    ("N/A", "N A"),
    ("TCP/IP", "T C P I P"),
    ("w/o sugar", "Without sugar"),
    ("10.0.0.0/8", "One zero dot zero dot zero dot zero slash eight"),
    ("#hashtag and #1", "Hashtag hashtag and number one"),
    ("@user", "At user"),
    ("127.0.0.1", "One two seven dot zero dot zero dot one"),
    ("1-800-555-0199", "One, eight zero zero, five five five, zero one nine nine"),
    ("1-888-GOT-JUNK", "One eight eight eight got junk"),
    ("555-0123", "Five five five, zero one two three"),
    ("020 7946 0958", "Zero two zero, seven nine four six, zero nine five eight"),
    ("0800 123 4567", "Zero eight zero zero, one two three, four five six seven"),
    ("+49 30 123456", "Plus four nine, three zero, one two three four five six"),
    ("+33 1 23 45 67 89", "Plus three three, one, two three, four five, six seven, eight nine"),
    ("+1.415.555.0134", "Plus one, four one five, five five five, zero one three four"),
    ("415.555.0134", "Four one five, five five five, zero one three four"),
    ("415 555 0134", "Four one five, five five five, zero one three four"),
    ("ext. 5", "Extension five"),
    ("4111-1111-1111-1111", "Four one one one, one one one one, one one one one, one one one one"),
    (
      "3782 822463 10005",
      "Three seven eight two, eight two two four six three, one zero zero zero five"
    ),
    ("ISBN 0-306-40615-2", "I S B N zero, three zero six, four zero six one five, two"),
    (
      "ISBN-13: 978-0-306-40615-7",
      "I S B N thirteen: nine seven eight, zero, three zero six, four zero six one five, seven"
    ),
    ("SSN 123-45-6789", "S S N one two three, four five, six seven eight nine"),
    ("94103-1234", "Nine four one zero three, one two three four"),
    ("John 3:16-18", "John three sixteen to eighteen"),
    ("Gen. 1:1 and Ps. 23:1", "Genesis one one and Psalm twenty-three one"),
    ("Rom. 8:28", "Romans eight twenty-eight"),
    ("Matthew 5:3-12", "Matthew five three to twelve"),
    ("Matt. 5:3", "Matthew five three"),
    ("Acts 2:38", "Acts two thirty-eight"),
    ("2 Tim. 3:16", "Second Timothy three sixteen"),
    ("501(c)(3) status", "Five oh one C three status"),
    ("403(b)", "Four oh three B"),
    ("Section 230(c)", "Section two thirty C"),
    ("12(b)(6)", "Twelve B six"),
    ("f(x)", "f of x"),
    ("B-52", "B fifty-two"),
    ("covid-19", "covid nineteen"),
    ("x86_64", "x eighty-six sixty-four"),
    ("F-150", "F one hundred fifty"),
    ("ISO 9001", "I S O nine thousand one"),
    ("RFC 2616", "R F C two thousand six hundred sixteen"),
    ("AES-256", "A E S two hundred fifty-six"),
    ("RTX 4090", "R T X four thousand ninety"),
    ("GPT-4", "G P T four"),
    ("2-in-1", "Two-in one"),
    ("24-7", "Twenty-four seven"),
    ("3-4 hours", "Three to four hours"),
    ("10-15-minute walk", "Ten to fifteen-minute walk"),
    ("1-2-3", "One two three"),
    ("one-on-one", "one-on-one"),
    ("a 3-year-old", "a three-year-old"),
    ("pre-2000", "pre two thousand"),
    ("mid-2019", "mid twenty nineteen"),
    ("Q1-Q3", "Q one-Q three"),
    ("4-6 weeks", "Four to six weeks"),
    ("[sic] he said", "sic, he said"),
    ("[1] a citation [2]", "One, a citation, two"),
    ("see [the docs][ref]", "see the docs"),
    ("text[^1] more", "text more"),
    ("**bold** and *italic* and ~~gone~~", "bold and italic and gone"),
    ("`code` here", "code here"),
    ("# Title", "Title"),
    ("## Sub title", "Sub title"),
    ("- item one", "item one"),
    ("1. First", "One. First"),
    ("> quote", "quote"),
    ("| a | b |", "a, b"),
    ("![](x.png)", ""),
    ("[![badge](b.svg)](http://x.y)", "badge"),
    ("<https://example.com>", "Example dot com"),
    ("[email](mailto:a@b.com)", "email"),
    ("```python", ""),
    ("$x$ and $y$", "x and y"),
    ("$5 and $6", "Five dollars and six dollars"),
    ("$$a+b$$", "a plus b"),
    ("\\(x^2\\)", "x squared"),
    ("$\\frac{1}{2}$ and $\\alpha$", "One over two and alpha"),
    ("It cost $5. He paid $6.", "It cost five dollars. He paid six dollars."),
    ("vol. 3, ch. 2, pp. 10-12", "Volume three, chapter two, pages ten to twelve"),
    ("Fig. 3, Eq. 4, Sec. 5", "Figure three, equation four, section five"),
    ("See App. 2.", "See appendix two."),
    ("No. 10 Downing St.", "Number ten Downing Street."),
    ("It is hot. 5 people came.", "It is hot. Five people came."),
    ("the no. 1 pick", "the number one pick"),
    ("art. 5", "Article five"),
    ("123 N. Main St.", "One hundred twenty-three North Main Street."),
    ("12 W 42nd St", "Twelve West forty-second Street"),
    ("1600 Pennsylvania Ave NW", "Sixteen hundred Pennsylvania Avenue Northwest"),
    ("221B Baker St.", "Two hundred twenty-one B Baker Street."),
    ("PO Box 123", "P O Box one hundred twenty-three"),
    ("5 Oak Ln., Apt 3", "Five Oak Lane, Apartment three"),
    ("St. Paul St.", "Saint Paul Street."),
    (
      "350 5th Ave, New York, NY 10118",
      "Three hundred fifty fifth Avenue, New York, New York one zero one one eight"
    ),
    ("I-95 N", "I ninety-five N"),
    ("Washington, DC 20001", "Washington, D C two zero zero zero one"),
    // more of them: all kinds
    ("It was 5 p.m. - time to go.", "It was five P M, time to go."),
    ("Score: 21-14 at half time.", "Score: twenty-one to fourteen at half time."),
    ("He won 6-4, 6-3.", "He won six to four, six to three."),
    ("the 2-1 win", "the two to one win"),
    ("Call 555-1234 - ask for Bob", "Call five five five, one two three four, ask for Bob"),
    ("Lines 10–20 of the file", "Lines ten to twenty of the file"),
    ("Sales rose 5 - 7 percent", "Sales rose five to seven percent"),
    ("A-level and B-side", "A-level and B-side"),
    ("Ages 5-12 yrs", "Ages five to twelve years"),
    ("from 10 am - noon", "from ten A M to noon"),
    ("Gate B12 - Terminal 3", "Gate B twelve, Terminal three"),
    ("Psalm 23 - a song", "Psalm twenty-three, a song"),
    ("July 4 - 10", "July fourth to tenth"),
    ("2019 - present", "Twenty nineteen to present"),
    ("It's -5 outside", "It's minus five outside"),
    ("1 - 1 = 0", "One minus one equals zero"),
    (
      "He is 6 ft. tall and weighs 180 lbs.",
      "He is six feet tall and weighs one hundred eighty pounds."
    ),
    ("Drive 5 mi. north.", "Drive five miles north."),
    ("Add 1 c. sugar.", "Add one cup sugar."),
    ("½ tsp. salt", "One half teaspoon salt"),
    ("10 1/2 in. pipe", "Ten and one half inches pipe"),
    ("a 3.5\" floppy", "a three point five inch floppy"),
    ("the 6'5\" player", "the six foot five player"),
    ("He said \"I am 6\" and left.", "He said I am six and left."),
    ("5 ml, 3 cl, 2 dl", "Five milliliters, three centiliters, two deciliters"),
    ("1 GB/s", "One gigabyte per second"),
    ("30 fps at 4K", "Thirty frames per second at four K"),
    ("A 9V battery", "A nine volt battery"),
    ("37.5 °C", "Thirty-seven point five degrees Celsius"),
    ("100 °F", "One hundred degrees Fahrenheit"),
    ("1,000 psi", "One thousand P S I"),
    ("10 bn dollars", "Ten billion dollars"),
    ("$3.5tn", "Three point five trillion dollars"),
    ("€1.2 million", "One point two million euros"),
    ("¥10,000", "Ten thousand yen"),
    ("5,000 ₽", "Five thousand rubles"),
    ("CHF 20", "Twenty Swiss francs"),
    ("S$10", "Ten Singapore dollars"),
    ("£1,000.50", "One thousand pounds and fifty pence"),
    ("$1,234.56", "One thousand two hundred thirty-four dollars and fifty-six cents"),
    ("$-5", "Minus five dollars"),
    ("-$20.50", "Minus twenty dollars and fifty cents"),
    ("($5.00)", "Five dollars"),
    ("2K people", "Two thousand people"),
    ("10M+ users", "Ten million plus users"),
    ("7B parameters", "Seven billion parameters"),
    ("Type A, type B", "Type A, type B"),
    ("Q4 FY2023", "Q four F Y twenty twenty-three"),
    ("20th century", "Twentieth century"),
    ("3:30pm EST", "Three thirty P M E S T"),
    ("6.30 in the morning", "Six thirty in the morning"),
    ("noon - 1pm", "noon to one P M"),
    ("12h", "Twelve hours"),
    ("5min", "Five minutes"),
    ("90 min", "Ninety minutes"),
    ("2 hrs 30 mins", "Two hours thirty minutes"),
    ("Sunday-Thursday", "Sunday to Thursday"),
    ("Tuesday, Mar. 3rd", "Tuesday, March third"),
    ("3rd of May", "Third of May"),
    ("5/6/07", "May sixth, two thousand seven"),
    ("1/2/2024", "January second, twenty twenty-four"),
    ("Sept. 2021", "September twenty twenty-one"),
    ("9-11-2001", "September eleventh, two thousand one"),
    ("Nov 5th, 1955 at 6:15am", "November fifth, nineteen fifty-five at six fifteen A M"),
    ("ca. 1850", "Circa eighteen fifty"),
    ("b. 1920, d. 1987", "Born nineteen twenty, died nineteen eighty-seven"),
    ("1066 and all that", "Ten sixty-six and all that"),
    ("A.D. 79", "A D seventy-nine"),
    ("79 AD", "Seventy-nine A D"),
    ("There were 1999 of them.", "There were one thousand nine hundred ninety-nine of them."),
    ("I have 2024 reasons.", "I have two thousand twenty-four reasons."),
    ("Route 66", "Route sixty-six"),
    ("Model 1911", "Model nineteen eleven"),
    ("OPEN DAILY", "Open daily"),
    ("EXIT ONLY", "Exit only"),
    ("PULL", "Pull"),
    ("FIRE EXIT", "Fire exit"),
    ("CAUTION: WET FLOOR", "Caution: wet floor"),
    ("README", "Readme"),
    ("FYI", "F Y I"),
    ("NOT FOR SALE", "Not for sale"),
    ("PART B", "Part B"),
    ("Step II", "Step two"),
    ("Book V", "Book five"),
    ("Elizabeth I", "Elizabeth the first"),
    ("Queen Elizabeth I ruled.", "Queen Elizabeth the first ruled."),
    ("Rocky IV", "Rocky four"),
    ("Article V", "Article five"),
    ("x = 5", "x equals five"),
    ("for Tu (2/22) at 5", "for Tuesday, February twenty-second, at five"),
    ("Mo-Fr 9-5", "Monday to Friday nine to five"),
    ("[poʊstˌmɑɹk]", "poustmark"),
    ("π and θ", "pi and theta"),
    ("\"Yes\" \"No\"", "Yes, No"),
    (
      "Wed, 15 Nov 2000 15:56:50",
      "Wednesday, the fifteenth of November, two thousand, fifteen fifty-six and fifty seconds"
    ),
    ("Article ID Q1", "Article I D Q one"),
    ("12/kg", "Twelve per kilogram"),
    (
      "123/261788/2021",
      "One hundred twenty-three slash two hundred sixty-one thousand seven hundred eighty-eight slash twenty twenty-one"
    ),
    ("2Q22 results", "Second quarter of twenty-two results"),
    ("1980 s", "Nineteen eighties"),
    (
      "124,444,234,854,823,834,553",
      "One hundred twenty-four quintillion four hundred forty-four quadrillion two hundred thirty-four trillion eight hundred fifty-four billion eight hundred twenty-three million eight hundred thirty-four thousand five hundred fifty-three"
    ),
    ("Sam I", "Sam the first"),
    ("The box was 25 x 7 m.", "The box was twenty-five by seven meters."),
    ("+1 (123)-123-5678", "Plus one, one two three, one two three, five six seven eight"),
    ("1- 2 = 5", "One minus two equals five"),
    ("$20.500", "Twenty dollars and fifty cents"),
    ("Sat. night", "Saturday night"),
  ]

  @Test(arguments: reported) func `says what a listener expects`(
    _ written: String, _ spoken: String
  ) {
    #expect(EnglishNormalizer.normalize(written) == spoken)
  }

  @Test(arguments: neighbours) func `says the same kinds of writing the same way`(
    _ written: String, _ spoken: String
  ) {
    #expect(EnglishNormalizer.normalize(written) == spoken)
  }

  @Test(arguments: reported + neighbours) func `keeps the promises`(
    _ written: String, _ spoken: String
  ) throws {
    try EnglishNormalizerTests.check(written)
  }

  @Test func `damaged texts keep the promises`() throws {
    let seeds = (Self.reported + Self.neighbours).map { Array($0.written.utf8) }
    try Fuzzing(name: "reported texts", iterations: 5_000).run(seeds: seeds) { bytes in
      try EnglishNormalizerTests.check(String(decoding: bytes, as: UTF8.self))
    }
  }
}
