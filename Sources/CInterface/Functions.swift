// SPDX-License-Identifier: MIT
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import BuildInformation
public import CQwen3TTS
import Foundation
import Qwen3TTS

// The functions of qwen3tts.h, where each is described. They translate: what they do is the library's.

private let versionText = CText(BuildInformation.version)

@c @implementation
public func qwen3tts_version() -> UnsafePointer<CChar>? { versionText.pointer }

@c @implementation
public func qwen3tts_sample_rate() -> Int32 { Int32(SpeechSynthesizer.sampleRate) }

@c @implementation
public func qwen3tts_open(
  _ model: UnsafePointer<CChar>?, _ options: UnsafePointer<qwen3tts_open_options>?,
  _ error: UnsafeMutablePointer<qwen3tts_error>?
) -> OpaquePointer? {
  reporting(to: error) {
    let options = try members(
      "open options", options, size: \.size, default: qwen3tts_open_options())
    let folder = try text("model", model).map(ModelLibrary.standard.model) ?? bundledModel()
    let (device, limits) = (try options.speechDevice, options.limits)
    let capacity = options.capacity == 0 ? 4_096 : Int(options.capacity)
    let synthesizer = try waitFor {
      try await SpeechSynthesizer(
        model: folder, device: device, capacity: capacity, limits: limits)
    }
    return retained(SynthesizerHandle(synthesizer))
  }
}

/// Next to this library, or wherever a program of this package would look for it.
private func bundledModel() throws -> URL {
  let file = qwen3tts_library_file().map { String(cString: $0) } ?? ""
  let folder = URL(filePath: file).resolvingSymlinksInPath().deletingLastPathComponent()
  return try BundledModel(
    environment: ProcessInfo.processInfo.environment, programFolder: folder.path
  ).folder
}

@c @implementation
public func qwen3tts_close(_ synthesizer: OpaquePointer?) {
  guard let handle: SynthesizerHandle = released(synthesizer) else { return }
  let synthesizer = handle.synthesizer
  try? waitFor { await synthesizer.shutdown(within: .zero) }
}

@c @implementation
public func qwen3tts_device(_ synthesizer: OpaquePointer?) -> UnsafePointer<CChar>? {
  let handle: SynthesizerHandle? = object(synthesizer)
  return handle?.device.pointer
}

@c @implementation
public func qwen3tts_voice(_ synthesizer: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>? {
  item(of: synthesizer, \.voices, at: index)
}

@c @implementation
public func qwen3tts_language(_ synthesizer: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>?
{
  item(of: synthesizer, \.languages, at: index)
}

private func item(
  of synthesizer: OpaquePointer?, _ list: KeyPath<SynthesizerHandle, [CText]>, at index: Int
) -> UnsafePointer<CChar>? {
  guard let handle: SynthesizerHandle = object(synthesizer),
    handle[keyPath: list].indices.contains(index)
  else { return nil }
  return handle[keyPath: list][index].pointer
}

@c @implementation
public func qwen3tts_speak(
  _ synthesizer: OpaquePointer?, _ words: UnsafePointer<CChar>?,
  _ options: UnsafePointer<qwen3tts_options>?, _ callback: qwen3tts_callback?,
  _ context: UnsafeMutableRawPointer?, _ summary: UnsafeMutablePointer<qwen3tts_summary>?,
  _ error: UnsafeMutablePointer<qwen3tts_error>?
) -> qwen3tts_code {
  code(to: error) {
    guard let words = try text("text", words) else {
      throw SynthesisError(.invalidInput, "text: expected a string, found NULL")
    }
    let handle = try begun(synthesizer, words, options)
    while true {
      let samples = try handle.next()
      if samples.isEmpty { break }
      if let callback, callback(context, samples.baseAddress, samples.count) != 0 {
        handle.speech.cancel()
      }
    }
    fill(summary, from: handle)
  }
}

@c @implementation
public func qwen3tts_begin(
  _ synthesizer: OpaquePointer?, _ words: UnsafePointer<CChar>?,
  _ options: UnsafePointer<qwen3tts_options>?, _ error: UnsafeMutablePointer<qwen3tts_error>?
) -> OpaquePointer? {
  reporting(to: error) {
    retained(try begun(synthesizer, try text("text", words), options))
  }
}

/// - Parameter words: `nil` for a text that comes in pieces.
private func begun(
  _ pointer: OpaquePointer?, _ words: String?, _ options: UnsafePointer<qwen3tts_options>?
) throws -> SpeechHandle {
  guard let handle: SynthesizerHandle = object(pointer) else {
    throw SynthesisError(.invalidInput, "synthesizer: expected an open one, found NULL")
  }
  let synthesizer = handle.synthesizer
  let options = try members("options", options, size: \.size, default: qwen3tts_options())
    .speechOptions(for: synthesizer)
  if let words { return SpeechHandle(synthesizer.speech(for: words, options: options)) }
  let (pieces, text) = AsyncStream.makeStream(of: String.self)
  return SpeechHandle(synthesizer.speech(for: pieces, options: options), text: text)
}

@c @implementation
public func qwen3tts_append(
  _ speech: OpaquePointer?, _ piece: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<qwen3tts_error>?
) -> qwen3tts_code {
  code(to: error) {
    guard let piece = try text("text", piece) else {
      throw SynthesisError(.invalidInput, "text: expected a string, found NULL")
    }
    if case .terminated = try writer(of: speech).yield(piece) {
      throw SynthesisError(.stopped, "text: expected a speech that still takes text, found its end")
    }
  }
}

@c @implementation
public func qwen3tts_finish(
  _ speech: OpaquePointer?, _ error: UnsafeMutablePointer<qwen3tts_error>?
) -> qwen3tts_code {
  code(to: error) { try writer(of: speech).finish() }
}

private func writer(of speech: OpaquePointer?) throws -> AsyncStream<String>.Continuation {
  let handle: SpeechHandle? = object(speech)
  guard let text = handle?.text else {
    throw SynthesisError(
      .invalidInput, "speech: expected one that was begun without a text, found another")
  }
  return text
}

@c @implementation
public func qwen3tts_next(
  _ speech: OpaquePointer?, _ samples: UnsafeMutablePointer<UnsafePointer<Float>?>?,
  _ count: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<qwen3tts_error>?
) -> qwen3tts_code {
  samples?.pointee = nil
  count?.pointee = 0
  return code(to: error) {
    guard let handle: SpeechHandle = object(speech) else {
      throw SynthesisError(.invalidInput, "speech: expected one, found NULL")
    }
    let chunk = try handle.next()
    samples?.pointee = chunk.baseAddress
    count?.pointee = chunk.count
  }
}

@c @implementation
public func qwen3tts_summarize(
  _ speech: OpaquePointer?, _ summary: UnsafeMutablePointer<qwen3tts_summary>?
) {
  if let handle: SpeechHandle = object(speech) { fill(summary, from: handle) }
}

private func fill(_ summary: UnsafeMutablePointer<qwen3tts_summary>?, from handle: SpeechHandle) {
  guard let summary, summary.pointee.size >= MemoryLayout<qwen3tts_summary>.size else { return }
  guard let metrics = handle.summary else {
    summary.pointee.frames = -1
    return
  }
  summary.pointee.finish_reason =
    switch metrics.finishReason {
    case .stop: Int32(QWEN3TTS_FINISHED)
    case .length: Int32(QWEN3TTS_LENGTH)
    case .runaway: Int32(QWEN3TTS_RUNAWAY)
    case .cancelled: Int32(QWEN3TTS_CANCELLED)
    }
  summary.pointee.frames = Int32(metrics.frames)
  summary.pointee.text_tokens = Int32(metrics.textTokens)
  summary.pointee.seed = metrics.seed
  summary.pointee.audio_seconds = metrics.audioDuration / .seconds(1)
  summary.pointee.wall_seconds = metrics.wallDuration / .seconds(1)
  summary.pointee.first_audio_seconds = metrics.timeToFirstAudio / .seconds(1)
  summary.pointee.queue_seconds = metrics.queueDuration / .seconds(1)
}

@c @implementation
public func qwen3tts_notices(_ speech: OpaquePointer?) -> UnsafePointer<CChar>? {
  let handle: SpeechHandle? = object(speech)
  return handle?.notices.pointer
}

@c @implementation
public func qwen3tts_cancel(_ speech: OpaquePointer?) {
  let handle: SpeechHandle? = object(speech)
  handle?.text?.finish()
  handle?.speech.cancel()
}

@c @implementation
public func qwen3tts_free(_ speech: OpaquePointer?) {
  let handle: SpeechHandle? = released(speech)
  handle?.speech.cancel()
}

// MARK: - Handles and errors

private func retained(_ object: AnyObject) -> OpaquePointer {
  OpaquePointer(Unmanaged.passRetained(object).toOpaque())
}

private func object<Object: AnyObject>(_ pointer: OpaquePointer?) -> Object? {
  pointer.map { Unmanaged<Object>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
}

private func released<Object: AnyObject>(_ pointer: OpaquePointer?) -> Object? {
  pointer.map { Unmanaged<Object>.fromOpaque(UnsafeRawPointer($0)).takeRetainedValue() }
}

/// The result of `body`, or `nil` and a filled error.
private func reporting<Value>(
  to error: UnsafeMutablePointer<qwen3tts_error>?, _ body: () throws -> Value
) -> Value? {
  do {
    let value = try body()
    error?.pointee.code = Int32(QWEN3TTS_OK)
    error?.pointee.message.0 = 0
    return value
  } catch let failure {
    write(failure, to: error)
    return nil
  }
}

private func code(
  to error: UnsafeMutablePointer<qwen3tts_error>?, _ body: () throws -> Void
) -> qwen3tts_code {
  var own = qwen3tts_error()
  return withUnsafeMutablePointer(to: &own) { own in
    let error = error ?? own
    reporting(to: error, body)
    return error.pointee.code
  }
}

private func write(_ failure: any Error, to error: UnsafeMutablePointer<qwen3tts_error>?) {
  guard let error else { return }
  error.pointee.code = number(of: failure)
  withUnsafeMutableBytes(of: &error.pointee.message) { bytes in
    var words = Array("\(failure)".utf8)
    // Not in the midst of a character: the bytes that continue one begin with 10.
    if words.count >= bytes.count {
      var end = bytes.count - 1
      while end > 0, words[end] & 0xC0 == 0x80 { end -= 1 }
      words.removeSubrange(end...)
    }
    bytes.copyBytes(from: words + [0])
  }
}

private func number(of failure: any Error) -> qwen3tts_code {
  guard let failure = failure as? SynthesisError else { return Int32(QWEN3TTS_INTERNAL_FAILURE) }
  return switch failure.code {
  case .invalidInput: Int32(QWEN3TTS_INVALID_INPUT)
  case .invalidModel: Int32(QWEN3TTS_INVALID_MODEL)
  case .deviceUnavailable: Int32(QWEN3TTS_DEVICE_UNAVAILABLE)
  case .resourcesMissing: Int32(QWEN3TTS_RESOURCES_MISSING)
  case .overloaded: Int32(QWEN3TTS_OVERLOADED)
  case .stopped: Int32(QWEN3TTS_STOPPED)
  case .timedOut: Int32(QWEN3TTS_TIMED_OUT)
  default: Int32(QWEN3TTS_INTERNAL_FAILURE)
  }
}
