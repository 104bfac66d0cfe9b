// SPDX-License-Identifier: MIT

/// The recordings of the bodies of one owner, made as they are asked for.
struct Recordings<Body: Hashable, Recording: BackendRecording> {
  private var made: [Body: Recording] = [:]

  /// The one of a body, the same each time.
  subscript(body: Body) -> Recording {
    mutating get {
      if let recording = made[body] { return recording }
      let recording = Recording()
      made[body] = recording
      return recording
    }
  }
}
