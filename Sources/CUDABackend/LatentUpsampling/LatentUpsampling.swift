// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  /// With split weights the activations pass from product to product as split rows.
  package func latentUpsampling(
    _ x: CUDATensor, _ stage: LatentUpsampling<CUDATensor, CUDAMatrix>, history: History,
    inner: CUDATensor, wide: CUDATensor, into out: CUDATensor
  ) throws(CUDAError) {
    let history = own(history)
    let (first, expand, contract) = (stage.transposed, stage.expand, stage.contract)
    precondition(out.rows == x.rows * stage.stride && inner.count == out.count)
    precondition(history.rows == stage.depthwise.columns - 1 && wide.rows == out.rows)
    guard first.weight.isSplit, first.weight.gemmLayout?.taps == 1, expand.weight.isSplit,
      contract.weight.isSplit
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
    let source = try splitRows(x, at: inner.address)
    try gemm(source, first.weight, GEMMEpilogue(bias: first.bias, out: out))
    try launch(
      "depthwise_layer_norm_split", grid: CUDAGrid(out.rows), block: rowThreads(out.columns),
      out.address, history.address, stage.depthwise.address, stage.depthwiseBias.address,
      stage.norm.address,
      stage.normBias.address, Float(1e-6), inner.address, Int32(out.columns),
      Int32(stage.depthwise.columns), history.map, history.frameRows(out), history.slotStride)
    try gemm(
      SplitRows(inner), expand.weight, updating: StateUpdate(x: out, state: history),
      GEMMEpilogue(bias: expand.bias, flags: .gelu, split: SplitRows(wide)))
    try gemm(
      SplitRows(wide), contract.weight,
      GEMMEpilogue(bias: contract.bias, scale: stage.gamma, flags: .accumulate, out: out))
  }
}
