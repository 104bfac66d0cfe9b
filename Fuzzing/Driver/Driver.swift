// SPDX-License-Identifier: MIT

// What libFuzzer calls. All is pointers here, which is the file's purpose; Fuzzing/Targets has none.

import Foundation
import FuzzTargets

/// The reader under test, named by the environment.
private let target = ProcessInfo.processInfo.environment["FUZZ_TARGET"].flatMap(
  FuzzTarget.init(rawValue:))

/// Writes the seeds to the folder that `FUZZ_SEEDS` names, before libFuzzer reads it.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
  guard let target else {
    let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    print("FUZZ_TARGET: expected one of \(known)")
    exit(64)
  }
  if let folder = ProcessInfo.processInfo.environment["FUZZ_SEEDS"] {
    do {
      for (index, seed) in try target.seeds().enumerated() {
        try Data(seed).write(to: URL(filePath: folder).appending(path: "seed-\(index)"))
      }
    } catch {
      print("\(folder): \(error)")
      exit(65)
    }
  }
  return 0
}

/// Reads one input; what must not happen ends the process, which libFuzzer reports.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  do {
    try target?.read(bytes)
  } catch {
    fatalError("\(error)")
  }
  return 0
}
