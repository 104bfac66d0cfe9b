// SPDX-License-Identifier: MIT

public import ArgumentParser
package import CUDA

public import Qwen3TTS

/// As which architecture a GPU runs.
struct ArchitectureArguments: ParsableArguments {
  @Option(
    name: .customLong("architecture"),
    help: """
      Run the GPU as an older one, with its kernels and limits: 80, 86, 87, 89… It takes the \
      way that such a card takes, at this card's speed.
      """)
  var architecture: Architecture?

  /// Refuses what can never be.
  func check(_ device: SpeechDevice) throws {
    guard let architecture else { return }
    guard device != .cpu else {
      throw ValidationError("--architecture is of a GPU, not of --device cpu.")
    }
    guard Architecture.known.contains(architecture) else {
      let known = Architecture.known.map { String($0.number) }.joined(separator: ", ")
      throw ValidationError(
        "--architecture: expected one of \(known), found \(architecture.number).")
    }
  }
}

extension Architecture: ExpressibleByArgument {
  package init?(argument: String) {
    guard let number = Int(argument) else { return nil }
    self.init(number: number)
  }
}

extension KVPrecision: ExpressibleByArgument {
  /// What `--kv-precision` says in every command.
  static var help: ArgumentHelp {
    """
    How keys and values are kept: f32, exact; bf16, half the memory; or auto, which is f32 on the CPU and \
    on a GPU as the weights are stored.
    """
  }
}
