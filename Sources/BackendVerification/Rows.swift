// SPDX-License-Identifier: MIT

import SpeechModel

extension Verification {
  /// Runs each operation that works on rows on some of them together and on each alone; true when a row
  /// has the same bits either way. That is what utterances beside each other rely on.
  package func verifyRows() -> Bool {
    var backend: Candidate?
    return every(RowOperation.allCases.map { ($0, "rows, \($0.rawValue)") }) { operation in
      let candidate = try backend ?? candidate(true)
      backend = candidate
      var bench = RowBench(
        bench: Workbench(candidate, operation: "rows, \(operation.rawValue)", seed: seed))
      try bench.run(operation)
      return [
        VerificationOutcome(
          "rows, \(operation.rawValue)", found: bench.together, expected: bench.alone)
      ]
    }
  }
}

/// The operations of which each row has a result.
enum RowOperation: String, CaseIterable {
  case embeddings, norms, linear, feedForward = "feed-forward", attention, layers, prompts, sample
  case convolutions, codecStages = "codec stages"
}

/// Runs operations on rows together and alone.
private struct RowBench<B: Backend> {
  var bench: Workbench<B>
  private(set) var together: [MeasuredResult] = []
  private(set) var alone: [MeasuredResult] = []

  private var backend: B { bench.backend }

  init(bench: Workbench<B>) { self.bench = bench }

  /// How many are together: around the sizes of tiles.
  private static var counts: [Int] { [1, 2, 3, 5, 8, 9, 16, 17, 64] }
  private static var most: Int { 64 }

  mutating func run(_ operation: RowOperation) throws {
    switch operation {
    case .embeddings: try embeddings()
    case .norms: try norms()
    case .linear: try linear()
    case .feedForward: try feedForward()
    case .attention: try attention()
    case .layers: try layers()
    case .prompts: try prompts()
    case .sample: try sample()
    case .convolutions: try convolutions()
    case .codecStages: try codecStages()
    }
  }

  /// Compares rows among any others with the same rows alone.
  ///
  /// - Parameter body: The results of some rows by their number, one row after the other.
  private mutating func compare(
    _ name: String, _ body: (inout Workbench<B>, [Int]) throws -> [Float]
  ) throws {
    let single = try (0..<Self.most).map { try body(&bench, [$0]) }
    for count in Self.counts {
      // Any rows beside each other.
      var numbers = Array(0..<Self.most)
      for index in numbers.indices { numbers.swapAt(index, bench.random.index(below: index + 1)) }
      let rows = Array(numbers.prefix(count))
      let values = try body(&bench, rows)
      keep("\(name), \(count) rows", values, alone: rows.flatMap { single[$0] })
    }
  }

  private mutating func keep(_ name: String, _ values: [Float], alone expected: [Float]) {
    together.append(MeasuredResult(name: name, values: values, tolerance: .exact))
    alone.append(MeasuredResult(name: name, values: expected, tolerance: .exact))
  }

  /// Rows of numbers, by their number.
  private mutating func population(
    _ columns: Int, in range: ClosedRange<Float> = -1...1
  ) -> ([Int]) -> [Float] {
    let values = bench.random.floats(Self.most * columns, in: range)
    return { rows in rows.flatMap { values[$0 * columns..<($0 + 1) * columns] } }
  }

  // MARK: Operations without a state

  private mutating func embeddings() throws {
    let columns = 96
    let table = try backend.loadWeight([bench.stored([50, columns], .bfloat16)], as: .stored)
    let codes = bench.random.ids(2 * Self.most, below: 50)
    let start = population(columns)
    try compare("frameEmbedding") { bench, rows in
      let out = try bench.output(rows.count, columns)
      try bench.backend.frameEmbedding(
        [table, table],
        codes: try bench.indices(rows.flatMap { [codes[2 * $0], codes[2 * $0 + 1]] }), into: out)
      return try bench.backend.read(out)
    }
    let text = try bench.input(50, columns)
    let ids = try bench.indices(bench.random.ids(8 * Self.most, below: 50))
    let frame = try bench.indices(bench.random.ids(Self.most, below: 12))
    let count = try bench.indices(bench.random.ids(Self.most, below: 8))
    try compare("addTrailingText") { bench, rows in
      let out = try bench.tensor(start(rows), columns: columns)
      try bench.backend.addTrailingText(
        text, ids: ids, idsPerSlot: 8, frame: frame, count: count,
        slots: try bench.indices(rows.map(Int32.init)), into: out)
      return try bench.backend.read(out)
    }
  }

  private mutating func norms() throws {
    for columns in [33, 512, 1024, 2048] {
      let x = population(columns, in: -3...3)
      let (weight, bias) = (try bench.row(columns), try bench.row(columns))
      for isRMS in [true, false] {
        try compare("\(isRMS ? "rmsNorm" : "layerNorm") of \(columns)") { bench, rows in
          let out = try bench.output(rows.count, columns)
          let x = try bench.tensor(x(rows), columns: columns)
          if isRMS {
            try bench.backend.rmsNorm(x, weight: weight, epsilon: 1e-6, into: out)
          } else {
            try bench.backend.layerNorm(x, weight: weight, bias: bias, epsilon: 1e-6, into: out)
          }
          return try bench.backend.read(out)
        }
      }
    }
  }

  /// Width, outputs, element type and layout: the models' and odd ones.
  private static var products: [(Int, Int, ElementType, WeightLayout)] {
    [
      (1024, 4096, .bfloat16, .stored), (2048, 1024, .bfloat16, .stored),
      (3072, 1024, .bfloat16, .stored), (1024, 66, .bfloat16, .stored),
      (2048, 3072, .bfloat16, .stored), (40, 130, .bfloat16, .stored),
      (100, 33, .bfloat16, .stored), (512, 1536, .float32, .product),
      (1024, 512, .float32, .product), (256, 96, .float32, .product),
      (96, 40, .float32, .stored), (128, 35, .float16, .stored),
      (128, 70, .float32, .exact(kernel: 1)),
    ]
  }

  private mutating func linear() throws {
    for (width, outputs, type, layout) in Self.products {
      let name = "\(width)×\(outputs) \(type.rawValue), \(layout)"
      let weight = try backend.loadWeight([bench.stored([outputs, width], type)], as: layout)
      let x = population(width)
      let start = population(outputs)
      let (bias, scale) = (try bench.row(outputs), try bench.row(outputs))
      let norm = try bench.row(width, in: 0.5...1.5)
      for bias in [nil, bias] {
        try compare(name + (bias == nil ? "" : " and bias")) { bench, rows in
          let out = try bench.output(rows.count, outputs)
          try bench.backend.linear(
            try bench.tensor(x(rows), columns: width), weight, bias: bias, into: out)
          return try bench.backend.read(out)
        }
      }
      for scale in [nil, scale] {
        try compare(name + (scale == nil ? ", added" : ", scaled")) { bench, rows in
          let out = try bench.tensor(start(rows), columns: outputs)
          try bench.backend.linearAdd(
            try bench.tensor(x(rows), columns: width), weight, bias: scale.map { _ in bias },
            scale: scale, into: out)
          return try bench.backend.read(out)
        }
      }
      if case .exact = layout { continue }
      try compare("rmsNormLinear \(name)") { bench, rows in
        let out = try bench.output(rows.count, outputs)
        try bench.backend.rmsNormLinear(
          try bench.tensor(x(rows), columns: width), norm: norm, epsilon: 1e-6, weight: weight,
          scratch: try bench.output(rows.count, width), into: out)
        return try bench.backend.read(out)
      }
    }
  }

  private mutating func feedForward() throws {
    for (width, inner, type, isScaled) in [
      (1024, 3072, ElementType.bfloat16, false), (128, 256, .bfloat16, false),
      (512, 1024, .float32, true), (33, 21, .float32, true),
    ] {
      let layout = isScaled ? WeightLayout.product : .stored
      let gateUp = try backend.loadWeight(
        [bench.stored([inner, width], type), bench.stored([inner, width], type)], as: layout)
      let down = try backend.loadWeight([bench.stored([width, inner], type)], as: layout)
      let x = population(width, in: -3...3)
      let norm = try bench.row(width, in: 0.5...1.5)
      let scale = isScaled ? try bench.row(width) : nil
      let name = "\(width)×\(inner) \(type.rawValue)"
      try compare("feedForward \(name)") { bench, rows in
        let out = try bench.tensor(x(rows), columns: width)
        try bench.backend.feedForward(
          out, norm: norm, epsilon: 1e-6, gateUp: gateUp, down: down, scale: scale,
          scratch: try bench.output(rows.count, width),
          wide: try bench.output(rows.count, 2 * inner),
          activated: try bench.output(rows.count, inner))
        return try bench.backend.read(out)
      }
      try compare("rmsNormSwiGLU \(name)") { bench, rows in
        let out = try bench.output(rows.count, inner)
        try bench.backend.rmsNormSwiGLU(
          try bench.tensor(x(rows), columns: width), norm: norm, epsilon: 1e-6, gateUp: gateUp,
          scratch: try bench.output(rows.count, width),
          wide: try bench.output(rows.count, 2 * inner), into: out)
        return try bench.backend.read(out)
      }
    }
  }

  // MARK: Operations on slots

  private static var attentions: [AttentionCase] {
    [
      AttentionCase(heads: 16, kvHeads: 8, width: 128, capacity: 192, isPaged: true, steps: []),
      AttentionCase(heads: 16, kvHeads: 8, width: 128, capacity: 192, steps: []),
      AttentionCase(
        heads: 4, kvHeads: 4, width: 64, window: 72, capacity: 192, isNormed: false, steps: []),
      AttentionCase(
        heads: 3, kvHeads: 1, width: 32, window: 40, capacity: 192, isPaged: true, steps: []),
    ]
  }

  /// A step of each of many slots, whose contexts have any length.
  private mutating func attention() throws {
    for precision in CachePrecision.allCases {
      for test in Self.attentions {
        let shape = test.shape
        let layer = try bench.layer(test)
        let cache = try bench.poisonedCache(
          shape, slots: Self.most, capacity: test.capacity, isPaged: test.isPaged, precision)
        let lengths = (0..<Self.most).map { $0 == 0 ? 0 : bench.random.index(below: 150) }
        for (slot, length) in lengths.enumerated() where length > 0 {
          for index in 0..<2 {
            // Not between rows of NaN, which the bench would keep: there are many.
            let past = try backend.makeTensor(rows: length, columns: shape.packedWidth)
            try backend.write(
              bench.random.floats(length * shape.packedWidth, in: -1...1), to: past)
            try backend.qkNormRopeAppend(
              past, layer,
              rows: try bench.map(AttentionRows(0..<length, slot: slot)),
              to: CacheLayer(cache, layer: index))
          }
        }
        let qkv = population(shape.packedWidth)
        func map(_ bench: inout Workbench<B>, _ rows: [Int], isStep: Bool) throws -> RowMap<
          B.Indices
        > {
          var map = try bench.map(
            AttentionRows(slots: rows, positions: rows.map { lengths[$0] }))
          map.haveSlotsOfTheirOwn = isStep
          return map
        }
        // A row keeps the same key and value each time.
        for isStep in [true, false] {
          try compare("\(test.name), \(precision)\(isStep ? ", a step" : "")") { bench, rows in
            let out = try bench.output(rows.count, shape.queryWidth)
            try bench.backend.attentionStep(
              try bench.tensor(qkv(rows), columns: shape.packedWidth), layer,
              rows: try map(&bench, rows, isStep: isStep && rows.count > 1),
              cache: CacheLayer(cache, layer: 0), into: out)
            return try bench.backend.read(out)
          }
        }
        let isLanguage = shape.headDim == 128
        let hidden = isLanguage ? 1024 : shape.queryWidth
        let weight = try backend.loadWeight(
          [bench.stored([hidden, shape.queryWidth], isLanguage ? .bfloat16 : .float32)],
          as: isLanguage ? .stored : .product)
        let start = population(hidden)
        try compare("\(test.name), \(precision), with a product") { bench, rows in
          let out = try bench.tensor(start(rows), columns: hidden)
          try bench.backend.attentionLinearAdd(
            try bench.tensor(qkv(rows), columns: shape.packedWidth), layer,
            rows: try map(&bench, rows, isStep: true), cache: CacheLayer(cache, layer: 1),
            attended: try bench.output(rows.count, shape.queryWidth), weight: weight, scale: nil,
            into: out)
          return try bench.backend.read(out)
        }
      }
    }
  }

  /// A step through whole layers, whose slots have contexts of any length.
  private mutating func layers() throws {
    let paged = AttentionCase(
      heads: 16, kvHeads: 8, width: 128, capacity: 192, isPaged: true, steps: [])
    let plain = AttentionCase(heads: 4, kvHeads: 4, width: 64, capacity: 128, steps: [])
    for (test, hidden, inner, precision) in [
      (paged, 1024, 3072, CachePrecision.bfloat16), (paged, 2048, 6144, .bfloat16),
      (plain, 256, 160, .float32),
    ] {
      let shape = test.shape
      let layers = try bench.layers(test, hidden: hidden, inner: inner)
      let cache = try bench.poisonedCache(
        shape, slots: Self.most, capacity: test.capacity, isPaged: test.isPaged, precision)
      let lengths = (0..<Self.most).map { $0 == 0 ? 0 : bench.random.index(below: 120) }
      for (slot, length) in lengths.enumerated() where length > 0 {
        for index in layers.indices {
          let past = try backend.makeTensor(rows: length, columns: shape.packedWidth)
          try backend.write(
            bench.random.floats(length * shape.packedWidth, in: -1...1), to: past)
          try backend.qkNormRopeAppend(
            past, layers[index].attention,
            rows: try bench.map(AttentionRows(0..<length, slot: slot)),
            to: CacheLayer(cache, layer: index))
        }
      }
      let weight = try backend.loadWeight(
        [bench.stored([192, hidden], .bfloat16)], as: .stored)
      let norm = try bench.row(hidden, in: 0.5...1.5)
      let start = population(hidden, in: -2...2)
      try compare("\(test.name), \(hidden) wide") { bench, rows in
        let work = try bench.workspace(rows.count, test, hidden: hidden, inner: inner)
        try bench.backend.write(start(rows), to: work.hidden)
        var map = try bench.map(
          AttentionRows(slots: rows, positions: rows.map { lengths[$0] }))
        (map.haveSlotsOfTheirOwn, map.areOfDifferentSlots) = (true, true)
        let scores = try bench.output(rows.count, 192)
        try bench.backend.transformerLayers(
          layers, epsilon: 1e-6, work, rows: map, cache: cache,
          then: NormedHead(
            norm: norm, weight: weight, rows: 0..<rows.count,
            scratch: try bench.output(rows.count, hidden), scores: scores))
        let layered = try bench.backend.read(work.hidden)
        let scored = try bench.backend.read(scores)
        var values: [Float] = []
        for row in rows.indices {
          values += layered[row * hidden..<(row + 1) * hidden]
          values += scored[row * 192..<(row + 1) * 192]
        }
        return values
      }
    }
  }

  /// Two prompts, row by row and cut anywhere, together and alone.
  private mutating func prompts() throws {
    for precision in CachePrecision.allCases {
      for test in Self.attentions {
        let shape = test.shape
        let layer = try bench.layer(test)
        let lengths = [131, 70]
        let starts = [0, 131]
        let qkv = bench.random.floats(201 * shape.packedWidth, in: -1...1)
        func results(_ passes: [[(slot: Int, range: Range<Int>)]]) throws -> [Float] {
          let cache = try bench.poisonedCache(
            shape, capacity: test.capacity, isPaged: test.isPaged, precision)
          var values = lengths.map { [Float](repeating: .nan, count: $0 * shape.queryWidth) }
          for pass in passes {
            let rows = pass.flatMap { slice in slice.range.map { (slice.slot, $0) } }
            let inputs = rows.flatMap { slot, position in
              let row = starts[slot] + position
              return qkv[row * shape.packedWidth..<(row + 1) * shape.packedWidth]
            }
            let out = try bench.output(rows.count, shape.queryWidth)
            try backend.attentionStep(
              try bench.tensor(inputs, columns: shape.packedWidth), layer,
              rows: try bench.map(
                AttentionRows(slots: rows.map(\.0), positions: rows.map(\.1))),
              cache: CacheLayer(cache, layer: 1), into: out)
            let found = try backend.read(out)
            for (index, (slot, position)) in rows.enumerated() {
              values[slot].replaceSubrange(
                position * shape.queryWidth..<(position + 1) * shape.queryWidth,
                with: found[index * shape.queryWidth..<(index + 1) * shape.queryWidth])
            }
          }
          return values.flatMap(\.self)
        }
        let single = try results(
          lengths.enumerated().flatMap { slot, length in
            (0..<length).map { [(slot, $0..<$0 + 1)] }
          })
        let name = "\(test.name), \(precision)"
        keep("\(name), whole", try results([[(0, 0..<131)], [(1, 0..<70)]]), alone: single)
        keep("\(name), at once", try results([[(0, 0..<131), (1, 0..<70)]]), alone: single)
        var passes: [[(slot: Int, range: Range<Int>)]] = []
        var done = [0, 0]
        while done != lengths {
          let pass = (0..<2).compactMap { slot -> (slot: Int, range: Range<Int>)? in
            let count = min(bench.random.index(below: 24), lengths[slot] - done[slot])
            guard count > 0 else { return nil }
            defer { done[slot] += count }
            return (slot, done[slot]..<done[slot] + count)
          }
          if !pass.isEmpty { passes.append(pass) }
        }
        keep("\(name), in pieces", try results(passes), alone: single)
      }
    }
  }

  private mutating func sample() throws {
    let vocabulary = 2048
    let state = try SamplingState(slotCount: Self.most, vocabularySize: vocabulary, on: backend)
    for slot in 0..<Self.most {
      let settings = SamplingSettings(
        temperature: bench.random.float(in: 0.3...1.5), topK: 1 + slot, repetitionPenalty: 1.2)
      try backend.write(
        SamplingWord.row(
          talker: settings, predictor: settings, seed: bench.random.word(), utterance: 0),
        to: state.settings.strided(
          from: slot * SamplingWord.count, count: SamplingWord.count, by: 1))
    }
    try backend.write(bench.random.ids(Self.most, below: 90), to: state.frame)
    let seen = (0..<Self.most * vocabulary).map { _ in
      bench.random.index(below: 4) == 0 ? Int32(1) : 0
    }
    let logits = population(vocabulary, in: -6...6)
    for rule in [
      SamplingRule(codebook: 0, endToken: 2000, suppressed: 1990..<2048, minimumTokens: 2),
      SamplingRule(codebook: 5),
    ] {
      try compare("codebook \(rule.codebook)") { bench, rows in
        try bench.backend.write(seen, to: state.seen)
        let codes = try bench.indices([Int32](repeating: -1, count: rows.count))
        try bench.backend.sample(
          try bench.tensor(logits(rows), columns: vocabulary), rule: rule, state: state,
          slots: try bench.indices(rows.map(Int32.init)), into: codes)
        return try bench.backend.read(codes).map(Float.init)
      }
    }
  }

  // MARK: Operations over time

  /// Compares a sequence in pieces with the same one row by row.
  ///
  /// - Parameters:
  ///   - pieces: Rows of a piece.
  ///   - begin: Begins a sequence: returns what gives the results of its next rows.
  private mutating func comparePieces(
    _ name: String, columns: Int, pieces: [Int] = [2, 3, 5, 8, 9, 16, 17, 64],
    _ begin: (inout Workbench<B>) throws -> (inout Workbench<B>, [Float]) throws -> [Float]
  ) throws {
    let x = bench.random.floats(Self.most * columns, in: -1...1)
    func run(_ piece: Int) throws -> [Float] {
      let body = try begin(&bench)
      var results: [Float] = []
      for start in stride(from: 0, to: Self.most, by: piece) {
        let end = min(start + piece, Self.most)
        results += try body(&bench, Array(x[start * columns..<end * columns]))
      }
      return results
    }
    let single = try run(1)
    for piece in pieces {
      keep("\(name), \(piece) rows at a time", try run(piece), alone: single)
    }
  }

  private mutating func convolutions() throws {
    for (inputs, outputs, kernel, dilation, layout) in [
      (64, 96, 7, 3, WeightLayout.convolution(kernel: 7)),
      (512, 1024, 3, 1, .convolution(kernel: 3)), (96, 96, 7, 9, .convolution(kernel: 7)),
      (13, 21, 3, 1, .stored), (16, 8, 7, 1, .exact(kernel: 7)),
    ] {
      let weight = try backend.loadWeight(
        [bench.stored([outputs, inputs, kernel])], as: layout)
      let bias = try bench.row(outputs)
      try comparePieces(
        "causal, \(inputs) to \(outputs), kernel \(kernel) by \(dilation), \(layout)",
        columns: inputs
      ) { bench in
        let history = try bench.tensor(
          [Float](repeating: 0, count: (kernel - 1) * dilation * inputs), columns: inputs)
        return { bench, x in
          let out = try bench.output(x.count / inputs, outputs)
          try bench.backend.causalConvolution(
            try bench.tensor(x, columns: inputs), history: history, weight: weight, bias: bias,
            kernel: kernel, dilation: dilation, into: out)
          return try bench.backend.read(out)
        }
      }
    }
    for (inputs, outputs) in [(96, 1), (24, 24)] {
      let weight = try backend.loadWeight(
        [bench.stored([outputs, inputs, 7])], as: .convolution(kernel: 7))
      let bias = try bench.row(outputs)
      let snake = SnakeWeights(
        alpha: try bench.row(inputs, in: 0.5...2), inverseBeta: try bench.row(inputs, in: 0.5...2))
      try comparePieces("snake, \(inputs) to \(outputs)", columns: inputs) { bench in
        let history = try bench.tensor(
          [Float](repeating: 0, count: 6 * inputs), columns: inputs)
        return { bench, x in
          let rows = x.count / inputs
          let out = try bench.output(rows, outputs)
          try bench.backend.snakeConvolution(
            try bench.tensor(x, columns: inputs), snake, history: history, weight: weight,
            bias: bias, kernel: 7, dilation: 1, scratch: try bench.output(rows, inputs), into: out)
          return try bench.backend.read(out)
        }
      }
    }
    for (inputs, outputs, stride, isPacked) in [
      (64, 32, 8, true), (48, 24, 5, true), (19, 11, 2, false),
    ] {
      let weight = try backend.loadWeight(
        [bench.stored([inputs, outputs, 2 * stride], fanIn: 2 * inputs)],
        as: isPacked ? .transposedConvolution(stride: stride) : .stored)
      let bias = try bench.row(outputs)
      try comparePieces(
        "transposed, \(inputs) to \(outputs), stride \(stride)", columns: inputs
      ) { bench in
        let history = try bench.tensor([Float](repeating: 0, count: inputs), columns: inputs)
        return { bench, x in
          let out = try bench.output(x.count / inputs * stride, outputs)
          try bench.backend.transposedConvolution(
            try bench.tensor(x, columns: inputs), history: history, weight: weight, bias: bias,
            stride: stride, into: out)
          return try bench.backend.read(out)
        }
      }
    }
    let weight = try bench.input(128, 7)
    let bias = try bench.row(128)
    try comparePieces("depthwise", columns: 128) { bench in
      let history = try bench.tensor([Float](repeating: 0, count: 6 * 128), columns: 128)
      return { bench, x in
        let out = try bench.output(x.count / 128, 128)
        try bench.backend.depthwiseConvolution(
          try bench.tensor(x, columns: 128), history: history, weight: weight, bias: bias, into: out
        )
        return try bench.backend.read(out)
      }
    }
  }

  private mutating func codecStages() throws {
    for (channels, stride) in [(64, 2), (1024, 2), (12, 3)] {
      let stage = try LatentUpsampling(
        reading: bench.weights("decoder.upsample.0."), channels: channels, stride: stride,
        on: backend)
      try comparePieces(
        "latentUpsampling of \(channels)", columns: channels, pieces: [2, 3, 16, 64]
      ) { bench in
        let history = try bench.tensor(
          [Float](repeating: 0, count: 6 * channels), columns: channels)
        return { bench, x in
          let rows = x.count / channels
          let out = try bench.output(rows * stride, channels)
          try bench.backend.latentUpsampling(
            try bench.tensor(x, columns: channels), stage, history: history,
            inner: try bench.output(rows * stride, channels),
            wide: try bench.output(rows * stride, 4 * channels), into: out)
          return try bench.backend.read(out)
        }
      }
    }
    for (inputs, stride) in [(64, 8), (192, 3), (768, 4), (20, 3)] {
      let block = try DecoderBlock(
        reading: bench.weights("decoder.decoder.1.block."), inputs: inputs, stride: stride,
        on: backend)
      let channels = inputs / 2
      try comparePieces("decoderBlock of \(inputs)", columns: inputs, pieces: [2, 3, 16, 64]) {
        bench in
        func zeros(_ rows: Int, _ columns: Int) throws -> B.Tensor {
          try bench.tensor([Float](repeating: 0, count: rows * columns), columns: columns)
        }
        let history = try zeros(1, inputs)
        let units = try block.units.map { try zeros(6 * $0.dilation, channels) }
        return { bench, x in
          let rows = x.count / inputs
          let longer = rows * stride
          let out = try bench.output(longer, channels)
          try bench.backend.decoderBlock(
            try bench.tensor(x, columns: inputs), block, history: history, unitHistories: units,
            inner: try bench.output(longer, channels),
            scratch: (try bench.output(longer, channels), try bench.output(longer, channels)),
            into: out)
          return try bench.backend.read(out)
        }
      }
    }
  }
}
