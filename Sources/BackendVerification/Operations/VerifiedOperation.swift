// SPDX-License-Identifier: MIT

/// The operations of `Backend`, each with the inputs it is verified on. The names are those of the
/// rooms: a file here, in `CPUBackend` and in `BackendTests`, a folder in `CUDABackend`.
///
/// A room's requirements stand under its `MARK` in `MemoryBackend`, `TransformerBackend`,
/// `CodecBackend` or `EncoderBackend`; those of `FrameStep` are verified by whole utterances.
package enum VerifiedOperation: String, CaseIterable, Sendable {
  case memory = "Memory"
  case hostExchange = "HostExchange"
  case recording = "Recording"
  case frameRing = "FrameRing"
  case copy = "Copy"
  case add = "Add"
  case increment = "Increment"
  case gather = "Gather"
  case trailingText = "TrailingText"
  case rmsNorm = "RMSNorm"
  case linear = "Linear"
  case swiGLU = "SwiGLU"
  case feedForward = "FeedForward"
  case activation = "Activation"
  case qkNormRopeAppend = "QKNormRoPEAppend"
  case attention = "Attention"
  case transformerLayers = "TransformerLayers"
  case sample = "Sample"
  case causalConvolution = "CausalConvolution"
  case transposedConvolution = "TransposedConvolution"
  case depthwiseConvolution = "DepthwiseConvolution"
  case layerNorm = "LayerNorm"
  case snake = "Snake"
  case latentUpsampling = "LatentUpsampling"
  case decoderBlock = "DecoderBlock"
  case statisticsPooling = "StatisticsPooling"
  case argmax = "Argmax"
  case melSpectrogram = "MelSpectrogram"
}

extension Workbench {
  /// Runs the cases of an operation.
  mutating func run(_ operation: VerifiedOperation) throws {
    switch operation {
    case .memory: try memory()
    case .hostExchange: try hostExchange()
    case .recording: try recording()
    case .frameRing: try frameRing()
    case .copy: try copy()
    case .add: try add()
    case .increment: try increment()
    case .gather: try gather()
    case .trailingText: try trailingText()
    case .rmsNorm: try rmsNorm()
    case .linear: try linear()
    case .swiGLU: try swiGLU()
    case .feedForward: try feedForward()
    case .activation: try activation()
    case .qkNormRopeAppend: try qkNormRopeAppend()
    case .attention: try attention()
    case .transformerLayers: try transformerLayers()
    case .sample: try sample()
    case .causalConvolution: try causalConvolution()
    case .transposedConvolution: try transposedConvolution()
    case .depthwiseConvolution: try depthwiseConvolution()
    case .layerNorm: try layerNorm()
    case .snake: try snake()
    case .latentUpsampling: try latentUpsampling()
    case .decoderBlock: try decoderBlock()
    case .statisticsPooling: try statisticsPooling()
    case .argmax: try argmax()
    case .melSpectrogram: try melSpectrogram()
    }
    try expectSurroundings()
  }
}
