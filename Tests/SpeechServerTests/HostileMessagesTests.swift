// SPDX-License-Identifier: MIT
#if Server
import FuzzSupport
import Qwen3TTS
import SpeechServer
import Testing

/// Every protocol, given damaged and disordered messages before a device that speaks a little of everything:
/// utterances begin and end once, and nothing is asked for or sent afterwards.
@Suite struct HostileMessagesTests {
  /// A connection without a network.
  private struct Connection<Client: SessionProtocol>
  where Client.Message == SocketMessage, Client.Answer == SocketAnswer {
    var client: Client
    var turn = SessionTurn<SocketAnswer>(SpeechSession())
    var speaking: Set<SpeechSession.ID> = []
    var ended: Set<SpeechSession.ID> = []
    var hasClosed = false
    var hasEnded = false

    mutating func take() {
      var effects = turn.takeEffects()
      while !effects.isEmpty, !hasEnded {
        switch effects.removeFirst() {
        case .send(let answer):
          #expect(!hasClosed)
          guard case .close(let code, _) = answer else { continue }
          #expect((1_000...1_011).contains(code))
          hasClosed = true
        case .end: hasEnded = true
        case .step(.begin(let id, let context)):
          #expect(speaking.insert(id).inserted && !ended.contains(id))
          _ = client.parameters(for: id, in: context)
        case .step(.feed(let id, let text)): #expect(speaking.contains(id) && !text.isEmpty)
        case .step(.endText(let id)): #expect(speaking.contains(id))
        case .step(.cancel(let id)): #expect(speaking.remove(id) != nil)
        case .step(let step):
          if case .ended(let utterance, _) = step {
            #expect(ended.insert(utterance.id).inserted)
            speaking.remove(utterance.id)
          }
          client.report(step, &turn)
          effects = turn.takeEffects() + effects
        }
      }
    }

    /// Plays lines as messages, with sound in between.
    mutating func play(_ bytes: [UInt8]) {
      client.begin(&turn)
      take()
      for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() where !hasEnded {
        if let text = String(validating: line, as: UTF8.self) {
          client.receive(.text(text), &turn)
        } else {
          client.receive(.binary(Array(line)), &turn)
        }
        take()
        guard !hasEnded, let id = speaking.min() else { continue }
        turn.perform { $0.sound(SpeechPiece(bytes: [1, 2], sampleCount: 1_920), of: id) }
        if index % 3 == 2 { turn.perform { $0.ended(id, .whole(SpeechMetrics())) } }
        take()
      }
      guard !hasEnded else { return }
      for context in turn.session.contextNames {
        turn.perform { $0.cancel(context) }
        take()
      }
      #expect(speaking.isEmpty)
    }
  }

  private func fuzz<Client: SessionProtocol>(
    _ name: String, _ seed: [String], _ client: () -> Client?
  ) throws where Client.Message == SocketMessage, Client.Answer == SocketAnswer {
    let bytes = Array(seed.joined(separator: "\n").utf8)
    try Fuzzing(name: name, iterations: 2_000).run(seeds: [bytes, bytes + [10] + bytes]) { bytes in
      guard let client = client() else {
        Issue.record("no \(name)")
        return
      }
      var connection = Connection(client: client)
      connection.play(bytes)
    }
  }

  @Test func stream() throws {
    try fuzz(
      "stream",
      [
        #"{"type":"session.config","split_granularity":"sentence","stream_audio":true}"#,
        #"{"type":"input.text","text":"One. Two, three. "}"#, #"{"type":"input.commit"}"#,
        #"{"type":"input.text","text":"four"}"#, #"{"type":"input.done"}"#,
        #"{"type":"input.text","text":"five"}"#, #"{"type":"input.cancel"}"#,
        #"{"type":"session.config","session":{"response_format":"pcm"}}"#,
        #"{"type":"input.text","text":" "}"#, #"{"type":"input.done"}"#,
        #"{"type":"session.close"}"#,
      ]
    ) { SpeechStream(sessionID: "a", limits: .init()) }
  }

  @Test func nari() throws {
    try fuzz(
      "nari",
      [
        #"{"type":"request.start","response_format":"pcm16"}"#,
        #"{"type":"input_text.append","sequence":0,"text":"One "}"#,
        #"{"type":"input_text.append","sequence":1,"text":"two"}"#,
        #"{"type":"input_text.end","sequence":2}"#, #"{"type":"response.cancel"}"#,
      ]
    ) { NariStream(requestID: "a", limits: .init()) }
  }

  @Test func elevenLabs() throws {
    for hasContexts in [false, true] {
      try fuzz(
        "elevenlabs-\(hasContexts)",
        [
          #"{"text":" ","context_id":"a","voice_settings":{"speed":1}}"#,
          #"{"text":"One ","context_id":"a"}"#, #"{"text":"two. ","context_id":"b","flush":true}"#,
          #"{"context_id":"b","flush":true}"#, #"{"text":"three","context_id":"b"}"#,
          #"{"context_id":"a","close_context":true}"#, #"{"text":""}"#, #"{"close_socket":true}"#,
        ]
      ) {
        try? ElevenLabsStream(
          hasContexts: hasContexts, patience: .seconds(1),
          settings: { _ throws(APIError) in SpeechParameters() })
      }
    }
  }

  @Test func realtime() throws {
    let item = #"{"type":"message","content":[{"type":"input_text","text":"Hello."}]}"#
    for dialect in [Realtime.Dialect.openAI, .dashScope] {
      try fuzz(
        "realtime-\(dialect)",
        [
          #"{"type":"session.update","session":{"audio":{"output":{"voice":"a"}},"mode":"commit"}}"#,
          #"{"type":"conversation.item.create","item":\#(item)}"#, #"{"type":"response.create"}"#,
          #"{"type":"response.create","response":{"input":[\#(item)]}}"#,
          #"{"type":"input_text_buffer.append","text":"One "}"#,
          #"{"type":"input_text_buffer.commit"}"#, #"{"type":"input_text_buffer.clear"}"#,
          #"{"type":"response.cancel"}"#, #"{"type":"session.finish"}"#,
        ]
      ) {
        Realtime(
          dialect, sessionID: "a", model: "m", parameters: SpeechParameters(),
          languages: ["english"], limits: .init())
      }
    }
  }
}
#endif
