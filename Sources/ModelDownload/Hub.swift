// SPDX-License-Identifier: MIT

package import Foundation
package import ModelStore

/// A server in the manner of the Hugging Face hub, and what it may be sent.
package struct Hub: Sendable {
  /// Such as `https://huggingface.co`, without a slash at its end.
  package let endpoint: URL
  /// Shown to the endpoint alone.
  private let token: String?
  /// Whether nobody may be asked, as `HF_HUB_OFFLINE` says.
  let isOffline: Bool

  /// The hub of an environment: `HF_ENDPOINT`, and the token of `HF_TOKEN` or of the file that
  /// Hugging Face's own tools keep it in.
  ///
  /// - Throws: `DownloadError` `badRequest` for an address or token that cannot be one.
  package init(environment: [String: String]) throws(DownloadError) {
    let stated = environment["HF_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0 }
    var address = stated ?? "https://huggingface.co"
    while address.hasSuffix("/") { address.removeLast() }
    guard let endpoint = URL(string: address), Self.isWeb(endpoint), endpoint.query == nil else {
      throw DownloadError(
        .badRequest,
        "HF_ENDPOINT: expected an address such as https://huggingface.co, found \(address)")
    }
    self.endpoint = endpoint
    let token = Self.token(environment)
    guard token?.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) ?? true else {
      throw DownloadError(.badRequest, "HF_TOKEN: expected letters and digits, found other bytes")
    }
    self.token = token
    isOffline = ["1", "on", "yes", "true"].contains(
      environment["HF_HUB_OFFLINE"]?.lowercased() ?? "")
  }

  private static func token(_ environment: [String: String]) -> String? {
    let file =
      environment["HF_TOKEN_PATH"] ?? HuggingFaceCache.home(environment) + "/token"
    let text =
      environment["HF_TOKEN"]
      ?? FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) }
    let token = text?.trimmingCharacters(in: .whitespacesAndNewlines)
    return token.flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func isWeb(_ url: URL) -> Bool {
    ["http", "https"].contains(url.scheme?.lowercased()) && !(url.host() ?? "").isEmpty
  }
}

extension Hub {
  /// Where a file of a model is.
  package func address(of path: String, in name: ModelName, revision: String) -> String {
    endpoint.absoluteString + "/\(name)/resolve/\(Self.escaped(revision))/"
      + path.split(separator: "/").map { Self.escaped(String($0)) }.joined(separator: "/")
  }

  /// Where the list of a model's files is, with sizes and checksums.
  package func listing(of name: ModelName, revision: String) -> String {
    endpoint.absoluteString + "/api/models/\(name)/revision/\(Self.escaped(revision))?blobs=true"
  }

  /// A part of a path, everything but the unreserved characters of RFC 3986 escaped: a branch named
  /// `refs/pr/1` is one part.
  private static func escaped(_ text: String) -> String {
    let plain = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? text
  }

  /// Whether an address is the endpoint's: its answers may be believed about the model, and it may
  /// see the token.
  func isOwn(_ url: URL) -> Bool {
    func port(_ url: URL) -> Int { url.port ?? (url.scheme?.lowercased() == "https" ? 443 : 80) }
    return url.scheme?.lowercased() == endpoint.scheme?.lowercased()
      && url.host()?.lowercased() == endpoint.host()?.lowercased() && port(url) == port(endpoint)
  }

  /// The headers that only the endpoint is sent.
  ///
  /// The token is not sent in the clear, except to this machine itself.
  package func authorization(for url: URL) -> [String] {
    guard let token, isOwn(url) else { return [] }
    let isLocal = ["127.0.0.1", "localhost", "::1", "[::1]"].contains(url.host() ?? "")
    return url.scheme?.lowercased() == "https" || isLocal ? ["Authorization: Bearer \(token)"] : []
  }

  /// Where a redirect leads.
  ///
  /// - Throws: `DownloadError` `unavailable` for addresses that are none, and from https to http.
  package func target(of location: String?, from url: URL) throws(DownloadError) -> URL {
    guard let location, let target = URL(string: location, relativeTo: url)?.absoluteURL,
      Self.isWeb(target)
    else {
      throw DownloadError(
        .unavailable,
        "\(url.host() ?? ""): expected a redirect to a web address, found \(location ?? "none")")
    }
    guard url.scheme?.lowercased() != "https" || target.scheme?.lowercased() == "https" else {
      throw DownloadError(
        .unavailable,
        "\(url.host() ?? ""): expected a redirect that stays with https, found "
          + "\(target.scheme ?? "")://\(target.host() ?? "")")
    }
    return target
  }
}
