// SPDX-License-Identifier: MIT

/// What the encoders of cloned voices need, besides the codec's operations.
///
/// They run once for a voice, so each is defined on the host (`EncoderBackend+Definitions.swift`); a
/// backend overrides what is worth it.
package protocol EncoderBackend: MemoryBackend {
  // MARK: Activation

  /// `out[i] = function(x[i])`. `out` may be `x`.
  func activate(_ x: Tensor, _ function: Activation, into out: Tensor) throws(Failure)

  // MARK: Add

  /// `out[r] += scale · x[r]`, `scale` per column.
  func addScaled(_ x: Tensor, scale: Tensor, into out: Tensor) throws(Failure)

  // MARK: StatisticsPooling

  /// Mean and deviation of each column over the rows, `[1, 2 · columns]`:
  /// `mean = Σ_r w[r] x[r]`, `deviation = sqrt(max(Σ_r w[r] (x[r] − mean)², 1e-12))`.
  ///
  /// The weights of a column are the softmax of its `scores` over the rows, or all equal.
  func statisticsPooling(_ x: Tensor, scores: Tensor?, into out: Tensor) throws(Failure)

  // MARK: Argmax

  /// `out[r]` is the column of the largest entry of row `r`, the first of equal ones.
  func argmax(_ x: Tensor, into out: Indices) throws(Failure)

  // MARK: MelSpectrogram

  /// *Host.* The mel bands of a recording, `[frames, bandCount]`. `scratch` has room for the
  /// samples.
  func melSpectrogram(
    _ samples: [Float], _ bank: MelBank<Tensor, Indices>, scratch: Tensor, into out: Tensor
  ) throws(Failure)
}

/// A function of one number.
package enum Activation: Sendable, CaseIterable {
  /// `max(x, 0)`
  case relu
  /// `x` above 0, `e^x − 1` below.
  case elu
  /// `1 / (1 + e^−x)`
  case sigmoid
  /// `tanh(x)`
  case tanh

  package func callAsFunction(_ x: Float) -> Float {
    switch self {
    case .relu: max(x, 0)
    case .elu: x > 0 ? x : Math.expMinusOne(x)
    case .sigmoid: 1 / (1 + Math.exp(-x))
    case .tanh: Math.tanh(x)
    }
  }
}

/// A mel spectrogram with its filters in a backend's memory.
package struct MelBank<Tensor: BackendTensor, Indices: BackendIndices> {
  package let spectrogram: MelSpectrogram
  /// Weights of each band, `[bandCount, widest filter]`, zeros after its last.
  package let weights: Tensor
  /// The first bin of each band.
  package let firsts: Indices
}
