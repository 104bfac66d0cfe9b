// SPDX-License-Identifier: MIT

/// What the codec decoder is made of, besides its transformer.
package protocol CodecBackend: TransformerBackend {
  // MARK: Gather

  /// `out[r] = Σ_g scale[i] · table[i]` with `i = g · entries + codes[r · width + g]`, over the
  /// codebooks `g` of `range`; `table` holds codebooks of `entries` rows each, in order.
  func gatherSum(
    _ table: Matrix, entries: Int, scale: Tensor, codes: Indices, width: Int, range: Range<Int>,
    into out: Tensor
  ) throws(Failure)

  // MARK: CausalConvolution

  /// Causal convolution over time, `out[t] = bias + Σ_j W[:, :, j] · xx[t + j · dilation]`, with
  /// `xx` the `history` followed by `x`; afterwards `history` holds the last rows of `xx`. Where there are
  /// several streams, all this is so for the rows and the history of each, and `x` is lost.
  ///
  /// `x` is `[time, inputs]`, `history` `[(kernel − 1) · dilation, inputs]`, the weight
  /// `[outputs, inputs · kernel]` as stored, kernel index fastest.
  func causalConvolution(
    _ x: Tensor, history: History, weight: Matrix, bias: Tensor, kernel: Int, dilation: Int,
    into out: Tensor
  ) throws(Failure)
  /// *Fused.* `snake`, then `causalConvolution`, with `scratch` as large as `x`.
  func snakeConvolution(
    _ x: Tensor, _ snake: SnakeWeights<Tensor>, history: History, weight: Matrix, bias: Tensor,
    kernel: Int, dilation: Int, scratch: Tensor, into out: Tensor
  ) throws(Failure)

  // MARK: TransposedConvolution

  /// Causal transposed convolution: `out[t·stride + j] = bias + W[:, :, j]ᵀ x[t]`, plus
  /// `W[:, :, j + stride]ᵀ x[t−1]` when the kernel is twice the stride.
  ///
  /// The weight is `[inputs, outputs · kernel]` as stored, kernel index fastest. `history`,
  /// `[1, inputs]`, is row −1 and holds the last row afterwards; `nil` when kernel and stride agree.
  func transposedConvolution(
    _ x: Tensor, history: History?, weight: Matrix, bias: Tensor, stride: Int,
    into out: Tensor
  ) throws(Failure)

  // MARK: DepthwiseConvolution

  /// Depthwise causal convolution: `out[t, c] = bias[c] + Σ_j weight[c, j] · xx[t + j, c]`, with
  /// `xx` as for `causalConvolution`.
  ///
  /// `weight` is `[channels, kernel]`, `history` `[kernel − 1, channels]`.
  func depthwiseConvolution(
    _ x: Tensor, history: History, weight: Tensor, bias: Tensor, into out: Tensor
  ) throws(Failure)

  // MARK: LayerNorm

  /// `out[r] = (x[r] − mean) / sqrt(variance + epsilon) · weight + bias`. `out` may be `x`.
  func layerNorm(
    _ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Float, into out: Tensor
  ) throws(Failure)

  // MARK: Activation

  /// `x = x/2 · (1 + erf(x/√2))`, in place.
  func gelu(_ x: Tensor) throws(Failure)
  /// `x = min(max(x, −1), 1)`, in place.
  func clamp(_ x: Tensor) throws(Failure)

  // MARK: Snake

  /// `out = x + sin²(x · alpha) · inverseBeta`, both per column. `out` may be `x`.
  func snake(_ x: Tensor, _ weights: SnakeWeights<Tensor>, into out: Tensor) throws(Failure)

  // MARK: LatentUpsampling

  /// *Fused.* A stage of the codec that lengthens by a transposed convolution and refines by a
  /// ConvNeXt block, from `x` into `out`. `inner` is as large as `out`, `wide` four times as wide.
  func latentUpsampling(
    _ x: Tensor, _ stage: LatentUpsampling<Tensor, Matrix>, history: History, inner: Tensor,
    wide: Tensor, into out: Tensor
  ) throws(Failure)

  // MARK: DecoderBlock

  /// *Fused.* A block of the codec: Snake, a transposed convolution, residual units; from `x`, which
  /// is lost, into `out`. Two `scratch` tensors and `inner` are as large as `out`; the first of them
  /// may lie where `x` does. What the histories hold is the backend's.
  func decoderBlock(
    _ x: Tensor, _ block: DecoderBlock<Tensor, Matrix>, history: History,
    unitHistories: [History], inner: Tensor, scratch: (Tensor, Tensor), into out: Tensor
  ) throws(Failure)
}

/// A Snake activation's numbers, one a channel.
package struct SnakeWeights<Tensor: BackendTensor> {
  package let alpha: Tensor
  package let inverseBeta: Tensor

  package init(alpha: Tensor, inverseBeta: Tensor) {
    self.alpha = alpha
    self.inverseBeta = inverseBeta
  }
}

/// A convolution's weight and bias.
package struct Convolution<Tensor: BackendTensor, Matrix> {
  package let weight: Matrix
  package let bias: Tensor

  package init(weight: Matrix, bias: Tensor) {
    self.weight = weight
    self.bias = bias
  }
}

/// A transposed convolution of stride 2 and a ConvNeXt block.
package struct LatentUpsampling<Tensor: BackendTensor, Matrix> {
  package let stride: Int
  package let transposed: Convolution<Tensor, Matrix>
  /// `[channels, kernel]`.
  package let depthwise: Tensor
  package let depthwiseBias: Tensor
  package let norm: Tensor
  package let normBias: Tensor
  package let expand: Convolution<Tensor, Matrix>
  package let contract: Convolution<Tensor, Matrix>
  package let gamma: Tensor
}

/// `x + pointwise(snake2(dilated(snake1(x))))`; the dilated convolution has a kernel of 7.
package struct ResidualUnit<Tensor: BackendTensor, Matrix> {
  package let dilation: Int
  package let first: SnakeWeights<Tensor>
  package let dilated: Convolution<Tensor, Matrix>
  package let second: SnakeWeights<Tensor>
  package let pointwise: Convolution<Tensor, Matrix>
}

/// Snake, a transposed convolution that halves the channels, three residual units.
package struct DecoderBlock<Tensor: BackendTensor, Matrix> {
  /// Of the output.
  package let channels: Int
  package let stride: Int
  package let snake: SnakeWeights<Tensor>
  package let transposed: Convolution<Tensor, Matrix>
  package let units: [ResidualUnit<Tensor, Matrix>]
}
