// SPDX-License-Identifier: MIT
//
// Text to speech with Qwen3-TTS, from any language that can call C.
//
//     qwen3tts_error error;
//     qwen3tts_synthesizer *synthesizer = qwen3tts_open(NULL, NULL, &error);
//     if (synthesizer == NULL) { puts(error.message); return error.code; }
//     qwen3tts_speak(synthesizer, "Good morning.", NULL, play, context, NULL, &error);
//     qwen3tts_close(synthesizer);
//
// Every function may be called from any thread, and every string is UTF-8 and ends with a zero. A function
// that can fail returns a `qwen3tts_code` or, where it makes something, NULL, and then fills `error`, which may be NULL.
// Functions are never removed and structures grow only at their end; `size` says which members the caller knows.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A model that is open. It speaks many speeches at once.
typedef struct qwen3tts_synthesizer qwen3tts_synthesizer;

/// A speech as it is made.
typedef struct qwen3tts_speech qwen3tts_speech;

/// What went wrong, if anything did. More may come.
enum {
  QWEN3TTS_OK = 0,
  /// A text, voice, language or option the model cannot use.
  QWEN3TTS_INVALID_INPUT = 1,
  /// Files of a model that are missing, damaged or of another kind.
  QWEN3TTS_INVALID_MODEL = 2,
  /// No device of the kind that was asked for, or one that cannot be used.
  QWEN3TTS_DEVICE_UNAVAILABLE = 3,
  /// The bundled voice is not where the library looks for it.
  QWEN3TTS_RESOURCES_MISSING = 4,
  /// More speeches than may wait; try again in a while.
  QWEN3TTS_OVERLOADED = 5,
  /// The synthesizer was closed.
  QWEN3TTS_STOPPED = 6,
  /// A text that was not written on, or a speech that was not read, for too long.
  QWEN3TTS_TIMED_OUT = 7,
  /// The device or the system failed. Open another synthesizer before the next speech.
  QWEN3TTS_INTERNAL_FAILURE = 8,
};
typedef int32_t qwen3tts_code;

/// An error as a code and in words: what was expected, what was found, what to do. The words are cut at
/// 1,019 bytes, after a whole character.
typedef struct qwen3tts_error {
  qwen3tts_code code;
  char message[1020];
} qwen3tts_error;

/// How a model is opened. Zero in a member means the default.
typedef struct qwen3tts_open_options {
  /// `sizeof(qwen3tts_open_options)`.
  uint32_t size;
  /// Speeches at once; others wait. Default: 16 on a CPU, 1 on a GPU.
  int32_t voices;
  /// Speeches that may wait; another is refused as overloaded. Default: 1,024.
  int32_t queue;
  /// Frames of 80 ms that a part of a text and its prompt can have together. Default: 4,096.
  int32_t capacity;
  /// "auto", "cpu" or "cuda". Default: "auto".
  const char *device;
} qwen3tts_open_options;

/// How a text is spoken. Zero in a member means the model's default.
typedef struct qwen3tts_options {
  /// `sizeof(qwen3tts_options)`.
  uint32_t size;
  /// Whether the likeliest code is always taken.
  int32_t greedy;
  /// A voice of the model, a saved voice by its name, or the path of a `.voice` file (with a `/`).
  const char *voice;
  /// A language of the model, or "auto".
  const char *language;
  /// How to speak, or with VoiceDesign models what the voice is like.
  const char *instruction;
  /// Whether digits and abbreviations are written out in English words first: "auto", "on" or "off".
  const char *normalization;
  /// When the model sees the text: "whole" or "incremental".
  const char *layout;
  /// Above 0 to 100; lower is steadier.
  double temperature;
  /// Above 0 to 1.
  double top_p;
  /// Above 0 to 100; 1 is off.
  double repetition_penalty;
  /// Sampling is among this many of the likeliest codes; -1 means all.
  int32_t top_k;
  /// The most frames of 80 ms.
  int32_t maximum_frames;
  /// Frames of 80 ms in the first chunk, 1 to 16.
  int32_t first_chunk_frames;
  /// Frames of 80 ms in later chunks, 1 to 16.
  int32_t chunk_frames;
  /// Whether `seed` counts; without, one is drawn.
  int32_t has_seed;
  int32_t reserved;
  /// The same request with the same seed has the same samples on the same kind of device.
  uint64_t seed;
} qwen3tts_options;

/// Why a speech ended.
enum {
  /// The model ended it.
  QWEN3TTS_FINISHED = 0,
  /// It reached its most frames or the end of the model's context.
  QWEN3TTS_LENGTH = 1,
  /// It was stuck; another seed usually helps.
  QWEN3TTS_RUNAWAY = 2,
  /// It was cancelled.
  QWEN3TTS_CANCELLED = 3,
};

/// What was spoken and how fast. Durations are in seconds.
typedef struct qwen3tts_summary {
  /// `sizeof(qwen3tts_summary)`, set by the caller.
  uint32_t size;
  int32_t finish_reason;
  /// Frames of 80 ms.
  int32_t frames;
  int32_t text_tokens;
  uint64_t seed;
  double audio_seconds;
  /// From the request to the end, the wait for earlier speeches included.
  double wall_seconds;
  /// From the request to the first samples.
  double first_audio_seconds;
  double queue_seconds;
} qwen3tts_summary;

/// The library's release, such as "0.1.0".
const char *qwen3tts_version(void);

/// Samples per second: 24,000, in one channel.
int32_t qwen3tts_sample_rate(void);

/// Opens a model, which takes up to some seconds.
///
/// - `model`: A folder, the name of a downloaded model, or NULL for the bundled voice, which is looked for in
///   `DefaultVoice` next to the library, in `../share/qwen3-tts` from there and where `QWEN3_TTS_RESOURCES` says.
/// - `options`: NULL for the defaults.
qwen3tts_synthesizer *qwen3tts_open(
  const char *model, const qwen3tts_open_options *options, qwen3tts_error *error);

/// Ends all speeches of a synthesizer and closes it. Speeches that are still held then end as stopped.
void qwen3tts_close(qwen3tts_synthesizer *synthesizer);

/// The device in words; there until the synthesizer is closed, like all strings below.
const char *qwen3tts_device(const qwen3tts_synthesizer *synthesizer);

/// A voice of the model in alphabetical order; NULL after the last.
const char *qwen3tts_voice(const qwen3tts_synthesizer *synthesizer, size_t index);

/// A language of the model; NULL after the last.
const char *qwen3tts_language(const qwen3tts_synthesizer *synthesizer, size_t index);

/// Is called with samples, -1 to 1, in order, on the thread that called `qwen3tts_speak`. They are there until it
/// returns; another value than 0 cancels the speech.
typedef int32_t (*qwen3tts_callback)(void *context, const float *samples, size_t count);

/// Speaks a text, and returns after its last chunk.
///
/// - `options`, `summary`: May be NULL.
qwen3tts_code qwen3tts_speak(
  qwen3tts_synthesizer *synthesizer, const char *text, const qwen3tts_options *options,
  qwen3tts_callback callback, void *context, qwen3tts_summary *summary, qwen3tts_error *error);

/// Begins a speech, which is made whether or not it is read, up to 20 s ahead of its reader.
///
/// - `text`: NULL for a text that comes in pieces, by `qwen3tts_append`.
qwen3tts_speech *qwen3tts_begin(
  qwen3tts_synthesizer *synthesizer, const char *text, const qwen3tts_options *options,
  qwen3tts_error *error);

/// Appends a piece of text, of any size, to a speech that was begun without one.
qwen3tts_code qwen3tts_append(qwen3tts_speech *speech, const char *text, qwen3tts_error *error);

/// Says that no more text comes.
qwen3tts_code qwen3tts_finish(qwen3tts_speech *speech, qwen3tts_error *error);

/// Waits for the next chunk. After the last, and when the speech was cancelled, `count` is 0.
///
/// - `samples`: Set to samples that are there until the next call for this speech. Not for two threads at once.
qwen3tts_code qwen3tts_next(
  qwen3tts_speech *speech, const float **samples, size_t *count, qwen3tts_error *error);

/// Fills in what was spoken, after the last chunk; before it, `frames` is -1.
void qwen3tts_summarize(const qwen3tts_speech *speech, qwen3tts_summary *summary);

/// What was asked for and not done, a sentence a line, after the last chunk; there until the speech is released.
const char *qwen3tts_notices(const qwen3tts_speech *speech);

/// Ends a speech. A thread that waits for its next chunk gets the end.
void qwen3tts_cancel(qwen3tts_speech *speech);

/// Ends a speech and releases it; no other thread may be using it.
void qwen3tts_free(qwen3tts_speech *speech);

#ifdef __cplusplus
}
#endif
