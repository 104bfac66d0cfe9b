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
  package static func log(_ x: Double) -> Double { _log(x) }
  package static func sin(_ x: Double) -> Double { _sin(x) }
  package static func cos(_ x: Double) -> Double { _cos(x) }
  package static func expMinusOne(_ x: Float) -> Float { expm1f(x) }
  package static func tanh(_ x: Float) -> Float { tanhf(x) }
}

private func _log(_ x: Double) -> Double { log(x) }
private func _sin(_ x: Double) -> Double { sin(x) }
private func _cos(_ x: Double) -> Double { cos(x) }

private func _pow(_ x: Double, _ y: Double) -> Double {
  #if canImport(Glibc)
  Glibc.pow(x, y)
  #elseif canImport(Musl)
  Musl.pow(x, y)
  #endif
}
