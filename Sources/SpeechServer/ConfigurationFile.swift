// SPDX-License-Identifier: MIT
#if Server
import Foundation
import Yams

/// A YAML file whose members are the command's options by name.
///
///     host: 0.0.0.0
///     port: 8000
///     model: [0.6B-CustomVoice, 0.6B-Base]
///     log-access: false
package struct ConfigurationFile: Sendable {
  /// What is wrong with a file, and where.
  package struct Problem: Error, CustomStringConvertible {
    package let file: String
    package let line: Int?
    package let message: String

    package var description: String {
      "\(file)\(line.map { ":\($0)" } ?? ""): \(message)"
    }
  }

  /// A member as the command line would give it.
  package struct Entry: Sendable {
    package let line: Int?
    package let arguments: [String]
  }

  package let path: String
  package let entries: [Entry]

  /// The file's options as the command line would give them.
  package var arguments: [String] { entries.flatMap(\.arguments) }

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - options: Names of options that take a value.
  ///   - flags: Names of options that are true or false, `--name` and `--no-name`.
  /// - Throws: `Problem` with the line of the first member that cannot be used.
  package init(path: String, options: Set<String>, flags: Set<String>) throws(Problem) {
    self.path = path
    let text: String
    do { text = try String(contentsOf: URL(filePath: path), encoding: .utf8) } catch {
      throw Problem(
        file: path, line: nil, message: "cannot read it: \(error.localizedDescription)")
    }
    let root: Node?
    do { root = try compose(yaml: text) } catch let error as YamlError {
      throw Problem(file: path, line: nil, message: "expected YAML: \(error)")
    } catch {
      throw Problem(file: path, line: nil, message: "expected YAML: \(error)")
    }
    guard let root else {
      entries = []
      return
    }
    guard case .mapping(let members) = root else {
      throw Problem(file: path, line: 1, message: "expected members \"name: value\"")
    }
    var entries: [Entry] = []
    for (key, value) in members {
      let line = key.mark?.line
      var arguments: [String] = []
      func problem(_ message: String) -> Problem {
        Problem(file: path, line: line, message: message)
      }
      guard let name = key.string else { throw problem("expected a name") }
      if flags.contains(name) {
        guard let isOn = value.bool else {
          throw problem("\(name): expected true or false, found \(Self.shown(value))")
        }
        arguments.append(isOn ? "--\(name)" : "--no-\(name)")
      } else if options.contains(name) {
        switch value {
        // One word, so that a value may begin with a hyphen.
        case .scalar(let scalar): arguments = ["--\(name)=\(scalar.string)"]
        case .sequence(let elements):
          for element in elements {
            guard case .scalar(let scalar) = element else {
              throw problem("\(name): expected values, found \(Self.shown(element))")
            }
            arguments.append("--\(name)=\(scalar.string)")
          }
        default: throw problem("\(name): expected a value, found \(Self.shown(value))")
        }
      } else {
        let known = options.union(flags).sorted().joined(separator: ", ")
        throw problem("\(name) is no setting; there is \(known)")
      }
      entries.append(Entry(line: line, arguments: arguments))
    }
    self.entries = entries
  }

  /// What the command refuses the file with, and the line of the member that it refuses so by itself.
  ///
  /// - Parameter refusal: What the command says to arguments; `nil` when it takes them.
  package func problem(_ message: String, _ refusal: ([String]) -> String?) -> Problem {
    let line = entries.first { refusal($0.arguments) == message }?.line
    return Problem(file: path, line: line, message: message)
  }

  private static func shown(_ node: Node) -> String {
    switch node {
    case .scalar(let scalar): "\"\(scalar.string.prefix(60))\""
    case .sequence: "a list"
    case .mapping: "members"
    default: "an alias"
    }
  }
}
#endif
