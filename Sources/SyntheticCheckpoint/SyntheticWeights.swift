// SPDX-License-Identifier: MIT

import ModelFiles
package import SpeechModel

import Digest

/// Random weights that depend on seed and tensor name alone: the same numbers, bit for bit, as
/// `Tests/Oracle/make_checkpoint.py` writes. A tensor is made when it is asked for.
package struct SyntheticWeights: WeightSource, Sendable {
  package let seed: Int
  /// BF16 for the main weights, F32 for the codec, as released.
  package let elementType: ElementType

  package init(seed: Int, elementType: ElementType) {
    self.seed = seed
    self.elementType = elementType
  }

  package func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor {
    let filler = Filler(name: name, shape: shape)
    let count = shape.reduce(1, *)
    let storage = MemoryStorage(byteCount: count * elementType.byteCount) { bytes in
      fill(name, count: count, columns: count / shape[0], filler) { index, value in
        switch elementType {
        case .float32:
          bytes.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
        default:
          let bits = value.bitPattern
          let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16
          bytes.storeBytes(
            of: UInt16(truncatingIfNeeded: rounded), toByteOffset: 2 * index, as: UInt16.self)
        }
      }
    }
    return HostTensor(
      name: name, shape: shape, elementType: elementType, storage: storage,
      byteRange: 0..<count * elementType.byteCount)
  }

  /// Calls `store` with every value.
  private func fill(
    _ name: String, count: Int, columns: Int, _ filler: Filler, store: (Int, Float) -> Void
  ) {
    var uniform = UniformStream(seed: seed, name: name)
    switch filler {
    case .centred(let deviation):
      let factor = Float(deviation * 12.0.squareRoot())
      for index in 0..<count { store(index, (uniform.next() - 0.5) * factor + 0) }
    case .range(let low, let high):
      let factor = Float(high - low)
      let start = Float(low)
      for index in 0..<count { store(index, uniform.next() * factor + start) }
    case .usage:
      for (index, value) in usage(name, count: count).enumerated() { store(index, value) }
    case .codebook(let deviation, let usageName):
      let factor = Float(deviation * 12.0.squareRoot())
      let usage = usage(usageName, count: count / columns).map { max($0, 1e-5) }
      for index in 0..<count {
        store(index, (uniform.next() - 0.5) * factor * usage[index / columns])
      }
    }
  }

  /// Cluster usage: two entries are under the floor of 1e-5.
  private func usage(_ name: String, count: Int) -> [Float] {
    var uniform = UniformStream(seed: seed, name: name)
    var values = (0..<count).map { _ in 0.5 + 3.5 * uniform.next() }
    values[5 % count] = 0
    values[9 % count] = 2e-6
    return values
  }
}

/// How a tensor's values are spread; chosen so that logits have a standard deviation near 3 and the
/// waveform does not clip.
private enum Filler {
  /// Uniform around zero with a standard deviation.
  case centred(Double)
  /// Uniform on `low..<high`.
  case range(Double, Double)
  case usage
  /// Centred values times the usage of their row.
  case codebook(Double, usage: String)

  init(name: String, shape: [Int]) {
    let inputs = shape.dropFirst().reduce(1, *)
    func linear(_ gain: Double, _ fanIn: Int? = nil) -> Filler {
      .centred(gain / Double(fanIn ?? inputs).squareRoot())
    }
    func ends(_ suffixes: String...) -> Bool { suffixes.contains { name.hasSuffix($0) } }
    if let gain = Self.encoderGain(name) {
      self = linear(gain)
      return
    }
    self =
      if ends("embed_sum") {
        .codebook(
          0.5 * Math.pow(0.96, Double(Self.layer(of: name))),
          usage: String(name.dropLast("embed_sum".count)) + "cluster_usage")
      } else if ends("text_embedding.weight") {
        .centred(1)
      } else if ends("model.codec_embedding.weight") {
        .centred(0.5)
      } else if name.contains("codec_embedding.") {
        .centred(0.25)
      } else if ends("cluster_usage") {
        .usage
      } else if ends("embedding_sum") {
        .codebook(
          name.contains("rvq_first") ? 1 : 0.4,
          usage: String(name.dropLast("embedding_sum".count)) + "cluster_usage")
      } else if ends("_layer_scale.scale", ".gamma") {
        .range(0.2, 0.6)
      } else if ends(".alpha", ".beta") {
        .range(-0.4, 0.4)
      } else if ends("q_norm.weight", "k_norm.weight") {
        .range(0.8, 1.6)
      } else if ends("norm.weight") {
        .range(0.8, 1.2)
      } else if ends(".bias") {
        // The last convolution's offset stays small, so that the waveform is centred.
        shape == [1] ? .range(-0.02, 0.02) : .range(-0.1, 0.1)
      } else if ends("codec_head.weight") || name.contains("lm_head.") {
        linear(3)
      } else if name.contains("text_projection.") {
        linear(1.4)
      } else if ends("o_proj.weight", "down_proj.weight") {
        linear(1.5)
      } else if ends("gate_proj.weight", "up_proj.weight") || name.contains("pwconv") {
        linear(1.2)
      } else if name.hasPrefix("decoder."), ends("q_proj.weight", "k_proj.weight") {
        linear(1.3)
      } else if name.contains("quantizer."), ends("output_proj.weight") {
        linear(0.7)
      } else if name.contains("upsample."), ends(".0.conv.weight") {
        linear(1, shape[0])
      } else if name.contains(".block."), ends(".1.conv.weight") {
        linear(0.7, 2 * shape[0])
      } else if ends(".conv1.conv.weight") {
        linear(0.6)
      } else if ends(".conv2.conv.weight") {
        linear(0.5)
      } else if name.hasPrefix("decoder.decoder."), shape[0] == 1 {
        linear(0.12)
      } else {
        linear(1)
      }
  }
}

extension Filler {
  /// The gain of a weight of the speaker encoder or the codec encoder; `nil` elsewhere.
  fileprivate static func encoderGain(_ name: String) -> Double? {
    guard name.hasSuffix(".weight"), !name.hasSuffix("norm.weight") else { return nil }
    let table: [(String, Double)]
    if name.hasPrefix("speaker_encoder.") {
      table = [
        ("blocks.0.conv.weight", name.contains("res2net") ? 1.2 : 0.3), (".tdnn1.conv.weight", 1.4),
        (".tdnn2.conv.weight", 1.2), ("se_block.conv1.weight", 1.4),
        ("se_block.conv2.weight", 1.4), ("mfa.conv.weight", 1.2), ("asp.tdnn.conv.weight", 1),
        ("asp.conv.weight", 2), ("fc.weight", 0.5), (".conv.weight", 1.2),
      ]
    } else if name.hasPrefix("encoder.") {
      table = [
        (".layers.0.conv.weight", 4), (".block.1.conv.weight", 1), (".block.3.conv.weight", 0.7),
        ("downsample.conv.weight", 1), (".conv.weight", 1.1), ("o_proj.weight", 1.5),
        ("input_proj.weight", 1), ("output_proj.weight", 1), ("_proj.weight", 1.2),
        ("fc1.weight", 1.2), ("fc2.weight", 1.5),
      ]
    } else {
      return nil
    }
    return table.first { name.hasSuffix($0.0) }?.1
  }

  /// The number after `layers.` in a name.
  fileprivate static func layer(of name: String) -> Int {
    let parts = name.split(separator: ".")
    return parts.firstIndex(of: "layers").flatMap { Int(parts[$0 + 1]) } ?? 0
  }
}

/// Uniform numbers `k / 2²⁴` from the raw stream of numpy's PCG64, keyed by seed and name.
struct UniformStream {
  private var state: UInt128
  private let increment: UInt128
  private var spare: UInt32?

  init(seed: Int, name: String) {
    var hash = SHA256()
    hash.update("\(seed)/\(name)".utf8)
    let key = hash.finalize()
    func word(_ bytes: ArraySlice<UInt8>) -> UInt128 {
      bytes.reversed().reduce(0) { $0 << 8 | UInt128($1) }
    }
    state = word(key[..<16])
    increment = word(key[16...]) | 1
  }

  mutating func next() -> Float {
    if let high = spare {
      spare = nil
      return Float(high >> 8) * 0x1p-24
    }
    state = state &* 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645 &+ increment
    let mixed = UInt64(truncatingIfNeeded: state >> 64) ^ UInt64(truncatingIfNeeded: state)
    let turn = UInt64(truncatingIfNeeded: state >> 122)
    let raw = mixed >> turn | mixed << ((64 - turn) & 63)
    spare = UInt32(truncatingIfNeeded: raw >> 32)
    return Float(UInt32(truncatingIfNeeded: raw) >> 8) * 0x1p-24
  }
}
