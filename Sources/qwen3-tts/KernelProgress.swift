// SPDX-License-Identifier: MIT

import CUDA
import ModelFiles
import ModelStore
import Qwen3TTS
import SpeechModel
import Synchronization

/// Says that kernels are being compiled: the first start with a GPU takes seconds longer than all others.
enum KernelProgress {
  private struct State {
    var begun = 0
    var done = 0
    var start = ContinuousClock.now
  }

  private static let state = Mutex(State())

  /// Listens from now on.
  static func show() {
    KernelCache.standard.listen { step in
      // Lines are written one at a time, by whichever thread it is.
      state.withLock { state in
        switch step {
        case .began:
          if state.begun == state.done { state = State() }
          state.begun += 1
          if isTerminal {
            draw(state)
          } else if state.begun == 1 {
            printMessage("Compiling kernels for this GPU, which is done once.")
          }
        case .ended:
          state.done += 1
          if isTerminal { draw(state) }
          if state.done == state.begun {
            let seconds = (ContinuousClock.now - state.start).seconds
            printMessage(
              (isTerminal ? "\r\u{1B}[K" : "")
                + "Compiled \(state.done) kernel programs in \(tenths(seconds)) s; they are kept.")
          }
        }
      }
    }
  }

  private static func draw(_ state: State) {
    drawOnTerminal(
      "\rCompiling kernels for this GPU, which is done once: \(state.done) of \(state.begun) \u{1B}[K"
    )
  }

  private static func tenths(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }

  /// Compiles what the bundled voice and the models on this machine need.
  ///
  /// - Returns: The models' names.
  /// - Throws: `SynthesisError` `deviceUnavailable` where there is no GPU that can be used.
  static func prepare(_ store: ModelStore) throws -> [String] {
    let folders = store.present.compactMap { name in
      store.model(named: name).map { (name.short, $0) }
    }
    // A damaged model is reported where it is used.
    let models = folders.compactMap { name, folder in
      (try? Checkpoint(folder: folder)).map { (name, $0.configuration) }
    }
    let bundled = try? Checkpoint(model: nil).configuration
    try OpenedEngine.prepareKernels(
      for: ([bundled].compactMap(\.self)) + models.map { $0.1 })
    return (bundled == nil ? [] : ["the bundled voice"]) + models.map { $0.0 }
  }
}
