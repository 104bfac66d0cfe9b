// SPDX-License-Identifier: MIT

extension CPUBackend {
  package func increment(_ values: CPUIndices, by amount: Int32) {
    for index in 0..<values.count { values[index] &+= amount }
  }

  package func increment(_ values: CPUIndices, at ids: CPUIndices, by amount: Int32) {
    for index in 0..<ids.count where ids[index] >= 0 { values[Int(ids[index])] &+= amount }
  }
}
