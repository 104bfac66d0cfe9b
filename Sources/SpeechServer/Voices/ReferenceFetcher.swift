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

  /// The bytes of a recording.
  ///
  /// - Throws: `APIError` 400 when the recording may not or cannot be read.
  func bytes(of source: SpeechParameters.ReferenceSource) async throws -> [UInt8] {
    let bytes =
      switch source {
      case .bytes(let bytes): bytes
      case .file(let path): try read(localFile(path))
      case .address(let address): try await fetch(address)
      }
    guard bytes.count <= byteLimit else { throw Self.tooLong(byteLimit) }
    return bytes
  }

  private static func tooLong(_ limit: Int) -> APIError {
    .invalid("ref_audio", "ref_audio: expected at most \(limit) bytes, found more.")
  }

  private func read(_ path: String) throws(APIError) -> [UInt8] {
    do {
      let file = try FileHandle(forReadingFrom: URL(filePath: path))
      defer { try? file.close() }
      return [UInt8](try file.read(upToCount: byteLimit + 1) ?? Data())
    } catch {
      throw .invalid("ref_audio", "ref_audio: expected a file that can be read, found none.")
    }
  }

  /// Gives bytes as a file to `body`; the file is gone afterwards.
  static func withTemporaryFile<Value: Sendable>(
    _ bytes: [UInt8], _ body: (String) async throws -> Value
  ) async throws -> Value {
    let file = FileManager.default.temporaryDirectory
      .appending(path: "qwen3-tts-\(UInt64.random(in: .min ... .max)).audio")
    try Data(bytes).write(to: file, options: [.withoutOverwriting])
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
    guard file.hasPrefix(root.hasSuffix("/") ? root : root + "/"),
      let kind = try? FileManager.default.attributesOfItem(atPath: file)[.type]
        as? FileAttributeType,
      kind == .typeRegular
    else {
      throw .invalid("ref_audio", "ref_audio: expected a file below this server's media folder.")
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
    let addresses: [SocketAddress]
    do {
      addresses = try await NIOThreadPool.singleton.runIfActive {
        try [SocketAddress.makeAddressResolvingHost(host, port: port)]
      }
    } catch {
      throw APIError.invalid("ref_audio", "ref_audio: expected an address of a host that exists.")
    }
    let texts = addresses.compactMap(\.ipAddress)
    guard let first = texts.first, texts.allSatisfy(isPublic) else {
      throw APIError.invalid(
        "ref_audio", "ref_audio: expected an address on the public network.")
    }
    return first
  }

  /// Whether an address, in the text that the system writes, leads to the public network.
  static func isPublic(_ text: String) -> Bool {
    if let v4 = bytes(v4: text) { return isPublic(v4: v4) }
    guard let v6 = bytes(v6: text) else { return false }
    // IPv4 within IPv6: mapped, and the prefix of NAT64.
    let isMapped = v6[0..<10].allSatisfy { $0 == 0 } && v6[10] == 0xFF && v6[11] == 0xFF
    let isTranslated = v6.starts(with: [0, 0x64, 0xFF, 0x9B])
    if isMapped || isTranslated { return isPublic(v4: Array(v6[12...])) }
    // Global unicast is 2000::/3; documentation, Teredo and 6to4 are not for us.
    let reserved: [[UInt8]] = [[0x20, 0x01, 0x0D, 0xB8], [0x20, 0x01, 0, 0], [0x20, 0x02]]
    return v6[0] & 0xE0 == 0x20 && !reserved.contains { v6.starts(with: $0) }
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

  private static func bytes(v4 text: String) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { UInt8($0) }
    return parts.count == 4 && bytes.count == 4 ? bytes : nil
  }

  /// The sixteen bytes; a last part may be written as IPv4, and a zone is left out.
  private static func bytes(v6 text: String) -> [UInt8]? {
    let address = text.prefix { $0 != "%" }
    guard address.contains(":") else { return nil }
    let halves = address.split(separator: "::", omittingEmptySubsequences: false)
    guard halves.count <= 2 else { return nil }
    var sides: [[UInt8]] = []
    for half in halves {
      var side: [UInt8] = []
      for part in half.split(separator: ":") {
        if let v4 = bytes(v4: String(part)) {
          side += v4
        } else {
          guard let group = UInt16(part, radix: 16) else { return nil }
          side += [UInt8(group >> 8), UInt8(group & 0xFF)]
        }
      }
      sides.append(side)
    }
    let zeros = 16 - sides.reduce(0) { $0 + $1.count }
    guard sides.count == 2 ? zeros >= 2 : zeros == 0 else { return nil }
    return sides[0] + [UInt8](repeating: 0, count: zeros) + (sides.count == 2 ? sides[1] : [])
  }
}

extension Duration {
  /// Whole nanoseconds.
  var nanoseconds: Int64 {
    components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
  }
}
#endif
