// SPDX-License-Identifier: MIT
#if Server
import Foundation
package import Qwen3TTS

extension SpeechSynthesizer: SpeechEngineClient {
  package func makeVoice(from path: String, options: VoiceOptions) async throws -> VoiceCreation {
    try voice(from: URL(filePath: path), options: options)
  }
}
#endif
