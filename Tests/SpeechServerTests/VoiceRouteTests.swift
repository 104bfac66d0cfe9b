// SPDX-License-Identifier: MIT
#if Server
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Qwen3TTS
import SpeechServer
import Synchronization
import Testing

@Suite struct VoiceRouteTests {
  let folder = FileManager.default.temporaryDirectory.appending(path: "voices-\(UUID().uuidString)")

  func server(_ kinds: [ModelKind] = [.customVoice, .base]) -> (TestServer, [FakeEngine]) {
    let engines = kinds.map { FakeEngine(kind: $0) }
    return (TestServer(engines) { $0.voiceFolder = folder }, engines)
  }

  /// A form of text parts and, where `recording` is given, a file.
  func upload(
    _ client: any TestClientProtocol, _ parts: KeyValuePairs<String, String>,
    recording: String? = nil
  ) async throws -> TestResponse {
    var body = ""
    for (name, text) in parts {
      body += "--b\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(text)\r\n"
    }
    if let recording {
      body += "--b\r\nContent-Disposition: form-data; name=\"audio_sample\"; filename=\"a.wav\"\r\n"
      body += "Content-Type: audio/wav\r\n\r\n\(recording)\r\n"
    }
    return try await client.post(
      "/v1/audio/voices", body + "--b--\r\n",
      headers: [.contentType: "multipart/form-data; boundary=b"])
  }

  @Test func `an uploaded voice is listed, spoken with, kept over a restart, and deleted`()
    async throws
  {
    let (first, _) = server()
    try await first.test { client in
      let made = try await upload(
        client, ["consent": "consent_1", "name": "My Voice", "ref_text": "Hello."],
        recording: "RIFF")
      #expect(made.status == .ok)
      let members = try made.members
      #expect(members["object"] == "audio.voice" && members["id"] == "My Voice")
      #expect(members["type"] == "audio_sample" && members["success"] == true)
      #expect(members["notices"] == ["It clips."])
      guard case .object(let details)? = members["voice"] else {
        Issue.record("no details")
        return
      }
      #expect(details["consent"] == "consent_1" && details["mime_type"] == "audio/wav")
      #expect(details["file_size"] == 4 && details["embedding_dim"] == 4)
    }
    let (second, engines) = server()
    try await second.test { client in
      let list = try await client.get("/v1/audio/voices").members
      guard case .array(let uploaded)? = list["uploaded_voices"] else {
        Issue.record("no list")
        return
      }
      #expect(uploaded.count == 1)
      let names = try await client.get("/v1/audio/voices?names_only=true")
      #expect(try names.members["uploaded_voice_names"] == ["My Voice"])
      #expect(try await client.get("/v1/audio/voices/my%20voice").members["id"] == "My Voice")
      // The Base model speaks, although it is not the first.
      let spoken = try await client.speak(
        #"{"input":"abc","voice":"my voice","response_format":"pcm"}"#)
      #expect(spoken.body.readableBytes == 3 * 3_840)
      guard case .cloned(let voice)? = engines[1].lastOptions.withLock({ $0?.voice }) else {
        Issue.record("another voice spoke")
        return
      }
      #expect(voice.embedding == [1, 2, 3, 4])
      let again = try await upload(client, ["name": "my voice"], recording: "RIFF")
      #expect(again.status == .conflict)
      let replaced = try await upload(
        client, ["name": "My Voice", "overwrite": "true"], recording: "RIFX")
      #expect(replaced.status == .ok)
      let deleted = try await client.execute(uri: "/v1/audio/voices/MY%20VOICE", method: .delete)
      #expect(try deleted.members["deleted"] == true)
      let gone = try await client.execute(uri: "/v1/audio/voices/MY%20VOICE", method: .delete)
      #expect(gone.status == .notFound)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  @Test func `takes embeddings and designs voices`() async throws {
    let (server, _) = server([.base, .voiceDesign])
    try await server.test { client in
      let direct = try await upload(
        client, ["name": "direct", "consent": "c", "speaker_embedding": "[0.5, 1, 2, 3]"])
      #expect(try direct.members["type"] == "embedding")
      let wide = try await upload(client, ["name": "wide", "speaker_embedding": "[1, 2]"])
      #expect(try wide.error["param"] == "speaker_embedding")
      let designed = try await client.post(
        "/v1/audio/voices", #"{"type":"prompt","name":"old","prompt":"An old man.","model":"auto"}"#
      )
      #expect(try designed.members["type"] == "prompt")
      #expect(try designed.members["prompt"] == "An old man.")
      #expect(try await client.get("/v1/audio/voices/old").members["type"] == "prompt")
    }
  }

  @Test func `takes voices that qwentts.cpp extracted`() async throws {
    let (server, engines) = server([.base])
    /// Codes of two frames, all of a codebook's before the next: 0 and 31, 64 and 95, …
    let codes = (0..<16).flatMap { [$0 * 64, $0 * 64 + 31] }
    var packed = Data(count: 44)
    for (index, code) in codes.enumerated() {
      for bit in 0..<11 where code >> bit & 1 == 1 {
        packed[(11 * index + bit) / 8] |= 1 << UInt8((11 * index + bit) % 8)
      }
    }
    let rvq = packed.base64EncodedString()
    let spk = Data(
      [0.5, 1, 2, -3].flatMap { (value: Float) in
        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
      }
    ).base64EncodedString()
    try await server.test { client in
      for (members, parameter) in [
        (#""spk_b64":"AAA=","rvq_b64":"\#(rvq)","ref_text":"Hi.""#, "spk_b64"),
        (#""spk_b64":"\#(spk)","rvq_b64":"AAAA","ref_text":"Hi.""#, "rvq_b64"),
        (#""rvq_b64":"\#(rvq)","ref_text":"Hi.""#, "spk_b64"),
        (#""spk_b64":"\#(spk)","rvq_b64":"\#(rvq)""#, "ref_text"),
      ] {
        let refused = try await client.post("/v1/audio/voices", #"{"name":"a",\#(members)}"#)
        #expect(refused.status == .badRequest)
        #expect(try refused.error["param"] == .string(parameter))
      }
      let made = try await client.post(
        "/v1/audio/voices",
        #"{"name":"a","ref_text":"Hi.","spk_b64":"\#(spk)","rvq_b64":"\#(rvq)"}"#)
      #expect(made.status == .ok)
      _ = try await client.speak(#"{"input":"x","voice":"a","response_format":"pcm"}"#)
      guard case .cloned(let voice)? = engines[0].lastOptions.withLock({ $0?.voice }) else {
        Issue.record("another voice spoke")
        return
      }
      #expect(voice.embedding == [0.5, 1, 2, -3] && voice.transcript == "Hi.")
      #expect(voice.codes == [0, 31].map { first in (0..<16).map { Int32($0 * 64 + first) } })
    }
  }

  @Test func `says which model a voice needs`() async throws {
    let (server, _) = server([.customVoice])
    try await server.test { client in
      let refused = try await upload(client, ["name": "a"], recording: "RIFF")
      #expect(refused.status == .badRequest)
      #expect(try refused.error["param"] == "model")
      #expect(refused.text.contains("0.6B-Base"))
    }
    let (base, _) = self.server([.base])
    try await base.test { client in
      let refused = try await client.post("/v1/audio/voices", #"{"name":"a","prompt":"Old."}"#)
      #expect(refused.status == .badRequest && refused.text.contains("VoiceDesign"))
    }
  }

  @Test(arguments: [
    "", ".hidden", "a/b", "../a", "a\\b", " a", "a\u{0}", String(repeating: "a", count: 65),
    "ryan", "RYAN",
  ])
  func `refuses names that cannot be`(_ name: String) async throws {
    let (server, _) = server()
    try await server.test { client in
      let refused = try await upload(client, ["name": name], recording: "RIFF")
      #expect(refused.status == .badRequest)
      #expect(try refused.error["param"] == "name")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  @Test func `refuses uploads of nothing, of several things, and above the limit`() async throws {
    let server = TestServer([FakeEngine(kind: .base)]) {
      $0.voiceFolder = folder
      $0.limits.recordingBytes = 8
    }
    try await server.test { client in
      #expect(try await upload(client, ["name": "a"]).error["param"] == "audio_sample")
      let both = try await upload(
        client, ["name": "a", "speaker_embedding": "[1,2,3,4]"], recording: "RIFF")
      #expect(both.status == .badRequest)
      let long = try await upload(client, ["name": "a"], recording: "123456789")
      #expect(long.status == .contentTooLarge)
      let text = try await client.post(
        "/v1/audio/voices", "name=a", headers: [.contentType: "text/plain"])
      #expect(text.status == .unsupportedMediaType)
    }
  }

  @Test func `a recording that comes again is encoded once`() async throws {
    let (server, engines) = server([.base])
    try await server.test { client in
      for text in ["a", "b", "a"] {
        let body =
          #"{"input":"x","response_format":"pcm","ref_audio":"data:audio/wav;base64,UklGRg==","#
          + #""ref_text":"\#(text)"}"#
        #expect(try await client.speak(body).status == .ok)
      }
      #expect(engines[0].counts.withLock { $0.voices } == 2)
      let metrics = try await client.get("/metrics").text
      #expect(metrics.contains("qwen3tts_voice_cache_hits_total 1\n"))
    }
  }

  @Test(arguments: [
    ("http://127.0.0.1/a.wav", false), ("http://127.0.0.1/a.wav", true),
    ("http://localhost:1/a.wav", true), ("http://[::1]/a.wav", true),
    ("http://169.254.169.254/latest", true), ("http://0/a", true), ("http://", true),
    ("file:///etc/passwd", false), ("file:///etc/passwd", true), ("data:audio/wav,abc", true),
  ])
  func `fetches nothing that its owner did not allow`(_ source: String, _ isAllowed: Bool)
    async throws
  {
    let server = TestServer([FakeEngine(kind: .base)]) {
      $0.voiceFolder = folder
      $0.reference.allowsAddresses = isAllowed
      $0.reference.mediaFolder = isAllowed ? folder : nil
    }
    try await server.test { client in
      let refused = try await client.speak(#"{"input":"x","ref_audio":"\#(source)"}"#)
      #expect(refused.status == .badRequest)
      #expect(try refused.error["param"] == "ref_audio")
    }
  }

  @Test func `reads files of the media folder alone`() async throws {
    let media = folder.appending(path: "media")
    try FileManager.default.createDirectory(at: media, withIntermediateDirectories: true)
    try Data("RIFF".utf8).write(to: media.appending(path: "a.wav"))
    try Data("RIFF".utf8).write(to: folder.appending(path: "secret.wav"))
    try FileManager.default.createSymbolicLink(
      at: media.appending(path: "link.wav"),
      withDestinationURL: folder.appending(path: "secret.wav"))
    let server = TestServer([FakeEngine(kind: .base)]) { $0.reference.mediaFolder = media }
    try await server.test { client in
      for (path, status) in [
        ("a.wav", 200), ("link.wav", 400), ("../secret.wav", 400), ("%2e%2e/secret.wav", 400),
        ("none.wav", 400), (".", 400),
      ] {
        let body =
          #"{"input":"x","response_format":"pcm","ref_audio":"file://\#(media.path)/\#(path)"}"#
        let response = try await client.speak(body)
        #expect(response.statusCode == status, "\(path)")
      }
    }
  }

  @Test func `stores what was said of whose voice may be used`() async throws {
    let (server, _) = server()
    try await server.test { client in
      let form = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAlice\r\n--b--\r\n"
      let made = try await client.post(
        "/v1/audio/voice_consents", form, headers: [.contentType: "multipart/form-data; boundary=b"]
      )
      #expect(made.status == .ok)
      let list = try await client.get("/v1/audio/voice_consents").text
      #expect(list.contains("Alice") && list.contains("consent_"))
      #expect(try await client.get("/v1/audio/voices?format=names").text.contains(#""ryan""#))
    }
  }
}
#endif
