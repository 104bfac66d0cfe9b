// SPDX-License-Identifier: MIT
#if Server
import FuzzSupport
import Qwen3TTS
import SpeechServer
import Testing

@Suite struct WyomingTests {
  // MARK: Framing

  @Test func `events are read as they were written, however the bytes come`() throws {
    let events = [
      WyomingEvent("describe"),
      WyomingEvent("audio-chunk", ["rate": 24_000, "text": "a\nb"], payload: [1, 2, 10, 3]),
      WyomingEvent("synthesize-chunk", ["text": "ü"]),
    ]
    let bytes = events.flatMap(\.bytes)
    for size in [1, 3, bytes.count] {
      var reader = WyomingReader()
      var read: [WyomingEvent] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        reader.append(bytes[start..<min(start + size, bytes.count)])
        while let event = try reader.next() { read.append(event) }
      }
      #expect(read == events)
    }
    var reader = WyomingReader()
    reader.append(
      Array(
        (#"{"type":"ping","data":{"text":"a","b":1},"data_length":12}"# + "\n" + #"{"text":"c"}"#)
          .utf8))
    #expect(try reader.next() == WyomingEvent("ping", ["text": "c", "b": 1]))
  }

  @Test func `what is no event, or too large, is refused`() {
    for text in [
      "nonsense\n", "[]\n", "{}\n", #"{"type":5}"# + "\n", #"{"type":"a","data_length":-1}"# + "\n",
      #"{"type":"a","payload_length":2000000}"# + "\n", #"{"type":"a","data_length":2}"# + "\n[]",
      String(repeating: "a", count: 70_000),
    ] {
      var reader = WyomingReader()
      reader.append(text.utf8)
      #expect(throws: WyomingReader.Malformed.self, "\(text.prefix(40))") { try reader.next() }
    }
  }

  @Test func `hostile bytes`() throws {
    let seeds = [
      WyomingEvent("synthesize", ["text": "Hello.", "voice": ["name": "a"]]).bytes,
      WyomingEvent("a", ["b": 1], payload: [1, 2, 3]).bytes + WyomingEvent("describe").bytes,
    ]
    try Fuzzing(name: "wyoming").run(seeds: seeds) { bytes in
      var reader = WyomingReader()
      reader.append(bytes)
      do throws(WyomingReader.Malformed) {
        while let event = try reader.next() {
          var again = WyomingReader()
          again.append(event.bytes)
          #expect(try again.next() == event)
        }
      } catch {
        #expect(!error.message.isEmpty)
      }
    }
  }

  // MARK: Conversations

  /// A session before a device that says nothing until it is asked to.
  private struct Conversation {
    var client = WyomingSession(
      programs: [.init(name: "tiny", voices: ["ryan"], languages: ["english", "german"])],
      version: "1", limits: .init())
    var turn = SessionTurn<WyomingEvent>(SpeechSession())
    var sent: [WyomingEvent] = []
    /// Text of the utterances that were begun.
    var texts: [SpeechSession.ID: String] = [:]
    var hasEnded = false

    mutating func receive(_ event: WyomingEvent) {
      client.receive(event, &turn)
      settle()
    }

    /// Says a frame of each utterance, and ends it.
    mutating func speak() {
      for id in texts.keys.sorted() {
        turn.perform { $0.sound(SpeechPiece(bytes: [1, 2], sampleCount: 1), of: id) }
        turn.perform { $0.ended(id, .whole(SpeechMetrics())) }
      }
      settle()
    }

    mutating func settle() {
      var effects = turn.takeEffects()
      while !effects.isEmpty {
        switch effects.removeFirst() {
        case .send(let event): sent.append(event)
        case .end: hasEnded = true
        case .step(.feed(let id, let text)): texts[id, default: ""] += text
        case .step(let step):
          client.report(step, &turn)
          effects = turn.takeEffects() + effects
        }
      }
    }
  }

  @Test func `says what it can say, and speaks in one go`() {
    var one = Conversation()
    one.receive(WyomingEvent("describe"))
    guard case .array(let programs)? = one.sent.first?.data["tts"],
      case .object(let program)? = programs.first,
      case .array(let voices)? = program["voices"], case .object(let voice)? = voices.first
    else {
      Issue.record("no programs")
      return
    }
    #expect(program["supports_synthesize_streaming"] == true)
    #expect(voice["languages"] == ["de", "en"])
    #expect(one.sent.first?.data["wake"] == [])
    one.sent = []
    one.receive(WyomingEvent("ping", ["text": "a"]))
    one.receive(WyomingEvent("unheard-of"))
    one.receive(WyomingEvent("synthesize", ["text": "Hello.", "voice": ["name": "ryan"]]))
    one.speak()
    #expect(one.sent.map(\.type) == ["pong", "audio-start", "audio-chunk", "audio-stop"])
    #expect(one.texts == [0: "Hello."])
  }

  @Test func `speaks a stream, and uses its copy only where no text came`() {
    var stream = Conversation()
    stream.receive(WyomingEvent("synthesize-start", ["voice": ["name": "ryan"]]))
    for word in ["One ", "two."] {
      stream.receive(WyomingEvent("synthesize-chunk", ["text": .string(word)]))
    }
    stream.receive(WyomingEvent("synthesize", ["text": "One two."]))
    stream.receive(WyomingEvent("synthesize-stop"))
    stream.speak()
    #expect(stream.texts == [0: "One two."])
    #expect(
      stream.sent.map(\.type) == ["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"])
    var copy = Conversation()
    copy.receive(WyomingEvent("synthesize-start"))
    copy.receive(WyomingEvent("synthesize", ["text": "Copy."]))
    copy.receive(WyomingEvent("synthesize-stop"))
    copy.speak()
    #expect(copy.texts == [0: "Copy."] && copy.sent.last?.type == "synthesize-stopped")
    var empty = Conversation()
    empty.receive(WyomingEvent("synthesize-start"))
    empty.receive(WyomingEvent("synthesize-chunk", ["text": "  "]))
    empty.receive(WyomingEvent("synthesize-stop"))
    #expect(empty.sent.map(\.type) == ["synthesize-stopped"])
  }

  @Test func `says what is wrong`() {
    for (event, code) in [
      (WyomingEvent("synthesize", ["text": " "]), "empty-text"),
      (WyomingEvent("synthesize", ["text": 5]), "invalid-value"),
      (
        WyomingEvent("synthesize", ["text": "a", "text_format": "ssml"]), "text-format-unsupported"
      ),
      (WyomingEvent("synthesize-chunk", ["text": "a"]), "invalid-value"),
    ] {
      var conversation = Conversation()
      conversation.receive(event)
      #expect(conversation.sent.first?.type == "error")
      #expect(conversation.sent.first?.data["code"] == .string(code), "\(event)")
    }
    var failed = Conversation()
    failed.receive(WyomingEvent("synthesize-start"))
    failed.receive(WyomingEvent("synthesize-chunk", ["text": "a"]))
    var limits = SpeechSession.Limits()
    limits.contexts = 0
    var full = SpeechSession(limits: limits)
    do throws(APIError) { try full.open("a") } catch {
      failed.turn.perform { $0.ended(0, .failed(error)) }
    }
    failed.settle()
    #expect(failed.sent.map(\.type) == ["error", "synthesize-stopped"])
    #expect(failed.sent.first?.data["code"] == "too-many-contexts")
  }
}
#endif
