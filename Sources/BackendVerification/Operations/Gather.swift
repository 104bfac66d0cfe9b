// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
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
    try scattered()

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

  /// Rows that go to places of others, or to none.
  private mutating func scattered() throws {
    for columns in [1, 130] {
      let out = try input(11, columns)
      try backend.scatterRows(
        try input(5, columns), ids: try indices([10, -1, 0, 7, -1], stride: 2), into: out)
      try expect(out, "scatterRows of \(columns)", within: .exact)
    }
    for width in [1, 16] {
      let all = try indices(random.ids(9 * width, below: 2048), stride: 2)
      let some = try indices([Int32](repeating: -7, count: 5 * width))
      try backend.gatherIndices(
        all, width: width, ids: try indices([8, 0, 3, 3, 5], stride: 3), into: some)
      try expect(some, "gatherIndices of \(width)")
      try backend.scatterIndices(
        some, width: width, ids: try indices([1, -1, 0, 8, -1]), into: all)
      try expect(all, "scatterIndices of \(width)")
    }
  }
}
