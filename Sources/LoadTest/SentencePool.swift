// SPDX-License-Identifier: MIT

/// What a load test says: plain English sentences, each with a name.
package struct SentencePool: Sendable {
  /// One text.
  package struct Sentence: Sendable, Equatable {
    package let id: String
    package let text: String

    package init(id: String, text: String) {
      self.id = id
      self.text = text
    }

    /// Words between spaces.
    package var wordCount: Int { text.split(separator: " ").count }
  }

  package let sentences: [Sentence]

  package init(_ sentences: [Sentence]) { self.sentences = sentences }

  /// 1,088 sentences of the project's own, 6 to 23 words, 10.9 on average: as many and about as long as
  /// in the published tests of this model.
  package static let standard = SentencePool(
    (0..<1_088).map { index in
      Sentence(id: "s" + String(10_000 + index).dropFirst(), text: sentence(index))
    })

  /// Builds a sentence out of parts; every index gives another.
  private static func sentence(_ index: Int) -> String {
    // Numbers that share no factor with the counts reach every combination.
    let subject = subjects[index % subjects.count]
    let verb = verbs[(index / 3 + index * 7) % verbs.count]
    let object = objects[(index / subjects.count + index * 5) % objects.count]
    var text = "\(subject) \(verb) \(object)"
    // Of eight sentences four stay short, two get an end, one gets an end and a clause, one begins with
    // an aside.
    let end = " " + ends[(index / 8 + index) % ends.count]
    switch index % 8 {
    case 1, 3: text += end
    case 5: text = openings[(index / 8) % openings.count] + ", " + text
    case 7: text += end + ", " + clauses[(index / 5 + index * 3) % clauses.count]
    default: break
    }
    return text.prefix(1).uppercased() + text.dropFirst() + "."
  }

  private static let subjects = [
    "my neighbour", "the old baker", "a young engineer", "our teacher", "the night train",
    "her brother", "the small museum", "every visitor", "the new captain", "an honest lawyer",
    "the river", "this machine", "a stray cat", "the whole village", "his grandmother",
    "the morning paper", "another doctor",
  ]

  private static let verbs = [
    "carried", "forgot", "noticed", "painted", "repaired", "followed", "described", "borrowed",
    "returned", "praised", "measured", "remembered", "collected",
  ]

  private static let objects = [
    "the blue bicycle", "a basket of apples", "the broken clock", "three wooden chairs",
    "a letter from the north", "the last piece of bread", "an unusual map",
    "the colour of the sky", "a simple song", "the road to the harbour", "seven silver coins",
    "the smell of fresh coffee", "a photograph of the bridge", "the quiet garden",
    "an answer that nobody expected", "the key to the front door", "a box of old records",
    "the first snow of the year", "a story about the sea",
  ]

  private static let ends = [
    "before the rain began", "on the way home", "in the middle of the night",
    "without saying a word", "for the third time this week", "near the railway station",
    "as soon as the lights went out", "with great care", "at the end of the summer",
    "while the children were asleep", "after a long and difficult day",
  ]

  private static let clauses = [
    "and nobody asked why", "but it made no difference", "so we waited a little longer",
    "because there was nothing else to do", "and then everything went quiet",
    "which surprised the people next door", "although it was far too late",
  ]

  private static let openings = [
    "To be honest", "A few years ago", "As far as I know", "On a cold Sunday in November",
    "When we were young", "According to the report", "If I remember correctly",
    "Much to our surprise",
  ]
}
