// SPDX-License-Identifier: MIT
import Foundation
import ModelStore
import Qwen3TTS
import Testing

@Suite struct ModelStoreTests {
  private let folder: TemporaryFolder
  private let name: ModelName

  init() throws {
    folder = try TemporaryFolder()
    name = try #require(ModelName("some/model"))
  }

  private var environment: [String: String] {
    ["HOME": folder.path, "HF_HOME": folder.path + "/hf"]
  }
  private var store: ModelStore { ModelStore(environment: environment) }
  private var cached: String { "hf/hub/models--some--model" }

  @Test func `finds a downloaded model, and only a whole one`() throws {
    let place = ".local/share/qwen3-tts/models/some/model"
    try folder.makeModel(place, except: "vocab.json")
    #expect(throws: ModelNotFound.self) { try store.resolve("some/model") }
    #expect(store.present.isEmpty)
    try folder.write("x", to: place + "/vocab.json")
    #expect(try store.resolve("some/model") == "\(folder.path)/\(place)")
    #expect(store.present == [name])
  }

  @Test func `does not list what is coming in`() throws {
    try folder.makeModel(".local/share/qwen3-tts/models/some/.model.partial")
    #expect(store.present.isEmpty)
  }

  @Test func `an empty file is no file`() throws {
    let place = ".local/share/qwen3-tts/models/some/model"
    try folder.makeModel(place)
    try folder.write("", to: place + "/model.safetensors")
    #expect(store.model(named: name) == nil)
  }

  @Test func `finds the snapshot that main leads to`() throws {
    try folder.makeModel(cached + "/snapshots/aaa")
    try folder.makeModel(cached + "/snapshots/bbb")
    try folder.write("bbb\n", to: cached + "/refs/main")
    #expect(store.model(named: name) == "\(folder.path)/\(cached)/snapshots/bbb")
    #expect(store.cache.snapshot(of: name, revision: "aaa")?.hasSuffix("/aaa") == true)
    #expect(store.cache.snapshot(of: name, revision: "main")?.hasSuffix("/bbb") == true)
    #expect(store.cache.snapshot(of: name, revision: "v1") == nil)
  }

  @Test func `finds a snapshot that was fetched by its commit`() throws {
    try folder.makeModel(cached + "/snapshots/aaa", except: "model.safetensors")
    try folder.makeModel(cached + "/snapshots/bbb")
    #expect(store.model(named: name)?.hasSuffix("/bbb") == true)
  }

  @Test(arguments: ["../../../evil", "/tmp", "..", ""])
  func `is not led out of the cache`(reference: String) throws {
    try folder.makeModel("hf/evil")
    try folder.makeModel("evil")
    try folder.write(reference, to: cached + "/refs/main")
    #expect(store.model(named: name) == nil)
    #expect(store.cache.snapshot(of: name, revision: "../snapshots") == nil)
  }

  @Test func `a folder comes before a name`() throws {
    try folder.makeModel(cached + "/snapshots/aaa")
    #expect(try store.resolve(folder.path) == folder.path)
  }

  @Test func `says the command that fetches a model`() {
    #expect {
      try store.resolve("1.7b-customvoice")
    } throws: {
      "\($0)".hasSuffix("Run: qwen3-tts download 1.7B-CustomVoice")
    }
    #expect {
      try store.resolve("nonsense")
    } throws: {
      "\($0)".contains("0.6B-Base, 0.6B-CustomVoice") && !"\($0)".contains("Run:")
    }
  }

  @Test(
    arguments: [
      (["HF_HUB_CACHE": "/c", "HF_HOME": "/h"], "/c"), (["HUGGINGFACE_HUB_CACHE": "/c"], "/c"),
      (["HF_HOME": "/h"], "/h/hub"), (["HF_HOME": "~/h"], "/home/a/h/hub"),
      (["XDG_CACHE_HOME": "/x"], "/x/huggingface/hub"),
      (["XDG_CACHE_HOME": "x"], "/home/a/.cache/huggingface/hub"),
      (["HF_HUB_CACHE": ""], "/home/a/.cache/huggingface/hub"),
    ])
  func `finds the cache as Hugging Face's own tools do`(
    environment: [String: String], folder: String
  ) {
    let all = environment.merging(["HOME": "/home/a"]) { first, _ in first }
    #expect(HuggingFaceCache(environment: all).folder == folder)
  }

  @Test func `models and voices share the user's data folder`() {
    let environment = ["XDG_DATA_HOME": "/data", "HOME": "/home/a"]
    #expect(ModelStore(environment: environment).folder == "/data/qwen3-tts/models")
    #expect(VoiceLibrary(environment: environment).folder.path == "/data/qwen3-tts/voices")
  }

  @Test func `the library resolves names, and its error says what to do`() throws {
    let library = ModelLibrary(environment: environment)
    try folder.makeModel(cached + "/snapshots/aaa")
    #expect(try library.model(named: "some/model").lastPathComponent == "aaa")
    #expect {
      try library.model(named: "0.6B-Base")
    } throws: { error in
      let error = error as? SynthesisError
      return error?.code == .invalidModel
        && error?.message.hasSuffix("Run: qwen3-tts download 0.6B-Base") == true
    }
    #expect(ModelLibrary.releasedNames.count == 5)
  }
}
