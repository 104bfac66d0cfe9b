// SPDX-License-Identifier: MIT

/// What a codec keeps of its speeches.
package struct CodecStateSize {
  /// States there are: those of the speeches, those after references that are remembered, and one for what
  /// fills up a batch.
  let places: Int
  /// Frames of one speech that go through the transformer at once: more are faster, and every place has room
  /// for their keys and values.
  let readCapacity: Int
  /// Positions of keys and values of a place.
  let positions: Int
  /// Last inputs of the convolutions: before the transformer, of the head, of the last one, of the stages of
  /// upsampling, of the blocks, of the blocks' units.
  let histories: [(rows: Int, columns: Int)]
  private let keyValueBytes: Int

  package init(
    _ shape: CodecDecoderConfiguration, slotCount: Int, batchCapacity: Int, references: Int
  ) {
    let transformer = shape.transformer
    places = slotCount + references + 1
    readCapacity = slotCount == 1 ? max(batchCapacity, 128) : 24
    positions = (transformer.window ?? 1) - 1 + readCapacity
    keyValueBytes =
      2 * transformer.layerCount * places * positions * transformer.kvWidth
      * CachePrecision.float32.byteCount
    let channels = (1...shape.upsampleRates.count).map { shape.decoderDim >> $0 }
    var histories: [(rows: Int, columns: Int)] = [(2, shape.codebookDim), (6, shape.latentDim)]
    histories.append((6, shape.decoderDim >> shape.upsampleRates.count))
    histories += shape.upsamplingRatios.map { _ in (6, shape.latentDim) }
    histories += channels.map { (1, 2 * $0) }
    for channels in channels {
      histories += CodecDecoderConfiguration.unitDilations.map { (6 * $0, channels) }
    }
    self.histories = histories
  }

  /// Numbers of the histories of a place.
  var historyCount: Int { histories.reduce(0) { $0 + $1.rows * $1.columns } }

  /// Bytes of all places.
  package var byteCount: Int { keyValueBytes + 4 * places * historyCount }
}
