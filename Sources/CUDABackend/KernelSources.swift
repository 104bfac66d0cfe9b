// SPDX-License-Identifier: MIT

import CKernelSources

/// The kernel sources, as texts to compile. The one file of this target with unsafe code.
enum KernelSources {
  /// The kernels that take their shapes as arguments.
  static let general = text { $0 != "Frame.cu" }
  /// The frame kernel, whose shapes are constants.
  static let frame = text { ["Common.cuh", "Draw.cuh", "Frame.cu"].contains($0) }

  /// The sources with these names, joined in their order.
  private static func text(_ includes: (String) -> Bool) -> String {
    var bytes: [UInt8] = []
    for index in 0..<ckernelSourceCount() {
      // Safety: the index is in range; name and bytes are constants of the C target.
      let name = unsafe String(cString: ckernelSourceName(index))
      guard includes(name) else { continue }
      bytes += Array("#line 1 \"\(name)\"\n".utf8)
      unsafe bytes.append(
        contentsOf: UnsafeBufferPointer(
          start: ckernelSourceBytes(index), count: ckernelSourceSize(index)))
      bytes.append(UInt8(ascii: "\n"))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
