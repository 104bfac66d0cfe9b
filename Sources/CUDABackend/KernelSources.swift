// SPDX-License-Identifier: MIT

import CKernelSources
import CUDA

/// The kernel sources, as texts to compile. The one file of this target with unsafe code.
enum KernelSources {
  /// The programs whose kernels take their shapes as arguments.
  static func general(options: [String]) -> [KernelProgram] {
    texts.filter { $0.name != "frame" }.map {
      KernelProgram(name: $0.name, source: $0.text, options: options)
    }
  }

  /// The frame kernel, whose shapes are constants that options define.
  static func frame(options: [String]) -> KernelProgram {
    let frame = texts.filter { $0.name == "frame" }[0]
    return KernelProgram(name: frame.name, source: frame.text, options: options)
  }

  /// Every program, as `CKernelSources` lists them.
  private static let texts = (0..<ckernelProgramCount()).map { index in
    // Safety: the index is in range; name and sources are constants of the C target.
    let name = unsafe String(cString: ckernelProgramName(index))
    let sources = unsafe String(cString: ckernelProgramSources(index)).split(separator: " ")
    return (name: name, text: sources.map { text(of: $0) }.joined())
  }

  /// The source with this name, which messages of the compiler then have.
  private static func text(of name: Substring) -> String {
    // Safety: the index is in range; name and bytes are constants of the C target.
    let index = (0..<ckernelSourceCount()).first {
      unsafe String(cString: ckernelSourceName($0)) == name
    }
    guard let index else { preconditionFailure("no kernel source \(name)") }
    let bytes = unsafe UnsafeBufferPointer(
      start: ckernelSourceBytes(index), count: ckernelSourceSize(index))
    return unsafe "#line 1 \"\(name)\"\n\(String(decoding: bytes, as: UTF8.self))\n"
  }
}
