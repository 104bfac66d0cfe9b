// SPDX-License-Identifier: MIT

import CUDA
import SpeechModel

/// Rows in split bf16, as many bytes as the F32 rows that they stand for (SplitBF16.cuh).
struct SplitRows {
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

extension CUDABackend {
  /// The rows of `history` followed by those of `x`, split; after a snake when there is one. May
  /// overwrite `x`.
  func splitRows(
    _ x: CUDATensor, history: CUDATensor? = nil, snake: SnakeWeights<CUDATensor>? = nil,
    at address: UInt64
  ) throws(CUDAError) -> SplitRows {
    let rows = x.rows + (history?.rows ?? 0)
    try launch(
      "split_rows", grid: CUDAGrid(rows), block: rowThreads(x.columns), x.address,
      history?.address ?? 0, Int32(history?.rows ?? 0), snake?.alpha.address ?? 0,
      snake?.inverseBeta.address ?? 0, address, Int32(x.columns))
    return SplitRows(address: address, rows: rows, columns: x.columns)
  }

  /// Threads for a row, each of which takes at most eight pairs (`ROW_PAIRS`).
  func rowThreads(_ columns: Int) -> Int {
    precondition(columns % 2 == 0 && columns <= 16_384, "a block holds a row")
    let least = (columns / 2 + 7) / 8
    return min(1024, (max(least, min(columns / 2, 256)) + 31) / 32 * 32)
  }
}
