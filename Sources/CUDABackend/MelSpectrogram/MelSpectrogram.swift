// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func melSpectrogram(
    _ samples: [Float], _ bank: MelBank<CUDATensor, CUDAIndices>, scratch: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    let frames = bank.spectrogram.frameCount(samples.count)
    precondition(samples.count >= MelSpectrogram.fewestSamples, "too few samples to reflect")
    precondition(samples.count <= scratch.count && out.rows == frames)
    precondition(out.columns == bank.weights.rows)
    try write(samples, to: scratch)
    try launch(
      "mel_spectrogram", grid: CUDAGrid(frames), block: 256, scratch.address, Int32(samples.count),
      bank.weights.address, bank.firsts.address, Int32(bank.weights.columns),
      Int32(MelSpectrogram.binCount), out.address, Int32(out.columns))
  }
}
