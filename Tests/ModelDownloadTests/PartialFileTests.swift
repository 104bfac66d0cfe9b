// SPDX-License-Identifier: MIT
import Foundation
import ModelDownload
import Testing

@Suite struct PartialFileTests {
  private let folder: TemporaryFolder
  private let planned = PlannedFile(
    path: "a", byteCount: 6,
    sha256: "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721")

  init() throws { folder = try TemporaryFolder() }

  private var path: String { folder.path + "/a.part" }

  private func open(_ planned: PlannedFile) throws -> PartialFile {
    try PartialFile(path, of: planned, isCancelled: { false }, read: { _ in })
  }

  @Test func `keeps a beginning from one run to the next`() throws {
    let first = try open(planned)
    try first.restart(planned, tag: "\"v1\"")
    try first.append(Array("abc".utf8).span)
    let second = try open(planned)
    #expect(second.count == 3 && second.tag == "\"v1\"")
    try second.append(Array("def".utf8).span)
    #expect(second.sha256 == planned.sha256)
    try second.finish(as: folder.path + "/a")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a"])
    #expect(FileManager.default.contents(atPath: folder.path + "/a") == Data("abcdef".utf8))
  }

  @Test func `drops the beginning of another file, or of no known one`() throws {
    let first = try open(planned)
    try first.restart(planned, tag: nil)
    try first.append(Array("abc".utf8).span)
    var other = planned
    other.sha256 = String(repeating: "0", count: 64)
    #expect(try open(other).count == 0)

    let again = try open(planned)
    #expect(again.count == 0)
    try again.append(Array("abc".utf8).span)
    try FileManager.default.removeItem(atPath: path + ".origin")
    #expect(try open(planned).count == 0)

    var unknown = planned
    unknown.sha256 = nil
    let third = try open(unknown)
    try third.restart(unknown, tag: "\"v1\"")
    try third.append(Array("abc".utf8).span)
    #expect(try open(unknown).count == 0)
  }

  @Test func `does not trust weak tags`() throws {
    let file = try open(planned)
    try file.restart(planned, tag: "W/\"v1\"")
    #expect(file.tag == nil)
  }

  @Test func `a longer file is no beginning`() throws {
    let file = try open(planned)
    try file.restart(planned, tag: nil)
    try file.append(Array("abcdefg".utf8).span)
    #expect(try open(planned).count == 0)
  }
}
