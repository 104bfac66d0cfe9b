// SPDX-License-Identifier: MIT
#if Server
import Digest
import Qwen3TTS
import Synchronization

/// Voices that were taken from recordings, by what the recordings hold: who sends the same one twice, or
/// twice at a time, has it encoded once.
final class VoiceCache: Sendable {
  /// What a voice is made of.
  struct Key: Hashable {
    let model: String
    let digest: String
    let transcript: String?

    init(model: String, recording: [UInt8], transcript: String?) {
      self.model = model
      var sha = SHA256()
      sha.update(recording.span)
      digest = sha.finalizeToHex()
      self.transcript = transcript
    }
  }

  private struct Entry {
    let making: Task<VoiceCreation, any Error>
    var lastUse: UInt64
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var uses: UInt64 = 0
  }

  /// Voices that are kept; one of ten seconds takes about 20 kB.
  private static let capacity = 256

  private let state = Mutex(State())
  private let metrics: ServerMetrics

  init(metrics: ServerMetrics) { self.metrics = metrics }

  /// The voice of a key, made when there is none yet. A failure is not kept.
  func voice(
    _ key: Key, make: @escaping @Sendable () async throws -> VoiceCreation
  ) async throws -> VoiceCreation {
    let (making, isNew) = state.withLock { state in
      state.uses += 1
      if var entry = state.entries[key] {
        entry.lastUse = state.uses
        state.entries[key] = entry
        return (entry.making, false)
      }
      if state.entries.count >= Self.capacity,
        let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        state.entries[oldest.key] = nil
      }
      let making = Task { try await make() }
      state.entries[key] = Entry(making: making, lastUse: state.uses)
      return (making, true)
    }
    metrics.voice(wasCached: !isNew)
    do { return try await making.value } catch {
      state.withLock { $0.entries[key] = nil }
      throw error
    }
  }
}
#endif
