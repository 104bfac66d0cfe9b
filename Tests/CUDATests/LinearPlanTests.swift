// SPDX-License-Identifier: MIT

import CUDA
import CUDABackend
import Testing

/// Which kernel multiplies what: the table of docs/kernels.md.
@Suite struct LinearPlanTests {
  typealias Form = LinearProduct.Form

  static func plan(
    _ form: Form, rows: Int, _ weight: (rows: Int, columns: Int), _ format: WeightFormat,
    hasBias: Bool = false, hasScale: Bool = false, streamsWeights: Bool = true,
    independentRows: Bool = false
  ) -> LinearPlan? {
    LinearPlan(
      LinearProduct(
        form, rows: rows, weightRows: weight.rows, weightColumns: weight.columns, format: format,
        hasBias: hasBias, hasScale: hasScale), streamsWeights: streamsWeights,
      independentRows: independentRows)
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

  @Test(arguments: Form.allCases)
  func `independent rows have one kernel, however many there are`(_ form: Form) {
    for (weight, format, expected) in [
      ((1024, 1024), WeightFormat.stored(.bf16), LinearPlan.gemm),
      ((1536, 512), Self.split(1536, 512), .gemm), ((64, 100), .stored(.f32), .gemmFallback),
      ((63, 640), .stored(.bf16), .gemmFallback), ((64, 100), .exact(taps: 1), .exactGEMM),
    ] {
      let isPlain = form == .store || form == .add
      for rows in [1, 2, 3, 8, 9, 64, 300] {
        #expect(
          Self.plan(form, rows: rows, weight, format, independentRows: true)
            == (isPlain || expected == .gemm ? expected : nil), "\(rows) rows, \(format)")
      }
    }
  }

  /// The released models' weights, and odd ones: outputs, inputs, taps, planes, with SwiGLU.
  static let products = [
    (4096, 1024, 1, 1, false), (1024, 2048, 1, 1, false), (6144, 1024, 1, 1, true),
    (1024, 3072, 1, 1, false), (12288, 2048, 1, 1, true), (2048, 6144, 1, 1, false),
    (3072, 2048, 1, 1, false), (66, 40, 1, 1, false), (1024, 512, 1, 2, false),
    (1024, 512, 3, 2, false), (96, 96, 7, 2, false), (192, 384, 2, 2, false),
  ]

  @Test(arguments: [80, 89, 90, 120], products)
  func `independent rows are summed in one order`(
    _ number: Int, _ product: (Int, Int, Int, Int, Bool)
  ) {
    let (outputs, inputs, taps, planes, swiGLU) = product
    let architecture = Architecture(number: number)
    let room = (partials: 2 << 20, tiles: 1 << 12)
    let layout = GEMMLayout(outputs: outputs, inputs: inputs, taps: taps)
    let splits = GEMMPlan.splits(
      layout, planes: planes, swiGLU: swiGLU, architecture: architecture, room: room)
    for rows in [1, 2, 7, 8, 9, 16, 17, 64, 100, GEMMPlan.rowsOfTurn] {
      for processors in [16, 108, 132] {
        let plan = GEMMPlan(
          m: rows, n: swiGLU ? outputs / 2 : outputs, k: taps * inputs, planes: planes,
          swiGLU: swiGLU, processors: processors, architecture: architecture, room: room,
          splits: splits)
        #expect(plan.grid.z == splits)
        // Where partial sums go through memory, there is room for them.
        let partials = plan.grid.x * plan.grid.y * splits * plan.tile.rows * plan.tile.columns
        #expect(splits == 1 || architecture.hasClusters || partials <= room.partials)
      }
    }
  }

  @Test(arguments: [80, 86, 90, 120], products)
  func `a step of few voices fits the device at once and adds in the same order`(
    _ number: Int, _ product: (Int, Int, Int, Int, Bool)
  ) {
    let (outputs, k, _, planes, swiGLU) = product
    guard planes == 1 else { return }
    let architecture = Architecture(number: number)
    let layout = GEMMLayout(outputs: outputs, inputs: k, taps: 1)
    let n = swiGLU ? outputs / 2 : outputs
    let splits = GEMMPlan.splits(
      layout, planes: 1, swiGLU: swiGLU, architecture: architecture, room: (2 << 20, 1 << 12))
    for rows in [1, 2, 8, 9, 16, 33, 64] {
      guard
        let plan = StepGEMMPlan(
          m: rows, n: n, k: k, swiGLU: swiGLU, splits: splits, processors: 132,
          architecture: architecture)
      else { continue }
      // Segments of whole chunks, and splits of whole segments, as GEMM.cu walks them.
      let segment = StepGEMMPlan.chunksPerSegment(k: k) ?? 0
      #expect(8 * 64 * segment == k && plan.segmentsPerSplit * splits == 8)
      #expect(((k / 64 + splits - 1) / splits) % segment == 0)
      let own = swiGLU ? plan.tile.columns / 2 : plan.tile.columns
      #expect(plan.grid.x * own >= n && plan.grid.y * plan.tile.rows >= rows)
      // The block's rows of the weight are there as a whole.
      #expect(plan.sharedBytes > 2 * k * plan.tile.columns)
      #expect(plan.sharedBytes <= StepGEMMPlan.mostSharedBytes(architecture))
    }
  }

  /// The products of the code predictor, which runs fifteen times a frame, and of the smaller talker, and the
  /// most rows that they have a kernel of a step for.
  @Test(arguments: [
    (4096, 1024, false, 32), (1024, 2048, false, 64), (3072, 1024, true, 32),
    (1024, 3072, false, 64), (2048, 1024, false, 64),
  ])
  func `a step of many voices has kernels of its own on an H100`(
    _ n: Int, _ k: Int, _ swiGLU: Bool, _ most: Int
  ) {
    func plan(_ rows: Int) -> StepGEMMPlan? {
      StepGEMMPlan(
        m: rows, n: n, k: k, swiGLU: swiGLU, splits: 2, processors: 132,
        architecture: Architecture(number: 90))
    }
    for rows in [1, 8, 16, most] { #expect(plan(rows) != nil) }
    #expect(plan(most + 32) == nil)
  }

  @Test func `splits of few outputs keep a device with clusters busy`() {
    let architecture = Architecture(number: 90)
    func splits(_ outputs: Int, _ inputs: Int) -> Int {
      GEMMPlan.splits(
        GEMMLayout(outputs: outputs, inputs: inputs, taps: 1), planes: 1, swiGLU: false,
        architecture: architecture, room: (2 << 20, 1 << 12))
    }
    #expect(splits(1024, 3072) > 1 && splits(1024, 2048) > 1)
    #expect(splits(64, 64) == 1)
  }

  /// Products of the released models, and how many blocks share the k of a tile.
  @Test(arguments: [
    (4096, 1024, 2), (1024, 2048, 8), (6144, 1024, 2), (1024, 3072, 8), (4096, 2048, 2),
    (2048, 2048, 4), (12288, 2048, 2), (2048, 6144, 8), (2048, 1024, 4),
  ])
  func `a step's products have splits for 8 to 64 voices`(
    _ outputs: Int, _ inputs: Int, _ expected: Int
  ) {
    let layout = GEMMLayout(outputs: outputs, inputs: inputs, taps: 1)
    let splits = GEMMPlan.splits(
      layout, planes: 1, swiGLU: false, architecture: Architecture(number: 90),
      room: (partials: 2 << 20, tiles: 1 << 12))
    #expect(splits == expected)
  }

  @Test func `blocks that update states are enough for every stream, whatever the tiles`() {
    for rows in [1, 8, 64, 4096] {
      let plan = GEMMPlan(
        m: rows, n: 768, k: 5376, planes: 2, swiGLU: false, processors: 132,
        architecture: Architecture(number: 90), room: (2 << 20, 1 << 12), splits: 2)
      for streams in [nil, 1, 5, 64] {
        let blocks = plan.stateBlocks(columns: 1000, streams: streams) * plan.grid.y
        let units = (1000 + plan.tile.threads - 1) / plan.tile.threads * (streams ?? 1)
        #expect(blocks >= units && blocks < units + plan.grid.y)
      }
      #expect(plan.stateBlocks(columns: 0, streams: nil) == 0)
    }
  }
}
