// SPDX-License-Identifier: MIT

import CPUBackend
import ModelFiles
import SpeechModel
import SpeechRuntime
import SpeechScheduler
import SpeechSimulation
import SyntheticCheckpoint
import Testing

/// Many utterances at once.
@Suite struct ManyVoicesTests {
  @Test(arguments: [1, 2])
  func `500 utterances that join, leave and are cancelled have the codes and samples of each alone`(
    seed: UInt64
  ) throws {
    var random = SplitMix(seed: seed)
    let world = try World(slotCount: 7, pageCount: 60)
    let alone = try world.models.map { try Alone($0) }
    var requests = (0..<250).map { _ in world.request(&random) }
    var spoken: [Spoken] = requests.map { _ in Spoken() }
    var ids: [RequestID?] = requests.map { _ in nil }
    var next = 0
    var turns = 0
    while next < requests.count || spoken.contains(where: { !$0.isEnded }) {
      turns += 1
      try #require(turns < 1_000_000, "every utterance ends")
      while next < requests.count, random.chance(0.3) {
        let index = next
        ids[index] = world.runtime.submit(requests[index].utterance) { spoken[index].note($0) }
        next += 1
      }
      for index in 0..<next where !spoken[index].isEnded {
        guard let id = ids[index] else { continue }
        let consumed = spoken[index].frames.count - spoken[index].consumed
        if consumed > 0, random.chance(0.7) {
          world.runtime.consumed(consumed, of: id)
          spoken[index].consumed += consumed
        }
        if requests[index].cancelsAfter == turns % 40, random.chance(0.1) {
          world.runtime.cancel(id)
        }
        if !requests[index].text.isEmpty, random.chance(0.4) {
          let count = Int.random(in: 1...requests[index].text.count, using: &random)
          world.runtime.append(Array(requests[index].text.prefix(count)), to: id)
          requests[index].text.removeFirst(count)
          if requests[index].text.isEmpty {
            world.runtime.endText(of: id, frameLimit: requests[index].utterance.frameLimit)
          }
        }
      }
      _ = world.runtime.turn()
    }
    var reasons: [String: Int] = [:]
    for (request, spoken) in zip(requests, spoken) {
      let reason = try #require(spoken.reason)
      reasons["\(reason)", default: 0] += 1
      let expected = try alone[request.utterance.model].speak(request)
      switch reason {
      case .cancelled:
        #expect(spoken.frames == Array(expected.frames.prefix(spoken.frames.count)))
        #expect(spoken.samples == Array(expected.samples.prefix(spoken.samples.count)))
      default:
        #expect(spoken.frames == expected.frames)
        #expect(spoken.samples == expected.samples)
      }
    }
    #expect(reasons.keys.contains("limit") && reasons.keys.contains("cancelled"), "\(reasons)")
    #expect(world.runtime.status.pagesUsed == 0)
    #expect(world.runtime.status.voices.isEmpty)
  }
}

/// What was heard of an utterance.
private struct Spoken {
  var frames: [[Int32]] = []
  var samples: [Float] = []
  var reason: EndReason?
  var consumed = 0
  var isEnded: Bool { reason != nil }

  mutating func note(_ event: UtteranceEvent) {
    switch event {
    case .admitted, .spoken, .deviceFailed: break
    case .chunk(let samples, let codes):
      frames += codes
      self.samples += samples
    case .ended(let ending, _): reason = ending.reason
    }
  }
}

/// An utterance, and the tokens that are added to it as it speaks.
private struct Request {
  var utterance: Utterance
  var text: [Int32] = []
  /// The prompt with all of the text.
  var whole: Prompt
  var cancelsAfter = -1
}

/// Three small models of the kinds that there are, with one pool of pages and one codec each.
private struct World {
  let runtime: SpeechRuntime<CPUBackend>
  let models: [Checkpoint]

  init(slotCount: Int, pageCount: Int) throws {
    models = [
      .synthetic(.tiny06, variant: .customVoice, seed: 0),
      .synthetic(.tiny, variant: .voiceDesign, seed: 1), .synthetic(.tiny, variant: .base, seed: 2),
    ]
    var configuration = SchedulerConfiguration(devicePages: pageCount)
    configuration.slotCount = slotCount
    configuration.stepBuckets = Array(1...slotCount)
    configuration.codecBuckets = Array(1...16)
    configuration.framesInFlight = 1
    configuration.workInFlight = 1
    configuration.backgroundSlots = slotCount
    configuration.queueLimit = 1000
    configuration.window = 20
    let backend = CPUBackend()
    runtime = SpeechRuntime(configuration, on: backend)
    for checkpoint in models {
      let model = try LanguageModel(
        reading: checkpoint.weights, checkpoint.configuration, on: backend)
      let pool = runtime.pool(
        KVPool<CPUBackend>.Geometry(checkpoint.configuration.talker.transformer, .float32),
        capacity: 512)
      let codec = runtime.add(
        CodecStreams(
          try checkpoint.codec(on: backend), slotCount: slotCount, batchCapacity: 16,
          references: 2, on: backend))
      _ = runtime.add(FrameStep(model, pool: pool, on: backend), codec: codec)
    }
  }

  func request(_ random: inout SplitMix) -> Request {
    let model = Int.random(in: 0..<models.count, using: &random)
    let configuration = models[model].configuration
    func ids(_ count: Int) -> [Int32] {
      (0..<count).map { _ in Int32.random(in: 0..<450, using: &random) }
    }
    let body = ids(Int.random(in: 1...90, using: &random))
    let layout: PromptLayout = random.chance(0.5) ? .whole : .incremental
    var reference: PromptReference?
    var speaker = PromptSpeaker.unspecified
    switch configuration.variant {
    case .customVoice:
      speaker = .named(configuration.talker.speakers.values.sorted()[random.chance(0.5) ? 0 : 3])
    case .base:
      speaker = .embedding((0..<128).map { _ in Float.random(in: -1...1, using: &random) })
      if random.chance(0.6) {
        let frames = Int.random(in: 1...60, using: &random)
        // Few different ones, so that some are remembered.
        var own = SplitMix(seed: UInt64(frames % 4))
        reference = PromptReference(
          textIDs: ids(3) + ids(Int.random(in: 1...30, using: &random)) + ids(2),
          codes: (0..<frames).map { _ in
            (0..<16).map { _ in Int32.random(in: 0..<64, using: &own) }
          })
      }
    case .voiceDesign: break
    }
    func prompt(_ body: [Int32], isOpen: Bool) -> Prompt {
      Prompt(
        target: [1, 2, 3] + body + [4, 5, 6, 7, 8], language: nil, speaker: speaker,
        reference: reference, layout: layout, isOpen: isOpen, configuration: configuration)
    }
    let greedy = random.chance(0.2)
    let settings = SamplingSettings(
      samples: !greedy, temperature: Float.random(in: 0.5...1.5, using: &random),
      topK: random.chance(0.5) ? 20 : 0, topP: random.chance(0.3) ? 0.8 : 1,
      repetitionPenalty: 1.05)
    let whole = prompt(body, isOpen: false)
    var request = Request(
      utterance: Utterance(
        prompt: whole,
        settings: UtteranceSettings(
          talker: settings, predictor: settings, seed: random.next(),
          utterance: UInt32.random(in: 0...3, using: &random)),
        frameLimit: Int.random(in: 1...40, using: &random)), whole: whole)
    request.utterance.model = model
    request.utterance.chunks = ChunkSizes(
      first: Int.random(in: 1...3, using: &random), later: Int.random(in: 1...9, using: &random))
    request.utterance.deadlines = random.chance(0.8) ? .playback : .throughput
    request.utterance.priority = random.chance(0.9) ? .standard : .background
    if random.chance(0.15) { request.cancelsAfter = Int.random(in: 0..<40, using: &random) }
    // Some of the text comes later, where the frames wait for it.
    if layout == .incremental, random.chance(0.5), whole.trailing.count > 2 {
      let known = Int.random(in: 0..<whole.trailing.count - 1, using: &random)
      request.utterance.prompt.trailing = Array(whole.trailing.prefix(known))
      request.utterance.isTextOpen = true
      request.text = Array(whole.trailing.dropFirst(known))
    }
    return request
  }
}

/// A model that speaks one utterance after the other.
private struct Alone {
  let step: FrameStep<CPUBackend>
  let codec: CodecStreams<CPUBackend>
  let endToken: Int32

  init(_ checkpoint: Checkpoint) throws {
    let backend = CPUBackend()
    step = FrameStep(
      try LanguageModel(reading: checkpoint.weights, checkpoint.configuration, on: backend),
      capacity: 512, on: backend)
    codec = CodecStreams(try checkpoint.codec(on: backend), batchCapacity: 16, on: backend)
    endToken = checkpoint.configuration.talker.control.end
  }

  func speak(_ request: Request) throws -> (frames: [[Int32]], samples: [Float]) {
    step.begin(request.whole, settings: request.utterance.settings)
    codec.begin(after: Array(request.whole.referenceCodes.joined()))
    var frames: [[Int32]] = []
    for index in 0..<request.utterance.frameLimit {
      if index == 0 { step.firstFrame() } else { step.nextFrame() }
      let codes = step.collect(index)
      if codes[0] == endToken { break }
      frames.append(codes)
    }
    return (frames, codec.decodeAll(Array(frames.joined())))
  }
}

extension Checkpoint {
  fileprivate func codec(on backend: CPUBackend) throws -> CodecDecoder<CPUBackend> {
    try CodecDecoder(
      reading: codecWeights.scoped("decoder."), codecConfiguration.decoder, on: backend)
  }
}
