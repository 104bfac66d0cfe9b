// SPDX-License-Identifier: MIT

import SpeechModel

extension HostTensor {
  /// Tensors of at most so many numbers are looked at whole: that is all of a small model.
  private static let largestWhole = 1 << 20
  /// Of larger ones, so many runs of so many numbers: training that diverged leaves NaN everywhere, and
  /// a start should not have to read gigabytes.
  private static let runs = (count: 4, length: 4096)

  /// Index of a number that is infinite or not a number, if one is found.
  var nonFiniteIndex: Int? {
    guard count > Self.largestWhole else { return nonFiniteIndex(in: 0..<count) }
    let step = (count - Self.runs.length) / (Self.runs.count - 1)
    return (0..<Self.runs.count).lazy.compactMap { run in
      nonFiniteIndex(in: run * step..<run * step + Self.runs.length)
    }.first
  }

  /// Such numbers have an exponent of ones only, in each of the formats.
  private func nonFiniteIndex(in range: Range<Int>) -> Int? {
    switch elementType {
    case .float32: first(in: range, of: UInt32.self, allSet: 0x7F80_0000)
    case .bfloat16: first(in: range, of: UInt16.self, allSet: 0x7F80)
    case .float16: first(in: range, of: UInt16.self, allSet: 0x7C00)
    case .int32, .int64, .int16, .uint8: nil
    }
  }

  private func first<Word: FixedWidthInteger & BitwiseCopyable>(
    in range: Range<Int>, of type: Word.Type, allSet mask: Word
  ) -> Int? {
    storage.withBytes { bytes in
      func word(_ index: Int) -> Word {
        // Safety: the range is the tensor's, which lies inside its storage.
        Word(
          littleEndian: unsafe bytes.unsafeLoadUnaligned(
            fromByteOffset: byteRange.lowerBound + index * MemoryLayout<Word>.size, as: Word.self))
      }
      // Without a way out of the loop it is done many numbers at once.
      var found = 0
      for index in range { found |= word(index) & mask == mask ? 1 : 0 }
      return found == 0 ? nil : range.first { word($0) & mask == mask }
    }
  }
}
