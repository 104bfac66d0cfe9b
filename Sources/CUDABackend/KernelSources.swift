// SPDX-License-Identifier: MIT

import CKernelSources

/// The kernel sources as one text. The one file of this target with unsafe code.
enum KernelSources {
  static let text: String = {
    var bytes: [UInt8] = []
    for index in 0..<ckernelSourceCount() {
      // Safety: the index is in range; name and bytes are constants of the C target.
      let name = unsafe String(cString: ckernelSourceName(index))
      bytes += Array("#line 1 \"\(name)\"\n".utf8)
      unsafe bytes.append(
        contentsOf: UnsafeBufferPointer(
          start: ckernelSourceBytes(index), count: ckernelSourceSize(index)))
      bytes.append(UInt8(ascii: "\n"))
    }
    return String(decoding: bytes, as: UTF8.self)
  }()
}
