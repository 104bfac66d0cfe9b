// SPDX-License-Identifier: MIT

/// What counts things by number: "Chapter 3".
enum Labels {
  static let counted: Set<String> = [
    "chapter", "part", "book", "volume", "act", "scene", "section", "article", "war", "figure",
    "appendix", "type", "phase", "level", "stage", "bowl", "title", "canto", "unit", "mark",
    "class", "apollo", "gemini", "soyuz", "saturn", "episode", "season", "round", "exhibit",
    "annex", "schedule", "table", "plate", "theorem", "lemma", "amendment", "category", "group",
    "psalm", "sonnet", "symphony", "grade", "step", "lesson", "module", "day", "week", "factor",
    "olympiad", "fantasy", "wrestlemania", "vatican", "division", "corps", "tier", "option",
    "clause", "paragraph", "number", "page", "track", "room", "question", "exercise", "problem",
    "version", "bed", "gate", "flight", "platform", "lane", "item", "team", "rule",
    "proposition", "verse", "opus", "equation", "route", "apartment", "building", "tip", "reason",
    "seat", "suite", "bus", "line", "highway", "interstate", "row", "channel",
  ]

  /// "pages", "chapters"
  static func counted(inPlural word: String) -> Bool {
    word.hasSuffix("s") && counted.contains(String(word.dropLast()))
  }
}

/// Words that tell whether the number beside them is a year.
enum YearContexts {
  static let beforeYears: Set<String> = [
    "in", "since", "until", "till", "by", "from", "of", "year", "during", "before", "after",
    "circa", "late", "early", "mid", "pre", "post", "spring", "summer", "fall", "autumn", "winter",
    "copyright", "class", "born", "died", "founded", "established", "released", "published",
  ]
  static let afterYears: Set<String> = [
    "was", "is", "will", "has", "saw", "had", "began", "ended", "election", "elections", "season",
    "film", "movie", "census", "edition", "report", "war", "revolution", "landing", "budget",
    "version", "model", "and", "or", "to", "in", "on", "at", "by", "the", "a", "an", "when", "that",
    "with", "for", "as", "but", "because", "until", "where", "who", "which", "he", "she", "it",
    "they",
    "we", "after", "before", "from", "through", "onwards", "onward", "marked", "brought",
    "world", "if", "would", "could", "did", "are", "were", "then", "so",
  ]
  static let beforeCounts: Set<String> = [
    "over", "nearly", "almost", "only", "least", "most", "total", "cost", "costs", "paid", "plus",
    "minus", "number", "x", "exactly", "another", "about", "approximately", "around", "under", "up",
    "every", "per", "equals", "times", "exceeds", "some", "roughly", "lost", "won", "has", "have",
    "had", "with", "weighs", "score", "scored", "points",
  ]
  static let eras: Set<String> = ["BC", "AD", "BCE", "CE"]
}
