// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func melSpectrogram() throws {
    let fewest = MelSpectrogram.fewestSamples
    for (bandCount, sampleCount) in [(128, fewest), (128, 24_017), (40, 2560)] {
      let bank = try MelBank(MelSpectrogram(bandCount: bandCount), on: backend)
      // The second half is silent, so that the floors show.
      let samples =
        random.floats(sampleCount - sampleCount / 2, in: -1...1)
        + [Float](repeating: 0, count: sampleCount / 2)
      let out = try output(bank.spectrogram.frameCount(sampleCount), bandCount)
      try backend.melSpectrogram(samples, bank, scratch: try output(1, sampleCount + 5), into: out)
      try expect(out, "\(bandCount) bands of \(sampleCount) samples", within: .rounding)
    }
  }
}
