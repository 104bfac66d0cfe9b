// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Mel bands of a recording.
@Suite struct MelSpectrogramTests {
  @Test func `a tone is loudest in the band of its frequency, and silence is the floor`() throws {
    let check = CPUCheck()
    let bank = MelBank(MelSpectrogram(bandCount: 40), on: check.backend)
    // Bands are equally far apart in mel, 200/3 Hz a mel below 1000 Hz: 500 Hz is 7.5 mel.
    let top = 15 + Math.log(12_000.0 / 1000) / Math.log(6.4 as Double) * 27
    let band = Int((7.5 / top * 41).rounded()) - 1
    let samples = (0..<4096).map { Float(Math.sin(2 * .pi * 500 * Double($0) / 24_000)) }
    let frames = bank.spectrogram.frameCount(samples.count)
    let out = check.backend.makeTensor(rows: frames, columns: 40)
    let scratch = check.backend.makeTensor(rows: 1, columns: samples.count)
    check.backend.melSpectrogram(samples, bank, scratch: scratch, into: out)
    for row in check.rows(out) {
      let loudest = try #require(row.indices.max { row[$0] < row[$1] })
      #expect(loudest == band)
    }
    check.backend.melSpectrogram(
      [Float](repeating: 0, count: samples.count), bank, scratch: scratch, into: out)
    let floor = Math.log(1e-5 as Float)
    // The square root's own floor of 1e-9 lifts the widest bands a little.
    #expect(check.rows(out).joined().allSatisfy { $0 >= floor && $0 < floor + 4 })
  }
}
