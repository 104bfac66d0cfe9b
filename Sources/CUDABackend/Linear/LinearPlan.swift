// SPDX-License-Identifier: MIT

/// A product of `rows` rows with a weight, as far as it decides the kernel.
package struct LinearProduct: Equatable, Sendable {
  /// What the kernel does besides multiplying; the name of a `GEMV.cu` kernel says it.
  package enum Form: String, Sendable, CaseIterable {
    /// `out = x Wᵀ + bias`
    case store
    /// `out += scale · (x Wᵀ + bias)`
    case add
    /// `out = rmsNorm(x) Wᵀ`
    case normStore = "norm_store"
    /// `out = swiGLU(rmsNorm(x) Wᵀ)`, the gate's rows of W before the up-projection's
    case normSwiGLU = "norm_swiglu"
  }

  package var form: Form
  /// Rows of x.
  package var rows: Int
  /// The weight as `CUDAMatrix` describes it.
  package var weightRows: Int
  package var weightColumns: Int
  package var format: WeightFormat
  package var hasBias = false
  package var hasScale = false

  package init(
    _ form: Form, rows: Int, weightRows: Int, weightColumns: Int, format: WeightFormat,
    hasBias: Bool = false, hasScale: Bool = false
  ) {
    self.form = form
    self.rows = rows
    self.weightRows = weightRows
    self.weightColumns = weightColumns
    self.format = format
    self.hasBias = hasBias
    self.hasScale = hasScale
  }

  init(
    _ form: Form, rows: Int, _ weight: CUDAMatrix, hasBias: Bool = false, hasScale: Bool = false
  ) {
    self.init(
      form, rows: rows, weightRows: weight.rows, weightColumns: weight.columns,
      format: weight.format, hasBias: hasBias, hasScale: hasScale)
  }
}

/// The kernel for a product: the one place where it is chosen. `docs/kernels.md` shows it as a table.
package enum LinearPlan: Equatable, Sendable {
  /// `GEMV.cu`: one or two rows, a bf16 weight as stored. Bound by the weight's bytes.
  case gemv(GEMVTile)
  /// `SmallBatchGEMV.cu`: one to four rows, a split weight. Bound by the weight's bytes.
  case smallBatchGEMV
  /// `GEMM.cu` over split rows: tensor cores. `GEMMPlan` cuts it into tiles.
  case gemm
  /// `ExactGEMM.cu`: F32 throughout. Bound by multiply-adds in F32.
  case exactGEMM
  /// `GEMMFallback.cu`, a warp per output, for at most so many rows. Bound by the weight's bytes.
  case gemvFallback(rows: Int)
  /// `GEMMFallback.cu`, tiles. Bound by multiply-adds in F32.
  case gemmFallback

  /// The first that fits, in the order of speed; `nil` when no kernel does all of the form, and the
  /// caller runs its parts one by one.
  ///
  /// - Parameters:
  ///   - streamsWeights: Whether decode steps use kernels of their own (`GEMV.cu`).
  ///   - independentRows: Whether the kernel is the same for any number of rows.
  package init?(
    _ product: LinearProduct, streamsWeights: Bool, independentRows: Bool = false
  ) {
    // As many as no kernel for few rows takes.
    let rows = independentRows ? Int.max : product.rows
    if streamsWeights, product.format == .stored(.bf16), !product.hasScale,
      product.form != .add || !product.hasBias,
      let tile = GEMVTile(product.form, k: product.weightColumns, rows: rows)
    {
      self = .gemv(tile)
      return
    }
    let layout = product.format.gemmLayout(rows: product.weightRows, columns: product.weightColumns)
    if let layout, layout.taps == 1 {
      if case .split = product.format {
        let narrow = product.form == .normSwiGLU ? [512] : [256, 512, 1024]
        self = rows <= 4 && narrow.contains(layout.k) ? .smallBatchGEMV : .gemm
        return
      }
      if rows > 2 {
        self = .gemm
        return
      }
    }
    guard product.form == .store || product.form == .add else { return nil }
    switch (product.format, rows) {
    case (_, 1...2): self = .gemvFallback(rows: rows)
    case (_, 3...8): self = .gemvFallback(rows: 8)
    case (.exact, _): self = .exactGEMM
    case (.stored, _), (.split, _): self = .gemmFallback
    }
  }
}

/// A kernel of `GEMV.cu`.
package struct GEMVTile: Equatable, Sendable {
  package let name: String
  /// Outputs of a block of 128 threads.
  package let outputs: Int

  /// `nil` when there is none for so many rows, and products summed for an output.
  init?(_ form: LinearProduct.Form, k: Int, rows: Int) {
    guard k % 1024 == 0, rows == 1 || rows == 2 && k < 6144 else { return nil }
    let thousands = k / 1024
    switch (form, thousands) {
    case (.store, 1), (.normStore, 1): outputs = 16
    case (.store, 2), (.normStore, 2), (.normSwiGLU, 1), (.add, 1...3): outputs = 8
    case (.normSwiGLU, 2), (.add, 6): outputs = 4
    default: return nil
    }
    name = "gemv_\(form.rawValue)_\(thousands)_\(rows)"
  }
}
