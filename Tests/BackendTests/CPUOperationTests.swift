// SPDX-License-Identifier: MIT

import CCPUKernels
import CPUBackend
import ModelFiles
import SpeechModel
import Testing

/// Every operation of the CPU backend against its definition, in odd sizes, on every instruction set
/// this machine has. Each test is a process of its own, since the instruction set is the process's.
@Suite struct CPUOperationTests {
  @Test func `products agree with their definition`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (m, k, n) in [
          (1, 1, 1), (1, 257, 19), (3, 64, 33), (5, 100, 8), (70, 48, 130), (2, 15, 7),
        ] {
          for type in [ElementType.float32, .bfloat16, .float16] { check.linear(m, k, n, type) }
        }
      }
    }
  }

  @Test func `rows agree with their definition`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (rows, columns) in [(1, 1), (1, 31), (3, 128), (7, 200), (200, 1536)] {
          check.norms(rows, columns)
          check.functions(rows, columns)
        }
        check.gathers()
      }
    }
  }

  @Test func `attention agrees with its definition`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for window in [nil, 1, 5, 16] {
          for precision in CachePrecision.allCases {
            check.attention(
              heads: 4, kvHeads: 2, width: 24, rows: 9, window: window, capacity: 16, precision)
            check.attention(
              heads: 3, kvHeads: 3, width: 64, rows: 30, window: window, capacity: 40, precision)
          }
        }
      }
    }
  }

  @Test func `a cache of bf16 keeps the nearest numbers, and the even ones of two`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        let ulp = Float(0x1p-7)
        let cases: [(value: Float, kept: Float)] = [
          (0, 0), (-1, -1), (1 + 0.49 * ulp, 1), (1 + 0.51 * ulp, 1 + ulp),
          (1 + 0.5 * ulp, 1), (1 + 1.5 * ulp, 1 + 2 * ulp), (-1 - 1.5 * ulp, -1 - 2 * ulp),
          (2 - 0.5 * ulp, 2), (0x1p-133, 0x1p-133), (1.5 * 0x1p-133, 0x1p-132),
          (.greatestFiniteMagnitude, .infinity), (-.infinity, -.infinity),
        ]
        let kept = check.keeping(cases.map(\.value) + [.nan, Float(bitPattern: 0x7F80_0001)])
        for (found, (value, expected)) in zip(kept, cases) {
          #expect(found == expected, "\(value)")
        }
        #expect(kept.suffix(2).allSatisfy { $0.isNaN })
      }
    }
  }

  @Test func `convolutions agree with their definition, whole and in pieces`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (kernel, dilation) in [(1, 1), (3, 1), (7, 1), (7, 3), (7, 9)] {
          check.convolution(inputs: 13, outputs: 21, kernel: kernel, dilation: dilation, rows: 150)
        }
        // More weights of an output than are packed at once, in one kernel or in many inputs.
        for type in [ElementType.float32, .bfloat16, .float16] {
          check.convolution(inputs: 70, outputs: 33, kernel: 7, dilation: 2, rows: 9, type)
          check.convolution(inputs: 2, outputs: 1, kernel: 300, dilation: 1, rows: 5, type)
        }
        check.transposed(inputs: 70, outputs: 18, stride: 8, overlaps: true, rows: 9)
        for stride in [1, 2, 3, 5, 8] {
          check.transposed(inputs: 19, outputs: 11, stride: stride, overlaps: true, rows: 17)
          check.transposed(inputs: 8, outputs: 33, stride: stride, overlaps: false, rows: 5)
        }
        check.depthwise(channels: 37, kernel: 7, rows: 23)
      }
    }
  }

  @Test func `a decoder block is its operations, whole and in pieces`() async {
    await #expect(processExitsWith: .success) {
      try CPUCheck.onEveryInstructionSet { check in
        try check.decoderBlock(inputs: 38, stride: 3, rows: 40)
        try check.decoderBlock(inputs: 64, stride: 2, rows: 11)
      }
    }
  }
}

/// Compares one backend with the definitions.
struct CPUCheck {
  let backend = CPUBackend()
  var numbers = Numbers(seed: 1)

  /// With one thread and with several, on each instruction set.
  static func onEveryInstructionSet(_ body: (inout CPUCheck) throws -> Void) rethrows {
    for isa in [QT_PORTABLE, QT_AVX2, QT_AVX512] where qt_select_isa(isa) == isa {
      for threads in [1, 3] {
        qt_set_thread_count(Int32(threads))
        var check = CPUCheck()
        try body(&check)
      }
    }
  }

  func tensor(_ rows: [[Float]]) -> CPUTensor {
    let tensor = backend.makeTensor(rows: rows.count, columns: rows[0].count)
    backend.write(Array(rows.joined()), to: tensor)
    return tensor
  }

  func rows(_ tensor: CPUTensor) -> [[Float]] {
    let values = backend.read(tensor)
    return (0..<tensor.rows).map {
      Array(values[$0 * tensor.columns..<($0 + 1) * tensor.columns])
    }
  }

  /// A matrix at an odd address, and the numbers it holds after rounding to its type.
  func matrix(_ rows: [[Float]], _ type: ElementType = .float32) -> (CPUMatrix, [[Double]]) {
    var bytes: [UInt8] = [0]
    for value in rows.joined() {
      switch type {
      case .bfloat16: withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { bytes += $0 }
      case .float16: withUnsafeBytes(of: Self.half(value)) { bytes += $0 }
      default: withUnsafeBytes(of: value.bitPattern) { bytes += $0 }
      }
    }
    let tensor = HostTensor(
      name: "w", shape: [rows.count, rows[0].count], elementType: type,
      storage: MemoryStorage(byteCount: bytes.count) { span in
        for (offset, byte) in bytes.enumerated() {
          span.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
      }, byteRange: 1..<bytes.count)
    let columns = rows[0].count
    let stored: [[Double]] = rows.indices.map { row in
      tensor.floats(row * columns..<(row + 1) * columns).map(Double.init)
    }
    return (backend.loadWeight([tensor], as: .stored), stored)
  }

  /// Half precision by dropping bits; small numbers become subnormal.
  private static func half(_ value: Float) -> UInt16 {
    let sign = UInt16(value.bitPattern >> 16) & 0x8000
    let exponent = Int32(value.bitPattern >> 23 & 0xFF) - 112
    let fraction = UInt16(value.bitPattern >> 13 & 0x3FF)
    if exponent <= 0 {
      return exponent < -9 ? sign : sign | (fraction | 0x400) >> UInt16(1 - exponent)
    }
    return sign | UInt16(exponent) << 10 | fraction
  }

  /// Expects `|a − r| ≤ 2e-5 · max(1, |r|)`, far below what a wrong term makes.
  func expect(
    _ actual: CPUTensor, _ reference: [[Double]], _ name: String, within tolerance: Double = 2e-5,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let worst =
      zip(rows(actual).joined(), reference.joined()).map {
        abs(Double($0) - $1) / max(1, abs($1))
      }.max() ?? .infinity
    let isEqual = actual.rows == reference.count && worst <= tolerance
    #expect(
      isEqual, "\(name), \(CPUBackend.instructionSet): off by \(worst)",
      sourceLocation: sourceLocation)
  }

  static func wide(_ rows: [[Float]]) -> [[Double]] { rows.map { $0.map(Double.init) } }

  // MARK: Operations

  mutating func linear(_ m: Int, _ k: Int, _ n: Int, _ type: ElementType) {
    let x = numbers.rows(m, k)
    let (weight, stored) = matrix(numbers.rows(n, k, in: -0.3...0.3), type)
    let (bias, scale) = (numbers.rows(1, n), numbers.rows(1, n))
    let start = numbers.rows(m, n)
    let name = "linear \(m)×\(k)×\(n) \(type.rawValue)"
    let plain = Definitions.linear(Self.wide(x), stored, bias: nil)
    let biased = Definitions.linear(Self.wide(x), stored, bias: Self.wide(bias)[0])

    let out = tensor(start)
    backend.linear(tensor(x), weight, bias: nil, into: out)
    expect(out, plain, name)
    let alone = backend.makeTensor(rows: 1, columns: n)
    backend.linear(tensor([x[m - 1]]), weight, bias: nil, into: alone)
    #expect(rows(alone)[0] == rows(out)[m - 1], "\(name): a row alone has the same bits")
    let sum = tensor(start)
    backend.linearAdd(tensor(x), weight, bias: tensor(bias), scale: tensor(scale), into: sum)
    expect(
      sum,
      biased.indices.map { r in
        (0..<n).map { Double(start[r][$0]) + Double(scale[0][$0]) * biased[r][$0] }
      }, name + " added")
  }

  mutating func norms(_ count: Int, _ columns: Int) {
    let x = numbers.rows(count, columns, in: -3...3)
    let (weight, bias) = (numbers.rows(1, columns), numbers.rows(1, columns))
    let out = backend.makeTensor(rows: count, columns: columns)
    backend.rmsNorm(tensor(x), weight: tensor(weight), epsilon: 1e-6, into: out)
    expect(
      out, Definitions.rmsNorm(Self.wide(x), weight: Self.wide(weight)[0], epsilon: 1e-6),
      "rmsNorm \(columns)")
    backend.layerNorm(
      tensor(x), weight: tensor(weight), bias: tensor(bias), epsilon: 1e-3, into: out)
    expect(
      out,
      Definitions.layerNorm(
        Self.wide(x), weight: Self.wide(weight)[0], bias: Self.wide(bias)[0], epsilon: 1e-3),
      "layerNorm \(columns)")
  }

  mutating func functions(_ count: Int, _ columns: Int) {
    let x = numbers.rows(count, 2 * columns, in: -20...20)
    let half = backend.makeTensor(rows: count, columns: columns)
    backend.swiGLU(tensor(x), into: half)
    expect(half, Definitions.swiGLU(Self.wide(x)), "swiGLU \(columns)")
    let silu = tensor(x)
    backend.silu(silu)
    expect(silu, Self.wide(x).map { $0.map(Definitions.silu) }, "silu \(columns)")
    let gelu = tensor(x)
    backend.gelu(gelu)
    expect(gelu, Self.wide(x).map { $0.map(Definitions.gelu) }, "gelu \(columns)")
    let clamped = tensor(x)
    backend.clamp(clamped)
    expect(clamped, Self.wide(x).map { $0.map { min(max($0, -1), 1) } }, "clamp \(columns)")
    let (alpha, beta) = (numbers.rows(1, 2 * columns, in: 0.1...3), numbers.rows(1, 2 * columns))
    let snaked = backend.makeTensor(rows: count, columns: 2 * columns)
    backend.snake(
      tensor(x), SnakeWeights(alpha: tensor(alpha), inverseBeta: tensor(beta)), into: snaked)
    expect(
      snaked,
      Definitions.snake(
        Self.wide(x), alpha: Self.wide(alpha)[0], inverseBeta: Self.wide(beta)[0]),
      "snake \(columns)")
  }

  mutating func gathers() {
    for type in [ElementType.float32, .bfloat16, .float16] {
      let (table, stored) = matrix(numbers.rows(9, 37), type)
      let scale = numbers.rows(1, 9)
      let ids = backend.makeIndices(count: 4)
      backend.write([8, -1, 0, 8], to: ids)
      let start = numbers.rows(4, 37)
      let out = tensor(start)
      func row(_ id: Int, _ factor: Double) -> [Double] {
        id < 0 ? [Double](repeating: 0, count: 37) : stored[id].map { $0 * factor }
      }
      backend.gather(table, ids: ids, scale: nil, accumulate: false, into: out)
      expect(out, [8, -1, 0, 8].map { row($0, 1) }, "gather \(type.rawValue)")
      let sum = tensor(start)
      backend.gather(table, ids: ids, scale: tensor(scale), accumulate: true, into: sum)
      expect(
        sum,
        [8, -1, 0, 8].enumerated().map { index, id in
          zip(row(id, id < 0 ? 0 : Double(scale[0][id])), start[index]).map { $0 + Double($1) }
        }, "gather \(type.rawValue) added")
    }
  }

  /// Rows of two slots, interleaved, positions in order from each slot's start.
  mutating func attention(
    heads: Int, kvHeads: Int, width: Int, rows count: Int, window: Int?, capacity: Int,
    _ precision: CachePrecision
  ) {
    let shape = AttentionShape(headCount: heads, kvHeadCount: kvHeads, headDim: width)
    let packed = (heads + 2 * kvHeads) * width
    let x = numbers.rows(count, packed)
    let (queryNorm, keyNorm) = (numbers.rows(1, width), numbers.rows(1, width))
    let inverse = (0..<width / 2).map { Float(1) / Float(1 + $0 * $0) }
    let slots = (0..<count).map { Int32($0 % 2) }
    let positions = (0..<count).map { Int32($0 / 2) }
    let cache = backend.makeCache(
      layerCount: 2, slotCount: 2, capacity: capacity, kvWidth: kvHeads * width,
      precision: precision)
    let (slotIndices, positionIndices) =
      (backend.makeIndices(count: count), backend.makeIndices(count: count))
    backend.write(slots, to: slotIndices)
    backend.write(positions, to: positionIndices)
    let out = backend.makeTensor(rows: count, columns: heads * width)
    backend.attentionStep(
      tensor(x),
      AttentionLayer(
        shape: shape, queryNorm: tensor(queryNorm), keyNorm: tensor(keyNorm), epsilon: 1e-6,
        inverseFrequencies: tensor([inverse]), window: window),
      rows: RowMap(slots: slotIndices, positions: positionIndices),
      cache: CacheLayer(cache, layer: 1), into: out)

    func head(_ row: Int, _ index: Int, _ norm: [[Float]]?) -> [Double] {
      let values = Self.wide([Array(x[row][index * width..<(index + 1) * width])])
      guard let norm else { return values[0] }
      return Definitions.rotate(
        Definitions.rmsNorm(values, weight: Self.wide(norm)[0], epsilon: 1e-6)[0],
        position: Int(positions[row]), inverseFrequencies: inverse.map(Double.init))
    }
    func kept(_ head: [Double]) -> [Double] {
      precision == .float32 ? head : head.map(Definitions.bfloat16)
    }
    let reference = (0..<count).map { row in
      (0..<heads).flatMap { h -> [Double] in
        let group = h / (heads / kvHeads)
        let seen = (0..<count).filter {
          slots[$0] == slots[row] && positions[$0] <= positions[row]
            && positions[row] - positions[$0] < Int32(window ?? count)
        }
        return Definitions.attend(
          head(row, h, queryNorm), keys: seen.map { kept(head($0, heads + group, keyNorm)) },
          values: seen.map { kept(head($0, heads + kvHeads + group, nil)) })
      }
    }
    // A key that lies between two bf16 numbers may be kept as either.
    expect(
      out, reference, "attention, window \(window.map(String.init) ?? "none"), \(precision)",
      within: precision == .float32 ? 2e-5 : 1e-3)
  }

  /// What a bf16 cache makes of numbers: the result of attention to them alone.
  func keeping(_ values: [Float]) -> [Float] {
    let shape = AttentionShape(headCount: 1, kvHeadCount: 1, headDim: values.count)
    let cache = backend.makeCache(
      layerCount: 1, slotCount: 1, capacity: 1, kvWidth: values.count, precision: .bfloat16)
    let first = backend.makeIndices(count: 1)
    let out = backend.makeTensor(rows: 1, columns: values.count)
    backend.attentionStep(
      tensor([[Float](repeating: 0, count: 2 * values.count) + values]),
      AttentionLayer(
        shape: shape, epsilon: 1e-6,
        inverseFrequencies: backend.makeTensor(rows: 1, columns: values.count / 2)),
      rows: RowMap(slots: first, positions: first), cache: CacheLayer(cache, layer: 0), into: out)
    return backend.read(out)
  }

  mutating func convolution(
    inputs: Int, outputs: Int, kernel: Int, dilation: Int, rows count: Int,
    _ type: ElementType = .float32
  ) {
    let history = numbers.rows((kernel - 1) * dilation, inputs)
    let x = numbers.rows(count, inputs)
    let (weight, stored) = matrix(numbers.rows(outputs, inputs * kernel), type)
    let bias = numbers.rows(1, outputs)
    let reference = Definitions.convolution(
      Self.wide(history + x), stored, bias: Self.wide(bias)[0], kernel: kernel, dilation: dilation)
    let name = "convolution \(inputs)·\(kernel) by \(dilation) \(type.rawValue)"
    var bits: [[[Float]]] = []
    for cut in [count, 1, count / 2 + 1] {
      let memory = backend.makeTensor(rows: history.count, columns: inputs)
      backend.write(Array(history.joined()), to: memory)
      let out = backend.makeTensor(rows: count, columns: outputs)
      for piece in [0..<cut, cut..<count] where !piece.isEmpty {
        backend.causalConvolution(
          tensor(Array(x[piece])), history: memory, weight: weight, bias: tensor(bias),
          kernel: kernel, dilation: dilation, into: out.rows(piece))
      }
      expect(out, reference, name)
      bits.append(rows(out))
    }
    #expect(bits.allSatisfy { $0 == bits[0] }, "\(name): pieces have the same bits")
  }

  mutating func transposed(inputs: Int, outputs: Int, stride: Int, overlaps: Bool, rows count: Int)
  {
    let before = overlaps ? numbers.rows(1, inputs) : nil
    let x = numbers.rows(count, inputs)
    let (weight, stored) = matrix(numbers.rows(inputs, outputs * stride * (overlaps ? 2 : 1)))
    let bias = numbers.rows(1, outputs)
    let reference = Definitions.transposedConvolution(
      Self.wide(x), before: before.map { Self.wide($0)[0] }, stored, bias: Self.wide(bias)[0],
      stride: stride)
    let name = "transposed convolution \(stride)"
    var bits: [[[Float]]] = []
    for cut in [count, 1, count / 2 + 1] {
      let memory = before.map { tensor($0) }
      let out = backend.makeTensor(rows: count * stride, columns: outputs)
      for piece in [0..<cut, cut..<count] where !piece.isEmpty {
        backend.transposedConvolution(
          tensor(Array(x[piece])), history: memory, weight: weight, bias: tensor(bias),
          stride: stride, into: out.rows(piece.lowerBound * stride..<piece.upperBound * stride))
      }
      expect(out, reference, name)
      bits.append(rows(out))
    }
    #expect(bits.allSatisfy { $0 == bits[0] }, "\(name): pieces have the same bits")
  }

  /// Against the block's definition, in the backend's own operations one by one.
  mutating func decoderBlock(inputs: Int, stride: Int, rows count: Int) throws {
    let block = try DecoderBlock(
      reading: RandomWeights(), inputs: inputs, stride: stride, on: backend)
    let x = numbers.rows(count, inputs)
    let (channels, longer) = (inputs / 2, count * stride)
    func histories() -> [CPUTensor] {
      block.units.map { backend.makeTensor(rows: 6 * $0.dilation, columns: channels) }
    }

    let (activated, reference) = (tensor(x), backend.makeTensor(rows: longer, columns: channels))
    let inner = backend.makeTensor(rows: longer, columns: channels)
    let scratch = backend.makeTensor(rows: longer, columns: channels)
    backend.snake(activated, block.snake, into: activated)
    backend.transposedConvolution(
      activated, history: backend.makeTensor(rows: 1, columns: inputs),
      weight: block.transposed.weight, bias: block.transposed.bias, stride: stride,
      into: reference)
    for (unit, history) in zip(block.units, histories()) {
      backend.snake(reference, unit.first, into: scratch)
      backend.causalConvolution(
        scratch, history: history, weight: unit.dilated.weight, bias: unit.dilated.bias, kernel: 7,
        dilation: unit.dilation, into: inner)
      backend.snake(inner, unit.second, into: inner)
      backend.linearAdd(
        inner, unit.pointwise.weight, bias: unit.pointwise.bias, scale: nil, into: reference)
    }

    let name = "decoder block of \(channels) channels"
    var bits: [[[Float]]] = []
    for cut in [count, 1, count / 2 + 1] {
      let out = backend.makeTensor(rows: longer, columns: channels)
      let (memory, memories) = (backend.makeTensor(rows: 1, columns: inputs), histories())
      for piece in [0..<cut, cut..<count] where !piece.isEmpty {
        let steps = piece.lowerBound * stride..<piece.upperBound * stride
        backend.decoderBlock(
          tensor(Array(x[piece])), block, history: memory, unitHistories: memories,
          inner: inner.rows(0..<steps.count),
          scratch: (scratch.rows(0..<steps.count), scratch.rows(0..<steps.count)),
          into: out.rows(steps))
      }
      expect(out, Self.wide(rows(reference)), name)
      bits.append(rows(out))
    }
    #expect(bits.allSatisfy { $0 == bits[0] }, "\(name): pieces have the same bits")
  }

  mutating func depthwise(channels: Int, kernel: Int, rows count: Int) {
    let history = numbers.rows(kernel - 1, channels)
    let x = numbers.rows(count, channels)
    let (weight, bias) = (numbers.rows(channels, kernel), numbers.rows(1, channels))
    let memory = tensor(history)
    let out = backend.makeTensor(rows: count, columns: channels)
    for piece in [0..<5, 5..<count] {
      backend.depthwiseConvolution(
        tensor(Array(x[piece])), history: memory, weight: tensor(weight), bias: tensor(bias),
        into: out.rows(piece))
    }
    expect(
      out,
      Definitions.depthwise(
        Self.wide(history + x), weight: Self.wide(weight), bias: Self.wide(bias)[0]),
      "depthwise convolution")
  }
}

/// Small numbers under every name.
private struct RandomWeights: WeightSource {
  func tensor(_ name: String, _ shape: [Int]) -> HostTensor {
    var numbers = Numbers(seed: UInt64(name.utf8.reduce(0) { $0 &* 31 &+ Int($1) } & 0xFFFF))
    return HostTensor(
      name: name, shape: shape,
      values: numbers.rows(1, shape.reduce(1, *), in: -0.2...0.2)[0])
  }
}
