// SPDX-License-Identifier: MIT

package import ModelFiles
package import SpeechModel

/// What an engine keeps for its voices: made before the engine is, and what it then has.
///
/// Besides, there are the weights and, on a GPU, some tens of megabytes of workspace.
package struct MemoryPlan: Sendable, Equatable {
  /// Voices at once.
  package let voices: Int
  /// Positions of prompt and frames together that one of them can have.
  package let capacity: Int
  /// Pages that voices share; with one voice those that its positions would fill.
  package let pages: Int
  /// Bytes of a page of keys and values.
  package let pageBytes: Int
  /// Bytes of all keys and values.
  package let keyValueBytes: Int
  /// Bytes of the codec's states, those of remembered references included.
  package let codecBytes: Int

  /// Positions that each voice can have while all of them speak, or as many as there are pages.
  package var capacityOfEach: Int { min(capacity, max(1, pages / voices) * Self.pageSize) }

  /// Bytes of all of it.
  package var stateBytes: Int { keyValueBytes + codecBytes }

  /// Positions of a page.
  package static let pageSize = 64
  /// The fewest positions that a speech fits.
  package static let leastCapacity = 64

  /// - Parameter precision: How the talker's keys and values are kept.
  /// - Throws: `SynthesisError` `invalidInput` when the bytes that were asked for give no room for a speech.
  package init(
    _ checkpoint: Checkpoint, _ limits: EngineLimits, precision: CachePrecision
  ) throws(SynthesisError) {
    let shape = checkpoint.configuration.talker.transformer
    let positionBytes = 2 * shape.layerCount * shape.kvWidth * precision.byteCount
    let isShared = limits.voices > 1
    voices = limits.voices
    pageBytes = Self.pageSize * positionBytes
    // Rows that fill up a step have a page of their own.
    let sparePages = isShared ? 1 : 0
    var capacity = limits.capacity
    var most = Int.max
    if let bytes = limits.keyValueBytes {
      if isShared { most = bytes / pageBytes - sparePages }
      capacity = min(capacity, isShared ? most * Self.pageSize : bytes / positionBytes)
      guard capacity >= Self.leastCapacity else {
        let needed = (1 + sparePages) * pageBytes
        throw SynthesisError(
          .invalidInput,
          "memory: expected at least \(needed) bytes, for keys and values of "
            + "\(Self.leastCapacity) positions, found \(bytes). A second of speech is 12.5 positions."
        )
      }
    } else if let bytes = limits.spareBytes {
      most = max(Self.pages(capacity), bytes / pageBytes - sparePages)
    }
    self.capacity = capacity
    pages = min(limits.voices * Self.pages(capacity), most)
    keyValueBytes = isShared ? (pages + sparePages) * pageBytes : capacity * positionBytes
    codecBytes =
      CodecStateSize(
        checkpoint.codecConfiguration.decoder, slotCount: limits.voices,
        batchCapacity: limits.chunkCapacity, references: limits.references
      ).byteCount
  }

  private static func pages(_ positions: Int) -> Int { (positions + pageSize - 1) / pageSize }

  /// Limits that take about half as much of what is spare; `nil` where one speech needs all of it.
  func smaller(_ limits: EngineLimits) -> EngineLimits? {
    guard limits.keyValueBytes == nil, pages > Self.pages(capacity) else { return nil }
    var less = limits
    less.spareBytes = keyValueBytes / 2
    return less
  }
}
