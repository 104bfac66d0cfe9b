// SPDX-License-Identifier: MIT

/// What becomes of a word in capitals.
enum Acronyms {
  /// Acronyms that are said as words.
  private static let words: Set<String> = [
    "NASA", "NATO", "UNESCO", "UNICEF", "OPEC", "LASER", "RADAR", "SONAR", "SCUBA", "COVID", "AIDS",
    "PIN", "SIM", "RAM", "ROM", "GIF", "SWAT", "FIFA", "UEFA", "NAFTA", "OSHA", "IKEA", "LEGO",
    "JSON", "CUDA", "POSIX", "NASDAQ", "CAPTCHA", "BASIC", "COBOL", "FORTRAN", "MIDI", "MIPS",
    "TASER", "DARPA", "ICANN", "YAML", "WASM", "NIMBY", "SARS", "ZIP", "VAT", "DOS", "BIOS", "GNU",
    "NOAA", "FEMA", "MODEM", "PIXEL", "BAFTA", "ASEAN", "BRICS", "NAACP", "AWOL", "LIDAR", "TED",
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
    "NCAA": "N C double A", "WWI": "World War one", "WWII": "World War two", "PHD": "P H D",
    "IEEE": "I triple E", "AAA": "triple A",
  ]
  /// Short words, which people write in capitals to stress them and in headings.
  private static let common: Set<String> = Set(
    """
    ABLE ACES ACHE ACID ACRE ACT ACTS ADD AGED AGES AGO AIDE AIR ALL ALSO AN AND ANTS ANY APE APES \
    ARCH ARE AREA ARM ARMS ARMY ART ARTS AS ASH ASK ASKS AT ATE AUNT AWAY AXE BABY BACK BAD BAG \
    BAGS BAIL BAIT BAKE BALL BAN BAND BANG BANK BANS BAR BARE BARK BARN BARS BASE BAT BATH BATS \
    BAY BE BEAM BEAN BEAR BEAT BED BEDS BEE BEEF BEEN BEER BEES BEG BELL BELT BEND BENT BEST BET \
    BETS BID BIDS BIG BIKE BILL BIN BIND BIRD BIT BITE BITS BLEW BLOW BLUE BOAT BODY BOIL BOLD \
    BOMB BOND BONE BOOK BOOM BOOT BORE BORN BOSS BOTH BOW BOWL BOX BOY BOYS BREW BUCK BUG BUGS \
    BULB BULK BULL BURN BURY BUS BUSH BUSY BUT BUY BUYS BY BYE CAB CAGE CAKE CALL CALM CAME CAMP \
    CAN CAN'T CANE CAP CAPE CAR CARD CARE CARS CART CASE CASH CAST CAT CATS CAVE CELL CENT CHAT \
    CHEF CHIN CHIP CITE CITY CLAY CLIP CLUB CLUE COAL COAT CODE COIN COLD COME COOK COOL COPE COPY \
    CORD CORE CORN COST COW COWS CREW CROP CROW CRY CUBE CUP CUPS CURB CURE CUT CUTE CUTS DAD DAMP \
    DARE DARK DART DATA DATE DAWN DAY DAYS DEAD DEAF DEAL DEAR DEBT DECK DEED DEEP DEER DEMO DENY \
    DESK DIAL DICE DID DIE DIED DIES DIET DIG DIM DINE DIP DIRT DISC DISH DISK DIVE DO DOES DOG \
    DOLL DOME DON'T DONE DOOM DOOR DOSE DOT DOTS DOVE DOWN DRAG DRAW DREW DRIP DROP DRUG DRUM DRY \
    DUAL DUCK DUE DUES DULL DUMB DUMP DUST DUTY DYE EACH EAR EARN EARS EASE EAST EASY EAT EDGE \
    EDIT EGG EGGS ELSE EMIT END ENDS ENVY EPIC EVEN EVER EVIL EXAM EXIT EYE EYES FACE FACT FADE \
    FAIL FAIR FAKE FALL FAME FAN FANS FAR FARE FARM FAST FAT FATE FAX FEAR FED FEE FEED FEEL FEES \
    FEET FELL FELT FEW FILE FILL FILM FIN FIND FINE FIRE FIRM FISH FIST FIT FITS FIVE FIX FLAG \
    FLAT FLED FLEW FLIP FLOW FLY FOAM FOG FOLD FOLK FOND FOOD FOOT FOR FORD FORK FORM FORT FOUL \
    FOUR FOX FREE FROM FUEL FULL FUN FUND FUR FURY FUSE GAIN GAME GAP GAPS GAS GATE GAVE GEAR GENE \
    GET GIFT GIRL GIVE GLAD GLUE GO GOAL GOAT GOD GODS GOES GOLD GOLF GONE GOOD GOT GRAB GRAY GREW \
    GREY GRID GRIN GRIP GROW GULF GUM GUN GUNS GUY GUYS GYM HAD HAIL HAIR HALF HALL HALT HAND HANG \
    HARD HARM HAS HAT HATE HATS HAVE HAWK HE HEAD HEAL HEAR HEAT HEEL HELD HELL HELP HER HERB HERD \
    HERE HERO HERS HEY HI HIDE HIGH HIKE HILL HIM HINT HIRE HIS HIT HITS HOLD HOLE HOLY HOME HOOK \
    HOP HOPE HORN HOST HOT HOUR HOW HUB HUG HUGE HUNG HUNT HURT HUT ICE ICON ICY IDEA IDLE IDOL IF \
    ILL IN INCH INFO INN INTO IRON IS ISLE ITEM ITS JAIL JAM JAR JAW JAZZ JET JOB JOBS JOIN JOKE \
    JOY JULY JUMP JUNE JUNK JURY JUST KEEN KEEP KEPT KEY KEYS KICK KID KIDS KILL KIND KING KISS \
    KIT KITE KNEE KNEW KNIT KNOT KNOW LAB LABS LACE LACK LADY LAID LAKE LAMB LAMP LAND LANE LAP \
    LAST LATE LAW LAWN LAWS LAY LAZY LEAD LEAF LEAK LEAN LEAP LEFT LEG LEGS LEND LENS LENT LESS \
    LET LIAR LID LIE LIED LIES LIFE LIFT LIKE LIMB LINE LINK LION LIP LIPS LIST LIT LIVE LOAD LOAN \
    LOCK LOG LOGO LONE LONG LOOK LOOP LORD LOSE LOSS LOST LOT LOTS LOUD LOVE LOW LUCK LUNG MAD \
    MADE MAIL MAIN MAKE MALE MALL MAN MANY MAP MAPS MARK MASK MASS MATE MATH MAY MAZE ME MEAL MEAN \
    MEAT MEET MELT MEMO MEN MENU MESS MET MICE MILD MILE MILK MILL MIND MINE MINI MINT MISS MIST \
    MIX MODE MOM MOOD MOON MORE MOST MOVE MUCH MUD MUG MUST MY MYTH NAIL NAME NAVY NEAR NEAT NECK \
    NEED NEST NET NEW NEWS NEXT NICE NINE NO NODE NONE NOON NORM NOSE NOT NOTE NOW NUT NUTS OAK \
    OATH OBEY ODD ODDS OF OFF OH OIL OILS OKAY OLD ON ONCE ONE ONES ONLY ONTO OPEN OR ORAL OUR \
    OURS OUT OVAL OVEN OVER OWE OWED OWN OWNS PACE PACK PACT PAD PAGE PAID PAIN PAIR PALE PALM PAN \
    PANT PARK PART PASS PAST PATH PAWS PAY PAYS PEA PEAK PEAR PEEL PEER PEN PENS PEST PET PETS \
    PICK PIE PIER PIG PIGS PILE PILL PINE PINK PIPE PIT PITY PLAN PLAY PLOT PLUG PLUS POEM POET \
    POLE POLL POND POOL POOR POP PORK PORT POSE POST POT POUR PRAY PREY PROP PUB PULL PUMP PURE \
    PUSH PUT PUTS QUIT QUIZ RACE RACK RAGE RAID RAIL RAIN RANG RANK RARE RAT RATE RATS RAW RAY \
    RAYS READ REAL RED RELY RENT REST RIB RIBS RICE RICH RID RIDE RING RIOT RIP RISE RISK ROAD \
    ROAR ROB ROCK ROD RODE ROLE ROLL ROOF ROOM ROOT ROPE ROSE ROW ROWS RUB RUDE RUG RUIN RULE RUN \
    RUNG RUNS RUSH SACK SAD SAFE SAID SAIL SALE SALT SAME SAND SANG SANK SAVE SAW SAY SEA SEAL \
    SEAT SEE SEED SEEK SEEM SEEN SELF SELL SEND SENT SET SETS SHE SHIP SHOE SHOP SHOT SHOW SHUT \
    SICK SIDE SIGH SIGN SILK SIN SING SINK SIR SIT SITE SIX SIZE SKI SKIN SKY SLIP SLOW SNAP SNOW \
    SO SOAP SOFT SOIL SOLD SOLE SOME SON SONG SOON SORE SORT SOUL SOUP SOUR SPA SPIN SPOT SPY STAR \
    STAY STEM STEP STIR STOP SUCH SUIT SUM SUN SUNG SUNK SURE SWIM TAIL TAKE TALE TALK TALL TANK \
    TAP TAPE TASK TAX TAXI TEA TEAM TEAR TECH TEEN TELL TEN TEND TENT TERM TEST TEXT THAN THAT THE \
    THEM THEN THEY THIN THIS THOU THUS TIDE TIE TIED TIES TILE TILL TIME TINY TIP TIPS TIRE TO TOE \
    TOES TOLD TOLL TONE TOO TOOK TOOL TOP TOSS TOUR TOWN TOY TOYS TRAP TRAY TREE TRIM TRIO TRIP \
    TRUE TRY TUBE TUNE TURN TWIN TWO TYPE UGLY UNIT UP UPON URGE USE USED USER USES VAN VARY VAST \
    VEIL VEIN VERB VERY VEST VETO VIA VICE VIEW VINE VISA VOID VOTE WAGE WAIT WAKE WALK WALL WANT \
    WAR WARM WARN WAS WASH WAVE WAX WAY WE WEAK WEAR WEB WEED WEEK WELL WENT WERE WEST WET WHAT \
    WHEN WHOM WHY WIDE WIFE WILD WILL WIN WIND WINE WING WIPE WIRE WISE WISH WITH WOKE WOLF WON'T \
    WOOD WOOL WORD WORE WORK WORN WOW WRAP YARD YARN YEAH YEAR YELL YES YET YOGA YOU YOUR ZERO \
    ZONE ZOO
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
