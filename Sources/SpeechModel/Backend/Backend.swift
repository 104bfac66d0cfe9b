// SPDX-License-Identifier: MIT

/// A place where the model runs: memory, a queue, and the operations the model is made of.
///
/// The model (`Talker`, `CodePredictor`, `CodecDecoder`, `FrameStep`) is written once over this
/// protocol; a backend says how an operation runs, never what the model is. Four protocols say what
/// it needs, each short enough to be read at once:
///
/// | | |
/// |---|---|
/// | `MemoryBackend` | tensors, weights, host exchange, recordings, the frame ring |
/// | `TransformerBackend` | embeddings, norms, products, attention, sampling, a frame as one kernel |
/// | `CodecBackend` | convolutions, Snake, the codec's fused stages |
/// | `EncoderBackend` | what the encoders of cloned voices need besides |
///
/// Each operation is documented by its formula, and the CPU backend is its oracle. A `MARK` names
/// the room of an operation: the file in `CPUBackend`, the folder in `CUDABackend`, the suite in
/// `BackendTests` and the case of `BackendVerification` have that name, which `scripts/rooms` checks.
///
/// **Shapes.** A `Tensor` is a row-major F32 matrix `[rows, columns]`. Speech and codec activations
/// are time-major: one row a position, one column a channel.
///
/// **Memory.** A tensor, indices, a matrix, a cache or a ring is a view that keeps its memory alive:
/// what a backend allocated is released when the last view of it goes, after what is queued has run.
///
/// **Recording.** A step must be repeatable: what changes between steps (positions, codes, random
/// counters) is read from tensors, never passed as a Swift argument, so that a backend can record
/// the body of `run` once and replay the record. Operations marked *host* exchange data with the
/// host and may wait; they never stand inside a recorded body.
///
/// **Slots.** State is kept per utterance slot. A `RowMap` says which slot's cache each row belongs
/// to and at which position, so the same operations serve a prompt in one pass (many rows, one
/// slot) and a batch of utterances (one row each).
package protocol Backend: CodecBackend, EncoderBackend {}

/// A backend that runs each fused operation as the smaller ones that define it, unless it has a
/// body of its own, which is then tested against that definition (`*+Definitions.swift`).
package protocol ComposedBackend: Backend {}
