// SPDX-License-Identifier: MIT

import TextNormalization

/// Which words of a text were rewritten as what.
package enum SpokenForms {
  /// How many letters are said for each word of a few that were rewritten together.
  ///
  /// Each is rewritten by itself, and what comes of them is laid along what was said with the fewest edits: a word that
  /// only its neighbours explain, such as "Dr." before a name, takes the place of what it would be alone.
  ///
  /// - Parameters:
  ///   - written: Words as they were written, with their marks.
  ///   - spoken: What was said for all of them.
  /// - Returns: By written word; together the letters and digits of `spoken`.
  package static func letters(of written: [String], in spoken: String) -> [Int] {
    var letters = written.map { _ in 0 }
    let said = words(of: spoken)
    guard !said.isEmpty, !written.isEmpty else { return letters }
    if written.count == 1 { return [said.reduce(0) { $0 + $1.unicodeScalars.count }] }
    var alone: [(word: String, owner: Int)] = []
    for (owner, word) in written.enumerated() {
      alone += words(of: EnglishNormalizer.normalize(word)).map { ($0, owner) }
    }
    for (word, owner) in zip(said, owners(of: said, among: alone)) {
      letters[owner] += word.unicodeScalars.count
    }
    return letters
  }

  private static func words(of text: String) -> [String] {
    text.unicodeScalars.split { !$0.isSpeakable }.map { String($0).lowercased() }
  }

  /// The owner of the word that each one said stands for, in the order of the text.
  private static func owners(
    of said: [String], among alone: [(word: String, owner: Int)]
  ) -> [Int] {
    guard !alone.isEmpty else { return said.map { _ in 0 } }
    // Edit distances between beginnings of the two.
    let width = alone.count + 1
    var costs = [Int](repeating: 0, count: (said.count + 1) * width)
    for column in 0..<width { costs[column] = column }
    for (row, word) in said.enumerated() {
      let above = row * width
      costs[above + width] = row + 1
      for column in 0..<alone.count {
        let isSame = alone[column].word == word
        costs[above + width + column + 1] = min(
          costs[above + column] + (isSame ? 0 : 2),
          min(costs[above + column + 1], costs[above + width + column]) + 1)
      }
    }
    var owners = said.map { _ in 0 }
    var row = said.count
    var column = alone.count
    while row > 0 {
      let cost = costs[row * width + column]
      if column > 0 {
        let isSame = alone[column - 1].word == said[row - 1]
        if cost == costs[(row - 1) * width + column - 1] + (isSame ? 0 : 2) {
          row -= 1
          column -= 1
          owners[row] = alone[column].owner
          continue
        }
        // Rather something that is said for no word by itself than a word for which nothing is said.
        if cost != costs[(row - 1) * width + column] + 1 {
          column -= 1
          continue
        }
      }
      // It goes with the word before.
      row -= 1
      owners[row] = alone[max(column - 1, 0)].owner
    }
    return owners
  }
}
