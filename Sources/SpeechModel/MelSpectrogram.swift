// SPDX-License-Identifier: MIT

// The speaker encoder's input (docs/model.md, section 13): logarithms of the magnitudes of a
// short-time Fourier transform, summed by a bank of triangular filters on Slaney's mel scale.

/// Waveform to log-mel bands.
///
///     frame[t] = samples[256 t − 384 ..< 256 t + 640], reflected at both ends
///     mel[t, b] = ln(max(1e-5, Σ_k filter[b, k] · sqrt(|FFT(frame[t] · hann)[k]|² + 1e-9)))
package struct MelSpectrogram: Sendable {
  /// Samples of a frame.
  static let window = 1024
  /// Samples between frames.
  static let hop = 256
  /// Samples reflected at each end, the edge itself not repeated.
  static let padding = (window - hop) / 2
  /// Bins of a frame's transform.
  package static let binCount = window / 2 + 1
  /// The fewest samples that can be reflected.
  package static let fewestSamples = padding + 1

  /// One band: its first bin, and its weights from there on.
  package struct Filter: Sendable {
    package var first: Int
    package var weights: [Float]
  }

  package let filters: [Filter]
  private let hann: [Float]
  private let transform: RealTransform

  package var bandCount: Int { filters.count }

  /// - Parameters:
  ///   - bandCount: Bands from 0 Hz to half the sample rate.
  ///   - sampleRate: Hz.
  package init(bandCount: Int = 128, sampleRate: Int = 24_000) {
    filters = Self.filters(bandCount: bandCount, sampleRate: Double(sampleRate))
    hann = (0..<Self.window).map { index in
      Float(0.5 - 0.5 * Math.cos(2 * .pi * Double(index) / Double(Self.window)))
    }
    transform = RealTransform(size: Self.window)
  }

  /// Frames of so many samples.
  package func frameCount(_ sampleCount: Int) -> Int { sampleCount / Self.hop }

  /// The bands of each frame, `[frameCount, bandCount]` flattened.
  ///
  /// - Precondition: There are at least `fewestSamples` samples.
  package func callAsFunction(_ samples: [Float]) -> [Float] {
    precondition(samples.count >= Self.fewestSamples, "too few samples to reflect")
    let frameCount = frameCount(samples.count)
    var bands: [Float] = []
    bands.reserveCapacity(frameCount * bandCount)
    var frame = [Float](repeating: 0, count: Self.window)
    var magnitudes = [Float](repeating: 0, count: Self.binCount)
    var work = transform.makeWork()
    for index in 0..<frameCount {
      let start = index * Self.hop - Self.padding
      for step in 0..<Self.window {
        frame[step] = samples[Self.reflect(start + step, samples.count)] * hann[step]
      }
      transform.magnitudes(frame, floor: 1e-9, &work, into: &magnitudes)
      for filter in filters {
        var sum: Float = 0
        for (offset, weight) in filter.weights.enumerated() {
          sum += weight * magnitudes[filter.first + offset]
        }
        bands.append(Math.log(max(sum, 1e-5)))
      }
    }
    return bands
  }

  private static func reflect(_ index: Int, _ count: Int) -> Int {
    index < 0 ? -index : index >= count ? 2 * (count - 1) - index : index
  }

  /// Triangles between neighbouring edges, which are equally far apart in mel; each is scaled to an
  /// area of 1 Hz.
  private static func filters(bandCount: Int, sampleRate: Double) -> [Filter] {
    let top = mel(sampleRate / 2)
    let edges = (0...bandCount + 1).map { frequency(top * Double($0) / Double(bandCount + 1)) }
    let binWidth = sampleRate / Double(window)
    return (0..<bandCount).map { band in
      let (low, middle, high) = (edges[band], edges[band + 1], edges[band + 2])
      let weights = (0...window / 2).map { bin in
        let frequency = Double(bin) * binWidth
        let height = min((frequency - low) / (middle - low), (high - frequency) / (high - middle))
        return Float(max(0, height) * 2 / (high - low))
      }
      let first = weights.firstIndex { $0 > 0 } ?? 0
      let last = weights.lastIndex { $0 > 0 } ?? 0
      return Filter(first: first, weights: Array(weights[first...last]))
    }
  }

  // Slaney's scale: 200/3 Hz a mel below 1000 Hz, above it a factor of 6.4 every 27 mel.

  private static func mel(_ frequency: Double) -> Double {
    frequency < 1000
      ? frequency * 3 / 200 : 15 + Math.log(frequency / 1000) / Math.log(6.4 as Double) * 27
  }

  private static func frequency(_ mel: Double) -> Double {
    mel < 15 ? mel * 200 / 3 : 1000 * Math.pow(6.4, (mel - 15) / 27)
  }
}

extension MelBank {
  package init<B: MemoryBackend>(
    _ spectrogram: MelSpectrogram, on backend: B
  ) throws(B.Failure) where B.Tensor == Tensor, B.Indices == Indices {
    let filters = spectrogram.filters
    let widest = filters.map(\.weights.count).max() ?? 0
    self.spectrogram = spectrogram
    weights = try backend.loadVector(
      filters.flatMap { $0.weights + [Float](repeating: 0, count: widest - $0.weights.count) }
    ).reshaped(rows: filters.count, columns: widest)
    firsts = try backend.makeIndices(count: filters.count)
    try backend.write(filters.map { Int32($0.first) }, to: firsts)
  }
}

/// The Fourier transform of real numbers, a power of two of them.
///
/// Pairs of neighbours are taken as complex numbers; the transform of half the size is then split
/// into those of the even and the odd numbers.
struct RealTransform: Sendable {
  private let half: Int
  /// `e^(−2πi k / size)`, real and imaginary parts, for k below half the size.
  private let cosines: [Float]
  private let sines: [Float]
  private let reversed: [Int]

  /// Real and imaginary parts under way.
  struct Work {
    var real: [Float]
    var imaginary: [Float]
  }

  init(size: Int) {
    precondition(size >= 4 && size & (size - 1) == 0, "a power of two")
    let half = size / 2
    self.half = half
    let angles = (0..<half).map { 2 * Double.pi * Double($0) / Double(size) }
    cosines = angles.map { Float(Math.cos($0)) }
    sines = angles.map { Float(-Math.sin($0)) }
    let bits = half.trailingZeroBitCount
    reversed = (0..<half).map { index in
      (0..<bits).reduce(0) { $0 | (index >> $1 & 1) << (bits - 1 - $1) }
    }
  }

  func makeWork() -> Work {
    let zeros = [Float](repeating: 0, count: half)
    return Work(real: zeros, imaginary: zeros)
  }

  /// `out[k] = sqrt(|X[k]|² + floor)`, k from 0 to half the size.
  func magnitudes(_ x: [Float], floor: Float, _ work: inout Work, into out: inout [Float]) {
    for index in 0..<half {
      work.real[reversed[index]] = x[2 * index]
      work.imaginary[reversed[index]] = x[2 * index + 1]
    }
    transformInPlace(&work.real, &work.imaginary)
    for k in 0...half {
      let (a, b) = (k % half, (half - k) % half)
      let evenReal = (work.real[a] + work.real[b]) / 2
      let evenImaginary = (work.imaginary[a] - work.imaginary[b]) / 2
      let oddReal = (work.imaginary[a] + work.imaginary[b]) / 2
      let oddImaginary = (work.real[b] - work.real[a]) / 2
      // The twiddle factor of k = half is −1.
      let (cosine, sine): (Float, Float) = k == half ? (-1, 0) : (cosines[k], sines[k])
      let real = evenReal + cosine * oddReal - sine * oddImaginary
      let imaginary = evenImaginary + cosine * oddImaginary + sine * oddReal
      out[k] = (real * real + imaginary * imaginary + floor).squareRoot()
    }
  }

  /// Butterflies over numbers in bit-reversed order.
  private func transformInPlace(_ real: inout [Float], _ imaginary: inout [Float]) {
    var span = 1
    while span < half {
      // Twiddles are those of the full size: every `half / span`-th.
      let step = half / span
      for start in stride(from: 0, to: half, by: 2 * span) {
        for offset in 0..<span {
          let (a, b) = (start + offset, start + offset + span)
          let (cosine, sine) = (cosines[offset * step], sines[offset * step])
          let turnedReal = cosine * real[b] - sine * imaginary[b]
          let turnedImaginary = cosine * imaginary[b] + sine * real[b]
          real[b] = real[a] - turnedReal
          imaginary[b] = imaginary[a] - turnedImaginary
          real[a] += turnedReal
          imaginary[a] += turnedImaginary
        }
      }
      span *= 2
    }
  }
}
