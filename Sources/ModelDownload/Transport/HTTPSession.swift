// SPDX-License-Identifier: MIT
internal import CCurl

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The head of an answer.
package struct HTTPHead: Sendable {
  /// 0 before an answer came.
  package var status = 0
  /// By names in lower case; of a name that comes twice, the last.
  package var headers: [String: String] = [:]

  package init(status: Int = 0) {
    self.status = status
  }

  /// A number that a header states; `nil` where it is missing or no number.
  package func number(_ name: String) -> Int? {
    headers[name].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
  }

  /// Takes a line as it came.
  package mutating func take(_ line: String) {
    let last = line.lastIndex { !$0.isWhitespace }
    let line = last.map { line[...$0] } ?? ""
    if line.hasPrefix("HTTP/") {
      let words = line.split(separator: " ")
      self = HTTPHead(status: words.count > 1 ? Int(words[1]) ?? 0 : 0)
    } else if let colon = line.firstIndex(of: ":") {
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      headers[line[..<colon].lowercased()] = String(value)
    }
  }
}

/// An answer that did not come, or not to its end.
struct TransportError: Error {
  /// libcurl's number.
  let code: Int32
  let message: String

  /// Whether another try may help: names that do not resolve, connections that fail, break or
  /// stall. Certificates, addresses and a lack of memory stay as they are.
  var isPassing: Bool {
    switch code {
    // As in curl.h: resolving proxy and host, connecting, weird replies, HTTP/2, partial files,
    // time-outs, TLS hand-shakes, empty replies, sending, receiving, HTTP/2 streams, QUIC.
    case 5, 6, 7, 8, 16, 18, 28, 35, 52, 55, 56, 92, 95, 96: true
    default: false
    }
  }

  /// Whether the other side was not even reached.
  var isAboutReaching: Bool { [5, 6, 7].contains(code) }

  /// Whether the other side could not prove who it is.
  var isAboutCertificates: Bool { [51, 58, 60, 77, 83, 91].contains(code) }
}

/// Connections of one thread, which are kept from one request to the next.
///
/// With `CurlLibrary` this is the only Swift code that touches libcurl.
@safe final class HTTPSession {
  /// How long to be patient.
  struct Patience: Sendable {
    var connectSeconds = 20
    /// A transfer with less than a kilobyte a second for so long is dropped.
    var stallSeconds = 30
  }

  private let session: OpaquePointer
  /// Its functions are used as long as the session lives.
  private let library: CurlLibrary
  private let patience: Patience
  private static let userAgent = "qwen3-tts"

  init(library: CurlLibrary, patience: Patience) throws(DownloadError) {
    guard let session = unsafe qt_curl_session_new(library.functions) else {
      throw DownloadError(.failed, "libcurl: expected a session, found too little memory")
    }
    unsafe self.session = session
    self.library = library
    self.patience = patience
  }

  deinit { unsafe qt_curl_session_free(session) }

  /// Sends a GET or HEAD and waits for the end of the answer. Redirects are answers like others.
  ///
  /// - Parameters:
  ///   - headers: Lines `Name: value`.
  ///   - wantsMore: Asked about once a second; `false` ends the transfer with `TransportError`.
  ///   - take: Given the body as it comes; what it throws ends the transfer and is thrown on.
  func send(
    _ url: String, headers: [String], headOnly: Bool = false,
    wantsMore: @escaping () -> Bool, take: @escaping (HTTPHead, Span<UInt8>) throws -> Void
  ) throws -> HTTPHead {
    let exchange = Exchange(wantsMore: wantsMore, take: take)
    let result = unsafe withCStrings([url, Self.userAgent] + headers) { strings in
      unsafe strings.withUnsafeBufferPointer { strings in
        var request = unsafe qt_curl_request()
        unsafe request.url = strings[0]
        unsafe request.user_agent = strings[1]
        unsafe request.headers = strings.baseAddress.map { unsafe $0 + 2 }
        unsafe request.header_count = headers.count
        unsafe request.head_only = headOnly
        unsafe request.connect_seconds = patience.connectSeconds
        unsafe request.low_speed_bytes = 1024
        unsafe request.low_speed_seconds = patience.stallSeconds
        // Safety: `exchange` lives until `qt_curl_send` has returned, which calls back no later.
        unsafe request.context = Unmanaged.passUnretained(exchange).toOpaque()
        unsafe request.take_header = { context, bytes, count in
          unsafe Exchange.from(context).takeHeader(
            UnsafeRawBufferPointer(start: bytes, count: count))
        }
        unsafe request.take_body = { context, bytes, count in
          unsafe Exchange.from(context).takeBody(
            UnsafeRawBufferPointer(start: bytes, count: count))
        }
        unsafe request.wants_more = { context in unsafe Exchange.from(context).wantsMore() }
        return unsafe qt_curl_send(session, &request)
      }
    }
    withExtendedLifetime(exchange) {}
    if let failure = exchange.failure { throw failure }
    guard result.code == 0 else {
      let message = unsafe withUnsafeBytes(of: result.message) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw TransportError(code: result.code, message: message)
    }
    return exchange.head
  }
}

/// What the callbacks of one request share.
private final class Exchange {
  var head = HTTPHead()
  var failure: (any Error)?
  let wantsMore: () -> Bool
  private let take: (HTTPHead, Span<UInt8>) throws -> Void

  init(wantsMore: @escaping () -> Bool, take: @escaping (HTTPHead, Span<UInt8>) throws -> Void) {
    self.wantsMore = wantsMore
    self.take = take
  }

  @unsafe static func from(_ context: UnsafeMutableRawPointer?) -> Exchange {
    guard let context = unsafe context else { preconditionFailure("the request has a context") }
    return unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
  }

  @unsafe func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
    unsafe head.take(String(decoding: bytes, as: UTF8.self))
    return true
  }

  @unsafe func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard failure == nil else { return false }
    do {
      unsafe try take(head, Span(_unsafeElements: bytes.bindMemory(to: UInt8.self)))
      return true
    } catch {
      failure = error
      return false
    }
  }
}

/// Copies of strings as C has them, for as long as `body` runs.
@unsafe private func withCStrings<Result>(
  _ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> Result
) -> Result {
  let copies = unsafe strings.map { unsafe strdup($0) }
  defer { unsafe copies.forEach { unsafe free($0) } }
  return unsafe body(copies.map { unsafe UnsafePointer($0) })
}
