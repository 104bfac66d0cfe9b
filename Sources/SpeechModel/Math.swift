// SPDX-License-Identifier: MIT

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The C library's functions under one name, so that model code needs no platform import.
package enum Math {
  package static func exp(_ x: Float) -> Float { expf(x) }
  package static func log(_ x: Float) -> Float { logf(x) }
  package static func pow(_ x: Double, _ y: Double) -> Double { _pow(x, y) }
}

private func _pow(_ x: Double, _ y: Double) -> Double {
  #if canImport(Glibc)
    Glibc.pow(x, y)
  #elseif canImport(Musl)
    Musl.pow(x, y)
  #endif
}
