// SPDX-License-Identifier: MIT

import CKernelSources
import CUDA

/// The kernel sources, as programs to compile. The one file of this target with unsafe code.
enum KernelSources {
  /// A kernel as `KernelTable.h` lists it.
  struct Kernel: Sendable {
    let name: String
    /// The program that has it.
    let program: String
    let parameters: [KernelParameter]
  }

  /// The program of tensor-core products of engines for one voice.
  static let gemmProgram = "gemm"
  /// That of engines for several.
  static let gemmManyProgram = "gemm_many"
  /// Those whose kernels run with the whole first-level memory of a multiprocessor as shared memory.
  static let sharedMemoryPrograms = [gemmProgram, gemmManyProgram, "prompt"]
  /// The program that is compiled for a model and a device.
  static let frameProgram = "frame"

  /// Every kernel of every program.
  static let kernels: [Kernel] = (0..<ckernelCount()).map { index in
    // Safety: the index is in range; the texts are constants of the C target.
    Kernel(
      name: unsafe String(cString: ckernelName(index)),
      program: unsafe String(cString: ckernelProgram(index)),
      parameters: KernelParameter.list(unsafe String(cString: ckernelParameters(index))))
  }

  /// The parameters of a kernel.
  static func parameters(of name: String) -> [KernelParameter] {
    guard let kernel = kernels.first(where: { $0.name == name }) else {
      preconditionFailure("no kernel \(name)")
    }
    return kernel.parameters
  }

  /// The programs whose kernels take their shapes as arguments.
  ///
  /// - Parameter many: Whether for an engine with several voices.
  static func general(options: [String], many: Bool) -> [KernelProgram] {
    var names: [String] = []
    for kernel in kernels
    where kernel.program != frameProgram
      && kernel.program != (many ? gemmProgram : gemmManyProgram)
      && !names.contains(kernel.program)
    {
      names.append(kernel.program)
    }
    return names.map { program($0, options: options) }
  }

  /// A program: the text of `Programs/<name>.cu` with those of the sources that it includes.
  static func program(_ name: String, options: [String]) -> KernelProgram {
    var included: Set<Substring> = []
    let text = expanded("Programs/\(name).cu", including: &included)
    return KernelProgram(name: name, source: text, options: options)
  }

  /// A source in which each `#include "…"` line is replaced by the source of that name, once a program.
  /// One text is all that NVRTC is given, and the digest of one text is the key of its image.
  private static func expanded(_ name: Substring, including included: inout Set<Substring>)
    -> String
  {
    included.insert(name)
    guard let source = texts[name] else { preconditionFailure("no kernel source \(name)") }
    var lines = ["#line 1 \"\(name)\""]
    for (number, line) in source.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      guard line.hasPrefix("#include \"") else {
        lines.append(String(line))
        continue
      }
      let other = line.dropFirst(10).prefix { $0 != "\"" }
      if !included.contains(other) {
        lines.append(expanded(other, including: &included))
        lines.append("#line \(number + 2) \"\(name)\"")
      } else {
        lines.append("")
      }
    }
    return lines.joined(separator: "\n")
  }

  /// The text of each source by its path.
  private static let texts: [Substring: String] = {
    var texts: [Substring: String] = [:]
    for index in 0..<ckernelSourceCount() {
      // Safety: the index is in range; name and text are constants of the C target.
      let name = unsafe String(cString: ckernelSourceName(index))
      texts[name[...]] = unsafe String(cString: ckernelSourceText(index))
    }
    return texts
  }()
}
