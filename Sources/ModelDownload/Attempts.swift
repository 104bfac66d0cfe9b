// SPDX-License-Identifier: MIT

package import Foundation

/// A try that failed, where the next may not.
package struct PassingFailure: Error {
  let message: String
  /// How long the server asks to wait.
  var wait: Duration?
  /// Whether the server was not even reached.
  var isUnreachable: Bool

  package init(message: String, wait: Duration? = nil, isUnreachable: Bool = false) {
    self.message = message
    self.wait = wait
    self.isUnreachable = isUnreachable
  }
}

/// How often to try, and how long to wait in between.
package struct Persistence: Sendable {
  /// Consecutive tries without a new byte before the download gives up.
  package var retries = 8
  /// The first wait; it doubles each time, up to half a minute.
  package var delay = Duration.seconds(1)
  /// A server that asks for a longer wait gets no further try in this run.
  static let longestWait = Duration.seconds(300)

  package init(retries: Int = 8, delay: Duration = .seconds(1)) {
    self.retries = retries
    self.delay = delay
  }

  /// The wait after so many failures in a row, 1 or more.
  package func wait(after failures: Int) -> Duration {
    // Some chance, so that many who were refused at once do not come back at once.
    let doubled = min(delay * (1 << min(failures - 1, 10)), .seconds(30))
    return doubled * Double.random(in: 1...1.25)
  }

  /// Runs `body` until it succeeds or fails for good.
  ///
  /// - Parameters:
  ///   - progress: A number that grows when a try, even one that failed, brought something.
  ///   - note: Called with each failure and the wait after it.
  /// - Throws: What `body` throws, a `PassingFailure` as `DownloadError` `unavailable` once there
  ///   were too many, or `CancellationError`.
  package func run<Result>(
    isCancelled: () -> Bool, progress: () -> Int = { 0 },
    note: (String, Duration) -> Void, _ body: () throws -> Result
  ) throws -> Result {
    var failures = 0
    var reached = progress()
    while true {
      if isCancelled() { throw CancellationError() }
      do {
        return try body()
      } catch let failure as PassingFailure {
        if isCancelled() { throw CancellationError() }
        if progress() > reached {
          reached = progress()
          failures = 0
        }
        failures += 1
        // Who has no network at all should hear of it soon; a network that was there comes back.
        let isHopeless = failure.isUnreachable && reached == 0
        guard failures <= (isHopeless ? min(retries, 2) : retries) else {
          throw DownloadError(
            .unavailable,
            "\(failure.message). Gave up after \(failures) tries; what came is kept, and the same "
              + "command resumes from there")
        }
        let wait = max(failure.wait ?? .zero, wait(after: failures))
        guard wait <= Self.longestWait else {
          throw DownloadError(
            .unavailable,
            "\(failure.message), and the server asks to wait \(wait.components.seconds) s. "
              + "The same command resumes from there")
        }
        note(failure.message, wait)
        try Self.sleep(wait, isCancelled: isCancelled)
      }
    }
  }

  private static func sleep(_ wait: Duration, isCancelled: () -> Bool) throws {
    let end = ContinuousClock.now + wait
    while ContinuousClock.now < end {
      if isCancelled() { throw CancellationError() }
      Thread.sleep(
        forTimeInterval: min(0.1, max(0, (end - .now) / Duration.seconds(1))))
    }
  }
}

extension HubClient.Answer {
  /// Why an answer is no success, for a file or list named `subject`; `nil` for 200 and 206.
  func refusal(of subject: String, endpoint: String) -> (any Error)? {
    let reason = head.headers["x-error-message"].map { ": \($0.prefix(200))" } ?? ""
    let found = "\(subject): expected an answer, found \(head.status) from \(host)\(reason)"
    switch head.status {
    case 200, 206: return nil
    case 408, 425, 429, 500...599:
      return PassingFailure(
        message: found, wait: head.headers["retry-after"].flatMap(RetryAfter.wait))
    case 401, 403:
      // The hub says 401 for what does not exist, too, so that nobody learns what is private.
      return DownloadError(
        .unavailable,
        "\(found). Is the name right? If the model is private or gated, set HF_TOKEN to a token "
          + "that may read it")
    case 404, 410:
      return DownloadError(
        .unavailable, "\(found). \(endpoint) has no such model, revision or file")
    default: return DownloadError(.unavailable, found)
    }
  }
}

/// The header `Retry-After`: seconds, or a date.
package enum RetryAfter {
  static func wait(_ text: String) -> Duration? { wait(text, now: Date()) }

  package static func wait(_ text: String, now: Date) -> Duration? {
    if let seconds = Int(text) { return seconds >= 0 ? .seconds(min(seconds, 1 << 30)) : nil }
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    guard let date = formatter.date(from: text) else { return nil }
    return .seconds(max(0, date.timeIntervalSince(now)))
  }
}
