// SPDX-License-Identifier: MIT
#if Server
import AsyncHTTPClient
package import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// Reads the recordings that requests name, within what the server's owner allows.
package struct ReferenceFetcher: Sendable {
  /// Bytes of a recording.
  package var byteLimit = 10 << 20
  /// Whether addresses in requests are fetched.
  package var allowsAddresses = false
  /// The folder below which `file://` may read; `nil`: nowhere.
  package var mediaFolder: URL?
  /// How long fetching may take.
  package var timeout = Duration.seconds(10)

  package init() {}

  /// Gives the recording as a file to `body`; the file is gone afterwards.
  ///
  /// - Throws: `APIError` 400 when the recording may not or cannot be read.
  func withFile<Value: Sendable>(
    _ source: SpeechParameters.ReferenceSource, _ body: (String) async throws -> Value
  ) async throws -> Value {
    switch source {
    case .bytes(let bytes): return try await withTemporaryFile(bytes, body)
    case .file(let path): return try await body(try localFile(path))
    case .address(let address): return try await withTemporaryFile(try await fetch(address), body)
    }
  }

  /// Gives bytes as a file to `body`.
  func withTemporaryFile<Value: Sendable>(
    _ bytes: [UInt8], _ body: (String) async throws -> Value
  ) async throws -> Value {
    guard bytes.count <= byteLimit else {
      throw APIError.invalid(
        "ref_audio",
        "ref_audio: expected at most \(byteLimit) bytes, found \(bytes.count).")
    }
    let file = FileManager.default.temporaryDirectory
      .appending(path: "qwen3-tts-\(UInt64.random(in: .min ... .max)).audio")
    try Data(bytes).write(to: file, options: [.atomic])
    defer { try? FileManager.default.removeItem(at: file) }
    return try await body(file.path)
  }

  private func localFile(_ path: String) throws(APIError) -> String {
    guard let mediaFolder else {
      throw .invalid(
        "ref_audio",
        "ref_audio: this server reads no local files; it is started with "
          + "--allowed-local-media-path to do so.")
    }
    // Links are followed before the folder is compared, so that none leads out of it.
    let root = mediaFolder.resolvingSymlinksInPath().path
    let file = URL(filePath: path.removingPercentEncoding ?? path).resolvingSymlinksInPath().path
    guard file.hasPrefix(root.hasSuffix("/") ? root : root + "/") else {
      throw .invalid("ref_audio", "ref_audio: the file is not below this server's media folder.")
    }
    return file
  }

  private func fetch(_ address: String) async throws -> [UInt8] {
    guard allowsAddresses else {
      throw APIError.invalid(
        "ref_audio",
        "ref_audio: this server fetches no addresses; it is started with "
          + "--allow-reference-urls to do so. Send the recording itself, in base64.")
    }
    guard let url = URL(string: address), let host = url.host(), !host.isEmpty else {
      throw APIError.invalid("ref_audio", "ref_audio: expected an address, found none.")
    }
    let port = url.port ?? (url.scheme == "https" ? 443 : 80)
    // The name is resolved here and the connection made to what it resolved to: a name that changes in
    // between leads nowhere else.
    let resolved = try await PublicAddress.resolve(host, port: port)
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout = .init(
      connect: .nanoseconds(timeout.nanoseconds), read: .nanoseconds(timeout.nanoseconds))
    configuration.dnsOverride = [host: resolved]
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    do {
      var request = HTTPClientRequest(url: address)
      request.headers.add(name: "accept", value: "audio/*")
      let response = try await client.execute(
        request, timeout: .nanoseconds(timeout.nanoseconds))
      guard response.status == .ok else {
        throw APIError.invalid(
          "ref_audio", "ref_audio: the address answered with status \(response.status.code).")
      }
      let body = try await response.body.collect(upTo: byteLimit)
      try await client.shutdown()
      return Array(body.readableBytesView)
    } catch {
      try? await client.shutdown()
      throw error as? APIError
        ?? APIError.invalid("ref_audio", "ref_audio: the address could not be read.")
    }
  }
}

/// Addresses of the public network.
enum PublicAddress {
  /// The first address of a host, when all of them are public.
  ///
  /// - Throws: `APIError` 400 for private, loopback, link-local and other reserved addresses.
  static func resolve(_ host: String, port: Int) async throws -> String {
    let addresses = try await NIOThreadPool.singleton.runIfActive {
      try [SocketAddress.makeAddressResolvingHost(host, port: port)]
    }
    let texts = addresses.compactMap(\.ipAddress)
    guard let first = texts.first, texts.allSatisfy(isPublic) else {
      throw APIError.invalid("ref_audio", "ref_audio: the address is not on the public network.")
    }
    return first
  }

  static func isPublic(_ text: String) -> Bool {
    if let v4 = bytes(of: text, family: AF_INET, count: 4) { return isPublic(v4: v4) }
    guard let v6 = bytes(of: text, family: AF_INET6, count: 16) else { return false }
    // IPv4 in IPv6: mapped, compatible, and the prefix of NAT64.
    let mapped = v6[0..<10].allSatisfy { $0 == 0 } && v6[10] == 0xFF && v6[11] == 0xFF
    let translated = Array(v6[0..<4]) == [0, 0x64, 0xFF, 0x9B]
    if mapped || translated { return isPublic(v4: Array(v6[12...])) }
    // Global unicast is 2000::/3; documentation and 6to4 are not for us.
    let isDocumentation = Array(v6[0..<4]) == [0x20, 0x01, 0x0D, 0xB8]
    let isTunnel = v6[0] == 0x20 && v6[1] == 0x02 || Array(v6[0..<4]) == [0x20, 0x01, 0, 0]
    return v6[0] & 0xE0 == 0x20 && !isDocumentation && !isTunnel
  }

  private static func isPublic(v4 b: [UInt8]) -> Bool {
    switch (b[0], b[1], b[2]) {
    case (0, _, _), (10, _, _), (127, _, _), (224..., _, _): false
    case (100, 64...127, _), (169, 254, _), (172, 16...31, _), (192, 168, _), (198, 18...19, _):
      false
    case (192, 0, 0), (192, 0, 2), (198, 51, 100), (203, 0, 113), (192, 88, 99): false
    default: true
    }
  }

  private static func bytes(of text: String, family: Int32, count: Int) -> [UInt8]? {
    guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
    switch (address, family) {
    case (.v4(let v4), AF_INET):
      return unsafe withUnsafeBytes(of: v4.address.sin_addr) { unsafe Array($0) }
    case (.v6(let v6), AF_INET6):
      return unsafe withUnsafeBytes(of: v6.address.sin6_addr) { unsafe Array($0) }
    default: return nil
    }
  }
}

extension Duration {
  /// Whole nanoseconds.
  var nanoseconds: Int64 {
    components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
  }
}
#endif
