// SPDX-License-Identifier: MIT

/// How much a synthesizer takes on. The defaults fit the device.
public struct SpeechLimits: Sendable, Equatable {
  /// Speeches at once; others wait. `nil`: 16 on a CPU, 1 on a GPU, where one voice has kernels of its own
  /// that make its frames sooner than any other way can.
  public var voices: Int?
  /// Speeches that may wait; another is refused as `overloaded`.
  public var queue = 1024
  /// How far a speech may be made ahead of its listener, who begins to play with the first chunk and does not
  /// pause; at least a second. `nil`: as far as it is read.
  public var lead: Duration?
  /// How long a speech may wait for its reader, or for its text to be written on, before it ends as
  /// `timedOut`; at least a second. `nil`: for ever.
  public var patience: Duration?
  /// Bytes for the keys and values of all voices, which come in pages: what they do not suffice for waits, and one
  /// speech can be no longer than all of them. `nil`: at most a quarter of the machine's memory on a CPU and half of
  /// what is free on a GPU, but enough for one speech of the synthesizer's capacity.
  ///
  /// A second model on the device whose talker has another shape, such as the bundled voice beside a released
  /// model, has as many pages of its own.
  public var keyValueBytes: Int?

  /// The defaults.
  public init() {}

  func check() throws(SynthesisError) {
    func refuse(_ what: String, _ expected: String, _ found: some Any) -> SynthesisError {
      SynthesisError(.invalidInput, "limits, \(what): expected \(expected), found \(found)")
    }
    if let voices, !(1...1024).contains(voices) { throw refuse("voices", "1…1024", voices) }
    if queue < 0 { throw refuse("queue", "0 or more", queue) }
    for (name, value) in [("lead", lead), ("patience", patience)] {
      if let value, value < .seconds(1) {
        throw refuse(name, "a second or more", "\(value.seconds) s")
      }
    }
    if let keyValueBytes, keyValueBytes < 1 {
      throw refuse("memory for keys and values", "some bytes", keyValueBytes)
    }
  }
}
