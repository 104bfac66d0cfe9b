// SPDX-License-Identifier: MIT

import CPUBackend
import CUDA
import CUDABackend
import ModelFiles
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint

/// `gpu-check [SIZE] --encoders [--cpu]`: what cloned voices need, right and how fast.
///
/// Compares the encoders' operations, and both encoders on a random-weight Base model of size tiny and of
/// the given one, with the CPU's; then prints the time of encoding ten seconds, and of the first audio
/// of a cloned voice next to that of a speech without one. With `--cpu` the CPU is compared with itself.
func checkEncoders(_ size: SyntheticSize, onCPU: Bool) throws {
  let context = onCPU ? nil : try CUDAContext()
  print(context.map { "\($0.name), sm_\($0.architecture)" } ?? "CPU against itself")
  var failures = 0
  for size in Set([.tiny, size]).sorted(by: { $0 == .tiny && $1 != .tiny }) {
    let checkpoint = Checkpoint.synthetic(size, variant: .base, seed: 1)
    print("== \(size.rawValue)")
    if let context {
      let backend = try CUDABackend(context)
      var check = EncoderCheck(subject: backend, finish: { try backend.stream.synchronize() })
      try check.run(checkpoint, operations: size == .tiny)
      try check.firstAudio(
        SpeechEngine(checkpoint, capacity: 1024, on: backend, codec: CUDABackend(context)),
        checkpoint, rounds: 20)
      failures += check.failures
    } else {
      var check = EncoderCheck(subject: CPUBackend(), finish: {})
      try check.run(checkpoint, operations: size == .tiny)
      try check.firstAudio(
        SpeechEngine(checkpoint, capacity: 1024, on: CPUBackend()), checkpoint, rounds: 1)
      failures += check.failures
    }
  }
  print(failures == 0 ? "encoders: all as on the CPU" : "encoders: \(failures) comparisons FAILED")
}

struct EncoderCheck<B: Backend> {
  let subject: B
  /// Waits for the subject's device.
  let finish: () throws -> Void
  let reference = CPUBackend()
  var failures = 0
  private var state: UInt64 = 1

  init(subject: B, finish: @escaping () throws -> Void) {
    self.subject = subject
    self.finish = finish
  }

  /// Numbers in −1…1.
  private mutating func random(_ count: Int) -> [Float] {
    (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
    }
  }

  /// Prints the largest difference in shares of the largest value.
  private mutating func expect(
    _ name: String, _ values: [Float], _ expected: [Float], within tolerance: Float
  ) {
    let scale = expected.map { abs($0) }.max() ?? 0
    let worst = zip(values, expected).map { abs($0 - $1) }.max() ?? 0
    let fine =
      values.count == expected.count && values.allSatisfy(\.isFinite)
      && worst <= tolerance * scale
    if !fine { failures += 1 }
    print("\(name): off by \(worst / max(scale, 1e-30)) of \(scale)\(fine ? "" : ", WRONG")")
  }

  private mutating func expect(_ name: String, _ values: [Int32], _ expected: [Int32]) {
    let different = values.indices.filter { $0 < expected.count && values[$0] != expected[$0] }
    let fine = values.count == expected.count && different.isEmpty
    if !fine { failures += 1 }
    print(
      "\(name): \(different.count) of \(expected.count) different"
        + (fine ? "" : ", WRONG, the first at \(different.first ?? -1)"))
  }

  /// Everything but the speech.
  mutating func run(_ checkpoint: Checkpoint, operations: Bool) throws {
    if operations { try compareOperations() }
    let own = try Encoders(checkpoint, on: subject)
    let expected = try Encoders(checkpoint, on: reference)
    for seconds in [1, 3, 9.37, 14] {
      let samples = Self.recording(seconds: seconds)
      expect(
        "\(seconds) s, mel", try own.mel(samples), try expected.mel(samples), within: 1e-4)
      expect(
        "\(seconds) s, embedding", try own.speaker.embedding(of: samples),
        expected.speaker.embedding(of: samples), within: 1e-4)
      expect(
        "\(seconds) s, codes", try own.codec.encode(samples).flatMap(\.self),
        expected.codec.encode(samples).flatMap(\.self))
    }
    try measure(own)
  }

  /// Something like a voice: harmonics that glide, syllables, and some noise.
  static func recording(seconds: Double) -> [Float] {
    var noise: UInt32 = 1
    var phase = 0.0
    return (0..<Int(seconds * 24_000)).map { index in
      let time = Double(index) / 24_000
      phase += (130 + 30 * Math.sin(2 * .pi * 0.7 * time)) / 24_000
      var sum = 0.0
      for harmonic in 1...12 {
        let angle = 2 * .pi * phase * Double(harmonic)
        sum += Math.sin(angle) / Double(harmonic)
      }
      let syllable = max(0, Math.sin(2 * .pi * 3.1 * time)) + 0.05
      noise = noise &* 1_664_525 &+ 1_013_904_223
      let hiss = (Double(noise >> 8) / 8_388_608 - 1) * 0.02
      return Float(0.2 * syllable * sum + hiss)
    }
  }

  // MARK: Operations

  private mutating func compareOperations() throws {
    for function in Activation.allCases {
      for count in [1, 1001, 65_537] {
        let x = random(count).map { 20 * $0 }
        expect(
          "\(function) of \(count)", try Self.activated(x, function, on: subject),
          Self.activated(x, function, on: reference), within: 3e-7)
      }
    }
    for (rows, columns) in [(1, 1), (5, 33), (937, 512), (70, 1536)] {
      let (x, scores, scale, out) = (
        random(rows * columns), random(rows * columns).map { 30 * $0 }, random(columns),
        random(rows * columns)
      )
      expect(
        "scaled [\(rows), \(columns)]", try Self.scaled(x, scale, out, rows, on: subject),
        Self.scaled(x, scale, out, rows, on: reference), within: 3e-7)
      for scores in [nil, scores] {
        expect(
          "pool [\(rows), \(columns)]\(scores == nil ? "" : " by scores")",
          try Self.pooled(x, scores, rows, on: subject),
          Self.pooled(x, scores, rows, on: reference), within: 2e-6)
      }
    }
    for (rows, columns) in [(1, 1), (3, 7), (17, 64), (125, 2048)] {
      // Few values, so that many are equal.
      let x = random(rows * columns).map { ($0 * 40).rounded() }
      expect(
        "largest [\(rows), \(columns)]", try Self.largest(x, rows, on: subject),
        Self.largest(x, rows, on: reference))
    }
    for (rows, inputs, outputs) in [
      (1, 3072, 1024), (8, 512, 128), (9, 7, 5), (50, 512, 1536), (125, 256, 2048),
      (250, 2048, 512), (937, 64, 512), (937, 512, 64), (1001, 30, 66),
    ] {
      let (x, weight) = (random(rows * inputs), random(outputs * inputs))
      let (bias, scale, out) = (random(outputs), random(outputs), random(rows * outputs))
      for scale in [nil, scale] {
        func product<T: Backend>(on backend: T) throws -> [Float] {
          try Self.product(x, weight, bias: bias, scale: scale, out, rows, on: backend)
        }
        expect(
          "linear [\(rows), \(inputs)] to \(outputs)\(scale == nil ? "" : ", added")",
          try product(on: subject), try product(on: reference), within: 2e-6)
      }
    }
    for shape in [
      ConvolutionShape(rows: 48_000, inputs: 1, outputs: 64, kernel: 7, dilation: 1),
      ConvolutionShape(rows: 12_000, inputs: 64, outputs: 32, kernel: 3, dilation: 1),
      ConvolutionShape(rows: 50, inputs: 4096, outputs: 1024, kernel: 2, dilation: 1),
      ConvolutionShape(rows: 937, inputs: 64, outputs: 64, kernel: 3, dilation: 4),
      ConvolutionShape(rows: 100, inputs: 12, outputs: 33, kernel: 3, dilation: 2),
      ConvolutionShape(rows: 3, inputs: 5, outputs: 3, kernel: 5, dilation: 3),
    ] {
      let x = random((shape.rows + shape.past) * shape.inputs)
      let weight = random(shape.outputs * shape.inputs * shape.kernel)
      let bias = random(shape.outputs)
      let own = try Self.convolved(x, weight, bias, shape, on: subject)
      let expected = Self.convolved(x, weight, bias, shape, on: reference)
      expect("convolution \(shape.name)", own.out, expected.out, within: 2e-6)
      expect("its history", own.history, expected.history, within: 0)
    }
    for count in [385, 1023, 24_011, 240_000] {
      let samples = random(count)
      func bands<T: Backend>(on backend: T) throws -> [Float] {
        try MelCheck(capacity: count, on: backend)(samples, on: backend)
      }
      expect(
        "mel of \(count) samples", try bands(on: subject), try bands(on: reference), within: 1e-5)
    }
  }

  private struct ConvolutionShape {
    let rows: Int
    let inputs: Int
    let outputs: Int
    let kernel: Int
    let dilation: Int
    var past: Int { (kernel - 1) * dilation }
    var name: String { "[\(rows), \(inputs)] to \(outputs), \(kernel) by \(dilation)" }
  }

  private static func tensor<T: Backend>(
    _ values: [Float], _ rows: Int, on backend: T
  ) throws(T.Failure) -> T.Tensor {
    try backend.loadVector(values).reshaped(rows: rows, columns: values.count / rows)
  }

  private static func activated<T: Backend>(
    _ x: [Float], _ function: Activation, on backend: T
  ) throws(T.Failure) -> [Float] {
    let out = try backend.makeTensor(rows: 1, columns: x.count)
    try backend.activate(tensor(x, 1, on: backend), function, into: out)
    return try backend.read(out)
  }

  private static func scaled<T: Backend>(
    _ x: [Float], _ scale: [Float], _ out: [Float], _ rows: Int, on backend: T
  ) throws(T.Failure) -> [Float] {
    let out = try tensor(out, rows, on: backend)
    try backend.addScaled(
      tensor(x, rows, on: backend), scale: tensor(scale, 1, on: backend), into: out)
    return try backend.read(out)
  }

  private static func pooled<T: Backend>(
    _ x: [Float], _ scores: [Float]?, _ rows: Int, on backend: T
  ) throws(T.Failure) -> [Float] {
    let out = try backend.makeTensor(rows: 1, columns: 2 * x.count / rows)
    var weights: T.Tensor?
    if let scores { weights = try tensor(scores, rows, on: backend) }
    try backend.pool(tensor(x, rows, on: backend), scores: weights, into: out)
    return try backend.read(out)
  }

  /// Every third of the indices is written; the others stay.
  private static func largest<T: Backend>(
    _ x: [Float], _ rows: Int, on backend: T
  ) throws(T.Failure) -> [Int32] {
    let out = try backend.makeIndices(count: 3 * rows)
    try backend.write([Int32](repeating: -1, count: 3 * rows), to: out)
    try backend.largest(
      tensor(x, rows, on: backend), into: out.strided(from: 1, count: rows, by: 3))
    return try backend.read(out)
  }

  private static func product<T: Backend>(
    _ x: [Float], _ weight: [Float], bias: [Float], scale: [Float]?, _ out: [Float], _ rows: Int,
    on backend: T
  ) throws(T.Failure) -> [Float] {
    let out = try tensor(out, rows, on: backend)
    let stored = HostTensor(
      name: "w", shape: [out.columns, weight.count / out.columns], values: weight)
    let matrix = try backend.loadWeight([stored], as: .exact(kernel: 1))
    let source = try tensor(x, rows, on: backend)
    let bias = try tensor(bias, 1, on: backend)
    if let scale {
      try backend.linearAdd(
        source, matrix, bias: bias, scale: tensor(scale, 1, on: backend), into: out)
    } else {
      try backend.linear(source, matrix, bias: bias, into: out)
    }
    return try backend.read(out)
  }

  private static func convolved<T: Backend>(
    _ x: [Float], _ weight: [Float], _ bias: [Float], _ shape: ConvolutionShape, on backend: T
  ) throws(T.Failure) -> (out: [Float], history: [Float]) {
    let all = try tensor(x, shape.rows + shape.past, on: backend)
    let history = try backend.makeTensor(rows: shape.past, columns: shape.inputs)
    try backend.copy(all.rows(0..<shape.past), into: history)
    let stored = HostTensor(
      name: "w", shape: [shape.outputs, shape.inputs, shape.kernel], values: weight)
    let matrix = try backend.loadWeight([stored], as: .exact(kernel: shape.kernel))
    let out = try backend.makeTensor(rows: shape.rows, columns: shape.outputs)
    try backend.causalConvolution(
      all.rows(shape.past..<all.rows), history: history, weight: matrix,
      bias: tensor(bias, 1, on: backend), kernel: shape.kernel, dilation: shape.dilation,
      into: out)
    return (try backend.read(out), try backend.read(history))
  }

  // MARK: Time

  /// Wall time until the device is done, median and best of some runs, in milliseconds.
  private func time(_ name: String, _ body: () throws -> Void) throws {
    let clock = ContinuousClock()
    var times: [Double] = []
    for index in 0..<13 {
      let start = clock.now
      try body()
      try finish()
      // The first two warm up.
      if index >= 2 { times.append((clock.now - start) / .milliseconds(1)) }
    }
    times.sort()
    print("\(name): median \(times[times.count / 2]) ms, best \(times[0])")
  }

  private func measure(_ own: Encoders<B>) throws {
    let samples = Self.recording(seconds: 10)
    let room = try subject.makeTensor(rows: 1, columns: samples.count)
    let codes = try subject.makeIndices(count: 2000)
    print("a recording of 10 s:")
    try time("copies, samples twice there and codes back") {
      try subject.write(samples, to: room)
      try subject.write(samples, to: room)
      _ = try subject.read(codes)
    }
    let bands = try own.mel(samples)
    try time("mel, samples there included") { try own.hear(samples) }
    try time("speaker encoder after the mel, bands there included") {
      _ = try own.speaker.embedding(ofMel: bands)
    }
    try time("speaker encoder and mel") { _ = try own.speaker.embedding(of: samples) }
    try time("codec encoder") { _ = try own.codec.encode(samples) }
    try time("all of it") {
      _ = try own.speaker.embedding(of: samples)
      _ = try own.codec.encode(samples)
    }
  }

  // MARK: First audio

  /// The first audio of a cloned voice whose codes and embedding are known, and that of a speech without
  /// a voice and with as many rows of prompt.
  mutating func firstAudio(
    _ engine: SpeechEngine<B>, _ checkpoint: Checkpoint, rounds: Int
  ) throws {
    let configuration = checkpoint.configuration
    let text = configuration.text
    func target(_ tokens: Int) -> [Int32] {
      [text.imStart, text.assistant, 0] + (0..<tokens).map { Int32(3 + $0 * 5 % 61) }
        + [text.imEnd, 0, text.imStart, text.assistant, 0]
    }
    let entries = Int32(configuration.predictor.codebookSize)
    let embedding = random(configuration.talker.transformer.hiddenSize).map { 0.02 * $0 }
    func cloned(_ layout: PromptLayout, _ voice: Int) -> Prompt {
      let codes = (0..<125).map { frame in
        (0..<16).map { Int32(frame * 7919 + $0 * 104_729 + voice * 31) % entries }
      }
      return Prompt(
        target: target(30), language: nil, speaker: .embedding(embedding),
        reference: PromptReference(textIDs: Array(target(40).dropLast(3)), codes: codes),
        layout: layout, configuration: configuration)
    }
    func plain(rows: Int) -> Prompt {
      func prompt(_ tokens: Int) -> Prompt {
        Prompt(
          target: target(tokens), language: nil, speaker: .unspecified, layout: .whole,
          configuration: configuration)
      }
      return prompt(1 + rows - prompt(1).rows.count)
    }
    for layout in PromptLayout.allCases {
      let voices = [cloned(layout, 0), cloned(layout, 1)]
      let preset = plain(rows: voices[0].rows.count)
      precondition(preset.rows.count == voices[0].rows.count, "prompts of one length")
      var times: [String: [Double]] = [:]
      for round in 0...rounds {
        var order = [("without a voice", preset)]
        for voice in voices { order += [("another voice", voice), ("the same voice", voice)] }
        for (name, prompt) in order {
          let time = try Self.firstAudio(engine, prompt)
          // The first round records and warms up.
          if round > 0, let time { times[name, default: []].append(time) }
        }
      }
      let medians = times.mapValues { $0.sorted()[$0.count / 2] }
      let base = medians["without a voice"] ?? .nan
      print("first audio after \(preset.rows.count) rows, text \(layout.rawValue):")
      for (name, time) in medians.sorted(by: { $0.value < $1.value }) {
        print("  \(name): median \(time) ms, \(time / base) of without")
      }
    }
  }

  /// Milliseconds from the call to the first samples; `nil` when the speech ended before.
  private static func firstAudio(_ engine: SpeechEngine<B>, _ prompt: Prompt) throws -> Double? {
    let clock = ContinuousClock()
    let settings = SamplingSettings(repetitionPenalty: 1.05)
    var heard: Duration?
    let start = clock.now
    _ = try engine.speak(
      prompt, settings: UtteranceSettings(talker: settings, predictor: settings, seed: 7),
      budget: 1, chunks: (1, 4), isCancelled: { false },
      deliver: { _, _ in heard = heard ?? (clock.now - start) })
    return heard.map { $0 / .milliseconds(1) }
  }
}

/// Both encoders of a checkpoint, for recordings of up to 15 s.
private struct Encoders<B: Backend> {
  let backend: B
  let speaker: SpeakerEncoding<B>
  let codec: CodecEncoding<B>
  private let bands: MelCheck<B>

  init(_ checkpoint: Checkpoint, on backend: B) throws {
    guard let shape = checkpoint.configuration.speakerEncoder else {
      preconditionFailure("a Base model")
    }
    let codecShape = checkpoint.codecConfiguration
    let capacity = 15 * 24_000
    self.backend = backend
    speaker = try SpeakerEncoding(
      SpeakerEncoder(
        reading: checkpoint.weights.scoped("speaker_encoder."), shape, on: backend),
      capacity: capacity / 256, on: backend)
    codec = try CodecEncoding(
      CodecEncoder(
        reading: checkpoint.codecWeights.scoped("encoder."), codecShape.encoder,
        quantizerCount: codecShape.encoderQuantizerCount, on: backend),
      capacity: capacity, on: backend)
    bands = try MelCheck(capacity: capacity, on: backend)
  }

  func hear(_ samples: [Float]) throws { _ = try bands.hear(samples, on: backend) }

  func mel(_ samples: [Float]) throws -> [Float] { try bands(samples, on: backend) }
}

/// The mel spectrogram of a backend.
private struct MelCheck<B: Backend> {
  private let bank: MelBank<B>
  private let scratch: B.Tensor
  private let out: B.Tensor

  init(capacity: Int, on backend: B) throws(B.Failure) {
    bank = try MelBank(MelSpectrogram(), on: backend)
    scratch = try backend.makeTensor(rows: 1, columns: capacity)
    out = try backend.makeTensor(rows: capacity / 256, columns: bank.spectrogram.bandCount)
  }

  func hear(_ samples: [Float], on backend: B) throws(B.Failure) -> B.Tensor {
    let frames = out.rows(0..<bank.spectrogram.frameCount(samples.count))
    try backend.melBands(samples, bank, scratch: scratch, into: frames)
    return frames
  }

  func callAsFunction(_ samples: [Float], on backend: B) throws(B.Failure) -> [Float] {
    try backend.read(hear(samples, on: backend))
  }
}
