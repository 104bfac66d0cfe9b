// SPDX-License-Identifier: MIT

import CUDABackend
import Testing

/// Which kernel multiplies what: the table of docs/kernels.md.
@Suite struct LinearPlanTests {
  typealias Form = LinearProduct.Form

  static func plan(
    _ form: Form, rows: Int, _ weight: (rows: Int, columns: Int), _ format: WeightFormat,
    hasBias: Bool = false, hasScale: Bool = false, streamsWeights: Bool = true
  ) -> LinearPlan? {
    LinearPlan(
      LinearProduct(
        form, rows: rows, weightRows: weight.rows, weightColumns: weight.columns, format: format,
        hasBias: hasBias, hasScale: hasScale), streamsWeights: streamsWeights)
  }

  static func split(_ outputs: Int, _ inputs: Int) -> WeightFormat {
    .split(GEMMLayout(outputs: outputs, inputs: inputs, taps: 1))
  }

  static func isGEMV(_ plan: LinearPlan?) -> Bool {
    if case .gemv = plan { true } else { false }
  }

  @Test(arguments: [(1, 1024), (2, 1024), (1, 2048), (2, 2048)])
  func `a decode step streams bf16 weights`(_ rows: Int, _ width: Int) {
    for form in Form.allCases {
      #expect(Self.isGEMV(Self.plan(form, rows: rows, (6144, width), .stored(.bf16))), "\(form)")
    }
    #expect(Self.isGEMV(Self.plan(.add, rows: 1, (2048, 6144), .stored(.bf16))))
    #expect(!Self.isGEMV(Self.plan(.add, rows: 2, (2048, 6144), .stored(.bf16))))
  }

  @Test(arguments: Form.allCases)
  func `a prompt's layers are products on tensor cores`(_ form: Form) {
    for rows in [3, 8, 9, 256] {
      #expect(Self.plan(form, rows: rows, (6144, 1024), .stored(.bf16)) == .gemm)
    }
  }

  @Test func `a few rows of a split weight have a kernel where it is narrow`() {
    for rows in 1...4 {
      #expect(Self.plan(.store, rows: rows, (1536, 512), Self.split(1536, 512)) == .smallBatchGEMV)
      #expect(Self.plan(.add, rows: rows, (512, 1024), Self.split(512, 1024)) == .smallBatchGEMV)
      #expect(Self.plan(.store, rows: rows, (512, 768), Self.split(512, 768)) == .gemm)
      #expect(
        Self.plan(.normSwiGLU, rows: rows, (2048, 512), Self.split(2048, 512)) == .smallBatchGEMV)
      #expect(Self.plan(.normSwiGLU, rows: rows, (2048, 256), Self.split(2048, 256)) == .gemm)
    }
    #expect(Self.plan(.store, rows: 5, (1536, 512), Self.split(1536, 512)) == .gemm)
  }

  @Test(arguments: [WeightFormat.stored(.f32), .stored(.f16), .exact(taps: 1)])
  func `other formats fall back, and exact ones keep all bits`(_ format: WeightFormat) {
    for (rows, most) in [(1, 1), (2, 2), (3, 8), (8, 8)] {
      #expect(Self.plan(.store, rows: rows, (64, 100), format) == .gemvFallback(rows: most))
    }
    let many: LinearPlan = format == .exact(taps: 1) ? .exactGEMM : .gemmFallback
    #expect(Self.plan(.add, rows: 9, (64, 100), format, hasBias: true, hasScale: true) == many)
    #expect(Self.plan(.normStore, rows: 1, (64, 100), format) == nil)
    #expect(Self.plan(.normSwiGLU, rows: 9, (64, 100), format) == nil)
  }

  @Test func `what a streaming kernel cannot do goes to another`() {
    let weight = (rows: 1024, columns: 1024)
    #expect(
      Self.plan(.add, rows: 1, weight, .stored(.bf16), hasScale: true) == .gemvFallback(rows: 1))
    #expect(
      Self.plan(.add, rows: 1, weight, .stored(.bf16), hasBias: true) == .gemvFallback(rows: 1))
    #expect(Self.isGEMV(Self.plan(.store, rows: 1, weight, .stored(.bf16), hasBias: true)))
    #expect(
      Self.plan(.store, rows: 1, weight, .stored(.bf16), streamsWeights: false)
        == .gemvFallback(rows: 1))
    // Its width is no multiple of 1024, nor its rows of 2.
    #expect(Self.plan(.store, rows: 1, (64, 640), .stored(.bf16)) == .gemvFallback(rows: 1))
    #expect(Self.plan(.store, rows: 9, (63, 640), .stored(.bf16)) == .gemmFallback)
  }
}
