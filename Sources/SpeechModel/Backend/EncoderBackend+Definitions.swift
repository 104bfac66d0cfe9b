// SPDX-License-Identifier: MIT

// The definitions of the encoders' operations, computed on the host. Encoders run once for a voice;
// a backend overrides what is worth it and is tested against these.

extension ComposedBackend {
  package func activate(
    _ x: Tensor, _ function: Activation, into out: Tensor
  ) throws(Failure) {
    precondition(x.rows * x.columns == out.rows * out.columns, "an activation keeps the size")
    let values = try read(x)
    try write(values.map { function($0) }, to: out)
  }

  package func addScaled(_ x: Tensor, scale: Tensor, into out: Tensor) throws(Failure) {
    precondition(x.rows == out.rows && x.columns == out.columns && scale.columns == x.columns)
    let factors = try read(scale)
    let added = try read(x)
    var values = try read(out)
    for index in values.indices { values[index] += factors[index % factors.count] * added[index] }
    try write(values, to: out)
  }

  package func statisticsPooling(_ x: Tensor, scores: Tensor?, into out: Tensor) throws(Failure) {
    let columns = x.columns
    precondition(out.columns == 2 * columns, "a mean and a deviation for each column")
    let values = try read(x)
    var weights = [Float](repeating: 1, count: values.count)
    if let scores {
      precondition(scores.rows == x.rows && scores.columns == columns)
      weights = Self.exponentials(try read(scores), columns: columns)
    }
    var total = [Double](repeating: 0, count: columns)
    var mean = total
    var square = total
    for index in values.indices {
      total[index % columns] += Double(weights[index])
      mean[index % columns] += Double(weights[index]) * Double(values[index])
    }
    for column in 0..<columns { mean[column] /= total[column] }
    for index in values.indices {
      let distance = Double(values[index]) - mean[index % columns]
      square[index % columns] += Double(weights[index]) * distance * distance
    }
    let deviation = zip(square, total).map { Float(max($0 / $1, 1e-12).squareRoot()) }
    try write(mean.map { Float($0) } + deviation, to: out)
  }

  /// `e^(score − largest of the column)`, so that none overflows.
  private static func exponentials(_ scores: [Float], columns: Int) -> [Float] {
    var largest = [Float](repeating: -.infinity, count: columns)
    for index in scores.indices {
      largest[index % columns] = max(largest[index % columns], scores[index])
    }
    return scores.indices.map { Math.exp(scores[$0] - largest[$0 % columns]) }
  }

  package func melSpectrogram(
    _ samples: [Float], _ bank: MelBank<Tensor, Indices>, scratch: Tensor, into out: Tensor
  ) throws(Failure) {
    try write(bank.spectrogram(samples), to: out)
  }

  package func argmax(_ x: Tensor, into out: Indices) throws(Failure) {
    let columns = x.columns
    let values = try read(x)
    let picks = (0..<x.rows).map { row in
      var best = 0
      for column in 1..<columns
      where values[row * columns + column] > values[row * columns + best] {
        best = column
      }
      return Int32(best)
    }
    try write(picks, to: out)
  }
}
