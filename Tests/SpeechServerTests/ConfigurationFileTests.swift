// SPDX-License-Identifier: MIT
#if Server
import Foundation
import SpeechServer
import Testing

@Suite struct ConfigurationFileTests {
  private func read(_ text: String) throws -> ConfigurationFile {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).yaml")
    try text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    return try ConfigurationFile(
      path: file.path, options: ["port", "model", "api-key"], flags: ["log-access"])
  }

  @Test func `members are what the command line would say`() throws {
    let file = try read("port: 80\nmodel: [a, b]\nlog-access: false\napi-key: -x\n# nothing\n")
    #expect(
      file.arguments == ["--port=80", "--model=a", "--model=b", "--no-log-access", "--api-key=-x"])
    #expect(try read("").arguments.isEmpty)
  }

  @Test(arguments: [
    ("port: 80\nvolume: 3\n", 2), ("\nlog-access: maybe\n", 2), ("port: {a: b}\n", 1),
    ("model:\n- a\n- [b]\n", 1), ("- a\n", 1),
  ]) func `what cannot be a member is named with its line`(_ text: String, _ line: Int) {
    let problem = #expect(throws: ConfigurationFile.Problem.self) { try read(text) }
    #expect(problem?.line == line)
  }

  @Test func `a message of the command is that of the line which causes it alone`() throws {
    let file = try read("model: a\nport: x\napi-key: b\n")
    let refusal = { (arguments: [String]) in arguments == ["--port=x"] ? "x is no port" : nil }
    let line = file.problem("x is no port", refusal)
    #expect("\(line)" == "\(file.path):2: x is no port")
    // Of several members together.
    #expect("\(file.problem("not both", refusal))" == "\(file.path): not both")
  }
}
#endif
