// SPDX-License-Identifier: MIT
import Foundation
import ModelDownload
import ModelStore
import Testing

@Suite struct HubTests {
  private func hub(_ environment: [String: String]) throws -> Hub {
    try Hub(environment: ["HOME": "/nonexistent"].merging(environment) { $1 })
  }

  @Test func `spells addresses as the hub does`() throws {
    let name = try #require(ModelName("0.6B-Base"))
    let hub = try hub([:])
    #expect(
      hub.address(of: "speech_tokenizer/config.json", in: name, revision: "refs/pr/1")
        == "https://huggingface.co/Qwen/Qwen3-TTS-12Hz-0.6B-Base/resolve/refs%2Fpr%2F1/"
        + "speech_tokenizer/config.json")
    let mirror = try self.hub(["HF_ENDPOINT": "https://mirror.example/hf//"])
    #expect(
      mirror.listing(of: name, revision: "main")
        == "https://mirror.example/hf/api/models/Qwen/Qwen3-TTS-12Hz-0.6B-Base/revision/main"
        + "?blobs=true")
  }

  @Test(
    arguments: [
      ("https://huggingface.co/a", true), ("https://HuggingFace.co:443/a", true),
      ("http://huggingface.co/a", false), ("https://huggingface.co:8443/a", false),
      ("https://cdn.huggingface.co/a", false), ("https://huggingface.co.evil.example/a", false),
    ])
  func `shows the token to the endpoint alone`(address: String, isShown: Bool) throws {
    let hub = try hub(["HF_TOKEN": " hf_abc\n"])
    let url = try #require(URL(string: address))
    #expect(hub.authorization(for: url) == (isShown ? ["Authorization: Bearer hf_abc"] : []))
  }

  @Test(
    arguments: [
      ("http://mirror.example", false), ("http://127.0.0.1:8080", true),
      ("http://localhost", true), ("http://127.0.0.1.evil.example", false),
    ])
  func `shows no token in the clear`(endpoint: String, isShown: Bool) throws {
    let hub = try hub(["HF_TOKEN": "hf_abc", "HF_ENDPOINT": endpoint])
    #expect(hub.authorization(for: hub.endpoint).isEmpty != isShown)
  }

  @Test(arguments: ["ftp://a", "a", "https://", "https://a/?b", "file:///etc"])
  func `refuses endpoints that are none`(endpoint: String) {
    #expect(throws: DownloadError.self) { try hub(["HF_ENDPOINT": endpoint]) }
  }

  @Test(arguments: ["a b", "a\r\nX: y", "ä"])
  func `refuses tokens that could be more than one header`(token: String) {
    #expect(throws: DownloadError.self) { try hub(["HF_TOKEN": token]) }
  }

  @Test(
    arguments: [
      ("/b", "https://huggingface.co/b"),
      ("https://cdn.example/x?y=z%2F", "https://cdn.example/x?y=z%2F"),
      ("//cdn.example/x", "https://cdn.example/x"), ("http://cdn.example/x", nil),
      ("file:///etc/passwd", nil), ("ftp://cdn.example", nil), (nil, nil),
    ] as [(String?, String?)])
  func `follows redirects to the web, and from https to https`(
    location: String?, target: String?
  ) throws {
    let url = try #require(URL(string: "https://huggingface.co/a"))
    #expect((try? hub([:]).target(of: location, from: url))?.absoluteString == target)
  }

  @Test func `reads heads as they come`() {
    var head = HTTPHead()
    for line in [
      "HTTP/1.1 100 Continue\r\n", "\r\n", "HTTP/2 206\r\n", "ETag:\"abc\"\r\n",
      "Content-Length:  12 \r\n", "X-Linked-Size: -1\r\n", "nonsense\r\n", "\r\n",
    ] { head.take(line) }
    #expect(head.status == 206)
    #expect(head.headers["etag"] == "\"abc\"")
    #expect(head.number("content-length") == 12)
    #expect(head.number("x-linked-size") == nil)
  }

  @Test func `reads Retry-After in both forms`() {
    let now = Date(timeIntervalSince1970: 1_445_412_480)
    #expect(RetryAfter.wait("120", now: now) == .seconds(120))
    #expect(RetryAfter.wait("Wed, 21 Oct 2015 07:28:30 GMT", now: now) == .seconds(30))
    #expect(RetryAfter.wait("Wed, 21 Oct 2015 07:27:00 GMT", now: now) == .seconds(0))
    #expect(RetryAfter.wait("-1", now: now) == nil)
    #expect(RetryAfter.wait("soon", now: now) == nil)
  }

  @Test func `a library that is missing is none`() {
    #expect(CurlLibrary(name: "libnone.so.4") == nil)
    #expect(CurlLibrary(name: "libdl.so.2") == nil)
  }
}
