// SPDX-License-Identifier: MIT
#if Server
package import Qwen3TTS

/// The speeches of one connection, whatever its protocol: a value that is given what a client asks for
/// and what becomes of its speeches, and answers with steps. It has no clock, network or engine in it.
///
/// Text comes in pieces for a *context*, which most protocols have one of. The first piece with something to
/// say opens an *utterance*; it is spoken while its text is still being written. Utterances of a context
/// follow one another, those of different contexts are spoken at the same time, as many as may.
///
/// Every utterance that was opened has exactly one `ended`; no `sound` of it comes afterwards.
package struct SpeechSession: Sendable {
  package typealias ID = Int

  /// What one connection may have.
  package struct Limits: Sendable {
    /// Contexts that are open.
    package var contexts = 16
    /// Utterances that are spoken at a time.
    package var speaking = 4
    /// Utterances of a context that have not ended.
    package var utterances = 64
    /// Characters of an utterance.
    package var characters = 32_768

    package init() {}
  }

  /// How an utterance ended.
  package enum Ending: Sendable, Equatable {
    /// By itself, or as its metrics say.
    case whole(SpeechMetrics)
    case cancelled
    case failed(APIError)
  }

  /// What is to be done, in this order.
  package enum Step: Sendable, Equatable {
    // For whoever has the engine.

    /// Takes a speech into the queue, with the settings of the context. Its text follows.
    case begin(ID, context: String)
    case feed(ID, String)
    /// No more text follows.
    case endText(ID)
    case cancel(ID)

    // For the client.

    /// Its first sound is there.
    case started(Utterance)
    case sound(Utterance, SpeechPiece)
    case ended(Utterance, Ending)
    /// A context that was closed has said everything.
    case closed(context: String)
    /// Nothing is left and nothing more may come: the connection can be closed.
    case finished
  }

  /// Something that is said in one go.
  package struct Utterance: Sendable, Equatable {
    package let id: ID
    package let context: String
    /// What was written of it so far.
    package fileprivate(set) var text = ""
    package fileprivate(set) var characterCount = 0
    /// Whether all of its text is there.
    package fileprivate(set) var isComplete = false
    package fileprivate(set) var isSpeaking = false
    /// Samples of 24 kHz that were sent.
    package fileprivate(set) var sampleCount = 0
    package fileprivate(set) var hasStarted = false

    /// Seconds of sound that were sent.
    package var audioSeconds: Double {
      Double(sampleCount) / Double(SpeechSynthesizer.sampleRate)
    }
    fileprivate var isSpeakable: Bool { text.contains { !$0.isWhitespace } }

    fileprivate init(id: ID, context: String) {
      self.id = id
      self.context = context
    }
  }

  private struct Context: Sendable {
    let name: String
    /// In the order they are spoken in.
    var utterances: [Utterance] = []
    var isClosing = false
  }

  private let limits: Limits
  private var contexts: [Context] = []
  private var nextID = 0
  private var isFinishing = false
  private var hasFinished = false
  /// Whether the server is shutting down.
  package private(set) var isDraining = false

  package init(limits: Limits = Limits()) { self.limits = limits }

  // MARK: What is there

  package var contextNames: [String] { contexts.map(\.name) }
  /// Whether something is being said whose text is all there.
  package var isBusy: Bool { contexts.contains { $0.utterances.contains(where: \.isComplete) } }

  /// The utterances of a context that have not ended, the one that is spoken first.
  package func utterances(of context: String) -> [Utterance] {
    index(of: context).map { contexts[$0].utterances } ?? []
  }

  private func index(of context: String) -> Int? { contexts.firstIndex { $0.name == context } }

  private var speakingCount: Int {
    contexts.reduce(0) { $0 + $1.utterances.count(where: \.isSpeaking) }
  }

  // MARK: What a client asks for

  /// Opens a context; one that is open stays as it is.
  ///
  /// - Throws: `APIError` when there are too many, or the connection takes nothing any more.
  package mutating func open(_ context: String) throws(APIError) {
    try checkOpen()
    guard index(of: context) == nil else { return }
    guard contexts.count < limits.contexts else {
      throw .refused(
        400, "Expected at most \(limits.contexts) contexts at a time; close one.",
        code: "too_many_contexts")
    }
    contexts.append(Context(name: context))
  }

  private func checkOpen() throws(APIError) {
    guard !isDraining else {
      throw .unavailable("draining", "The server is shutting down.", retryAfter: 5)
    }
    guard !isFinishing else {
      throw .refused(400, "The connection is being closed.", code: "live_input_closed")
    }
  }

  /// Takes text, for the utterance that is open or for a new one.
  ///
  /// - Throws: `APIError`: as `open`, when the context is being closed, or the text is too long.
  package mutating func append(_ text: String, to context: String = "") throws(APIError) -> [Step] {
    let isContinued = index(of: context).map { contexts[$0].utterances.last?.isComplete == false }
    // What was begun before the server began to shut down is taken to its end.
    if isContinued != true { try open(context) }
    guard let index = index(of: context), !text.isEmpty else { return [] }
    guard !contexts[index].isClosing else {
      throw .refused(
        400, "The context \"\(context.prefix(40))\" is closed.", code: "context_closed")
    }
    if isContinued != true {
      guard contexts[index].utterances.count < limits.utterances else {
        throw .unavailable(
          "overloaded", "Expected at most \(limits.utterances) texts that wait to be spoken.",
          retryAfter: 1)
      }
      contexts[index].utterances.append(Utterance(id: nextID, context: context))
      nextID += 1
    }
    let last = contexts[index].utterances.count - 1
    let count = text.count
    guard contexts[index].utterances[last].characterCount + count <= limits.characters else {
      throw .tooLong(limits.characters)
    }
    contexts[index].utterances[last].text += text
    contexts[index].utterances[last].characterCount += count
    let utterance = contexts[index].utterances[last]
    return utterance.isSpeaking ? [.feed(utterance.id, text)] : advance()
  }

  /// Ends the text of the utterance that is open: what comes next is another one.
  package mutating func endText(of context: String = "") -> [Step] {
    guard let index = index(of: context), let utterance = contexts[index].utterances.last,
      !utterance.isComplete
    else { return [] }
    let last = contexts[index].utterances.count - 1
    guard utterance.isSpeaking || utterance.isSpeakable else {
      // Nothing but spaces: as if it had not been.
      contexts[index].utterances.removeLast()
      return advance()
    }
    contexts[index].utterances[last].isComplete = true
    return utterance.isSpeaking ? [.endText(utterance.id)] : advance()
  }

  /// Ends everything that is said or waits in a context, which stays open.
  package mutating func cancel(_ context: String = "") -> [Step] {
    guard let index = index(of: context) else { return [] }
    let utterances = contexts[index].utterances
    contexts[index].utterances = []
    return utterances.flatMap { utterance in
      (utterance.isSpeaking ? [Step.cancel(utterance.id)] : []) + [.ended(utterance, .cancelled)]
    } + advance()
  }

  /// Ends the utterance of a context whose text is still being written; those before it are said.
  package mutating func discard(_ context: String = "") -> [Step] {
    guard let index = index(of: context), let utterance = contexts[index].utterances.last,
      !utterance.isComplete
    else { return [] }
    contexts[index].utterances.removeLast()
    let steps: [Step] = utterance.isSpeaking ? [.cancel(utterance.id)] : []
    return steps + [.ended(utterance, .cancelled)] + advance()
  }

  /// Lets a context end when what was written has been said.
  package mutating func close(_ context: String) -> [Step] {
    let steps = endText(of: context)
    guard let index = index(of: context), !contexts[index].isClosing else { return steps }
    contexts[index].isClosing = true
    return steps + advance()
  }

  /// Lets the connection end when everything has been said.
  package mutating func finish() -> [Step] {
    isFinishing = true
    return contextNames.flatMap { close($0) } + advance()
  }

  /// Lets the connection end when what is being said has been said: the server shuts down.
  package mutating func drain() -> [Step] {
    isDraining = true
    for index in contexts.indices {
      contexts[index].utterances.removeAll { !$0.isSpeaking && !$0.isSpeakable }
    }
    return advance()
  }

  // MARK: What becomes of speeches

  /// Takes what was made of an utterance.
  package mutating func sound(_ piece: SpeechPiece, of id: ID) -> [Step] {
    guard let (context, index) = place(of: id) else { return [] }
    contexts[context].utterances[index].sampleCount += piece.sampleCount
    let isFirst = !contexts[context].utterances[index].hasStarted
    contexts[context].utterances[index].hasStarted = true
    let utterance = contexts[context].utterances[index]
    return (isFirst ? [.started(utterance)] : []) + [.sound(utterance, piece)]
  }

  /// Takes the end of an utterance.
  package mutating func ended(_ id: ID, _ ending: Ending) -> [Step] {
    guard let (context, index) = place(of: id) else { return [] }
    let utterance = contexts[context].utterances.remove(at: index)
    return [.ended(utterance, ending)] + advance()
  }

  private func place(of id: ID) -> (context: Int, index: Int)? {
    for (context, value) in contexts.enumerated() {
      if let index = value.utterances.firstIndex(where: { $0.id == id && $0.isSpeaking }) {
        return (context, index)
      }
    }
    return nil
  }

  // MARK: -

  /// Begins what can be begun, and ends what has nothing left to say.
  private mutating func advance() -> [Step] {
    var steps: [Step] = []
    for index in contexts.indices {
      guard speakingCount < limits.speaking, let first = contexts[index].utterances.first,
        !first.isSpeaking, first.isSpeakable
      else { continue }
      contexts[index].utterances[0].isSpeaking = true
      steps += [.begin(first.id, context: first.context), .feed(first.id, first.text)]
      if first.isComplete { steps.append(.endText(first.id)) }
    }
    for context in contexts where context.isClosing && context.utterances.isEmpty {
      steps.append(.closed(context: context.name))
    }
    contexts.removeAll { $0.isClosing && $0.utterances.isEmpty }
    let isOver =
      isDraining
      ? contexts.allSatisfy(\.utterances.isEmpty) : isFinishing && contexts.isEmpty
    if isOver, !hasFinished {
      hasFinished = true
      steps.append(.finished)
    }
    return steps
  }
}
#endif
