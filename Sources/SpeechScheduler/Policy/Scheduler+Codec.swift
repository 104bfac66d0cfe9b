// SPDX-License-Identifier: MIT

// Codec batches: first chunks at once, then whoever's listener runs dry first, in chunks as long as there
// is time for.

extension Scheduler {
  /// Whether a voice's frames should be decoded now: they are its first chunk, a whole chunk, its last, or
  /// needed soon. Else they wait for others, because more frames cost less each.
  private func isReady(_ voice: Voice) -> Bool {
    guard decodable(voice, room: configuration.largestCodecBatch) > 0 else { return false }
    if voice.end != nil { return true }
    let chunk = voice.submitted == 0 ? voice.request.chunks.first : voice.request.chunks.later
    return voice.pending >= chunk
      || (voice.submitted > 0 && isUrgent(voice.codecDue(configuration)))
  }

  /// Frames of a voice that may be decoded now, where there is room for so many.
  private func decodable(_ voice: Voice, room: Int) -> Int {
    guard configuration.keepsChunks else { return min(voice.pending, room) }
    let chunks = voice.request.chunks
    var count = 0
    while count < voice.pending {
      let size = voice.submitted + count == 0 ? chunks.first : chunks.later
      let left = voice.pending - count
      guard left >= size || voice.end != nil, count + min(size, left) <= room else { break }
      count += min(size, left)
    }
    return count
  }

  /// When the most urgent chunk that is ready is due.
  func codecDue() -> Instant? {
    voices.lazy.filter { isReady($0) }.map { $0.codecDue(configuration) }.min()
  }

  /// - Parameter isIdle: Whether the device has nothing else to do, so that every frame is ready.
  mutating func makeCodecBatch(isIdle: Bool) -> Work? {
    let pending = voices.filter { $0.pending > 0 }
      .map { (isReady: isIdle || isReady($0), due: $0.codecDue(configuration), id: $0.id) }
      .sorted { ($0.isReady ? 0 : 1, $0.due, $0.id) < ($1.isReady ? 0 : 1, $1.due, $1.id) }
    var segments: [CodecSegment] = []
    var count = 0
    var room = configuration.largestCodecBatch
    for (isReady, _, id) in pending {
      guard let index = voiceIndex[id] else { continue }
      if !isReady {
        // Others fill the bucket that is paid for anyway.
        room = min(
          room, SchedulerConfiguration.bucket(for: count, in: configuration.codecBuckets))
      }
      guard count > 0 || isReady, count < room else { break }
      let start = voices[index].submitted
      let frames = decodable(voices[index], room: room - count)
      guard frames > 0 else { continue }
      segments.append(
        CodecSegment(request: id, slot: voices[index].slot, frames: start..<start + frames))
      if start == 0 { voices[index].codecStarted = now }
      voices[index].submitted += frames
      voices[index].lastCodec = now
      count += frames
    }
    guard !segments.isEmpty else { return nil }
    let bucket = SchedulerConfiguration.bucket(for: count, in: configuration.codecBuckets)
    return launch(.codec(segments: segments, bucket: bucket), pages: [])
  }
}
