// SPDX-License-Identifier: MIT

import SpeechModel

/// The operations of `Backend`, in groups that share inputs.
package enum VerifiedOperation: String, CaseIterable, Sendable {
  case memory, rows, gather, writeRows, counters, ring
  case norms, functions, linear, loadWeight, normedProducts, feedForward
  case attention, attentionLinearAdd, longAttention, sample
  case causalConvolution, transposedConvolution, depthwiseConvolution, snakeConvolution
  case latentUpsampling, decoderBlock
  case activate, addScaled, pool, largest, melBands

  /// Requirements of `Backend` that a group runs; of those that share a name, with the type of their
  /// first parameter.
  package var requirements: [String] {
    switch self {
    case .memory:
      [
        "makeTensor", "makeIndices", "loadVector", "write [Float]", "write [Int32]", "read Tensor",
        "read Indices", "clear Tensor", "clear Indices",
      ]
    case .rows: ["copy Tensor", "add"]
    case .gather: ["gather", "gatherSum", "gatherRows", "frameEmbedding"]
    case .writeRows: ["writeRows"]
    case .counters: ["increment", "addTrailingText", "time", "wait"]
    case .ring: ["makeFrameRing", "publish", "collect", "framesInFlight"]
    case .norms: ["rmsNorm", "layerNorm"]
    case .functions: ["swiGLU", "silu", "gelu", "snake", "clamp"]
    case .linear: ["linear", "linearAdd"]
    case .loadWeight: ["loadWeight"]
    case .normedProducts: ["rmsNormLinear", "rmsNormSwiGLU"]
    case .attention: ["makeCache", "copy Cache", "qkNormRopeAppend", "attention", "attentionStep"]
    case .longAttention: []
    case .pool: ["statisticsPooling"]
    case .largest: ["argmax"]
    case .melBands: ["melSpectrogram"]
    default: [rawValue]
    }
  }
}

extension Workbench {
  /// Runs a group.
  mutating func run(_ operation: VerifiedOperation) throws {
    switch operation {
    case .memory: try memory()
    case .rows: try rows()
    case .gather: try gather()
    case .writeRows: try writeRows()
    case .counters: try counters()
    case .ring: try ring()
    case .norms: try norms()
    case .functions: try functions()
    case .linear: try linear()
    case .loadWeight: try loadWeight()
    case .normedProducts: try normedProducts()
    case .feedForward: try feedForward()
    case .attention: try attention()
    case .attentionLinearAdd: try attentionLinearAdd()
    case .longAttention: try longAttention()
    case .sample: try sample()
    case .causalConvolution: try causalConvolution()
    case .transposedConvolution: try transposedConvolution()
    case .depthwiseConvolution: try depthwiseConvolution()
    case .snakeConvolution: try snakeConvolution()
    case .latentUpsampling: try latentUpsampling()
    case .decoderBlock: try decoderBlock()
    case .activate: try activate()
    case .addScaled: try addScaled()
    case .pool: try pool()
    case .largest: try largest()
    case .melBands: try melBands()
    }
    try expectSurroundings()
  }

  // MARK: Memory and rows

  mutating func memory() throws {
    for (rows, columns) in [(1, 1), (7, 33), (300, 129)] {
      let tensor = try backend.makeTensor(rows: rows, columns: columns)
      try expect(tensor, "new tensor \(rows)×\(columns)", within: .exact)
      let values = random.floats(rows * columns, in: -9...9)
      try backend.write(values, to: tensor)
      keep(zip(try backend.read(tensor), values).map { $0 - $1 }, "written", within: .exact)
      try backend.clear(tensor.rows(0..<1))
      try expect(tensor, "first row cleared", within: .exact)
      try expect(try backend.loadVector(values), "vector of \(values.count)", within: .exact)
    }
    try expect(try backend.makeIndices(count: 9), "new indices")
    let ids = try indices(random.ids(50, below: 1 << 30), stride: 3)
    try expect(ids, "indices, every third")
    try backend.clear(ids.strided(from: 1, count: 20, by: 2))
    try expect(ids, "indices, every sixth cleared")
  }

  mutating func rows() throws {
    for (rows, columns) in [(1, 1), (3, 127), (5, 256), (70, 1030)] {
      let source = try input(rows, columns)
      let copied = try output(rows, columns)
      try backend.copy(source, into: copied)
      try expect(copied, "copy \(rows)×\(columns)", within: .exact)
      let sum = try input(rows, columns)
      try backend.add(source, into: sum)
      try expect(sum, "add \(rows)×\(columns)", within: .exact)
      try backend.add(try row(columns), into: sum)
      try expect(sum, "add a row to \(rows)×\(columns)", within: .exact)
    }
  }

  mutating func gather() throws {
    for type in [ElementType.float32, .bfloat16, .float16] {
      let (entries, columns) = (23, type == .float32 ? 37 : 64)
      let table = try backend.loadWeight(
        [stored([9, columns], type), stored([entries - 9, columns], type)], as: .stored)
      let ids = try indices([22, -1, 0, 22] + random.ids(9, below: entries), stride: 2)
      let out = try output(13, columns)
      try backend.gather(table, ids: ids, scale: nil, accumulate: false, into: out)
      try expect(out, "gather \(type.rawValue)", within: .exact)
      try backend.gather(
        table, ids: ids, scale: try row(entries), accumulate: true, into: out)
      try expect(out, "gather \(type.rawValue), scaled and added", within: .rounding)
    }
    for type in [ElementType.float32, .bfloat16, .float16] {
      let table = try backend.loadWeight([stored([17, 36], type)], as: .exact(kernel: 1))
      let out = try output(6, 36)
      try backend.gather(
        table, ids: try indices([16, -1] + random.ids(4, below: 17), stride: 2), scale: nil,
        accumulate: false, into: out)
      try expect(out, "gather \(type.rawValue), exact", within: .exact)
    }
    let source = try input(11, 130)
    let ids = try indices([-1] + random.ids(6, below: 11), stride: 3)
    let out = try input(7, 130)
    try backend.gatherRows(source, ids: ids, accumulate: true, into: out)
    try expect(out, "gatherRows, added", within: .exact)
    try backend.gatherRows(source, ids: ids, accumulate: false, into: out)
    try expect(out, "gatherRows", within: .exact)

    let (entries, width) = (13, 16)
    for type in [ElementType.float32, .bfloat16] {
      let codebooks = try backend.loadWeight([stored([entries * width, 40], type)], as: .stored)
      let codes = try indices(random.ids(5 * width, below: entries))
      let scale = try row(entries * width, in: 0.2...3)
      for range in [0..<1, 1..<width] {
        let sum = try output(5, 40)
        try backend.gatherSum(
          codebooks, entries: entries, scale: scale, codes: codes, width: width, range: range,
          into: sum)
        try expect(sum, "gatherSum of \(range) \(type.rawValue)", within: .rounding)
      }
    }
    let tables = try (0..<16).map { _ in
      try backend.loadWeight([stored([entries, 72], .bfloat16)], as: .stored)
    }
    let sum = try output(3, 72)
    try backend.frameEmbedding(
      tables, codes: try indices(random.ids(48, below: entries)), into: sum)
    try expect(sum, "frameEmbedding", within: .rounding)
  }

  mutating func writeRows() throws {
    for (type, columns) in [(ElementType.bfloat16, 96), (.bfloat16, 33), (.float32, 50)] {
      let table = stored([20, columns], type)
      // A matrix of the same width, as every model has that has such a table.
      _ = try backend.loadWeight([stored([2, columns], type)], as: .stored)
      let out = try output(9, columns)
      try backend.writeRows(of: table, ids: [19, 0] + random.ids(7, below: 20), to: out)
      try expect(out, "\(type.rawValue), \(columns) columns", within: .exact)
    }
  }

  mutating func counters() throws {
    let values = try indices(random.ids(20, below: 1000), stride: 2)
    let time = try backend.time { () throws(B.Failure) in try backend.increment(values, by: -3) }
    // A queue is in order by itself.
    try backend.wait(for: backend)
    try expect(values, "increment")
    keep([time > .zero && time < .seconds(10) ? 1 : 0], "time of an increment", within: .exact)
    let (slotCount, rowsPerSlot) = (3, 6)
    let source = try input(slotCount * rowsPerSlot, 70)
    let out = try input(slotCount, 70)
    try backend.addTrailingText(
      source, rowsPerSlot: rowsPerSlot, frame: try indices([0, 9, 2], stride: 2),
      count: try indices([5, 3, 4]), slots: try indices([2, 0, 1], stride: 3), into: out)
    try expect(out, "addTrailing", within: .exact)
  }

  mutating func ring() throws {
    let (width, frames) = (16, 1100)
    let ring = try backend.makeFrameRing(slotCount: 1, codebookCount: width)
    let codes = try indices(random.ids(width, below: 2048))
    // More than any ring holds, twice.
    for turn in 0..<2 {
      let range = turn * frames..<(turn + 1) * frames
      var collected: [Float] = []
      for frame in range {
        try backend.publish(codes, to: ring)
        try backend.increment(codes, by: Int32(turn + 1))
        let oldest = frame + 1 - backend.framesInFlight
        if oldest >= range.lowerBound {
          collected += try backend.collect(oldest, from: ring).map(Float.init)
        }
      }
      for frame in range.upperBound + 1 - backend.framesInFlight..<range.upperBound {
        collected += try backend.collect(frame, from: ring).map(Float.init)
      }
      keep(collected, "\(frames) frames", within: .exact)
    }
  }

  // MARK: Functions of numbers and of rows

  mutating func norms() throws {
    for (rows, columns) in [(1, 1), (1, 31), (3, 128), (7, 200), (2, 1024), (65, 2048)] {
      let x = try input(rows, columns, in: -3...3)
      let (weight, bias) = (try row(columns), try row(columns))
      let out = try output(rows, columns)
      try backend.rmsNorm(x, weight: weight, epsilon: 1e-6, into: out)
      try expect(out, "rmsNorm \(rows)×\(columns)", within: .rounding)
      try backend.layerNorm(x, weight: weight, bias: bias, epsilon: 1e-3, into: out)
      try expect(out, "layerNorm \(rows)×\(columns)", within: .rounding)
      try backend.rmsNorm(x, weight: weight, epsilon: 1e-6, into: x)
      try expect(x, "rmsNorm in place \(rows)×\(columns)", within: .rounding)
    }
  }

  mutating func functions() throws {
    for (rows, columns) in [(1, 1), (3, 61), (9, 512), (130, 66)] {
      let name = "\(rows)×\(columns)"
      let wide = try input(rows, 2 * columns, in: -20...20)
      let out = try output(rows, columns)
      try backend.swiGLU(wide, into: out)
      try expect(out, "swiGLU \(name)", within: .rounding)
      let x = try input(rows, columns, in: -20...20)
      try backend.silu(x)
      try expect(x, "silu \(name)", within: .rounding)
      let y = try input(rows, columns, in: -6...6)
      try backend.gelu(y)
      try expect(y, "gelu \(name)", within: .rounding)
      let z = try input(rows, columns, in: -2...2)
      try backend.clamp(z)
      try expect(z, "clamp \(name)", within: .exact)
      let weights = SnakeWeights(
        alpha: try row(columns, in: 0.5...2), inverseBeta: try row(columns, in: 0.5...2))
      let waves = try input(rows, columns, in: -20...20)
      try backend.snake(waves, weights, into: out)
      try expect(out, "snake \(name)", within: .rounding)
      try backend.snake(waves, weights, into: waves)
      try expect(waves, "snake in place \(name)", within: .rounding)
    }
  }

  // MARK: Encoders

  mutating func activate() throws {
    for function in Activation.allCases {
      for (rows, columns) in [(1, 1), (5, 77), (33, 256)] {
        let x = try input(rows, columns, in: -8...8)
        let out = try output(rows, columns)
        try backend.activate(x, function, into: out)
        try expect(out, "\(function) \(rows)×\(columns)", within: .rounding)
        try backend.activate(x, function, into: x)
        try expect(x, "\(function) in place \(rows)×\(columns)", within: .rounding)
      }
    }
  }

  mutating func addScaled() throws {
    for (rows, columns) in [(1, 1), (6, 65), (40, 512)] {
      let out = try input(rows, columns)
      try backend.addScaled(try input(rows, columns), scale: try row(columns), into: out)
      try expect(out, "\(rows)×\(columns)", within: .rounding)
    }
  }

  mutating func pool() throws {
    for (rows, columns) in [(1, 3), (7, 65), (301, 192)] {
      let x = try input(rows, columns, in: -2...2)
      let out = try output(1, 2 * columns)
      try backend.statisticsPooling(x, scores: nil, into: out)
      try expect(out, "equal weights, \(rows)×\(columns)", within: .rounding)
      try backend.statisticsPooling(x, scores: try input(rows, columns, in: -90...90), into: out)
      // A deviation of nearly equal numbers has few digits left in single precision.
      try expect(out, "softmax weights, \(rows)×\(columns)", within: .product)
    }
  }

  mutating func largest() throws {
    for (rows, columns) in [(1, 1), (5, 33), (17, 2048)] {
      // Whole numbers, so that some are equal.
      let values = random.floats(rows * columns, in: -4...4).map { $0.rounded() }
      let picks = try indices([Int32](repeating: -1, count: rows), stride: 2)
      try backend.argmax(try tensor(values, columns: columns), into: picks)
      try expect(picks, "\(rows)×\(columns)")
    }
  }

  mutating func melBands() throws {
    let fewest = MelSpectrogram.fewestSamples
    for (bandCount, sampleCount) in [(128, fewest), (128, 24_017), (40, 2560)] {
      let bank = try MelBank(MelSpectrogram(bandCount: bandCount), on: backend)
      // The second half is silent, so that the floors show.
      let samples =
        random.floats(sampleCount - sampleCount / 2, in: -1...1)
        + [Float](repeating: 0, count: sampleCount / 2)
      let out = try output(bank.spectrogram.frameCount(sampleCount), bandCount)
      try backend.melSpectrogram(samples, bank, scratch: try output(1, sampleCount + 5), into: out)
      try expect(out, "\(bandCount) bands of \(sampleCount) samples", within: .rounding)
    }
  }
}
