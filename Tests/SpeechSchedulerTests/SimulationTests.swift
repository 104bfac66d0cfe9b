// SPDX-License-Identifier: MIT

import SpeechScheduler
import SpeechSimulation
import Testing

@Suite struct SimulationTests {
  @Test func `prints the load that one device carries`() {
    let table = CostTable.largeGPU
    var configuration = SchedulerConfiguration(devicePages: 128 * 7)
    configuration.slotCount = 128
    configuration.stepBuckets = table.stepSizes
    let simulation = SchedulerSimulation(configuration, costs: table.costs)
    var load = SpeechLoad(requestsPerSecond: 1)
    load.measured = .seconds(30)
    print(table.device)
    print(simulation.table([1, 20, 40, 60, 80, 100, 120], load: load))
  }
}
