// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  /// With split weights the activations pass from product to product as split rows, and the histories
  /// hold split rows, which are as large as F32 ones and zero where those are.
  package func decoderBlock(
    _ x: CUDATensor, _ block: DecoderBlock<CUDATensor, CUDAMatrix>, history: History,
    unitHistories: [History], inner: CUDATensor, scratch: (CUDATensor, CUDATensor),
    into out: CUDATensor
  ) throws(CUDAError) {
    let history = own(history)
    let unitHistories = unitHistories.map { own($0) }
    let weights =
      [block.transposed.weight]
      + block.units.flatMap { [$0.dilated.weight, $0.pointwise.weight] }
    guard let first = block.units.first, weights.allSatisfy({ $0.isSplit }) else {
      return try composedDecoderBlock(
        x, block, history: history, unitHistories: unitHistories, inner: inner,
        scratch: scratch.0, into: out)
    }
    precondition(out.rows == x.rows * block.stride && inner.count == out.count)
    precondition(scratch.0.count == out.count && scratch.1.count == out.count)
    let source = try splitRows(x, snake: block.snake, at: x.address)
    // Inputs of the units, alternating; the second must not overwrite `x`, from which the first state
    // is updated.
    var (input, next) = (scratch.1, scratch.0)
    try gemm(
      source, history: history, block.transposed.weight,
      GEMMEpilogue(
        bias: block.transposed.bias, out: out, split: SplitRows(input), snake: first.first))
    var update = StateUpdate(x: x, state: history)
    for (index, unit) in block.units.enumerated() {
      try gemm(
        SplitRows(input), history: unitHistories[index], dilation: unit.dilation,
        unit.dilated.weight, updating: index == 0 ? update : nil,
        GEMMEpilogue(bias: unit.dilated.bias, split: SplitRows(inner), snake: unit.second))
      update = StateUpdate(x: input, state: unitHistories[index])
      var end = GEMMEpilogue(bias: unit.pointwise.bias, flags: .accumulate, out: out)
      if index + 1 < block.units.count {
        end.split = SplitRows(next)
        end.snake = block.units[index + 1].first
      }
      try gemm(SplitRows(inner), unit.pointwise.weight, updating: update, end)
      (input, next) = (next, input)
    }
  }
}
