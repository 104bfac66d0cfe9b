// SPDX-License-Identifier: MIT

package import SpeechModel

/// Runs operations of one backend on random inputs and keeps what came out.
///
/// The inputs depend on the seed and the operation's name alone, so two backends are given the same
/// numbers. Every tensor lies between two rows of NaN, and results begin as NaN: what is read next to
/// an input, or left unwritten, shows in the result, and what is written next to a result is found.
package struct Workbench<B: Backend> {
  let backend: B
  var random: RandomNumbers
  private(set) var results: [MeasuredResult] = []
  private var surroundings: [B.Tensor] = []
  private var gaps: [B.Indices] = []

  init(_ backend: B, operation: String, seed: UInt64) {
    self.backend = backend
    random = RandomNumbers(seed: seed, name: operation)
  }

  // MARK: Inputs

  /// A tensor with these rows.
  mutating func tensor(_ values: [Float], columns: Int) throws(B.Failure) -> B.Tensor {
    let rows = values.count / columns
    let whole = try backend.makeTensor(rows: rows + 2, columns: columns)
    let guardRow = [Float](repeating: .nan, count: columns)
    try backend.write(guardRow + values + guardRow, to: whole)
    surroundings.append(whole)
    return whole.rows(1..<1 + rows)
  }

  /// A tensor of numbers within a range.
  mutating func input(
    _ rows: Int, _ columns: Int, in range: ClosedRange<Float> = -1...1
  ) throws(B.Failure) -> B.Tensor {
    try tensor(random.floats(rows * columns, in: range), columns: columns)
  }

  /// One row of numbers within a range.
  mutating func row(
    _ columns: Int, in range: ClosedRange<Float> = -1...1
  ) throws(B.Failure) -> B.Tensor {
    try input(1, columns, in: range)
  }

  /// A tensor that an operation has to fill.
  mutating func output(_ rows: Int, _ columns: Int) throws(B.Failure) -> B.Tensor {
    try tensor([Float](repeating: .nan, count: rows * columns), columns: columns)
  }

  /// Indices, each followed by `stride − 1` that mean nothing.
  mutating func indices(_ values: [Int32], stride: Int = 1) throws(B.Failure) -> B.Indices {
    let whole = try backend.makeIndices(count: values.count * stride + 2)
    try backend.write([Int32](repeating: Self.nothing, count: whole.count), to: whole)
    let view = whole.strided(from: 1, count: values.count, by: stride)
    try backend.write(values, to: view)
    if stride > 1, !values.isEmpty {
      gaps.append(whole.strided(from: 2, count: values.count, by: stride))
    }
    gaps.append(whole.strided(from: 0, count: 1, by: 1))
    return view
  }

  /// An index that is outside everything.
  private static var nothing: Int32 { 0x3FFF_FFFF }

  /// A stored matrix whose products with numbers in −1…1 are about 1, whatever its width.
  mutating func stored(
    _ shape: [Int], _ type: ElementType = .float32, fanIn: Int? = nil
  ) -> HostTensor {
    let width = Float(fanIn ?? shape.dropFirst().reduce(1, *))
    return random.stored(shape, type, largest: (3 / width).squareRoot())
  }

  // MARK: Results

  /// Keeps a result under the name of its case.
  mutating func expect(
    _ tensor: B.Tensor, _ name: String, within tolerance: Tolerance
  ) throws(B.Failure) {
    keep(try backend.read(tensor), name, within: tolerance)
  }

  /// Keeps whole numbers, which must agree exactly.
  mutating func expect(_ indices: B.Indices, _ name: String) throws(B.Failure) {
    keep(try backend.read(indices).map(Float.init), name, within: .exact)
  }

  /// Keeps numbers that are on the host already.
  mutating func keep(_ values: [Float], _ name: String, within tolerance: Tolerance) {
    results.append(MeasuredResult(name: name, values: values, tolerance: tolerance))
  }

  /// Counts what changed next to the tensors and indices made here.
  mutating func expectSurroundings() throws(B.Failure) {
    var changed = 0
    for whole in surroundings {
      for row in [0, whole.rows - 1] {
        changed += try backend.read(whole.rows(row..<row + 1)).count { !$0.isNaN }
      }
    }
    for gap in gaps { changed += try backend.read(gap).count { $0 != Self.nothing } }
    keep([Float(changed)], "numbers next to tensors that changed", within: .exact)
  }
}

/// What one case of an operation gave.
struct MeasuredResult: Sendable {
  let name: String
  let values: [Float]
  let tolerance: Tolerance
}

/// How far a result may be from the reference's: `|a − r| ≤ share · scale`.
package struct Tolerance: Sendable, Equatable {
  package enum Scale: Sendable, Equatable {
    /// `max(1, |r|)`.
    case each
    /// The largest `|r|` of the result.
    case largest
  }
  package var share: Float
  package var scale = Scale.each

  /// Copies, look-ups, whole numbers and codes.
  static let exact = Tolerance(share: 0)
  /// Functions of one number and means: two libraries differ by a few units in the last place, and
  /// sums by their order.
  static let rounding = Tolerance(share: 2e-5)
  /// Products whose operands may be split into two bf16 numbers, of 16 bits together: 2⁻¹⁶ of each
  /// term at random signs, and terms whose squares sum to about 1. One missing term of 6,144 is 2e-2.
  static let product = Tolerance(share: 1e-4)
  /// As for products, and the softmax turns the error of a score of up to 10 into as much of its
  /// weight.
  static let attention = Tolerance(share: 4e-4)
  /// As for attention. Besides, a key that lies between two bf16 numbers may be kept as either: a score is
  /// then off by up to 1e-2, a hundred times less as a rule, and the weight of its position by as much.
  static let roundedAttention = Tolerance(share: 2e-3)
  /// Several products one after the other.
  static let chain = Tolerance(share: 5e-4)
  /// Layers after layers, whose numbers have any size.
  static let network = Tolerance(share: 5e-4, scale: .largest)
  /// As for networks, with keys and values that may be rounded to either of two bf16 numbers. On the small
  /// models, products off by 1e-7, 5e-6 and 2e-5 take a quarter, a third and a half of it; a cache that is
  /// not rounded takes 1.2 times as much.
  static let roundedNetwork = Tolerance(share: 1e-3, scale: .largest)
  /// Speaker embeddings: networks of F32 products in another order.
  static let embedding = Tolerance(share: 1e-4, scale: .largest)
  /// −60 dB of the loudest sample.
  static let audio = Tolerance(share: 1e-3, scale: .largest)
}

/// Numbers that depend on a seed and a name.
struct RandomNumbers {
  private var state: UInt64

  init(seed: UInt64, name: String) {
    // FNV-1a over the name, so that each operation has a sequence of its own.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    state = seed ^ hash
  }

  /// SplitMix64.
  mutating func word() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  mutating func float(in range: ClosedRange<Float>) -> Float {
    range.lowerBound + (range.upperBound - range.lowerBound) * Float(word() >> 40) * 0x1p-24
  }

  mutating func floats(_ count: Int, in range: ClosedRange<Float>) -> [Float] {
    (0..<count).map { _ in float(in: range) }
  }

  mutating func index(below count: Int) -> Int { Int(word() % UInt64(count)) }

  mutating func ids(_ count: Int, below limit: Int) -> [Int32] {
    (0..<count).map { _ in Int32(index(below: limit)) }
  }

  /// A tensor as a checkpoint holds it, of numbers up to `largest`.
  mutating func stored(_ shape: [Int], _ type: ElementType, largest: Float) -> HostTensor {
    let count = shape.reduce(1, *)
    let values = floats(count, in: -largest...largest)
    let storage: any TensorStorage =
      switch type {
      case .bfloat16: ArrayStorage(values.map { UInt16($0.bitPattern >> 16) })
      case .float16: ArrayStorage(values.map(Self.half))
      default: ArrayStorage(values)
      }
    return HostTensor(
      name: "weight", shape: shape, elementType: type, storage: storage,
      byteRange: 0..<count * type.byteCount)
  }

  /// Half precision by dropping bits; numbers below 2⁻¹⁴ become zero.
  private static func half(_ value: Float) -> UInt16 {
    let sign = UInt16(value.bitPattern >> 16) & 0x8000
    let exponent = Int32(value.bitPattern >> 23 & 0xFF) - 112
    return exponent <= 0
      ? sign : sign | UInt16(exponent) << 10 | UInt16(value.bitPattern >> 13 & 0x3FF)
  }
}
