// SPDX-License-Identifier: MIT

import ModelFiles
import Qwen3TTS
import SpeechModel
import SpeechRuntime
import SpeechScheduler
package import SyntheticCheckpoint

extension Verification {
  /// Has an engine with a model of each kind speak requests as a server does, with its scheduler, its pages and
  /// its codecs: first one after the other, then beside each other, where they come, are given text, are
  /// cancelled and end at random, and some have to wait. True when each has the codes and samples that it has
  /// alone, bit for bit, up to where it was cancelled.
  ///
  /// - Parameter count: Requests.
  package func verifyLoad(_ size: SyntheticSize, requests count: Int = 150) -> Bool {
    let name = "load, \(size.rawValue)"
    return every([(size, name)]) { size in
      let checkpoints = [ModelVariant.customVoice, .base, .voiceDesign].enumerated()
        .map { Checkpoint.synthetic(size, variant: $1, seed: $0) }
      let backend = try candidate(true)
      var limits = EngineLimits(capacity: 256)
      limits.voices = 7
      let precision = try backend.cachePrecision(weights: checkpoints[0].talkerElementType)
      limits.cachePrecision = precision
      // Pages for half of what seven voices can need.
      limits.keyValueBytes =
        15 * (try MemoryPlan(checkpoints[0], limits, precision: precision)).pageBytes
      let engine = try SpeechEngine(
        checkpoints[0], limits, on: backend, codec: candidate(true))
      for checkpoint in checkpoints.dropFirst() {
        _ = try engine.add(checkpoint, codec: nil) {}
      }
      var random = RandomNumbers(seed: seed, name: name)
      let requests = (0..<count).map { _ in
        LoadRequest(&random, checkpoints)
      }
      let speaker = LoadSpeaker(engine)
      let alone = try speaker.speak(requests, atOnce: 1, &random)
      let together = try speaker.speak(requests, atOnce: 30, &random)
      var expected: [MeasuredResult] = []
      for (index, (alone, together)) in zip(alone, together).enumerated() {
        // What was cancelled said the beginning of it.
        var heard = alone
        if together.reason == .cancelled {
          heard.codes = Array(alone.codes.prefix(together.codes.count))
          heard.samples = Array(alone.samples.prefix(together.samples.count))
        }
        expected += heard.results(index)
      }
      let outcome = VerificationOutcome(
        name, found: together.enumerated().flatMap { $1.results($0) }, expected: expected)
      return [outcome, VerificationOutcome("\(name), in order", { speaker.problem })]
    }
  }
}

/// A request to an engine.
private struct LoadRequest {
  /// With the text that there is when it is made.
  var utterance: Utterance
  /// Tokens that come while it is spoken.
  var text: [Int32]
  /// Frames after which it is cancelled.
  var cancelsAfter: Int?

  /// - Parameter checkpoints: The engine's models.
  init(_ random: inout RandomNumbers, _ checkpoints: [Checkpoint]) {
    let model = random.index(below: checkpoints.count)
    let slot = SlotUtterance(&random, checkpoints[model], positions: 190)
    text = Array(slot.prompt.trailing.dropFirst(slot.knownCount))
    utterance = Utterance(
      prompt: slot.prompt, settings: slot.settings, frameLimit: max(1, slot.frames))
    utterance.model = model
    utterance.prompt.trailing = Array(slot.prompt.trailing.prefix(slot.knownCount))
    utterance.isTextOpen = !text.isEmpty
    utterance.chunks = ChunkSizes(
      first: 1 + random.index(below: 3), later: 1 + random.index(below: 9))
    utterance.deadlines = random.index(below: 5) > 0 ? .playback : .throughput
    utterance.priority = random.index(below: 10) > 0 ? .standard : .background
    if slot.leavesAtOnce || slot.frames == 0 {
      cancelsAfter = random.index(below: max(1, slot.frames))
    }
  }

  /// The same with its whole text, to its end.
  var whole: LoadRequest {
    var whole = self
    whole.utterance.prompt.trailing += text
    whole.utterance.isTextOpen = false
    whole.text = []
    whole.cancelsAfter = nil
    return whole
  }
}

/// What was heard of a request.
private struct Heard {
  var codes: [Int32] = []
  var samples: [Float] = []
  var frames = 0
  var consumed = 0
  var reason: EndReason?

  func results(_ index: Int) -> [MeasuredResult] {
    [
      MeasuredResult(
        name: "request \(index), codes", values: codes.map(Float.init), tolerance: .exact),
      MeasuredResult(name: "request \(index), samples", values: samples, tolerance: .exact),
    ]
  }
}

/// Requests on their way through an engine, in an order that random numbers decide.
private final class LoadSpeaker {
  private let engine: any PromptSpeaking
  private var heard: [Heard] = []
  /// The most that spoke and waited at a time.
  private var most = (speaking: 0, waiting: 0)
  private var lastEvent = ContinuousClock.now

  init(_ engine: any PromptSpeaking) { self.engine = engine }

  /// What each says.
  ///
  /// - Parameter count: Requests that the engine has at a time; a single one has its whole text, and is not
  ///   cancelled.
  func speak(
    _ requests: [LoadRequest], atOnce count: Int, _ random: inout RandomNumbers
  ) throws -> [Heard] {
    heard = requests.map { _ in Heard() }
    var requests = count == 1 ? requests.map(\.whole) : requests
    var present: [(index: Int, id: RequestID)] = []
    var next = 0
    lastEvent = .now
    while next < requests.count || !present.isEmpty {
      while next < requests.count, present.count < count,
        count == 1 || random.index(below: 3) > 0
      {
        present.append((next, submit(requests[next].utterance, next)))
        next += 1
      }
      for (index, id) in present {
        try attend(to: &requests[index], index, id, &random)
      }
      _ = try engine.turn()
      let status = engine.status
      most.speaking = max(most.speaking, status.voices.values.reduce(0, +))
      most.waiting = max(most.waiting, status.waiting)
      present.removeAll { heard[$0.index].reason != nil }
      guard .now - lastEvent < .seconds(120) else {
        throw SynthesisError(
          .internalFailure,
          "expected every request to end, found \(present.count) of which nothing is heard")
      }
    }
    return heard
  }

  private func submit(_ utterance: Utterance, _ index: Int) -> RequestID {
    engine.submit(utterance) { [unowned self] event in
      lastEvent = .now
      switch event {
      case .admitted, .spoken, .deviceFailed: break
      case .chunk(let samples, let codes):
        heard[index].codes += codes.joined()
        heard[index].samples += samples
        heard[index].frames += codes.count
      case .ended(let ending, _): heard[index].reason = ending.reason
      }
    }
  }

  /// Does what the writer and the reader of a request do.
  private func attend(
    to request: inout LoadRequest, _ index: Int, _ id: RequestID, _ random: inout RandomNumbers
  ) throws {
    if let frames = request.cancelsAfter, heard[index].frames >= frames,
      random.index(below: 3) == 0
    {
      return engine.cancel(id)
    }
    let ready = heard[index].frames - heard[index].consumed
    if ready > 0, random.index(below: 3) > 0 {
      engine.consumed(ready, of: id)
      heard[index].consumed += ready
    }
    guard request.utterance.isTextOpen, random.index(below: 2) == 0 else { return }
    let count = min(request.text.count, 1 + random.index(below: 6))
    try engine.append(Array(request.text.prefix(count)), to: id)
    request.text.removeFirst(count)
    if request.text.isEmpty {
      request.utterance.isTextOpen = false
      engine.endText(of: id, frameLimit: request.utterance.frameLimit, textLimit: nil)
    }
  }

  /// What is not as it should be when all requests have ended; `nil` when nothing is.
  var problem: String? {
    let status = engine.status
    guard status.voices.isEmpty, status.waiting == 0, status.pagesUsed == 0 else {
      return "expected nothing to be left of ended requests, found \(status)"
    }
    guard most.speaking > 2, most.waiting > 0 else {
      return "expected several to speak and others to wait, found at most \(most)"
    }
    let wrong = heard.indices.filter {
      ![.stop, .limit, .runaway, .cancelled].contains(heard[$0].reason)
    }
    return wrong.isEmpty
      ? nil
      : "expected requests to be spoken, found otherwise of \(wrong.count), the first \(wrong[0])"
  }
}
