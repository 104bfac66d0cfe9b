// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  /// A step of independent rows: five kernels a layer. A norm is no kernel of its own: a product leaves its
  /// sums times the norm's weight and their squares, and the next one divides (`GEMM.cu`).
  package func transformerLayers(
    _ layers: [TransformerLayer<CUDABackend>], epsilon: Float,
    _ work: TransformerWorkspace<CUDABackend>, rows map: RowMap<CUDAIndices>, cache: CUDACache,
    then head: NormedHead<CUDATensor, CUDAMatrix>?
  ) throws(CUDAError) {
    guard independentRows, map.areOfDifferentSlots, let first = layers.first,
      layers.allSatisfy({ hasBatchedStep($0) }), head.map({ isStep($0.weight) }) ?? true
    else {
      return try composedTransformerLayers(
        layers, epsilon: epsilon, work, rows: map, cache: cache, then: head)
    }
    let x = SplitRows(work.normed)
    let norm = GEMMNorm(
      squares: work.wide.reshaped(rows: work.wide.count, columns: 1)
        .rows(0..<x.rows * x.columns / GEMMNorm.columns), epsilon: epsilon)
    try rmsGainSplit(work.hidden, weight: first.inputNorm, into: x, squares: norm.squares)
    for (index, layer) in layers.enumerated() {
      // After the last layer comes the head's norm.
      let next = index + 1 < layers.count ? layers[index + 1].inputNorm : head?.norm
      try gemm(x, layer.qkv, after: norm, GEMMEpilogue(out: work.qkv))
      let attended = SplitRows(work.attended)
      try batchAttention(
        work.qkv, layer.attention, rows: map, cache: CacheLayer(cache, layer: index),
        into: attended)
      var add = GEMMEpilogue(flags: .accumulate, out: work.hidden, split: x)
      add.gain = (layer.postNorm, norm)
      try gemm(attended, layer.output, add)
      let activated = SplitRows(work.activated)
      try gemm(x, layer.gateUp, after: norm, GEMMEpilogue(flags: .swiGLU, split: activated))
      add.gain = next.map { ($0, norm) }
      if next == nil { add.split = nil }
      try gemm(activated, layer.down, add)
    }
    guard let head else { return }
    let bytes = UInt64(4 * head.rows.lowerBound)
    try gemm(
      SplitRows(
        address: x.address + bytes * UInt64(x.columns), rows: head.rows.count, columns: x.columns),
      head.weight,
      after: GEMMNorm(
        squares: norm.squares.rows(
          head.rows.lowerBound * x.columns / GEMMNorm.columns..<norm.squares.rows),
        epsilon: epsilon), GEMMEpilogue(out: head.scores))
  }

  /// Whether the layer's products and attention have kernels for rows of a step.
  private func hasBatchedStep(_ layer: TransformerLayer<CUDABackend>) -> Bool {
    [layer.qkv, layer.output, layer.gateUp, layer.down].allSatisfy { isStep($0) }
      && layer.attentionScale == nil && layer.feedForwardScale == nil
      && hasBatchAttention(layer.attention.shape)
  }

  private func isStep(_ weight: CUDAMatrix) -> Bool {
    guard weight.format == .stored(.bf16), let layout = weight.gemmLayout else { return false }
    return layout.taps == 1 && weight.columns % GEMMNorm.columns == 0
      && weight.rows % GEMMNorm.columns == 0
  }
}
