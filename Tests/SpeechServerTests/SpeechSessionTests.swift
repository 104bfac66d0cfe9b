// SPDX-License-Identifier: MIT
#if Server
import Qwen3TTS
import SpeechServer
import Testing

@Suite struct SpeechSessionTests {
  typealias Step = SpeechSession.Step

  /// A step in a word, with the number of its utterance.
  private func name(_ step: Step) -> String {
    switch step {
    case .begin(let id, let context): "begin \(id)\(context.isEmpty ? "" : " \(context)")"
    case .feed(let id, let text): "feed \(id) \(text)"
    case .endText(let id): "end text \(id)"
    case .cancel(let id): "cancel \(id)"
    case .started(let utterance): "started \(utterance.id)"
    case .sound(let utterance, _): "sound \(utterance.id)"
    case .ended(let utterance, .whole): "whole \(utterance.id)"
    case .ended(let utterance, .cancelled): "cancelled \(utterance.id)"
    case .ended(let utterance, .failed): "failed \(utterance.id)"
    case .closed(let context): "closed \(context)"
    case .finished: "finished"
    }
  }

  private func names(_ steps: [Step]) -> [String] { steps.map(name) }

  private let whole = SpeechSession.Ending.whole(SpeechMetrics())

  @Test func `text is spoken as it comes, from the first word on`() throws {
    var session = SpeechSession()
    #expect(names(try session.append(" ")) == [])
    #expect(names(try session.append("Good ")) == ["begin 0", "feed 0  Good "])
    #expect(names(try session.append("day.")) == ["feed 0 day."])
    #expect(
      names(session.sound(SpeechPiece(sampleCount: 1_920), of: 0)) == ["started 0", "sound 0"])
    #expect(names(session.sound(SpeechPiece(sampleCount: 1_920), of: 0)) == ["sound 0"])
    #expect(!session.isBusy)
    #expect(names(session.endText()) == ["end text 0"])
    #expect(session.isBusy)
    #expect(session.utterances(of: "").first?.audioSeconds == 0.16)
    #expect(names(session.ended(0, whole)) == ["whole 0"])
    #expect(names(session.ended(0, whole)) == [])
  }

  @Test func `utterances of a context follow one another, those of others do not wait`() throws {
    var session = SpeechSession()
    _ = try session.append("a", to: "x")
    _ = session.endText(of: "x")
    #expect(names(try session.append("b", to: "x")) == [])
    #expect(names(session.endText(of: "x")) == [])
    #expect(names(try session.append("c", to: "y")) == ["begin 2 y", "feed 2 c"])
    #expect(names(session.ended(0, whole)) == ["whole 0", "begin 1 x", "feed 1 b", "end text 1"])
    #expect(names(session.close("x")) == [])
    #expect(names(session.ended(1, whole)) == ["whole 1", "closed x"])
    #expect(session.contextNames == ["y"])
  }

  @Test func `no more are spoken at a time than may be`() throws {
    var limits = SpeechSession.Limits()
    limits.speaking = 2
    var session = SpeechSession(limits: limits)
    for context in ["a", "b", "c"] { _ = try session.append("text", to: context) }
    #expect(session.utterances(of: "c").first?.isSpeaking == false)
    #expect(names(session.ended(0, whole)) == ["whole 0", "begin 2 c", "feed 2 text"])
  }

  @Test func `spaces alone say nothing`() throws {
    var session = SpeechSession()
    #expect(names(try session.append("  \n")) == [])
    #expect(names(session.endText()) == [])
    #expect(session.utterances(of: "").isEmpty)
    #expect(names(session.finish()) == ["closed ", "finished"])
  }

  @Test func `cancelling ends what is said and what waits, and text can follow`() throws {
    var session = SpeechSession()
    _ = try session.append("a")
    _ = session.endText()
    _ = try session.append("b")
    #expect(names(session.cancel()) == ["cancel 0", "cancelled 0", "cancelled 1"])
    #expect(names(session.sound(SpeechPiece(), of: 0)) == [])
    #expect(names(session.ended(0, .cancelled)) == [])
    #expect(names(try session.append("c")) == ["begin 2", "feed 2 c"])
  }

  @Test func `discarding ends what is being written, and not what was before it`() throws {
    var session = SpeechSession()
    _ = try session.append("a")
    #expect(names(session.discard()) == ["cancel 0", "cancelled 0"])
    _ = try session.append("b")
    _ = session.endText()
    _ = try session.append("c")
    #expect(names(session.discard()) == ["cancelled 2"])
    #expect(names(session.discard()) == [])
    #expect(session.utterances(of: "").map(\.text) == ["b"])
  }

  @Test func `a connection that is to close says what was written first`() throws {
    var session = SpeechSession()
    _ = try session.append("a", to: "x")
    #expect(names(session.finish()) == ["end text 0"])
    #expect(throws: APIError.self) { _ = try session.append("b", to: "y") }
    #expect(names(session.ended(0, whole)) == ["whole 0", "closed x", "finished"])
    #expect(names(session.finish()) == [])
  }

  @Test func `draining ends what is idle, and lets the rest be said`() throws {
    var idle = SpeechSession()
    _ = try idle.append(" ")
    #expect(names(idle.drain()) == ["finished"])
    var session = SpeechSession()
    _ = try session.append("a")
    #expect(names(session.drain()) == [])
    // What was begun may be written to its end.
    #expect(names(try session.append("b")) == ["feed 0 b"])
    #expect(names(session.endText()) == ["end text 0"])
    #expect(throws: APIError.self) { _ = try session.append("c") }
    #expect(names(session.ended(0, whole)) == ["whole 0", "finished"])
  }

  @Test func `limits are kept`() throws {
    var limits = SpeechSession.Limits()
    limits.contexts = 2
    limits.characters = 5
    limits.utterances = 2
    var session = SpeechSession(limits: limits)
    func code(_ body: () throws -> Void) -> String? {
      do { try body() } catch { return (error as? APIError)?.code }
      return nil
    }
    _ = try session.append("12345", to: "a")
    #expect(code { _ = try session.append("6", to: "a") } == "string_above_max_length")
    _ = session.endText(of: "a")
    _ = try session.append("1", to: "a")
    _ = session.endText(of: "a")
    #expect(code { _ = try session.append("1", to: "a") } == "overloaded")
    try session.open("b")
    #expect(code { try session.open("c") } == "too_many_contexts")
    _ = session.close("a")
    #expect(code { _ = try session.append("1", to: "a") } == "context_closed")
  }

  @Test func `whatever is asked for, every utterance that was begun ends once`() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var session = SpeechSession()
      var begun: Set<Int> = []
      var ended: [Int: Int] = [:]
      var finished = 0
      func take(_ steps: [Step]) {
        for step in steps {
          switch step {
          case .begin(let id, _): #expect(begun.insert(id).inserted)
          case .feed(let id, _), .endText(let id): #expect(begun.contains(id) && ended[id] == nil)
          case .sound(let utterance, _), .started(let utterance):
            #expect(begun.contains(utterance.id) && ended[utterance.id] == nil)
          case .ended(let utterance, _): ended[utterance.id, default: 0] += 1
          case .finished: finished += 1
          case .cancel, .closed: break
          }
        }
      }
      for _ in 0..<100 {
        let context = ["a", "b", "c"].randomElement(using: &random) ?? "a"
        let id = Int.random(in: 0..<20, using: &random)
        switch Int.random(in: 0..<40, using: &random) {
        case 0..<14:
          take((try? session.append([" ", "word ", ""].randomElement() ?? "", to: context)) ?? [])
        case 14..<20: take(session.endText(of: context))
        case 20..<22: take(session.cancel(context))
        case 22..<24: take(session.close(context))
        case 24..<31: take(session.sound(SpeechPiece(sampleCount: 1), of: id))
        case 31..<38:
          take(session.ended(id, [whole, .cancelled].randomElement(using: &random) ?? whole))
        case 38: if Int.random(in: 0..<20, using: &random) == 0 { take(session.drain()) }
        default: if Int.random(in: 0..<20, using: &random) == 0 { take(session.finish()) }
        }
      }
      for context in session.contextNames { take(session.cancel(context)) }
      take(session.finish())
      #expect(begun.isSubset(of: Set(ended.keys)))
      #expect(ended.values.allSatisfy { $0 == 1 })
      #expect(finished == 1)
    }
  }
}
#endif
