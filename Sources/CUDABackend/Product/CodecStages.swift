// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

// Stages of the codec whose activations pass from product to product in parts. The histories of
// `decoderBlock` hold parts, which are as large as the numbers and zero where those are.

extension CUDABackend {
  package func latentUpsampling(
    _ x: CUDATensor, _ stage: LatentUpsampling<CUDABackend>, history: CUDATensor,
    inner: CUDATensor, wide: CUDATensor, into out: CUDATensor
  ) throws(CUDAError) {
    let (first, expand, contract) = (stage.transposed, stage.expand, stage.contract)
    precondition(out.rows == x.rows * stage.stride && inner.count == out.count)
    precondition(history.rows == stage.depthwise.columns - 1 && wide.rows == out.rows)
    guard first.weight.packed?.taps == 1, expand.weight.packed != nil, contract.weight.packed != nil
    else {
      try transposedConvolution(
        x, history: nil, weight: first.weight, bias: first.bias, stride: stage.stride, into: out)
      try depthwiseConvolution(
        out, history: history, weight: stage.depthwise, bias: stage.depthwiseBias, into: inner)
      try layerNorm(inner, weight: stage.norm, bias: stage.normBias, epsilon: 1e-6, into: inner)
      try linear(inner, expand.weight, bias: expand.bias, into: wide)
      try gelu(wide)
      return try linearAdd(
        wide, contract.weight, bias: contract.bias, scale: stage.gamma, into: out)
    }
    let source = try rowParts(x, at: inner.address)
    try product(source, first.weight, ProductEnd(bias: first.bias, out: out))
    try launch(
      "depthwise_layer_norm_split", grid: CUDAGrid(out.rows), block: rowBlock(out.columns), out.address,
      history.address, stage.depthwise.address, stage.depthwiseBias.address, stage.norm.address,
      stage.normBias.address, Float(1e-6), inner.address, Int32(out.columns),
      Int32(stage.depthwise.columns))
    try product(
      PartRows(inner), expand.weight, keeping: KeptHistory(x: out, history: history),
      ProductEnd(bias: expand.bias, flags: .gelu, parts: PartRows(wide)))
    try product(
      PartRows(wide), contract.weight,
      ProductEnd(bias: contract.bias, scale: stage.gamma, flags: .accumulate, out: out))
  }

  package func decoderBlock(
    _ x: CUDATensor, _ block: DecoderBlock<CUDABackend>, history: CUDATensor,
    unitHistories: [CUDATensor], inner: CUDATensor, scratch: (CUDATensor, CUDATensor),
    into out: CUDATensor
  ) throws(CUDAError) {
    let weights =
      [block.transposed.weight]
      + block.units.flatMap { [$0.dilated.weight, $0.pointwise.weight] }
    guard let first = block.units.first, weights.allSatisfy({ $0.packed != nil }) else {
      return try plainDecoderBlock(
        x, block, history: history, unitHistories: unitHistories, inner: inner,
        scratch: scratch.0, into: out)
    }
    precondition(out.rows == x.rows * block.stride && inner.count == out.count)
    precondition(scratch.0.count == out.count && scratch.1.count == out.count)
    let source = try rowParts(
      x, snake: (block.snake.alpha, block.snake.inverseBeta), at: x.address)
    // Inputs of the units, by turns; the second must not lie where the first history is kept from.
    var (input, next) = (scratch.1, scratch.0)
    try product(
      source, history: history, block.transposed.weight,
      ProductEnd(
        bias: block.transposed.bias, out: out, parts: PartRows(input),
        snake: (first.first.alpha, first.first.inverseBeta)))
    var kept = KeptHistory(x: x, history: history)
    for (index, unit) in block.units.enumerated() {
      try product(
        PartRows(input), history: unitHistories[index], dilation: unit.dilation,
        unit.dilated.weight, keeping: index == 0 ? kept : nil,
        ProductEnd(
          bias: unit.dilated.bias, parts: PartRows(inner),
          snake: (unit.second.alpha, unit.second.inverseBeta)))
      kept = KeptHistory(x: input, history: unitHistories[index])
      var end = ProductEnd(bias: unit.pointwise.bias, flags: .accumulate, out: out)
      if index + 1 < block.units.count {
        let following = block.units[index + 1].first
        end.parts = PartRows(next)
        end.snake = (following.alpha, following.inverseBeta)
      }
      try product(PartRows(inner), unit.pointwise.weight, keeping: kept, end)
      (input, next) = (next, input)
    }
  }

  private func plainDecoderBlock(
    _ x: CUDATensor, _ block: DecoderBlock<CUDABackend>, history: CUDATensor,
    unitHistories: [CUDATensor], inner: CUDATensor, scratch: CUDATensor, into out: CUDATensor
  ) throws(CUDAError) {
    try snake(x, alpha: block.snake.alpha, inverseBeta: block.snake.inverseBeta, into: x)
    try transposedConvolution(
      x, history: history, weight: block.transposed.weight, bias: block.transposed.bias,
      stride: block.stride, into: out)
    for (unit, history) in zip(block.units, unitHistories) {
      try snakeConvolution(
        out, alpha: unit.first.alpha, inverseBeta: unit.first.inverseBeta, history: history,
        weight: unit.dilated.weight, bias: unit.dilated.bias, kernel: 7, dilation: unit.dilation,
        scratch: scratch, into: inner)
      try snake(
        inner, alpha: unit.second.alpha, inverseBeta: unit.second.inverseBeta, into: inner)
      try linearAdd(
        inner, unit.pointwise.weight, bias: unit.pointwise.bias, scale: nil, into: out)
    }
  }

  package func snakeConvolution(
    _ x: CUDATensor, alpha: CUDATensor, inverseBeta: CUDATensor, history: CUDATensor,
    weight: CUDAMatrix, bias: CUDATensor, kernel: Int, dilation: Int, scratch: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    guard weight.rows == 1, weight.suffix == "f32", dilation == 1, kernel > 1, kernel <= 8,
      x.columns <= 128, x.columns % 2 == 0, x.rows >= kernel - 1
    else {
      try snake(x, alpha: alpha, inverseBeta: inverseBeta, into: scratch)
      return try causalConvolution(
        scratch, history: history, weight: weight, bias: bias, kernel: kernel, dilation: dilation,
        into: out)
    }
    precondition(scratch.count >= history.count && history.rows == kernel - 1)
    try launch(
      "snake_convolution", grid: CUDAGrid((x.rows + 15) / 16), block: 256, x.address,
      alpha.address, inverseBeta.address, history.address, weight.address, bias.address,
      out.address, scratch.address, Int32(x.rows), Int32(x.columns), Int32(kernel))
    try launch("copy", over: history.count, scratch.address, history.address, history.count)
  }
}
