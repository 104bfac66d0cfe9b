// SPDX-License-Identifier: MIT

import ModelFiles
import SpeechModel

/// What a model can speak as.
public enum ModelKind: String, Sendable, CaseIterable {
  /// Named voices: CustomVoice models and the bundled voice.
  case customVoice = "CustomVoice"
  /// Cloned voices.
  case base = "Base"
  /// A voice that `SpeechOptions.instruction` describes.
  case voiceDesign = "VoiceDesign"
}

extension SpeechSynthesizer {
  /// The kind of model this is.
  public var kind: ModelKind {
    switch checkpoint.configuration.variant {
    case .customVoice: .customVoice
    case .base: .base
    case .voiceDesign: .voiceDesign
    }
  }

  /// Whether the model does what `SpeechOptions.instruction` asks for; others ignore it.
  public var takesInstructions: Bool { requests.instructionRefusal == nil }
}
