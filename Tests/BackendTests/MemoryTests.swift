// SPDX-License-Identifier: MIT

import CPUBackend
import ModelFiles
import SpeechModel
import SyntheticCheckpoint
import Testing

/// What a backend allocates, and when it goes.
@Suite struct MemoryTests {
  @Test func `what is made is zero, and gone with the last view of it`() {
    let backend = CPUBackend()
    #expect(backend.allocatedByteCount == 0)
    var view: CPUTensor?
    do {
      let tensor = backend.makeTensor(rows: 100, columns: 10)
      #expect(backend.read(tensor).allSatisfy { $0 == 0 })
      let indices = backend.makeIndices(count: 1000)
      #expect(backend.read(indices).allSatisfy { $0 == 0 })
      _ = backend.loadVector([1, 2, 3])
      view = tensor.rows(2..<3).reshaped(rows: 5, columns: 2)
      #expect(backend.allocatedByteCount >= 8000)
    }
    #expect(backend.allocatedByteCount == 4000)
    if let view { #expect(backend.read(view).count == 10) }
    view = nil
    #expect(backend.allocatedByteCount == 0)
  }

  @Test(arguments: CachePrecision.allCases)
  func `a cache takes as much as its precision says`(_ precision: CachePrecision) {
    let backend = CPUBackend()
    let cache = backend.makeCache(
      layerCount: 3, slotCount: 2, capacity: 128, kvWidth: 16, precision: precision)
    #expect(backend.allocatedByteCount == 2 * 3 * 2 * 128 * 16 * precision.byteCount)
    withExtendedLifetime(cache) {}
  }

  @Test func `a cache in pages takes as much as its pages, however long its slots may be`() {
    let backend = CPUBackend()
    let table = PageTable(indices: backend.makeIndices(count: 10 * 64), pagesPerSlot: 64)
    let before = backend.allocatedByteCount
    let cache = backend.makeCache(
      layerCount: 3, pages: table, pageCount: 5, kvWidth: 16, precision: .bfloat16)
    #expect(backend.allocatedByteCount - before == 2 * 3 * 5 * 64 * 16 * 2)
    withExtendedLifetime(cache) {}
  }

  @Test func `keys and values are kept in F32 here, however weights are stored`() {
    #expect(CPUBackend().cachePrecision(weights: .bfloat16) == .float32)
    #expect(CPUBackend().cachePrecision(weights: .float32) == .float32)
  }

  @Test func `a weight keeps its stored bytes alive`() {
    let check = CPUCheck()
    let weight = check.backend.loadWeight(
      [CPUCheck.stored([[1, 2], [3, 4]], .bfloat16)], as: .stored)
    let out = check.backend.makeTensor(rows: 1, columns: 2)
    check.backend.linear(check.tensor([[1, 10]]), weight, bias: nil, into: out)
    #expect(check.rows(out) == [[21, 43]])
    #expect(check.backend.allocatedByteCount > 0)
  }

  @Test func `a step and a codec stream go while others of the same model speak`() throws {
    let backend = CPUBackend()
    let checkpoint = Checkpoint.synthetic(.tiny06, variant: .customVoice, seed: 0)
    let model = try LanguageModel(
      reading: checkpoint.weights, checkpoint.configuration, on: backend)
    let decoder = try CodecDecoder(
      reading: checkpoint.codecWeights.scoped("decoder."), checkpoint.codecConfiguration.decoder,
      on: backend)
    let weights = backend.allocatedByteCount
    let first = FrameStep(model, capacity: 64, on: backend)
    let one = backend.allocatedByteCount
    do {
      let second = FrameStep(model, capacity: 64, on: backend)
      let stream = CodecStreams(decoder, batchCapacity: 4, on: backend)
      #expect(backend.allocatedByteCount > 2 * one - weights)
      withExtendedLifetime((second, stream)) {}
    }
    #expect(backend.allocatedByteCount == one)
    withExtendedLifetime(first) {}
  }
}
