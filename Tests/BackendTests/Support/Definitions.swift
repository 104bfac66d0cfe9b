// SPDX-License-Identifier: MIT

import Foundation
import SpeechModel

/// The operations as `Backend` describes them, element by element in double precision.
enum Definitions {
  /// Rows of numbers, `[rows][columns]`.
  typealias Rows = [[Double]]

  static func linear(_ x: Rows, _ weight: Rows, bias: [Double]?) -> Rows {
    x.map { row in
      weight.enumerated().map { index, weights in
        zip(row, weights).reduce(bias?[index] ?? 0) { $0 + $1.0 * $1.1 }
      }
    }
  }

  static func rmsNorm(_ x: Rows, weight: [Double], epsilon: Double) -> Rows {
    x.map { row in
      let mean = row.reduce(0) { $0 + $1 * $1 } / Double(row.count)
      return zip(row, weight).map { $0 / (mean + epsilon).squareRoot() * $1 }
    }
  }

  static func layerNorm(
    _ x: Rows, weight: [Double], bias: [Double], epsilon: Double
  ) -> Rows {
    x.map { row in
      let mean = row.reduce(0, +) / Double(row.count)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
      return row.indices.map {
        (row[$0] - mean) / (variance + epsilon).squareRoot() * weight[$0] + bias[$0]
      }
    }
  }

  static func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
  static func gelu(_ x: Double) -> Double { x / 2 * (1 + erf(x / 2.0.squareRoot())) }

  static func activation(_ function: Activation, _ x: Double) -> Double {
    switch function {
    case .relu: max(x, 0)
    case .elu: x > 0 ? x : expm1(x)
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: tanh(x)
    }
  }

  static func swiGLU(_ x: Rows) -> Rows {
    x.map { row in (0..<row.count / 2).map { silu(row[$0]) * row[row.count / 2 + $0] } }
  }

  static func snake(_ x: Rows, alpha: [Double], inverseBeta: [Double]) -> Rows {
    x.map { row in
      row.indices.map { row[$0] + pow(sin(row[$0] * alpha[$0]), 2) * inverseBeta[$0] }
    }
  }

  /// `weight[outputs][inputs · kernel]`, kernel index fastest; `xx` is the history and `x`.
  static func convolution(
    _ xx: Rows, _ weight: Rows, bias: [Double], kernel: Int, dilation: Int
  ) -> Rows {
    let inputs = xx[0].count
    return (0..<xx.count - (kernel - 1) * dilation).map { t in
      weight.indices.map { o in
        var sum = bias[o]
        for i in 0..<inputs {
          for j in 0..<kernel { sum += weight[o][i * kernel + j] * xx[t + j * dilation][i] }
        }
        return sum
      }
    }
  }

  /// `weight[inputs][outputs · kernel]`; `before` is row −1 when the kernel is twice the stride.
  static func transposedConvolution(
    _ x: Rows, before: [Double]?, _ weight: Rows, bias: [Double], stride: Int
  ) -> Rows {
    let kernel = before == nil ? stride : 2 * stride
    var out = Rows(
      repeating: bias, count: x.count * stride)
    for (t, row) in x.enumerated() {
      for j in 0..<stride {
        for o in bias.indices {
          for i in row.indices {
            out[t * stride + j][o] += weight[i][o * kernel + j] * row[i]
            if let before {
              let last = t == 0 ? before : x[t - 1]
              out[t * stride + j][o] += weight[i][o * kernel + j + stride] * last[i]
            }
          }
        }
      }
    }
    return out
  }

  static func depthwise(_ xx: Rows, weight: Rows, bias: [Double]) -> Rows {
    let kernel = weight[0].count
    return (0..<xx.count - kernel + 1).map { t in
      bias.indices.map { c in
        (0..<kernel).reduce(bias[c]) { $0 + weight[c][$1] * xx[t + $1][c] }
      }
    }
  }

  /// Rotates entry `j` and `j + width/2` of a head by `position · inverseFrequencies[j]`.
  static func rotate(_ head: [Double], position: Int, inverseFrequencies: [Double]) -> [Double] {
    let half = head.count / 2
    return head.indices.map { index in
      let j = index % half
      let angle = Double(position) * inverseFrequencies[j]
      return index < half
        ? head[j] * cos(angle) - head[j + half] * sin(angle)
        : head[j + half] * cos(angle) + head[j] * sin(angle)
    }
  }

  /// The nearest number of eight significant bits, the even one of two.
  static func bfloat16(_ x: Double) -> Double {
    let unit = Double(sign: .plus, exponent: x.exponent - 7, significand: 1)
    return x == 0 ? 0 : (x / unit).rounded(.toNearestOrEven) * unit
  }

  /// Softmax of the scaled products with each key, applied to the values.
  static func attend(_ query: [Double], keys: Rows, values: Rows) -> [Double] {
    let scores = keys.map { key in
      zip(query, key).reduce(0) { $0 + $1.0 * $1.1 } / Double(query.count).squareRoot()
    }
    let top = scores.max() ?? 0
    let weights = scores.map { exp($0 - top) }
    let total = weights.reduce(0, +)
    return query.indices.map { i in
      zip(weights, values).reduce(0) { $0 + $1.0 * $1.1[i] } / total
    }
  }
}

/// Numbers that are the same on every machine.
struct Numbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next(_ range: ClosedRange<Float> = -1...1) -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let unit = Float(state >> 40) / Float(1 << 24)
    return range.lowerBound + unit * (range.upperBound - range.lowerBound)
  }

  mutating func rows(
    _ rows: Int, _ columns: Int, in range: ClosedRange<Float> = -1...1
  ) -> [[Float]] {
    (0..<rows).map { _ in (0..<columns).map { _ in next(range) } }
  }
}
