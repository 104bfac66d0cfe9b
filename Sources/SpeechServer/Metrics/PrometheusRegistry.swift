// SPDX-License-Identifier: MIT
#if Server
package import CoreMetrics
import Synchronization

/// A backend of swift-metrics that is read as Prometheus text, version 0.0.4.
///
/// Counters, gauges and histograms of fixed buckets; a timer is a histogram of seconds. It is small
/// enough to need no package, and has the usual interface, so that it can be
/// exchanged.
package final class PrometheusRegistry: MetricsFactory, Sendable {
  /// What the metrics are, by name: help text and buckets of histograms.
  package struct Description: Sendable {
    let help: String
    let buckets: [Double]

    package init(_ help: String, buckets: [Double] = []) {
      self.help = help
      self.buckets = buckets
    }
  }

  /// A figure that is read when it is asked for: a counter where its name ends in `_total`, else a gauge.
  package struct Reading: Sendable {
    let name: String
    let labels: [(String, String)]
    let value: Double

    package init(_ name: String, _ value: Double, labels: [(String, String)] = []) {
      self.name = name
      self.labels = labels
      self.value = value
    }
  }

  private enum Kind: String {
    case counter
    case gauge
    case histogram
  }

  private struct Family {
    let kind: Kind
    var series: [String: Series] = [:]
  }

  private struct Series {
    var value = 0.0
    var counts: [UInt64] = []
    var count: UInt64 = 0
  }

  private let families = Mutex<[String: Family]>([:])
  private let descriptions: [String: Description]

  /// Buckets of a histogram whose description has none, in seconds.
  private static let standardBuckets = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  /// - Parameter descriptions: Help and buckets by name.
  package init(descriptions: [String: Description] = [:]) {
    self.descriptions = descriptions
  }

  /// All metrics as text.
  ///
  /// - Parameter readings: Further figures, with their values at this moment.
  package func text(readings: [Reading] = []) -> String {
    var lines: [String] = []
    var names: Set<String> = []
    for name in readings.map(\.name) where names.insert(name).inserted {
      let kind = name.hasSuffix("_total") ? Kind.counter : .gauge
      lines += header(name, kind)
      for reading in readings where reading.name == name {
        lines += text(name, Self.labels(reading.labels), Series(value: reading.value), kind)
      }
    }
    let families = families.withLock { $0 }
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      lines += header(name, family.kind)
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        lines += text(name, labels, series, family.kind)
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func header(_ name: String, _ kind: Kind) -> [String] {
    let help = descriptions[name].map { ["# HELP \(name) \($0.help)"] } ?? []
    return help + ["# TYPE \(name) \(kind.rawValue)"]
  }

  private func text(_ name: String, _ labels: String, _ series: Series, _ kind: Kind) -> [String] {
    let braces = labels.isEmpty ? "" : "{\(labels)}"
    guard kind == .histogram else { return ["\(name)\(braces) \(Self.number(series.value))"] }
    let comma = labels.isEmpty ? "" : ","
    var total: UInt64 = 0
    var lines: [String] = []
    for (bound, count) in zip(buckets(name), series.counts) {
      total += count
      lines.append("\(name)_bucket{\(labels)\(comma)le=\"\(Self.number(bound))\"} \(total)")
    }
    lines.append("\(name)_bucket{\(labels)\(comma)le=\"+Inf\"} \(series.count)")
    lines.append("\(name)_sum\(braces) \(Self.number(series.value))")
    lines.append("\(name)_count\(braces) \(series.count)")
    return lines
  }

  private func buckets(_ name: String) -> [Double] {
    descriptions[name].flatMap { $0.buckets.isEmpty ? nil : $0.buckets } ?? Self.standardBuckets
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
  }

  /// A name in the letters that Prometheus has.
  private static func name(_ label: String) -> String {
    String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber || "_:".contains($0)) ? $0 : "_" })
  }

  private static func labels(_ dimensions: [(String, String)]) -> String {
    dimensions.map { key, value in
      var escaped = ""
      for character in value {
        switch character {
        case "\\": escaped += "\\\\"
        case "\"": escaped += "\\\""
        case "\n": escaped += "\\n"
        default: escaped.append(character)
        }
      }
      return "\(name(key))=\"\(escaped)\""
    }.joined(separator: ",")
  }

  private func update(
    _ label: String, _ dimensions: [(String, String)], _ kind: Kind,
    _ change: (inout Series, [Double]) -> Void
  ) {
    let name = Self.name(label)
    let buckets = kind == .histogram ? buckets(name) : []
    families.withLock { families in
      var family = families[name] ?? Family(kind: kind)
      // A name has one kind; another use of it is left out, since its numbers would be read wrongly.
      guard family.kind == kind else { return }
      families[name] = nil
      let key = Self.labels(dimensions)
      var series =
        family.series[key] ?? Series(counts: [UInt64](repeating: 0, count: buckets.count))
      change(&series, buckets)
      family.series[key] = series
      families[name] = family
    }
  }

  private func observe(_ label: String, _ dimensions: [(String, String)], _ value: Double) {
    guard value.isFinite else { return }
    update(label, dimensions, .histogram) { series, buckets in
      if let index = buckets.firstIndex(where: { value <= $0 }) { series.counts[index] += 1 }
      series.value += value
      series.count += 1
    }
  }

  // MARK: MetricsFactory

  package func makeCounter(
    label: String, dimensions: [(String, String)]
  ) -> any CounterHandler {
    Handle(self, label, dimensions, .counter)
  }

  package func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    Handle(self, label, dimensions, .counter)
  }

  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    Handle(self, label, dimensions, aggregate ? .histogram : .gauge)
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    Handle(self, label, dimensions, .gauge)
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    Handle(self, label, dimensions, .histogram)
  }

  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}

  /// One series of one name: everything a handler can do to it.
  private final class Handle: CounterHandler, FloatingPointCounterHandler, RecorderHandler,
    MeterHandler, TimerHandler, Sendable
  {
    private let registry: PrometheusRegistry
    private let label: String
    private let dimensions: [(String, String)]
    private let kind: Kind

    init(
      _ registry: PrometheusRegistry, _ label: String, _ dimensions: [(String, String)],
      _ kind: Kind
    ) {
      self.registry = registry
      self.label = label
      self.dimensions = dimensions
      self.kind = kind
    }

    private func update(_ change: (inout Double) -> Void) {
      registry.update(label, dimensions, kind) { series, _ in change(&series.value) }
    }

    func increment(by amount: Int64) { update { $0 += Double(amount) } }
    func increment(by amount: Double) { update { $0 += amount } }
    func decrement(by amount: Double) { update { $0 -= amount } }
    func reset() { update { $0 = 0 } }
    func set(_ value: Int64) { update { $0 = Double(value) } }
    func set(_ value: Double) { update { $0 = value } }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
      kind == .histogram ? registry.observe(label, dimensions, value) : set(value)
    }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) * 1e-9) }
  }
}
#endif
