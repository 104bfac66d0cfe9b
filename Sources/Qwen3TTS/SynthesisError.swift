// SPDX-License-Identifier: MIT

/// What kept the synthesizer from speaking. Speech that ended early is no error: see `FinishReason`.
public struct SynthesisError: Error, CustomStringConvertible, Sendable {
  /// The kind of problem. More may come.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// The name of the kind.
    public let description: String

    /// A text, voice, language or option the model cannot use.
    public static let invalidInput = Code(description: "invalidInput")
    /// Files of a model that are missing, damaged or of another kind.
    public static let invalidModel = Code(description: "invalidModel")
    /// No device of the kind that was asked for, or one that cannot be used.
    public static let deviceUnavailable = Code(description: "deviceUnavailable")
    /// The files that come with the package are not where the program looks for them.
    public static let resourcesMissing = Code(description: "resourcesMissing")
    /// More requests than may wait. Nothing was begun; try again in a while.
    public static let overloaded = Code(description: "overloaded")
    /// The synthesizer was shut down.
    public static let stopped = Code(description: "stopped")
    /// A text that was not written on, or a speech that was not read, for too long.
    public static let timedOut = Code(description: "timedOut")
    /// Everything else: the device or the system failed. Open another synthesizer before the next speech.
    public static let internalFailure = Code(description: "internalFailure")
  }

  /// The kind of problem.
  public let code: Code
  /// What was expected, what was found, what to do.
  public let message: String
  /// The error that caused it, if there is one.
  public let underlying: (any Error)?

  /// An error with a message for people.
  public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.underlying = underlying
  }

  /// The message.
  public var description: String { message }
}
