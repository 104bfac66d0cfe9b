// SPDX-License-Identifier: MIT

/// How busy a device is, with all models on it.
public struct SpeechLoad: Sendable, Equatable, Codable {
  /// Parts of speeches that have a voice.
  public var speaking = 0
  /// Parts of speeches that wait for one.
  public var waiting = 0
  /// Voices that there are.
  public var voices = 0
  /// Pages of keys and values that are in use.
  public var pagesUsed = 0
  /// Pages that there are.
  public var pages = 0
  /// Parts of speeches that were stuck and stopped since the synthesizer was opened, those that were
  /// spoken again included.
  public var runaways = 0

  /// Whether nothing is spoken or waits.
  public var isIdle: Bool { speaking == 0 && waiting == 0 }

  /// Share of the pages that is in use, 0…1.
  public var pageShare: Double { pages == 0 ? 0 : Double(pagesUsed) / Double(pages) }

  /// Nothing.
  public init() {}
}
