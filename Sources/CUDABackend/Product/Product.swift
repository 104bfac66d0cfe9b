// SPDX-License-Identifier: MIT

package import CUDA

/// How a weight in bf16 parts is laid out: `[outputs][taps · inputs]`.
struct PackedWeight: Equatable {
  let outputs: Int
  let inputs: Int
  let taps: Int
  var k: Int { taps * inputs }
}

/// Rows of numbers in bf16 parts, as many bytes as the F32 rows they stand for.
struct PartRows {
  let address: UInt64
  let rows: Int
  let columns: Int

  init(_ tensor: CUDATensor) {
    (address, rows, columns) = (tensor.address, tensor.rows, tensor.columns)
  }

  init(address: UInt64, rows: Int, columns: Int) {
    (self.address, self.rows, self.columns) = (address, rows, columns)
  }
}

/// Twins of the flags in `Product.cu`.
struct ProductFlags: OptionSet {
  let rawValue: Int32
  static let accumulate = ProductFlags(rawValue: 1)
  static let gated = ProductFlags(rawValue: 2)
  static let gelu = ProductFlags(rawValue: 4)
  static let silu = ProductFlags(rawValue: 8)
}

/// What happens to the sums of a product, in this order.
struct ProductEnd {
  var bias: CUDATensor?
  var scale: CUDATensor?
  var flags: ProductFlags = []
  /// Where they go, F32.
  var out: CUDATensor?
  /// Where they go in parts, after a snake when there is one.
  var parts: PartRows?
  var snake: (alpha: CUDATensor, inverseBeta: CUDATensor)?
}

/// A history that the kernel in front has read: it shall hold the last rows of itself and `x`.
struct KeptHistory {
  /// Of 4-byte numbers, or in parts.
  let x: CUDATensor
  let history: CUDATensor
}

extension CUDABackend {
  /// Bytes of shared memory a product's kernel may ask for.
  static func productSharedBytes(_ name: String, architecture: Int) -> Int? {
    for parts in [1, 2] {
      for tile in ProductTile.all where tile.kernel(parts: parts) == name {
        return tile.sharedBytes(parts: parts, architecture: architecture)
      }
    }
    return nil
  }

  /// The layout of a weight that `Product.cu` can read; `nil` when it stands as stored.
  func packing(_ weight: CUDAMatrix) -> PackedWeight? {
    if let packed = weight.packed { return packed }
    guard weight.suffix == "bf16", weight.columns % 8 == 0, weight.rows % 2 == 0 else { return nil }
    return PackedWeight(outputs: weight.rows, inputs: weight.columns, taps: 1)
  }

  /// `x`, behind `history`, times a weight that has a packing. The last tap sees the row itself.
  func product(
    _ x: PartRows, history: CUDATensor? = nil, dilation: Int = 1, _ weight: CUDAMatrix,
    keeping kept: KeptHistory? = nil, _ end: ProductEnd
  ) throws(CUDAError) {
    guard let packed = packing(weight) else { preconditionFailure("a weight of products") }
    let gated = end.flags.contains(.gated)
    let m = x.rows
    let n = gated ? packed.outputs / 2 : packed.outputs
    let k = packed.k
    let channels = end.parts?.columns ?? end.bias?.count ?? n
    precondition(x.columns == packed.inputs && n % channels == 0 && channels % 2 == 0)
    precondition((history?.rows ?? 0) == (packed.taps - 1) * dilation)
    precondition(end.out.map { $0.count == m * n } ?? true, "as many sums as the tensor holds")
    precondition(end.parts.map { $0.rows * $0.columns == m * n } ?? true)
    let parts = weight.packed == nil ? 1 : 2
    let plan = ProductPlan(
      m: m, n: n, k: k, parts: parts, gated: gated, processors: context.multiprocessorCount,
      room: (shares.count, arrivals.count))
    let keptColumns = kept?.history.columns ?? 0
    var flags = end.flags.rawValue
    if end.snake != nil { flags |= 16 }
    try launch(
      plan.tile.kernel(parts: parts),
      grid: CUDAGrid(plan.grid.x + (keptColumns + 127) / 128, plan.grid.y, plan.grid.z),
      block: 128,
      sharedBytes: plan.tile.sharedBytes(parts: parts, architecture: context.architecture),
      clusterDepth: context.architecture >= 90 ? plan.grid.z : 1,
      x.address, history?.address ?? 0, weight.address, end.bias?.address ?? 0,
      end.scale?.address ?? 0, end.snake?.alpha.address ?? 0, end.snake?.inverseBeta.address ?? 0,
      end.out?.address ?? 0, end.parts?.address ?? 0, shares.address, arrivals.address, Int32(m),
      Int32(n), Int32(k), Int32(packed.inputs), Int32(dilation), Int32(history?.rows ?? 0),
      Int32(channels), flags, kept?.x.address ?? 0, kept?.history.address ?? 0,
      Int32(kept?.x.rows ?? 0), Int32(kept?.history.rows ?? 0), Int32(keptColumns))
  }

  /// `x`, behind `history`, in parts; after a snake when there is one. May take the place of `x`.
  @discardableResult
  func rowParts(
    _ x: CUDATensor, history: CUDATensor? = nil,
    snake: (alpha: CUDATensor, inverseBeta: CUDATensor)? = nil, at address: UInt64
  ) throws(CUDAError) -> PartRows {
    let rows = x.rows + (history?.rows ?? 0)
    try launch(
      "split_rows", grid: CUDAGrid(rows), block: rowBlock(x.columns), x.address,
      history?.address ?? 0, Int32(history?.rows ?? 0), snake?.alpha.address ?? 0,
      snake?.inverseBeta.address ?? 0, address, Int32(x.columns))
    return PartRows(address: address, rows: rows, columns: x.columns)
  }

  /// `rmsNorm(x)` in parts.
  func rmsNormParts(
    _ x: CUDATensor, weight: CUDATensor, epsilon: Float, at address: UInt64
  ) throws(CUDAError) -> PartRows {
    precondition(weight.count == x.columns)
    try launch(
      "rms_norm_split", grid: CUDAGrid(x.rows), block: rowBlock(x.columns), x.address,
      weight.address, epsilon, address, Int32(x.columns))
    return PartRows(address: address, rows: x.rows, columns: x.columns)
  }

  /// Threads for a row, each of which takes at most eight pairs of numbers.
  func rowBlock(_ columns: Int) -> Int {
    precondition(columns % 2 == 0 && columns <= 16_384, "a block holds a row")
    let least = (columns / 2 + 7) / 8
    return min(1024, (max(least, min(columns / 2, 256)) + 31) / 32 * 32)
  }

  /// `linear` and `linearAdd` for many rows, or for a weight that only `Product.cu` can read; false
  /// when neither is so.
  func multiplyParts(
    _ x: CUDATensor, _ weight: CUDAMatrix, bias: CUDATensor?, scale: CUDATensor?,
    accumulate: Bool, into out: CUDATensor
  ) throws(CUDAError) -> Bool {
    guard let packed = packing(weight), packed.taps == 1, weight.packed != nil || x.rows > 2
    else { return false }
    if try few(
      x, norm: nil, epsilon: 0, weight, bias: bias, scale: scale, accumulate: accumulate, into: out)
    {
      return true
    }
    // Rows that the room for parts cannot take at once go in turns.
    let most = parts.count / x.columns
    for start in stride(from: 0, to: x.rows, by: most) {
      let rows = start..<min(start + most, x.rows)
      let input = try rowParts(x.rows(rows), at: parts.address)
      try product(
        input, weight,
        ProductEnd(
          bias: bias, scale: scale, flags: accumulate ? .accumulate : [], out: out.rows(rows)))
    }
    return true
  }

  /// `linear`, `linearAdd` or a normed product for at most four rows; false when there is no kernel.
  func few(
    _ x: CUDATensor, norm: CUDATensor?, epsilon: Float, _ weight: CUDAMatrix, bias: CUDATensor?,
    scale: CUDATensor?, accumulate: Bool, into out: CUDATensor
  ) throws(CUDAError) -> Bool {
    guard let packed = weight.packed, x.rows <= 4, [256, 512, 1024].contains(packed.k) else {
      return false
    }
    let perBlock = packed.k == 1024 ? 8 : 16
    try launch(
      "small_batch_gemv_\(packed.k / 256)_\(x.rows == 3 ? 4 : x.rows)",
      grid: CUDAGrid((packed.outputs + perBlock - 1) / perBlock), block: 128, x.address,
      norm?.address ?? 0, epsilon, weight.address, bias?.address ?? 0, scale?.address ?? 0,
      Int32(accumulate ? 1 : 0), out.address, Int32(x.rows), Int32(packed.outputs))
    return true
  }

  /// `rmsNormLinear` for many rows or a packed weight; false when it is neither.
  func rmsNormProduct(
    _ x: CUDATensor, norm: CUDATensor, epsilon: Float, _ weight: CUDAMatrix, scratch: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) -> Bool {
    guard packing(weight) != nil, weight.packed != nil || x.rows > 2 else { return false }
    if try few(
      x, norm: norm, epsilon: epsilon, weight, bias: nil, scale: nil, accumulate: false, into: out)
    {
      return true
    }
    let normed = try rmsNormParts(x, weight: norm, epsilon: epsilon, at: scratch.address)
    try product(normed, weight, ProductEnd(out: out))
    return true
  }

  package func feedForward(
    _ out: CUDATensor, norm: CUDATensor, epsilon: Float, gateUp: CUDAMatrix, down: CUDAMatrix,
    scale: CUDATensor?, scratch: CUDATensor, wide: CUDATensor, activated: CUDATensor
  ) throws(CUDAError) {
    precondition(gateUp.columns == out.columns && down.rows == out.columns)
    precondition(2 * activated.columns == gateUp.rows && activated.rows == out.rows)
    guard packing(gateUp) != nil, packing(down) != nil, gateUp.packed != nil || out.rows > 2 else {
      try rmsNormSwiGLU(
        out, norm: norm, epsilon: epsilon, gateUp: gateUp, scratch: scratch, wide: wide,
        into: activated)
      return try linearAdd(activated, down, bias: nil, scale: scale, into: out)
    }
    if let packed = gateUp.packed, packed.k == 512, out.rows <= 4 {
      try launch(
        "small_batch_swiglu_2_\(out.rows == 3 ? 4 : out.rows)",
        grid: CUDAGrid((activated.columns + 7) / 8), block: 128, out.address, norm.address,
        epsilon, gateUp.address, UInt64(0), UInt64(0), Int32(0), activated.address,
        Int32(out.rows), Int32(activated.columns))
      return try linearAdd(activated, down, bias: nil, scale: scale, into: out)
    }
    let normed = try rmsNormParts(out, weight: norm, epsilon: epsilon, at: scratch.address)
    let inner = PartRows(activated)
    try product(normed, gateUp, ProductEnd(flags: .gated, parts: inner))
    try product(inner, down, ProductEnd(scale: scale, flags: .accumulate, out: out))
  }
}
