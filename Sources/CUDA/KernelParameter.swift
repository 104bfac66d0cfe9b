// SPDX-License-Identifier: MIT

/// What a kernel takes at one place of its parameter list; the letters of `KernelTable.h`.
package enum KernelParameter: Character, Sendable {
  case pointer = "p"
  case float32 = "f"
  case int32 = "i"
  case int64 = "l"
  case uint32 = "u"

  /// The parameters that a kernel's letters stand for.
  package static func list(_ letters: String) -> [KernelParameter] {
    letters.map { letter in
      guard let parameter = KernelParameter(rawValue: letter) else {
        preconditionFailure("no kind of parameter is called \(letter)")
      }
      return parameter
    }
  }
}

/// A value that a kernel can be given, at most eight bytes.
package protocol KernelArgument: BitwiseCopyable {
  static var kind: KernelParameter { get }
}

/// An address on the device.
extension UInt64: KernelArgument {
  package static var kind: KernelParameter { .pointer }
}
extension Float: KernelArgument {
  package static var kind: KernelParameter { .float32 }
}
extension Int32: KernelArgument {
  package static var kind: KernelParameter { .int32 }
}
extension Int: KernelArgument {
  package static var kind: KernelParameter { .int64 }
}
extension UInt32: KernelArgument {
  package static var kind: KernelParameter { .uint32 }
}
